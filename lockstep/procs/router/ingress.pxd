from libc.stdint cimport uint16_t, uint64_t

from cpython.ref cimport PyObject

from lockstep.procs.router.sequencer cimport INGRESS_RINGS, Taken
from lockstep.shm.ring cimport Consumer

cdef class Ingress:
    cdef int count
    cdef uint16_t numbers[INGRESS_RINGS]
    cdef PyObject *rings[INGRESS_RINGS]
    cdef list kept             # keeps alive what is in `rings`
    cdef object voided
    cdef uint64_t ends[INGRESS_RINGS]    # what each had published when the poll began
    cdef uint64_t voids[INGRESS_RINGS]   # the next record of each that is voided
    cdef void look(self) noexcept nogil
    cdef uint64_t count_request(self, int place, Consumer ring) noexcept nogil
    cdef int find_void(self, int place, Consumer ring) except -1
    cdef list voided_of(self, int place, Consumer ring)
    cdef int skip(self, int place, Consumer ring, uint64_t count) except -1
    cdef void release(self) noexcept nogil
    cdef int resume(self, const Taken *taken) except -1
    cdef int resume_ring(self, int place, Consumer ring, const Taken *taken) except -1
