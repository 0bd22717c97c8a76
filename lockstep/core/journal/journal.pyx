"""The journal on disk: its reader, and what decides where it ends. `journal_format` has its layout.

It only reads: `journal_writer` writes, and the journaler knows rings and boards, and waits.
"""

from pathlib import Path
from typing import NamedTuple

cimport cython
from libc.errno cimport ENOENT
from libc.stdint cimport UINT64_MAX, int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memset

from lockstep.core.files.disk cimport READ, Disk
from lockstep.core.journal.format cimport (
    BATCH_HEADER_SIZE,
    BATCH_MAGIC,
    BUFFER_SIZE,
    FORMAT_VERSION,
    MAX_BATCH_RECORDS,
    NAME_SIZE,
    PAGE_SIZE,
    SEGMENT_MAGIC,
    BatchHeader,
    SegmentHeader,
    batch_crc,
    batch_size,
    is_batch,
    is_segment,
    judge_records,
    schema_hash,
    segment_crc,
    segment_name,
)
from lockstep.core.schema.records cimport RECORD_SIZE, SLOT_SIZE

from lockstep.core.journal import mark as journal_mark
from lockstep.core.journal.format import JournalCorrupt, JournalError, JournalShort, file_name, first_seqs, segment_path

cdef extern from *:
    """static const char journal_page_of_zeros[4096];"""
    const char page_of_zeros "journal_page_of_zeros"[PAGE_SIZE]


class Ending(NamedTuple):
    """What follows the end of a journal. `hole`: batches that are whole, which a power loss in mode none leaves."""

    torn_bytes: int  # in the segment that ends, up to the last byte that is not zero
    beyond: list[int]  # first sequences of the segments after it
    hole: bool


class JournalReport(NamedTuple):
    """What `verify` found; an empty journal has sequences 0.

    `torn_bytes` is what an interrupted last write left. `hole`: whole batches follow, of which none was durable.
    """

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
    hole: bool = False


@cython.no_gc_clear  # __dealloc__ closes its file by the disk
cdef class JournalReader:
    """Reads the records of a journal in sequence, checking headers, checksums, sequences and the chained hash.

    `limit` is the last sequence to return, or None for "as far as it is whole". With a limit that a journaler reported
    as durable it may read while the journal is being written, and anything missing up to it is corruption. Without one,
    the first batch of the newest segment that is not whole is the end: `verify` says whether that is a torn tail.
    Of segments that begin before `deep_from`, the writer's opening walks the batch headers only.
    Raises JournalCorrupt with file and offset, JournalError, OSError.
    """

    def __cinit__(self) -> None:
        self.handle = -1

    def __init__(self, where: Path | Disk, first_seq: int = 1, limit: int | None = None, deep_from: int = 0) -> None:
        self.disk = Disk.of(where)
        self.directory = self.disk.directory
        self.limit = UINT64_MAX if limit is None else limit
        self.deep_from = deep_from
        self.buffer = <char *>malloc(BUFFER_SIZE)
        if self.buffer == NULL:
            raise MemoryError
        seqs = first_seqs(self.directory, self.disk.names())
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
        if self.handle >= 0:
            self.disk.close_file(self.handle)
        self.handle = -1
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

    cdef int walk(self, uint64_t last_seq) except -1 nogil:
        """Go to the end of `last_seq`'s batch, or as far as all is whole; `ending` then judges what follows."""
        self.walking = True
        while True:
            self.next_seq += self.left
            self.left = 0
            if self.next_seq > last_seq:
                self.fault = b"nothing behind is believed"
                return 0
            if not self.load():
                return 0

    cdef int load(self) except -1 nogil:
        """Make the next batch current, from `first_seq` on: 1, or 0 if the journal ends."""
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
        """Make the batch that begins with `next_seq` current: 1, or 0 if the journal ends."""
        if self.handle >= 0 and self.batch_here():
            return 1
        if self.handle < 0 or self.next_seq != self.header.first_seq:
            if self.enter(self.next_seq) and self.batch_here():
                return 1
        if self.limit != UINT64_MAX and self.handle >= 0 and self.reopen() and self.batch_here():
            return 1
        if self.limit != UINT64_MAX or (not self.walking and self.handle >= 0 and self.header.first_seq < self.newest):
            if self.handle < 0:
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
        handle = self.disk.open(name, READ)
        if handle == -ENOENT:
            return 0
        if handle < 0:
            self.unreadable(handle)
        memset(&header, 0, sizeof(header))
        got = self.disk.read(handle, <char *> &header, sizeof(header), 0)
        if got < 0:
            self.disk.close_file(handle)
            self.unreadable(got)
        if self.handle >= 0:
            self.disk.close_file(self.handle)
        fault = b"the segment header is cut short"
        if got == sizeof(header):
            fault = self.judge_segment(&header, first_seq)
        self.handle = handle
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

    cdef bint reopen(self) except -1 nogil:
        """Open the segment by its name again, at the same offset; False if there is none.

        A journaler that starts again where nothing is synced writes the newest segments into new files, byte for byte,
        and goes on there: what was opened before gets no more.
        """
        cdef char name[NAME_SIZE]
        segment_name(name, self.header.first_seq)
        handle = self.disk.open(name, READ)
        if handle < 0:
            return False
        self.disk.close_file(self.handle)
        self.handle = handle
        self.buffer_size = 0
        return True

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

        What is in the buffer may have been read before it was written: only a fresh read counts as a no. Nor is it
        a yes behind what the limit was then: a journaler that starts again cuts what was not durable.
        """
        cdef bint deep = self.header.first_seq >= self.deep_from
        self.fault = self.judge_batch(deep)
        if self.fault == NULL and self.limit != self.buffer_limit and self.next_seq > self.buffer_limit:
            self.fault = b"it was read before it counted"
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
        cdef uint64_t at = self.offset - self.buffer_offset, chain = self.chain
        cdef const char *fault
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
        fault = judge_records(header, &chain)
        if fault == NULL and chain != header.chain:
            return b"the chained hash of the batch differs"
        return fault

    cdef int fill(self, uint64_t offset, uint64_t wanted) except -1 nogil:
        """Read up to `wanted` bytes of the segment from `offset` into the buffer; fewer only at the end of the file."""
        self.buffer_offset = offset
        self.buffer_limit = self.limit
        self.buffer_size = 0
        got = self.disk.read(self.handle, self.buffer, wanted, offset)
        if got < 0:
            self.unreadable(got)
        self.buffer_size = <uint64_t> got
        return 0

    cdef int unreadable(self, int64_t code) except -1 nogil:
        with gil:
            raise self.disk.error(code, "can't read the journal")

    def ending(self) -> Ending:
        """After a walk: what follows the end. None of it was ever known to be durable; otherwise this is corruption.

        LOG-28. With one batch outstanding, the writer of a later batch in mode local knew that the bad one was synced,
        and its header says so; a header that knows less was written in mode none (docs/decisions/0013).
        """
        if self.handle < 0:
            return Ending(0, [], False)
        self.whole_behind = False
        torn_bytes = self.scan(self.handle, self.header.segment, self.offset) - self.offset
        beyond = [seq for seq in first_seqs(self.directory, self.disk.names()) if seq > self.header.first_seq]
        for number, seq in enumerate(beyond, self.header.segment + 1):
            self.scan_beyond(seq, number)
        return Ending(torn_bytes, beyond, self.whole_behind)

    cdef uint64_t scan(self, int handle, uint64_t segment, uint64_t begin) except? 0:
        """Look for whole batches of a segment from `begin` on. Returns where the last byte that is not zero ends."""
        cdef uint64_t at = begin, end = begin, i, size
        cdef const char *page
        while True:
            got = self.disk.read(handle, self.buffer, BUFFER_SIZE, at)
            if got < 0:
                self.unreadable(got)
            if got == 0:
                return end
            for i in range(0, <uint64_t> got, PAGE_SIZE):
                page = self.buffer + i
                size = min(<uint64_t> PAGE_SIZE, <uint64_t> got - i)
                header = <const BatchHeader *> page
                if size >= BATCH_HEADER_SIZE and is_batch(header, self.header.journal_id, segment):
                    self.judge_behind(header.first_seq, header.durable_seq, "batch")
                if memcmp(page, page_of_zeros, size) != 0:
                    while page[size - 1] == 0:
                        size -= 1
                    end = at + i + size
            at += <uint64_t> got

    cdef int scan_beyond(self, uint64_t first_seq, uint64_t number) except -1:
        """The same in a later segment, whose header was synced before it got its name."""
        cdef SegmentHeader header
        name = file_name(first_seq)
        handle = self.disk.open(name.encode(), READ)
        if handle < 0:
            self.unreadable(handle)
        try:
            if (self.disk.read(handle, <char *> &header, sizeof(header), 0) != sizeof(header)
                    or not is_segment(&header, self.header.journal_id)):
                raise JournalCorrupt(self.directory / name, 0, "this is no segment of the journal before it")
            if header.segment != number:
                self.corrupt(self.offset, self.fault + b", and segments between this one and the next are missing")
            self.judge_behind(first_seq, header.durable_seq, "segment")
            self.scan(handle, number, PAGE_SIZE)
        finally:
            self.disk.close_file(handle)
        return 0

    cdef int judge_behind(self, uint64_t first_seq, uint64_t durable_seq, str what) except -1:
        if first_seq <= self.next_seq:
            return 0  # left from before an earlier cut
        self.whole_behind = True
        if durable_seq >= self.next_seq:
            text = f"{self.fault.decode()}, yet the {what} from sequence {first_seq} behind it is whole"
            self.corrupt(self.offset, text.encode())
        return 0

    def check_reached(self, known_seq: int, who: str) -> None:
        """After a walk: JournalShort if the journal ends before a record that is known to be durable."""
        end = self.next_seq - 1
        if end < known_seq:
            text = f"{self.fault.decode()}: the journal ends at {end}, and {who} knows record {known_seq} to be durable"
            raise JournalShort(self.path(), self.offset, text)

    def check_mark(self) -> None:
        """After a walk: JournalShort if an orderly stop left more than is here, or something else."""
        mark = journal_mark.read(self.disk)
        if mark is None:
            return
        self.check_reached(mark.seq, "the venue's last orderly stop")
        if mark.journal_id != bytes(self.header.journal_id[:16]):
            raise JournalShort(self.directory / journal_mark.NAME, 0, "it is the mark of another journal's stop")
        if mark.seq == self.next_seq - 1 and mark.chain != self.chain:
            raise JournalShort(self.path(), self.offset, "the records before are not those of the last orderly stop")

    def header_bytes(self) -> bytes:
        """The header of the segment that is being read."""
        return (<const char *> &self.header)[:sizeof(SegmentHeader)]

    def path(self) -> Path:
        """The segment file that is being read."""
        return segment_path(self.directory, self.header.first_seq)

    cdef int corrupt(self, uint64_t offset, const char *reason) except -1:
        raise JournalCorrupt(self.path(), offset, reason.decode())


def segment_seqs(where: Path | Disk) -> list[int]:
    """First sequences of all segments in a folder, oldest first; raises JournalError for a name that is none."""
    disk = Disk.of(where)
    return first_seqs(disk.directory, disk.names())


def verify(where: Path | Disk, *, marked: bool = True) -> JournalReport:
    """Read and check all of a journal that is not being written, changing nothing. Corruption is reported, not raised.

    Unless `marked`, the mark of the last orderly stop says nothing.
    """
    cdef JournalReader reader
    corruption: JournalCorrupt | None = None
    ending = Ending(0, [], False)
    disk = Disk.of(where)
    seqs = first_seqs(disk.directory, disk.names())
    first = seqs[0] if seqs else 1
    try:
        reader = JournalReader(disk, first)
    except JournalCorrupt as error:
        return JournalReport(len(seqs), 0, 0, 0, 0, 0, 0, error.reason, str(error.file), error.offset)
    try:
        with nogil:
            reader.walk(UINT64_MAX)
        ending = reader.ending()
        if marked:
            reader.check_mark()
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
        ending.torn_bytes,
        corruption.reason if corruption else None,
        str(corruption.file) if corruption else None,
        corruption.offset if corruption else 0,
        ending.hole,
    )
    reader.close()
    return report
