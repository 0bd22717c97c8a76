from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from procs.router.ids cimport ClientIds
from procs.router.orders cimport OpenOrders, Order
from procs.tables.index cimport Index, tag_of
from procs.tables.pool cimport Pool, pool_at
from shm.records cimport (
    CancelledRecord, EventRecord, InstrumentRecord, NewOrderRecord, RejectedRecord, ReplacedRecord, ReplaceRecord,
    TradedRecord,
)

cdef extern from *:
    ctypedef long long int128 "__int128"

cdef enum:
    MAX_ASSETS = 4096
    MAX_INSTRUMENTS = 4096
    MAX_ACCOUNTS = 65535

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

cdef struct Listing:
    InstrumentRecord terms
    int64_t last_price_ticks   # of the last settled trade; 0 before any

cdef struct Changed:
    uint64_t key               # account, then asset: what lists are sorted by
    uint32_t item

cdef struct Items:
    Changed *items
    uint64_t count
    uint64_t capacity

cdef class Ledger:
    cdef readonly ClientIds ids
    cdef readonly OpenOrders orders
    cdef Pool pool
    cdef Index index
    cdef Listing *listings
    cdef int64_t *supply
    cdef uint32_t asset_count
    cdef uint32_t instrument_count
    cdef uint32_t account_count
    cdef Items changed
    cdef Items unshown
    cdef uint32_t find(self, uint32_t account, uint32_t asset) noexcept nogil
    cdef uint32_t entry(self, uint32_t account, uint32_t asset) except 0 nogil
    cdef uint64_t take_changed(self, Balance *out, uint64_t limit, uint64_t after) noexcept nogil
    cdef int touch(self, uint32_t item) except -1 nogil
    cdef uint16_t can_deposit(self, uint32_t asset, int64_t amount) noexcept nogil
    cdef uint32_t deposit(self, uint32_t account, uint32_t asset, int64_t amount) except 0 nogil
    cdef uint16_t can_open(self, const NewOrderRecord *order, uint32_t *payer) noexcept nogil
    cdef int open(self, const NewOrderRecord *order, uint32_t payer, uint32_t tag) except -1 nogil
    cdef uint16_t can_replace(self, uint32_t item, const ReplaceRecord *replace) noexcept nogil
    cdef int begin_replace(self, uint32_t item, const ReplaceRecord *replace, uint32_t tag) except -1 nogil
    cdef void expect(self, const EventRecord *event) noexcept nogil
    cdef void expect_order(self, const EventRecord *event) noexcept nogil
    cdef int apply(self, const EventRecord *event) except -1 nogil
    cdef int traded(self, const TradedRecord *event) except -1 nogil
    cdef int filled(
        self, uint32_t item, int64_t quantity, int64_t leaves, int64_t paid, int64_t received, int64_t fee
    ) except -1 nogil
    cdef int cancelled(self, const CancelledRecord *event) except -1 nogil
    cdef int replaced(self, const ReplacedRecord *event) except -1 nogil
    cdef int rejected(self, const RejectedRecord *event) except -1 nogil
    cdef int end_replace(self, uint32_t item, uint64_t seq, int64_t held, bint refused) except -1 nogil
    cdef int release(self, const Order *order, int64_t held, int64_t hold, int64_t paid) except -1 nogil
    cdef int close(self, uint32_t item) except -1 nogil
    cdef int64_t reserve(self, const Order *order) noexcept nogil
    cdef uint32_t pays_with(self, const Order *order) noexcept nogil
    cdef uint64_t state_hash(self) noexcept nogil


cdef inline Balance *balance_at(Ledger ledger, uint32_t item) noexcept nogil:
    return <Balance *> pool_at(&ledger.pool, item)


cdef inline uint32_t tag_of_balance(Ledger ledger, uint32_t account, uint32_t asset) noexcept nogil:
    return tag_of(&ledger.index, account, asset)
