cimport cython
from libc.stdint cimport int64_t, uint32_t

from procs.gateway.fix_session cimport FixSession
from procs.gateway.ingress_writer cimport IngressWriter
from procs.gateway.store cimport Store


@cython.final
cdef class SessionRecords:
    cdef Store store
    cdef IngressWriter ingress
    cdef object reporter         # has the sessions
    cdef set gone                # sessions without a connection any more, of which the log does not know it yet
    cdef bint covers(self, FixSession session) noexcept
    cdef int down(self, FixSession session) except -1
    cdef int up(self, FixSession session, int64_t now_ns) except -1
    cdef bint is_due(self) noexcept
    cdef int write(self, int64_t now_ns) except -1
