from libc.stdint cimport uint32_t

from lockstep.procs.router.accounts cimport Accounts
from lockstep.procs.router.balances cimport Balances
from lockstep.shm.board cimport Board

cdef class BoardWriter:
    cdef Board board
    cdef Balances balances
    cdef Accounts accounts
    cdef void show_balances(self) noexcept nogil
    cdef void show_session(self, uint32_t session) noexcept nogil
    cdef void show_sessions(self) noexcept nogil
