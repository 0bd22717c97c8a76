cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from procs.tables.index cimport Index
from procs.tables.pool cimport Pool
from shm.records cimport BalanceRecord

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
