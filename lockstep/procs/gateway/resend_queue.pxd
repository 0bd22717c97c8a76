cimport cython
from libc.stdint cimport int64_t

from lockstep.procs.gateway.client cimport Client
from lockstep.procs.gateway.store cimport Store


@cython.final
cdef class Repeats:
    cdef Store store
    cdef object turns            # clients with a repeat, in the order of their turns
    cdef bint takes_next(self, Client client) noexcept
    cdef int begin(self, Client client) except -1
    cdef Client next(self)
    cdef int step(self, Client client, int64_t now_ns) except -1
    cdef bint settle(self, Client client) except -1
