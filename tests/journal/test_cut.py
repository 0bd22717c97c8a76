"""A copy of a journal is cut at any record: what is left is whole, and the writer goes on from there."""

from __future__ import annotations

import pytest

from lockstep.core.journal.cut import cut, mark
from lockstep.core.journal.end import chain_at, end_of, segment_header
from lockstep.core.journal.journal import JournalError, JournalReader, segment_seqs, verify
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import ExtTerms
from tests.journal.test_repair import LAST, SEGMENT, copied, written
from tests.models import journal as model
from tests.simulation.disk import FakeDisk


@pytest.mark.parametrize("seq", [1, 2, 3, 4, 34, 35, 74, 75, 76, LAST - 1, LAST])
def test_the_rest_is_gone_and_nothing_else(seq: int) -> None:
    whole = written()
    disk = copied(whole)
    before = list(JournalReader(whole, limit=seq))
    assert cut(disk, seq) == seq
    report = verify(disk)
    assert (report.corruption, report.torn_bytes, report.last_seq) == (None, 0, seq)
    assert report.chain == chain_at(whole, seq)
    assert list(JournalReader(disk)) == before
    with JournalWriter(disk, segment_bytes=SEGMENT) as writer:
        assert writer.last_seq == seq
        writer.append(model.records(seq + 1, 3))
    assert verify(disk).last_seq == seq + 3


def test_a_group_is_not_cut() -> None:
    disk = FakeDisk(1)
    extensions = [model.stamp(pack(ExtTerms(seq=seq, epoch=1))) for seq in (3, 4)]
    with JournalWriter(disk, segment_bytes=SEGMENT) as writer:
        writer.append(model.records(1, 2))
        writer.append([*extensions, model.record(5)])
    assert cut(copied(disk), 5) == 5
    for seq in (4, 3, 2):
        short = copied(disk)
        assert cut(short, seq) == 2
        assert verify(short).last_seq == 2


def test_a_record_that_is_not_there() -> None:
    with pytest.raises(JournalError):
        cut(written(), LAST + 1)


def test_a_mark_tells_a_lost_end_from_a_torn_one() -> None:
    disk = written()
    mark(disk)
    assert verify(disk).corruption is None
    cut_off = end_of(disk).segment
    disk.delete(f"{cut_off:020}.journal")
    assert "the venue's last orderly stop knows record" in str(verify(disk).corruption)
    with pytest.raises(JournalError, match="last orderly stop"):
        end_of(disk)


def test_where_a_journal_ends_and_its_segments_follow_each_other() -> None:
    disk = written()
    seqs = segment_seqs(disk)
    end = end_of(disk)
    assert (end.seq, end.segment, end.chain) == (LAST, seqs[-1], chain_at(disk, LAST))
    assert end_of(disk, LAST) == end
    for number, seq in enumerate(seqs, 1):
        header = segment_header(disk, seq)
        assert (header.journal_id, header.number) == (end.journal_id, number)
        assert header.chain == (chain_at(disk, seq - 1) if seq > 1 else 0)
    with pytest.raises(JournalError, match="ends no batch"):
        end_of(disk, LAST - 3)
