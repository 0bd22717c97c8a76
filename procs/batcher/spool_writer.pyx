"""Moves released events out of the event rings into the spool, and knows when all before a snapshot's mark is there.

It looks at an event's cause and type only; it never waits for the database.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from procs.batcher.spool cimport FRAME_RECORDS, FRAME_SIZE, MARK, RINGS, Spool, finish_frame
from shm.bell cimport WAIT_COMMIT, WAIT_EVENTS
from shm.board cimport WORD_MATCHER_DONE, WORD_SNAPSHOT_SEQ, Board
from shm.records cimport (EVT_INSTRUMENT_DEFINED, EVT_SNAPSHOT, MAX_MATCHERS, SLOT_SIZE, EventRecord,
                          SnapshotTakenRecord)
from shm.ring cimport Consumer

from procs.batcher.spool import ForeignSpool

cdef enum:
    FIRST_EXTENSION = 64
    MARK_INTERVAL_NS = 10_000_000
    RETRY_NS = 100_000_000  # between two tries to write on a full disk


cdef class SpoolWriter:
    """Moves released events from the rings into the spool: the router's ring first, then each matcher's.

    `consumers` maps a ring's index (0 the router's, m that of matcher m) to its gating consumer. Only events whose
    cause is released (LOG-13) are looked at; those that the spool has held before are skipped by number, ring by ring.
    """

    def __init__(self, Board board, consumers, Spool spool):
        self.spool = spool
        self.attach(board, consumers)

    def attach(self, Board board not None, consumers) -> None:
        """Go on with these ends of rings."""
        cdef Consumer consumer
        cdef int ring
        self.board = board
        self.consumers = dict(consumers)
        for ring in range(RINGS):
            self.by_ring[ring] = NULL
        for ring, consumer in self.consumers.items():
            if not 0 <= ring < RINGS:
                raise ValueError(f"ring {ring} is not one of {RINGS}")
            self.by_ring[ring] = <void *> consumer

    @property
    def before(self) -> list[int]:
        """The number before the next event of each ring: what of them will never come."""
        return [self.consumers[ring].next - 1 if ring in self.consumers else 0 for ring in range(RINGS)]

    @property
    def at_mark(self) -> int:
        """The mark of the last snapshot that is wanted, if all up to it is in the spool; 0 otherwise."""
        if not self.mark:
            return 0
        for ring in range(RINGS):
            if self.by_ring[ring] != NULL and self.spool.last[ring] < self.mark_numbers[ring]:
                return 0
        return self.mark

    def pass_mark(self) -> None:
        """The spool at the mark is saved."""
        self.mark = 0

    def poll(self, int64_t now_ns) -> int:
        """Spool what is released, at most 4,096 events of each ring; returns how many events left the rings.

        On a full disk none do, ten times a second at most (`spool.is_full`): the rings hold them until there is space.
        Raises OSError when the disk refuses for another reason, ForeignSpool for a spool of another journal.
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
        cdef uint64_t complete_seq = self.spool.complete_seq
        cdef int64_t work = 0
        cdef int ring
        if self.spool.is_full and now_ns - self.tried_ns < RETRY_NS:
            return 0
        self.tried_ns = now_ns
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
        if self.bytes and not self.spool.append(self.parts, self.part_count, self.bytes):
            self.spool.complete_seq = complete_seq
            return 0
        for ring in range(RINGS):
            if self.taken[ring]:
                self.free_slots(ring, <Consumer> self.by_ring[ring])
        return work

    cdef uint64_t complete_before(self, uint64_t release_seq) noexcept nogil:
        """LOG-19: what every producer had done before the rings are drained, hence in the spool after they are."""
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
            count = self.before_definition(consumer, count)
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

    cdef uint64_t before_definition(self, Consumer consumer, uint64_t count) noexcept nogil:
        """How many of the router's next `count` events come before an instrument's definition that has to wait.

        It may move the instrument: then the later events of its orders are in another ring. So that they stand behind
        the earlier ones, a definition is taken, and with it what comes after it, when all that matchers did before it
        has been. There are few, and the wait is short.
        """
        cdef const EventRecord *event
        cdef uint64_t i
        for i in range(count):
            event = <const EventRecord *> consumer.at(consumer.next + i)
            if event.type == EVT_INSTRUMENT_DEFINED and not self.all_before(event.cause):
                return i
            if event.type == EVT_SNAPSHOT and event.cause == self.board.load(WORD_SNAPSHOT_SEQ):
                self.see_mark(<const SnapshotTakenRecord *> event)
        return count

    cdef void see_mark(self, const SnapshotTakenRecord *event) noexcept nogil:
        """Note a snapshot that is wanted, and what has to be in the spool for it."""
        cdef int matcher
        self.mark = event.cause
        self.mark_numbers[0] = event.number
        for matcher in range(MAX_MATCHERS):
            self.mark_numbers[matcher + 1] = event.event_numbers[matcher]

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

    cdef void free_slots(self, int ring, Consumer consumer) noexcept nogil:
        cdef uint64_t last = consumer.next + self.taken[ring] - 1
        consumer.release(last)
        self.spool.last[ring] = max(self.spool.last[ring], last)
