"""Retention: removes whole segments that are no longer needed from the beginning of a journal.

It decides nothing about who needs what (LOG-17 does), and never touches the newest segment.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from lockstep.core.files.disk import Disk
from lockstep.core.journal.format import file_name
from lockstep.core.journal.journal import JournalReader, segment_seqs


def retain(where: Path | Disk, from_seq: int) -> list[int]:
    """Remove the segments that hold only sequences below `from_seq`; returns the first sequences of those removed.

    `from_seq` stays, and all after it. The oldest goes first, and the folder is synced after each, so that the journal
    has no gap, even if this is interrupted. It may run beside the writer and beside readers of what stays. Before
    anything goes, the header of the first segment that stays is checked: JournalCorrupt, OSError.
    """
    disk = Disk.of(where)
    seqs = segment_seqs(disk)
    gone = [seq for seq, following in pairwise(seqs) if following <= from_seq]
    if gone:
        JournalReader(disk, seqs[len(gone)], limit=0).close()
    for seq in gone:
        disk.delete(file_name(seq))
        disk.settle_directory()
    return gone
