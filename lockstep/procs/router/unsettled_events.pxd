from libc.stdint cimport uint64_t

from lockstep.core.schema.records cimport EventRecord
from lockstep.procs.router.ledger cimport Ledger

cdef class UnsettledEvents:
    cdef char *records
    cdef uint64_t first
    cdef uint64_t count
    cdef uint64_t capacity
    cdef int keep(self, const EventRecord *event) except -1 nogil
    cdef bint apply(self, Ledger ledger, uint64_t last) except -1 nogil
    cdef bint has_cause(self, uint64_t seq) noexcept nogil
