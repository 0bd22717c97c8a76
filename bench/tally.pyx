"""Reads event rings as a gateway does, and counts the events: copies each one, and checks its checksum.

It rebuilds nothing: the numbers, and the final book, show whether the events are the right ones.
"""

from libc.stdint cimport UINT64_MAX, uint64_t
from libc.string cimport memcpy

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport (
    EVT_ACCEPTED, EVT_CANCELLED, EVT_REJECTED, EVT_REPLACED, EVT_TRADED, RECORD_SIZE, EventRecord, RejectedRecord,
)
from lockstep.shm.ring cimport Consumer


cdef class Tally:
    """Counts by type of event, and of refusals by code; `damaged` are out of sequence, or have a wrong checksum."""

    cdef uint64_t take(self, Consumer ring, uint64_t last_cause) noexcept nogil:
        """Take what the ring has of causes up to that one; returns how many events."""
        cdef uint64_t first = ring.next
        cdef uint64_t end = first + ring.available()
        cdef uint64_t number = first
        while number < end and (<const EventRecord *> ring.at(number)).cause <= last_cause:
            memcpy(self.event, ring.at(number), RECORD_SIZE)
            self.look(number)
            number += 1
        if number > first:
            ring.release(number - 1)
        self.events += number - first
        return number - first

    cdef void look(self, uint64_t number) noexcept nogil:
        cdef const EventRecord *event = <const EventRecord *> self.event
        self.damaged += event.number != number or event.crc != crc32c(0, self.event + 4, RECORD_SIZE - 4)
        self.accepted += event.type == EVT_ACCEPTED
        self.traded += event.type == EVT_TRADED
        self.cancelled += event.type == EVT_CANCELLED
        self.replaced += event.type == EVT_REPLACED
        if event.type == EVT_REJECTED:
            self.rejected += 1
            self.codes[(<const RejectedRecord *> event).code % MAX_CODES] += 1

    def drain(self, Consumer ring) -> int:
        """Take all that the ring has; returns how many events."""
        return self.take(ring, UINT64_MAX)

    def refusals(self) -> dict[int, int]:
        """How many refusals there were, by code."""
        return {code: self.codes[code] for code in range(MAX_CODES) if self.codes[code]}
