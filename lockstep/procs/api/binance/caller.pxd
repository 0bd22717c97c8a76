cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.procs.api.binance.parameters cimport Parameters


@cython.final
cdef class Call:
    cdef readonly Parameters sent
    cdef readonly uint32_t account
    cdef readonly uint32_t key
    cdef readonly object api_key         # None: nobody has signed
    cdef readonly int64_t unit           # of times in the answer, in ns
    cdef readonly int64_t now_ns
    cdef readonly bytes verified         # the bytes that the signature was verified on; None without one
    cdef readonly object right           # by which the connection is logged on; None: it is not
    cpdef uint64_t ticket(self) except? 0
    cpdef bytes generated(self, int which)
