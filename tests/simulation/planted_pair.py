"""Bugs of two nodes that are planted, to show that the simulation finds them. Each names what it breaks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from lockstep.procs.batcher import writer
from lockstep.procs.replicator import filling
from lockstep.procs.replicator.filling import Filling
from lockstep.procs.replicator.handshake import Hello
from lockstep.procs.replicator.receiver import Receiver
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Producer
from tests.simulation.bugs import Bug, ReservationsUnread

if TYPE_CHECKING:
    from tests.simulation.lifecycle import Life
    from tests.simulation.side import Side


class AcknowledgedBeforeSync(Bug):
    """LOG-13: the secondary acknowledges what its disk does not have."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002

        def hasty(log: Producer, board: Board, own: Hello, _synced: bool, now_ns: int) -> Receiver:
            return Receiver(log, board, own, False, now_ns)

        with patch.object(filling, "Receiver", hasty):
            yield


class ReleasedAfterFencing(Bug):
    """LOG-13, I9: a primary says that it is fenced, and goes on."""

    def stage(self, name: str, stage: Any, world: Life) -> Any:
        return Unfenced(stage, world) if name == "replicator" else stage


class Unfenced:
    """A replicator that forgets the fence once it has told the other node of it."""

    def __init__(self, stage: Any, world: Life) -> None:
        self._stage = stage
        self._world = world

    def step(self, now_ns: int) -> int:
        work = int(self._stage.step(now_ns))
        shipper = self._stage.replicator._shipping._shipper
        if shipper is not None and shipper.is_told:
            self._world.ground.board.set(Word.FENCED, 0)
        return work

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)


class StaleFrameTaken(Bug):
    """I9: a frame of an old connection counts."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:
        cast("Side", world).pair.network.takes_stale = True
        yield


class SentUncommitted(Bug):
    """LOG-13: a gateway tells what its own disk has, and waits for no other node."""

    def stage(self, name: str, stage: Any, world: Life) -> Any:
        return Alone(stage, world) if name == "gateway.1" else stage


class Alone:
    """A gateway that takes its node for one that commits alone."""

    def __init__(self, stage: Any, world: Life) -> None:
        self._stage = stage
        self._world = world

    def step(self, now_ns: int) -> int:
        board = self._world.ground.board
        commit_by = board.get(Word.COMMIT_BY)
        if commit_by == Word.ACKED_SEQ:
            board.set(Word.COMMIT_BY, 0)
        try:
            return int(self._stage.step(now_ns))
        finally:
            board.set(Word.COMMIT_BY, commit_by)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)


class PromotedBehindAHole(Bug):
    """LOG-21: a secondary leads without what the primary has still to ship."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(Filling, "_has_all", lambda *_: True):
            yield


class ReservationLost(ReservationsUnread):
    """Decision 0039: a gateway that is to lead knows nothing of the numbers that the other node's has reserved."""

    def at_promotion(self, world: Life) -> None:
        gateway = world.host_of("gateway.1")
        if gateway.alive:
            world.die(gateway)


class EpochUnchecked(Bug):
    """I9: a database takes the claim of a node that another one has followed."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(writer, "objection", lambda *_: ""):
            yield


ALL: tuple[type[Bug], ...] = (
    AcknowledgedBeforeSync,
    ReleasedAfterFencing,
    StaleFrameTaken,
    SentUncommitted,
    PromotedBehindAHole,
    ReservationLost,
    EpochUnchecked,
)
BUGS_OF_TWO: dict[str, type[Bug]] = {bug.__name__: bug for bug in ALL}
RARE = ("EpochUnchecked",)  # one seed in some hundreds meets it: it is pinned, and new seeds are not hunted for it
