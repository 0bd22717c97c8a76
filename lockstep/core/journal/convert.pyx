"""The schema that a journal's files name: reads it, and replaces it where the records are the same.

It judges nothing after a segment's header, and writes no file.
"""

from pathlib import Path
from typing import NamedTuple

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from lockstep.core.files.disk cimport Disk
from lockstep.core.journal.format cimport FORMAT_VERSION, PAGE_SIZE, SegmentHeader, is_segment, segment_crc

from lockstep.core.journal.format import JournalCorrupt, JournalError, file_name


class Header(NamedTuple):
    """The first sequence of a segment, and the schema that its records are of."""

    first_seq: int
    schema_hash: int


def header_of(where: Path | Disk, first_seq: int) -> Header:
    """The header of the segment that begins with `first_seq`, whatever its schema. JournalCorrupt, JournalError."""
    disk = Disk.of(where)
    name = file_name(first_seq)
    data = disk.load(name, 0, PAGE_SIZE)
    cdef const SegmentHeader *header = <const SegmentHeader *> <const char *> data
    if len(data) < PAGE_SIZE or not is_segment(header, header.journal_id) or header.first_seq != first_seq:
        raise JournalCorrupt(disk.directory / name, 0, "this is no whole header of a segment")
    if header.version != FORMAT_VERSION:
        raise JournalError(f"{disk.directory / name} is of version {header.version} of the journal format, "
                           f"not {<int> FORMAT_VERSION}")
    return Header(header.first_seq, header.schema_hash)


def with_schema(segment: bytes, uint64_t schema_hash) -> bytes:
    """The whole segment, its header saying that its records are of that schema. The rest is as it was."""
    cdef SegmentHeader header
    if len(segment) < PAGE_SIZE:
        raise ValueError(f"a segment has {<int> PAGE_SIZE} bytes at least, not {len(segment)}")
    memcpy(&header, <const char *> segment, sizeof(header))
    header.schema_hash = schema_hash
    header.crc = segment_crc(&header)
    return (<const char *> &header)[:sizeof(header)] + segment[sizeof(header):]
