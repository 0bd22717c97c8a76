"""What a journal is at one record, or at its end, without reading all of it: position, chained hash, header.

It only reads, through `JournalReader`, which checks what it reads.
"""

from pathlib import Path
from typing import NamedTuple

from libc.errno cimport ENOENT
from libc.stdint cimport UINT64_MAX, uint64_t

from lockstep.core.files.disk cimport Disk
from lockstep.core.journal.format cimport VENUE_SIZE, mix
from lockstep.core.journal.journal cimport JournalReader
from lockstep.core.schema.records cimport CommandRecord

from lockstep.core.journal.format import JournalError, JournalShort, file_name, first_seqs
from lockstep.core.journal.journal import segment_seqs


class End(NamedTuple):
    """Where a journal ends, or is to be taken to end: its last record, and the segment and offset after its batch."""

    journal_id: bytes
    seq: int
    chain: int
    segment: int  # its first sequence
    offset: int


class Header(NamedTuple):
    """Of a segment: whose, its number, the chained hash of all records before it, and the venue's name ("": none)."""

    first_seq: int
    journal_id: bytes
    number: int
    chain: int
    venue: str


def chain_at(where: Path | Disk, seq: int) -> int:
    """The chained hash up to record `seq`, which is in the journal or directly before it; reads part of a segment."""
    cdef JournalReader reader = JournalReader(where, seq + 1)
    cdef const CommandRecord *record
    cdef uint64_t chain = reader.chain
    reader.first_seq, reader.limit = reader.next_seq, seq
    while True:
        record = <const CommandRecord *> reader.peek()
        if record == NULL:
            break
        chain = mix(chain, record.seq, record.crc)
        reader.advance()
    reader.close()
    return chain


def end_of(where: Path | Disk, seq: int | None = None) -> End:
    """Where record `seq`, which was reported durable and so ends a batch, lies; None: the last whole one, of a journal
    that nobody writes. Reads and checks part of one segment. JournalCorrupt where that is damaged, or ends before, or
    before the mark of the last orderly stop.
    """
    cdef JournalReader reader
    cdef uint64_t last_seq = UINT64_MAX if seq is None else seq
    disk = Disk.of(where)
    seqs = [first for first in segment_seqs(disk) if seq is None or first <= seq]
    if not seqs:
        raise JournalError(f"{disk.directory} holds no journal")
    reader = JournalReader(disk, max(seqs))
    with nogil:
        reader.walk(last_seq)
    if seq is None:
        reader.ending()
        reader.check_mark()
    else:
        reader.check_reached(seq, "the venue")
        if reader.next_seq - 1 > seq:
            raise JournalError(f"{disk.directory}: sequence {seq} ends no batch: it was never reported durable")
    reader.close()
    journal_id = bytes(reader.header.journal_id[:16])
    return End(journal_id, reader.next_seq - 1, reader.chain, reader.header.first_seq, reader.offset)


def end_before(where: Path | Disk, seq: int) -> End:
    """Where the last batch lies that has no record behind `seq`, which the journal has and which need end no batch.

    Its record is the one before a segment where that segment's first batch goes beyond. JournalCorrupt, OSError.
    """
    cdef JournalReader reader
    cdef uint64_t last_seq = seq, offset, chain
    disk = Disk.of(where)
    seqs = [first for first in segment_seqs(disk) if first <= seq]
    if not seqs:
        raise JournalError(f"{disk.directory} does not have record {seq}")
    reader = JournalReader(disk, max(seqs))
    reader.walking = True
    while True:
        offset, chain = reader.offset, reader.chain
        if reader.next_seq > last_seq:
            break
        if not reader.load_batch():
            reader.check_reached(seq, "the venue")
        if reader.next_seq + reader.left - 1 > last_seq:
            break
        reader.next_seq += reader.left
        reader.left = 0
    end = End(bytes(reader.header.journal_id[:16]), reader.next_seq - 1, chain, reader.header.first_seq, offset)
    reader.close()
    return end


def segment_header(where: Path | Disk, first_seq: int) -> Header:
    """What the header of a segment says, once it is checked.

    FileNotFoundError where the segment is gone, as retention removes segments while others look. JournalError, OSError.
    """
    cdef JournalReader reader = JournalReader(where, first_seq, first_seq)
    if reader.handle < 0:
        raise FileNotFoundError(ENOENT, "the segment is gone", str(reader.directory / file_name(first_seq)))
    venue = (<const char *> reader.header.venue)[:VENUE_SIZE].rstrip(b"\0").decode(errors="replace")
    header = Header(first_seq, bytes(reader.header.journal_id[:16]), reader.header.segment, reader.header.chain, venue)
    reader.close()
    return header


def first_header(where: Path | Disk) -> Header | None:
    """The header of the first segment that there is, None where there is none. JournalError, OSError."""
    disk = Disk.of(where)
    while seqs := segment_seqs(disk):
        try:
            return segment_header(disk, seqs[0])
        except (FileNotFoundError, JournalError):
            if segment_seqs(disk)[:1] == seqs[:1]:
                raise
            # retention has removed it since it was listed
    return None


def short_of(where: Path | Disk, seq: int, reason: str) -> JournalShort:
    """The error for a journal whose last whole record is `seq`, although more is known to have been durable."""
    cdef JournalReader reader
    disk = Disk.of(where)
    seqs = first_seqs(disk.directory, disk.names())
    if not seqs:
        return JournalShort(disk.directory, 0, reason)
    reader = JournalReader(disk, max(seq, seqs[0]))
    reader.walk(UINT64_MAX)
    fault = reader.fault.decode()
    reader.close()
    return JournalShort(reader.path(), reader.offset, f"{fault}: {reason}")
