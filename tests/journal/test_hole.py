"""Mode none: what a loss of power may leave is cut and kept aside, what it can't leave is refused (decision 0013)."""

from __future__ import annotations

import pytest

from lockstep.core.journal.format import file_name
from lockstep.core.journal.journal import JournalCorrupt, JournalReader, segment_seqs, verify
from lockstep.core.journal.writer import JournalWriter
from tests.models import journal as model
from tests.simulation.disk import FakeDisk, Fates

PAGE = 4096
SEGMENT = 4 * PAGE  # three batches of up to 31 records


def append(writer: JournalWriter, *counts: int) -> None:
    for count in counts:
        writer.append(model.records(writer.last_seq + 1, count))


def lose(disk: FakeDisk, seq: int, page: int) -> None:
    """Lose power: of all that is not synced, only this page of the segment is lost."""
    dirty = disk.entries[file_name(seq)].dirty
    for sector in range(page * 8, page * 8 + 8):
        del dirty[sector]
    disk.power_on(Fates(disk.draw, kept=1.0))


def flip(disk: FakeDisk, seq: int, offset: int) -> None:
    disk.entries[file_name(seq)].cached[offset] ^= 1


def test_a_hole_is_cut_and_kept_aside() -> None:
    disk = FakeDisk(1)
    append(JournalWriter(disk, "none", SEGMENT), 10, 10, 10)
    lose(disk, 1, 2)
    report = verify(disk)
    assert (report.last_seq, report.hole, report.corruption) == (10, True, None)
    writer = JournalWriter(disk, "none", SEGMENT)
    assert (writer.last_seq, writer.hole) == (10, True)
    assert writer.torn is not None
    append(writer, 5)
    assert model.record(29)[8:] in disk.load(writer.torn.name)
    assert list(JournalReader(disk)) == model.records(1, 15)
    report = verify(disk)
    assert (report.hole, report.torn_bytes) == (False, 0)


def test_a_hole_at_the_end_of_a_segment_takes_the_next_segment_with_it() -> None:
    disk = FakeDisk(1)
    append(JournalWriter(disk, "none", SEGMENT), 10, 10, 10, 10, 10)
    disk.entries[file_name(1)].platter[3 * PAGE :] = bytes(PAGE)  # the background had not come to sync it
    disk.power_on(Fates(disk.draw, kept=1.0))
    assert segment_seqs(disk) == [1, 31]
    writer = JournalWriter(disk, "none", SEGMENT)
    assert (writer.last_seq, writer.hole) == (20, True)
    append(writer, 10)
    assert segment_seqs(disk) == [1]
    assert [name for name in disk.names() if name.startswith("torn")] == ["torn-21-1.bin", "torn-21-1.bin.31"]
    append(writer, 10, 10)
    assert list(JournalReader(disk)) == model.records(1, 50)


def test_a_torn_last_batch_is_no_hole() -> None:
    disk = FakeDisk(1)
    append(JournalWriter(disk, "none", SEGMENT), 10, 10, 40)
    lose(disk, 21, 1)
    writer = JournalWriter(disk, "none", SEGMENT)
    assert (writer.last_seq, writer.hole, writer.torn is None) == (20, False, False)


def test_what_was_synced_is_no_hole_in_mode_local() -> None:
    disk = FakeDisk(1)
    append(JournalWriter(disk, "local", SEGMENT), 10, 10, 10)
    disk.kill()
    flip(disk, 1, 2 * PAGE + 200)
    with pytest.raises(JournalCorrupt, match="yet the batch from sequence 21 behind it is whole"):
        JournalWriter(disk, "none", SEGMENT)


def test_what_an_opening_synced_is_no_hole_afterwards() -> None:
    disk = FakeDisk(1)
    append(JournalWriter(disk, "none", SEGMENT), 10)
    disk.kill()
    append(JournalWriter(disk, "none", SEGMENT), 10, 10)
    disk.kill()
    flip(disk, 1, PAGE + 200)
    with pytest.raises(JournalCorrupt, match="yet the batch from sequence 11 behind it is whole"):
        JournalWriter(disk, "none", SEGMENT)


def test_what_the_background_synced_is_no_hole_either() -> None:
    disk = FakeDisk(1)
    append(JournalWriter(disk, "none", SEGMENT), *[10] * 8)
    disk.kill()
    assert segment_seqs(disk) == [1, 31, 61]
    flip(disk, 1, 2 * PAGE)
    with pytest.raises(JournalCorrupt, match="yet the segment from sequence 61 behind it is whole"):
        JournalWriter(disk, "none", SEGMENT)


def test_a_missing_segment_is_no_hole() -> None:
    disk = FakeDisk(1)
    append(JournalWriter(disk, "none", SEGMENT), *[10] * 8)
    disk.kill()
    disk.delete(file_name(31))
    with pytest.raises(JournalCorrupt, match="segments between this one and the next are missing"):
        JournalWriter(disk, "none", SEGMENT)
