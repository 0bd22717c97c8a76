from libc.stdint cimport int64_t, uint64_t

from lockstep.procs.api.account_state cimport AccountState
from lockstep.procs.api.commands cimport Commands


cdef class Desk(AccountState):
    cdef readonly Commands commands
    cdef object snapshots
    cdef public uint64_t connections
    cdef int64_t tended_ns
    cdef readonly int64_t now_ns
    cdef readonly int64_t level_ns       # when it had taken all that was released, last
    cdef void show_counts(self) noexcept
    cdef void show_released(self) noexcept
    cdef int show_recent(self) except -1
