cimport cython
from libc.stdint cimport int64_t, uint32_t

from lockstep.procs.gateway.fix.connection cimport Connection
from lockstep.procs.gateway.fix_session cimport FixSession
from lockstep.procs.gateway.resend cimport Resend
from lockstep.procs.gateway.store cimport Store


@cython.final
cdef class Repeat:
    cdef Store store
    cdef FixSession session
    cdef Connection connection
    cdef Resend resend           # of what was asked for, then of what came meanwhile
    cdef readonly bint begun
    cdef readonly bint is_done
    cdef bint catching_up
    cdef uint32_t left_begin     # of a range that another request has ended; 0: there is none
    cdef uint32_t left_end
    cdef int step(self, object transport, int64_t now_ns) except -1
    cdef int leave(self) except -1
    cdef void join(self, uint32_t begin, uint32_t end) noexcept
    cdef int begin(self) except -1
    cdef int repeat(self, int work, int64_t now_ns) except -1
    cdef int catch_up(self, object transport, int64_t now_ns) except -1
