cimport cython
from libc.stdint cimport uint64_t

from lockstep.core.files.disk cimport Disk


@cython.final
cdef class SegmentWriter:
    cdef object folder
    cdef list bases
    cdef Disk disk
    cdef object syncer
    cdef uint64_t segment_bytes
    cdef uint64_t spare_bytes
    cdef int fd
    cdef uint64_t base               # position of the segment's first byte
    cdef uint64_t written            # bytes of it
    cdef readonly uint64_t writes
    cdef readonly bint is_short
    cdef uint64_t end(self) noexcept nogil
    cdef bytes go_on(self, uint64_t written)
    cdef int begin(self, uint64_t base) except -1
    cdef bint begin_next(self) except -1
    cdef bint is_over(self) noexcept nogil
    cdef bint write(self, char *entries, size_t size) except -1 nogil
    cdef int sync_aside(self) except -1
    cdef int sync(self) except -1
