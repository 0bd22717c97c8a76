"""A full disk: said while there is still a segment of room, waited out when that is used up, over when space returns.

LOG-29; that the router then refuses orders and lets cancels pass is the router's to test.
"""

from __future__ import annotations

import pytest

from lockstep.core.journal.journal import JournalReader, verify
from lockstep.core.journal.writer import JournalFull, JournalWriter
from lockstep.procs.journaler.journaler import Journaler
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Ring
from tests.compiled import look_after
from tests.models import journal as model
from tests.simulation.disk import FakeDisk

PAGE = 4096
SEGMENT = 8 * PAGE
CAPACITY = 6 * SEGMENT
LOOK_NS = 100_000_000


def append(writer: JournalWriter, count: int) -> None:
    writer.append(model.records(writer.last_seq + 1, count))


class Clock:
    """Looks at a writer's space, each time a tenth of a second later."""

    def __init__(self) -> None:
        self.now_ns = 0

    def look(self, writer: JournalWriter, times: int = 1) -> bool:
        """Whether it is nearly full, after this many looks."""
        for _ in range(times):
            self.now_ns += LOOK_NS
            look_after(writer, self.now_ns)
        return writer.nearly_full


def fill(writer: JournalWriter, clock: Clock, count: int) -> int:
    """Append batches until the disk is full; the last sequence before that was said to come."""
    unaware = 0
    while True:
        try:
            append(writer, count)
        except JournalFull as error:
            assert "can't prepare a segment" in str(error)  # noqa: PT017
            return unaware
        if not clock.look(writer, 2):
            unaware = writer.last_seq


def test_says_so_when_less_than_the_reserve_is_free() -> None:
    disk, clock = FakeDisk(1, CAPACITY), Clock()
    writer = JournalWriter(disk, segment_bytes=SEGMENT, reserve_bytes=2 * SEGMENT)
    assert not clock.look(writer, 20)
    disk.others_bytes = 3 * SEGMENT  # two segments are the journal's own: one is free
    assert clock.look(writer)
    disk.others_bytes = 2 * SEGMENT
    assert clock.look(writer), "it is over only with a segment more than the reserve free"
    disk.others_bytes = SEGMENT
    assert not clock.look(writer)


def test_there_is_a_segment_of_room_when_none_can_be_prepared() -> None:
    disk = FakeDisk(1, CAPACITY)
    writer = JournalWriter(disk, segment_bytes=SEGMENT, reserve_bytes=0)
    disk.others_bytes = 5 * SEGMENT - PAGE
    unaware = fill(writer, Clock(), 1)
    assert writer.nearly_full
    assert writer.last_seq - unaware >= SEGMENT // PAGE - 2
    assert verify(disk).last_seq == writer.last_seq


def test_goes_on_when_space_returns() -> None:
    disk, clock = FakeDisk(1, CAPACITY), Clock()
    writer = JournalWriter(disk, segment_bytes=SEGMENT, reserve_bytes=0)
    disk.others_bytes = CAPACITY - SEGMENT
    fill(writer, clock, 5)
    last = writer.last_seq
    with pytest.raises(JournalFull):
        append(writer, 5)
    assert writer.last_seq == last
    disk.others_bytes = 0
    append(writer, 5)
    assert not clock.look(writer, 20)
    assert list(JournalReader(disk)) == model.records(1, last + 5)


def test_an_empty_journal_needs_room_for_its_first_segment() -> None:
    with pytest.raises(JournalFull, match="can't prepare a segment"):
        JournalWriter(FakeDisk(1, SEGMENT - 1), segment_bytes=SEGMENT)


def test_the_journaler_waits_for_space_and_loses_nothing() -> None:
    disk = FakeDisk(1, CAPACITY)
    ring = Ring.private(256, ["journaler"])
    producer, board = ring.producer(), Board.private()
    journaler = Journaler(ring.consumer("journaler"), JournalWriter(disk, segment_bytes=SEGMENT), board)
    for record in model.records(1, 250):
        producer.put(record)
    disk.others_bytes = CAPACITY - SEGMENT
    now_ns = 0
    while journaler.step(now_ns := now_ns + LOOK_NS):
        pass
    durable = board.get(Word.DURABLE_SEQ)
    assert 0 < durable < 250
    assert journaler.journal.nearly_full
    assert ring.cursors()["journaler"] == durable
    disk.others_bytes = 0
    for _ in range(20):
        journaler.step(now_ns := now_ns + LOOK_NS)
    assert not journaler.journal.nearly_full
    assert list(JournalReader(disk, limit=250)) == model.records(1, 250)
