"""Damaged journals: a torn last write is cut and kept aside, all else is refused with file and offset (LOG-28)."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lockstep.core.journal import mark as journal_mark
from lockstep.core.journal.journal import (
    JournalCorrupt,
    JournalError,
    JournalReader,
    JournalShort,
    segment_path,
    segment_seqs,
    verify,
)
from lockstep.core.journal.writer import JournalWriter
from tests.models import journal as model

PAGE = 4096
HEADER = 128
SLOT = 128
SMALL = 16 * PAGE


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory: thousands of syncs are not what is tested here (test_journal_processes.py uses a disk)."""
    # A writer that was refused may live on in its traceback, and prepare a segment while this is removed.
    with TemporaryDirectory(dir="/dev/shm", prefix="journal-test-", ignore_cleanup_errors=True) as name:
        yield Path(name)


class Batch:
    """Where a batch lies, and what it holds."""

    def __init__(self, file: Path, offset: int, first_seq: int, count: int) -> None:
        self.file = file
        self.offset = offset
        self.first_seq = first_seq
        self.count = count
        self.data_bytes = HEADER + SLOT * count
        self.bytes = -(-self.data_bytes // PAGE) * PAGE


def write_journal(folder: Path, counts: list[int], segment_bytes: int = SMALL) -> list[Batch]:
    """A journal of batches of these many records, and where they lie."""
    batches: list[Batch] = []
    with JournalWriter(folder, "local", segment_bytes) as writer:
        for count in counts:
            first = writer.last_seq + 1
            writer.append(model.records(first, count))
            segment = segment_seqs(folder)[-1]
            before = [batch for batch in batches if batch.file == segment_path(folder, segment)]
            offset = before[-1].offset + before[-1].bytes if before else PAGE
            batches.append(Batch(segment_path(folder, segment), offset, first, count))
    return batches


def overwrite(file: Path, offset: int, data: bytes) -> None:
    with file.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)


def flip(file: Path, offset: int, bit: int = 0) -> None:
    with file.open("r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)[0]
        stream.seek(offset)
        stream.write(bytes([byte ^ (1 << bit)]))


def cut(whole: bytes, batch: Batch, at: int) -> bytes:
    return whole[: batch.offset + at]


def zeroed(whole: bytes, batch: Batch, at: int) -> bytes:
    return whole[: batch.offset + at] + bytes(batch.bytes - at) + whole[batch.offset + batch.bytes :]


def garbled(whole: bytes, batch: Batch, at: int) -> bytes:
    noise = random.Random(at).randbytes(batch.bytes - at)
    return whole[: batch.offset + at] + noise + whole[batch.offset + batch.bytes :]


Damage = Callable[[bytes, Batch, int], bytes]
DAMAGES: list[Damage] = [cut, zeroed, garbled]


def is_whole(whole: bytes, damaged: bytes, batch: Batch) -> bool:
    data = slice(batch.offset, batch.offset + batch.data_bytes)
    return len(damaged) >= batch.offset + batch.bytes and whole[data] == damaged[data]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("count", [1, 33])
def test_a_torn_last_batch_is_seen_at_every_byte(tmp_path: Path, damage: Damage, count: int) -> None:
    folder = tmp_path / "journal"
    *_, last = write_journal(folder, [3, 2, count], 8 * PAGE)
    whole = last.file.read_bytes()
    for at in range(0, last.bytes, 1 if count == 1 else 7):
        damaged = damage(whole, last, at)
        last.file.write_bytes(damaged)
        report = verify(folder)
        assert report.corruption is None, at
        assert report.last_seq == (last.first_seq + count - 1 if is_whole(whole, damaged, last) else 5), at
        left = b"" if report.last_seq > 5 else damaged[last.offset :].rstrip(b"\0")
        assert report.torn_bytes == len(left), at


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("at", [0, 1, 8, 12, 127, 128, 136, 255, 256, 1000, 4095, 4096, 5000, 5130])
def test_a_torn_last_batch_is_cut_and_kept_aside(tmp_path: Path, damage: Damage, at: int) -> None:
    folder = tmp_path / "journal"
    *_, last = write_journal(folder, [3, 2, 40])
    damaged = damage(last.file.read_bytes(), last, at)
    last.file.write_bytes(damaged)
    torn = damaged[last.offset :].rstrip(b"\0")
    with JournalWriter(folder, segment_bytes=SMALL) as writer:
        assert writer.last_seq == 5
        assert writer.chain == model.chain(model.records(1, 5))
        if torn:
            assert writer.torn is not None
            assert writer.torn.name.startswith("torn-6-")
            assert last.file.read_bytes() == damaged  # until something is written, a witness can refuse
        else:
            assert writer.torn is None
        writer.append(model.records(6, 70))
        assert writer.torn is None or writer.torn.read_bytes() == torn
    assert list(JournalReader(folder)) == model.records(1, 75)
    assert verify(folder).torn_bytes == 0


def test_what_is_cut_does_not_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    *_, last = write_journal(folder, [3, 200, 1])
    whole = last.file.read_bytes()
    flip(last.file, PAGE + PAGE + 500)  # tears the 200, with the 1 behind it, so cut that one first
    last.file.write_bytes(cut(last.file.read_bytes(), last, 0) + bytes(len(whole) - last.offset))
    with JournalWriter(folder, segment_bytes=SMALL) as writer:
        assert writer.last_seq == 3
        writer.append(model.records(4, 1))
    report = verify(folder)
    assert (report.last_seq, report.torn_bytes, report.corruption) == (4, 0, None)


def in_the_middle(batch: Batch) -> list[int]:
    """Offsets in a batch whose change must be seen: header, and the records without their slot words."""
    records = [HEADER + SLOT * i + byte for i in range(batch.count) for byte in (8, 11, 12, 16, 23, 24, 60, 127)]
    return [*range(HEADER), *records]


def test_a_flipped_bit_in_the_middle_is_refused_with_file_and_offset(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    first, second, _ = write_journal(folder, [3, 5, 1])
    for batch in (first, second):
        for at in in_the_middle(batch):
            flip(batch.file, batch.offset + at, at % 8)
            report = verify(folder)
            assert (report.corrupt_file, report.corrupt_offset) == (str(batch.file), batch.offset), at
            assert report.last_seq == batch.first_seq - 1
            flip(batch.file, batch.offset + at, at % 8)
    assert verify(folder).corruption is None


@pytest.mark.parametrize("at", [0, 8, 12, 40, 127, 128 + 8, 128 + 127])
def test_a_journal_with_a_flipped_bit_in_the_middle_is_not_opened_nor_changed(tmp_path: Path, at: int) -> None:
    folder = tmp_path / "journal"
    first, *_ = write_journal(folder, [3, 5, 1])
    flip(first.file, first.offset + at)
    before = first.file.read_bytes()
    with pytest.raises(
        JournalCorrupt, match=r"the batch from sequence \d+ behind it is whole.*lockstep verify"
    ) as caught:
        JournalWriter(folder, segment_bytes=SMALL)
    assert (caught.value.file, caught.value.offset) == (first.file, first.offset)
    assert first.file.read_bytes() == before
    assert not list(folder.glob("torn-*"))


def test_slot_words_and_padding_mean_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    first, *_ = write_journal(folder, [3, 5, 1])
    for at in (HEADER, HEADER + SLOT + 7, first.data_bytes, first.bytes - 1):
        flip(first.file, first.offset + at)
    assert list(JournalReader(folder)) == model.records(1, 9)
    assert verify(folder).corruption is None


def test_every_byte_of_a_segment_header_counts(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    *_, last = write_journal(folder, [5] * 20, 8 * PAGE)
    assert len(segment_seqs(folder)) == 3
    for file in (segment_path(folder, seq) for seq in segment_seqs(folder)):
        for at in (*range(72), 100, 4095):
            flip(file, at)
            report = verify(folder)
            assert (report.corrupt_file, report.corrupt_offset) == (str(file), 0), at
            flip(file, at)
    flip(last.file, 4095)
    with pytest.raises(JournalCorrupt, match="segment header fails its checksum"):
        JournalWriter(folder, segment_bytes=SMALL)


def test_older_segments_must_end_where_the_next_begins(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    batches = write_journal(folder, [5] * 20, 8 * PAGE)
    for victim in (batches[0], batches[6], batches[9], batches[13]):
        kept = victim.file.read_bytes()
        overwrite(victim.file, victim.offset, bytes(PAGE))
        with pytest.raises(JournalCorrupt, match="no batch header") as caught:
            JournalWriter(folder, segment_bytes=8 * PAGE)
        assert (caught.value.file, caught.value.offset) == (victim.file, victim.offset)
        assert verify(folder).corrupt_offset == victim.offset
        victim.file.write_bytes(kept)


def test_a_flipped_record_of_an_older_segment_is_found_by_readers(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    batches = write_journal(folder, [5] * 20, 8 * PAGE)
    victim = batches[3]
    flip(victim.file, victim.offset + HEADER + 2 * SLOT + 50)
    with pytest.raises(JournalCorrupt, match="a record of the batch fails its checksum") as caught:
        list(JournalReader(folder))
    assert (caught.value.file, caught.value.offset) == (victim.file, victim.offset)
    reason = verify(folder).corruption
    assert reason is not None
    assert reason.startswith("a record of the batch fails its checksum")


def test_a_lost_segment_is_missed(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    write_journal(folder, [5] * 20, 8 * PAGE)
    first, second, _ = segment_seqs(folder)
    segment_path(folder, second).unlink()
    with pytest.raises(JournalCorrupt) as caught:
        JournalWriter(folder, segment_bytes=8 * PAGE)
    assert caught.value.file == segment_path(folder, first)


def test_stale_batches_behind_the_end_are_not_taken_for_new_ones(tmp_path: Path) -> None:
    folder, other = tmp_path / "journal", tmp_path / "other"
    batches = write_journal(folder, [5] * 17, 8 * PAGE)
    strangers = write_journal(other, [5] * 18, 8 * PAGE)
    last = batches[-1]
    behind = last.offset + last.bytes
    older = batches[0].file.read_bytes()[batches[0].offset :][: 7 * PAGE]
    same_segment = last.file.read_bytes()[last.offset :][:PAGE]
    stranger = strangers[-1].file.read_bytes()[strangers[-1].offset :][:PAGE]
    assert strangers[-1].first_seq == last.first_seq + 5
    whole = last.file.read_bytes()
    for stale in (older[: len(whole) - behind], same_segment, stranger):
        overwrite(last.file, behind, stale)
        report = verify(folder)
        assert (report.last_seq, report.corruption) == (85, None)
        assert report.torn_bytes == len(stale.rstrip(b"\0"))
        with JournalWriter(folder, segment_bytes=8 * PAGE) as writer:
            assert writer.last_seq == 85
            writer.append(model.records(86, 5))
        report = verify(folder)
        assert (report.last_seq, report.corruption, report.torn_bytes) == (90, None, 0)
        last.file.write_bytes(whole)


def test_a_stale_segment_under_a_new_name_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    write_journal(folder, [5] * 14, 8 * PAGE)
    stale = segment_path(folder, 71)
    shutil.copy(segment_path(folder, 1), stale)
    with pytest.raises(JournalCorrupt, match="stale content") as caught:
        JournalWriter(folder, segment_bytes=8 * PAGE)
    assert (caught.value.file, caught.value.offset) == (stale, 0)


def test_a_segment_of_another_journal_is_refused(tmp_path: Path) -> None:
    folder, other = tmp_path / "journal", tmp_path / "other"
    write_journal(folder, [5] * 14, 8 * PAGE)
    write_journal(other, [5] * 15, 8 * PAGE)
    shutil.copy(segment_path(other, 71), segment_path(folder, 71))
    with pytest.raises(JournalCorrupt, match="another journal"):
        JournalWriter(folder, segment_bytes=8 * PAGE)


def test_another_schema_or_format_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    write_journal(folder, [1])
    file = segment_path(folder, 1)
    whole = bytearray(file.read_bytes())
    whole[16] ^= 1
    whole[8:12] = model.crc32c(bytes(whole[12:PAGE])).to_bytes(4, "little")
    file.write_bytes(whole)
    with pytest.raises(JournalError, match="another schema of records"):
        JournalWriter(folder, segment_bytes=SMALL)
    whole[12] ^= 2
    file.write_bytes(whole)
    with pytest.raises(JournalError, match="another version of the journal format"):
        JournalWriter(folder, segment_bytes=SMALL)


@pytest.mark.parametrize("leftover", [b"half of it", bytes(PAGE), bytes(2 * PAGE), bytes(9 * PAGE), b"rubbish" * PAGE])
def test_a_preparation_that_was_left_is_taken_up(tmp_path: Path, leftover: bytes) -> None:
    folder = tmp_path / "journal"
    write_journal(folder, [5] * 3, 4 * PAGE)
    (folder / "prepared").write_bytes(leftover)
    for expected in (15, 55):
        with JournalWriter(folder, segment_bytes=4 * PAGE) as writer:
            assert writer.last_seq == expected
            for _ in range(40):
                writer.append(model.records(writer.last_seq + 1, 1))
    report = verify(folder)
    assert (report.last_seq, report.torn_bytes, report.corruption) == (95, 0, None)


@pytest.mark.parametrize("durability", ["local", "none"])
@pytest.mark.parametrize("count", [1, 40])
def test_damage_behind_an_orderly_stop_is_no_torn_write(tmp_path: Path, durability: str, count: int) -> None:
    folder = tmp_path / "journal"
    with JournalWriter(folder, durability, SMALL) as writer:
        for first, records in ((1, 3), (4, count)):
            writer.append(model.records(first, records))
        writer.finish()
    file = segment_path(folder, 1)
    whole = file.read_bytes()
    last = Batch(file, 2 * PAGE, 4, count)
    for at in (0, 20, HEADER + 8, HEADER + 40, last.data_bytes - 1):
        file.write_bytes(whole)
        flip(file, last.offset + at)
        damaged = file.read_bytes()
        with pytest.raises(JournalShort) as refused:
            JournalWriter(folder, durability, SMALL)
        assert (refused.value.file, refused.value.offset) == (file, last.offset)
        for words in (f"ends at 3, and the venue's last orderly stop knows record {3 + count}", "repair-journal"):
            assert words in str(refused.value)
        assert file.read_bytes() == damaged
        report = verify(folder)
        assert (report.corrupt_file, report.corrupt_offset) == (str(file), last.offset)
    file.write_bytes(whole)
    with JournalWriter(folder, durability, SMALL) as writer:
        assert (writer.last_seq, writer.torn) == (3 + count, None)


def test_a_mark_is_the_least_that_a_journal_has(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with JournalWriter(folder, "local", SMALL) as writer:
        writer.append(model.records(1, 3))
        writer.finish()
    with JournalWriter(folder, "local", SMALL) as writer:
        writer.append(model.records(4, 2))  # and it is killed: a batch behind the mark may be torn
    flip(segment_path(folder, 1), 2 * PAGE)
    with JournalWriter(folder, "local", SMALL) as writer:
        assert (writer.last_seq, writer.torn is None) == (3, False)


def test_a_mark_of_other_records_is_told(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with JournalWriter(tmp_path / name, "local", SMALL) as writer:
            writer.append(model.records(1, 3))
            writer.finish()
    shutil.copy(tmp_path / "a" / journal_mark.NAME, tmp_path / "b" / journal_mark.NAME)
    with pytest.raises(JournalCorrupt, match="another journal's stop"):
        JournalWriter(tmp_path / "b", "local", SMALL)
    flip(tmp_path / "b" / journal_mark.NAME, 30)  # a mark that is damaged knows nothing
    with JournalWriter(tmp_path / "b", "local", SMALL) as writer:
        assert writer.last_seq == 3
