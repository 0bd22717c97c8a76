"""Moves released events out of the event rings into the spool, in spans of slots, as they lie there.

It never waits for the database. Its reader decides which events it takes, and when
(lockstep/core/edge/released_events.pyx).
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.edge.released_events cimport EVENTS_A_POLL, RINGS, ReleasedEvents
from lockstep.core.schema.records cimport SLOT_SIZE, EventRecord
from lockstep.procs.batcher.spool cimport FRAME_RECORDS, FRAME_SIZE, MARK, Spool, finish_frame
from lockstep.shm.board cimport Board
from lockstep.shm.ring cimport Consumer, record_at

from lockstep.procs.batcher.spool import ForeignSpool

cdef enum:
    FIRST_EXTENSION = 64
    MARK_INTERVAL_NS = 10_000_000
    RETRY_NS = 100_000_000  # between two tries to write on a full disk

assert <int> EVENTS_A_POLL <= <int> FRAME_RECORDS


cdef class SpoolWriter(ReleasedEvents):
    """The reader of a batcher's rings. What the spool has held before is passed over by number, ring by ring."""

    def __init__(self, Board board, consumers, Spool spool):
        self.spool = spool
        self.attach(consumers, board)

    @property
    def before(self) -> list[int]:
        """The number before each ring's next event: no earlier one will come."""
        return [self.consumers[ring].next - 1 if ring in self.consumers else 0 for ring in range(RINGS)]

    def poll(self, int64_t now_ns) -> int:
        """Spool what is released, a bounded number of events of each ring; returns how many left the rings.

        On a full disk none do, ten times a second at most (`spool.is_full`): the rings hold them until there is space.
        Raises OSError when the disk refuses for another reason, ForeignSpool for a spool of another journal.
        """
        cdef int64_t work
        if self.spool.is_full and now_ns - self.tried_ns < RETRY_NS:
            return 0
        self.now_ns = self.tried_ns = now_ns
        with nogil:
            work = self.drain()
        return work

    cdef int join(self) except -1:
        cdef int ring
        for ring in range(RINGS):
            self.handled[ring] = self.spool.last[ring]
        return ReleasedEvents.join(self)

    cdef int begin(self) except -1 nogil:
        cdef const EventRecord *first
        self.part_count = 0
        self.bytes = 0
        if (<Consumer> self.by_ring[0]).next == 1 and (<Consumer> self.by_ring[0]).available():
            first = <const EventRecord *> record_at(<Consumer> self.by_ring[0], 1)
            if first.cause <= self.released:
                self.check_born(first.time_ns)
        return 0

    cdef uint64_t apply_all(self, int ring, Consumer consumer, uint64_t first, uint64_t count) except? 0 nogil:
        # Extensions and the event that they belong to stay in one frame.
        while count and (<const EventRecord *> record_at(consumer, first + count - 1)).type >= FIRST_EXTENSION:
            count -= 1
        if count:
            self.add_span(ring, consumer, first, first + count - 1)
        return count

    cdef bint keep(self) except -1 nogil:
        cdef uint64_t complete = self.released
        cdef uint64_t complete_seq = self.spool.complete_seq
        cdef int ring
        for ring in range(RINGS):
            if self.by_ring[ring] != NULL:
                complete = min(complete, self.complete[ring])
        if complete > complete_seq and (self.bytes or self.now_ns - self.marked_ns >= MARK_INTERVAL_NS):
            self.add_mark(complete)
            self.marked_ns = self.now_ns
        if self.bytes and not self.spool.append(self.parts, self.part_count, self.bytes):
            self.spool.complete_seq = complete_seq
            return False
        for ring in range(RINGS):
            if self.by_ring[ring] != NULL and self.taken[ring]:
                self.spool.last[ring] = max(
                    self.spool.last[ring], (<Consumer> self.by_ring[ring]).next + self.taken[ring] - 1)
        return True

    cdef int check_born(self, uint64_t born_ns) except -1 nogil:
        """The time of the router's first event tells one journal from another."""
        if self.spool.born_ns == 0:
            self.spool.born_ns = born_ns
        elif self.spool.born_ns != born_ns:
            with gil:
                raise ForeignSpool(
                    f"{self.spool.folder} is the spool of another journal: remove it, or restore that one"
                )
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
