"""The api's listener, and the edge that its host polls: it opens once all of before is known, and serves one ASGI app.

uvicorn reads and writes HTTP in the host's loop; what a connection may do is in `connection`, what a request means is
the application's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, cast

import uvicorn

from lockstep.config.schema import ApiSection
from lockstep.core.diagnostics.log_lines import log
from lockstep.core.edge.admission import Admission
from lockstep.core.edge.listening import RETRY_NS, AddressError, judged, tls_context
from lockstep.core.edge.market_queries import MarketQueries
from lockstep.core.venue.edge import Edge
from lockstep.procs.api.connection import Connection, Orders
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.plain_request import MAX_BODY_BYTES
from lockstep.procs.api.unread import Unread
from lockstep.procs.api.upgrade import Upgrade
from lockstep.shm.bell import Reason
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer

Application = Callable[..., Awaitable[None]]

IDLE_S = 75  # without a request
REST_S = 0.001  # while no request waits for its outcome
STOP_S = 3.0  # for requests under way to be answered at an orderly stop
BACKLOG = 512
SECOND_NS = 10**9

# Any client can make uvicorn log a warning: it says nothing about the venue. A pool logs each try to connect, from
# before the database is up; requests that need it say so, and the batcher logs whether the database is there.
_SILENT = ("uvicorn.error", "uvicorn.access", "uvicorn.asgi", "psycopg.pool")


class Listener(uvicorn.Server):
    """uvicorn's server, without its handlers of signals: those are the host's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Server(Edge):
    """The edge. `application` is served from when the desk is ready on, `orders` takes requests that need no task;
    `queries` is how the publisher is reached, `prepare` makes what the application will need, on a secondary too, and
    `close` ends what it has opened.
    """

    spins = False  # orders wait for the core and the disk, which need the processors meanwhile

    def __init__(
        self, desk: Desk, config: ApiSection, application: Application, orders: Orders, queries: MarketQueries,
        prepare: Callable[[], Coroutine[Any, Any, None]], close: Callable[[], Awaitable[None]],
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        """`refused` gets the reason while it can't listen, and "" once it does."""
        desk.commands.kick = lambda: self.kick()
        self._desk = desk
        self._config = config
        self._application = application
        self._orders = orders
        self._queries = queries
        self._prepare = prepare
        self._close = close
        self._refused = refused
        self._retry_ns = 0  # until then no other try to listen
        self._preparing: asyncio.Task[None] | None = None
        self._admission = Admission(config.max_connections, config.max_connections_per_address)
        self._unread = Unread()
        self._tend_ns = 0
        self._listener: Listener | None = None
        self._serving: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None
        self.failure: Exception | None = None

    @property
    def rest_s(self) -> float:
        """Clients wait for the outcome of what they asked for; what comes of others' orders they hear of in time."""
        return 0.0 if self._desk.is_awaited() else REST_S

    @property
    def port(self) -> int:
        """The port that it listens on; 0 before it does."""
        return int(self._socket.getsockname()[1]) if self._socket is not None else 0

    def attach(self, consumers: dict[int, Consumer], board: Board) -> None:
        """Read these event rings from now on; whoever is connected stays so."""
        self._desk.attach(consumers, board)

    async def start(self) -> None:
        """The listener opens from `poll`, once the venue leads and all of before is known; nothing waits for this."""
        for name in _SILENT:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._preparing = asyncio.get_running_loop().create_task(self._prepare())

    def poll(self, now_ns: int) -> int:
        """A duty cycle. Raises whatever went wrong in a request that was a bug. An address that can't be had is tried
        again each second: orders come by gateways, too.
        """
        if self.failure is not None:
            raise self.failure
        work = self._desk.poll(now_ns)
        self._desk.connections = len(self._admission)
        if now_ns >= self._tend_ns:
            self._tend_ns = now_ns + SECOND_NS
            self._unread.tick()
        if self._serving is None:
            if now_ns >= self._retry_ns and self._desk.is_ready():
                self._try_to_open(now_ns)
        elif self._serving.done():
            self._serving.result()
        return work

    def wants(self) -> Reason:
        """What to be woken for."""
        return self._desk.wants()

    async def stop(self) -> None:
        """Take no more requests, answer those under way, and close every connection."""
        self._desk.commands.is_open = False
        if self._preparing is not None:
            self._preparing.cancel()
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

    def _try_to_open(self, now_ns: int) -> None:
        try:
            self._open()
        except AddressError as error:
            self._refused(str(error))
            self._retry_ns = now_ns + RETRY_NS
        else:
            self._refused("")

    def _open(self) -> None:
        settings = self._config
        context = tls_context("api", settings.certificate, settings.key)
        self._socket = _bound(settings)

        class Admitted(Connection):
            admission = self._admission
            unread = self._unread
            orders = self._orders

        class Asked(Upgrade):
            queries = self._queries

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
            ws_max_size=MAX_BODY_BYTES,
            ws_per_message_deflate=False,  # a small message may be a large one, and each connection keeps windows
        )
        served.load()
        served.ssl = context
        self._listener = Listener(served)
        self._serving = asyncio.get_running_loop().create_task(self._listener.serve([self._socket]))
        self._desk.commands.is_open = True
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
