"""The gateway's sockets: listener, connections and their limits, logons, and the start and stop of it all.

It moves bytes between sockets and the engine; it never looks into a message. A socket that is slow to take what it is
told is not read (FIX-17).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import cast

from lockstep.config.schema import FixSection
from lockstep.core.diagnostics.log_lines import log
from lockstep.core.edge.admission import Admission
from lockstep.core.edge.authentication import Authenticator
from lockstep.core.edge.listening import judged
from lockstep.core.edge.own_socket import name_of
from lockstep.core.venue.edge import Edge
from lockstep.procs.gateway import control
from lockstep.procs.gateway.client import Client
from lockstep.procs.gateway.control import Control
from lockstep.procs.gateway.fix.connection import Connection
from lockstep.procs.gateway.gateway import Gateway
from lockstep.procs.gateway.session_log import SessionLog, Watch
from lockstep.shm.bell import Reason
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer

WRITE_HIGH_BYTES = 1 << 20  # a transport with more unsent is slow: a resend to it waits
REST_S = 0.002  # while no client is connected
LOGOUT_WAIT_S = 2.0  # for the clients' replies at an orderly stop
BACKLOG = 128
PROBES = 3  # of a peer that has been silent for half of `unread_timeout_s`, in the other half
DISCONNECT_S = 10.0  # to log a client out, and to close behind what it has not read: more than both take together

LogonCheck = Callable[[Client, str, str, str], None]


class ClientSocket(asyncio.BufferedProtocol):
    """One client's socket."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client: Client | None = None
        self._transport: asyncio.Transport | None = None
        self.address = ""

    def connection_made(self, base: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, base)  # uvloop's is one by behaviour, not by class
        peer = transport.get_extra_info("peername")
        if peer is None:  # reset before its turn came
            transport.abort()
            return
        self.address = peer[0]
        self._transport = transport
        with contextlib.suppress(OSError):  # likewise: the next read or write says so
            self._server.configure(transport.get_extra_info("socket"))
        transport.set_write_buffer_limits(WRITE_HIGH_BYTES)
        self._client = self._server.admit(self, transport)

    def get_buffer(self, _sizehint: int) -> memoryview:
        assert self._client is not None
        return self._client.space()

    def buffer_updated(self, nbytes: int) -> None:
        self._server.received(self._client, nbytes)

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        if self._client is not None:
            self._client.slow = True

    def resume_writing(self) -> None:
        if self._client is not None:
            self._client.slow = False
            self._server.kick()

    def give_way(self) -> None:
        if self._client is not None:
            self._server.cut(self._client, "it gave way to a newer connection")

    def connection_lost(self, error: Exception | None) -> None:
        if self._client is not None:
            self._server.gone(self, self._client, f"lost: {error}" if error else "the client closed the connection")


class Server(Edge):
    """The edge that a host runs. `clock` gives the wall clock's ns, advanced by the monotonic clock.

    `home_of` gives the number of a session's gateway.
    """

    spins = True

    def __init__(
        self,
        config: FixSection,
        engine: Callable[[LogonCheck, Watch], Gateway],
        connection: Callable[[int], Connection],
        clock: Callable[[], int],
        name: str,
        boot_id: str,
        home_of: Callable[[str], int],
    ) -> None:
        self._config = config
        self.engine = engine(self._logon, self)
        self._connection = connection
        self._clock = clock
        self._home_of = home_of
        self._gateway = int(name.partition(".")[2])
        # One check of each connection waits at most: none is ever refused for being one too many.
        accounts, max_waiting = self.engine.reporter.accounts, config.max_connections
        self._authenticator = Authenticator(accounts, lambda: clock() / 1e9, max_waiting)
        self._admission = Admission(config.max_connections, config.max_connections_per_address)
        self._connections: dict[Client, ClientSocket] = {}
        self._logons: dict[Client, asyncio.Task[None]] = {}
        self._farewells: dict[Client, asyncio.Event] = {}
        self._log = SessionLog(name, self.engine.reporter, clock)
        self._control = Control(name_of(boot_id, name), self._answer)
        self._listener: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None
        self._empty = asyncio.Event()
        self._failure: Exception | None = None
        self._stopping = False

    @property
    def rest_s(self) -> float:
        """Clients wait for it, where there are any."""
        return 0.0 if self._connections else REST_S

    @property
    def port(self) -> int:
        """The port that it listens on; 0 before it does."""
        return int(self._listener.sockets[0].getsockname()[1]) if self._listener is not None else 0

    def attach(self, consumers: dict[int, Consumer], board: Board) -> None:
        """Read these event rings from now on; whoever is connected stays so."""
        self.engine.attach(consumers, board)

    async def start(self) -> None:
        """Nothing to prepare: the listener opens from `poll`, once the venue leads and all of before is known."""

    def poll(self, now_ns: int) -> int:
        """A duty cycle of the engine. Raises what went wrong in a connection's callback, or OSError for the address."""
        if self._failure is not None:
            raise self._failure
        work = self.engine.poll(now_ns)
        if self._opening is None:
            if not self._stopping and self.engine.is_ready():
                self._opening = asyncio.get_running_loop().create_task(self._open())
        elif self._opening.done():
            self._opening.result()
        return work

    def wants(self) -> Reason:
        return self.engine.wants()

    async def stop(self) -> None:
        """Take no more connections, log every session out, and have the disk keep the store."""
        self._stopping = True
        if self._opening is not None:
            await self._opening
        self.engine.is_open = False
        if self._listener is not None:
            self._listener.close()
        self._control.close()
        self.engine.clients.say_goodbye(self._clock())
        if self.engine.clients:
            self._empty.clear()
            try:
                await asyncio.wait_for(self._empty.wait(), LOGOUT_WAIT_S)
            except TimeoutError:
                log.warning("clients did not reply to the logout", clients=len(self.engine.clients))
        for client in tuple(self.engine.clients):
            self.engine.clients.end(client, "the venue is stopping")
        self._authenticator.close()
        self.engine.store.sync()

    def now_ns(self) -> int:
        """The time by the server's own clock."""
        return self._clock()

    async def _open(self) -> None:
        self.engine.reporter.opened()
        await self._control.open()
        loop = asyncio.get_running_loop()
        address, port = self._config.address, self._config.port_of(self._gateway)
        try:
            self._listener = await loop.create_server(lambda: ClientSocket(self), address, port, backlog=BACKLOG)
        except OSError as error:
            raise judged(error, "fix", address, port) from error
        self.engine.is_open = True
        log.info("FIX is open", address=address, port=self.port)

    def configure(self, connected: socket.socket) -> None:
        """No waiting for more to send (FIX-18); and a peer that is gone is found, though nothing is sent. OSError."""
        timeout_s = self._config.unread_timeout_s
        tcp = socket.IPPROTO_TCP
        connected.setsockopt(tcp, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connected.setsockopt(tcp, socket.TCP_KEEPIDLE, max(1, timeout_s // 2))
        connected.setsockopt(tcp, socket.TCP_KEEPINTVL, max(1, timeout_s // (2 * PROBES)))
        connected.setsockopt(tcp, socket.TCP_KEEPCNT, PROBES)
        connected.setsockopt(tcp, socket.TCP_USER_TIMEOUT, timeout_s * 1000)

    def admit(self, connection: ClientSocket, transport: asyncio.Transport) -> Client | None:
        """A client for a new connection, or None, and the connection ended, where there are too many."""
        why = "the venue is stopping" if self._stopping else "" if self.engine.may_tell else "another node may lead"
        if why or not self._admission.enter(connection):
            self._log.turned_away(connection.address, why or "too many")
            transport.abort()
            return None
        client = Client(self._connection(self._clock()), transport, connection.address)
        self._connections[client] = connection
        self.engine.connected(client)
        return client

    def cut(self, client: Client, reason: str) -> None:
        """End a connection at once."""
        self.engine.clients.end(client, reason, True)

    def received(self, client: Client | None, size: int) -> None:
        """Bytes have come in. What fails here ends the process, by way of `poll`."""
        if client is None:
            return
        try:
            self.engine.received(client, size, self._clock())
        except Exception as failure:
            self._failure = failure
        self.kick()

    def gone(self, connection: ClientSocket, client: Client, reason: str) -> None:
        """A connection has ended."""
        del self._connections[client]
        self._admission.leave(connection)
        try:
            self.engine.clients.lost(client, reason)
        except Exception as failure:
            self._failure = failure
        if not self.engine.clients:
            self._empty.set()

    def logged_on(self, client: Client) -> None:
        """The engine has accepted a Logon."""
        self._admission.settle(self._connections[client])
        self._log.logged_on(client)

    def ended(self, client: Client, reason: str | int) -> None:
        """The engine ends a connection, or it has lost it."""
        self._log.ended(client, reason)
        if (check := self._logons.get(client)) is not None:
            check.cancel()
        if (farewell := self._farewells.pop(client, None)) is not None:
            farewell.set()

    async def _answer(self, request: control.Request) -> control.Answer:
        """Carry out what `lockstep status` and `lockstep disconnect` ask for."""
        if isinstance(request, control.List):
            return control.Listed(*self._log.statuses(request.first, control.PAGE))
        account = self.engine.reporter.accounts.find(request.session)
        if account is None:
            return control.Disconnected(False, f"there is no session {request.session}")
        client = self.engine.clients.log_out(account.number, request.reason.encode(), self._clock())
        if client is None:
            return control.Disconnected(False, f"{request.session} is not connected")
        self._log.disconnected(request.session, request.operator, request.reason)
        if not client.closed:
            farewell = self._farewells.setdefault(client, asyncio.Event())
            await asyncio.wait_for(farewell.wait(), DISCONNECT_S)
        return control.Disconnected(True, f"{request.session} is disconnected")

    def _logon(self, client: Client, sender: str, username: str, password: str) -> None:
        self._admission.ask(self._connections[client])
        task = asyncio.get_running_loop().create_task(self._check(client, sender, username, password))
        self._logons[client] = task
        task.add_done_callback(lambda _: self._checked(client, task))

    async def _check(self, client: Client, sender: str, username: str, password: str) -> None:
        # A username that is not the sender's is treated as unknown: the same work, the same answer.
        name = sender if username == sender else ""
        account = await self._authenticator.check(client.address, name, password)
        if account is None:
            self.engine.refuse(client, self._clock())
        elif not self.engine.reporter.has(account.number):
            self.engine.send_on(client, self._way(account.name), self._clock())
        else:
            client.rights = account.rights
            self.engine.accept(client, account.number, self._clock())
        self.kick()

    def _way(self, session: str) -> bytes:
        """Where a session of another gateway logs on: its own client may know."""
        home = self._home_of(session)
        port = self._config.port_of(home)
        return f"session {session} logs on at {f'port {port}' if port else f'gateway {home}'}".encode()

    def _checked(self, client: Client, task: asyncio.Task[None]) -> None:
        del self._logons[client]
        if not task.cancelled() and task.exception() is not None:
            failure = task.exception()
            assert isinstance(failure, Exception)
            self._failure = failure
