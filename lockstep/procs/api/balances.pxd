cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport BalanceRecord
from lockstep.core.tables.index cimport Index
from lockstep.core.tables.pool cimport Pool

cdef enum:
    ACCOUNTS = 65536

# An account's balance of an asset, in the asset's smallest units. It begins as `Keyed`.
cdef struct Balance:
    uint64_t asset
    uint32_t account
    uint32_t next            # the account's balance of another asset, NIL: none
    int64_t free
    int64_t held
    uint64_t seq             # the command after which it is so


@cython.final
cdef class Balances:
    cdef Pool pool
    cdef Index index
    cdef uint32_t *first     # by account
    cdef int note(self, const BalanceRecord *event) except -1 nogil
