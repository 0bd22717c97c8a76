from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    AcceptedRecord, BalanceRecord, CancelledRecord, EventRecord, ExtTermsEventRecord, ReplacedRecord, RestatedRecord,
    TradedRecord, TriggeredRecord,
)
from lockstep.procs.batcher.candles cimport Candles
from lockstep.procs.batcher.encode cimport Buffer
from lockstep.procs.batcher.history cimport History
from lockstep.procs.batcher.listings cimport Listings
from lockstep.procs.batcher.order_rows cimport FurtherTerms, OrderRow
from lockstep.procs.batcher.positions cimport Positions
from lockstep.procs.batcher.spool cimport RINGS

cdef struct BalanceRow:
    uint32_t account
    uint32_t asset
    int64_t free
    int64_t held
    uint64_t seq

cdef class Batch:
    cdef readonly uint64_t capacity
    cdef readonly uint64_t events
    cdef readonly uint64_t created
    cdef readonly uint64_t changed
    cdef readonly uint64_t balances
    cdef readonly uint64_t complete_seq
    cdef readonly uint32_t epoch
    cdef char[16] boot_id
    cdef readonly History history
    cdef readonly Candles candles
    cdef readonly Positions positions
    cdef readonly Listings listings
    cdef readonly dict assets_defined
    cdef readonly dict instruments_defined
    cdef readonly dict users_defined
    cdef uint64_t[RINGS] last
    cdef uint64_t[RINGS] last_cause
    cdef uint64_t[RINGS] last_time_ns
    cdef OrderRow *orders
    cdef uint64_t order_count
    cdef uint32_t *order_index
    cdef uint64_t index_mask
    cdef BalanceRow *balance_rows
    cdef uint32_t *balance_index
    cdef Buffer orders_out
    cdef Buffer changes_out
    cdef Buffer balances_out
    cdef FurtherTerms terms
    cdef char[36] list_name   # of the next order
    cdef bytes credential
    cdef int add(self, uint32_t ring, uint64_t first, const char *slots, uint32_t count) except -1 nogil
    cdef int apply(self, uint32_t ring, const EventRecord *event) except -1 nogil
    cdef OrderRow *order(self, uint64_t order_id, const EventRecord *event) noexcept nogil
    cdef int accept(self, const AcceptedRecord *event) except -1 nogil
    cdef int trade(self, uint32_t ring, const TradedRecord *event) except -1 nogil
    cdef void fill(self, uint64_t order_id, int64_t leaves_lots, const TradedRecord *event) noexcept nogil
    cdef void cancel(self, const CancelledRecord *event) noexcept nogil
    cdef void replace(self, const ReplacedRecord *event) noexcept nogil
    cdef void trigger(self, const TriggeredRecord *event) noexcept nogil
    cdef void restate(self, const RestatedRecord *event) noexcept nogil
    cdef void note_terms(self, const ExtTermsEventRecord *event) noexcept nogil
    cdef void balance(self, const BalanceRecord *event) noexcept nogil
    cdef int define(self, const EventRecord *event) except -1
    cdef int encode_rows(self) except -1 nogil
    cdef int encode_balance(self, const BalanceRow *row) except -1 nogil
