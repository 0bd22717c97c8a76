from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from lockstep.core.tables.array cimport Array
from lockstep.core.tables.index cimport Index, tag_of
from lockstep.core.tables.pool cimport Pool, pool_at
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    MAX_ASSETS = 4096
    MAX_TAKEN = 32

cdef enum:
    BALANCE_CHANGED = 1     # since the last BALANCE event
    BALANCE_LISTED = 2      # in `changed`
    BALANCE_UNSHOWN = 4     # since it was last written to the board, and in `unshown`

cdef struct Balance:
    uint32_t account
    uint32_t asset
    int64_t free
    int64_t held
    uint32_t flags

cdef struct Changed:
    uint64_t key               # account, then asset: what lists are sorted by
    uint32_t item
    uint32_t reserved          # zero: lists are saved as they lie, and saved bytes must follow from the log alone

cdef class Balances:
    cdef Pool pool
    cdef Index index
    cdef int64_t *supply
    cdef uint32_t asset_count
    cdef Array changed
    cdef Array unshown
    cdef uint32_t find(self, uint32_t account, uint32_t asset) noexcept nogil
    cdef uint32_t entry(self, uint32_t account, uint32_t asset) except 0 nogil
    cdef int touch(self, uint32_t item) except -1 nogil
    cdef uint64_t take_changed(self, Balance *out, uint64_t limit, uint64_t after) noexcept nogil
    cdef void drop_unchanged(self) noexcept nogil
    cdef uint16_t can_add(self, uint32_t account, uint32_t asset, int64_t amount) noexcept nogil
    cdef uint32_t add(self, uint32_t account, uint32_t asset, int64_t amount) except 0 nogil
    cdef int hold(self, uint32_t item, int64_t amount) except -1 nogil
    cdef int pay(self, uint32_t item, int64_t amount) except -1 nogil
    cdef uint64_t digest(self) noexcept nogil
    cdef int show_all(self) except -1
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1


cdef inline Changed *changed_at(const Array *listed, uint64_t place) noexcept nogil:
    return <Changed *> listed.items + place


cdef inline Balance *balance_at(Balances balances, uint32_t item) noexcept nogil:
    return <Balance *> pool_at(&balances.pool, item)


cdef inline uint32_t tag_of_balance(Balances balances, uint32_t account, uint32_t asset) noexcept nogil:
    return tag_of(&balances.index, account, asset)
