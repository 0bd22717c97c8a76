from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.files.disk cimport Disk
from lockstep.core.journal.format cimport PAGE_SIZE, BatchHeader, SegmentHeader, mix


cdef class JournalReader:
    cdef readonly uint64_t next_seq
    cdef readonly uint64_t first_seq
    cdef public uint64_t limit
    cdef readonly uint64_t chain
    cdef readonly uint32_t epoch
    cdef readonly uint64_t offset
    cdef readonly uint64_t segments
    cdef readonly uint64_t batches
    cdef readonly object directory
    cdef SegmentHeader header
    cdef uint64_t newest
    cdef uint64_t deep_from
    cdef Disk disk
    cdef int handle
    cdef bint walking
    cdef bint whole_behind
    cdef char *buffer
    cdef uint64_t buffer_offset
    cdef uint64_t buffer_size
    cdef uint64_t buffer_limit   # what `limit` was when the buffer was read
    cdef const char *record
    cdef uint64_t left
    cdef const char *fault
    cdef const char *peek(self) except? NULL nogil
    cdef void advance(self) noexcept nogil
    cdef int walk(self, uint64_t last_seq) except -1 nogil
    cdef int load(self) except -1 nogil
    cdef int load_batch(self) except -1 nogil
    cdef int enter(self, uint64_t first_seq) except -1 nogil
    cdef bint reopen(self) except -1 nogil
    cdef const char *judge_segment(self, const SegmentHeader *header, uint64_t first_seq) noexcept nogil
    cdef bint batch_here(self) except -1 nogil
    cdef const char *judge_batch(self, bint deep) noexcept nogil
    cdef int fill(self, uint64_t offset, uint64_t wanted) except -1 nogil
    cdef int unreadable(self, int64_t code) except -1 nogil
    cdef uint64_t scan(self, int handle, uint64_t segment, uint64_t begin) except? 0
    cdef int scan_beyond(self, uint64_t first_seq, uint64_t number) except -1
    cdef int judge_behind(self, uint64_t first_seq, uint64_t durable_seq, str what) except -1
    cdef int corrupt(self, uint64_t offset, const char *reason) except -1
