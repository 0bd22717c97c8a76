"""A whole venue in one process behind the dialect: router, matchers, desk, REST, WebSocket API and publisher's answers.

Requests are signed and answered as over sockets; time moves with the rig. Nothing in it is a stand-in but the journal.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import structs

from lockstep.config.schema import ApiSection, MarketDataSection
from lockstep.core.edge.market_queries import MarketQueries
from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    API_SESSION,
    ApiKey,
    Asset,
    Command,
    Deposit,
    ExtKeyMaterial,
    Instrument,
    KeyKind,
    KeyScope,
)
from lockstep.core.venue.venue_key import VenueKey
from lockstep.procs.api.binance.account_terms import AccountTerms, Terms
from lockstep.procs.api.binance.dialect import Dialect
from lockstep.procs.api.binance.listen_keys import ListenKeys
from lockstep.procs.api.binance.market import Market
from lockstep.procs.api.binance.rest import Rest
from lockstep.procs.api.binance.ws_api import WsApi
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.history.tables import History
from lockstep.procs.api.limits import Limits
from lockstep.procs.api.login.signing_keys import SigningKeys
from lockstep.procs.api.read.market_archive import MarketArchive
from lockstep.procs.api.read.past import Past
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.publisher.__main__ import Publisher
from lockstep.procs.publisher.feed import Feed
from lockstep.procs.router.sequencer import Sequencer
from lockstep.shm.ring import Ring
from tests.event_feed import EventFeed
from tests.router.rig import ACCOUNTS, OPERATORS, Rig, account_records

SLOTS = 1 << 15
NOWHERE = "postgresql://127.0.0.1:1/none"
ASSETS = {1: b"BTC", 2: b"ETH", 3: b"USDT"}
SYMBOLS = {1: b"BTCUSDT", 2: b"ETHUSDT"}
FREE = 1_000_000 * 10**8
TURNS = 20_000
TERMS = ("max_open_orders", "fee_tier")
ALL_SCOPES = KeyScope.READ | KeyScope.TRADE | KeyScope.WITHDRAW


def listings(core: Sequencer) -> Iterator[list[bytes]]:
    """BTCUSDT and ETHUSDT, at matchers 1 and 2: ticks of 0.01, lots of 0.0001; four traders and two operators."""
    if core.assets:
        return
    for asset, name in ASSETS.items():
        yield [pack(Asset(name=name, asset=asset, scale=8))]
    for number, symbol in SYMBOLS.items():
        yield [pack(Instrument(
            symbol=symbol, instrument=number, base_asset=number, quote_asset=3, tick_mantissa=1, lot_mantissa=1,
            price_scale=2, quantity_scale=4, matcher=number, unit_value=100, lot_units=10_000,
            reference_price_ticks=10_000, collar_bps=5000, maker_fee_ppm=1000, taker_fee_ppm=2000,
        ))]  # fmt: skip
    for account in range(1, ACCOUNTS + 1):
        yield account_records(account)
        for asset in ASSETS:
            yield [pack(Deposit(account=account, asset=asset, amount=FREE, cl_ord_id=b"initial:%d" % asset))]
    for account in OPERATORS:
        yield account_records(account, role=1)


class Refused(Exception):  # noqa: N818 - it is an answer
    """An answer with a status of 400 or more."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.code = body["code"]
        self.text = body["msg"]


class Served:
    """The venue. `lead` it, and leave it, within a running loop: `serving` does."""

    def __init__(self, changes: Callable[[Sequencer], Iterator[list[bytes]]] = listings, **config: Any) -> None:
        self.rig = Rig(changes=changes, api=True, events=1 << 13, log=1 << 13).lead()
        self.feed = EventFeed(self.rig.events, "api", slots=SLOTS, board=self.rig.board)
        ring = Ring.private(1024, ["router"])
        self._sent = ring.consumer("router")
        self.desk = Desk(IngressWriter(ring.producer()), None, asyncio.Future, 100_000)
        self.desk.attach(self.feed.consumers, self.rig.board)
        self.desk.commands.is_open = True
        self.name = f"lockstep-test-{os.urandom(8).hex()}"
        self.queries = MarketQueries(self.name)
        key = VenueKey(bytes(32))
        limits = {"request_weight_per_minute": 0, "orders_per_10_s": 0, "orders_per_day": 0} | config
        self.past, shown = Past(History(NOWHERE)), Shown(self.desk)
        self.dialect = Dialect(
            shown, self.past, Limits(ApiSection(**limits)), lambda: self.rig.now, SigningKeys(lambda: key)
        )
        self.listen_keys = ListenKeys(self.desk, lambda: key)
        self.dialect.add(Market(MarketArchive(self.queries, shown, self.past)))
        self.dialect.add(self.listen_keys)
        self.dialect.add(AccountTerms(shown, self._terms_of))
        self.rest = Rest(self.dialect)
        self.ws_api = WsApi(self.dialect, self.desk, self.listen_keys)
        self._told = EventFeed(self.rig.events, "publisher", slots=SLOTS, board=self.rig.board)
        self.publisher = Publisher(
            Feed(self._told.consumers, self.rig.board), MarketDataSection(port=0), queries=self.name
        )
        self._keys: dict[int, Ed25519PrivateKey] = {}

    async def _terms_of(self, account: int) -> Terms:
        """What the router imposes."""
        core = self.rig.core
        positions = {name.decode(): core.position_limit(account, asset) for asset, name in ASSETS.items()}
        limits = {name: int(str(value)) for name, value in core.account_limits(account).items() if name in TERMS}
        return Terms(limits["max_open_orders"], positions, core.fee_tier(limits["fee_tier"]))

    def operate(self, *records: Command) -> int:
        """Have an operator's command carried out now, however long the venue has run; return its verdict."""
        return self.rig.ask(*(structs.replace(each, time_ns=self.rig.now) for each in records))

    def turn(self) -> None:
        """Let every stage do its work."""
        self.desk.poll(self.rig.now)
        assert self.rig.api is not None
        for record in self._sent.take():
            self.rig.api.put(record)
        self.rig.run()
        self.feed.publish()
        self._told.publish()
        while self.desk.poll(self.rig.now):
            pass
        self.publisher.poll(self.rig.now)

    async def until(self, done: Callable[[], bool]) -> None:
        """Go on until something is so."""
        for turns in range(TURNS):
            if done():
                return
            self.turn()
            if turns % 10 == 9:
                self.rig.tick()  # events that depend on time: balances, statistics
            await asyncio.sleep(0)
        raise AssertionError("nothing more happens")

    def key_of(self, account: int, scopes: int = ALL_SCOPES) -> Ed25519PrivateKey:
        """The account's key, defined when it is first asked for."""
        if account not in self._keys:
            made = self._keys[account] = Ed25519PrivateKey.from_private_bytes(bytes([account]) * 32)
            public = made.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            header: dict[str, Any] = {"account": account, "session": API_SESSION}
            code = self.rig.ask_by_api(
                ExtKeyMaterial(material=public, size=32, **header),
                ApiKey(name=b"key-%d" % account, target=account, kind=KeyKind.ED25519, scopes=scopes, **header),
            )
            assert code == 0, code
        return self._keys[account]

    @staticmethod
    def form(**sent: object) -> str:
        """The parameters as a form."""
        return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in sent.items())

    def query(self, account: int, **sent: object) -> str:
        """The parameters, signed."""
        key = self.key_of(account)
        text = self.form(**sent)
        text = f"{text}&" if text else ""
        text += f"timestamp={self.rig.now // 10**6}"
        return f"{text}&signature={quote(base64.b64encode(key.sign(text.encode())).decode(), safe='')}"

    async def raw(
        self, method: str, path: str, query: str = "", account: int | None = None
    ) -> tuple[int, bytes, dict[bytes, bytes]]:
        """Status, body and headers of an answer."""
        headers = {} if account is None else {b"x-mbx-apikey": b"key-%d" % account}
        work = self.rest.answer(self.rest.route(method, path), query.encode(), b"", headers, "10.0.0.1")
        task = asyncio.ensure_future(work)
        await self.until(task.done)
        answer = task.result()
        return answer.status, answer.body, dict(answer.headers)

    async def ask(self, account: int | None, method: str, path: str, **sent: object) -> Any:
        """What a request is answered. Without an account it is neither signed nor has it a key. Refused."""
        path = path if path.startswith("/") else f"/api/v3/{path}"
        query = self.form(**sent) if account is None else self.query(account, **sent)
        status, body, _ = await self.raw(method, path, query, account)
        if status >= 400:
            raise Refused(status, json.loads(body))
        return json.loads(body)

    async def order(self, account: int, side: str, price: str, quantity: str, **more: object) -> Any:
        """A limit order in BTCUSDT."""
        terms = {"symbol": "BTCUSDT", "side": side, "type": "LIMIT", "timeInForce": "GTC", "price": price}
        return await self.ask(account, "POST", "order", **(terms | {"quantity": quantity} | more))


class Socket:
    """A client of the WebSocket API: what it sends, and what comes."""

    def __init__(self, venue: Served, query: bytes = b"") -> None:
        self._begin(venue)
        self._task = asyncio.ensure_future(venue.ws_api.serve(self._in.get, self._send, "10.0.0.1", None, query))

    def _begin(self, venue: Served) -> None:
        self.venue = venue
        self.is_accepted = False
        self.got: list[Any] = []
        self.closed: tuple[int, str] | None = None
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._last = 0

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            self.got.append(json.loads(message["text"]))
        elif message["type"] == "websocket.accept":
            self.is_accepted = True
        elif message["type"] == "websocket.close":
            self.closed = message["code"], message.get("reason", "")

    def send(self, text: str) -> None:
        self._in.put_nowait({"type": "websocket.receive", "text": text})

    async def next(self, wanted: Callable[[Any], bool] = lambda _: True) -> Any:
        """The next message that is wanted; those before it are dropped."""
        found: list[Any] = []

        def came() -> bool:
            while self.got and not found:
                message = self.got.pop(0)
                if wanted(message):
                    found.append(message)
            return bool(found)

        await self.venue.until(came)
        return found[0]

    async def event(self, kind: str) -> Any:
        """The next event of a kind."""
        return (await self.next(lambda message: message.get("event", {}).get("e") == kind))["event"]

    async def ask(self, method: str, params: dict[str, Any] | None = None, account: int | None = None) -> Any:
        """The whole answer to a request, signed for an account."""
        self._last += 1
        sent = dict(params or {})
        if account is not None:
            key = self.venue.key_of(account)
            sent |= {"apiKey": f"key-{account}", "timestamp": self.venue.rig.now // 10**6}
            signed = "&".join(f"{name}={_text(sent[name])}" for name in sorted(sent))
            sent["signature"] = base64.b64encode(key.sign(signed.encode())).decode()
        number = self._last
        self.send(json.dumps({"id": number, "method": method, "params": sent}))
        return await self.next(lambda message: message.get("id") == number)

    async def leave(self) -> None:
        self._in.put_nowait({"type": "websocket.disconnect"})
        await self.venue.until(self._task.done)
        self._task.result()


class ListenSocket(Socket):
    """A client of an account's stream by listenKey."""

    def __init__(self, venue: Served, listen_key: bytes, *, combined: bool) -> None:
        self._begin(venue)
        serve = venue.ws_api.serve_stream(self._in.get, self._send, listen_key, combined)
        self._task = asyncio.ensure_future(serve)


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


@contextlib.asynccontextmanager
async def serving(**config: Any) -> AsyncIterator[Served]:
    """A venue that leads, until the block ends."""
    venue = Served(**config)
    await venue.publisher.start()
    try:
        await venue.until(lambda: bool(venue.publisher.port))
        yield venue
    finally:
        venue.queries.close()
        await venue.publisher.stop()
        await venue.past.close()
