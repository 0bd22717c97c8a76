from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport WithdrawalDecisionRecord, WithdrawalRequestRecord
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.balances cimport Balances

cdef enum:
    MAX_WITHDRAWALS = 16_384        # that wait, of all accounts,
    MAX_WITHDRAWALS_OF_ACCOUNT = 64  # and of one

cdef class Withdrawals:
    cdef Balances balances
    cdef readonly dict pending  # (account, asset, amount, state, who approved first) by number
    cdef dict counts            # how many of them each account has
    cdef uint8_t state          # in which the last one that was asked about is,
    cdef uint32_t told          # and the balance that this has changed, or NIL
    cdef uint16_t request(self, const WithdrawalRequestRecord *record, const char *destination) except? 9999
    cdef uint16_t decide(self, WithdrawalDecisionRecord *record) except? 9999
    cdef uint16_t judge(self, const WithdrawalDecisionRecord *record, tuple known) except? 9999
    cdef int end(self, uint64_t number) except -1
    cdef uint64_t digest(self)
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
