from libc.stdint cimport int64_t, uint32_t

cdef class Agent:
    cdef readonly str name
    cdef int64_t poll(self, int64_t now_ns) except -1 nogil
    cdef uint32_t wants(self) noexcept nogil
