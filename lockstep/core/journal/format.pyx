"""The journal's format: segment files of checksummed batches (LOG-26), their headers, sizes, names and errors.

It lays out bytes and judges single headers; it opens no file.
"""

# A segment is a file `<first sequence, 20 digits>.journal`. It is prepared by writing zeros under a neutral name; then
# its header is written and synced, it gets its name, and the folder is synced: the rename publishes it.
#
#      0       8     12        16            24           40        48          56      64      72            80     120
#      +-------+-----+---------+-------------+------------+---------+-----------+-------+-------+-------------+------+
#      | magic | crc | version | schema hash | journal id | segment | first seq | chain | epoch | durable seq | name |
#      +-------+-----+---------+-------------+------------+---------+-----------+-------+-------+-------------+------+
#    120 zeros
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
# record before the segment, or of the batch's last. durable seq: what was known to be synced when the header was
# written; where a journal ends is decided by it (`journal_end`). name: the venue's, which no start may differ from.

from pathlib import Path

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcmp

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport RECORD_SIZE, SCHEMA_HASH, SLOT_SIZE, CommandRecord

from lockstep.core.diagnostics.refusal import FinalError

cdef uint64_t schema_hash = SCHEMA_HASH
cdef enum:
    CRC_BEGIN = 12  # of both headers: what lies behind the crc is covered by it
    DIGITS = 20

SUFFIX = ".journal"
OWN_SCHEMA = schema_hash

assert sizeof(SegmentHeader) == PAGE_SIZE
assert sizeof(BatchHeader) == BATCH_HEADER_SIZE
assert <int> BATCH_HEADER_SIZE == <int> SLOT_SIZE
assert batch_size(MAX_BATCH_RECORDS) == BATCH_HEADER_SIZE + MAX_BATCH_RECORDS * SLOT_SIZE
assert batch_size(MAX_BATCH_RECORDS) <= BUFFER_SIZE


# What is whole, and another build's: no copy mends that.
UNREADABLE = {
    "written with another schema": "`lockstep convert-journal` writes an earlier build's journal as one of this build; "
    "a later build's needs that build",
    "written in another version of the journal format": "Install the build that wrote it",
}


class JournalError(FinalError):
    """The journal can't be used as it is: records are missing, or another process is writing it."""


class JournalCorrupt(JournalError):
    """Bytes that were once written and synced are not what they were. `file` and `offset` say where."""

    mends = "`lockstep repair-journal --from COPY` mends it from a copy"

    def __init__(self, file: Path, offset: int, reason: str) -> None:
        mends = next((each for begins, each in UNREADABLE.items() if reason.startswith(begins)), "")
        if not mends:
            mends = f"Run `lockstep verify` for the whole picture; {self.mends}"
        super().__init__(f"journal is corrupt: {file} at offset {offset}: {reason}. Nothing was changed. {mends}")
        self.file = file
        self.offset = offset
        self.reason = reason


class JournalShort(JournalCorrupt):
    """The journal ends before a record that was durable: what looks like a torn last write is damage."""

    mends = (
        f"{JournalCorrupt.mends}; without one, `lockstep repair-journal --accept-loss` says what would be lost, and "
        "goes on from what the journal has"
    )


cdef uint32_t segment_crc(const SegmentHeader *header) noexcept nogil:
    return crc32c(0, <const char *> header + CRC_BEGIN, sizeof(SegmentHeader) - CRC_BEGIN)


cdef uint32_t batch_crc(const BatchHeader *header) noexcept nogil:
    return crc32c(0, <const char *> header + CRC_BEGIN, sizeof(BatchHeader) - CRC_BEGIN)


cdef void segment_name(char *out, uint64_t first_seq) noexcept nogil:
    snprintf(out, NAME_SIZE, b"%020llu.journal", <unsigned long long> first_seq)


cdef bint is_segment(const SegmentHeader *header, const uint8_t *journal_id) noexcept nogil:
    """Whether this is a whole header of a segment of this journal."""
    return (
        header.magic == SEGMENT_MAGIC
        and header.crc == segment_crc(header)
        and memcmp(header.journal_id, journal_id, 16) == 0
    )


cdef bint is_batch(const BatchHeader *header, const uint8_t *journal_id, uint64_t segment) noexcept nogil:
    """Whether this is a whole header of a batch of this segment of this journal."""
    return (
        header.magic == BATCH_MAGIC
        and header.crc == batch_crc(header)
        and header.segment == segment
        and memcmp(header.journal_id, journal_id, 16) == 0
    )


cdef const char *judge_records(const BatchHeader *header, uint64_t *chain) noexcept nogil:
    """What is wrong with the records of a batch that is all in memory; NULL when nothing is: `chain` includes them."""
    cdef const char *slot = <const char *> header + BATCH_HEADER_SIZE
    cdef const CommandRecord *record
    cdef uint32_t i
    for i in range(header.count):
        record = <const CommandRecord *> (slot + SLOT_SIZE - RECORD_SIZE)
        if record.seq != header.first_seq + i:
            return b"a record of the batch has a wrong sequence"
        if record.crc != crc32c(0, <const char *> record + 4, RECORD_SIZE - 4):
            return b"a record of the batch fails its checksum"
        chain[0] = mix(chain[0], record.seq, record.crc)
        slot += SLOT_SIZE
    return NULL


def file_name(first_seq: int) -> str:
    """The name of the segment that begins with `first_seq`."""
    return f"{first_seq:0{<int> DIGITS}}{SUFFIX}"


def segment_path(directory: Path, first_seq: int) -> Path:
    """The file of the segment that begins with `first_seq`."""
    return directory / file_name(first_seq)


def first_seqs(directory: Path, names: list[str]) -> list[int]:
    """First sequences of the segments among a folder's files, oldest first; JournalError for a name that is none."""
    found = [name for name in names if name.endswith(SUFFIX)]
    for name in found:
        if not (len(name) == DIGITS + len(SUFFIX) and name[:DIGITS].isdigit()):
            raise JournalError(f"{directory / name} is not the name of a journal segment")
    return sorted(int(name[:DIGITS]) for name in found)
