"""What is no proper request of HTTP is refused before anybody looks at it, over real sockets, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvloop

from lockstep.config.schema import ApiSection
from lockstep.core.edge.listening import RETRY_NS
from lockstep.core.edge.market_queries import MarketQueries
from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.procs.api import connection
from lockstep.procs.api.app import Application
from lockstep.procs.api.asgi import Answer, Asgi
from lockstep.procs.api.binance.dialect import Dialect
from lockstep.procs.api.binance.listen_keys import ListenKeys
from lockstep.procs.api.binance.rest import Rest
from lockstep.procs.api.binance.ws_api import WsApi
from lockstep.procs.api.connection import Orders
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.history.tables import History
from lockstep.procs.api.limits import Limits
from lockstep.procs.api.login.signing_keys import SigningKeys
from lockstep.procs.api.page import Page
from lockstep.procs.api.plain_request import PlainRequest
from lockstep.procs.api.read.past import Past
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.api.server import Server
from lockstep.procs.api.upgrade import Upgrade
from lockstep.shm.ring import Ring
from tests.batcher.events import Stream
from tests.batcher.feed import Feed

PING = b"GET /api/v3/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /api/v3/userDataStream HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
UPGRADE = (
    b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip
PATIENCE_S = 20
NO_PAGE = Path("/nonexistent")


class Client:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[int, Any]:
        """Status and body of the next answer."""
        async with asyncio.timeout(PATIENCE_S):
            self.head = head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
            length = re.search(rb"content-length: ([0-9]+)", head)
            assert length is not None
            body = await self.reader.readexactly(int(length[1]))
        return int(head.split()[1]), json.loads(body)

    async def is_over(self) -> bool:
        """Whether the server has ended it, with nothing more to say."""
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionResetError):
                return await self.reader.read(1) == b""
            return True


class Api:
    """The server, to which each call opens a connection."""

    def __init__(self, server: Server, dialect: Dialect, desk: Desk) -> None:
        self.server = server
        self.dialect = dialect
        self.desk = desk

    async def __call__(self, unread_bytes: int = 0) -> Client:
        """A connection whose kernel takes few bytes that nobody reads, or as many as usual."""
        connected = socket.socket()
        if unread_bytes:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, unread_bytes)
        connected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connected, ("127.0.0.1", self.server.port))
        return Client(*await asyncio.open_connection(sock=connected, limit=1 << 20))

    async def until(self, connections: int) -> None:
        """Wait until so many connections have their place."""
        async with asyncio.timeout(PATIENCE_S):
            while self.desk.connections != connections:
                await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def serving(
    answered: list[str] | None = None,
    orders: Orders | None = None,
    page: Path = NO_PAGE,
    own: Callable[[], Asgi] | None = None,
    **config: Any,
) -> AsyncIterator[Api]:
    """An api that knows a venue's accounts and symbols; `answered` gets the path of each request that is looked at.

    `orders` takes the orders in its place, `own` makes what answers /v1.
    """
    api, stream = built(ApiSection(port=0, **config), answered, orders, page, own)
    server = api.server

    async def pump() -> None:
        while True:
            server.poll(stream.now_ns)
            await asyncio.sleep(0.001)

    pumping = asyncio.create_task(pump())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not server.port:
                await asyncio.sleep(0.001)
        yield api
        assert not pumping.done()
    finally:
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)
        await server.stop()


def built(
    settings: ApiSection,
    answered: list[str] | None = None,
    orders: Orders | None = None,
    page: Path = NO_PAGE,
    own: Callable[[], Asgi] | None = None,
    refused: Callable[[str], None] = lambda _: None,
) -> tuple[Api, Stream]:
    """An api that is about to listen."""
    stream = Stream().define()
    feed = Feed(stream, 1 << 10)
    desk = Desk(IngressWriter(Ring.private(16, ["router"]).producer()), None, asyncio.Future, 1 << 10)
    feed.publish(stream.seq)
    feed.commit(stream.seq)
    past = Past(History("postgresql://"))
    dialect = Dialect(Shown(desk), past, Limits(settings), lambda: stream.now_ns, SigningKeys(lambda: None))
    keys, queries = ListenKeys(desk, lambda: None), MarketQueries("lockstep-test-nobody")
    application = Application(Rest(dialect), WsApi(dialect, desk, keys), own or _no_other, Page(page), settings)

    async def seen(scope: Any, receive: Any, send: Any) -> None:
        if answered is not None:
            answered.append(scope["path"])
        await application(scope, receive, send)

    server = Server(
        desk, settings, seen, orders or application, queries, partial(asyncio.sleep, 0), past.close, refused
    )
    server.attach(feed.consumers, feed.board)
    return Api(server, dialect, desk), stream


def _no_other() -> Asgi:
    raise AssertionError("nobody here asks for /v1")


def run(test: Coroutine[Any, Any, None]) -> None:
    uvloop.run(asyncio.wait_for(test, 60))


def head(*lines: bytes, target: bytes = b"/api/v3/ping", version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([b"GET %s HTTP/%s" % (target, version), *lines, b"", b""])


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (PING, 200),
        (head(b"Host: LOCALHOST:80", target=b"http://localhost:80/api/v3/ping"), 200),
        (head(b"Host: localhost", version=b"1.0"), 200),
        (head(), 400),
        (head(version=b"1.0"), 403),
        (head(b"Host: localhost", b"Host: evil"), 400),
        (head(b"Host: evil", b"Host: localhost"), 400),
        (head(b"Host: localhost", b"host: localhost"), 400),
        (head(b"Host: evil"), 403),
        (head(b"Host: localhost", target=b"http://evil/api/v3/ping"), 400),
        (head(b"Host: localhost", target=b"http://u@localhost/api/v3/ping"), 400),
        (head(b"Host: localhost", target=b"http:/api/v3/ping"), 400),
        (head(b"Host: localhost", target=b"ftp://localhost/api/v3/ping"), 400),
        (head(b"Host: localhost", target=b"*"), 400),
        (head(b"Host: evil", target=b"http://evil/api/v3/ping"), 403),
        (b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n", 400),
        (head(b"Host: localhost", *[b"X: y"] * 100), 431),
        (head(b"Host: localhost", b"X: " + b"y" * 32768), 431),
        (head(b"Host: localhost", target=b"/" + b"y" * 32768), 431),
        (b"GET /" + b"y" * 50_000, 431),
        (POST + b"Content-Length: 99999999999\r\n\r\n", 413),
        (POST + b"Content-Length: 65537\r\n\r\n" + b"x" * 65537, 413),
        (POST + CHUNKED + b"10001\r\n" + b"x" * 65537 + b"\r\n0\r\n\r\n", 413),
        (POST + CHUNKED + b"1\r\nx\r\n" * 65537 + b"0\r\n\r\n", 413),
        (POST + b"Content-Length: 5\r\n" + CHUNKED + b"0\r\n\r\n", 400),
        (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
        (b"8=FIX.4.4\x019=5\x0135=0\x01\r\n\r\n", 400),
    ],
    ids=repr,
)
def test_what_is_refused_is_told_so_and_never_looked_at(request_: bytes, status: int) -> None:
    answered: list[str] = []

    async def scenario() -> None:
        async with serving(answered) as opens:
            client = await opens()
            client.send(request_)
            told, body = await client.answer()
            assert told == status, body
            if status not in (200, 403):
                assert body["code"] == -1000
                assert await client.is_over()
            assert await pinged(opens)

    run(scenario())
    # A body that grows too large is one that somebody waits for already: there it is dropped.
    assert len(answered) - 1 == (1 if status in (200, 403) or (status == 413 and CHUNKED in request_) else 0)


async def pinged(opens: Api) -> bool:
    client = await opens()
    client.send(PING)
    return await client.answer() == (200, {})


@pytest.mark.parametrize(
    "body", [b"Content-Length: 65536\r\n\r\n" + b"x" * 65536, CHUNKED + b"1\r\nx\r\n" * 8192 + b"0\r\n\r\n"], ids=len
)
def test_a_body_of_the_greatest_size_is_taken(body: bytes) -> None:
    async def scenario() -> None:
        async with serving() as opens:
            client = await opens()
            client.send(POST + body)
            assert (await client.answer())[1]["code"] == -1100  # it is no form
            client.send(PING)
            assert await client.answer() == (200, {})

    run(scenario())


def test_a_request_behind_a_refused_one_is_dropped() -> None:
    answered: list[str] = []

    async def scenario() -> None:
        async with serving(answered) as opens:
            client = await opens()
            client.send(PING + head(b"Host: a", b"Host: b") + PING.replace(b"ping", b"time"))
            assert await client.is_over(), "its first answer is owed, and a refusal would be taken for it"
            assert await pinged(opens)

    run(scenario())
    assert "/api/v3/time" not in answered


ORDER = b"POST /api/v3/order?symbol=A HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nside=B"
NO_KEY = {"code": -2014, "msg": "API-key format invalid."}


def test_orders_are_answered_in_their_turn_however_they_come() -> None:
    """One that has come whole and alone has no task of its own, and its answer has the same headers."""
    answered: list[str] = []

    async def scenario() -> None:
        async with serving(answered) as opens:
            client = await opens()
            client.send(ORDER)
            assert await client.answer() == (401, NO_KEY)
            assert answered == []
            plain = client.head
            client.send(ORDER[:-3])
            await asyncio.sleep(0.01)  # or both parts are read as one, which is right too, and proves less
            client.send(ORDER[-3:])
            assert await client.answer() == (401, NO_KEY)
            assert answered == ["/api/v3/order"]
            assert sorted(re.sub(rb"1m: [0-9]+", b"", client.head).split(b"\r\n")) == sorted(
                re.sub(rb"1m: [0-9]+", b"", plain).split(b"\r\n")
            )
            client.send(ORDER + PING + ORDER)
            assert [(await client.answer())[0] for _ in range(3)] == [401, 200, 401]
            client.send(ORDER.replace(b"localhost", b"evil"))
            assert (await client.answer())[0] == 403
            client.send(PING)
            assert await client.answer() == (200, {})

    run(scenario())


class Later:
    """Takes orders, and answers none of them by itself."""

    def __init__(self) -> None:
        self.taken: asyncio.Queue[Callable[[Answer], None]] = asyncio.Queue()

    def takes(self, method: str, path: str) -> bool:
        return (method, path) == ("POST", "/api/v3/order")

    def take(self, request: PlainRequest, peer: str, done: Callable[[Answer], None]) -> None:
        assert (request.query, request.body, peer) == (b"symbol=A", b"side=B", "127.0.0.1")
        self.taken.put_nowait(done)


def test_what_comes_behind_an_order_waits_for_its_answer() -> None:
    async def scenario() -> None:
        later = Later()
        async with serving(orders=later) as opens:
            client = await opens()
            client.send(ORDER)
            first = await later.taken.get()
            client.send(PING + ORDER[:9])
            await client.writer.drain()
            client.send(ORDER[9:])
            assert await pinged(opens), "what was sent before has been read by now"
            assert later.taken.empty()
            first(Answer(200, [], b"1"))
            assert [await client.answer() for _ in range(2)] == [(200, 1), (200, {})]
            assert (await client.answer())[0] == 401  # the parser has it, since it did not come alone
            client.send(ORDER)
            (await later.taken.get())(Answer(200, [], b"2"))
            assert await client.answer() == (200, 2)

    run(scenario())


def test_the_rest_of_a_head_is_no_order() -> None:
    """What follows an answered request in its packet has begun another one: the order is in one of its headers."""

    async def scenario() -> None:
        later = Later()
        async with serving(orders=later) as opens:
            client = await opens()
            client.send(PING + b"GET /api/v3/time HTTP/1.1\r\nX: ")
            assert await client.answer() == (200, {})
            client.send(ORDER)
            assert (await client.answer())[0] == 200
            assert later.taken.empty()

    run(scenario())


def test_of_requests_that_come_at_once_few_are_read_before_they_are_answered() -> None:
    """Each takes time and memory as soon as it is read."""
    begun: list[int] = []
    answered: list[str] = []

    class Counting(connection.Connection):
        def on_message_begin(self) -> None:
            begun.append(len(answered))
            super().on_message_begin()

    async def scenario() -> None:
        async with serving(answered) as opens:
            client = await opens()
            client.send(PING * 2000 + PING.replace(b"ping", b"time"))
            for _ in range(2000):
                assert await client.answer() == (200, {})
            assert (await client.answer())[0] == 200

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lockstep.procs.api.server.Connection", Counting)
        run(scenario())
    assert len(begun) == len(answered) == 2001
    ahead = max(number - before for number, before in enumerate(begun))
    assert ahead <= 2 * connection.MOST_AT_ONCE // len(PING)


def test_an_order_whose_client_has_left_is_answered_to_nobody() -> None:
    async def scenario() -> None:
        later = Later()
        async with serving(orders=later) as opens:
            client = await opens()
            client.send(ORDER)
            done = await later.taken.get()
            client.writer.close()
            await opens.until(0)
            done(Answer(200, [], b"1"))
            assert await pinged(opens)

    run(scenario())


def test_half_a_request_is_none() -> None:
    """Who leaves before a body has come whole has asked for nothing."""

    async def scenario() -> None:
        async with serving() as opens:
            client = await opens()
            client.send(POST + b"X-MBX-APIKEY: x\r\nContent-Length: 20\r\n\r\nlistenKey=x")
            client.writer.write_eof()
            assert await client.is_over()
            client = await opens()
            client.send(PING)
            await client.answer()
            assert b"x-mbx-used-weight-1m: 1\r\n" in client.head, "nothing else was looked at"

    run(scenario())


def test_a_websocket_is_held_to_the_same() -> None:
    async def scenario() -> None:
        async with serving() as opens:
            for target, hosts, status in (
                (b"/ws-api/v3", [b"Host: localhost"], b"101"),
                (b"http://localhost/ws-api/v3", [b"Host: localhost"], b"101"),
                (b"http://evil/ws-api/v3", [b"Host: localhost"], b"400"),
                (b"/ws-api/v3", [b"Host: localhost", b"Host: evil"], b"400"),
                (b"/ws-api/v3", [], b"400"),
                (b"/ws-api/v3", [b"Host: evil"], b"403"),
            ):
                client = await opens()
                client.send(head(*hosts, *UPGRADE, target=target))
                async with asyncio.timeout(PATIENCE_S):
                    line = await client.reader.readline()
                assert line.split()[1] == status, (target, hosts)
                client.writer.close()

    run(scenario())


def test_a_websockets_pings_are_text_and_its_pongs_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that decodes them (nautilus_trader) trips on anything else."""
    monkeypatch.setattr(Upgrade, "schedule_ping", Upgrade.send_keepalive_ping)  # again once the pong is there

    async def scenario() -> None:
        async with serving() as opens:
            client = await opens()
            client.send(head(b"Host: localhost", *UPGRADE, target=b"/ws-api/v3"))
            async with asyncio.timeout(PATIENCE_S):
                await client.reader.readuntil(b"\r\n\r\n")
                for _ in range(8):
                    kind, size = await client.reader.readexactly(2)
                    payload = await client.reader.readexactly(size)
                    assert (kind, payload.isalnum(), payload.isascii()) == (0x89, True, True), payload
                    client.send(b"\x8a" + bytes([0x80 | size]) + bytes(4) + payload)  # masked with zeros
            client.writer.close()

    run(scenario())


def test_a_request_that_comes_too_slowly_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "REQUEST_S", 0.2)

    async def scenario() -> None:
        async with serving() as opens:
            client = await opens()
            client.send(PING[:20])
            assert (await client.answer())[0] == 408
            assert await client.is_over()

    run(scenario())


def test_a_port_that_is_taken_is_tried_again() -> None:
    """Orders come by gateways, too: the process keeps running."""

    async def scenario() -> None:
        said: list[str] = []
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            api, stream = built(ApiSection(port=port), refused=said.append)
            async with asyncio.timeout(PATIENCE_S):
                while not said:
                    api.server.poll(stream.now_ns)
                    await asyncio.sleep(0.001)
        assert f"api.port {port}: address already in use" in said[0]
        api.server.poll(stream.now_ns)
        assert len(said) == 1
        api.server.poll(stream.now_ns + RETRY_NS)
        assert said[-1] == ""
        assert api.server.port == port
        await api.server.stop()

    run(scenario())
