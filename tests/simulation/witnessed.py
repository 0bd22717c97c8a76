"""The witness of a simulated node: the venue's own decisions about the lease, on a simulated etcd and clock."""

from __future__ import annotations

import contextlib
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from lockstep.core.venue import node
from lockstep.core.venue.topology import CARRIED_ROLES, role_of
from lockstep.core.venue.venue import LAPSED, Venue
from lockstep.procs.witness import __main__ as witness_main
from lockstep.procs.witness import leadership, report
from lockstep.procs.witness import witness as witness_module
from lockstep.shm.board import Board, Word
from tests.simulation.etcd import Client

if TYPE_CHECKING:
    from tests.simulation.pair import Clock
    from tests.simulation.side import Side
    from tests.simulation.turns import Waiting

OVER, AHEAD = LAPSED + 1, 1 << 62  # of the machine's clock, which the board looks at


class Names:
    """What is used of `socket`: whatever machine it is."""

    @staticmethod
    def gethostname() -> str:
        return "host"


@contextlib.contextmanager
def in_place(clock: Clock, waiting: Waiting) -> Iterator[None]:
    with (
        patch.object(leadership, "time", clock),
        patch.object(leadership, "socket", Names),
        patch.object(report, "time", clock),
        patch.object(witness_module, "time", clock),
        patch.object(witness_module, "asyncio", waiting),
    ):
        yield


class LeaseBoard:
    """The board, but for the time to which the lease lasts: the node keeps that (`Side.lease_until`), and says on the
    board whether it is over.
    """

    def __init__(self, board: Board, side: Side) -> None:
        self._board = board
        self._side = side

    def get(self, word: int) -> int:
        return self._board.get(word)

    def set(self, word: int, value: int) -> None:
        if word != Word.LEASE_UNTIL:
            self._board.set(word, value)
            return
        self._side.lease_until = value
        self._side.show_lease()


class WitnessStage:
    """The witness as its host builds it; its turns are stepped."""

    def __init__(self, venue: Venue, side: Side) -> None:
        cluster = side.pair.cluster
        assert cluster is not None
        with (
            patch.object(witness_main, "Etcd", lambda _urls, timeout_s, _: Client(cluster, side.name, timeout_s)),
            patch.object(node, "tell_supervisor", side.look_at_role),
        ):
            self.witness = witness_main.build(venue)
        self.witness._leadership._board = cast(Board, LeaseBoard(venue.board, side))
        self._turns: Coroutine[Any, Any, None] | None = None

    def step(self, now_ns: int) -> int:
        work = self.witness.poll(now_ns)
        self._turns = self._turns or self.witness._run()
        self._turns.send(None)
        return work

    def attach(self, _consumers: object, _board: object) -> None:
        """It has no rings."""


def show_health(venue: Venue, agents: tuple[str, ...], now_ns: int) -> None:
    """A host of the core shows that it turns."""
    for agent in agents:
        if role_of(agent) in CARRIED_ROLES:
            shown = dict.fromkeys(("pid", "state", "work", "rounds", "started_ns", "blocked"), 1)
            venue.board.show_health(venue.topology.slot_of(agent), shown | {"heartbeat_ns": now_ns})
