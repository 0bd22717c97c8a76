from libc.stdint cimport int64_t, uint64_t

from lockstep.procs.publisher.candles cimport Candle
from lockstep.procs.publisher.tape cimport Tape
from lockstep.procs.publisher.trades cimport Aggregate, Trade

cdef enum:
    FIGURES_SIZE = 3072      # the longest message or element that is written here, with room to spare

# The best prices of a book; 0 where a side is empty.
cdef struct Quote:
    int64_t bid_ticks
    int64_t bid_lots
    int64_t ask_ticks
    int64_t ask_lots

cdef char *write_aggregate_event(char *out, const Tape *tape, const Aggregate *aggregate, uint64_t unit_ns) \
    noexcept nogil
cdef char *write_kline_event(
    char *out, const Tape *tape, int interval, const Candle *candle, uint64_t now_ns, bint is_closed, uint64_t unit_ns,
) noexcept nogil
cdef char *write_day_event(char *out, const Tape *tape, const Quote *quote, uint64_t now_ns, uint64_t unit_ns) \
    noexcept nogil
cdef char *write_mini_event(char *out, const Tape *tape, uint64_t now_ns, uint64_t unit_ns) noexcept nogil
cdef char *write_window_event(
    char *out, const Tape *tape, const char *name, uint64_t open_ns, uint64_t now_ns, uint64_t unit_ns,
) noexcept nogil
cdef char *write_average_event(char *out, const Tape *tape, uint64_t now_ns, uint64_t unit_ns) noexcept nogil
cdef char *write_trade_row(char *out, const Tape *tape, const Trade *trade, uint64_t unit_ns) noexcept nogil
cdef char *write_aggregate_row(char *out, const Tape *tape, const Aggregate *aggregate, uint64_t unit_ns) noexcept nogil
cdef char *write_kline_row(char *out, const Tape *tape, const Candle *candle, uint64_t next_ns, uint64_t unit_ns) \
    noexcept nogil
cdef char *write_day(char *out, const Tape *tape, const Quote *quote, uint64_t now_ns) noexcept nogil
cdef char *write_mini_day(char *out, const Tape *tape, uint64_t now_ns) noexcept nogil
cdef char *write_window(
    char *out, const Tape *tape, const Candle *sum, uint64_t open_ns, uint64_t close_ns, bint is_full,
) noexcept nogil
cdef char *write_average(char *out, const Tape *tape, uint64_t now_ns) noexcept nogil
