from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.tables.index cimport Index
from lockstep.core.tables.pool cimport Pool
from lockstep.core.tables.saved cimport Loader, Saver

cdef extern from *:
    ctypedef long long int128 "__int128"

# `asset` and `account` are the key (`Keyed` of lockstep/core/tables/index).
cdef struct Position:
    uint64_t asset
    uint32_t account
    uint32_t reserved
    int64_t max_units         # 0: no limit any more
    int64_t reserved_2
    int128 incoming           # what the account's open buys would bring: a sum that 64 bits need not hold

cdef class Positions:
    cdef Pool pool
    cdef Index index
    cdef Position *find(self, uint32_t account, uint32_t asset) noexcept nogil
    cdef int set(self, uint32_t account, uint32_t asset, int64_t max_units, int128 incoming) except -1 nogil
    cdef bint fits(self, uint32_t account, uint32_t asset, int64_t owned, int64_t more) noexcept nogil
    cdef int add(self, uint32_t account, uint32_t asset, int64_t incoming) except -1 nogil
    cdef uint64_t digest(self) noexcept nogil
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
