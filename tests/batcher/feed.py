"""Plays a stream of events into private rings, as the venue does after every start: all of them, from number 1 on."""

from __future__ import annotations

from shm.board import Board, Word
from shm.ring import Consumer, Ring
from tests.batcher.events import Stream


class Feed:
    """The stream's rings and a board. `publish` puts events up to a sequence into the rings while they have room."""

    def __init__(self, stream: Stream, slots: int = 256) -> None:
        self.stream = stream
        self.board = Board.private()
        self.board.set(Word.EPOCH, 1)
        count = len(stream.rings)
        rings = [Ring.private(slots, ["batcher"]) for _ in range(count)]
        self._producers = [ring.producer() for ring in rings]
        self._causes = [[cause for ring, cause in stream.causes if ring == i] for i in range(count)]
        self._next = [0] * count
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

    def commit(self, seq: int) -> None:
        """Everything up to `seq` is done by the producers and durable."""
        for word in (Word.ROUTER_DONE, Word.MATCHER_DONE, Word.DURABLE_SEQ):
            self.board.set(word, seq)
