"""The gateway's door without sockets: the real engine behind it, with the simulation's wires as connections.

It stands where `lockstep.procs.gateway.server.Server` does, and takes what that takes.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, cast

from lockstep.config.schema import FixSection
from lockstep.core.rules.credentials import is_right
from lockstep.procs.gateway.client import Client
from lockstep.procs.gateway.fix.connection import Connection
from lockstep.procs.gateway.gateway import Gateway
from lockstep.procs.gateway.session_log import Watch
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer
from tests.simulation.network import Wire


class Door:
    """Admits wires once the engine is ready, and checks passwords a few turns after they came."""

    def __init__(
        self,
        _config: FixSection,
        engine: Callable[[Callable[[Client, str, str, str], None], Watch], Gateway],
        session: Callable[[int], Connection],
        _clock: Callable[[], int],
        _name: str,
        _boot_id: str,
        _home_of: Callable[[str], int],
    ) -> None:
        self.engine = engine(self._logon, self)
        self._session = session
        self.is_open = False
        self._logons: list[tuple[Client, str, str, str]] = []
        self._wires: list[tuple[Wire, Client]] = []

    def admit(self, wire: Wire, now_ns: int) -> None:
        client = Client(self._session(now_ns), cast(Any, wire), "10.0.0.1")
        self._wires.append((wire, client))
        self.engine.connected(client)

    def logged_on(self, client: Client) -> None:
        """Nobody keeps a log of it here."""

    def ended(self, client: Client, reason: str | int) -> None:
        """Likewise."""

    def attach(self, consumers: dict[int, Consumer], board: Board) -> None:
        cast(Any, self.engine).attach(consumers, board)

    def serve(self, now_ns: int, draw: Random) -> int:
        """A duty cycle with everything around the engine."""
        work = self.engine.poll(now_ns)
        if not self.is_open and self.engine.is_ready():
            self.engine.reporter.opened()
            self.is_open = True
        for wire, client in list(self._wires):
            work += self._serve(wire, client, now_ns)
        if self._logons and draw.random() < 0.5:
            self._check(*self._logons.pop(0), now_ns)
        return work

    def _serve(self, wire: Wire, client: Client, now_ns: int) -> int:
        if wire.ending or not wire.open:
            self._wires.remove((wire, client))
            self.engine.clients.lost(client, "the wire ended")
            return 1
        space = client.space()
        data = wire.arrived(len(space))
        if not data:
            return 0
        space[: len(data)] = data
        self.engine.received(client, len(data), now_ns)
        return 1

    def _logon(self, client: Client, sender: str, username: str, password: str) -> None:
        self._logons.append((client, sender, username, password))

    def _check(self, client: Client, sender: str, username: str, password: str, now_ns: int) -> None:
        account = self.engine.reporter.accounts.find(sender) if sender == username else None
        if account is None or not is_right(password, account.credential):
            self.engine.refuse(client, now_ns)
        else:
            client.rights = account.rights
            self.engine.accept(client, account.number, now_ns)
