"""Retention: whole segments below a sequence go, oldest first; what is left is a journal."""

from __future__ import annotations

import pytest

from lockstep.core.journal.end import chain_at
from lockstep.core.journal.format import file_name
from lockstep.core.journal.journal import JournalCorrupt, JournalReader, segment_seqs, verify
from lockstep.core.journal.retain import retain
from lockstep.core.journal.writer import JournalWriter
from tests.models import journal as model
from tests.simulation.disk import FakeDisk

SEGMENT = 3 * 4096  # two batches of up to 31 records


def written(disk: FakeDisk, batches: int = 8) -> JournalWriter:
    writer = JournalWriter(disk, segment_bytes=SEGMENT)
    for _ in range(batches):
        writer.append(model.records(writer.last_seq + 1, 10))
    return writer


@pytest.mark.parametrize(
    ("from_seq", "gone"),
    [(1, []), (20, []), (21, [1]), (22, [1]), (40, [1]), (41, [1, 21]), (61, [1, 21, 41]), (10**9, [1, 21, 41])],
)
def test_whole_segments_below_a_sequence_go(from_seq: int, gone: list[int]) -> None:
    disk = FakeDisk(1)
    writer = written(disk)
    assert writer.retain(from_seq) == gone
    kept = [seq for seq in (1, 21, 41, 61) if seq not in gone]
    assert segment_seqs(disk) == kept
    assert writer.first_seq == kept[0]
    writer.append(model.records(81, 10))
    writer.close()
    with JournalWriter(disk, segment_bytes=SEGMENT) as again:
        assert (again.first_seq, again.last_seq) == (kept[0], 90)
        assert again.chain == model.chain(model.records(1, 90))
    assert list(JournalReader(disk, kept[0])) == model.records(kept[0], 91 - kept[0])


def test_nothing_goes_if_what_stays_is_damaged() -> None:
    disk = FakeDisk(1)
    written(disk).close()
    disk.entries[file_name(41)].cached[100] ^= 1
    with pytest.raises(JournalCorrupt):
        retain(disk, 45)
    assert segment_seqs(disk) == [1, 21, 41, 61]


def test_interrupted_anywhere_it_leaves_no_gap() -> None:
    for at in range(1, 8):
        disk = FakeDisk(at)
        writer = written(disk)
        disk.power_off_at = disk.operations + at
        try:
            writer.retain(61)
        except OSError:
            disk.power_on()
        assert segment_seqs(disk) in ([1, 21, 41, 61], [21, 41, 61], [41, 61], [61])
        report = verify(disk)
        assert (report.corruption, report.last_seq) == (None, 80)


def test_the_chain_up_to_any_record_is_known() -> None:
    disk = FakeDisk(1)
    written(disk).close()
    retain(disk, 25)
    for seq in (20, 21, 29, 30, 31, 40, 41, 79, 80):
        assert chain_at(disk, seq) == model.chain(model.records(1, seq))
