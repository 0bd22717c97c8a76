"""The journal's writer: opens a journal where it truly ends, appends batches, and begins one segment after another.

It never rewrites a committed page (LOG-26), never names a segment before it is synced (LOG-27), and never tries a sync
again. `journal_format` has the format that it writes.
"""

import os
from pathlib import Path

cimport cython
from libc.errno cimport ENOSPC
from libc.stdint cimport UINT64_MAX, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.files.disk cimport WRITE, Disk, iovec
from lockstep.core.journal.format cimport (
    BATCH_HEADER_SIZE,
    BATCH_MAGIC,
    FORMAT_VERSION,
    MAX_BATCH_RECORDS,
    NAME_SIZE,
    PAGE_SIZE,
    SEGMENT_MAGIC,
    VENUE_SIZE,
    BatchHeader,
    SegmentHeader,
    batch_crc,
    batch_size,
    mix,
    schema_hash,
    segment_crc,
    segment_name,
)
from lockstep.core.journal.journal cimport JournalReader
from lockstep.core.journal.prepare cimport PREPARED_FAILED, PREPARED_FULL, Preparation, prepared_name, write_zeros
from lockstep.core.schema.records cimport RECORD_SIZE, SLOT_SIZE, CommandRecord

from lockstep.core.journal import mark as journal_mark
from lockstep.core.journal.format import JournalError, file_name
from lockstep.core.journal.journal import Ending, segment_seqs
from lockstep.core.journal.prepare import PREPARED_NAME
from lockstep.core.journal.retain import retain

cdef enum:
    LOOK_NS = 100_000_000  # between two looks at the free space, and two tries to prepare a segment on a full disk

cdef extern from *:
    """static const char journal_padding[4096];"""
    const char journal_padding[PAGE_SIZE]

SEGMENT_BYTES = 64 << 20
MIN_SEGMENT_BYTES = 2 * PAGE_SIZE
REWRITTEN_NAME = "rewritten"


class JournalFull(OSError):
    """The disk is full. Nothing of the batch counts as written: the durable position stays where it was."""


@cython.no_gc_clear
cdef class JournalWriter:
    """Appends to the journal in a folder, of which there is one writer at a time.

    Opening syncs and checks what is there: headers and continuity of all segments, every record of the last two. What
    an interrupted last write left is kept aside (`torn` names the file) and cut before the first batch is written:
    until then nothing is changed, so that a witness that knows of more can still refuse. `hole`: it has whole batches,
    which a power loss in mode none can leave. `durability` is "local": a commit waits for the disk, or "none": it
    waits for the kernel only, so that what was committed survives this process but not a loss of power.

    `trusted_seq` is for a journaler that restarts alone: its predecessor may have ended with a failed sync, after
    which readable data need not be on the disk, so nothing after this sequence is believed (LOG-20). `at_least`
    is what others know to be durable (snapshots do): a journal that ends before, or before the mark of the last
    orderly stop (`finish`), is refused (LOG-28). `journal_id` is for a journal that begins here as a copy of another
    one; without it, one that begins gets an id of its own. `venue` names the venue of a journal that begins here.

    `nearly_full` (kept by `tend`) says that fewer than `reserve_bytes` are free beside the prepared segment, or that
    none could be prepared: the rest is for commands that must not be refused (LOG-29).
    Raises JournalCorrupt with file and offset, JournalError, JournalFull, OSError.
    """

    def __cinit__(self) -> None:
        self.handle = -1
        self.looked_ns = -LOOK_NS

    def __init__(
        self,
        where: Path | Disk,
        durability: str = "local",
        segment_bytes: int = SEGMENT_BYTES,
        *,
        reserve_bytes: int | None = None,
        trusted_seq: int | None = None,
        at_least: int = 0,
        journal_id: bytes | None = None,
        venue: str = "",
    ) -> None:
        if journal_id is not None and len(journal_id) != 16:
            raise ValueError(f"a journal's id is 16 bytes, not {len(journal_id)}")
        if len(venue.encode()) > VENUE_SIZE:
            raise ValueError(f"a venue's name has at most {<int> VENUE_SIZE} bytes")
        if durability not in ("none", "local"):
            raise ValueError(f"durability is none or local, not {durability!r}")
        if segment_bytes < MIN_SEGMENT_BYTES or segment_bytes % PAGE_SIZE:
            raise ValueError(f"a segment is a multiple of {PAGE_SIZE} bytes, at least {MIN_SEGMENT_BYTES}")
        self.disk = Disk.of(where)
        self.directory = self.disk.directory
        self.synced = durability == "local"
        self.segment_bytes = segment_bytes
        self.reserve_bytes = segment_bytes if reserve_bytes is None else reserve_bytes
        self.max_batch = min(MAX_BATCH_RECORDS, (segment_bytes - PAGE_SIZE - BATCH_HEADER_SIZE) // SLOT_SIZE)
        self.preparation = Preparation(self.disk, segment_bytes)
        self.lock()
        name = venue.encode()
        memset(self.venue, 0, VENUE_SIZE)
        memcpy(self.venue, <const char *> name, len(name))
        self.open(trusted_seq, at_least, journal_id)

    def __dealloc__(self) -> None:
        self.close()

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def lock(self) -> None:
        """Open the folder, made if it is missing, and hold it against other writers until close or death."""
        self.disk.create()
        if not self.disk.lock():
            raise JournalError(f"{self.directory} is being written by another process")
        self.locked = True

    def open(self, trusted_seq: int | None, at_least: int, journal_id: bytes | None) -> None:
        """Take over where the journal ends, or begin one."""
        if trusted_seq is not None and PREPARED_NAME in self.disk.names():
            self.disk.delete(PREPARED_NAME)  # its sync may be the one that failed
        known_seq = max(at_least, trusted_seq or 0)
        seqs = segment_seqs(self.disk)
        if not seqs:
            self.begin(known_seq, journal_id or os.urandom(16))
            return
        ending = self.walk(seqs, trusted_seq, known_seq)
        if ending.beyond or ending.torn_bytes:
            self.name_torn(ending, trusted_seq is not None)
        with nogil:
            self.start_preparing(-1)
            if self.tail is not None and trusted_seq is not None:
                self.put_aside(True)
                self.rotate()

    def begin(self, known_seq: int, bytes identity) -> None:
        """Start an empty journal of this id: a first segment that begins with sequence 1."""
        if known_seq:
            raise JournalError(f"{self.directory} holds no journal, yet sequence {known_seq} is known to be durable")
        memcpy(self.journal_id, <const char *> identity, 16)
        self.first_seq = 1
        with nogil:
            self.start_preparing(-1)
            self.rotate()

    def walk(self, seqs: list[int], trusted_seq: int | None, known_seq: int) -> Ending:
        """Sync and check what is there, take over where it ends or is no longer trusted; returns what follows that."""
        cdef JournalReader reader
        cdef uint64_t last_seq = UINT64_MAX if trusted_seq is None else trusted_seq
        newest = seqs[max(0, len(seqs) - 2):]  # behind a third segment's begin, nothing of the first is unsynced
        if trusted_seq is not None and not self.synced:
            self.rewrite(newest)
        for seq in seqs:
            self.disk.settle(file_name(seq), forget=trusted_seq is None and seq in newest)
        self.disk.settle_directory()
        reader = JournalReader(self.disk, seqs[0], deep_from=newest[0])
        with nogil:
            reader.walk(last_seq)
        reader.check_reached(known_seq, "a snapshot" if trusted_seq is None else "the venue")
        if trusted_seq is None:
            reader.check_mark()
        if reader.next_seq - 1 > last_seq:
            raise JournalError(f"{self.directory}: sequence {last_seq} ends no batch: it was never reported durable")
        ending = reader.ending()
        self.first_seq = seqs[0]
        self.take_over(reader)
        reader.close()
        return ending

    def rewrite(self, seqs: list[int]) -> None:
        """Write segments from memory into new files: in mode none, it is unknown what the disk has of them."""
        for seq in seqs:
            self.disk.save(REWRITTEN_NAME, self.disk.load(file_name(seq)))
            self.disk.move(REWRITTEN_NAME, file_name(seq))
            self.disk.settle_directory()

    cdef int take_over(self, JournalReader reader) except -1:
        """Write on where the reader stands. All that it found was synced."""
        memcpy(self.journal_id, reader.header.journal_id, 16)
        memcpy(self.venue, reader.header.venue, VENUE_SIZE)
        self.segment = reader.header.segment
        self.segment_first_seq = reader.header.first_seq
        self.end = Position(reader.next_seq - 1, reader.chain, reader.epoch)
        self.durable_seq = self.end.seq
        self.offset = reader.offset
        self.handle = self.disk.open(file_name(self.segment_first_seq).encode(), WRITE)
        size = self.disk.size(self.handle) if self.handle >= 0 else self.handle
        if size < 0:
            self.fail(size, b"open the journal")
        self.size = max(<uint64_t> size // PAGE_SIZE * PAGE_SIZE, self.offset)
        return 0

    def name_torn(self, ending: Ending, untrusted: bool) -> None:
        """Choose the file that will keep what follows the end."""
        names = self.disk.names()
        stem = next(stem for i in range(1, len(names) + 2) if (stem := f"torn-{self.end.seq + 1}-{i}.bin") not in names)
        self.tail = ending
        self.torn = self.directory / stem
        self.hole = ending.hole and not untrusted

    cdef int put_aside(self, bint untrusted) except -1 nogil:
        """Keep what follows the end under other names, then cut it: later segments, the last one first.

        So if this is interrupted, the next opening finds the same end. An untrusted rest is cut off, so that its
        pages are not used again; else zeros take its place.
        """
        with gil:
            stem = self.torn.name
            for seq in reversed(self.tail.beyond):
                self.disk.move(file_name(seq), f"{stem}.{seq}")
                self.disk.settle_directory()
            torn = self.disk.load(file_name(self.segment_first_seq), self.offset, self.tail.torn_bytes)
            self.disk.save(stem, torn)
            self.disk.settle_directory()
            self.cut(untrusted)
            self.tail = None
        return 0

    def cut(self, untrusted: bool) -> None:
        """Leave nothing after the end."""
        cdef int64_t code = self.disk.truncate(self.handle, self.offset)
        if untrusted:
            self.size = self.offset
        if code == 0:
            code = write_zeros(self.disk, self.handle, self.offset, self.size)
        if code == 0:
            code = self.disk.sync(self.handle)
        if code != 0:
            self.fail(code, b"cut the end of the journal")

    def finish(self) -> None:
        """Stop in order: sync all that is written, and leave a mark of where it ends. OSError."""
        seqs = segment_seqs(self.disk)
        for seq in seqs[max(0, len(seqs) - 2):]:  # what lies before is synced, and in mode local all is
            self.disk.settle(file_name(seq))
        mark = journal_mark.Mark(bytes(self.journal_id[:16]), self.end.seq, self.end.chain)
        journal_mark.write(self.disk, mark)

    def close(self) -> None:
        """Close the files and give the folder to the next writer, syncing nothing. May be called twice."""
        if self.preparation is not None:
            self.preparation.halt()
        if self.handle >= 0:
            self.disk.close_file(self.handle)
        if self.locked:
            self.disk.give_back()
        self.handle = -1
        self.locked = False
        self.failed = True

    def retain(self, from_seq: int) -> list[int]:
        """`journal_retain.retain` for this journal; the first sequences of the segments that are gone."""
        gone = retain(self.disk, from_seq)
        self.first_seq = segment_seqs(self.disk)[0]
        return gone

    @property
    def last_seq(self) -> int:
        """The last committed sequence."""
        return self.end.seq

    @property
    def chain(self) -> int:
        """The chained hash up to `last_seq`."""
        return self.end.chain

    def fileno(self) -> int:
        """The descriptor of the segment being written."""
        return self.handle

    def append(self, records: list[bytes], wrap_at: int | None = None) -> int:
        """Commit records of 120 bytes as one batch and return the last sequence; for tools and tests.

        The first `wrap_at` records lie apart from the rest, as at the end of a ring.
        """
        cdef uint64_t count = len(records), head = count if wrap_at is None else wrap_at, i, at
        cdef bytes record
        cdef char *slots = <char *> malloc((count + 1) * SLOT_SIZE)
        if slots == NULL:
            raise MemoryError
        try:
            memset(slots, 0, (count + 1) * SLOT_SIZE)
            for i in range(count):
                record = records[i]
                if len(record) != RECORD_SIZE:
                    raise ValueError(f"a record is {RECORD_SIZE} bytes, not {len(record)}")
                at = (i + (i >= head)) * SLOT_SIZE + SLOT_SIZE - RECORD_SIZE
                memcpy(slots + at, <const char *> record, RECORD_SIZE)
            with nogil:
                self.commit(Span(slots, head), Span(slots + (head + 1) * SLOT_SIZE, count - head))
        finally:
            free(slots)
        return self.end.seq

    cdef void ease(self) noexcept nogil:
        """From here on a commit waits for the kernel only, as in mode none."""
        self.synced = False

    cdef int tend(self, int64_t now_ns) except -1 nogil:
        """What is due between commits, ten times a second: the free space, and the preparation of a segment."""
        cdef uint64_t wanted
        if now_ns - self.looked_ns < LOOK_NS:
            return 0
        self.looked_ns = now_ns
        state = self.preparation.look()
        if state == PREPARED_FAILED:
            return self.fail(self.preparation.error, b"prepare a segment of the journal")
        left = self.disk.free_bytes()
        if left < 0:
            return self.fail(left, b"tell the free space beside the journal")
        if state == PREPARED_FULL and <uint64_t> left >= self.segment_bytes - self.preparation.at:
            self.start_preparing(-1)
        wanted = self.reserve_bytes + (self.segment_bytes if self.nearly_full else 0)
        self.nearly_full = state == PREPARED_FULL or <uint64_t> left < wanted
        return 0

    cdef uint64_t fitting(self, uint64_t count) noexcept nogil:
        """How many of `count` records there is room for: all, unless the disk is full."""
        cdef uint64_t room = self.size - self.offset
        if batch_size(count) <= room or self.preparation.finish() != PREPARED_FULL:
            return count
        self.nearly_full = True
        return 0 if room < PAGE_SIZE else min(count, (room - BATCH_HEADER_SIZE) // SLOT_SIZE)

    cdef int commit(self, Span span, Span wrapped) except -1 nogil:
        """Write two spans of slots (together 1 … max_batch) as one batch; in mode local, wait until it is on disk.

        The records continue `end`, with their crc stamped. On return `end` includes them. After an error nothing of the
        batch counts, and the writer takes no more: the process is to end. Only JournalFull, where there is no segment
        to begin (`fitting` tells before), has changed nothing, and the same may be tried again later.
        """
        cdef Position end = self.end
        cdef uint64_t count = span.count + wrapped.count
        if self.failed or count < 1 or count > self.max_batch:
            with gil:
                raise JournalError(f"can't append {count} records: the writer failed, is closed, or it is no batch")
        self.check_span(span, &end)
        self.check_span(wrapped, &end)
        if self.tail is not None:
            self.put_aside(False)
        if self.offset + batch_size(count) > self.size:
            self.rotate()
        return self.write(span, wrapped, end)

    cdef int check_span(self, Span span, Position *at) except -1 nogil:
        """Check sequences and checksums before they become history, and carry the chained hash on."""
        cdef const CommandRecord *record
        cdef uint64_t i
        for i in range(span.count):
            record = <const CommandRecord *> (span.slots + i * SLOT_SIZE + SLOT_SIZE - RECORD_SIZE)
            at.seq += 1
            if (record.seq != at.seq or record.epoch < at.epoch
                    or record.crc != crc32c(0, <const char *> record + 4, RECORD_SIZE - 4)):
                self.failed = True
                with gil:
                    raise JournalError(f"record {at.seq} of the log has a wrong sequence, epoch or checksum")
            at.chain = mix(at.chain, at.seq, record.crc)
            at.epoch = record.epoch
        return 0

    cdef int write(self, Span span, Span wrapped, Position end) except -1 nogil:
        cdef BatchHeader header
        cdef iovec spans[4]
        cdef uint64_t size = batch_size(span.count + wrapped.count)
        cdef int64_t done, code
        memset(&header, 0, sizeof(header))
        header.magic = BATCH_MAGIC
        header.count = <uint32_t> (span.count + wrapped.count)
        memcpy(header.journal_id, self.journal_id, 16)
        header.segment = self.segment
        header.first_seq = self.end.seq + 1
        header.durable_seq = self.durable_seq
        header.chain = end.chain
        header.epoch = end.epoch
        header.crc = batch_crc(&header)
        spans[0] = iovec(&header, sizeof(header))
        spans[1] = iovec(<void *> span.slots, span.count * SLOT_SIZE)
        spans[2] = iovec(<void *> wrapped.slots, wrapped.count * SLOT_SIZE)
        spans[3] = iovec(<void *> journal_padding, size - BATCH_HEADER_SIZE - header.count * SLOT_SIZE)
        done = self.disk.write(self.handle, spans, 4, self.offset)
        if done != <int64_t> size:  # a regular file takes all or fails; part of it means that the disk has no more
            return self.fail(done if done < 0 else -ENOSPC, b"write a batch to the journal")
        if self.synced:
            code = self.disk.sync(self.handle)
            if code != 0:
                return self.fail(code, b"sync the journal")
        self.offset += size
        self.end = end
        if self.synced:
            self.durable_seq = end.seq
        if not self.disk.threads:
            self.preparation.look()
        return 0

    cdef int rotate(self) except -1 nogil:
        """Begin the next segment behind `end`, then prepare the one after."""
        self.await_prepared()
        if not self.synced and self.segment:  # the preparation has synced the segments before this one
            self.durable_seq = max(self.durable_seq, self.segment_first_seq - 1)
        retired = self.handle
        if self.segment_first_seq != self.end.seq + 1:
            self.segment += 1  # else one that an interrupted cut left too short for any batch is replaced
        self.name_prepared()
        self.size = self.segment_bytes
        self.offset = PAGE_SIZE
        self.segment_first_seq = self.end.seq + 1
        return self.start_preparing(retired)

    cdef int name_prepared(self) except -1 nogil:
        """Header, sync, name, sync of the folder: a segment that has its name has its header."""
        cdef SegmentHeader header
        cdef iovec span = iovec(&header, sizeof(header))
        cdef char name[NAME_SIZE]
        cdef int64_t code
        memset(&header, 0, sizeof(header))
        header.magic = SEGMENT_MAGIC
        header.version = FORMAT_VERSION
        header.schema_hash = schema_hash
        memcpy(header.journal_id, self.journal_id, 16)
        header.segment = self.segment
        header.first_seq = self.end.seq + 1
        header.chain = self.end.chain
        header.epoch = self.end.epoch
        header.durable_seq = self.durable_seq
        memcpy(header.venue, self.venue, VENUE_SIZE)
        header.crc = segment_crc(&header)
        segment_name(name, header.first_seq)
        handle = self.disk.open(prepared_name, WRITE)
        if handle < 0:
            return self.fail(handle, b"begin a segment of the journal")
        self.handle = handle
        code = self.disk.write(handle, &span, 1, 0)
        if code >= 0 and code != sizeof(header):
            code = -ENOSPC
        if code >= 0:
            code = self.disk.sync(handle)
        if code == 0:
            code = self.disk.rename(prepared_name, name)
        if code == 0:
            code = self.disk.sync_directory()
        return 0 if code == 0 else self.fail(code, b"begin a segment of the journal")

    cdef int start_preparing(self, int retired) except -1 nogil:
        code = self.preparation.begin(retired)
        return 0 if code == 0 else self.fail(code, b"start a thread for the journal")

    cdef int await_prepared(self) except -1 nogil:
        """Wait for the next segment; if the disk was full, try once more."""
        if self.preparation.finish() == PREPARED_FULL:
            self.start_preparing(-1)
        state = self.preparation.finish()
        if state == PREPARED_FAILED:
            return self.fail(self.preparation.error, b"prepare a segment of the journal")
        if state == PREPARED_FULL:
            self.nearly_full = True
            with gil:
                raise JournalFull(ENOSPC, f"can't prepare a segment of the journal: {os.strerror(ENOSPC)}",
                                  str(self.directory))
        return 0

    cdef int fail(self, int64_t code, const char *what) except -1 nogil:
        """Raise for a negative errno. Nothing is tried again: the writer takes no more."""
        self.failed = True
        with gil:
            error = self.disk.error(code, f"can't {what.decode()}")
            raise JournalFull(*error.args, str(self.directory)) if code == -ENOSPC else error
