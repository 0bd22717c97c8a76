from libc.stdint cimport uint64_t

from shm.journal cimport JournalReader

cdef class JournalSource:
    cdef public bint is_followed
    cdef bint is_open
    cdef const char *peek(self) except? NULL nogil
    cdef void advance(self) noexcept nogil

cdef class RecordList(JournalSource):
    cdef list records
    cdef uint64_t first
    cdef uint64_t at
    cdef uint64_t end
    cdef char record[120]

cdef class Journal(JournalSource):
    cdef object directory
    cdef uint64_t first
    cdef JournalReader reader
