from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.files.disk cimport Disk

cdef extern from "<pthread.h>" nogil:
    ctypedef unsigned long pthread_t

cdef enum Prepared:
    PREPARING
    PREPARED
    PREPARED_FULL    # the disk has no room for the next segment: try again later
    PREPARED_FAILED  # `error` says why: the journal must not go on


cdef const char *prepared_name
cdef int64_t write_zeros(Disk disk, int handle, uint64_t begin, uint64_t end) noexcept nogil


cdef class Preparation:
    cdef Disk disk
    cdef uint64_t segment_bytes
    cdef uint64_t pace_bytes
    cdef uint64_t at
    cdef int handle
    cdef int retired
    cdef int64_t error
    cdef uint32_t state
    cdef uint32_t stop
    cdef bint running
    cdef pthread_t thread
    cdef int begin(self, int retired) noexcept nogil
    cdef Prepared look(self) noexcept nogil
    cdef Prepared finish(self) noexcept nogil
    cdef Prepared step(self) noexcept nogil
    cdef Prepared retire(self) noexcept nogil
    cdef Prepared settle(self, int64_t code) noexcept nogil
    cdef int open(self) noexcept nogil
    cdef void halt(self) noexcept nogil
