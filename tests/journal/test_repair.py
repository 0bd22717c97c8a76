"""Repair: what is damaged comes from a copy, if id, chain and records say that it is the same; else nothing changes."""

from __future__ import annotations

import pytest

from lockstep.core.journal.format import file_name
from lockstep.core.journal.journal import JournalCorrupt, JournalError, JournalReader, segment_seqs, verify
from lockstep.core.journal.repair import repair
from lockstep.core.journal.writer import JournalWriter
from tests.models import journal as model
from tests.simulation.disk import FakeDisk

PAGE = 4096
SEGMENT = 5 * PAGE
COUNTS = (3, 31, 40, 1, 5, 62, 7, 7)  # 1, 1, 2 | 1, 1, 2 | 1, 1 pages
LAST = sum(COUNTS)


def written(counts: tuple[int, ...] = COUNTS, seed: int = 1) -> FakeDisk:
    disk = FakeDisk(seed)
    with JournalWriter(disk, segment_bytes=SEGMENT) as writer:
        for count in counts:
            writer.append(model.records(writer.last_seq + 1, count))
    return disk


def copied(disk: FakeDisk, segments: int | None = None) -> FakeDisk:
    """Another disk with the same files, or with the first few segments."""
    copy = FakeDisk(2)
    for seq in segment_seqs(disk)[:segments]:
        copy.save(file_name(seq), disk.load(file_name(seq)))
    return copy


def rebatched(disk: FakeDisk) -> FakeDisk:
    """Another disk with the same records of the same journal, ten at a time, as a secondary would have them."""
    copy = copied(disk, 1)
    del copy.entries[file_name(1)].cached[PAGE:]
    with JournalWriter(copy, segment_bytes=SEGMENT) as writer:
        for at in range(1, LAST, 10):
            writer.append(model.records(at, min(10, LAST + 1 - at)))
    return copy


def flip(disk: FakeDisk, seq: int, *offsets: int) -> None:
    for offset in offsets:
        disk.entries[file_name(seq)].cached[offset] ^= 1


def test_a_whole_journal_needs_nothing() -> None:
    disk = written()
    before = {name: bytes(file.cached) for name, file in disk.entries.items()}
    assert repair(disk, FakeDisk(3)) == []
    assert before == {name: bytes(file.cached) for name, file in disk.entries.items()}


RECORDS = [
    (1, PAGE + 5, [(1, 3)]),
    (1, PAGE + 200, [(1, 3)]),
    (1, 2 * PAGE + 300, [(4, 34)]),
    (1, 3 * PAGE + 5000, [(35, 74)]),
    (75, PAGE + 9, [(75, 75)]),
    (75, 3 * PAGE + 4120, [(81, 142)]),
    (143, PAGE + 50, [(143, 149)]),
]
HEADERS: list[tuple[int, int, list[tuple[int, int]]]] = [(1, 30, []), (75, 30, []), (143, 4000, [])]


@pytest.mark.parametrize(("seq", "offset", "taken"), RECORDS + HEADERS)
def test_what_is_damaged_comes_from_the_copy(seq: int, offset: int, taken: list[tuple[int, int]]) -> None:
    disk = written()
    mends(disk, copied(disk), seq, offset, taken)


@pytest.mark.parametrize(("seq", "offset", "taken"), RECORDS)
def test_the_copy_may_be_batched_in_another_way(seq: int, offset: int, taken: list[tuple[int, int]]) -> None:
    disk = written()
    mends(disk, rebatched(disk), seq, offset, taken)


def mends(disk: FakeDisk, copy: FakeDisk, seq: int, offset: int, taken: list[tuple[int, int]]) -> None:
    whole = disk.load(file_name(seq))
    flip(disk, seq, offset)
    damaged = disk.load(file_name(seq))
    (repaired,) = repair(disk, copy)
    assert (repaired.file.name, repaired.taken) == (file_name(seq), taken)
    assert disk.load(repaired.kept.name) == damaged
    assert verify(disk).corruption is None
    assert list(JournalReader(disk)) == model.records(1, LAST)
    assert len(disk.load(file_name(seq))) >= len(whole)
    with JournalWriter(disk, segment_bytes=SEGMENT) as writer:
        assert writer.last_seq == LAST
        writer.append(model.records(LAST + 1, 5))


def test_several_damages_in_several_segments_are_mended_at_once() -> None:
    disk = written()
    copy = copied(disk)
    flip(disk, 1, PAGE, 3 * PAGE + 700)
    flip(disk, 75, 2 * PAGE + 128 + 40)
    assert [(each.file.name, each.taken) for each in repair(disk, copy)] == [
        (file_name(1), [(1, 3), (35, 74)]),
        (file_name(75), [(76, 80)]),
    ]
    assert list(JournalReader(disk)) == model.records(1, LAST)


def test_an_older_copy_is_enough_if_it_has_what_is_damaged() -> None:
    disk = written()
    copy = copied(disk, 1)
    flip(disk, 1, 2 * PAGE)
    repair(disk, copy)
    assert list(JournalReader(disk)) == model.records(1, LAST)


def refused(disk: FakeDisk, copy: FakeDisk, match: str) -> None:
    before = {name: bytes(file.cached) for name, file in disk.entries.items()}
    with pytest.raises(JournalError, match=match):
        repair(disk, copy)
    disk.entries.pop("repaired", None)
    assert before == {name: bytes(file.cached) for name, file in disk.entries.items()}


def test_a_copy_that_can_not_help_changes_nothing() -> None:
    disk = written()
    flip(disk, 75, 2 * PAGE)
    refused(disk, FakeDisk(3), "does not have the records 76 to 80")
    refused(disk, copied(disk, 1), "the file ends|no batch header")
    refused(disk, copied(disk), "fails its checksum|no batch header")
    refused(disk, written(), "another journal")


def test_a_copy_with_other_records_changes_nothing() -> None:
    disk = written()
    copy = copied(disk, 1)
    del copy.entries[file_name(1)].cached[2 * PAGE :]
    with JournalWriter(copy, segment_bytes=SEGMENT) as writer:
        writer.append([model.record(seq, amount=9) for seq in range(4, 35)])
    flip(disk, 1, 2 * PAGE)
    refused(disk, copy, "other records before 35 than were here")


def test_a_journal_that_is_written_is_not_repaired() -> None:
    disk = written()
    with JournalWriter(disk, segment_bytes=SEGMENT), pytest.raises(JournalError, match="stop the venue first"):
        repair(disk, copied(disk))


def test_power_may_fail_at_every_operation_of_a_repair() -> None:
    for at in range(1, 30):
        disk = written(seed=at)
        copy = copied(disk)
        flip(disk, 75, 2 * PAGE)
        disk.power_off_at = disk.operations + at
        try:
            repair(disk, copy)
        except OSError:
            disk.power_on()
            disk.entries[file_name(75)].forget()
        if verify(disk).corruption is not None:
            repair(disk, copy)
        assert list(JournalReader(disk)) == model.records(1, LAST)


def test_the_refusal_says_what_to_do() -> None:
    disk = written()
    flip(disk, 1, PAGE)
    with pytest.raises(JournalCorrupt, match=r"lockstep verify` .*; `lockstep repair-journal --from COPY` mends it"):
        JournalWriter(disk, segment_bytes=SEGMENT)
