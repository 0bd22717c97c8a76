"""Streams end with the right that they were opened by: each way a right ends, on each kind of stream.

The table below is made from ways and channels. Each of its cells opens a stream and lets one thing happen, and the
account trades at once. If the stream ends, its next and last message is about that: it gets no later event.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockstep.core.schema.enums import CommandType, KeyKind, KeyScope, KillScope
from lockstep.core.schema.records import Confirmed, ExtKeyMaterialEvent, KeyDefined, KeyRevoked, Role
from lockstep.core.venue.venue_key import VenueKey
from lockstep.procs.api.binance.dialect import Dialect
from lockstep.procs.api.binance.errors import ApiError
from lockstep.procs.api.binance.listen_keys import ListenKeys
from lockstep.procs.api.binance.ws_api import WsApi
from lockstep.procs.api.login.sessions import SessionEndedError
from lockstep.procs.api.login.signing_keys import SigningKeys
from lockstep.procs.api.v1.caller import Caller
from lockstep.procs.api.v1.problems import ProblemError
from tests.api.test_stream_connections import Api, Client, run
from tests.batcher.conftest import data, empty_database, server  # noqa: F401

ACCOUNT, OPERATOR = 1, 3
KEY, OTHER_KEY = b"one", b"other"
PRIVATE = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"TRADER1").digest())
PATIENCE_S = 20
SOON_S = 5  # within a second, and a busy machine's delays
QUIET_S = 0.01


class EndedError(Exception):
    """A stream's last message, or its close."""


class WsStream:
    """A WebSocket of the dialect, served in this process."""

    def __init__(self) -> None:
        self.to_venue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.task: asyncio.Task[None] | None = None
        self.is_accepted = asyncio.Event()
        self.told = asyncio.Event()  # since the last request

    async def sent(self, message: dict[str, Any]) -> None:
        self.is_accepted.set()
        if message["type"] == "websocket.send":
            self.got.put_nowait(json.loads(message["text"]))
            self.told.set()

    def send(self, method: str, **params: object) -> None:
        self.told.clear()
        text = json.dumps({"id": 1, "method": method, "params": params})
        self.to_venue.put_nowait({"type": "websocket.receive", "text": text})

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        self.send(method, **params)
        async with asyncio.timeout(PATIENCE_S):
            while "status" not in (answer := await self.got.get()):
                pass
        return answer

    async def leave(self) -> None:
        self.to_venue.put_nowait({"type": "websocket.disconnect"})
        if self.task is not None:
            await self.task


def trades(api: Api) -> None:
    """The account has a new order."""
    while api.stream.order().account != ACCOUNT:
        pass
    api.read()


class Venue:
    """An api with a key of the account, whose streams are opened by it and by the person."""

    def __init__(self, api: Api) -> None:
        self.api = api
        services = api.services
        dialect = Dialect(
            services.shown, services.past, services.limits, lambda: api.stream.now_ns,
            SigningKeys(lambda: None),
        )  # fmt: skip
        listen_keys = ListenKeys(api.desk, lambda: VenueKey(bytes(range(32))))
        dialect.add(listen_keys)
        self.ws_api = WsApi(dialect, api.desk, listen_keys)
        self.listen_keys = listen_keys
        self.opened: list[WsStream] = []
        for number, name in enumerate((KEY, OTHER_KEY), 1):
            self.define_key(number, name, 0)
        self.expiring = 0

    def define_key(self, number: int, name: bytes, expiry_ns: int) -> None:
        stream, public = self.api.stream, PRIVATE.public_key().public_bytes_raw()
        stream.command()
        stream.emit(0, ExtKeyMaterialEvent, material=public, size=len(public))
        stream.emit(
            0, KeyDefined, name=name, key=number, account=ACCOUNT, kind=KeyKind.ED25519, expiry_ns=expiry_ns,
            scopes=KeyScope.READ | KeyScope.TRADE, networks=0, asked_by=ACCOUNT, session=0,
        )  # fmt: skip
        self.api.read()

    def signed(self, **params: object) -> dict[str, object]:
        named = {**params, "apiKey": KEY.decode(), "timestamp": self.api.stream.now_ns // 1_000_000}
        text = "&".join(f"{name}={named[name]}" for name in sorted(named))
        return {**named, "signature": base64.b64encode(PRIVATE.sign(text.encode())).decode()}

    async def open(self) -> WsStream:
        made = WsStream()
        made.task = asyncio.create_task(self.ws_api.serve(made.to_venue.get, made.sent, "127.0.0.1"))
        self.opened.append(made)
        return made


# Channels: each opens a stream, and gives what waits for its next event of the account. Ended where it has ended.

Next = Callable[[], Awaitable[object]]


async def by_session(venue: Venue) -> tuple[Next, WsStream]:
    stream = await venue.open()
    assert (await stream.ask("session.logon", **venue.signed()))["status"] == 200
    assert (await stream.ask("userDataStream.subscribe"))["status"] == 200
    return _event_of(stream), stream


async def by_signature(venue: Venue) -> tuple[Next, WsStream]:
    stream = await venue.open()
    assert (await stream.ask("userDataStream.subscribe.signature", **venue.signed()))["status"] == 200
    return _event_of(stream), stream


def _event_of(stream: WsStream) -> Next:
    async def next_event() -> object:
        while "event" not in (message := await stream.got.get()):  # an answer
            pass
        event = message["event"]
        if event["e"] == "eventStreamTerminated":
            raise EndedError(event["e"])
        return event

    return next_event


async def by_listen_key(venue: Venue) -> tuple[Next, WsStream]:
    opening = await venue.open()
    listen_key = (await opening.ask("userDataStream.start", apiKey=KEY.decode()))["result"]["listenKey"]
    stream = WsStream()
    venue.opened.append(stream)
    serve = venue.ws_api.serve_stream(stream.to_venue.get, stream.sent, listen_key.encode(), combined=False)
    stream.task = asyncio.create_task(serve)
    await stream.is_accepted.wait()

    async def next_event() -> object:
        event = await stream.got.get()
        if event["e"] == "listenKeyExpired":
            raise EndedError(event["e"])
        return event

    return next_event, stream


async def by_person(venue: Venue) -> tuple[Next, Client]:
    client, session = await venue.api.logged_in(ACCOUNT, "orders")
    venue.session = session.id  # type: ignore[attr-defined]

    async def next_event() -> object:
        while (message := await client.got.get())["channel"] not in ("orders", "session"):
            pass
        if message["channel"] == "session":
            raise EndedError(message["code"])
        return message

    return next_event, client


async def by_page(venue: Venue) -> tuple[Next, None]:
    """A page asks, each time with its token."""
    session, _ = await venue.api.session(ACCOUNT)
    venue.session = session.id  # type: ignore[attr-defined]

    async def next_event() -> object:
        try:
            return await venue.api.sessions.living(session.id)
        except SessionEndedError:
            raise EndedError("SESSION_ENDED") from None

    return next_event, None


CHANNELS = {
    "WS API, by session": by_session, "WS API, by signature": by_signature, "listenKey": by_listen_key,
    "/v1/stream": by_person, "page": by_page,
}  # fmt: skip
OF_KEY = frozenset(("WS API, by session", "WS API, by signature", "listenKey"))
OF_PERSON = frozenset(("/v1/stream", "page"))
ALL = OF_KEY | OF_PERSON


# Ways: what happens.


async def revoke(venue: Venue, _: Any) -> None:
    _revoke(venue, KEY, 1)


async def revoke_another(venue: Venue, _: Any) -> None:
    _revoke(venue, OTHER_KEY, 2)


def _revoke(venue: Venue, name: bytes, number: int) -> None:
    venue.api.stream.command()
    venue.api.stream.emit(0, KeyRevoked, name=name, key=number, account=ACCOUNT, asked_by=ACCOUNT, session=0)
    venue.api.read()


async def expire(venue: Venue, _: Any) -> None:
    """There is no event of it: the key's time has come."""
    venue.api.stream.now_ns += 2 * 10**9


async def log_out(venue: Venue, stream: Any) -> None:
    """It has happened when it is answered, or when the stream announces it."""
    if isinstance(stream, WsStream) and stream.task is not None and stream in venue.opened[:1]:
        stream.send("session.logout")
        await until(lambda: bool(tickets(venue.api)) or stream.told.is_set())


async def change_password(venue: Venue, _: Any) -> None:
    venue.api.define(ACCOUNT, Role.TRADER, b"salt %d" % venue.api.stream.seq)


async def change_role(venue: Venue, _: Any) -> None:
    is_auditor = venue.api.desk.people.role_of(ACCOUNT) == Role.AUDITOR
    venue.api.define(ACCOUNT, Role.TRADER if is_auditor else Role.AUDITOR)


async def lock(venue: Venue, _: Any) -> None:
    _switch(venue, OPERATOR, ACCOUNT)


async def lock_oneself(venue: Venue, _: Any) -> None:
    _switch(venue, ACCOUNT, ACCOUNT)


async def lock_another(venue: Venue, _: Any) -> None:
    _switch(venue, OPERATOR, 2)


def _switch(venue: Venue, asked_by: int, target: int) -> None:
    venue.api.stream.command()
    venue.api.stream.emit(
        0, Confirmed, account=asked_by, session=asked_by, target=target, command=CommandType.KILL_SWITCH,
        side=KillScope.ACCOUNT, is_on=1, cl_ord_id=b"k",
    )  # fmt: skip
    venue.api.read()


async def change_anothers_password(venue: Venue, _: Any) -> None:
    venue.api.define(2, Role.TRADER, b"another salt")


async def end_sessions(venue: Venue, _: Any) -> None:
    await venue.api.sessions.end_all(ACCOUNT, "test")


async def end_session(venue: Venue, _: Any) -> None:
    if hasattr(venue, "session"):
        await venue.api.sessions.end(venue.session, "logged out")


WAYS: dict[str, tuple[Callable[[Venue, Any], Awaitable[None]], frozenset[str]]] = {
    "its API key is revoked": (revoke, OF_KEY),
    "another API key is revoked": (revoke_another, frozenset()),
    "its API key expires": (expire, OF_KEY),
    "session.logout": (log_out, frozenset(("WS API, by session",))),
    "another password": (change_password, ALL),
    "another role": (change_role, ALL),
    "a lock by an operator": (lock, ALL),
    "its owner's kill switch": (lock_oneself, frozenset()),
    "a lock of another account": (lock_another, frozenset()),
    "another account's password": (change_anothers_password, frozenset()),
    "a log-out": (end_session, OF_PERSON),
    "the end of all sessions": (end_sessions, OF_PERSON),
}


async def quiet(stream: Any) -> None:
    """All earlier messages are taken: the next one is a later one."""
    if stream is None:
        return
    while True:
        await asyncio.sleep(QUIET_S)
        if stream.got.empty():
            return
        while not stream.got.empty():
            stream.got.get_nowait()


async def ends_untold(api: Api, next_event: Next, stream: Any) -> None:
    """The stream's next message is its end, though the account trades before anything else has run, and again later."""
    trades(api)
    async with asyncio.timeout(SOON_S):
        with pytest.raises(EndedError):
            pytest.fail(f"told without a right: {await next_event()}")
    trades(api)
    await asyncio.sleep(QUIET_S)
    if stream is not None:
        rest = [stream.got.get_nowait() for _ in range(stream.got.qsize())]
        assert [each for each in rest if "status" not in each and each.get("channel") != "heartbeat"] == []


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_ends_with_its_right(empty_database: str, way: str) -> None:  # noqa: F811
    happens, ends = WAYS[way]

    async def what(api: Api) -> None:
        for channel, opens in CHANNELS.items():
            venue = Venue(api)
            if happens is expire:
                venue.define_key(1, KEY, api.stream.now_ns + 10**9)
            stream: Any
            next_event, stream = await opens(venue)
            trades(api)
            async with asyncio.timeout(PATIENCE_S):
                await next_event()
            await quiet(stream)
            await happens(venue, stream)
            if channel in ends:
                await ends_untold(api, next_event, stream)
            else:
                trades(api)
                async with asyncio.timeout(PATIENCE_S):
                    await next_event()
            for each in venue.opened:
                await each.leave()
            assert not vars(venue.ws_api.rights)["_open"], "nothing is left of a stream that has ended"

    run(empty_database, what)


def test_a_connection_is_nobodys_when_its_keys_right_has_ended(empty_database: str) -> None:  # noqa: F811
    async def what(api: Api) -> None:
        for happens in (revoke, change_password, lock):
            venue = Venue(api)
            _, stream = await by_session(venue)
            timestamp = {"timestamp": api.stream.now_ns // 1_000_000}
            assert (await stream.ask("account.rateLimits.orders", **timestamp))["status"] == 200
            await happens(venue, stream)
            answer = await stream.ask("account.rateLimits.orders", **timestamp)
            assert answer["error"]["code"] == -2015
            assert (await stream.ask("userDataStream.subscribe"))["error"]["code"] == -2015
            assert (await stream.ask("session.status"))["result"]["apiKey"] is None
            for each in venue.opened:
                await each.leave()

    run(empty_database, what)


def test_a_listen_key_of_before_opens_nothing(empty_database: str) -> None:  # noqa: F811
    """The API key is as good as ever, and has another listen key."""

    async def what(api: Api) -> None:
        venue = Venue(api)
        opening = await venue.open()
        before = (await opening.ask("userDataStream.start", apiKey=KEY.decode()))["result"]["listenKey"].encode()
        assert venue.listen_keys.find(before, api.stream.now_ns) is not None
        await change_password(venue, None)
        assert venue.listen_keys.find(before, api.stream.now_ns) is None
        after = (await opening.ask("userDataStream.start", apiKey=KEY.decode()))["result"]["listenKey"].encode()
        assert after != before
        assert venue.listen_keys.find(after, api.stream.now_ns) is not None
        await opening.leave()

    run(empty_database, what)


def tickets(api: Api) -> set[int]:
    """Those of the records that were sent since the last call: the router reads them from the ring."""
    api.desk.poll(api.stream.now_ns)
    return {int.from_bytes(record[8:16], "little") for record in api.router.take(16)}


ORDER: dict[str, object] = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "20000", "quantity": "1",
}  # fmt: skip


def test_a_command_names_the_rights_that_it_is_sent_by(empty_database: str) -> None:  # noqa: F811
    """LOG-30: the router judges by them what was under way when they ended."""

    async def what(api: Api) -> None:
        api.open()
        venue = Venue(api)
        await change_password(venue, None)
        rights = api.desk.accounts.rights_of(ACCOUNT)
        assert rights
        stream = await venue.open()
        stream.send("order.place", **venue.signed(**ORDER))
        await until(lambda: tickets(api) == {0})
        assert (await stream.ask("session.logon", **venue.signed()))["status"] == 200
        now = {"timestamp": api.stream.now_ns // 1_000_000}
        cancel = {"symbol": "BTCUSDT", "origClientOrderId": "x"}
        for method, params in (
            ("order.place", ORDER), ("order.cancel", cancel),
            ("order.cancelReplace", {
                **ORDER, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "x"
            }),
        ):  # fmt: skip
            stream.send(method, **params, **now)
            await until(lambda: tickets(api) == {rights + 1})
        session, _ = await api.session(ACCOUNT)
        caller = Caller(api.services, session, "")
        await change_password(venue, None)
        assert caller.ticket == rights + 1, "the router refuses it"
        again, _ = await api.session(ACCOUNT)
        caller = Caller(api.services, again, "")
        assert caller.ticket == api.desk.accounts.rights_of(ACCOUNT) + 1 > rights + 1
        await api.sessions.end(again.id, "logged out")
        with pytest.raises(ProblemError, match="This session has ended"):
            _ = caller.ticket
        await stream.leave()

    run(empty_database, what)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0)


def test_what_a_connection_had_under_way_ends_with_its_logout(empty_database: str) -> None:  # noqa: F811
    """The second half of a cancelReplace is not sent; what was sent is judged before logout is answered."""

    async def what(api: Api) -> None:
        api.open()
        venue = Venue(api)
        stream = await venue.open()
        assert (await stream.ask("session.logon", **venue.signed()))["status"] == 200
        connection_call = vars(venue)["ws_api"].dialect.handlers["cancel_replace"]
        calls: list[Any] = []

        async def recorded(call: Any) -> bytes:
            calls.append(call)
            answer: bytes = await connection_call(call)
            return answer

        venue.ws_api.dialect.handlers["cancel_replace"] = recorded
        sent = {**ORDER, "cancelReplaceMode": "ALLOW_FAILURE", "cancelOrigClientOrderId": "x"}
        stream.send("order.cancelReplace", **sent, timestamp=api.stream.now_ns // 1_000_000)
        await until(lambda: bool(calls))
        stream.send("session.logout")
        await until(lambda: calls[0].right.is_over)
        for _ in range(20):
            await asyncio.sleep(0)
        assert stream.got.empty(), "the router has not taken the cancel yet"
        assert tickets(api) == {1}
        with pytest.raises(ApiError, match="Invalid API-key"):
            calls[0].ticket()
        api.desk.poll(api.stream.now_ns)
        assert (await stream.got.get())["result"]["apiKey"] is None
        await stream.leave()

    run(empty_database, what)


LOG_ON = ("session.logon", "userDataStream.subscribe.signature")


@pytest.mark.parametrize("again", LOG_ON)
@pytest.mark.parametrize("first", [*LOG_ON, "account.rateLimits.orders"])
def test_a_recorded_request_logs_no_other_connection_on(empty_database: str, first: str, again: str) -> None:  # noqa: F811
    """The method is not signed: a question with the same parameters would do for a logon."""

    async def what(api: Api) -> None:
        venue = Venue(api)
        owner, thief = await venue.open(), await venue.open()
        recorded = venue.signed()
        assert (await owner.ask(first, **recorded))["status"] == 200
        assert (await thief.ask(again, **recorded))["error"]["code"] == -1021
        assert (await thief.ask("session.status"))["result"]["apiKey"] is None
        assert (await thief.ask("account.rateLimits.orders", **recorded))["status"] == 200, "questions may come again"
        api.stream.now_ns += 1_000_000
        assert (await owner.ask(again, **venue.signed()))["status"] == (400 if first == again == LOG_ON[1] else 200)

    run(empty_database, what)


def test_one_connection_may_use_a_signed_text_for_several_methods(empty_database: str) -> None:  # noqa: F811
    """A client that signs two requests within a millisecond signs the same text."""

    async def what(api: Api) -> None:
        venue = Venue(api)
        stream, signed = await venue.open(), venue.signed()
        for method in ("account.rateLimits.orders", *LOG_ON):
            assert (await stream.ask(method, **signed))["status"] == 200

    run(empty_database, what)


# In milliseconds; what the clock has beyond a whole one makes a request older by less than one.
AGES = {"now": 0, "at the edge": 4999, "old": 5001, "a minute old": 59_999, "too early": -1001, "a little early": -999}


@pytest.mark.parametrize("age", AGES)
def test_a_request_of_a_logged_on_connection_has_a_window(empty_database: str, age: str) -> None:  # noqa: F811
    """A connection that held a request back for a minute does not place an order; recvWindow may be wider."""

    async def what(api: Api) -> None:
        venue = Venue(api)
        stream = await venue.open()
        assert (await stream.ask("session.logon", **venue.signed()))["status"] == 200
        timestamp = api.stream.now_ns // 1_000_000 - AGES[age]
        order = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "price": "1",
            "quantity": "1",
        }
        is_late = age in ("old", "a minute old", "too early")
        for method, params in (
            ("order.place", order), ("order.test", order), ("order.cancel", {"symbol": "BTCUSDT", "orderId": 1}),
            ("account.rateLimits.orders", {}), ("openOrders.cancelAll", {"symbol": "BTCUSDT"}),
        ):  # fmt: skip
            said = (await stream.ask(method, **params, timestamp=timestamp)).get("error", {}).get("code")
            assert (said == -1021) == is_late, method
            missing = (await stream.ask(method, **params))["error"]["code"]
            assert missing == -1102, method
        wide = await stream.ask("account.rateLimits.orders", timestamp=timestamp, recvWindow=60000)
        assert (wide["status"] == 200) == (age != "too early")
        narrow = await stream.ask("account.rateLimits.orders", timestamp=timestamp, recvWindow=60001)
        assert narrow["error"]["code"] in (-1131, -1021)
        await stream.leave()

    run(empty_database, what)
