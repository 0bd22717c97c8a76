"""Cuts a journal, so that it ends with an earlier record: a copy, for a venue that goes back to where it was then, or
that of a node that follows another one's history.

It asks no witness: its caller answers for events that were released of what is cut.
"""

from __future__ import annotations

from pathlib import Path

from lockstep.core.files.disk import Disk
from lockstep.core.journal import mark as journal_mark
from lockstep.core.journal.end import end_of
from lockstep.core.journal.format import JournalError, file_name
from lockstep.core.journal.journal import JournalReader, segment_seqs
from lockstep.core.journal.repair import SegmentBuilder, put
from lockstep.core.schema.records import CommandType

HEADER_BYTES = 4096
TYPE_AT = 4  # of a record


def cut(where: Path | Disk, seq: int) -> int:
    """Have a journal that nobody writes end with record `seq`, or directly before the group that it is in; which it is.

    Later segments go first, then the one that has it is rewritten. The mark of an orderly stop then says that end.
    JournalError if the journal does not have the record, OSError.
    """
    disk = Disk.of(where)
    seq = _boundary(disk, seq)
    if journal_mark.NAME in disk.names():
        disk.delete(journal_mark.NAME)
    seqs = segment_seqs(disk)
    for later in reversed([first for first in seqs if first > seq]):
        disk.delete(file_name(later))
        disk.settle_directory()
    name = file_name(max(first for first in seqs if first <= seq))
    old = disk.load(name)
    put(disk, name, SegmentBuilder(old[:HEADER_BYTES], disk).until(old, seq))
    mark(disk)
    return seq


def mark(where: Path | Disk) -> None:
    """Have the journal's own mark say where it ends: from then on one that ends before is damaged. OSError."""
    disk = Disk.of(where)
    end = end_of(disk)
    journal_mark.write(disk, journal_mark.Mark(end.journal_id, end.seq, end.chain))


def _boundary(disk: Disk, seq: int) -> int:
    """The last record up to `seq` that ends a group: extensions lie directly before the record that they belong to."""
    while True:
        reader = JournalReader(disk, seq, seq)
        try:
            record = next(reader, None)
        finally:
            reader.close()
        if record is None:
            raise JournalError(f"{disk.directory} does not have record {seq}")
        if not CommandType(record[TYPE_AT]).name.startswith("EXT_"):
            return seq
        seq -= 1
