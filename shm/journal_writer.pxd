from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from "<pthread.h>" nogil:
    ctypedef unsigned long pthread_t

# What the preparing thread is told and what it answers; it touches nothing else.
cdef struct Preparation:
    pthread_t thread
    int running
    uint32_t stop
    int directory_fd
    int retired_fd
    uint64_t size
    int error

# Slots that lie side by side.
cdef struct Span:
    const char *slots
    uint64_t count

# A position in the log, with what the records up to it add up to.
cdef struct Position:
    uint64_t seq
    uint64_t chain
    uint32_t epoch


cdef class JournalWriter:
    cdef readonly uint64_t first_seq
    cdef readonly uint64_t segment
    cdef readonly uint64_t max_batch
    cdef readonly bint synced
    cdef readonly object directory
    cdef readonly object torn
    cdef Position end
    cdef uint8_t journal_id[16]
    cdef uint64_t durable_seq
    cdef uint64_t segment_first_seq
    cdef uint64_t segment_bytes
    cdef uint64_t size
    cdef uint64_t offset
    cdef int directory_fd
    cdef int fd
    cdef bint failed
    cdef Preparation preparation
    cdef int commit(self, Span span, Span wrapped) except -1 nogil
    cdef int check_span(self, Span span, Position *at) except -1 nogil
    cdef int write(self, Span span, Span wrapped, Position end) except -1 nogil
    cdef int rotate(self) except -1 nogil
    cdef int prepare_next(self) except -1 nogil
    cdef int await_prepared(self) except -1 nogil
    cdef int fail(self, int error, const char *what) except -1 nogil
