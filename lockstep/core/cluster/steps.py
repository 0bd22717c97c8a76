"""The steps of a command that changes the roles of two nodes: what each did and when, and waiting for a node's run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from lockstep.core.venue.venue import Venue, attach
from lockstep.shm.segment import RoleLock

LOOK_S = 0.002
LEAD_S = 120.0
Say = Callable[[str], None]
Show = Callable[[int, int], None]  # how many records are done, and of how many


class Instruction(Struct, frozen=True):
    """What the operator says: who is certain that the other node is off (`statement`), the node of which it is
    `accepted` that what it acknowledged may be lost, and that this node leads by its `clock`, whatever that says.
    Nothing changes by a `dry_run`.
    """

    statement: str = ""
    accepted: str = ""
    clock: bool = False
    dry_run: bool = False


class Step(Struct, frozen=True):
    """A step of the command, and the seconds since the command began."""

    at_s: float
    says: str


class FailedOver(Struct):
    """`outcome`: would lead (a dry run), or leads. `behind`: records that the other node had and this one lacks, as far
    as it said last."""

    outcome: str
    says: str
    steps: list[Step]
    epoch: int = 0
    seq: int = 0
    behind: int = 0
    took_s: float = 0.0


class Refused(Exception):  # noqa: N818
    """This node must not lead; the message says why, and what to do."""

    result = "this node does not lead"


class Steps:
    """The steps of a command, each with its time, told as they are done."""

    def __init__(self, say: Say) -> None:
        self.done: list[Step] = []
        self._say = say
        self._begun_s = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        return round(time.monotonic() - self._begun_s, 3)

    def say(self, what: str) -> None:
        """Note that this is done now."""
        self.done.append(Step(self.elapsed_s, what))
        self._say(f"{self.elapsed_s:8.3f} s  {what}")


def supervisor(data: Path) -> int:
    """The process that runs the node in `data`. Refused if there is none."""
    pid = RoleLock.holder(data / "venue.lock")
    if pid is None:
        raise Refused(f"it does not run (data: {data}): start it first")
    return pid


def look_again() -> None:
    """Wait a moment before the next look at the board.

    Polling is right here: bells wake the venue's own processes, and a command that waited on one and was killed would
    leave it behind. A look reads a word of shared memory, and LOOK_S is all that it adds to a failover.
    """
    time.sleep(LOOK_S)


def await_(data: Path, done: Callable[[Venue], bool], what: str, timeout_s: float | None = None) -> None:
    """Wait until `done` is true of the node's run. Refused if the node ends first, or takes too long."""
    deadline_s = time.monotonic() + (LEAD_S if timeout_s is None else timeout_s)
    venue = attach(data)
    while venue is None or not done(venue):
        supervisor(data)
        if time.monotonic() > deadline_s:
            raise Refused(f"it does not {what} yet: what its supervisor prints says why. Repeat this command")
        look_again()
        venue = venue or attach(data)
