from libc.stddef cimport size_t
from libc.stdint cimport int64_t

cdef extern from *:
    ctypedef long long int128 "__int128"

cdef enum:
    MAX_DECIMALS = 18

cdef class JsonText:
    cdef char *data
    cdef size_t size
    cdef size_t capacity
    cdef int reserve(self, size_t more) except -1
    cdef int raw(self, const char *text, size_t size) except -1
    cdef int put(self, bytes text) except -1
    cdef int separate(self) except -1
    cdef int string(self, bytes text) except -1
    cdef void add(self, char c) noexcept
    cdef int integer(self, int64_t value) except -1
    cdef int decimal(self, int128 value, int scale) except -1
    cdef int boolean(self, bint value) except -1
    cdef bytes take(self)
