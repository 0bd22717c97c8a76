from libc.stdint cimport int64_t, uint64_t

from lockstep.core.journal.writer cimport JournalWriter
from lockstep.core.venue.agent cimport Agent
from lockstep.shm.board cimport Board
from lockstep.shm.ring cimport Consumer


cdef class Journaler(Agent):
    cdef Consumer log
    cdef readonly JournalWriter journal
    cdef Board board
    cdef readonly uint64_t replayed_chain
    cdef readonly uint64_t generation
    cdef bint told_full        # what the board says of the disk
    cdef object renew
    cdef bint eases            # it need not sync once commits wait for the other node
    cdef int64_t poll(self, int64_t now_ns) except -1 nogil
    cdef int begin(self, Consumer log, uint64_t generation) except -1
    cdef int64_t change_rings(self) except -1 nogil
    cdef int commit(self, uint64_t first, uint64_t count) except -1 nogil
    cdef int skip(self, uint64_t first, uint64_t count) except -1 nogil
