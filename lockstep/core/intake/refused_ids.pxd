cimport cython
from libc.stdint cimport uint32_t

from lockstep.core.schema.records cimport CL_ORD_ID_SIZE

cdef enum:
    REMEMBERED = 65536

cdef struct RefusedId:
    uint32_t account
    uint32_t next
    char cl_ord_id[CL_ORD_ID_SIZE]


@cython.final
cdef class RefusedIds:
    cdef RefusedId *ids
    cdef uint32_t *heads
    cdef uint32_t next_place
    cdef uint32_t count
    cdef void remember(self, uint32_t account, const char *cl_ord_id) noexcept nogil
    cdef void remember_of(self, uint32_t account, const char *order, size_t size) noexcept nogil
    cdef bint has(self, uint32_t account, const char *cl_ord_id) noexcept nogil
    cdef void forget(self, uint32_t place) noexcept nogil
