from libc.stdint cimport uint64_t

from lockstep.shm.ring cimport Consumer, Producer

cdef class HandOver:
    cdef readonly Consumer source
    cdef readonly Producer target
    cdef readonly uint64_t last
    cdef uint64_t beyond   # cause of the first event behind `last`; 0 while none was seen
