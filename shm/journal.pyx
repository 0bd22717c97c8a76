"""The journal: the log on disk as segment files of checksummed batches; this is its format, its reader and its check.

It reads only: `journal_writer` writes, and rings, boards and waiting are the journaler's business.
"""

# A segment is a file `<first sequence, 20 digits>.journal`. It is prepared by writing zeros under a neutral name; then
# its header is written and synced, it gets its name, and the folder is synced: the rename publishes it.
#
#      0        8     12        16            24           40        48          56      64      68           4096
#      +--------+-----+---------+-------------+------------+---------+-----------+-------+-------+------------+
#      | magic  | crc | version | schema hash | journal id | segment | first seq | chain | epoch | 0 …        |
#      +--------+-----+---------+-------------+------------+---------+-----------+-------+-------+------------+
#   4096 batch | batch | … | zeros
#
# A batch begins on a page and is written by one pwritev, so no synced page is ever written again. That write followed
# by fdatasync (mode local), or that write alone (mode none), commits it; only then does the journaler publish its last
# sequence. Slots lie as they do in the log ring; slot words and padding mean nothing here and are not checked.
#
#      0        8     12      16           32        40          48            56      64      68     128
#      +--------+-----+-------+------------+---------+-----------+-------------+-------+-------+------+
#      | magic  | crc | count | journal id | segment | first seq | durable seq | chain | epoch | 0    |
#      +--------+-----+-------+------------+---------+-----------+-------------+-------+-------+------+
#    128 slot: word 8 | record 120   (count times; record: crc 4, …, its sequence at 8)
#        zeros up to a whole page
#
# crc: crc32c of everything in the header behind it. chain: hash of all records before the segment, or up to the batch's
# last; over each record's crc and sequence only, so it is equal however the records were batched. epoch: of the last
# record before the segment, or of the batch's last. durable seq: what was known to be synced when it was written.

import os
from pathlib import Path
from typing import NamedTuple

from libc.errno cimport EINTR, ENOENT, errno as c_errno
from libc.stdint cimport UINT64_MAX, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memset
from posix.fcntl cimport O_CLOEXEC, O_RDONLY
from posix.unistd cimport close, pread

from shm.crc32c cimport crc32c
from shm.records cimport RECORD_SIZE, SLOT_SIZE, CommandRecord

from shm.layout import SCHEMA_HASH

cdef extern from "<fcntl.h>" nogil:
    int openat(int directory, const char *name, int flags, ...) noexcept

cdef uint64_t schema_hash = SCHEMA_HASH
cdef enum:
    CRC_BEGIN = 12  # of both headers: what lies behind the crc is covered by it

assert sizeof(SegmentHeader) == PAGE_SIZE
assert sizeof(BatchHeader) == BATCH_HEADER_SIZE
assert <int> BATCH_HEADER_SIZE == <int> SLOT_SIZE
assert batch_size(MAX_BATCH_RECORDS) == BATCH_HEADER_SIZE + MAX_BATCH_RECORDS * SLOT_SIZE
assert batch_size(MAX_BATCH_RECORDS) <= BUFFER_SIZE


class JournalError(Exception):
    """The journal can't be used as it is: records are missing, or another process is writing it."""


class JournalCorrupt(JournalError):
    """Bytes that were once written and synced are not what they were. `file` and `offset` say where."""

    def __init__(self, file: Path, offset: int, reason: str) -> None:
        super().__init__(
            f"journal is corrupt: {file} at offset {offset}: {reason}. Nothing was changed. "
            "Run `lockstep verify` for the whole picture, and restore this file from a copy"
        )
        self.file = file
        self.offset = offset
        self.reason = reason


class JournalReport(NamedTuple):
    """What `verify` found. `torn_bytes` is what an interrupted last write left; an empty journal has sequences 0."""

    segments: int
    batches: int
    records: int
    first_seq: int
    last_seq: int
    chain: int
    torn_bytes: int
    corruption: str | None
    corrupt_file: str | None
    corrupt_offset: int


cdef uint32_t segment_crc(const SegmentHeader *header) noexcept nogil:
    return crc32c(0, <const char *>header + CRC_BEGIN, sizeof(SegmentHeader) - CRC_BEGIN)


cdef uint32_t batch_crc(const BatchHeader *header) noexcept nogil:
    return crc32c(0, <const char *>header + CRC_BEGIN, sizeof(BatchHeader) - CRC_BEGIN)


cdef void segment_name(char *out, uint64_t first_seq) noexcept nogil:
    snprintf(out, NAME_SIZE, b"%020llu.journal", <unsigned long long>first_seq)


def segment_path(directory: Path, first_seq: int) -> Path:
    """The file of the segment that begins with `first_seq`."""
    return directory / f"{first_seq:020}.journal"


def segment_seqs(directory: Path) -> list[int]:
    """First sequences of all segments in the folder, oldest first; raises JournalError for a name that is none."""
    names = [path.name for path in directory.glob("*.journal")]
    for name in names:
        if not (len(name) == 28 and name[:20].isdigit()):
            raise JournalError(f"{directory / name} is not the name of a journal segment")
    return sorted(int(name[:20]) for name in names)


cdef class JournalReader:
    """Reads the records of a journal in sequence, checking headers, checksums, sequences and the chained hash.

    `limit` is the last sequence to return, or None for "as far as it is whole". With a limit that a journaler reported
    as durable it may read while the journal is being written, and anything missing up to it is corruption. Without one,
    the first batch of the newest segment that is not whole is the end: `verify` tells whether that is a torn tail.
    Of segments that begin before `deep_from`, the writer's opening walks the batch headers only.
    Raises JournalCorrupt with file and offset, JournalError, OSError.
    """

    def __cinit__(self) -> None:
        self.directory_fd = -1
        self.fd = -1

    def __init__(self, directory: Path, first_seq: int = 1, limit: int | None = None, deep_from: int = 0) -> None:
        self.directory = Path(directory)
        self.limit = UINT64_MAX if limit is None else limit
        self.deep_from = deep_from
        self.buffer = <char *>malloc(BUFFER_SIZE)
        if self.buffer == NULL:
            raise MemoryError
        self.directory_fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        seqs = segment_seqs(self.directory)
        self.newest = max(seqs, default=0)
        begin = max((seq for seq in seqs if seq <= first_seq), default=0)
        if seqs and not begin:
            raise JournalError(f"{self.directory} begins at sequence {min(seqs)}: {first_seq} is not there")
        self.first_seq = first_seq
        self.next_seq = begin or first_seq
        if begin:
            self.enter(begin)

    def __dealloc__(self) -> None:
        self.close()
        free(self.buffer)

    def close(self) -> None:
        """Close the files; reading on is an error. May be called twice."""
        if self.fd >= 0:
            close(self.fd)
        if self.directory_fd >= 0:
            close(self.directory_fd)
        self.fd = self.directory_fd = -1
        self.left = 0
        self.limit = 0

    def __iter__(self) -> JournalReader:
        return self

    def __next__(self) -> bytes:
        record = self.peek()
        if record == NULL:
            raise StopIteration
        data = record[:RECORD_SIZE]
        self.advance()
        return data

    cdef const char *peek(self) except? NULL nogil:
        """The record `next_seq`, valid until the next `peek` after an `advance`; NULL at the limit or the end."""
        if self.next_seq > self.limit:
            return NULL
        if self.left == 0 and (self.first_seq > self.limit or not self.load()):
            return NULL
        return self.record

    cdef void advance(self) noexcept nogil:
        """Go on to the record after the one that `peek` returned."""
        self.record += SLOT_SIZE
        self.left -= 1
        self.next_seq += 1

    cdef int walk(self) except -1 nogil:
        """Go to the end, checking. Segments that begin before `deep_from` are checked by their batch headers only."""
        while True:
            self.next_seq += self.left
            self.left = 0
            if not self.load():
                return 0

    cdef int load(self) except -1 nogil:
        """Make the next batch current, from `first_seq` on: 1, or 0 where the journal ends."""
        cdef uint64_t skipped
        while self.load_batch():
            if self.next_seq >= self.first_seq:
                return 1
            skipped = min(self.first_seq - self.next_seq, self.left)
            self.record += skipped * SLOT_SIZE
            self.next_seq += skipped
            self.left -= skipped
            if self.left:
                return 1
        return 0

    cdef int load_batch(self) except -1 nogil:
        """Make the batch that begins with `next_seq` current: 1, or 0 where the journal ends."""
        if self.fd >= 0 and self.batch_here():
            return 1
        if (self.fd < 0 or self.next_seq != self.header.first_seq) and self.enter(self.next_seq) and self.batch_here():
            return 1
        if self.limit != UINT64_MAX or (self.fd >= 0 and self.header.first_seq < self.newest):
            if self.fd < 0:
                self.header.first_seq = self.next_seq
                self.fault = b"the segment is missing"
            with gil:
                self.corrupt(self.offset, self.fault)
        return 0

    cdef int enter(self, uint64_t first_seq) except -1 nogil:
        """Open the segment that begins with `first_seq`, continuing the one before: 1, or 0 if there is none."""
        cdef char name[NAME_SIZE]
        cdef SegmentHeader header
        cdef const char *fault
        segment_name(name, first_seq)
        fd = openat(self.directory_fd, name, O_RDONLY | O_CLOEXEC)
        if fd < 0:
            if c_errno == ENOENT:
                return 0
            with gil:
                raise OSError(c_errno, os.strerror(c_errno), str(segment_path(self.directory, first_seq)))
        memset(&header, 0, sizeof(header))
        if pread(fd, &header, sizeof(header), 0) == sizeof(header):
            fault = self.judge_segment(&header, first_seq)
        else:
            fault = b"the segment header is cut short"
        if self.fd >= 0:
            close(self.fd)
        self.fd = fd
        self.header = header
        self.header.first_seq = first_seq
        self.offset = PAGE_SIZE
        self.buffer_size = 0
        if fault != NULL:
            with gil:
                self.corrupt(0, fault)
        self.chain = header.chain
        self.epoch = header.epoch
        self.segments += 1
        return 1

    cdef const char *judge_segment(self, const SegmentHeader *header, uint64_t first_seq) noexcept nogil:
        """What is wrong with a segment's header; NULL when nothing is."""
        if header.magic != SEGMENT_MAGIC:
            return b"not a journal segment"
        if header.version != FORMAT_VERSION:
            return b"written in another version of the journal format"
        if header.crc != segment_crc(header):
            return b"the segment header fails its checksum"
        if header.schema_hash != schema_hash:
            return b"written with another schema of records, which this build can't read"
        if header.first_seq != first_seq:
            return b"the segment header names another first sequence than the file name (stale content)"
        if self.segments == 0:
            return NULL
        if memcmp(header.journal_id, self.header.journal_id, 16) != 0:
            return b"the segment belongs to another journal"
        if header.segment != self.header.segment + 1:
            return b"the segment number does not follow the one before"
        if header.chain != self.chain:
            return b"the chained hash does not continue the segment before"
        return NULL

    cdef bint batch_here(self) except -1 nogil:
        """Whether a whole, correct batch that begins with `next_seq` lies at `offset`; if so it becomes current.

        What is in the buffer may have been read before it was written: only a fresh read counts as a no.
        """
        cdef bint deep = self.header.first_seq >= self.deep_from
        self.fault = self.judge_batch(deep)
        if self.fault != NULL:
            self.fill(self.offset, BUFFER_SIZE if deep else BATCH_HEADER_SIZE)
            self.fault = self.judge_batch(deep)
        if self.fault != NULL:
            return False
        header = <const BatchHeader *>(self.buffer + (self.offset - self.buffer_offset))
        self.record = <const char *>header + BATCH_HEADER_SIZE + SLOT_SIZE - RECORD_SIZE
        self.left = header.count
        self.offset += batch_size(header.count)
        self.chain = header.chain
        self.epoch = header.epoch
        self.batches += 1
        return True

    cdef const char *judge_batch(self, bint deep) noexcept nogil:
        """What is wrong with the batch at `offset`, as far as the buffer has it; NULL when nothing is."""
        cdef uint64_t at = self.offset - self.buffer_offset
        if self.offset < self.buffer_offset or at + BATCH_HEADER_SIZE > self.buffer_size:
            return b"the file ends"
        header = <const BatchHeader *>(self.buffer + at)
        if header.magic != BATCH_MAGIC:
            return b"no batch header"
        if header.crc != batch_crc(header):
            return b"the batch header fails its checksum"
        if header.segment != self.header.segment or memcmp(header.journal_id, self.header.journal_id, 16) != 0:
            return b"the batch belongs to another segment or journal (stale content)"
        if header.first_seq != self.next_seq:
            return b"the batch does not continue the sequence"
        if header.count < 1 or header.count > MAX_BATCH_RECORDS or header.durable_seq >= header.first_seq:
            return b"the batch header contradicts itself"
        if header.epoch < self.epoch:
            return b"the epoch goes back"
        if not deep:
            return NULL
        if at + batch_size(header.count) > self.buffer_size:
            return b"the file ends inside the batch"
        return self.judge_records(header)

    cdef const char *judge_records(self, const BatchHeader *header) noexcept nogil:
        cdef const char *slot = <const char *>header + BATCH_HEADER_SIZE
        cdef const CommandRecord *record
        cdef uint64_t chain = self.chain
        cdef uint32_t i
        for i in range(header.count):
            record = <const CommandRecord *>(slot + SLOT_SIZE - RECORD_SIZE)
            if record.seq != header.first_seq + i:
                return b"a record of the batch has a wrong sequence"
            if record.crc != crc32c(0, <const char *>record + 4, RECORD_SIZE - 4):
                return b"a record of the batch fails its checksum"
            chain = mix(chain, record.seq, record.crc)
            slot += SLOT_SIZE
        if chain != header.chain:
            return b"the chained hash of the batch differs"
        return NULL

    cdef int fill(self, uint64_t offset, uint64_t wanted) except -1 nogil:
        """Read up to `wanted` bytes of the segment from `offset` into the buffer; fewer only at the end of the file."""
        self.buffer_offset = offset
        self.buffer_size = 0
        while self.buffer_size < wanted:
            got = pread(self.fd, self.buffer + self.buffer_size, wanted - self.buffer_size, offset + self.buffer_size)
            if got == 0:
                return 0
            if got < 0 and c_errno != EINTR:
                with gil:
                    raise OSError(c_errno, os.strerror(c_errno), str(self.path()))
            if got > 0:
                self.buffer_size += <uint64_t>got
        return 0

    cdef bint is_later_batch(self, const BatchHeader *header) noexcept nogil:
        return (
            header.magic == BATCH_MAGIC
            and header.crc == batch_crc(header)
            and header.segment == self.header.segment
            and memcmp(header.journal_id, self.header.journal_id, 16) == 0
            and header.first_seq > self.next_seq
        )

    def tail(self) -> int:
        """At the end: how many bytes an interrupted last write left behind it in the newest segment; 0: it is clean.

        Raises JournalCorrupt if a valid batch lies behind: with one batch outstanding, the bad one was whole once.
        """
        cdef uint64_t begin = self.offset, at = begin, i
        cdef uint64_t end = begin
        if self.fd < 0:
            return 0
        reason = self.fault
        while True:
            self.fill(at, BUFFER_SIZE)
            if self.buffer_size == 0:
                break
            for i in range(self.buffer_size):
                if self.buffer[i] != 0:
                    end = at + i + 1
                if i % PAGE_SIZE == 0 and i + BATCH_HEADER_SIZE <= self.buffer_size:
                    header = <const BatchHeader *>(self.buffer + i)
                    if self.is_later_batch(header):
                        unsynced = header.durable_seq < self.next_seq
                        text = reason.decode() + f", yet the batch from sequence {header.first_seq} behind it is whole"
                        if unsynced:
                            text += " (durability was `none`: a power loss can do this)"
                        self.corrupt(begin, text.encode())
            at += self.buffer_size
        return end - begin

    def path(self) -> Path:
        """The segment file that is being read."""
        return segment_path(self.directory, self.header.first_seq)

    cdef int corrupt(self, uint64_t offset, const char *reason) except -1:
        raise JournalCorrupt(self.path(), offset, reason.decode())


def verify(directory: Path) -> JournalReport:
    """Read and check all of a journal that nobody writes, changing nothing. Corruption is reported, not raised."""
    cdef JournalReader reader
    corruption: JournalCorrupt | None = None
    torn = 0
    seqs = segment_seqs(directory)
    first = seqs[0] if seqs else 1
    try:
        reader = JournalReader(directory, first)
    except JournalCorrupt as error:
        return JournalReport(len(seqs), 0, 0, 0, 0, 0, 0, error.reason, str(error.file), error.offset)
    try:
        with nogil:
            reader.walk()
        torn = reader.tail()
    except JournalCorrupt as error:
        corruption = error
    records = reader.next_seq - first
    report = JournalReport(
        len(seqs),
        reader.batches,
        records,
        first if records else 0,
        reader.next_seq - 1 if records else 0,
        reader.chain,
        torn,
        corruption.reason if corruption else None,
        str(corruption.file) if corruption else None,
        corruption.offset if corruption else 0,
    )
    reader.close()
    return report
