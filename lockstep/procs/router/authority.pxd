from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport API_RING, CommandRecord
from lockstep.procs.router.accounts cimport Accounts
from lockstep.procs.router.keys cimport Keys
from lockstep.procs.router.proposals cimport Proposals
from lockstep.procs.router.transfers cimport OPERATORS_RING

cdef class Authority:
    cdef Accounts accounts
    cdef Keys keys
    cdef Proposals proposals
    cdef bint is_sender(self, const CommandRecord *record) noexcept nogil
    cdef uint16_t permission(self, const CommandRecord *record) noexcept nogil
    cdef uint16_t may_withdraw(self, const CommandRecord *record) noexcept nogil
    cdef bint is_operator(self, const CommandRecord *record) noexcept nogil
    cdef bint is_admin(self, const CommandRecord *record) noexcept nogil
    cdef bint is_owner(self, const CommandRecord *record, uint32_t account) noexcept nogil
    cdef bint has_second(self, uint32_t asker, uint8_t flag) noexcept nogil
    cdef uint16_t judge_by_two(
        self, const CommandRecord *record, uint8_t flag, uint64_t proposal, tuple terms
    ) except? 9999


cdef inline bint is_of_fix(const CommandRecord *record) noexcept nogil:
    """Whether a command came by a gateway, from the FIX session that its header names."""
    return record.ingress != 0 and record.ingress != OPERATORS_RING and record.ingress != API_RING
