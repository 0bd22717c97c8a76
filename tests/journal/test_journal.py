"""The journal against its model: whatever was committed is read back, however it was batched, rotated or reopened.

Damage is in test_journal_damage.py, dying processes in test_journal_processes.py.
"""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockstep.core.journal import end as journal_end
from lockstep.core.journal.end import first_header, segment_header
from lockstep.core.journal.journal import (
    JournalCorrupt,
    JournalError,
    JournalReader,
    segment_path,
    segment_seqs,
    verify,
)
from lockstep.core.journal.writer import JournalFull, JournalWriter
from tests.models import journal as model

PAGE = 4096
SMALL = 4 * PAGE


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory: thousands of syncs are not what is tested here (test_journal_processes.py uses a disk)."""
    # A writer that was refused may live on in its traceback, and prepare a segment while this is removed.
    with TemporaryDirectory(dir="/dev/shm", prefix="journal-test-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def append(writer: JournalWriter, count: int) -> list[bytes]:
    data = model.records(writer.last_seq + 1, count)
    writer.append(data)
    return data


def test_crc32c_of_the_model_is_the_standard_one() -> None:
    assert model.crc32c(b"123456789") == 0xE3069283


def test_a_fresh_journal_is_empty(folder: Path) -> None:
    with JournalWriter(folder, segment_bytes=SMALL) as writer:
        assert (writer.first_seq, writer.last_seq, writer.segment, writer.torn) == (1, 0, 1, None)
    report = verify(folder)
    assert (report.segments, report.records, report.torn_bytes, report.corruption) == (1, 0, 0, None)
    assert list(JournalReader(folder)) == []


def test_a_journal_that_begins_is_called_what_it_is_told_and_keeps_its_id(folder: Path, tmp_path: Path) -> None:
    for told in (b"0123456789abcdef", b"another one's id"):
        with JournalWriter(folder, segment_bytes=SMALL, journal_id=told, venue=told.decode()) as writer:
            append(writer, writer.max_batch)
        for seq in segment_seqs(folder):
            header = segment_header(folder, seq)
            assert (header.journal_id, header.venue) == (b"0123456789abcdef", "0123456789abcdef")
    assert len(segment_seqs(folder)) == verify(folder).segments == 2
    with JournalWriter(tmp_path / "own", segment_bytes=SMALL), JournalWriter(tmp_path / "else", segment_bytes=SMALL):
        assert segment_header(tmp_path / "own", 1).journal_id != segment_header(tmp_path / "else", 1).journal_id
    with pytest.raises(ValueError, match="id is 16 bytes, not 3"):
        JournalWriter(tmp_path / "short", journal_id=b"abc")


def test_the_first_header_is_of_a_segment_that_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retention removes a segment between its listing and its opening: no header of zeros, but that of the next."""
    assert first_header(folder.parent) is None
    with JournalWriter(folder, segment_bytes=SMALL) as writer:
        while len(segment_seqs(folder)) < 3:
            append(writer, writer.max_batch)
    first, second, _ = segment_seqs(folder)
    segment_path(folder, first).unlink()
    listed = [[first, second], [second], [second]]
    with monkeypatch.context() as patched:
        patched.setattr(journal_end, "segment_seqs", lambda _: listed.pop(0))
        assert first_header(folder) == segment_header(folder, second)
    assert listed == []
    segment_path(folder, first).symlink_to("nowhere")  # listed, and gone when it is opened
    for header_of in (first_header, lambda folder: segment_header(folder, first)):
        with pytest.raises(FileNotFoundError, match="the segment is gone"):
            header_of(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.tuples(st.integers(1, 95), st.floats(0, 1), st.sampled_from(["write", "reopen"])), max_size=12),
    segment_pages=st.integers(2, 9),
    durability=st.sampled_from(["none", "local"]),
)
def test_reads_back_what_was_committed(
    tmp_path: Path,
    steps: list[tuple[int, float, str]],
    segment_pages: int,
    durability: str,
) -> None:
    """LOG-26: commands are journalled, in batches that own their pages."""
    folder = Path(mkdtemp(dir=tmp_path)) / "journal"
    committed: list[bytes] = []
    writer = JournalWriter(folder, durability, segment_pages * PAGE)
    for wanted, wrap, action in steps:
        count = min(wanted, writer.max_batch)
        data = model.records(len(committed) + 1, count)
        assert writer.append(data, wrap_at=int(wrap * count)) == len(committed) + count
        committed += data
        assert writer.chain == model.chain(committed)
        if action == "reopen":
            writer.close()
            writer = JournalWriter(folder, durability, segment_pages * PAGE)
            assert writer.last_seq == len(committed)
            assert writer.chain == model.chain(committed)
            assert writer.torn is None
    assert list(JournalReader(folder)) == committed
    writer.close()
    report = verify(folder)
    assert (report.records, report.corruption, report.torn_bytes) == (len(committed), None, 0)
    assert report.chain == model.chain(committed)


def test_chain_is_equal_however_records_are_batched(tmp_path: Path) -> None:
    """LOG-26: commands are journalled, in batches that own their pages."""
    data = model.records(1, 60)
    chains = set()
    for size in (1, 7, 60):
        with JournalWriter(tmp_path / str(size), "none", SMALL) as writer:
            for at in range(0, 60, size):
                writer.append(data[at : at + size])
            chains.add(writer.chain)
    assert chains == {model.chain(data)}


def test_rotates_when_a_batch_does_not_fit(folder: Path) -> None:
    with JournalWriter(folder, segment_bytes=SMALL) as writer:
        for _ in range(4):
            append(writer, 1)
        assert writer.segment == 2
        append(writer, writer.max_batch)
        assert writer.segment == 3
    assert segment_seqs(folder) == [1, 4, 5]
    assert verify(folder).corruption is None


def test_a_batch_of_every_size_is_padded_to_pages(folder: Path) -> None:
    """LOG-26: commands are journalled, in batches that own their pages."""
    with JournalWriter(folder, "none", 64 * PAGE) as writer:
        for count in (1, 30, 31, 32, 63, 64, 95):
            reader = JournalReader(folder, writer.last_seq + 1)
            append(writer, count)
            assert len(list(reader)) == count
            assert reader.offset % PAGE == 0


def test_a_reader_that_is_part_of_a_cycle_is_collected(folder: Path) -> None:
    """The collector may clear it before it closes its file."""
    with JournalWriter(folder, "none", SMALL) as writer:
        append(writer, 5)
    reader = JournalReader(folder)
    next(reader)
    cycle: list[object] = [reader]
    cycle.append(cycle)
    del reader, cycle
    gc.collect()


def test_reader_begins_anywhere(folder: Path) -> None:
    with JournalWriter(folder, "none", SMALL) as writer:
        data = list(itertools.chain.from_iterable(append(writer, 7) for _ in range(9)))
    for first in (1, 2, 7, 8, 30, 63, 64):
        reader = JournalReader(folder, first)
        assert list(reader) == data[first - 1 :]
        assert reader.chain == model.chain(data)


def test_reader_that_begins_beyond_its_limit_waits_for_it(folder: Path) -> None:
    with JournalWriter(folder, "none", SMALL) as writer:
        data = append(writer, 10)
        reader = JournalReader(folder, 14, limit=10)
        assert list(reader) == []
        data += append(writer, 10)
        reader.limit = 20
        assert list(reader) == data[13:]


def test_reader_stops_at_its_limit_and_goes_on_when_it_is_raised(folder: Path) -> None:
    with JournalWriter(folder, "none", SMALL) as writer:
        data = append(writer, 10)
        reader = JournalReader(folder, limit=5)
        assert list(reader) == data[:5]
        data += append(writer, 60)
        reader.limit = 70
        assert list(reader) == data[5:]
        assert list(reader) == []


def test_reader_goes_on_behind_a_writer_that_wrote_the_segment_into_another_file(folder: Path) -> None:
    """In mode none a writer that starts again does; a reader beside it has the file that was there before."""
    with JournalWriter(folder, "none") as writer:
        written = append(writer, 5)
        reader = JournalReader(folder, limit=5)
        assert list(reader) == written
    with JournalWriter(folder, "none", trusted_seq=5) as writer:
        written += append(writer, 3)
        reader.limit = 8
        assert list(reader) == written[5:]


def test_reader_believes_nothing_that_it_read_before_it_counted(folder: Path) -> None:
    """A writer that starts again cuts a last batch that the disk has not kept, and writes its records again."""
    with JournalWriter(folder, segment_bytes=SMALL) as writer:
        written = append(writer, 5)
        append(writer, 2)
        reader = JournalReader(folder, limit=5)
        assert list(reader) == written
    with segment_path(folder, 1).open("r+b") as file:
        file.seek(2 * PAGE + 200)
        file.write(b"\xff")
    with JournalWriter(folder, segment_bytes=SMALL) as writer:
        assert writer.torn is not None
        written += append(writer, 3)
        reader.limit = 8
        assert list(reader) == written[5:]


def test_reader_refuses_a_limit_that_the_journal_does_not_reach(folder: Path) -> None:
    with JournalWriter(folder, "none", SMALL) as writer:
        append(writer, 10)
    with pytest.raises(JournalCorrupt, match="no batch header"):
        list(JournalReader(folder, limit=11))


def test_reader_of_a_missing_segment_names_it(folder: Path) -> None:
    folder.mkdir()
    assert list(JournalReader(folder, limit=0)) == []
    with pytest.raises(JournalCorrupt, match="the segment is missing") as caught:
        list(JournalReader(folder, limit=1))
    assert caught.value.file == segment_path(folder, 1)


def test_reader_refuses_to_begin_before_the_first_segment(folder: Path) -> None:
    with JournalWriter(folder, "none", SMALL) as writer:
        for _ in range(4):
            append(writer, 1)
    segment_path(folder, 1).unlink()
    with pytest.raises(JournalError, match="begins at sequence 4"):
        JournalReader(folder)
    report = verify(folder)
    assert (report.first_seq, report.last_seq, report.corruption) == (4, 4, None)


def test_two_writers_exclude_each_other(folder: Path) -> None:
    with JournalWriter(folder, segment_bytes=SMALL), pytest.raises(JournalError, match="being written by another"):
        JournalWriter(folder, segment_bytes=SMALL)
    JournalWriter(folder, segment_bytes=SMALL).close()


@pytest.mark.parametrize(
    "bad",
    [model.record(5), model.record(3), model.record(4, epoch=0), model.record(4)[:-1] + b"\1"],
    ids=["gap", "repeat", "epoch goes back", "checksum"],
)
def test_writer_refuses_records_that_are_not_the_next_of_the_log(folder: Path, bad: bytes) -> None:
    with JournalWriter(folder, segment_bytes=SMALL) as writer:
        append(writer, 3)
        with pytest.raises(JournalError, match="wrong sequence, epoch or checksum"):
            writer.append([bad])
        with pytest.raises(JournalError, match="the writer failed"):
            append(writer, 1)
    assert verify(folder).last_seq == 3


def test_writer_refuses_more_than_a_batch(folder: Path) -> None:
    with JournalWriter(folder, segment_bytes=SMALL) as writer:
        assert writer.max_batch == (SMALL - PAGE - 128) // 128
        for count in (0, writer.max_batch + 1):
            with pytest.raises(JournalError, match=f"can't append {count} records"):
                append(writer, count)
        append(writer, writer.max_batch)


def test_disk_full_is_an_error_of_its_own_and_moves_nothing(folder: Path) -> None:
    with JournalWriter(folder, segment_bytes=SMALL) as writer:
        data = append(writer, 3)
        kept = os.dup(writer.fileno())
        full = os.open("/dev/full", os.O_RDWR)
        os.dup2(full, writer.fileno())
        with pytest.raises(JournalFull, match="No space left"):
            append(writer, 1)
        assert writer.last_seq == 3
        os.dup2(kept, writer.fileno())
        with pytest.raises(JournalError, match="the writer failed"):
            append(writer, 1)
        os.close(kept)
        os.close(full)
    assert list(JournalReader(folder)) == data


def test_a_failed_sync_moves_nothing_and_is_never_tried_again(folder: Path) -> None:
    with JournalWriter(folder, segment_bytes=SMALL) as writer:
        append(writer, 3)
        null = os.open("/dev/null", os.O_RDWR)  # takes the write, and can't be synced
        os.dup2(null, writer.fileno())
        with pytest.raises(OSError, match="can't sync the journal"):
            append(writer, 1)
        assert writer.last_seq == 3
        with pytest.raises(JournalError, match="the writer failed"):
            append(writer, 1)
        os.close(null)


def test_arguments_are_checked(folder: Path) -> None:
    with pytest.raises(ValueError, match="none or local"):
        JournalWriter(folder, "perhaps")
    with pytest.raises(ValueError, match="multiple of 4096"):
        JournalWriter(folder, segment_bytes=PAGE)
    folder.mkdir()
    (folder / "notes.journal").touch()
    with pytest.raises(JournalError, match=r"notes\.journal is not the name"):
        JournalWriter(folder)
