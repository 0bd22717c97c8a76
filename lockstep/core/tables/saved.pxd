from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t

cdef class Saver:
    cdef int fd
    cdef char *buffer
    cdef size_t held            # bytes in the buffer
    cdef uint64_t length        # bytes put so far
    cdef uint32_t crc           # of them
    cdef bint is_finished
    cdef int put(self, const void *data, size_t size) except -1 nogil
    cdef int put_64(self, uint64_t value) except -1 nogil
    cdef int flush(self) except -1 nogil


cdef class Loader:
    cdef const char *data       # the whole part, mapped
    cdef uint64_t size          # of the mapping
    cdef uint64_t place         # of the next byte
    cdef uint64_t end           # where the trailer begins
    cdef int map(self, int fd) except -1
    cdef int check(self) except -1
    cdef const char *span(self, uint64_t size) except NULL nogil
    cdef int get(self, void *data, size_t size) except -1 nogil
    cdef uint64_t get_64(self) except? 0xFFFFFFFFFFFFFFFF nogil
    cdef int expect(self, uint64_t value, const char *what) except -1 nogil
