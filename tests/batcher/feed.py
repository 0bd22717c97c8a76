"""Plays a stream of events to a batcher, as the venue does after a start: from number 1 on, or from a mark."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from lockstep.procs.batcher.backfill_process import FillError
from lockstep.shm.board import Word
from tests.batcher.events import Stream
from tests.event_feed import EventFeed, cause_of


class Feed(EventFeed):
    """The stream's rings, which begin behind `numbers`, if there are any, and the board of a venue that leads."""

    def __init__(self, stream: Stream, slots: int = 256, numbers: Sequence[int] = ()) -> None:
        super().__init__(stream.rings, "batcher", slots=slots, behind=numbers)
        self.stream = stream
        self.board.set(Word.EPOCH, 1)

    def release_published(self) -> None:
        """Everything that is in the rings is durable, and done as far as it is there."""
        self.release(self.stream.seq)
        waiting = [
            cause_of(self.history[ring][producer.next - 1])
            for ring, producer in self.producers.items()
            if producer.next <= len(self.history[ring])
        ]
        self.done(min(waiting, default=self.stream.seq + 1) - 1)


def no_journal(_epoch: int, _born_ns: int, _stopping: threading.Event) -> None:
    """What fills a gap where there is no journal."""
    raise FillError("there is no journal")
