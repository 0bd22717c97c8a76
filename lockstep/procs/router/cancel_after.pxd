from libc.stdint cimport uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport CancelAfterRecord
from lockstep.core.tables.saved cimport Loader, Saver

cdef class CancelAfter:
    cdef uint64_t *due
    cdef uint32_t highest      # account that ever had one
    cdef uint64_t earliest     # nothing is due before. How near it is depends on who looked last: it is no state
    cdef uint16_t put(self, const CancelAfterRecord *record) noexcept nogil
    cdef uint32_t next_due(self, uint64_t time_ns) noexcept nogil
    cdef void end(self, uint32_t account) noexcept nogil
    cdef uint64_t digest(self) noexcept nogil
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
