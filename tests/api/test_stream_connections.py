"""Clients of `/v1/stream` as the api serves them, with sessions in a real PostgreSQL: who is told what, how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from lockstep import config
from lockstep.core.edge.market_queries import MarketQueries
from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.schema.records import AccountDefined, ExtCredentialEvent, Role
from lockstep.core.venue.venue_key import VenueKey
from lockstep.procs.api.answers import Answers
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.directories import Directories
from lockstep.procs.api.history.tables import History
from lockstep.procs.api.limits import Limits
from lockstep.procs.api.login.login import Login
from lockstep.procs.api.login.registry import Registry
from lockstep.procs.api.login.sessions import Session, Sessions, Standing
from lockstep.procs.api.read.market_archive import MarketArchive
from lockstep.procs.api.read.past import Past
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.api.v1.caller import Reading, Services
from lockstep.procs.api.v1.stream_connection import LOGIN_S, MOST_OF_ACCOUNT, MOST_REQUESTS, MOST_WAITING
from lockstep.procs.api.v1.streams import Streams
from lockstep.shm.board import Word
from lockstep.shm.ring import Ring
from tests.batcher.conftest import data, empty_database, server  # noqa: F401
from tests.batcher.events import Stream
from tests.batcher.feed import Feed

DEMO = config.load(Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml")
START_S = 1_800_000_000.0
KEPT = 400  # events: fewer than some test makes
PATIENCE_S = 20
NO_VENUE: Any = None  # whose settings nobody here looks at
ALL = ["orders", "balances", "withdrawals", "account"]


class Client:
    """One end of a connection: what it sent and was sent. With `reads` off, nothing more is sent to it."""

    def __init__(self, streams: Streams) -> None:
        self.to_venue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.closed: tuple[int, str] | None = None
        self.number = 0
        self.task = asyncio.create_task(streams.serve(self.to_venue.get, self._sent, "127.0.0.1"))

    async def _sent(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        if message["type"] == "websocket.close":
            self.closed = message["code"], message["reason"]
        elif message["type"] == "websocket.send":
            self.got.put_nowait(json.loads(message["text"]))

    def send(self, text: str) -> None:
        self.to_venue.put_nowait({"type": "websocket.receive", "text": text})

    async def next(self, channel: str | None) -> dict[str, Any]:
        """The next message of a channel; None: the next answer. Others are dropped."""
        async with asyncio.timeout(PATIENCE_S):
            while (message := await self.got.get()).get("channel") != channel:
                pass
        return message

    async def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        self.number += 1
        self.send(json.dumps({"id": self.number, "method": method, **parameters}))
        answer = await self.next(None)
        assert answer["id"] == self.number
        found: dict[str, Any] = answer.get("result") or answer["error"]
        return found

    async def is_over(self) -> tuple[int, str]:
        async with asyncio.timeout(PATIENCE_S):
            await self.task
        assert self.closed is not None
        return self.closed

    async def leave(self) -> None:
        self.to_venue.put_nowait({"type": "websocket.disconnect"})
        await self.task


class Api:
    """A desk that reads a stream of events, and its streams; `now_s` is every clock."""

    def __init__(self, url: str) -> None:
        self.now_s = START_S
        self.stream = Stream(seed=5).define().steps(60)
        self.feed = Feed(self.stream, 1 << 14)
        ring = Ring.private(16, ["router"])
        self.router = ring.consumer("router")
        self.desk = Desk(IngressWriter(ring.producer()), None, asyncio.Future, KEPT)
        self.desk.attach(self.feed.consumers, self.feed.board)
        self.clients: list[Client] = []
        past = Past(History(url))
        registry = Registry(self.desk, lambda: VenueKey(bytes(range(32))))
        self.sessions = Sessions(url, self.clock, self._standing)
        login = Login(self.desk, registry, self.sessions, self.clock, self.clock)
        market = MarketArchive(MarketQueries("lockstep-test-nobody"), Shown(self.desk), past)
        reading = Reading(market, past, past, Directories(NO_VENUE), Answers(Path()), Limits(DEMO.api))
        self.services = Services(self.desk, DEMO, reading, login)
        self.streams = Streams(self.services)
        self.read()

    def open(self) -> None:
        """The venue leads and takes commands."""
        self.feed.board.set(Word.EPOCH, 1)
        self.desk.commands.is_open = True

    def clock(self) -> float:
        return self.now_s

    def _standing(self, account: int) -> Standing | None:
        found = self.desk.accounts.numbered(account)
        return None if found is None else Standing(found.credential, found.rights)

    def read(self) -> None:
        """Everything that the stream has happens now."""
        assert self.feed.publish(self.stream.seq)
        self.feed.commit(self.stream.seq)
        while self.desk.poll(self.stream.now_ns):
            pass

    def happens(self, steps: int) -> None:
        self.stream.steps(steps)
        self.read()

    def define(self, account: int, role: Role, salt: bytes = bytes(range(16))) -> None:
        self.stream.command()
        cost = {"memory_kib": 65536, "time_cost": 3, "parallelism": 4}
        self.stream.emit(0, ExtCredentialEvent, salt=salt, hash=bytes(range(32)), **cost)
        self.stream.emit(0, AccountDefined, account=account, name=f"TRADER{account}".encode(), role=role)
        self.read()

    async def session(self, account: int) -> tuple[Session, str]:
        """A new one, and an access token of it."""
        session, _ = await self.sessions.begin(account, self.desk.accounts.rights_of(account), "", "", proved=False)
        return session, self.services.tokens.make(session.id, account, int(self.now_s))

    def waiting(self) -> list[int]:
        """How many messages wait for each connection."""
        return [len(vars(connection)["_outbox"]) for connection in vars(self.streams)["_connections"]]

    def connect(self) -> Client:
        client = Client(self.streams)
        self.clients.append(client)
        return client

    async def logged_in(self, account: int, *channels: str) -> tuple[Client, Session]:
        """A client with channels, whose images have come."""
        session, token = await self.session(account)
        client = self.connect()
        assert "account" in await client.ask("login", token=token)
        if channels:
            assert (await client.ask("subscribe", channels=channels))["channels"] == list(channels)
            for channel in channels:
                while not (await client.next(channel))["is_last"]:
                    pass
        return client, session


def run(url: str, what: Callable[[Api], Awaitable[None]]) -> None:
    async def ran() -> None:
        api = Api(url)
        try:
            await what(api)
            for client in api.clients:
                await client.leave()
            assert api.desk.recent.wake is None
        finally:
            await api.sessions.close()
            await api.services.past.close()
            api.services.passwords.close()
            api.services.login.close()

    asyncio.run(ran())


def test_images_and_events_make_what_the_tables_have(empty_database: str) -> None:  # noqa: F811
    async def what(api: Api) -> None:
        session, token = await api.session(1)
        client = api.connect()
        await client.ask("login", token=token)
        await client.ask("subscribe", channels=["orders", "balances"])
        orders = {order["order_id"]: order for order in (await client.next("orders"))["image"]}
        begun = dict(orders)
        balances = {each["asset"]: each for each in (await client.next("balances"))["image"]}
        api.happens(60)
        end = api.desk.recent.told
        while True:
            async with asyncio.timeout(PATIENCE_S):
                message = await client.got.get()
            if message["channel"] == "heartbeat" and message["seq"] >= end:
                break
            if "order" in message:
                orders[message["order"]["order_id"]] = message["order"]
            elif "balance" in message:
                balances[message["balance"]["asset"]] = message["balance"]
        shown = api.services.shown
        still = {view.order_id for view in shown.open_orders(1)}
        assert {id for id, order in orders.items() if order["status"] in ("new", "partially_filled")} == still
        assert len(orders) > len(begun)
        for view in shown.balances(1):
            assert balances[view.asset.decode()]["free"].replace(".", "").lstrip("0") == str(view.free).lstrip("0")
        assert session.account == 1

    run(empty_database, what)


def test_who_is_not_logged_in_is_told_nothing_and_goes(empty_database: str) -> None:  # noqa: F811
    async def what(api: Api) -> None:
        client = api.connect()
        assert (await client.ask("ping"))["time"] == START_S * 1000
        assert (await client.ask("subscribe", channels=["orders"]))["code"] == "NOT_AUTHENTICATED"
        assert (await client.ask("login", token="x"))["code"] == "SESSION_ENDED"
        idle, _ = await api.logged_in(2)
        other, _ = await api.logged_in(1, "orders")
        assert (await other.next("heartbeat"))["seq"] == api.desk.recent.told
        assert client.got.empty()
        assert idle.got.empty()  # of no channel: there is nothing yet that it could go on behind
        api.now_s += LOGIN_S + 1
        assert (await client.is_over())[0] == 4001

    run(empty_database, what)


def test_a_session_that_ends_is_told_nothing_more_until_it_logs_in_again(empty_database: str) -> None:  # noqa: F811
    """Ended, or its token expired, or with another password. What happened meanwhile comes then."""

    async def what(api: Api) -> None:
        async def end(session: Session) -> str:
            await api.sessions.end(session.id, "test")
            return "SESSION_ENDED"

        async def expire(_: Session) -> str:
            api.now_s += 600
            return "TOKEN_EXPIRED"

        async def change_password(_: Session) -> str:
            api.define(1, Role.TRADER, b"another salt")
            return "SESSION_ENDED"

        for ends in (end, expire, change_password):
            client, session = await api.logged_in(1, "orders")
            beat = await client.next("heartbeat")
            assert beat["behind_ms"] >= 0
            code = await ends(session)
            assert (await client.next("session"))["code"] == code
            api.happens(20)
            other, _ = await api.logged_in(2, "orders")
            await other.next("heartbeat")  # a later connection than `client`: all have had their turn
            assert client.got.empty()
            _, token = await api.session(2)
            assert (await client.ask("login", token=token))["code"] == "NOT_ALLOWED"
            _, token = await api.session(1)
            await client.ask("login", token=token)
            assert (await client.next("orders"))["position"] > beat["position"]
        await api.sessions.end_all(1, "test")
        api.now_s += LOGIN_S + 1
        ended = api.clients[:6:2]
        for client in ended:
            await client.next("session")
        api.now_s += LOGIN_S + 1
        for client in ended:
            assert (await client.is_over())[0] == 4001

    run(empty_database, what)


def test_operations_are_for_those_whose_role_allows_it_as_long_as_it_does(empty_database: str) -> None:  # noqa: F811
    async def what(api: Api) -> None:
        client, _ = await api.logged_in(2)
        assert (await client.ask("subscribe", channels=["operations"]))["code"] == "NOT_ALLOWED"
        api.define(2, Role.AUDITOR)
        assert (await client.next("session"))["code"] == "SESSION_ENDED"
        _, token = await api.session(2)
        await client.ask("login", token=token)
        assert (await client.ask("subscribe", channels=["operations", "account"]))["channels"] == [
            "account",
            "operations",
        ]
        assert (await client.next("operations"))["image"] == []
        api.define(3, Role.OPERATOR)
        told = await client.next("operations")
        assert (told["event"], told["account"], told["role"]) == ("account", "TRADER3", "operator")
        assert (await api.sessions.audited(2, None, 1))[0].action == "looked at operations"
        api.define(2, Role.TRADER)
        assert (await client.next("session"))["code"] == "SESSION_ENDED"
        api.define(3, Role.TRADER)
        _, token = await api.session(2)
        assert (await client.ask("login", token=token))["role"] == "trader"
        assert (await client.next("account"))["role"] == "trader"
        api.define(3, Role.OPERATOR)
        assert (await client.next("heartbeat"))["seq"] == api.desk.recent.told
        assert client.got.empty(), "it no longer gets operations"
        api.define(2, Role.AUDITOR)
        assert (await client.next("session"))["code"] == "SESSION_ENDED"
        _, token = await api.session(2)
        await client.ask("login", token=token)
        assert (await client.next("account"))["role"] == "auditor"
        assert (await client.ask("subscribe", channels=["operations"]))["channels"] == ["account", "operations"]
        assert (await client.next("operations"))["image"] == []

    run(empty_database, what)


def test_who_reads_slowly_has_few_messages_waiting_and_gets_all_or_is_ended(empty_database: str) -> None:  # noqa: F811
    async def what(api: Api) -> None:
        slow, _ = await api.logged_in(1, "orders")
        quick, _ = await api.logged_in(1, "orders")
        slow.reads.clear()
        api.happens(100)
        first = [await quick.next("orders") for _ in range(MOST_WAITING + 10)]
        await quick.next("heartbeat")
        assert max(api.waiting()) == MOST_WAITING
        slow.reads.set()
        assert [await slow.next("orders") for _ in range(MOST_WAITING + 10)] == first
        slow.reads.clear()
        api.happens(2000)  # more than memory has
        await api.logged_in(1, "orders")
        slow.reads.set()
        assert (await slow.is_over())[0] == 4002

    run(empty_database, what)


def test_a_position_goes_on_where_memory_has_what_follows(empty_database: str) -> None:  # noqa: F811
    async def what(api: Api) -> None:
        client, _ = await api.logged_in(1, "orders")
        api.happens(30)
        told = [await client.next("orders") for _ in range(5)]
        again, _ = await api.logged_in(1)
        resume = {"channels": ["orders"], "resume": told[1]["position"]}
        assert await again.ask("subscribe", **resume) == {"channels": ["orders"]}
        assert [await again.next("orders") for _ in range(3)] == told[2:]
        assert (await again.ask("subscribe", **resume))["code"] == "INVALID"
        other, _ = await api.logged_in(1)
        for wrong, code in (("x", "INVALID"), ("f" * 32, "AHEAD"), (1, "INVALID"), ("0" * 32, "TOO_OLD")):
            if code == "TOO_OLD":
                api.happens(1000)
            said = await other.ask("subscribe", channels=["orders"], resume=wrong)
            assert said["code"] == code
        assert await other.ask("subscribe", channels=["orders"], resume=said["oldest"]) == {"channels": ["orders"]}
        assert (await other.next("orders"))["position"] > said["oldest"]

    run(empty_database, what)


NO_REQUESTS = [
    ("", "BAD_REQUEST"),
    ("{", "BAD_REQUEST"),
    ("[" * 5000, "INVALID"),
    ('{"id":' * 2000 + "1" + "}" * 2000, "BAD_REQUEST"),
    ("x" * 20_000, "BAD_REQUEST"),
    ("[]", "INVALID"),
    ('{"method":"x"}', "INVALID"),
    ('{"method":"ping","id":1.5}', "INVALID"),
    ('{"method":"ping","more":1}', "INVALID"),
    ('{"method":"subscribe","channels":[]}', "INVALID"),
    ('{"method":"subscribe","channels":' + json.dumps(["a"] * 65) + "}", "INVALID"),
    ('{"method":"login"}', "INVALID"),
    ('{"method":"login","token":"\\ud800"}', "BAD_REQUEST"),
]


def test_what_is_no_request_is_one_clear_answer(empty_database: str) -> None:  # noqa: F811
    async def what(api: Api) -> None:
        client = api.connect()
        for sent, code in NO_REQUESTS:
            client.send(sent)
            assert (await client.next(None))["error"]["code"] == code, sent[:80]
        assert "time" in await client.ask("ping")

    run(empty_database, what)


def test_bounds_hold(empty_database: str) -> None:  # noqa: F811
    """Unknown channels are named, the others taken; an account's connections and one's requests are counted."""

    async def what(api: Api) -> None:
        client, session = await api.logged_in(1)
        said = await client.ask("subscribe", channels=["orders", "x", "trades:BTCUSDT", "orders"])
        assert said == {"channels": ["orders"], "unknown": ["x", "trades:BTCUSDT"]}
        assert await client.ask("unsubscribe", channels=["orders", "y"]) == {"channels": []}
        for _ in range(MOST_OF_ACCOUNT - 1):
            await api.logged_in(1)
        token = api.services.tokens.make(session.id, 1, int(api.now_s))
        assert (await api.connect().ask("login", token=token))["code"] == "TOO_MANY_CONNECTIONS"
        await client.leave()
        assert "account" in await api.clients[-1].ask("login", token=token)
        for _ in range(MOST_REQUESTS + 1):
            api.clients[-1].send('{"method":"ping"}')
        assert (await api.clients[-1].is_over())[0] == 1008
        api.clients.remove(client)

    run(empty_database, what)
