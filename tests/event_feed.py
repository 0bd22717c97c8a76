"""The rings that an edge reads, played from a history of events: all of it at once, or command by command."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Consumer, Producer, Ring

ROUTER = 0
ALL = 1 << 62
CAUSE_AT, NUMBER_AT = 8, 24  # in an event's head

History = dict[int, list[bytes]]  # events by ring, the router's being 0; the first of each has number 1


def cause_of(record: bytes) -> int:
    return int.from_bytes(record[CAUSE_AT : CAUSE_AT + 8], "little")


def number_of(record: bytes) -> int:
    return int.from_bytes(record[NUMBER_AT : NUMBER_AT + 8], "little")


class EventFeed:
    """Private rings for `reader` that begin after the numbers in `behind`, and a board. The history may go on."""

    def __init__(
        self, history: History, reader: str, *, slots: int = 256, behind: Sequence[int] = (),
        board: Board | None = None,
    ) -> None:  # fmt: skip
        self.history = history
        self.board = board or Board.private()
        rings = {
            ring: Ring.private(slots, [reader], first_seq=number + 1)
            for ring, number in itertools.zip_longest(history, behind[: len(history)], fillvalue=0)
        }
        self.producers: dict[int, Producer] = {ring: made.producer() for ring, made in rings.items()}
        self.consumers: dict[int, Consumer] = {ring: made.consumer(reader) for ring, made in rings.items()}

    def publish(self, seq: int = ALL) -> bool:
        """Put in what was caused up to `seq`; False if a ring is full before that."""
        room = [self.publish_to(ring, seq) for ring in self.producers]
        return all(room)

    def publish_to(self, ring: int, seq: int = ALL) -> bool:
        """`publish`, for one ring."""
        producer, records = self.producers[ring], self.history[ring]
        while producer.next <= len(records) and cause_of(records[producer.next - 1]) <= seq:
            if not producer.room():
                return False
            producer.put(records[producer.next - 1])
        return True

    def release(self, seq: int) -> None:
        """All up to `seq` is durable, and the router has done it."""
        self.board.set(Word.DURABLE_SEQ, seq)
        self.board.set(Word.ROUTER_DONE, seq)

    def done(self, *seqs: int) -> None:
        """What each matcher has done, from the first one on."""
        for matcher, seq in enumerate(seqs):
            self.board.set(Word.MATCHER_DONE + matcher, seq)

    def commit(self, seq: int) -> None:
        """Everything up to `seq` is done by all and durable."""
        self.release(seq)
        self.done(*[seq] * (len(self.history) - 1))
