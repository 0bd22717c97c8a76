from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from procs.batcher.encode cimport Buffer
from procs.batcher.spool cimport RINGS
from shm.records cimport (AcceptedRecord, BalanceRecord, CancelledRecord, EventRecord, InstrumentDefinedRecord,
                          ReplacedRecord, TradedRecord)

cdef enum State:
    STATE_UNCHANGED = 0
    STATE_NEW = 1
    STATE_PARTIALLY_FILLED = 2
    STATE_FILLED = 3
    STATE_CANCELED = 4

cdef struct Order:
    uint64_t order_id
    int64_t price_ticks
    int64_t quantity_lots
    int64_t filled_lots
    int64_t remaining_lots
    uint64_t created_ns
    uint64_t updated_ns
    uint64_t seq
    uint32_t account
    uint32_t instrument
    char cl_ord_id[36]
    uint8_t side
    uint8_t ord_type
    uint8_t time_in_force
    uint8_t state
    uint8_t created
    uint8_t priced
    uint8_t renamed

cdef struct BalanceRow:
    uint32_t account
    uint32_t asset
    int64_t free
    int64_t held
    uint64_t seq

cdef struct InstrumentRow:
    char symbol[16]
    uint32_t base_asset
    uint32_t quote_asset
    uint32_t tick_mantissa
    uint32_t lot_mantissa
    uint8_t price_scale
    uint8_t quantity_scale
    uint8_t known

cdef struct AssetRow:
    char name[16]
    uint8_t scale
    uint8_t known

cdef class Batch:
    cdef readonly uint64_t capacity
    cdef readonly uint64_t events
    cdef readonly uint64_t created
    cdef readonly uint64_t changed
    cdef readonly uint64_t trades
    cdef readonly uint64_t balances
    cdef readonly uint64_t complete_seq
    cdef readonly uint64_t first_trade_ns
    cdef readonly uint64_t last_trade_ns
    cdef readonly dict assets_defined
    cdef readonly dict instruments_defined
    cdef readonly dict users_defined
    cdef uint64_t[RINGS] last
    cdef uint64_t[RINGS] last_cause
    cdef Order *orders
    cdef uint64_t order_count
    cdef uint32_t *order_index
    cdef uint64_t index_mask
    cdef BalanceRow *balance_rows
    cdef uint32_t *balance_index
    cdef InstrumentRow *instruments
    cdef AssetRow *asset_rows
    cdef Buffer orders_out
    cdef Buffer changes_out
    cdef Buffer trades_out
    cdef Buffer balances_out
    cdef bytes credential
    cdef int add(self, uint32_t ring, uint64_t first, const char *slots, uint32_t count) except -1 nogil
    cdef int apply(self, uint32_t ring, const EventRecord *event) except -1 nogil
    cdef Order *order(self, uint64_t order_id, const EventRecord *event) noexcept nogil
    cdef int accept(self, const AcceptedRecord *event) except -1 nogil
    cdef int trade(self, uint32_t ring, const TradedRecord *event) except -1 nogil
    cdef void fill(self, uint64_t order_id, int64_t leaves_lots, const TradedRecord *event) noexcept nogil
    cdef void cancel(self, const CancelledRecord *event) noexcept nogil
    cdef void replace(self, const ReplacedRecord *event) noexcept nogil
    cdef void balance(self, const BalanceRecord *event) noexcept nogil
    cdef int define(self, const EventRecord *event) except -1
    cdef InstrumentRow *instrument(self, uint32_t number) except NULL nogil
    cdef AssetRow *asset(self, uint32_t number) except NULL nogil
    cdef int encode_rows(self) except -1 nogil
    cdef int encode_created(self, const Order *order) except -1 nogil
    cdef int encode_changed(self, const Order *order) except -1 nogil
    cdef int encode_trade(self, uint32_t ring, const TradedRecord *event) except -1 nogil
    cdef int encode_balance(self, const BalanceRow *row) except -1 nogil
