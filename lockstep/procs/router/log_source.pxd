from libc.stdint cimport uint64_t

from lockstep.core.journal.journal cimport JournalReader
from lockstep.shm.board cimport Board
from lockstep.shm.ring cimport Consumer

cdef class JournalSource:
    cdef public bint is_followed
    cdef bint is_open
    cdef const char *peek(self) except? NULL nogil
    cdef void advance(self) noexcept nogil
    cdef void release(self, uint64_t seq) noexcept nogil

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

cdef class LogRing(JournalSource):
    cdef Consumer ring
    cdef Board board
    cdef uint64_t at        # the next record
    cdef uint64_t end       # behind the last that was there at the last look
