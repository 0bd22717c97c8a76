"""A matcher's events that arrived before the marker that settles them (LOG-9).

It keeps what the ledger will need and hands it out in order; the router says for which marker.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove

from lockstep.core.schema.records cimport RECORD_SIZE
from lockstep.procs.router.ledger cimport moves_money

cdef enum:
    FIRST_EARLY = 1024


cdef class UnsettledEvents:
    """A queue, bounded by what one log ring of commands can emit."""

    def __dealloc__(self):
        free(self.records)

    cdef int keep(self, const EventRecord *event) except -1 nogil:
        """The matcher's next event. MemoryError."""
        cdef char *grown
        if not moves_money(event.type):
            return 0
        if self.first + self.count == self.capacity:
            if self.first > self.count:
                memmove(self.records, self.records + self.first * RECORD_SIZE, self.count * RECORD_SIZE)
                self.first = 0
            else:
                self.capacity = FIRST_EARLY if self.capacity == 0 else 2 * self.capacity
                grown = <char *> realloc(self.records, self.capacity * RECORD_SIZE)
                if grown == NULL:
                    with gil:
                        raise MemoryError(f"no memory for {self.capacity} events ahead of their marker")
                self.records = grown
        memcpy(self.records + (self.first + self.count) * RECORD_SIZE, event, RECORD_SIZE)
        self.count += 1
        return 0

    cdef bint apply(self, Ledger ledger, uint64_t last) except -1 nogil:
        """Settle what is kept up to event number `last`; whether that changed anything."""
        cdef const EventRecord *event
        cdef bint changed = False
        while self.count:
            event = <const EventRecord *> (self.records + self.first * RECORD_SIZE)
            if event.number > last:
                break
            if ledger.apply(event):
                changed = True
            self.first += 1
            self.count -= 1
        if self.count == 0:
            self.first = 0
        return changed

    cdef bint has_cause(self, uint64_t seq) noexcept nogil:
        """Whether the first that is kept came of a record up to `seq`."""
        return self.count > 0 and (<const EventRecord *> (self.records + self.first * RECORD_SIZE)).cause <= seq
