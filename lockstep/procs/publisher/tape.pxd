from libc.stdint cimport int64_t, uint64_t

from lockstep.core.schema.records cimport SYMBOL_SIZE, CorrectedRecord, InstrumentDefinedRecord, TradedRecord
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.publisher.candles cimport Candle, Candles
from lockstep.procs.publisher.text cimport Product, Scale
from lockstep.procs.publisher.trades cimport Aggregate, Trades

# A correction that waits for its place in the log.
cdef struct Mend:
    uint64_t cause
    uint64_t key
    int64_t price_ticks
    int64_t lots
    int64_t new_ticks        # 0: the trade is undone

# What an instrument traded, and how its numbers are written.
cdef struct Tape:
    char symbol[SYMBOL_SIZE + 1]
    Scale price
    Scale quantity
    Product quote
    Candles candles
    Trades trades
    Aggregate current        # the newest aggregate as it was traded
    bint is_open             # fills of the command under way may still join it
    Mend *mends
    uint64_t mend_count
    uint64_t mend_capacity
    uint64_t mended_seq      # the command of the last correction that was carried out

cdef int tape_define(Tape *tape, const InstrumentDefinedRecord *event) except -1
cdef bint tape_ends_aggregate(const Tape *tape, const TradedRecord *event) noexcept nogil
cdef int tape_trade(Tape *tape, int matcher, const TradedRecord *event) except -1 nogil
cdef int tape_correct(Tape *tape, const CorrectedRecord *event) except -1 nogil
cdef bint tape_settle(Tape *tape, uint64_t below) except -1 nogil
cdef void tape_since(const Tape *tape, uint64_t from_ns, Candle *out) noexcept nogil
cdef uint64_t tape_known(const Tape *tape, uint64_t from_ns) noexcept nogil
cdef uint64_t window_open(uint64_t minutes, uint64_t now_ns) noexcept nogil
cdef uint64_t day_open(uint64_t now_ns) noexcept nogil
cdef void tape_day(const Tape *tape, uint64_t now_ns, Candle *out) noexcept nogil
cdef int64_t before_day(const Tape *tape, uint64_t now_ns) noexcept nogil
cdef uint64_t average_open(uint64_t now_ns) noexcept nogil
cdef void tape_average(const Tape *tape, uint64_t now_ns, Candle *out) noexcept nogil
cdef int64_t last_price(const Tape *tape) noexcept nogil
cdef void tape_bare(Tape *tape) noexcept nogil
cdef int tape_save(const Tape *tape, Saver out) except -1
cdef int tape_load(Tape *tape, Loader part) except -1
cdef void tape_free(Tape *tape) noexcept nogil
