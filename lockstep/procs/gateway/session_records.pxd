cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.intake.ingress_writer cimport IngressWriter
from lockstep.procs.gateway.fix_session cimport FixSession
from lockstep.procs.gateway.store cimport Store


@cython.final
cdef class SessionRecords:
    cdef Store store
    cdef IngressWriter ingress
    cdef object reporter         # has the sessions
    cdef set gone                # sessions without a connection any more, of which the log does not know it yet
    cdef dict asked              # of sessions that wait for numbers: up to which, the place in the ring, and in the log
    cdef bint covers(self, FixSession session) noexcept
    cdef int down(self, FixSession session) except -1
    cdef int up(self, FixSession session, int64_t now_ns) except -1
    cdef bint is_due(self) noexcept
    cdef int write(self, int64_t now_ns) except -1
    cdef int look(self, uint64_t log_end, uint64_t reported) except -1
