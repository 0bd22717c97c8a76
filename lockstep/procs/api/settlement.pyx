"""Whose balances have all that the account's orders changed, as far as the api knows of them (LOG-14)."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from lockstep.core.edge.released_events cimport RINGS
from lockstep.core.schema.records cimport MAX_MATCHERS, SettledRecord
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.api.requests cimport OUTCOME_NS
from lockstep.procs.api.tracked_orders cimport ACCOUNTS


class Unsettled(Exception):
    """Balances do not have all that is known of an account's orders yet."""


cdef class Settlement:
    """What each account's orders changed last, and up to where the router has announced balances.

    `future` makes what a wait's end is set on.
    """

    def __cinit__(self, *_args):
        self.marks = <uint64_t *> calloc(ACCOUNTS * RINGS, sizeof(uint64_t))
        if self.marks == NULL:
            raise MemoryError("no memory for what is to be settled")

    def __dealloc__(self):
        free(self.marks)

    def __init__(self, object future):
        self.future = future
        self.waits = []

    cdef void held(self, uint32_t account, uint64_t seq) noexcept:
        """The router took an order, and held what it needs."""
        self.marks[account * RINGS] = seq

    cdef void changed(self, uint32_t account, int ring, uint64_t number) noexcept:
        """A matcher's event changed what an order holds, or what is owned."""
        self.marks[account * RINGS + ring] = number

    cdef void reached(self, const SettledRecord *event) noexcept:
        self.settled[0] = event.cause
        memcpy(&self.settled[1], event.event_numbers, MAX_MATCHERS * sizeof(uint64_t))

    cdef object future_of(self, uint32_t account, int64_t now_ns):
        """A future that is done when the account is settled, or has Unsettled when that takes too long."""
        outcome = self.future()
        self.waits.append((account, outcome, now_ns + OUTCOME_NS))
        self.settle(now_ns)
        return outcome

    cdef int settle(self, int64_t now_ns) except -1:
        """Answer those whose balances are all announced."""
        kept = []
        for account, outcome, until_ns in self.waits:
            if self.is_settled(account):
                if not outcome.done():
                    outcome.set_result(None)
            elif now_ns > until_ns:
                if not outcome.done():
                    outcome.set_exception(Unsettled())
            else:
                kept.append((account, outcome, until_ns))
        self.waits = kept
        return 0

    cdef bint is_settled(self, uint32_t account) noexcept:
        cdef const uint64_t *marks = &self.marks[account * RINGS]
        cdef int ring
        for ring in range(RINGS):
            if marks[ring] > self.settled[ring]:
                return False
        return True

    cdef int save(self, Saver saver) except -1:
        saver.put(self.settled, sizeof(self.settled))
        saver.put(self.marks, ACCOUNTS * RINGS * sizeof(uint64_t))
        return 0

    cdef int load(self, Loader loader) except -1:
        """Go on from a part. DamagedPart."""
        loader.get(self.settled, sizeof(self.settled))
        loader.get(self.marks, ACCOUNTS * RINGS * sizeof(uint64_t))
        return 0
