"""Repairs a corrupt journal from a copy: a segment is rebuilt from its own whole batches and the copy's records.

It invents nothing: journal id, chained hash, sequences and checksums must all agree, or everything stays as it was.
"""

# The new file is written and synced beside the old one, which is kept as `damaged-…`; a rename puts it in its place.
# Batches that are whole are taken as they lie. What is missing between them is read from the copy, which may have been
# batched in another way and may end anywhere after the damage: the chained hash is over records, so that the header of
# the next whole batch shows whether the copy's records are those that were here.

from pathlib import Path
from typing import NamedTuple

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from lockstep.core.files.disk cimport Disk
from lockstep.core.journal.format cimport (
    BATCH_HEADER_SIZE,
    BATCH_MAGIC,
    MAX_BATCH_RECORDS,
    PAGE_SIZE,
    BatchHeader,
    SegmentHeader,
    batch_crc,
    batch_size,
    is_batch,
    is_segment,
    judge_records,
    mix,
)
from lockstep.core.journal.journal cimport JournalReader
from lockstep.core.schema.records cimport RECORD_SIZE, SLOT_SIZE, CommandRecord

from lockstep.core.journal.end import End, chain_at
from lockstep.core.journal.format import JournalError, file_name
from lockstep.core.journal.journal import JournalReport, segment_seqs, verify

NEW_NAME = "repaired"


class Repaired(NamedTuple):
    """One segment that was rebuilt: what of it came from the copy, and where the damaged file is kept."""

    file: Path
    taken: list[tuple[int, int]]  # first and last sequences
    kept: Path


class Batch(NamedTuple):
    """A whole batch of the damaged file: where it lies, and what it holds."""

    offset: int
    first_seq: int
    count: int


def repair(where: Path | Disk, copy: Path | Disk) -> list[Repaired]:
    """Mend every damaged segment of a stopped journal from a copy of it, and take what the copy has after its end; []
    if nothing is damaged or missing.

    Raises JournalError, without changing the segment at hand, if the copy is of another journal, lacks the records, or
    has others; OSError. What was mended before stays mended: it may be run again with another copy.
    """
    disk, source = Disk.of(where), Disk.of(copy)
    repaired: list[Repaired] = []
    if not disk.lock():
        raise JournalError(f"{disk.directory} is being written: stop the venue first")
    try:
        for _ in range(len(segment_seqs(disk))):
            report = verify(disk)
            if report.corruption is None:
                break
            repaired.append(mend(disk, source, int(Path(report.corrupt_file).name[:20])))
        report = verify(disk)
        if report.corruption is None and report.segments and goes_on(disk, source, report):
            repaired.append(mend(disk, source, max(segment_seqs(disk))))
            report = verify(disk)
        if report.corruption is not None:
            raise JournalError(f"{report.corrupt_file} at offset {report.corrupt_offset}: {report.corruption}: "
                               "this can't be mended from a copy of records")
    finally:
        disk.unlock()
    return repaired


def goes_on(disk: Disk, source: Disk, report: JournalReport) -> bool:
    """Whether the copy goes beyond the journal's end with the same records up to there. JournalError: it has others."""
    last_seq = last_of(source)
    if last_seq <= report.last_seq or segment_seqs(source)[0] > report.last_seq + 1:
        return False
    own, theirs = (each.load(file_name(max(segment_seqs(each))), 0, PAGE_SIZE) for each in (disk, source))
    if identity(own) != identity(theirs) or chain_at(source, report.last_seq) != report.chain:
        raise JournalError(f"{source.directory} goes on behind {report.last_seq} with another history")
    return True


def last_of(disk: Disk) -> int:
    """The last whole record of a journal; 0 if there is none. Reads its last segment."""
    cdef JournalReader reader
    seqs = segment_seqs(disk)
    if not seqs:
        return 0
    reader = JournalReader(disk, max(seqs))
    for _ in reader:
        pass
    reader.close()
    return reader.next_seq - 1


def mend(disk: Disk, source: Disk, first_seq: int) -> Repaired:
    """Rebuild one segment, and replace the damaged one by it if it is whole."""
    name = file_name(first_seq)
    old = disk.load(name)
    header = header_of(disk, source, first_seq)
    builder = SegmentBuilder(header, source)
    stop = following(disk, first_seq) or max(first_seq, last_of(source) + 1)
    new, taken = builder.build(old, stop)
    names = disk.names()
    kept = next(each for i in range(1, len(names) + 2) if (each := f"damaged-{first_seq}-{i}.bin") not in names)
    disk.save(kept, old)
    put(disk, name, new + bytes(max(0, len(old) - len(new))))
    report = verify(disk)
    if report.corrupt_file == str(disk.directory / name):
        put(disk, name, old)
        disk.delete(kept)
        raise JournalError(f"{name} is not whole with the records of {source.directory}: {report.corruption}")
    return Repaired(disk.directory / name, taken, disk.directory / kept)


def put(disk: Disk, name: str, data: bytes) -> None:
    disk.save(NEW_NAME, data)
    disk.move(NEW_NAME, name)
    disk.settle_directory()


def following(disk: Disk, first_seq: int) -> int | None:
    """The first sequence of the segment after the one that begins with `first_seq`."""
    return min((seq for seq in segment_seqs(disk) if seq > first_seq), default=None)


def header_of(disk: Disk, source: Disk, first_seq: int) -> bytes:
    """The segment's own header if it is whole, else the copy's, if that is of the same journal as other segments."""
    name = file_name(first_seq)
    own = disk.load(name, 0, PAGE_SIZE)
    if whole_header(own, first_seq):
        return own
    if name not in source.names():
        raise JournalError(f"{name} has a damaged header, and there is no such file in {source.directory}")
    theirs = source.load(name, 0, PAGE_SIZE)
    if not whole_header(theirs, first_seq):
        raise JournalError(f"the header of {name} is damaged in {disk.directory} and in {source.directory}")
    for seq in segment_seqs(disk):
        other = disk.load(file_name(seq), 0, PAGE_SIZE)
        if seq != first_seq and whole_header(other, seq) and identity(other) != identity(theirs):
            raise JournalError(f"{source.directory} is a copy of another journal than {disk.directory}")
    return theirs


def identity(header: bytes) -> bytes:
    return bytes((<const SegmentHeader *> <const char *> header).journal_id[:16])


def whole_header(data: bytes, first_seq: int) -> bool:
    cdef const SegmentHeader *header = <const SegmentHeader *> <const char *> data
    return len(data) == PAGE_SIZE and is_segment(header, header.journal_id) and header.first_seq == first_seq


def tail(where: Path | Disk, end: End, last_seq: int) -> bytes:
    """What a journal that ends with the batch `end` has to go on with to have the records up to `last_seq`."""
    cdef SegmentBuilder builder
    disk = Disk.of(where)
    builder = SegmentBuilder(disk.load(file_name(end.segment), 0, PAGE_SIZE), disk)
    builder.next_seq, builder.chain = end.seq + 1, end.chain
    builder.take(last_seq)
    return bytes(builder.out[PAGE_SIZE:])


cdef class SegmentBuilder:
    """Builds one segment: its header, then batch after batch, carrying sequence and chained hash on."""

    cdef SegmentHeader header
    cdef Disk source
    cdef uint64_t next_seq
    cdef uint64_t chain
    cdef bytearray out

    def __init__(self, header: bytes, Disk source) -> None:
        memcpy(&self.header, <const char *> header, sizeof(self.header))
        self.source = source
        self.next_seq = self.header.first_seq
        self.chain = self.header.chain
        self.out = bytearray(header)

    def build(self, old: bytes, stop: int) -> tuple[bytes, list[tuple[int, int]]]:
        """The new content, and which of its sequences come from the copy; it ends before `stop`."""
        taken: list[tuple[int, int]] = []
        for batch in self.whole_batches(old):
            if batch.first_seq < self.next_seq:
                continue
            if batch.first_seq > self.next_seq:
                taken.append(self.take(batch.first_seq - 1))
            self.keep(old, batch)
        if stop > self.next_seq:
            taken.append(self.take(stop - 1))
        return bytes(self.out), taken

    def until(self, old: bytes, last_seq: int) -> bytes:
        """The content up to record `last_seq`: whole batches as they lie, and of one more what the source has of it."""
        for batch in self.whole_batches(old):
            if batch.first_seq + batch.count - 1 > last_seq:
                break
            self.keep(old, batch)
        if self.next_seq <= last_seq:
            self.take(last_seq)
        return bytes(self.out)

    def whole_batches(self, old: bytes) -> list[Batch]:
        """The usable batches of the damaged file: those whose header and records all pass their checksums."""
        cdef const char *data = old
        cdef const BatchHeader *header
        cdef uint64_t at = PAGE_SIZE, size = len(old), unused = 0
        found = []
        while at + BATCH_HEADER_SIZE <= size:
            header = <const BatchHeader *> (data + at)
            if (is_batch(header, self.header.journal_id, self.header.segment) and 1 <= header.count <= MAX_BATCH_RECORDS
                    and at + batch_size(header.count) <= size and judge_records(header, &unused) == NULL):
                found.append(Batch(at, header.first_seq, header.count))
                at += batch_size(header.count)
            else:
                at += PAGE_SIZE
        return found

    def keep(self, old: bytes, batch: Batch) -> None:
        """Take a whole batch as it lies. Its header has the chained hash up to its last record."""
        cdef const char *data = old
        cdef uint64_t at = batch.offset
        cdef const BatchHeader *header = <const BatchHeader *> (data + at)
        if judge_records(header, &self.chain) != NULL or self.chain != header.chain:
            raise JournalError(f"{self.source.directory} has other records before {header.first_seq} than were here")
        self.next_seq += header.count
        self.out += old[at:at + batch_size(header.count)]

    def take(self, last_seq: int) -> tuple[int, int]:
        """Read the records up to `last_seq` from the copy, which its reader checks, and put them into batches."""
        cdef JournalReader reader
        first_seq = self.next_seq
        seqs = segment_seqs(self.source)
        if not seqs or seqs[0] > first_seq:
            raise JournalError(f"{self.source.directory} does not have the records {first_seq} to {last_seq}")
        reader = JournalReader(self.source, first_seq, last_seq)
        try:
            if identity(reader.header_bytes()) != identity(bytes(self.out[:PAGE_SIZE])):
                raise JournalError(f"{self.source.directory} is a copy of another journal")
            records = list(reader)
        finally:
            reader.close()
        for at in range(0, len(records), MAX_BATCH_RECORDS):
            self.compose(records[at:at + MAX_BATCH_RECORDS])
        return first_seq, last_seq

    def compose(self, records: list[bytes]) -> None:
        """Append a batch of records."""
        cdef BatchHeader header
        cdef const CommandRecord *record
        cdef bytes data
        memset(&header, 0, sizeof(header))
        header.magic = BATCH_MAGIC
        header.count = <uint32_t> len(records)
        memcpy(header.journal_id, self.header.journal_id, 16)
        header.segment = self.header.segment
        header.first_seq = self.next_seq
        header.durable_seq = self.next_seq - 1
        for data in records:
            record = <const CommandRecord *> <const char *> data
            self.chain = mix(self.chain, record.seq, record.crc)
            header.epoch = record.epoch
        header.chain = self.chain
        header.crc = batch_crc(&header)
        slots = b"".join([bytes(SLOT_SIZE - RECORD_SIZE) + data for data in records])
        batch = (<const char *> &header)[:BATCH_HEADER_SIZE] + slots
        self.out += batch.ljust(batch_size(header.count), b"\0")
        self.next_seq += header.count
