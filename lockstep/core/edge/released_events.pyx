"""Reads the events that may leave the venue, in the one order in which every edge applies them.

It decides what may be looked at, when, and in which order. It never looks into an event beyond number, cause and type.

A poll first reads how far all is released (LOG-13) and what each producer has done (LOG-19), and only then the rings,
which then have all of that. It takes the router's ring first, since matchers' events rest on its definitions, and of
the matchers' rings only what is not behind anything that is left in the router's.

An instrument's definition, a trade's correction, and the mark of a snapshot that is wanted, are *barriers*: each is
applied when every event of the commands before it has been, and nothing behind it before it. So the events of an
instrument that goes to another matcher, which go on in another ring, are applied in the order of the log, and a
correction finds its trade (docs/decisions/0031-barriers.md).

Events that come again after a restart of the core or of this stage are skipped by their numbers.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from lockstep.core.schema.records cimport (
    EVT_CORRECTED, EVT_INSTRUMENT_DEFINED, EVT_SNAPSHOT, MAX_MATCHERS, RECORD_SIZE, EventRecord,
)
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.shm.bell cimport WAIT_COMMIT, WAIT_EVENTS
from lockstep.shm.board cimport WORD_EPOCH, WORD_FENCED, WORD_GENERATION, WORD_MATCHER_DONE, WORD_SNAPSHOT_SEQ, Board
from lockstep.shm.ring cimport Consumer, record_at

from lockstep.shm.bell import Reason

assert RINGS == MAX_MATCHERS + 1


cdef uint64_t not_beyond(Consumer consumer, uint64_t count, uint64_t seq) noexcept nogil:
    """How many of the next `count` events have a cause up to `seq`: causes do not decrease in a ring."""
    cdef uint64_t low = 0, high = count, middle
    if count and (<const EventRecord *> record_at(consumer, consumer.next + count - 1)).cause <= seq:
        return count
    while low < high:
        middle = (low + high) >> 1
        if (<const EventRecord *> record_at(consumer, consumer.next + middle)).cause <= seq:
            low = middle + 1
        else:
            high = middle
    return low


cdef class ReleasedEvents:
    """The reader, of which a stage is a subclass: `apply` does what the stage does with an event, `drain` is a poll.

    `consumers` has the stage's end of each event ring by its number, 0 the router's and m matcher m's. A stage that
    takes many events at once overrides `apply_all`; one that writes them somewhere as a poll ends overrides `keep`.

    At the mark of a wanted snapshot it stands still: `at_mark` has it, with everything before it applied and nothing
    behind it, until `pass_mark`. `is_behind`: the last poll did not take all that was released when it began.
    """

    def __cinit__(self, *_args, **_names):
        self.is_behind = True
        memset(self.by_ring, 0, sizeof(self.by_ring))

    def attach(self, consumers, Board board not None) -> None:
        """Go on with these ends of rings from the next poll on, after what was handled.

        That poll raises RuntimeError if a ring begins after what comes next.
        """
        cdef Consumer consumer
        cdef int ring
        self.consumers = dict(sorted(consumers.items()))
        if 0 not in self.consumers or any(not 0 <= ring < RINGS for ring in self.consumers):
            raise ValueError(f"rings are numbered 0, which has to be there, to {MAX_MATCHERS}")
        memset(self.by_ring, 0, sizeof(self.by_ring))
        for ring, consumer in self.consumers.items():
            self.by_ring[ring] = <void *> consumer
        self.board = board
        self.incarnation = (<Consumer> self.by_ring[0]).ring.header.incarnation
        self.is_behind = True
        self.is_joined = False

    @property
    def at_mark(self) -> int:
        """The mark of the snapshot at which it stands still; 0 if it does not."""
        return self.mark

    def pass_mark(self) -> None:
        """Go on: the state at the mark is saved."""
        self.mark = 0

    def position(self, int ring) -> int:
        """The number of the last event handled of a ring."""
        return self.handled[ring]

    def wants(self) -> Reason:
        """Return what to wake up for: the commit of the events in sight, events where none are, both at a barrier."""
        return Reason(self.reasons())

    cdef int begin(self) except -1 nogil:
        """A poll begins: `released` is known, and no ring has been looked at."""
        return 0

    cdef bint apply(self, int ring, const EventRecord *event) except -1 nogil:
        """Take an event. False if there is no room for it: it comes again in the next poll."""
        with gil:
            raise NotImplementedError("a stage that overrides neither `apply` nor `apply_all`")

    cdef uint64_t apply_all(self, int ring, Consumer consumer, uint64_t first, uint64_t count) except? 0 nogil:
        """Take the next `count` events of a ring, from number `first` on; returns how many there was room for."""
        cdef uint64_t seq
        for seq in range(first, first + count):
            if not self.apply(ring, <const EventRecord *> record_at(consumer, seq)):
                return seq - first
        return count

    cdef bint keep(self) except -1 nogil:
        """A poll ends. False if what it took could not be kept: all of it comes again in the next poll."""
        return True

    cdef int64_t drain(self) except -1 nogil:
        """Poll once: take what is released, a bounded number of each ring. Returns how many events left the rings."""
        cdef uint64_t bound
        cdef int ring
        if not self.is_joined:
            with gil:
                self.join()
        self.is_behind = True
        if self.mark or not self.look():
            return 0
        self.is_behind = self.waits = False
        self.reached = 0
        self.begin()
        bound = self.released
        for ring in range(RINGS):
            if self.by_ring[ring] != NULL:
                bound = self.take_ring(ring, <Consumer> self.by_ring[ring], bound)
        if not self.keep():
            self.is_behind = True
            return 0
        return self.release()

    cdef bint look(self) noexcept nogil:
        """Read how far all is. False if nothing may leave, or the board speaks of newer rings: `attach` comes next.

        A core that does not lead yet repeats what is committed, and gets no lease before it has: all of that is taken,
        and told by those who may (their sockets look at the board, too).
        """
        cdef int ring
        self.released = self.done[0] = self.board.done_seq()
        if self.board.is_shut() and (self.board.load(WORD_EPOCH) or self.board.load(WORD_FENCED)):
            return False
        for ring in range(1, RINGS):
            if self.by_ring[ring] != NULL:
                self.done[ring] = self.board.load(WORD_MATCHER_DONE + ring - 1)
        return self.board.load(WORD_GENERATION) <= self.incarnation  # it is stored before anything of them is done

    cdef uint64_t take_ring(self, int ring, Consumer consumer, uint64_t bound) except? 0 nogil:
        """Take what may be taken of one ring, and learn what is complete. Returns the bound for the rings after it."""
        cdef uint64_t available = consumer.available()
        cdef uint64_t first = consumer.next
        cdef uint64_t count = not_beyond(consumer, min(available, <uint64_t> EVENTS_A_POLL), bound)
        cdef uint64_t skipped = min(count, self.handled[ring] + 1 - first) if first <= self.handled[ring] else 0
        cdef uint64_t taken = skipped
        cdef uint64_t cause
        if ring == 0:
            count = self.up_to_barrier(consumer, skipped, count)
        if count > skipped:
            taken += self.apply_all(ring, consumer, first + skipped, count - skipped)
        self.taken[ring] = taken
        self.complete[ring] = self.done[ring]
        if taken < available:
            cause = (<const EventRecord *> record_at(consumer, first + taken)).cause
            self.complete[ring] = cause - 1  # what is left may go on with the last command
            self.is_behind = self.is_behind or cause <= self.released
        elif taken:
            cause = (<const EventRecord *> record_at(consumer, first + taken - 1)).cause
            self.complete[ring] = max(self.done[ring], cause - 1)
        if ring == 0:
            if taken < count:
                self.reached = 0
            if taken < available:
                bound = min(bound, self.complete[0])
            if self.reached:
                bound = min(bound, self.reached)
        return bound

    cdef uint64_t up_to_barrier(self, Consumer consumer, uint64_t skipped, uint64_t count) noexcept nogil:
        """How many of the router's next events may be taken: none behind a barrier that waits, or behind a mark."""
        cdef const EventRecord *event
        cdef uint64_t i
        cdef bint is_mark
        for i in range(skipped, count):
            event = <const EventRecord *> record_at(consumer, consumer.next + i)
            is_mark = event.type == EVT_SNAPSHOT and event.cause == self.board.load(WORD_SNAPSHOT_SEQ)
            if not is_mark and event.type != EVT_INSTRUMENT_DEFINED and event.type != EVT_CORRECTED:
                continue
            if not self.all_before(event.cause):
                self.waits = True
                return i
            if is_mark:
                self.reached = event.cause
                return i + 1
        return count

    cdef bint all_before(self, uint64_t cause) noexcept nogil:
        """Whether every event of a command before `cause` has left the matchers' rings."""
        cdef int ring
        for ring in range(1, RINGS):
            if self.by_ring[ring] == NULL:
                continue
            if self.done[ring] + 1 < cause or has_before(<Consumer> self.by_ring[ring], cause):
                return False
        return True

    cdef int64_t release(self) noexcept nogil:
        """Free the slots of what was taken; at a mark, stand still from here on."""
        cdef uint64_t last
        cdef int64_t work = 0
        cdef int ring
        for ring in range(RINGS):
            if self.by_ring[ring] != NULL and self.taken[ring]:
                last = (<Consumer> self.by_ring[ring]).next + self.taken[ring] - 1
                (<Consumer> self.by_ring[ring]).release(last)
                self.handled[ring] = max(self.handled[ring], last)
                work += <int64_t> self.taken[ring]
        self.mark = self.reached
        return work

    cdef int join(self) except -1:
        """Check that the rings have what comes next. RuntimeError if one begins after that."""
        cdef Consumer consumer
        cdef int ring
        for ring, consumer in self.consumers.items():
            if consumer.next > self.handled[ring] + 1:
                raise RuntimeError(
                    f"ring {ring} goes on with event {consumer.next}, where {self.handled[ring]} was the last handled")
        self.is_joined = True
        return 0

    cdef int reasons(self) noexcept nogil:
        cdef int ring
        if self.waits:
            return WAIT_EVENTS | WAIT_COMMIT
        for ring in range(RINGS):
            if self.by_ring[ring] != NULL and (<Consumer> self.by_ring[ring]).available():
                return WAIT_COMMIT
        return WAIT_EVENTS

    cdef int save_position(self, Saver out) except -1:
        """Write what was handled of each ring; in a part, at a mark."""
        return out.put(self.handled, sizeof(self.handled))

    cdef int load_position(self, Loader part) except -1:
        """Go on after what `save_position` wrote; before the first poll. DamagedPart."""
        return part.get(self.handled, sizeof(self.handled))


cdef inline bint has_before(Consumer consumer, uint64_t cause) noexcept nogil:
    """Whether a ring's next event is of a command before `cause`."""
    return consumer.available() > 0 and (<const EventRecord *> record_at(consumer, consumer.next)).cause < cause


cdef class EventHandler(ReleasedEvents):
    """The reader for an edge in Python: `poll` calls `target(ring, record)` for each event, with its 120 bytes.

    It makes an object of each event: good for tools, examples and tests, not for an edge of a busy venue. The
    target returns None, or False if it has no room for the event, which then comes again.
    """

    def __init__(self, target, consumers, Board board not None):
        self.target = target
        self.attach(consumers, board)

    def poll(self, int64_t now_ns=0) -> int:
        """Take what is released, a bounded number of each ring; returns how many events left the rings."""
        return self.drain()

    cdef bint apply(self, int ring, const EventRecord *event) except -1 nogil:
        with gil:
            return self.target(ring, (<const char *> event)[:RECORD_SIZE]) is not False
