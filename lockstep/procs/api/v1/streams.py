"""`/v1/stream`: all its connections, in turns. Who has news is told, a few events at a time.

Telling takes time of the loop that orders come by, so no turn is longer than `TURN_S`, whatever there is to tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Callable

from lockstep.core.diagnostics.log_lines import log
from lockstep.procs.api.asgi import Receive, Send
from lockstep.procs.api.outbox import Outbox, converse
from lockstep.procs.api.recent_events import OPERATORS
from lockstep.procs.api.v1.caller import Services
from lockstep.procs.api.v1.stream_connection import MOST_OF_ACCOUNT, Connection
from lockstep.procs.api.v1.stream_messages import Messages

TURN_S = 0.002
REST_S = 0.001  # where all that is left to tell may not be told yet
BEAT_S = 1.0
INTERNAL_ERROR = 1011


class Streams:
    """It runs while there are connections."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._recent = services.desk.recent
        self._messages = Messages(services.desk, services.shown)
        self._connections: dict[Connection, None] = {}
        self._of: dict[int, dict[Connection, None]] = {}  # by account: whom its news are for
        self._due: dict[Connection, None] = {}
        self._woken = asyncio.Event()
        self._ended = asyncio.Event()  # some session may have ended: all are checked at once
        services.desk.people.watchers.append(self._ended.set)
        services.sessions.on_end = self._ended.set
        self._running: list[asyncio.Task[None]] = []

    async def serve(self, receive: Receive, send: Send, address: str) -> None:
        """Serve one connection, whose handshake was read, until either side ends it."""
        await send({"type": "websocket.accept"})
        outbox = Outbox(send)
        connection = Connection(self._services, self, self._messages, outbox, address)
        self._connections[connection] = None
        if not self._running:
            self._recent.wake = self._woken.set
            self._running = [asyncio.create_task(each) for each in (self._tell(), self._beat(), self._check())]
        try:
            await converse(receive, send, outbox, connection.take)
        finally:
            connection.close()
            self._due.pop(connection, None)
            del self._connections[connection]
            if not self._connections:
                self._recent.wake = None
                for task in self._running:
                    task.cancel()
                self._running = []

    def enter(self, connection: Connection, account: int) -> bool:
        """Have a connection told when an account has news; False where too many are. Of operators' there may be any."""
        watching = self._of.setdefault(account, {})
        if account != OPERATORS and len(watching) >= MOST_OF_ACCOUNT:
            return False
        watching[connection] = None
        self._recent.watch(account, True)
        return True

    def leave(self, connection: Connection, account: int) -> None:
        watching = self._of.get(account, {})
        watching.pop(connection, None)
        if not watching:
            self._of.pop(account, None)
            self._recent.watch(account, False)

    def due(self, connection: Connection) -> None:
        """It may have something to be told."""
        self._due[connection] = None
        self._woken.set()

    async def _tell(self) -> None:
        """Serve all that are due."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            for account in self._recent.take_noted():
                self._due.update(self._of.get(account, {}))
            await self._in_turns(self._due, self._tell_one)
            if self._due:
                await asyncio.sleep(REST_S)
                self._woken.set()

    def _tell_one(self, connection: Connection) -> None:
        if connection.tell():
            self._due.pop(connection, None)

    async def _beat(self) -> None:
        """Each second, say to all how far they are."""
        while True:
            await asyncio.sleep(BEAT_S)
            await self._in_turns(self._connections, Connection.beat)

    async def _check(self) -> None:
        """Check all connections each second, and at once when a session has ended."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), BEAT_S)
            self._ended.clear()
            await asyncio.gather(*map(self._check_one, list(self._connections)))

    async def _check_one(self, connection: Connection) -> None:
        try:
            await connection.check()
        except Exception:
            self._failed(connection)

    async def _in_turns(self, connections: dict[Connection, None], what: Callable[[Connection], None]) -> None:
        """Do something for each, and let others have the loop in between."""
        loop = asyncio.get_running_loop()
        until = loop.time() + TURN_S
        for connection in list(connections):
            try:
                what(connection)
            except Exception:
                self._failed(connection)
            if loop.time() >= until:
                await asyncio.sleep(0)
                until = loop.time() + TURN_S

    def _failed(self, connection: Connection) -> None:
        """A bug: its client is told, and others go on."""
        log.error("request_failed", route="/v1/stream", trace=traceback.format_exc())
        self._due.pop(connection, None)
        connection.end(INTERNAL_ERROR, "INTERNAL")
