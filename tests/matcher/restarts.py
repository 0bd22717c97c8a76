"""A matcher that is restarted from its saved state, between any two commands, and goes on beside its model.

The new one has rings of its own, which begin where the old one's ended; every byte of every later event must agree.
"""

from __future__ import annotations

from random import Random

from lockstep.procs.matcher.matcher import Matcher
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Ring
from tests.matcher.pair import MATCHER_DUE, TINY, ThroughRings
from tests.tables.parts import load, part_of


class Restarting(ThroughRings):
    """`restart` may be called between any two commands."""

    def __init__(self, batches: Random, slots: int = TINY) -> None:
        super().__init__(batches, slots)
        self.restarts = 0

    def restart(self) -> None:
        self.settle()
        part, old = part_of(self.matcher), self.matcher
        assert part == part_of(old), "saving it changed it"
        self.log = Ring.private(1024, ["matcher.1"], first_seq=self.seq + 1)
        self.events = Ring.private(self.events.capacity, ["test"], first_seq=self.model.number + 1)
        self.board = Board.private()
        self.producer = self.log.producer()
        self.reader = self.events.consumer("test")
        self.matcher = Matcher(1, self.log.consumer("matcher.1"), self.events.producer(), self.board)
        load(self.matcher, part)
        assert self.matcher.digest() == old.digest()
        assert part_of(self.matcher) == part, "what was loaded is not what was saved"
        assert self.board.get(Word.MATCHER_DONE) == self.seq
        assert not self.model.due_ns or 0 < self.board.get(MATCHER_DUE) <= self.model.due_ns, "no tick would come"
        self.matcher.book.check()
        self.restarts += 1
