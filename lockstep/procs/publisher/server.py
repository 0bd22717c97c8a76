"""The WebSocket server of market data: handshakes, requests and connections, in the dialect of Binance's streams.

It answers from what the feed holds; it never reads a ring and never waits for a client.

The websockets library does handshakes, incoming frames, pings and closing. Messages go to the transport as finished
frames, made once for all subscribers: servers' frames are not masked (RFC 6455, 5.3), and no extension is negotiated.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import time
from collections.abc import Awaitable, Iterable
from http import HTTPStatus
from typing import Any

import msgspec
from websockets.asyncio.server import Server as WebSocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import DataLike

from lockstep.config.schema import MarketDataSection
from lockstep.core.edge.admission import Admission
from lockstep.core.edge.listening import judged
from lockstep.procs.publisher.feed import Feed
from lockstep.procs.publisher.hub import Hub, wrapping
from lockstep.procs.publisher.requests import INVALID_REQUEST, BadRequest, Request, answer, parse_request
from lockstep.procs.publisher.streams import Stream, Target, parse_stream, parse_target
from lockstep.procs.publisher.subscribers import Client
from lockstep.procs.publisher.text import frame

MAX_HANDSHAKES = 100  # sockets beyond those that may subscribe: every client is answered, if only by a refusal
MAX_SUBSCRIPTIONS = 1024
MAX_REQUEST_BYTES = 65536  # so many names fit into one
MAX_REQUESTS_PER_SECOND = 50
MAX_NAMES_PER_SECOND = 2 * MAX_SUBSCRIPTIONS  # each costs a look-up, and a message that is made for it
MAX_QUEUED_REQUESTS = 16
PING_INTERVAL_S = 20.0
PING_TIMEOUT_S = 60.0
OPEN_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 2.0
POLICY_VIOLATION = 1008
TOO_MANY_STREAMS = f"Invalid request: more than {MAX_SUBSCRIPTIONS} subscriptions on one connection"
TOO_MANY_REQUESTS = f"more than {MAX_REQUESTS_PER_SECOND} requests in a second"
TOO_MANY_NAMES = f"more than {MAX_NAMES_PER_SECOND} streams subscribed to, left or wrapped anew in a second"

# Any client can make the library log an error with a traceback (a port scan does): it says nothing about the venue.
_SILENT = logging.getLogger("lockstep.websockets")
_SILENT.setLevel(logging.CRITICAL + 1)


class Socket(ServerConnection):
    """A socket, from before its handshake on: until it has subscribed to something it gives way to newer ones."""

    admission: Admission
    address = ""
    head = b""  # what another process has read of it, before it handed it over
    client: Client | None = None  # who is on it, once it can subscribe

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        if peer is not None:  # else it was reset before its turn came
            self.address = peer[0]
        if peer is None or not self.admission.enter(self):
            self.transport.abort()
        elif self.head:
            self.data_received(self.head)

    def send_data(self) -> None:
        """Send what the library has to say: it goes through the transport, and no message may pass it."""
        super().send_data()
        if self.client is not None:
            self.client.step_back()

    async def ping(self, data: DataLike | None = None) -> Awaitable[float]:
        """A ping of text where the library's own is of four random bytes: clients decode it (nautilus_trader)."""
        return await super().ping(secrets.token_hex(4) if data is None else data)

    def give_way(self) -> None:
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.admission.leave(self)
        super().connection_lost(exc)


class Connection(Client):
    """A client on a WebSocket."""

    def __init__(self, connection: Socket, target: Target, queue_bytes: int) -> None:
        fd = connection.transport.get_extra_info("socket").fileno()
        super().__init__(connection.transport, target.combined, queue_bytes, fd)
        self.in_us = target.in_us
        self.socket = self._connection = connection
        connection.client = self
        self._loop = asyncio.get_running_loop()
        self._refusal: asyncio.Task[None] | None = None
        self._second = 0.0
        self._requests = 0
        self._names = 0

    @property
    def closed(self) -> bool:
        return self._refusal is not None or self._connection.state is not State.OPEN

    def step_back(self) -> None:
        super().step_back()
        if not self.has_written:
            self.has_written = True
            self._loop.call_soon(self._count_written)

    def _count_written(self) -> None:
        self.has_written = False

    def refuse(self, reason: str) -> None:
        self.step_back()
        # The close frame waits behind what the client does not read, so there is an end to waiting for its answer.
        self._refusal = self._loop.create_task(self._connection.close(POLICY_VIOLATION, reason))
        abort = self._loop.call_later(CLOSE_TIMEOUT_S, self._connection.transport.abort)
        self._refusal.add_done_callback(lambda _: abort.cancel())

    def count_request(self) -> bool:
        """Note a request; False when there were too many in this second."""
        now = self._loop.time()
        if now - self._second >= 1.0:
            self._second, self._requests, self._names = now, 0, 0
        self._requests += 1
        return self._requests <= MAX_REQUESTS_PER_SECOND

    def count_names(self, request: Request) -> bool:
        """Note the streams that a request is about; False when there were too many in this second."""
        self._names += len(self.streams) if request.method == "SET_PROPERTY" else len(request.params)
        return self._names <= MAX_NAMES_PER_SECOND


class Server:
    """Serves one feed to at most `max_clients` connections. `failure` is a bug that a connection ran into, if any."""

    def __init__(self, feed: Feed, hub: Hub, config: MarketDataSection) -> None:
        self._feed = feed
        self._hub = hub
        self._config = config
        self._admission = Admission(config.max_clients + MAX_HANDSHAKES, config.max_clients_per_address)
        self._clients: dict[Connection, None] = {}  # the oldest first
        self._server: WebSocketServer | None = None
        self._entering: set[asyncio.Task[None]] = set()
        self.failure: Exception | None = None

        class Admitted(Socket):
            admission = self._admission

        self._socket = Admitted

    async def open(self) -> None:
        """Listen. OSError if the address can't be had."""
        try:
            self._server = await serve(
                self._serve,
                self._config.address,
                self._config.port,
                process_request=self._admit,
                create_connection=self._socket,
                compression=None,
                server_header=None,
                open_timeout=OPEN_TIMEOUT_S,
                max_size=MAX_REQUEST_BYTES,
                logger=_SILENT,
                **self._terms(),
            )
        except OSError as error:
            raise judged(error, "market_data", self._config.address, self._config.port) from error

    def take_over(self, client: socket.socket, head: bytes) -> None:
        """Serve a client that connected elsewhere, as one that connected here; `head` was read of it already."""
        task = asyncio.get_running_loop().create_task(self._enter(client, head))
        self._entering.add(task)
        task.add_done_callback(self._entering.discard)

    async def _enter(self, client: socket.socket, head: bytes) -> None:
        """A connection that is gone by now ends by itself, and leaves nothing. None is taken before this listens."""
        if self._server is None:
            client.close()
            return
        client.setblocking(False)
        protocol = ServerProtocol(max_size=MAX_REQUEST_BYTES, logger=_SILENT)
        connection = self._socket(protocol, self._server, **self._terms())
        connection.head = head
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, client)
        except OSError:
            client.close()

    def _terms(self) -> dict[str, Any]:
        """How every connection is watched."""
        return {
            "ping_interval": PING_INTERVAL_S,
            "ping_timeout": PING_TIMEOUT_S,
            "close_timeout": CLOSE_TIMEOUT_S,
            "max_queue": MAX_QUEUED_REQUESTS,
            # Below this the library doesn't wait, so that its pings find clients that do not read.
            "write_limit": self._config.client_queue_bytes,
        }

    @property
    def port(self) -> int:
        """The port that it listens on; 0 before it does."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server is not None else 0

    def waiting(self) -> list[int]:
        """How many bytes wait to be sent, for each client."""
        return [client.transport.get_write_buffer_size() for client in self._clients]

    async def close(self) -> None:
        """Stop listening and say goodbye (serverShutdown, close code 1001); a client that is silent then is cut off."""
        if self._server is None:
            return
        for client in list(self._clients):
            event = b'{"e":"serverShutdown","E":%d}' % (time.time_ns() // (1000 if client.in_us else 1_000_000))
            client.send(frame(wrapping("!serverShutdown") + event + b"}" if client.combined else event))
        self._server.close()
        loop = asyncio.get_running_loop()
        transports = [connection.transport for connection in self._server.connections]
        aborts = [loop.call_later(CLOSE_TIMEOUT_S, transport.abort) for transport in transports]
        await self._server.wait_closed()
        for abort in aborts:
            abort.cancel()

    def _admit(self, connection: ServerConnection, request: HttpRequest) -> Response | None:
        """Refuse a handshake before it is one: an unknown path or stream, or no room."""
        try:
            target = parse_target(request.path)
            if target is None:
                return _refusal(connection, HTTPStatus.NOT_FOUND, "Nothing is served here: /ws or /stream is expected")
            if len(self._clients) >= self._config.max_clients and not self._make_room():
                return _refusal(connection, HTTPStatus.SERVICE_UNAVAILABLE, "Too many clients: try again later")
            self._all_streams(target)
        except BadRequest as error:
            return _refusal(connection, HTTPStatus.BAD_REQUEST, error.text)
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        """Serve one client until it leaves. What raises here is a bug, for the process to end with."""
        assert isinstance(connection, Socket)
        assert connection.request is not None
        target = parse_target(connection.request.path)
        assert target is not None
        client = Connection(connection, target, self._config.client_queue_bytes)
        self._clients[client] = None
        try:
            self._subscribe(client, self._all_streams(target))
            with contextlib.suppress(ConnectionClosed):
                async for message in connection:
                    self._answer(client, message)
        except Exception as error:
            self.failure = error
            raise
        finally:
            self._clients.pop(client, None)
            self._hub.leave(client)

    def _answer(self, client: Connection, message: str | bytes) -> None:
        if not client.count_request():
            client.refuse(TOO_MANY_REQUESTS)
            return
        try:
            request = parse_request(message)
            if client.count_names(request):
                self._carry_out(client, request)
            else:
                client.refuse(TOO_MANY_NAMES)
        except BadRequest as error:
            client.send(frame(error.answer()))

    def _carry_out(self, client: Connection, request: Request) -> None:
        """Do what is asked. The answer precedes the first messages of new subscriptions."""
        if request.method == "SUBSCRIBE":
            self._subscribe_by(client, request)
        elif request.method == "UNSUBSCRIBE":
            self._hub.unsubscribe(client, request.params)
            client.send(frame(answer(None, request.id)))
        elif request.method == "SET_PROPERTY":
            self._hub.combine(client, request.combined)
            client.send(frame(answer(None, request.id)))
        elif request.method == "GET_PROPERTY":
            client.send(frame(answer(client.combined, request.id)))
        else:
            client.send(frame(answer(list(client.streams), request.id)))

    def _make_room(self) -> bool:
        """End the oldest client that is subscribed to nothing, if there is one."""
        idle = next((client for client in self._clients if not client.streams), None)
        if idle is None:
            return False
        del self._clients[idle]
        idle.socket.transport.abort()
        return True

    def _subscribe(self, client: Connection, streams: list[Stream]) -> None:
        if streams:
            self._admission.settle(client.socket)
        self._hub.subscribe(client, streams)

    def _subscribe_by(self, client: Connection, request: Request) -> None:
        """Subscribe to the streams that there are, and name in the answer those that there are not."""
        new = [name for name in request.params if name not in client.streams]
        streams, unknown = self._streams(new, client.in_us)
        if len(unknown) == len(request.params):
            raise _unknown(unknown, request)
        if len(client.streams) + len(streams) > MAX_SUBSCRIPTIONS:
            raise BadRequest(INVALID_REQUEST, TOO_MANY_STREAMS, request.id)
        client.send(frame(answer(None, request.id, **({"unknown": unknown} if unknown else {}))))
        self._subscribe(client, streams)

    def _streams(self, names: Iterable[str], in_us: bool) -> tuple[list[Stream], list[str]]:
        """The streams of these names, and the names that are no stream's."""
        found = {name: parse_stream(name, self._feed.find, in_us) for name in names}
        streams = [stream for stream in found.values() if stream is not None]
        return streams, [name for name, stream in found.items() if stream is None]

    def _all_streams(self, target: Target) -> list[Stream]:
        """The streams of a target. BadRequest where one is unknown, or there are too many."""
        if len(target.names) > MAX_SUBSCRIPTIONS:
            raise BadRequest(INVALID_REQUEST, TOO_MANY_STREAMS)
        streams, unknown = self._streams(target.names, target.in_us)
        if unknown:
            raise _unknown(unknown)
        return streams


def _unknown(names: list[str], request: Request | None = None) -> BadRequest:
    text = f"Invalid request: unknown stream {', '.join(map(repr, names))}"
    return BadRequest(INVALID_REQUEST, text, request.id if request is not None else None)


def _refusal(connection: ServerConnection, status: HTTPStatus, text: str) -> Response:
    body = msgspec.json.encode({"code": INVALID_REQUEST, "msg": text}).decode()
    response = connection.respond(status, body)
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response
