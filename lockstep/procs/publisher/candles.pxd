from libc.stdint cimport int64_t, uint64_t

from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.publisher.text cimport uint128
from lockstep.procs.publisher.trades cimport Trade, Trades

cdef enum:
    INTERVALS = 16
    PLACES = 32              # of intervals; from INTERVALS on those that begin by clocks 8 hours ahead of UTC
    SECOND = 0               # places among the intervals of those that others are made of
    MINUTE = 1
    HOUR = 6
    DAY = 12

# What was traded in one interval, which has at least one trade.
cdef struct Candle:
    uint64_t open_ns         # when the interval begins
    int64_t open_ticks
    int64_t high_ticks
    int64_t low_ticks
    int64_t close_ticks
    uint64_t first_key       # of its first trade and its last one: see trades.pxd
    uint64_t last_key
    uint64_t trades
    uint128 lots
    uint128 taker_lots       # bought by the taker
    uint128 quote            # sums of price x quantity, in ticks x lots
    uint128 taker_quote

# The candles of one interval that had a trade, the oldest first. What lies between two of them is flat.
cdef struct Series:
    Candle *items
    uint64_t count
    uint64_t capacity
    uint64_t known_ns        # it has every candle from here on, exactly; 0: since the instrument's first trade
    uint64_t known_key       # the last trade of the last candle that was dropped; 0: none was
    int64_t before_ticks     # the close of the last candle that was dropped; 0: none was

cdef struct Candles:
    Series series[INTERVALS]

cdef int interval_named(str name)
cdef const char *interval_name(int interval) noexcept nogil
cdef uint64_t interval_open(int interval, uint64_t time_ns) noexcept nogil
cdef uint64_t interval_next(int interval, uint64_t open_ns) noexcept nogil
cdef uint64_t zoned_open(int interval, int64_t ahead_ns, uint64_t time_ns) noexcept nogil
cdef uint64_t zoned_next(int interval, int64_t ahead_ns, uint64_t open_ns) noexcept nogil
cdef int zoned_base(int interval, int64_t ahead_ns) noexcept nogil
cdef uint64_t interval_back(int interval, uint64_t open_ns, uint64_t count) noexcept nogil
cdef int candles_add(Candles *candles, const Trade *trade) except -1 nogil
cdef int candles_mend(Candles *candles, const Trades *trades, const Trade *before, int64_t new_ticks) except -1 nogil
cdef uint64_t candle_position(const Series *series, uint64_t time_ns) noexcept nogil
cdef int64_t close_before(const Series *series, uint64_t position) noexcept nogil
cdef void join_between(const Series *series, uint64_t from_ns, uint64_t to_ns, Candle *sum) noexcept nogil
cdef uint64_t key_before(const Series *series, uint64_t time_ns) noexcept nogil
cdef bint candle_at(const Candles *candles, int interval, uint64_t open_ns, Candle *out) noexcept nogil
cdef bint candle_between(const Series *series, uint64_t open_ns, uint64_t next_ns, Candle *out) noexcept nogil
cdef void candles_bare(Candles *candles) noexcept nogil
cdef int candles_save(const Candles *candles, Saver out) except -1
cdef int candles_load(Candles *candles, Loader part) except -1
cdef void candles_free(Candles *candles) noexcept nogil
