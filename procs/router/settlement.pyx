"""Matchers' event rings: what of them has arrived, and what of that the ledger has settled.

It drains and counts. When a marker is written, or read, is the router's to say.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from cpython.ref cimport PyObject

from procs.router.unsettled_events cimport UnsettledEvents
from procs.tables.saved cimport Loader, Saver
from shm.board cimport WORD_MATCHER_DONE, WORD_MATCHER_DUE, WORD_SETTLED, Board
from shm.records cimport MAX_MATCHERS, EventRecord
from shm.ring cimport Consumer, prefetch_record, record_at

from shm.refusal import FinalError

cdef enum:
    ARRIVAL = 24                    # how far before its turn an event is asked for: a matcher has just written it,
    AHEAD = 16                      # and looked at in steps
    NEAR = 11
    NEARER = 7
    NEAREST = 3


class ReplayError(FinalError, RuntimeError):
    """The journal and this code disagree, or the journal is not what a router wrote: the venue must not start."""


cdef class Settlement:
    """`matchers` maps the numbers of matchers to the consumers of their event rings."""

    def __init__(self, Ledger ledger, Board board, dict matchers):
        self.ledger = ledger
        self.board = board
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
        """Whether each matcher's events are here up to these numbers. ReplayError where there is no such matcher."""
        cdef int i
        for i in range(MAX_MATCHERS):
            if self.matchers[i] == NULL and numbers[i] != 0:
                with gil:
                    raise ReplayError(f"the journal has events of matcher {i + 1}: the configuration has none such")
            if self.arrived[i] < numbers[i]:
                return 0
        return 1

    cdef int settle_to(self, const uint64_t *numbers) except -1 nogil:
        """Settle what has arrived up to each matcher's number, but for what is settled already."""
        cdef int i
        for i in range(MAX_MATCHERS):
            if (<UnsettledEvents> self.early[i]).apply(self.ledger, numbers[i]):
                self.owed = True
            self.settled[i] = numbers[i]
        return 0

    cdef int check_quiet(self, const uint64_t *numbers) except -1 nogil:
        """Settle up to the numbers of a snapshot. ReplayError unless that is all there is, and owes nothing."""
        cdef int i
        self.settle_to(numbers)
        for i in range(MAX_MATCHERS):
            if self.owed or self.arrived[i] != numbers[i]:
                with gil:
                    raise ReplayError(
                        f"a snapshot in the journal is at event {numbers[i]} of matcher {i + 1}, where all is settled; "
                        f"replay has {self.arrived[i]}" + (", and a marker is missing" if self.owed else "")
                    )
        return 0

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
        """Take up where events go on; ValueError where a ring goes on elsewhere."""
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
