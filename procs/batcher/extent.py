"""What a spool reaches from and to, read beside whoever writes it; and how far the database was when that was noted.

It opens no segment for writing and checks no record: who goes on with the spool does.
"""

from __future__ import annotations

import os
from pathlib import Path
from struct import Struct as Layout

from msgspec import Struct

from procs import files
from shm.records import MAX_MATCHERS, SLOT_SIZE

# As `procs.batcher.spool` draws them.
RINGS = MAX_MATCHERS + 1
MARK_RING = 255
HEADER = Layout(f"<4Q{RINGS}Q")
HEADER_SIZE = 128
FRAME = Layout("<4I2Q")
FRAME_SIZE = SLOT_SIZE
FRAME_MAGIC = 0x4D415246
LOADED = "loaded"  # beside the segments: the journal's birth, and the record up to which the database had everything


class Extent(Struct, frozen=True):
    """`first`: of each ring the last event before the spool. `complete`: all caused up to there is in it, or was.

    `loaded`: the database has had everything up to there, at least.
    """

    first: list[int]
    complete: int
    size_bytes: int
    loaded: int


def note_loaded(folder: Path, born_ns: int, complete: int) -> None:
    """Keep that the database has everything up to a record: one that has less later was emptied. OSError."""
    files.replace(folder / LOADED, f"{born_ns} {complete}".encode())


def _loaded(folder: Path, born_ns: int) -> int:
    try:
        born, complete = map(int, (folder / LOADED).read_bytes().split())
    except (FileNotFoundError, ValueError):
        return 0
    return complete if born == born_ns else 0


def extent(folder: Path) -> Extent | None:
    """The extent of the spool in `folder`; None where there is none. OSError."""
    segments = sorted(folder.glob("*.spool"))
    if not segments:
        return None
    first: list[int] = []
    complete = size_bytes = born_ns = 0
    for path in segments:
        fd = os.open(path, os.O_RDONLY)
        try:
            size_bytes += os.fstat(fd).st_size
            header = os.pread(fd, HEADER.size, 0)
            if len(header) < HEADER.size:
                break  # it is being made
            born_ns = HEADER.unpack(header)[3]
            first = first or list(HEADER.unpack(header)[4:])
            complete = max(complete, _complete(fd))
        finally:
            os.close(fd)
    return Extent(first, complete, size_bytes, _loaded(folder, born_ns)) if first else None


def _complete(fd: int) -> int:
    """What the last mark of a segment says; 0 where it has none."""
    at, complete = HEADER_SIZE, 0
    while len(frame := os.pread(fd, FRAME.size, at)) == FRAME.size:
        magic, _, ring, count, _, complete_seq = FRAME.unpack(frame)
        if magic != FRAME_MAGIC:
            break
        if ring == MARK_RING:
            complete = complete_seq
        at += FRAME_SIZE + count * SLOT_SIZE
    return complete
