"""Where a spool begins and ends, read while it is written; and how far the database was, as last noted.

It opens no segment for writing and checks no record: the batcher does, when it opens the spool.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from struct import Struct as Layout

from msgspec import Struct

from lockstep.core.files import atomic_file
from lockstep.core.schema.records import MAX_MATCHERS, SLOT_SIZE

# As `batcher.spool` draws them.
RINGS = MAX_MATCHERS + 1
MARK_RING = 255
HEADER = Layout(f"<4Q{RINGS}Q")
HEADER_SIZE = 128
FRAME = Layout("<4I2Q")
FRAME_SIZE = SLOT_SIZE
FRAME_MAGIC = 0x4D415246
CAUSE_AT = 8 + 8  # of an event in its slot
LOADED = "loaded"  # beside the segments: the journal's birth, and the record up to which the database had everything


class Extent(Struct, frozen=True):
    """`first`: each ring's last event before the spool. `complete`: all events caused up to there are in it, or were.

    `loaded`: the database has had everything up to there, at least.
    """

    first: list[int]
    complete: int
    size_bytes: int
    loaded: int


def note_loaded(folder: Path, born_ns: int, complete: int) -> None:
    """Note that the database has everything up to a record: if it has less later, it was emptied. OSError."""
    atomic_file.replace(folder / LOADED, f"{born_ns} {complete}".encode())


def _loaded(folder: Path, born_ns: int) -> int:
    try:
        born, complete = map(int, (folder / LOADED).read_bytes().split())
    except (FileNotFoundError, ValueError):
        return 0
    return complete if born == born_ns else 0


def extent(folder: Path) -> Extent | None:
    """The extent of the spool in `folder`; None if there is none. OSError."""
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
    """The sequence in a segment's last mark; 0 if it has none."""
    return max((complete_seq for ring, _, complete_seq, _ in _frames(fd) if ring == MARK_RING), default=0)


def known_seq(folder: Path) -> int:
    """The last record of the log that a mark of the spool names, or an event in it came of; 0 for none. OSError."""
    known = 0
    for path in folder.glob("*.spool"):
        with path.open("rb") as segment:
            for ring, count, complete_seq, at in _frames(segment.fileno()):
                known = max(known, complete_seq if ring == MARK_RING else _cause(segment.fileno(), at, count))
    return known


def events_behind(folder: Path, seq: int) -> Iterator[tuple[int, bytes]]:
    """(ring, packed event) of all in the spool that came of records behind `seq`. OSError."""
    for path in sorted(folder.glob("*.spool")):
        with path.open("rb") as segment:
            for ring, count, _, at in _frames(segment.fileno()):
                if ring == MARK_RING or _cause(segment.fileno(), at, count) <= seq:
                    continue
                slots = os.pread(segment.fileno(), count * SLOT_SIZE, at)
                records = (slots[i * SLOT_SIZE + 8 : (i + 1) * SLOT_SIZE] for i in range(count))
                yield from ((ring, each) for each in records if int.from_bytes(each[8:16], "little") > seq)


def _cause(fd: int, at: int, count: int) -> int:
    """The cause of the last event in these slots: causes do not decrease in a ring."""
    return int.from_bytes(os.pread(fd, 8, at + (count - 1) * SLOT_SIZE + CAUSE_AT), "little")


def _frames(fd: int) -> Iterator[tuple[int, int, int, int]]:
    """(ring, count, what a mark says, where its slots are) of each whole frame of a segment."""
    at, size = HEADER_SIZE, os.fstat(fd).st_size
    while len(frame := os.pread(fd, FRAME.size, at)) == FRAME.size:
        magic, _, ring, count, _, complete_seq = FRAME.unpack(frame)
        if magic != FRAME_MAGIC or at + FRAME_SIZE + count * SLOT_SIZE > size:
            break
        yield ring, count, complete_seq, at + FRAME_SIZE
        at += FRAME_SIZE + count * SLOT_SIZE
