"""The journal's writer: opens a journal where it truly ends, appends batches, and prepares the next segment ahead.

It never rewrites a committed page and never tries again after an error: `journal` has the format that it writes.
"""

import fcntl
import os
import time
from pathlib import Path

from libc.errno cimport EINTR, ENOSPC, errno as c_errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from posix.fcntl cimport O_CLOEXEC, O_CREAT, O_RDWR
from posix.unistd cimport SEEK_END, close, fdatasync, fsync, lseek, pwrite

from shm.atomics cimport load_acquire_32, store_release_32
from shm.crc32c cimport crc32c
from shm.journal cimport (
    BATCH_HEADER_SIZE,
    BATCH_MAGIC,
    FORMAT_VERSION,
    MAX_BATCH_RECORDS,
    NAME_SIZE,
    PAGE_SIZE,
    SEGMENT_MAGIC,
    BatchHeader,
    JournalReader,
    SegmentHeader,
    batch_crc,
    batch_size,
    mix,
    segment_crc,
    segment_name,
)
from shm.records cimport RECORD_SIZE, SLOT_SIZE, CommandRecord

from shm.journal import JournalError, segment_path, segment_seqs
from shm.layout import SCHEMA_HASH

cdef enum:
    ZERO_BLOCK = 65536
    PACE_BYTES = 1 << 20  # preparation hands so much to the disk at a time: what a commit beside it may wait for

cdef extern from "<fcntl.h>" nogil:
    int openat(int directory, const char *name, int flags, ...) noexcept
    int sync_file_range(int fd, int64_t begin, int64_t size, unsigned int flags) noexcept
    unsigned int SYNC_FILE_RANGE_WAIT_BEFORE, SYNC_FILE_RANGE_WRITE, SYNC_FILE_RANGE_WAIT_AFTER

cdef extern from "<stdio.h>" nogil:
    int renameat(int old_directory, const char *old_name, int new_directory, const char *new_name) noexcept

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len
    Py_ssize_t pwritev(int fd, const iovec *spans, int count, int64_t offset) noexcept

cdef extern from "<pthread.h>" nogil:
    ctypedef void *(*pthread_run)(void *) noexcept nogil
    int pthread_create(pthread_t *thread, void *attributes, pthread_run run, void *argument) noexcept
    int pthread_join(pthread_t thread, void **result) noexcept

cdef extern from *:
    """static const char journal_zeros[65536];"""
    const char journal_zeros[ZERO_BLOCK]

SEGMENT_BYTES = 64 << 20
MIN_SEGMENT_BYTES = 2 * PAGE_SIZE
cdef const char *prepared_name = b"prepared"
cdef uint64_t schema_hash = SCHEMA_HASH


class JournalFull(OSError):
    """The disk is full. Nothing of the batch counts as written: the durable position stays where it was."""


cdef void *run_preparation(void *argument) noexcept nogil:
    """The thread's work: settle the segment that was left, then write the next one, of zeros, under a neutral name."""
    work = <Preparation *> argument
    work.error = retire(work.retired_fd)
    if work.error == 0:
        work.error = write_prepared(work)
    return NULL


cdef int retire(int fd) noexcept nogil:
    """Sync and close the segment that is complete: in mode none, this is when it becomes durable."""
    if fd < 0:
        return 0
    error = c_errno if fdatasync(fd) != 0 else 0
    close(fd)
    return error


cdef int write_prepared(Preparation *work) noexcept nogil:
    """Write the next segment, or the rest of it where an earlier writer began: it grows by written zeros alone."""
    cdef int error
    fd = openat(work.directory_fd, prepared_name, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    if fd < 0:
        return c_errno
    error = write_zeros(fd, <uint64_t> lseek(fd, 0, SEEK_END) // ZERO_BLOCK * ZERO_BLOCK, work.size, &work.stop)
    if error == 0 and fsync(fd) != 0:
        error = c_errno
    close(fd)
    return error


cdef int write_zeros(int fd, uint64_t begin, uint64_t end, uint32_t *stop) noexcept nogil:
    """Fill [begin, end) with zeros and an even flow to the disk; 0 or an errno. Ends early, with 0, once `stop` is set.

    The flow (without a flush of the disk's cache or of metadata) only keeps the caller's fsync short.
    """
    cdef unsigned int flow = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER
    cdef uint64_t at = begin
    while at < end and not load_acquire_32(stop):
        done = pwrite(fd, journal_zeros, min(<uint64_t> ZERO_BLOCK, end - at), at)
        if done < 0 and c_errno != EINTR:
            return c_errno
        if done > 0:
            at += <uint64_t> done
        if at % PACE_BYTES == 0 and sync_file_range(fd, at - PACE_BYTES, PACE_BYTES, flow) != 0:
            return c_errno
    return 0


cdef class JournalWriter:
    """Appends to the journal in `directory`, of which there is one writer at a time.

    Opening syncs and checks what is there: headers and continuity of all segments, every record of the newest. A torn
    last write is cut and kept aside (`torn` names the file). `durability` is "local": a commit waits for the disk, or
    "none": it waits for the kernel only, so that what was committed survives this process but not a loss of power.
    Raises JournalCorrupt with file and offset, JournalError, JournalFull, OSError.
    """

    def __cinit__(self) -> None:
        self.directory_fd = self.fd = -1
        self.preparation.retired_fd = -1

    def __init__(self, directory: Path, durability: str = "local", segment_bytes: int = SEGMENT_BYTES) -> None:
        if durability not in ("none", "local"):
            raise ValueError(f"durability is none or local, not {durability!r}")
        if segment_bytes < MIN_SEGMENT_BYTES or segment_bytes % PAGE_SIZE:
            raise ValueError(f"a segment is a multiple of {PAGE_SIZE} bytes, at least {MIN_SEGMENT_BYTES}")
        self.directory = Path(directory)
        self.synced = durability == "local"
        self.segment_bytes = segment_bytes
        self.max_batch = min(MAX_BATCH_RECORDS, (segment_bytes - PAGE_SIZE - BATCH_HEADER_SIZE) // SLOT_SIZE)
        self.lock()
        seqs = segment_seqs(self.directory)
        if seqs:
            self.find_end(seqs)
        else:
            self.begin()

    def __dealloc__(self) -> None:
        self.close()

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def lock(self) -> None:
        """Open the folder, made where it is missing, and hold it against other writers until close or death."""
        if not self.directory.is_dir():
            self.directory.mkdir(parents=True, mode=0o700)
            self.sync_folder(self.directory.parent)
        self.directory_fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self.directory_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(f"{self.directory} is being written by another process") from None

    def begin(self) -> None:
        """Start an empty journal: a new id, and a first segment that begins with sequence 1."""
        cdef bytes identity = os.urandom(16)
        memcpy(self.journal_id, <const char *> identity, 16)
        self.first_seq = 1
        with nogil:
            self.prepare_next()
            self.rotate()

    def find_end(self, seqs: list[int]) -> None:
        """Check what is there, take over where it ends, and cut what an interrupted write left behind the end."""
        for seq in seqs:
            self.sync_file(segment_path(self.directory, seq))
        self.sync_folder(self.directory)
        cdef JournalReader reader = JournalReader(self.directory, seqs[0], deep_from=max(seqs))
        with nogil:
            reader.walk()
        torn_bytes = reader.tail()
        memcpy(self.journal_id, reader.header.journal_id, 16)
        self.first_seq = seqs[0]
        self.segment_first_seq = reader.header.first_seq
        self.segment = reader.header.segment
        self.durable_seq = reader.next_seq - 1
        self.end = Position(reader.next_seq - 1, reader.chain, reader.epoch)
        self.offset = reader.offset
        path = reader.path()
        reader.close()
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.size = os.fstat(self.fd).st_size // PAGE_SIZE * PAGE_SIZE
        if torn_bytes:
            self.cut(torn_bytes)
        with nogil:
            self.prepare_next()

    def cut(self, torn_bytes: int) -> None:
        """Keep the torn bytes aside, then write zeros over everything behind the end."""
        cdef uint32_t never = 0
        self.torn = self.directory / f"torn-{self.end.seq + 1}-{time.time_ns()}.bin"
        self.torn.write_bytes(os.pread(self.fd, torn_bytes, self.offset))
        self.sync_file(self.torn)
        self.sync_folder(self.directory)
        os.ftruncate(self.fd, self.offset)
        self.size = max(self.size, self.offset)
        with nogil:
            error = write_zeros(self.fd, self.offset, self.size, &never)
        if error:
            raise OSError(error, os.strerror(error), str(self.directory))
        os.fsync(self.fd)

    def sync_file(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def sync_folder(self, path: Path) -> None:
        self.sync_file(path)

    def close(self) -> None:
        """Close the files and give the folder to the next writer, syncing nothing. May be called twice."""
        store_release_32(&self.preparation.stop, 1)
        if self.preparation.running:
            with nogil:
                pthread_join(self.preparation.thread, NULL)
            self.preparation.running = 0
        for fd in (self.fd, self.directory_fd):
            if fd >= 0:
                os.close(fd)
        self.fd = self.directory_fd = -1
        self.failed = True

    @property
    def last_seq(self) -> int:
        """The last committed sequence."""
        return self.end.seq

    @property
    def chain(self) -> int:
        """The chained hash up to `last_seq`."""
        return self.end.chain

    @property
    def epoch(self) -> int:
        """The epoch of the record `last_seq`."""
        return self.end.epoch

    def fileno(self) -> int:
        """The descriptor of the segment being written."""
        return self.fd

    def id(self) -> bytes:
        """The journal's random identity, the same in all its segments."""
        return self.journal_id[:16]

    def append(self, records: list[bytes], wrap_at: int | None = None) -> int:
        """Commit records of 120 bytes as one batch and return the last sequence; for tools and tests.

        `wrap_at` lays the first so many apart from the rest, as the end of a ring does.
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

    cdef int commit(self, Span span, Span wrapped) except -1 nogil:
        """Write two spans of slots (together 1 … max_batch) as one batch; in mode local, wait until it is on disk.

        The records continue `end`, with their crc stamped. On return `end` includes them. After an error nothing of the
        batch counts, and the writer takes no more: the process is to end.
        """
        cdef Position end = self.end
        cdef uint64_t count = span.count + wrapped.count
        if self.failed or count < 1 or count > self.max_batch:
            with gil:
                raise JournalError(f"can't append {count} records: the writer failed, is closed, or it is no batch")
        self.check_span(span, &end)
        self.check_span(wrapped, &end)
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
        spans[3] = iovec(<void *> journal_zeros, size - BATCH_HEADER_SIZE - header.count * SLOT_SIZE)
        done = pwritev(self.fd, spans, 4, self.offset)
        if done != <Py_ssize_t> size:  # a regular file takes all or fails; part of it means that the disk has no more
            return self.fail(c_errno if done < 0 else ENOSPC, b"write a batch to the journal in")
        if self.synced and fdatasync(self.fd) != 0:
            return self.fail(c_errno, b"sync the journal in")
        self.offset += size
        self.end = end
        if self.synced:
            self.durable_seq = end.seq
        return 0

    cdef int rotate(self) except -1 nogil:
        """Begin the next segment behind `end`: header, sync, name, sync of the folder; then prepare the one after."""
        cdef SegmentHeader header
        cdef char name[NAME_SIZE]
        cdef int fd
        self.await_prepared()
        if not self.synced and self.segment:
            self.durable_seq = self.segment_first_seq - 1  # the thread synced the segments before this one
        memset(&header, 0, sizeof(header))
        header.magic = SEGMENT_MAGIC
        header.version = FORMAT_VERSION
        header.schema_hash = schema_hash
        memcpy(header.journal_id, self.journal_id, 16)
        header.segment = self.segment + 1
        header.first_seq = self.end.seq + 1
        header.chain = self.end.chain
        header.epoch = self.end.epoch
        header.crc = segment_crc(&header)
        segment_name(name, header.first_seq)
        fd = openat(self.directory_fd, prepared_name, O_RDWR | O_CLOEXEC)
        if fd < 0 or pwrite(fd, &header, sizeof(header), 0) != sizeof(header) or fdatasync(fd) != 0:
            return self.fail(c_errno, b"begin a segment in")
        if renameat(self.directory_fd, prepared_name, self.directory_fd, name) != 0 or fsync(self.directory_fd) != 0:
            return self.fail(c_errno, b"name a segment in")
        self.preparation.retired_fd = self.fd
        self.fd = fd
        self.size = self.segment_bytes
        self.offset = PAGE_SIZE
        self.segment += 1
        self.segment_first_seq = header.first_seq
        return self.prepare_next()

    cdef int prepare_next(self) except -1 nogil:
        """Start the thread that writes the next segment, so that no commit ever waits for 64 MiB of zeros."""
        self.preparation.directory_fd = self.directory_fd
        self.preparation.size = self.segment_bytes
        self.preparation.stop = 0
        self.preparation.error = 0
        error = pthread_create(&self.preparation.thread, NULL, run_preparation, &self.preparation)
        if error:
            return self.fail(error, b"start a thread for the journal in")
        self.preparation.running = 1
        return 0

    cdef int await_prepared(self) except -1 nogil:
        if self.preparation.running:
            pthread_join(self.preparation.thread, NULL)
            self.preparation.running = 0
            self.preparation.retired_fd = -1
        if self.preparation.error:
            return self.fail(self.preparation.error, b"prepare a segment in")
        return 0

    cdef int fail(self, int error, const char *what) except -1 nogil:
        self.failed = True
        with gil:
            kind = JournalFull if error == ENOSPC else OSError
            raise kind(error, f"can't {what.decode()}: {os.strerror(error)}", str(self.directory))
