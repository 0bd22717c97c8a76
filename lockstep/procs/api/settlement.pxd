from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.edge.released_events cimport RINGS
from lockstep.core.schema.records cimport SettledRecord
from lockstep.core.tables.saved cimport Loader, Saver


cdef class Settlement:
    cdef object future
    cdef uint64_t *marks                 # by account and ring: the last that changed a balance; 0: the command
    cdef uint64_t settled[RINGS]         # the same: up to there, all changes of balances are known
    cdef list waits
    cdef void held(self, uint32_t account, uint64_t seq) noexcept
    cdef void changed(self, uint32_t account, int ring, uint64_t number) noexcept
    cdef void reached(self, const SettledRecord *event) noexcept
    cdef object future_of(self, uint32_t account, int64_t now_ns)
    cdef int settle(self, int64_t now_ns) except -1
    cdef bint is_settled(self, uint32_t account) noexcept
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
