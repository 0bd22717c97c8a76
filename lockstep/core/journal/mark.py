"""What an orderly stop says about the journal: where it ended, and its chained hash there.

A last batch that is damaged looks like one that was never written whole (LOG-28); the mark tells them apart. It only
says "at least": a run that ended otherwise leaves the mark of the stop before, which is still true.

Layout of `stopped`, in the journal's folder::

    0       8            24        32      40      44
    ┌───────┬────────────┬─────────┬───────┬───────┐
    │ magic │ journal id │ sequence│ chain │ crc32 │
    └───────┴────────────┴─────────┴───────┴───────┘
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from lockstep.core.files.disk import Disk

NAME = "stopped"
NEW_NAME = "stopped.new"
MAGIC = b"LSSTOPD1"
FORM = struct.Struct("<8s16sQQ")


class Mark(NamedTuple):
    """The journal's id, its last record, and the chained hash up to there."""

    journal_id: bytes
    seq: int
    chain: int


def read(disk: Disk) -> Mark | None:
    """The mark; None if there is none, or it is damaged."""
    if NAME not in disk.names():
        return None
    data = disk.load(NAME)
    if len(data) != FORM.size + 4 or zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
        return None
    magic, journal_id, seq, chain = FORM.unpack(data[:-4])
    return Mark(journal_id, seq, chain) if magic == MAGIC else None


def write(disk: Disk, mark: Mark) -> None:
    """Replace the mark: safe when this returns. OSError: the old one is still there."""
    data = FORM.pack(MAGIC, *mark)
    disk.save(NEW_NAME, data + zlib.crc32(data).to_bytes(4, "little"))
    disk.move(NEW_NAME, NAME)
    disk.settle_directory()
