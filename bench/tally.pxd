from libc.stdint cimport int64_t, uint64_t

from lockstep.core.schema.records cimport RECORD_SIZE
from lockstep.shm.ring cimport Consumer

cdef enum:
    MAX_CODES = 512

cdef class Tally:
    cdef readonly int64_t accepted
    cdef readonly int64_t traded
    cdef readonly int64_t cancelled
    cdef readonly int64_t replaced
    cdef readonly int64_t rejected
    cdef readonly int64_t damaged
    cdef readonly int64_t events
    cdef int64_t[MAX_CODES] codes
    cdef char[RECORD_SIZE] event

    cdef uint64_t take(self, Consumer ring, uint64_t last_cause) noexcept nogil
    cdef void look(self, uint64_t number) noexcept nogil
