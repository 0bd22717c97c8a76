"""Watches a simulated venue's rings: what was committed and what was released, over all its lives.

What was said once can't be said otherwise later: I2, I6 and I8 at the rings themselves.
"""

from __future__ import annotations

from collections import deque

from lockstep.core.venue.venue import Venue
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer
from tests.broken import require

NAME = "audit"


class Audit:
    """`log` has every record that was ever committed, `events[ring]` every event that was ever released."""

    def __init__(self, before: Audit | None = None) -> None:
        """With `before`, the two have one knowledge: both add to it, and hold what they see against it."""
        self.log: dict[int, bytes] = before.log if before else {}
        self.events: dict[int, dict[int, bytes]] = before.events if before else {ring: {} for ring in range(9)}
        self.compared = 0
        self._readers: dict[int, Consumer] = {}
        self._unreleased: dict[int, deque[bytes]] = {}

    def attach(self, venue: Venue) -> None:
        """Watch a run of the venue from its first record on."""
        self._venue = venue
        self._log = venue.consumer("log", NAME)
        self._uncommitted: deque[bytes] = deque()
        self._readers = {0: venue.consumer("events.router", NAME)}
        self._readers |= {number: venue.consumer(f"events.matcher.{number}", NAME) for number in venue.matchers}
        self._unreleased = {ring: deque() for ring in self._readers}

    def step(self) -> int:
        released, committed = self.reach(self._venue.board)
        records = self._log.take()
        self._uncommitted.extend(records)
        work = len(records)
        while self._uncommitted and seq_of(self._uncommitted[0]) <= committed:
            self._commit(self._uncommitted.popleft())
        for ring, reader in self._readers.items():
            taken = reader.take()
            work += len(taken)
            waiting = self._unreleased[ring]
            waiting.extend(taken)
            while waiting and seq_of(waiting[0]) <= released:
                self._release(ring, waiting.popleft())
        return work

    def reach(self, board: Board) -> tuple[int, int]:
        """Up to which command events are released, and records committed."""
        return board.release_position(), board.commit_position()

    def _commit(self, record: bytes) -> None:
        seq = seq_of(record)
        before = self.log.get(seq)
        if before is None:
            require(not self.log or seq == len(self.log) + 1, f"record {seq} follows {len(self.log)}")
            self.log[seq] = record
        else:
            self.compared += 1
            require(before == record, f"I2: record {seq} was committed, and is another now")

    def _release(self, ring: int, event: bytes) -> None:
        number = number_of(event)
        known = self.events[ring]
        before = known.get(number)
        if before is None:
            require(number == len(known) + 1, f"I8: event {number} of ring {ring} follows {len(known)}")
            known[number] = event
        else:
            self.compared += 1
            require(before == event, f"I6: event {number} of ring {ring} was released, and is another now")


def seq_of(record: bytes) -> int:
    """A command's sequence; an event's cause."""
    return int.from_bytes(record[8:16], "little")


def number_of(event: bytes) -> int:
    return int.from_bytes(event[24:32], "little")
