"""The api's listener, and the edge that its host polls: it opens once all of before is known, and serves one ASGI app.

uvicorn reads and writes HTTP in the host's loop. Who may stay connected, and how long a request may take to come, is
decided here; what a request means is the application's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from config.schema import ApiSection
from procs.api.desk import Desk
from procs.api.upgrade import Upgrade
from procs.edge.admission import Admission
from procs.edge.listening import judged
from procs.edge.market_queries import MarketQueries
from procs.host.event_loop import Kick
from shm.bell import Reason
from shm.board import Board
from shm.log_lines import log
from shm.ring import Consumer

Application = Callable[..., Awaitable[None]]

MAX_HEAD_BYTES = 32768
MAX_BODY_BYTES = 65536
REQUEST_S = 10.0  # for a request to come whole, from its connection's first byte of it on
IDLE_S = 75  # without a request
STOP_S = 3.0  # for requests under way to be answered at an orderly stop
UNSENT_BYTES = 1 << 20  # of one connection: a slower reader's requests wait
BACKLOG = 512
TOO_LARGE = b"HTTP/1.1 %d %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

# Any client can make uvicorn log a warning: it says nothing about the venue.
_SILENT = ("uvicorn.error", "uvicorn.access", "uvicorn.asgi")


class Socket(HttpToolsProtocol):
    """One connection: counted, and cut off where its requests are too large or come too slowly."""

    admission: Admission
    address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        peer = transport.get_extra_info("peername")
        if peer is None:  # reset before its turn came
            transport.abort()
            return
        self.address = peer[0]
        if not self.admission.enter(self):
            transport.abort()
            return
        super().connection_made(transport)
        transport.set_write_buffer_limits(UNSENT_BYTES)
        with contextlib.suppress(OSError):  # likewise reset: the next read or write says so
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = 0
        self._deadline = self.loop.call_later(REQUEST_S, self._late)

    def give_way(self) -> None:
        """Make room for a newer connection: this one has sent no whole request yet."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if not self._received and self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_S, self._late)
        self._received += len(data)
        super().data_received(data)
        if self._received > MAX_HEAD_BYTES + MAX_BODY_BYTES and self._deadline is not None:
            self._refuse(413, b"Content Too Large")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._received > MAX_HEAD_BYTES or len(self.headers) > 100:
            self._refuse(431, b"Request Header Fields Too Large")
        super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        if self.cycle is not None and len(self.cycle.body) + len(body) > MAX_BODY_BYTES:
            self._refuse(413, b"Content Too Large")
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._whole()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._whole()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        self.admission.leave(self)
        if self.transport is not None:
            self._whole()
            super().connection_lost(exc)

    def _whole(self) -> None:
        """A request has come: the next one has its time again, and its connection gives way no more."""
        self._received = 0
        self.admission.settle(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._refuse(408, b"Request Timeout")

    def _refuse(self, status: int, reason: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(TOO_LARGE % (status, reason))
            self.transport.close()

    _deadline: asyncio.TimerHandle | None = None
    _received = 0


class Listener(uvicorn.Server):
    """uvicorn's server, without its handlers of signals: those are the host's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Server:
    """The edge. `application` is served from when the desk is ready on; `queries` is how the publisher is reached,
    `close` ends what the application has opened."""

    rest_s = 0.0  # clients wait for it
    spins = True

    def __init__(
        self, desk: Desk, config: ApiSection, application: Application, queries: MarketQueries,
        close: Callable[[], Awaitable[None]],
    ) -> None:  # fmt: skip
        self.kick: Kick = _nothing
        self._desk = desk
        self._config = config
        self._application = application
        self._queries = queries
        self._close = close
        self._admission = Admission(config.max_connections, config.max_connections_per_address)
        self._listener: Listener | None = None
        self._serving: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None
        self.failure: Exception | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; 0 before it does."""
        return int(self._socket.getsockname()[1]) if self._socket is not None else 0

    def attach(self, consumers: dict[int, Consumer], board: Board) -> None:
        """Read these event rings from now on; whoever is connected stays so."""
        self._desk.attach(consumers, board)

    async def start(self) -> None:
        """Nothing to prepare: the listener opens from `poll`, once the venue leads and all of before is known."""

    def poll(self, now_ns: int) -> int:
        """A duty cycle. OSError if the address can't be had; whatever went wrong in a request that was a bug."""
        if self.failure is not None:
            raise self.failure
        work = self._desk.poll(now_ns)
        self._desk.connections = len(self._admission)
        if self._serving is None:
            if self._desk.is_ready():
                self._open()
        elif self._serving.done():
            self._serving.result()
        return work

    def wants(self) -> int:
        """What to be woken for."""
        return Reason(self._desk.wants())

    async def stop(self) -> None:
        """Take no more requests, answer those under way, and close every connection."""
        self._desk.is_open = False
        await self._close()
        if self._listener is None or self._serving is None:
            return
        self._listener.should_exit = True
        try:
            await asyncio.wait_for(self._serving, STOP_S)
        except TimeoutError:
            log.warning("clients did not read their last answers", connections=len(self._admission))
        finally:
            if self._socket is not None:
                self._socket.close()

    def _open(self) -> None:
        settings = self._config
        self._socket = _bound(settings)

        class Admitted(Socket):
            admission = self._admission

        class Asked(Upgrade):
            queries = self._queries

        for name in _SILENT:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        served = uvicorn.Config(
            cast(Any, self._application),
            http=Admitted,
            ws=Asked,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=2,
        )
        served.load()
        served.ssl = _tls(settings)
        self._listener = Listener(served)
        self._serving = asyncio.get_running_loop().create_task(self._listener.serve([self._socket]))
        self._desk.is_open = True
        log.info("the api is open", address=settings.address, port=self.port)


def _bound(config: ApiSection) -> socket.socket:
    """The listener's socket. OSError."""
    port = config.port or 0
    family = socket.AF_INET6 if ":" in config.address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((config.address, port))
    except OSError as error:
        made.close()
        raise judged(error, "api", config.address, port) from error
    return made


def _tls(config: ApiSection) -> ssl.SSLContext | None:
    if not config.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.certificate, config.key)
    return context


def _nothing() -> None:
    """What `kick` is until a host sets it."""
