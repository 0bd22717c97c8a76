from libc.stdint cimport int16_t, int64_t, uint64_t

cdef extern from *:
    ctypedef long long int128 "__int128"

cdef class Buffer:
    cdef char *data
    cdef size_t size
    cdef size_t capacity
    cdef void begin(self) noexcept nogil
    cdef int row(self, int16_t fields) except -1 nogil
    cdef void null(self) noexcept nogil
    cdef void integer(self, int64_t value) noexcept nogil
    cdef void integer_32(self, int64_t value) noexcept nogil
    cdef void integer_16(self, int64_t value) noexcept nogil
    cdef void boolean(self, bint value) noexcept nogil
    cdef void text(self, const char *value, size_t limit) noexcept nogil
    cdef void id(self, const char *value, size_t limit) noexcept nogil
    cdef void time(self, uint64_t time_ns) noexcept nogil
    cdef void decimal(self, int128 units, int scale) noexcept nogil
