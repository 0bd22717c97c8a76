"""Matchers' event rings: what of them has arrived, and what of that the ledger has settled.

It drains and counts. The router decides when a marker is written or read.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from cpython.ref cimport PyObject

from lockstep.core.schema.records cimport (
    CMD_MARKER, CMD_SNAPSHOT, MAX_MATCHERS, CommandRecord, EventRecord, MarkerRecord, SnapshotRecord,
)
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.unsettled_events cimport UnsettledEvents
from lockstep.shm.board cimport WORD_MATCHER_DONE, WORD_MATCHER_DUE, WORD_SETTLED, Board
from lockstep.shm.ring cimport Consumer, prefetch_record, record_at

from lockstep.core.diagnostics.refusal import FinalError

cdef enum:
    ARRIVAL = 24                    # how far ahead of its turn an event is prefetched: a matcher has just written it,
    AHEAD = 16                      # and looked at in steps
    NEAR = 11
    NEARER = 7
    NEAREST = 3


class ReplayError(FinalError, RuntimeError):
    """The journal and this code disagree, or the journal is not what a router wrote: the venue must not start."""


cdef class Settlement:
    """`matchers` maps the numbers of matchers to the consumers of their event rings.

    Where the router `follows` a log ring, matchers read it as soon as it does, and may be ahead of it.
    """

    def __init__(self, Ledger ledger, Board board, dict matchers, bint follows=False):
        self.ledger = ledger
        self.board = board
        self.follows = follows
        self.kept = list(matchers.values())
        for number, consumer in matchers.items():
            if not 0 < number <= MAX_MATCHERS:
                raise ValueError(f"matchers are numbered 1 to {MAX_MATCHERS}, not {number}")
            self.matchers[number - 1] = <PyObject *> <Consumer?> consumer
        for i in range(MAX_MATCHERS):
            early = UnsettledEvents()
            self.kept.append(early)
            self.early[i] = <PyObject *> early

    cdef int64_t drain(self) except -1 nogil:
        """Take all that matchers have published; how many events that were."""
        cdef int64_t work = 0
        cdef int index
        for index in range(MAX_MATCHERS):
            if self.matchers[index] != NULL:
                work += self.drain_ring(index, <Consumer> self.matchers[index])
        return work

    cdef int64_t drain_ring(self, int index, Consumer ring) except -1 nogil:
        """One ring's: into the ledger when leading, else aside until a marker has it (LOG-8)."""
        cdef uint64_t count = ring.available()
        cdef uint64_t first = ring.next
        cdef uint64_t number
        cdef const EventRecord *event
        cdef uint32_t found[AHEAD]      # by event: its order's tag at first, then its item
        cdef uint32_t *ordered
        memset(found, 0, sizeof(found))
        for number in range(first, first + count):
            event = <const EventRecord *> record_at(ring, number)
            if number + ARRIVAL < first + count:
                prefetch_record(ring, number + ARRIVAL)
            found[number % AHEAD] = 0
            if number + AHEAD < first + count:
                found[number % AHEAD] = self.ledger.expect(<const EventRecord *> record_at(ring, number + AHEAD))
            ordered = &found[(number + NEAR) % AHEAD]
            ordered[0] = self.ledger.expect_order(ordered[0])
            self.ledger.expect_rest(found[(number + NEARER) % AHEAD])
            self.ledger.expect_pending(found[(number + NEAREST) % AHEAD])
            if event.number != number:
                with gil:
                    raise RuntimeError(f"matcher {index + 1} put event {event.number} at place {number} of its ring")
            if not self.leads:
                (<UnsettledEvents> self.early[index]).keep(event)
            elif self.ledger.apply(event):
                self.owed = True
        if count:
            self.arrived[index] = first + count - 1
            if self.leads:
                self.settled[index] = self.arrived[index]
            ring.release(first + count - 1)
        return count

    cdef int has_arrived(self, const uint64_t *numbers) except -1 nogil:
        """Whether each matcher's events are here up to these numbers. ReplayError if there is no such matcher."""
        cdef int i
        for i in range(MAX_MATCHERS):
            if self.matchers[i] == NULL and numbers[i] != 0:
                with gil:
                    raise ReplayError(f"the journal has events of matcher {i + 1}: the configuration has none such")
            if self.arrived[i] < numbers[i]:
                return 0
        return 1

    cdef int settle_to(self, const uint64_t *numbers) except -1 nogil:
        """Settle what has arrived up to each matcher's number, except what is settled already."""
        cdef int i
        for i in range(MAX_MATCHERS):
            if (<UnsettledEvents> self.early[i]).apply(self.ledger, numbers[i]):
                self.owed = True
            self.settled[i] = numbers[i]
        return 0

    cdef int can_settle(self, const char *recorded, uint64_t seq) except -1 nogil:
        """Whether all events have arrived that a marker says are settled; before a snapshot, all there will be.

        `seq` is the record before. ReplayError where matchers have done that one, and an event is missing.
        """
        cdef uint8_t type = (<const CommandRecord *> recorded).type
        cdef const uint64_t *numbers
        if type == CMD_MARKER:
            numbers = &(<const MarkerRecord *> recorded).event_numbers[0]
        elif type == CMD_SNAPSHOT:
            numbers = &(<const SnapshotRecord *> recorded).event_numbers[0]
        else:
            return 1
        if type == CMD_MARKER and self.has_arrived(numbers):
            return 1
        if not self.is_done(seq):
            return 0
        self.drain()  # after reading where they are (LOG-19)
        if not self.has_arrived(numbers):
            with gil:
                raise self.lacking(<const CommandRecord *> recorded, [numbers[i] for i in range(MAX_MATCHERS)])
        return 1

    cdef object lacking(self, const CommandRecord *record, list numbers):
        """The error for a matcher, the first such, that has told less than a record says is settled."""
        i = next(i for i in range(MAX_MATCHERS) if self.arrived[i] < numbers[i])
        what = "marker" if record.type == CMD_MARKER else "snapshot"
        return ReplayError(
            f"{what} {record.seq} settles matcher {i + 1}'s events up to {numbers[i]}; here it has told "
            f"{self.arrived[i]}"
        )

    cdef int settle_as(self, const char *recorded, uint64_t router_number) except -1 nogil:
        """Settle what a marker, or a snapshot, says (LOG-9); at a snapshot there is nothing else.

        `router_number` is the number of the router's next event.
        """
        cdef const SnapshotRecord *snapshot = <const SnapshotRecord *> recorded
        if snapshot.type == CMD_MARKER:
            self.settle_to((<const MarkerRecord *> recorded).event_numbers)
            self.owed = False
            return 0
        self.settle_snapshot(snapshot)
        if snapshot.router_number != router_number:
            with gil:
                raise ReplayError(
                    f"snapshot {snapshot.seq} was the router's event {snapshot.router_number}, and replay makes it "
                    f"{router_number}"
                )
        return 0

    cdef int settle_snapshot(self, const SnapshotRecord *snapshot) except -1 nogil:
        """Settle up to its numbers. ReplayError unless that is all that came of the log before it, and owes nothing.

        Where matchers may be ahead, what they have told of later records waits.
        """
        cdef int i, other = -1
        for i in range(MAX_MATCHERS):
            if self.arrived[i] != snapshot.event_numbers[i] and not self.follows:
                other = i
            if self.settled[i] > snapshot.event_numbers[i]:
                other = i
        self.settle_to(snapshot.event_numbers)
        for i in range(MAX_MATCHERS):
            if (<UnsettledEvents> self.early[i]).has_cause(snapshot.seq):
                other = i
        if other < 0 and not self.owed:
            return 0
        with gil:
            raise ReplayError(
                f"a snapshot in the journal is at event {snapshot.event_numbers[max(other, 0)]} of matcher "
                f"{max(other, 0) + 1}, where all is settled; replay has {self.arrived[max(other, 0)]}"
                + (", and a marker is missing" if self.owed else "")
            )

    cdef bint is_done(self, uint64_t seq) noexcept nogil:
        """Whether every matcher has published what comes of the log up to `seq`. Drain after asking (LOG-19)."""
        cdef int i
        for i in range(MAX_MATCHERS):
            if self.matchers[i] != NULL and self.board.load(WORD_MATCHER_DONE + i) < seq:
                return False
        return True

    cdef bint is_quiet(self, uint64_t seq) noexcept nogil:
        """Whether the log up to `seq` is done, and all that came of it is here."""
        cdef int i
        if not self.is_done(seq):
            return False
        for i in range(MAX_MATCHERS):
            if self.matchers[i] != NULL and (<Consumer> self.matchers[i]).available():
                return False
        return True

    cdef bint is_tick_due(self, uint64_t time_ns, uint64_t last_tick) noexcept nogil:
        """Whether a matcher that has done the last tick has something to do at that time."""
        cdef uint64_t due
        cdef int i
        for i in range(MAX_MATCHERS):
            if self.matchers[i] == NULL:
                continue
            due = self.board.load(WORD_MATCHER_DUE + i)
            if due != 0 and due <= time_ns and self.board.load(WORD_MATCHER_DONE + i) >= last_tick:
                return True
        return False

    cdef void show(self) noexcept nogil:
        """Tell the board how far all is settled."""
        cdef int i
        for i in range(MAX_MATCHERS):
            if self.matchers[i] != NULL:
                self.board.store(WORD_SETTLED + i, self.settled[i])

    cdef int save(self, Saver saver) except -1:
        """Where nothing is owed, and all that arrived is settled."""
        return saver.put(self.settled, sizeof(self.settled))

    cdef int load(self, Loader loader) except -1:
        """Take up where events go on; ValueError if a ring goes on elsewhere."""
        cdef Consumer ring
        cdef int i
        loader.get(self.settled, sizeof(self.settled))
        for i in range(MAX_MATCHERS):
            self.arrived[i] = self.settled[i]
            if self.matchers[i] == NULL:
                if self.settled[i] != 0:
                    raise ReplayError(f"the snapshot has events of matcher {i + 1}: the configuration has none such")
                continue
            ring = <Consumer> self.matchers[i]
            if ring.next != self.settled[i] + 1:
                raise ValueError(f"events of matcher {i + 1} go on at {ring.next}, not behind {self.settled[i]}")
        return 0
