"""The durable queue between the event rings and PostgreSQL: committed events in files, as they lie in the rings.

It never waits for the database, and it never interprets an event beyond its cause, its number and its checksum.
"""

from pathlib import Path

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from posix.uio cimport iovec, pwritev
from posix.unistd cimport close, ftruncate, pread

from shm.atomics cimport load_acquire, store_release
from shm.bell cimport WAIT_COMMIT, WAIT_EVENTS
from shm.board cimport WORD_MATCHER_DONE, Board
from shm.crc32c cimport crc32c
from shm.records cimport (EVT_INSTRUMENT_DEFINED, MAX_MATCHERS, RECORD_SIZE, SLOT_SIZE, EventRecord,
                          InstrumentDefinedRecord)
from shm.ring cimport Consumer

import os

from shm.layout import SCHEMA_HASH

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
# One pwritev appends the frames of a poll; storing `Spool.end` publishes them to the loader's thread. Nothing is
# synced: what a power loss takes from the tail is in the journal, and is emitted again.

cdef enum:
    SEGMENT_MAGIC = 0x314C4F4F50534B4C  # "LKSPOOL1"
    FRAME_MAGIC = 0x4D415246            # "FRAM"
    FIRST_EXTENSION = 64
    MARK_INTERVAL_NS = 10_000_000

SEGMENT_BYTES = 64 * 2**20

assert sizeof(SegmentHeader) == SEGMENT_HEADER_SIZE == 128
assert sizeof(Frame) == FRAME_SIZE == <int> SLOT_SIZE
assert RINGS == MAX_MATCHERS + 1 < MARK


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
    """Read `size` bytes; False where the file ends before."""
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
    """A packed event with its checksum, as whoever publishes it into a ring stamps it; for tools and tests.

    Raises ValueError unless it is 120 bytes.
    """
    if len(record) != RECORD_SIZE:
        raise ValueError(f"a record has {RECORD_SIZE} bytes, not {len(record)}")
    cdef const char *data = record
    return int(record_crc(data)).to_bytes(4, "little") + record[4:]


cdef class Spool:
    """The segments below `folder`, opened to append. A torn tail is cut; what was cut is emitted again by the venue.

    `segments` holds (base, path) in order; `end` is the position after the last whole frame. Positions count bytes of
    all segments ever written. A segment is followed by the next once it has `segment_bytes`. One process opens a spool
    at a time (the batcher's role lock sees to it).
    """

    def __cinit__(self, *_args):
        self.fd = -1

    def __init__(self, folder: Path, uint64_t segment_bytes=SEGMENT_BYTES):
        self.folder = Path(folder)
        self.segment_bytes = segment_bytes
        self.folder.mkdir(parents=True, exist_ok=True)
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
            ftruncate(self.fd, <int64_t> (self.end - self.base))

    def scan(self, uint64_t base, path: Path, *, bint first) -> bool:
        """Move `end` and `numbers` past the whole frames of one segment; False where not even its header is true."""
        cdef SegmentHeader header
        cdef int ring
        cdef int fd = os.open(path, os.O_RDONLY)
        try:
            if not read_fully(fd, <char *> &header, sizeof(header), 0) or header.crc != header_crc(&header):
                return False
            if header.magic != SEGMENT_MAGIC or header.schema_hash != SCHEMA_HASH:
                raise ValueError(f"{path}: a spool of another version of Lockstep; remove the folder to fill it anew")
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
                elif frame.first == self.last[frame.ring] + 1 and records_are_valid(&frame, slots):
                    self.last[frame.ring] += frame.count
                else:
                    break
                self.end += FRAME_SIZE + size
        free(slots)

    cdef int append(self, iovec *parts, int count, uint64_t size) except -1 nogil:
        """Write whole frames at the end, and publish them to the reader."""
        cdef ssize_t wrote
        cdef uint64_t done = 0
        cdef int part = 0
        if self.fd < 0 or self.end - self.base >= self.segment_bytes:
            with gil:
                self.rotate()
        while done < size:
            wrote = pwritev(self.fd, parts + part, count - part, <int64_t> (self.end - self.base + done))
            if wrote < 0:
                if errno == EINTR:
                    continue
                with gil:
                    raise OSError(errno, os.strerror(errno), str(self.folder))
            done += <uint64_t> wrote
            while part < count and <size_t> wrote >= parts[part].iov_len:
                wrote -= <ssize_t> parts[part].iov_len
                part += 1
            if part < count:
                parts[part].iov_base = <char *> parts[part].iov_base + wrote
                parts[part].iov_len -= <size_t> wrote
        store_release(&self.end, self.end + size)
        return 0

    cdef int rotate(self) except -1:
        """Begin a segment at `end`."""
        cdef SegmentHeader header
        cdef int ring
        path = self.folder / f"{self.end:016x}.spool"
        memset(&header, 0, sizeof(header))
        header.magic = SEGMENT_MAGIC
        header.schema_hash = SCHEMA_HASH
        header.base = self.end
        header.born_ns = self.born_ns
        for ring in range(RINGS):
            header.numbers[ring] = self.last[ring]
        header.crc = header_crc(&header)
        if self.fd >= 0:
            close(self.fd)
            self.fd = -1
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.pwrite(self.fd, (<char *> &header)[:SEGMENT_HEADER_SIZE], 0)
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

    def erase(self) -> None:
        """Delete every segment, so that the next start spools all events from number 1. It is unusable then."""
        for _, path in self.segments:
            path.unlink(missing_ok=True)

    def first_numbers(self) -> list[int]:
        """The last event number of each ring before the oldest segment: a database below these has a gap."""
        if not self.segments:
            return self.numbers
        cdef SegmentHeader header
        data = self.segments[0][1].read_bytes()[:SEGMENT_HEADER_SIZE]
        cdef const char *raw = data
        header = (<const SegmentHeader *> raw)[0]
        return [header.numbers[ring] for ring in range(RINGS)]


cdef class Spooler:
    """Moves released events from the rings into the spool: the router's ring first, then each matcher's.

    `consumers` maps a ring's index (0 the router's, m that of matcher m) to its gating consumer. Only events whose
    cause is released (rule 13) are looked at; those that the spool has held before are skipped by number, ring by ring.
    """

    def __init__(self, Board board, consumers, Spool spool):
        self.board = board
        self.spool = spool
        self.consumers = [consumers[ring] for ring in sorted(consumers)]
        cdef Consumer consumer
        for ring, consumer in consumers.items():
            if not 0 <= ring < RINGS:
                raise ValueError(f"ring {ring} is not one of {RINGS}")
            self.by_ring[ring] = <void *> consumer

    def poll(self, int64_t now_ns) -> int:
        """Spool what is released, at most 4,096 events of each ring; returns how many events left the rings.

        Raises OSError when the disk refuses, ValueError for a spool of another journal.
        """
        cdef int64_t work
        with nogil:
            work = self.turn(now_ns)
        return work

    def wants(self) -> int:
        """WAIT_EVENTS, with WAIT_COMMIT while events lie in a ring that are not yet released."""
        return WAIT_EVENTS | (WAIT_COMMIT if self.held else 0)

    cdef int64_t turn(self, int64_t now_ns) except -1 nogil:
        cdef uint64_t release_seq = self.board.release_seq()
        cdef uint64_t complete = self.complete_before(release_seq)
        cdef int64_t work = 0
        cdef int ring
        self.part_count = 0
        self.bytes = 0
        self.held = False
        for ring in range(RINGS):
            self.taken[ring] = 0
            if self.by_ring[ring] != NULL:
                self.take(ring, <Consumer> self.by_ring[ring], &release_seq, &complete)
                work += <int64_t> self.taken[ring]
        if complete > self.spool.complete_seq and (self.bytes or now_ns - self.marked_ns >= MARK_INTERVAL_NS):
            self.add_mark(complete)
            self.marked_ns = now_ns
        if self.bytes:
            self.spool.append(self.parts, self.part_count, self.bytes)
        for ring in range(RINGS):
            if self.taken[ring]:
                self.free_slots(ring, <Consumer> self.by_ring[ring])
        return work

    cdef uint64_t complete_before(self, uint64_t release_seq) noexcept nogil:
        """Rule 19: what every producer had done before the rings are drained, hence in the spool after they are."""
        cdef uint64_t done, complete = release_seq
        cdef int matcher
        for matcher in range(1, RINGS):
            if self.by_ring[matcher] != NULL:
                done = self.board.load(WORD_MATCHER_DONE + matcher - 1)
                complete = min(complete, done)
        return complete

    cdef int take(self, int ring, Consumer consumer, uint64_t *release_seq, uint64_t *complete) except -1 nogil:
        """Choose the events of one ring, and lower the bounds to what stays behind."""
        cdef uint64_t available = consumer.available()
        cdef uint64_t count = min(self.released(consumer, available, release_seq[0]), <uint64_t> FRAME_RECORDS)
        cdef uint64_t first = consumer.next
        cdef uint64_t left_cause
        if ring == 0:
            count = self.before_move(consumer, count)
        # An extension and the event that it belongs to stay in one frame.
        if count and (<const EventRecord *> consumer.at(first + count - 1)).type >= FIRST_EXTENSION:
            count -= 1
        if count < available:
            left_cause = (<const EventRecord *> consumer.at(first + count)).cause
            complete[0] = min(complete[0], left_cause - 1)
            if ring == 0:
                release_seq[0] = min(release_seq[0], left_cause - 1)
            self.held = True
        if not count:
            return 0
        self.taken[ring] = count
        if ring == 0 and first == 1:
            self.check_born((<const EventRecord *> consumer.at(1)).time_ns)
        if first + count - 1 > self.spool.last[ring]:
            self.add_span(ring, consumer, max(first, self.spool.last[ring] + 1), first + count - 1)
        return 0

    cdef uint64_t released(self, Consumer consumer, uint64_t available, uint64_t release_seq) noexcept nogil:
        """How many of the next events have a released cause; found by halving, as causes do not decrease in a ring."""
        cdef uint64_t low = 0, high = available, middle
        while low < high:
            middle = (low + high) >> 1
            if (<const EventRecord *> consumer.at(consumer.next + middle)).cause <= release_seq:
                low = middle + 1
            else:
                high = middle
        return low

    cdef uint64_t before_move(self, Consumer consumer, uint64_t count) noexcept nogil:
        """How many of the router's next `count` events come before an instrument's move that has to wait.

        An order that moves has its later events in another ring. So that they stand behind its earlier ones, a move is
        taken, and with it what comes after it, when all that matchers did before it has been.
        """
        cdef const InstrumentDefinedRecord *event
        cdef uint64_t i
        for i in range(count):
            event = <const InstrumentDefinedRecord *> consumer.at(consumer.next + i)
            if event.type != EVT_INSTRUMENT_DEFINED or event.instrument >= MAX_INSTRUMENTS:
                continue
            if self.matcher_of[event.instrument] not in (0, event.matcher) and not self.all_before(event.cause):
                return i
            self.matcher_of[event.instrument] = event.matcher
        return count

    cdef bint all_before(self, uint64_t cause) noexcept nogil:
        """Whether every event of a cause below `cause` has left the matchers' rings."""
        cdef uint64_t done
        cdef int matcher
        for matcher in range(1, RINGS):
            if self.by_ring[matcher] == NULL:
                continue
            done = self.board.load(WORD_MATCHER_DONE + matcher - 1)  # before the ring, which then has it all
            if done + 1 < cause or self.first_cause(<Consumer> self.by_ring[matcher]) < cause:
                return False
        return True

    cdef uint64_t first_cause(self, Consumer consumer) noexcept nogil:
        """The cause of a ring's next event; the greatest there is where it has none."""
        if not consumer.available():
            return <uint64_t> -1
        return (<const EventRecord *> consumer.at(consumer.next)).cause

    cdef int check_born(self, uint64_t born_ns) except -1 nogil:
        """The time of the router's first event tells one journal from another."""
        if self.spool.born_ns == 0:
            self.spool.born_ns = born_ns
        elif self.spool.born_ns != born_ns:
            with gil:
                raise ValueError(f"{self.spool.folder} is the spool of another journal: remove it, or restore that one")
        return 0

    cdef void add_span(self, int ring, Consumer consumer, uint64_t first, uint64_t last) noexcept nogil:
        """A frame and the slots from `first` to `last`, in two parts where they pass the ring's end."""
        cdef const char *begin = consumer.at(first) - 8
        cdef uint64_t count = last - first + 1
        cdef uint64_t before_wrap = (
            consumer.ring.header.capacity - <uint64_t> (begin - consumer.ring.slots) // SLOT_SIZE)
        cdef uint64_t straight = min(count, before_wrap)
        finish_frame(&self.frames[ring], ring, <uint32_t> count, first, 0)
        self.add_part(<char *> &self.frames[ring], FRAME_SIZE)
        self.add_part(begin, straight * SLOT_SIZE)
        if straight < count:
            self.add_part(consumer.at(first + straight) - 8, (count - straight) * SLOT_SIZE)

    cdef void add_mark(self, uint64_t complete) noexcept nogil:
        finish_frame(&self.frames[RINGS], MARK, 0, 0, complete)
        self.add_part(<char *> &self.frames[RINGS], FRAME_SIZE)
        self.spool.complete_seq = complete

    cdef void add_part(self, const char *data, uint64_t size) noexcept nogil:
        self.parts[self.part_count].iov_base = <void *> data
        self.parts[self.part_count].iov_len = size
        self.part_count += 1
        self.bytes += size

    cdef void free_slots(self, int ring, Consumer consumer) noexcept nogil:
        cdef uint64_t last = consumer.next + self.taken[ring] - 1
        consumer.release(last)
        self.spool.last[ring] = max(self.spool.last[ring], last)
