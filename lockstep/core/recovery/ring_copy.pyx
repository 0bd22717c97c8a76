"""Copies events from one ring into another, up to a number and none beyond.

It is how a replay's events reach a stage that had handled some of them already; it looks at numbers and causes only.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from lockstep.core.schema.records cimport RECORD_SIZE, EventRecord
from lockstep.shm.ring cimport Consumer, Producer


cdef class HandOver:
    """From `source` into `target`, which begins with the same number, up to `last`; what lies behind is thrown away."""

    def __init__(self, Consumer source, Producer target, uint64_t last):
        if source.next != target.next:
            raise ValueError(f"the rings' next numbers are {source.next} and {target.next}: they must be the same")
        self.source = source
        self.target = target
        self.last = last

    def step(self) -> int:
        """Copy as much as is there and fits; returns how many events that were."""
        cdef uint64_t first = self.source.next
        cdef uint64_t end = first + self.source.available()
        cdef uint64_t number
        cdef uint64_t stop = min(end, self.last + 1, first + self.target.free(end - first))
        for number in range(first, stop):
            memcpy(self.target.claim(number), self.source.at(number), RECORD_SIZE)
        if stop > first:
            self.target.publish(stop - 1)
            self.source.release(stop - 1)
        if end > self.source.next > self.last:
            if self.beyond == 0:
                self.beyond = (<const EventRecord *> self.source.at(self.source.next)).cause
            self.source.release(end - 1)
        return stop - first if stop > first else 0

    def done_of(self, uint64_t producer_done) -> int:
        """The command up to which all events were handed over, of a producer that had done so many before `step`."""
        if self.beyond:
            return min(producer_done, self.beyond - 1)
        if self.source.available():
            return min(producer_done, (<const EventRecord *> self.source.at(self.source.next)).cause - 1)
        return producer_done

    @property
    def is_over(self) -> bool:
        """Whether all up to `last` is in the target."""
        return self.target.next > self.last
