"""Plays a stream of events into private rings, as the venue does after a start: from number 1 on, or from a mark."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from procs.batcher.backfill_process import FillError
from shm.board import Board, Word
from shm.ring import Consumer, Ring
from tests.batcher.events import Stream


class Feed:
    """The stream's rings and a board. `publish` puts events up to a sequence into the rings while they have room.

    The rings begin behind `numbers`, if there are any.
    """

    def __init__(self, stream: Stream, slots: int = 256, numbers: Sequence[int] = ()) -> None:
        self.stream = stream
        self.board = Board.private()
        self.board.set(Word.EPOCH, 1)
        count = len(stream.rings)
        self._next = list(numbers)[:count] or [0] * count
        rings = [Ring.private(slots, ["batcher"], first_seq=before + 1) for before in self._next]
        self._producers = [ring.producer() for ring in rings]
        self._causes = [[cause for ring, cause in stream.causes if ring == i] for i in range(count)]
        self.consumers: dict[int, Consumer] = {i: ring.consumer("batcher") for i, ring in enumerate(rings)}

    def publish(self, seq: int) -> bool:
        """False where a ring was full before everything caused up to `seq` was in it."""
        whole = True
        for i, producer in enumerate(self._producers):
            while self._next[i] < len(self._causes[i]) and self._causes[i][self._next[i]] <= seq:
                if not producer.room():
                    whole = False
                    break
                producer.put(self.stream.rings[i][self._next[i]])
                self._next[i] += 1
        return whole

    def release(self) -> None:
        """Everything that is in the rings is durable, and done as far as it is there."""
        self.board.set(Word.ROUTER_DONE, self.stream.seq)
        self.board.set(Word.DURABLE_SEQ, self.stream.seq)
        waiting = [causes[following] for causes, following in zip(self._causes, self._next, strict=True)
                   if following < len(causes)]  # fmt: skip
        self.board.set(Word.MATCHER_DONE, min(waiting, default=self.stream.seq + 1) - 1)

    def commit(self, seq: int) -> None:
        """Everything up to `seq` is done by the producers and durable."""
        for word in (Word.ROUTER_DONE, Word.MATCHER_DONE, Word.DURABLE_SEQ):
            self.board.set(word, seq)


def no_journal(_epoch: int, _born_ns: int, _stopping: threading.Event) -> None:
    """What fills a gap where there is no journal."""
    raise FillError("there is no journal")
