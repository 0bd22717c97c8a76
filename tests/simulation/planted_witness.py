"""Bugs of two nodes with a witness that are planted, to show that the simulation finds them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from lockstep.procs.witness import leadership
from lockstep.procs.witness.leadership import Leadership
from lockstep.shm.board import Word
from tests.simulation.bugs import Bug

if TYPE_CHECKING:
    from tests.simulation.lifecycle import Life


class LeaseKeptTooLong(Bug):
    """I9: a node releases for a while after its lease has ended."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(leadership, "MARGIN", -1):
            yield


class LeaseByWallClock(Bug):
    """I9: a lease lasts longer on a host whose clock is set back."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:
        with patch.object(type(world), "lease_ns", lambda side: side.utc()):
            yield


class TakenWithoutCompare(Bug):
    """I9: a node takes the lease, or changes members, whatever has changed meanwhile."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(Leadership, "_unchanged", lambda *_: {}):
            yield


class TakenByNoMember(Bug):
    """I2: a secondary takes over whether or not it has all that was acknowledged."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(Leadership, "_unfit", lambda *_: ""):
            yield


class RestoredEtcdBelieved(Bug):
    """I9, I2: a node goes by what etcd knew once."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(Leadership, "_check", lambda *_: None):
            yield


class SentWithoutLease(Bug):
    """LOG-13: a gateway writes to its clients whether or not this node has the lease."""

    def stage(self, name: str, stage: Any, world: Life) -> Any:
        return Unleased(stage, world) if name == "gateway.1" else stage


class Unleased:
    """A gateway that takes its venue for one without a witness."""

    def __init__(self, stage: Any, world: Life) -> None:
        self._stage = stage
        self._world = world

    def step(self, now_ns: int) -> int:
        board = self._world.ground.board
        until = board.get(Word.LEASE_UNTIL)
        board.set(Word.LEASE_UNTIL, 0)
        try:
            return int(self._stage.step(now_ns))
        finally:
            board.set(Word.LEASE_UNTIL, until)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)


ALL: tuple[type[Bug], ...] = (
    LeaseKeptTooLong,
    LeaseByWallClock,
    TakenWithoutCompare,
    TakenByNoMember,
    RestoredEtcdBelieved,
    SentWithoutLease,
)
BUGS_OF_WITNESS: dict[str, type[Bug]] = {bug.__name__: bug for bug in ALL}
