cimport cython
from libc.stdint cimport int64_t, uint32_t

from lockstep.procs.gateway.client cimport Client
from lockstep.procs.gateway.clients cimport Clients


@cython.final
cdef class Logons:
    cdef Clients clients
    cdef bytes comp_id
    cdef bint admit(self, Client client, uint32_t number, int64_t now_ns) except -1
