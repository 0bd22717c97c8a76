from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport ScheduleRecord
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    MAX_ENTRIES = 32

cdef struct ScheduledPhase:
    uint32_t time_of_day_s
    uint8_t phase
    uint8_t days               # bit 0 Monday … bit 6 Sunday

cdef struct Plan:
    ScheduledPhase entries[MAX_ENTRIES]
    uint8_t count              # how many of `wanted` are there; nothing is due before all are
    uint8_t wanted
    uint64_t due_ns            # the next moment that has not been acted upon; 0: none

cdef class Schedule:
    cdef Plan *plans
    cdef uint32_t instruments  # that may have one
    cdef uint64_t due_ns       # of all: nothing is due before
    cdef uint16_t put(self, const ScheduleRecord *record) noexcept nogil
    cdef void clear(self, uint32_t instrument) noexcept nogil
    cdef void find_earliest(self) noexcept nogil
    cdef uint32_t next_due(self, uint64_t time_ns) noexcept nogil
    cdef uint8_t latest(self, uint32_t instrument, uint64_t time_ns) noexcept nogil
    cdef void advance(self, uint32_t instrument, uint64_t time_ns) noexcept nogil
    cdef uint64_t digest(self) noexcept nogil
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
