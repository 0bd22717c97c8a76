from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from lockstep.core.files.disk cimport Disk
from lockstep.core.journal.format cimport VENUE_SIZE
from lockstep.core.journal.journal cimport JournalReader
from lockstep.core.journal.prepare cimport Preparation

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
    cdef readonly bint nearly_full
    cdef readonly bint hole
    cdef readonly object directory
    cdef readonly object torn
    cdef object tail           # what lies behind the end and is not cut yet; None: nothing
    cdef Position end
    cdef uint8_t journal_id[16]
    cdef char venue[VENUE_SIZE]
    cdef uint64_t durable_seq
    cdef uint64_t segment_first_seq
    cdef uint64_t segment_bytes
    cdef uint64_t reserve_bytes
    cdef uint64_t size
    cdef uint64_t offset
    cdef int64_t looked_ns
    cdef Disk disk
    cdef int handle
    cdef bint locked
    cdef bint failed
    cdef Preparation preparation
    cdef uint64_t fitting(self, uint64_t count) noexcept nogil
    cdef void ease(self) noexcept nogil
    cdef int tend(self, int64_t now_ns) except -1 nogil
    cdef int commit(self, Span span, Span wrapped) except -1 nogil
    cdef int check_span(self, Span span, Position *at) except -1 nogil
    cdef int put_aside(self, bint untrusted) except -1 nogil
    cdef int write(self, Span span, Span wrapped, Position end) except -1 nogil
    cdef int rotate(self) except -1 nogil
    cdef int name_prepared(self) except -1 nogil
    cdef int await_prepared(self) except -1 nogil
    cdef int fail(self, int64_t code, const char *what) except -1 nogil
    cdef int start_preparing(self, int retired) except -1 nogil
    cdef int take_over(self, JournalReader reader) except -1
