from libc.stdint cimport int64_t, uint32_t

cdef enum:
    MAX_BELLS = 32
    BELL_SIZE = 128
    BELLS_SIZE = 4096

cdef enum:
    WAIT_EVENTS = 1
    WAIT_COMMIT = 2

cdef struct BellLine:
    uint32_t waiting
    uint32_t word
    uint32_t kind
    char pad[116]

cdef class Bells:
    cdef BellLine *lines
    cdef object buffer
    cdef str prefix
    cdef int[MAX_BELLS] queues
    cdef void wake(self, uint32_t bell, uint32_t reason) noexcept nogil
    cdef void wake_all(self, uint32_t reason) noexcept nogil
    cdef void ring(self, uint32_t bell) noexcept nogil

cdef class Sleeper:
    cdef readonly Bells bells
    cdef readonly uint32_t bell
    cdef uint32_t expected
    cdef void arm(self, uint32_t reasons) noexcept nogil
    cdef void disarm(self) noexcept nogil
    cdef void sleep(self, int64_t timeout_ns) noexcept nogil
