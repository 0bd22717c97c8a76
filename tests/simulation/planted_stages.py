"""Stages that have a bug: each is stepped in place of a right one.

For tests that show that the tests can fail; nothing else may use them.
"""

from __future__ import annotations

from typing import Any

from lockstep.core.schema.records import MAX_MATCHERS
from lockstep.core.venue.venue import Venue
from lockstep.shm.board import Board, Word

EVERYTHING = 2**62


class Hasty:
    """A journaler that says of everything in the log that it is on the disk."""

    def __init__(self, stage: Any, venue: Venue) -> None:
        self._stage = stage
        self._venue = venue

    def step(self, now_ns: int) -> int:
        work = int(self._stage.step(now_ns))
        self._venue.board.set(Word.DURABLE_SEQ, self._venue.ring("log").published)
        return work

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)


class Mirrored:
    """A stage whose board says what the venue's does, but that all is committed."""

    def __init__(self, stage: Any, boards: tuple[Board, Board]) -> None:
        self._stage = stage
        self._boards = boards

    def step(self, now_ns: int) -> int:
        true, told = self._boards
        for word in (*Word, *range(Word.MATCHER_DONE, Word.MATCHER_DONE + MAX_MATCHERS)):
            told.set(word, true.get(word))
        told.set(Word.DURABLE_SEQ, EVERYTHING)
        told.set(Word.ROUTER_DONE, EVERYTHING)
        return int(self._stage.step(now_ns))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)
