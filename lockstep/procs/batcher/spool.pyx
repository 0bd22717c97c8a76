"""The durable queue between the event rings and PostgreSQL: committed events in files, as they lie in the rings.

It never waits for the database, and it never interprets an event beyond its number and its checksum.
"""

from collections.abc import Sequence
from pathlib import Path

from libc.errno cimport EINTR, ENOSPC, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from posix.unistd cimport close, ftruncate, pread

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.files.disk cimport iovec
from lockstep.core.schema.records cimport MAX_MATCHERS, RECORD_SIZE, SCHEMA_HASH, SLOT_SIZE, EventRecord
from lockstep.shm.atomics cimport load_acquire, store_release

import os

from lockstep.core.diagnostics.refusal import FinalError
from lockstep.core.files import space
from lockstep.core.files import disk as disks
from lockstep.core.venue.snapshot_parts import NotSyncedError

# A segment file. Its name is its base: the position, in the spool as a whole, of its first byte.
#
#   0      8             16     24        32                 104   108        128
#   +------+-------------+------+---------+------------------+-----+----------+-------+-------+--
#   | magic| schema hash | base | born ns | last numbers (9) | crc | zero     | frame | frame | …
#   +------+-------------+------+---------+------------------+-----+----------+-------+-------+--
#
# A frame: events of one ring in the order of their numbers, or (ring 255) a mark without any: every event caused up to
# `complete seq` stands before it. A slot is copied whole: its sequence word, then the record with its own checksum.
#
#   0       4     8      12      16             24             32       128
#   +-------+-----+------+-------+--------------+--------------+--------+------+------+--
#   | magic | crc | ring | count | first number | complete seq | zero   | slot | slot | …   count slots of 128 bytes
#   +-------+-----+------+-------+--------------+--------------+--------+------+------+--
#
# One pwritev appends the frames of a poll; storing `Spool.end` publishes them to the loader's thread. It is synced for
# snapshots alone: what a power loss takes from behind the last one's mark is in the journal, and is emitted again.

cdef enum:
    SEGMENT_MAGIC = 0x314C4F4F50534B4C  # "LKSPOOL1"
    FRAME_MAGIC = 0x4D415246            # "FRAM"

SEGMENT_BYTES = 64 * 2**20

assert sizeof(SegmentHeader) == SEGMENT_HEADER_SIZE == 128
assert sizeof(Frame) == FRAME_SIZE == <int> SLOT_SIZE
assert RINGS == MAX_MATCHERS + 1 < MARK
assert MAX_PARTS == 3 * RINGS + 1  # a frame, and two spans of slots, of each ring; and a mark


class ForeignSpool(FinalError, ValueError):
    """The spool is not this venue's, or not this version's: the message says what to do."""


cdef inline uint32_t record_crc(const char *record) noexcept nogil:
    return crc32c(0, record + 4, RECORD_SIZE - 4)


cdef uint32_t header_crc(const SegmentHeader *header) noexcept nogil:
    return crc32c(0, header, <size_t> (<const char *> &header.crc - <const char *> header))


cdef uint32_t frame_crc(const Frame *frame) noexcept nogil:
    return crc32c(0, <const char *> frame + 8, FRAME_SIZE - 8)


cdef bint frame_is_valid(const Frame *frame) noexcept nogil:
    return (frame.magic == FRAME_MAGIC and frame.crc == frame_crc(frame) and frame.count <= FRAME_RECORDS
            and (frame.ring < RINGS and frame.count > 0 or frame.ring == MARK and frame.count == 0))


cdef bint records_are_valid(const Frame *frame, const char *slots) noexcept nogil:
    """Whether the frame's slots are the events that it announces, each with a true checksum."""
    cdef const EventRecord *event
    cdef uint32_t i
    for i in range(frame.count):
        event = <const EventRecord *> (slots + i * SLOT_SIZE + 8)
        if event.number != frame.first + i or event.crc != record_crc(<const char *> event):
            return False
    return True


cdef bint read_fully(int fd, char *target, size_t size, int64_t offset) noexcept nogil:
    """Read `size` bytes; False if the file ends before."""
    cdef size_t done = 0
    cdef ssize_t got
    while done < size:
        got = pread(fd, target + done, size - done, offset + <int64_t> done)
        if got > 0:
            done += <size_t> got
        elif got == 0 or errno != EINTR:
            return False
    return True


cdef void finish_frame(Frame *frame, uint32_t ring, uint32_t count, uint64_t first, uint64_t complete) noexcept nogil:
    memset(frame, 0, FRAME_SIZE)
    frame.magic = FRAME_MAGIC
    frame.ring = ring
    frame.count = count
    frame.first = first
    frame.complete_seq = complete
    frame.crc = frame_crc(frame)


def stamped(record: bytes) -> bytes:
    """A packed event with its checksum, as its publisher stamps it; for tools and tests.

    Raises ValueError unless it is 120 bytes.
    """
    if len(record) != RECORD_SIZE:
        raise ValueError(f"a record has {RECORD_SIZE} bytes, not {len(record)}")
    cdef const char *data = record
    return int(record_crc(data)).to_bytes(4, "little") + record[4:]


cdef class Spool:
    """The segments below `folder`, opened to append. A torn tail is cut; what was cut is emitted again by the venue.

    Where the disk is full, the next segment is the `spare` one, which is owned ahead; when that is full too, `append`
    takes nothing, `is_full` says so, and the same may be tried again. Without `spare_bytes` that is so at once.

    `segments` holds (base, path) in order; `end` is the position after the last whole frame. Positions count bytes of
    all segments ever written; `known_seq` is the last record of the log that it knew when it was opened. A segment is
    followed by the next once it has `segment_bytes`. One process opens a spool at a time (the batcher's role lock sees
    to it).
    """

    def __cinit__(self, *_args, **_names):
        self.fd = -1

    def __init__(self, folder: Path, uint64_t segment_bytes=SEGMENT_BYTES, *, spare_bytes: int = 0):
        self.folder = Path(folder)
        self.segment_bytes = segment_bytes
        self.folder.mkdir(parents=True, exist_ok=True)
        self.disk = disks.FolderDisk(self.folder)
        self.spare = space.Spare(self.folder, spare_bytes) if spare_bytes else None
        self.segments = [(int(path.stem, 16), path) for path in sorted(self.folder.glob("*.spool"))]
        self.recover()

    def __dealloc__(self):
        if self.fd >= 0:
            close(self.fd)

    @property
    def numbers(self) -> list[int]:
        """The last event number of each ring (index 0: the router's) that the spool has held."""
        return [self.last[ring] for ring in range(RINGS)]

    @property
    def start(self) -> int:
        """The position of the oldest segment that is kept."""
        return self.segments[0][0] if self.segments else self.end

    def recover(self) -> None:
        """Read every segment, and cut the spool at the first frame that is not whole and true."""
        kept = []
        for base, path in self.segments:
            if kept and base != self.end or not self.scan(base, path, first=not kept):
                path.unlink()
                continue
            kept.append((base, path))
        self.segments = kept
        if kept:
            self.base, path = kept[len(kept) - 1]
            self.fd = os.open(path, os.O_RDWR)
            if os.fstat(self.fd).st_size > self.end - self.base:  # else what is owned behind the end would be given up
                ftruncate(self.fd, <int64_t> (self.end - self.base))

    def scan(self, uint64_t base, path: Path, *, bint first) -> bool:
        """Move `end` and `numbers` past the whole frames of one segment; False if not even its header is true."""
        cdef SegmentHeader header
        cdef int ring
        cdef int fd = os.open(path, os.O_RDONLY)
        try:
            if not read_fully(fd, <char *> &header, sizeof(header), 0) or header.crc != header_crc(&header):
                return False
            if header.magic != SEGMENT_MAGIC or header.schema_hash != SCHEMA_HASH:
                raise ForeignSpool(f"{path}: the spool of another version: remove the folder, and it is filled again")
            for ring in range(RINGS):
                if first:
                    self.last[ring] = header.numbers[ring]
                elif self.last[ring] != header.numbers[ring]:
                    return False
            self.born_ns = header.born_ns
            self.end = base + SEGMENT_HEADER_SIZE
            self.scan_frames(base, fd)
        finally:
            close(fd)
        return True

    def scan_frames(self, uint64_t base, int fd) -> None:
        cdef char *slots = <char *> malloc(FRAME_RECORDS * SLOT_SIZE)
        cdef const EventRecord *event
        cdef Frame frame
        cdef size_t size
        if slots == NULL:
            raise MemoryError
        with nogil:
            while read_fully(fd, <char *> &frame, FRAME_SIZE, <int64_t> (self.end - base)) and frame_is_valid(&frame):
                size = frame.count * SLOT_SIZE
                if not read_fully(fd, slots, size, <int64_t> (self.end - base + FRAME_SIZE)):
                    break
                if frame.ring == MARK:
                    self.complete_seq = frame.complete_seq
                    self.known_seq = max(self.known_seq, frame.complete_seq)
                elif frame.first == self.last[frame.ring] + 1 and records_are_valid(&frame, slots):
                    self.last[frame.ring] += frame.count
                    event = <const EventRecord *> (slots + (frame.count - 1) * SLOT_SIZE + 8)
                    self.known_seq = max(self.known_seq, event.cause)
                else:
                    break
                self.end += FRAME_SIZE + size
        free(slots)

    cdef bint append(self, iovec *parts, int count, uint64_t size) except -1 nogil:
        """Write whole frames at the end, and publish them to the reader. False: the disk is full, and nothing is."""
        cdef int code = 0
        if self.fd < 0 or self.end - self.base >= self.segment_bytes:
            with gil:
                code = self.rotate()
        if code == 0:
            code = self.write(parts, count, size)
        if code == -ENOSPC:
            with gil:
                if self.use_spare():
                    code = self.write(parts, count, size)
        self.is_full = code == -ENOSPC
        if code == 0:
            store_release(&self.end, self.end + size)
        elif code != -ENOSPC:
            with gil:
                raise self.disk.error(code, "the spool cannot be written")
        return code == 0

    cdef int write(self, const iovec *given, int count, uint64_t size) noexcept nogil:
        """Write these parts behind the end: 0, or a negative errno; -ENOSPC: the disk is full."""
        cdef iovec[MAX_PARTS] parts
        cdef uint64_t done = 0
        cdef int64_t wrote
        cdef int part = 0
        memcpy(parts, given, <size_t> count * sizeof(iovec))
        while done < size:
            wrote = self.disk.write(self.fd, parts + part, count - part, self.end - self.base + done)
            if wrote < 0:
                return <int> wrote
            done += <uint64_t> wrote
            while part < count and <size_t> wrote >= parts[part].iov_len:
                wrote -= <int64_t> parts[part].iov_len
                part += 1
            if part < count:
                parts[part].iov_base = <char *> parts[part].iov_base + wrote
                parts[part].iov_len -= <size_t> wrote
        return 0

    cdef int rotate(self) except? -1:
        """Begin a segment at `end`; -ENOSPC where the disk is full. OSError for any other reason."""
        header = self.header()
        path = self.next_path()
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                is_whole = os.write(fd, header) == len(header)
            except BaseException:
                os.close(fd)  # it is tried again and again while the disk is full
                raise
            if is_whole:
                self.go_on(fd, path)
                return 0
            os.close(fd)
        except OSError as error:
            if not space.is_full(error):
                raise
        path.unlink(missing_ok=True)
        return -ENOSPC

    cdef bint use_spare(self) except -1:
        """Begin a segment at `end` in the space that is owned; False if that is used up."""
        if self.spare is None or not self.spare.is_owned:
            return False
        if self.fd >= 0:
            os.ftruncate(self.fd, self.end - self.base)  # a part of a frame may be there, and a scan must end before it
        path = self.next_path()
        fd = self.spare.take(path, self.header())
        if fd >= 0:
            self.go_on(fd, path)
        return fd >= 0

    def tend(self) -> None:
        """Make a spare where the last one was used, and there is space again; to be called now and then. OSError."""
        if self.spare is not None:
            self.spare.tend()

    def next_path(self) -> Path:
        return self.folder / f"{self.end:016x}.spool"

    def header(self) -> bytes:
        """Of a segment that begins at `end`."""
        cdef SegmentHeader header
        cdef int ring
        memset(&header, 0, sizeof(header))
        header.magic = SEGMENT_MAGIC
        header.schema_hash = SCHEMA_HASH
        header.base = self.end
        header.born_ns = self.born_ns
        for ring in range(RINGS):
            header.numbers[ring] = self.last[ring]
        header.crc = header_crc(&header)
        return (<char *> &header)[:SEGMENT_HEADER_SIZE]

    cdef int go_on(self, int fd, path) except -1:
        """Append to this new segment from here on."""
        if self.fd >= 0:
            close(self.fd)
        self.fd = fd
        self.base = self.end
        self.segments.append((self.base, path))
        store_release(&self.end, self.base + SEGMENT_HEADER_SIZE)
        return 0

    def segment_at(self, uint64_t position) -> tuple[int, Path, int]:
        """(base, path, end) of the segment that holds the byte at `position`, which is below `end`."""
        segments = list(self.segments)
        bases = [base for base, _ in segments[1:]]
        limits = [*bases, load_acquire(&self.end)]
        for (base, path), limit in zip(segments, limits, strict=True):
            if base <= position < limit:
                return base, path, limit
        raise ValueError(f"position {position} is not in the spool ({self.start} to {self.end})")

    def discard(self, uint64_t position) -> None:
        """Delete the segments that end at or before `position`. The last is kept: it tells what the spool has held."""
        while len(self.segments) > 1 and self.segments[1][0] <= position:
            self.segments.pop(0)[1].unlink()

    def begin(self, numbers: Sequence[int], uint64_t born_ns) -> None:
        """Drop all that is held, and go on after `numbers` of a journal. Nothing may be reading."""
        for _, path in self.segments:
            path.unlink(missing_ok=True)
        self.segments = []
        if self.fd >= 0:
            close(self.fd)
            self.fd = -1
        self.complete_seq = 0
        self.born_ns = born_ns
        for ring in range(RINGS):
            self.last[ring] = numbers[ring]

    def sync(self) -> None:
        """Sync what was appended, with its own descriptors: a forked child may do it. NotSyncedError."""
        for _, path in [*self.segments, (0, self.folder)]:
            try:
                fd = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue  # the database has it
            try:
                os.fsync(fd)
            except OSError as error:
                raise NotSyncedError(error.errno, f"the spool is not safe: {error.strerror}", str(path)) from error
            finally:
                os.close(fd)

    def first_numbers(self) -> list[int]:
        """The last event number of each ring before the oldest segment: a database below these has a gap."""
        if not self.segments:
            return self.numbers
        cdef SegmentHeader header
        data = self.segments[0][1].read_bytes()[:SEGMENT_HEADER_SIZE]
        cdef const char *raw = data
        header = (<const SegmentHeader *> raw)[0]
        return [header.numbers[ring] for ring in range(RINGS)]
