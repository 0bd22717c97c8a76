"""What the streams of an instrument say: the payload of each one's latest message, and what queries are answered with.

It chooses what is written and by whom (`messages`, `figures`), and changes no market. Times are those of the log, in
milliseconds or, of a kind above MICROSECONDS, in microseconds.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint64_t

from lockstep.procs.publisher.book cimport ASKS, BIDS
from lockstep.procs.publisher.candles cimport Candle, candle_at, interval_next, interval_open
from lockstep.procs.publisher.figures cimport (
    FIGURES_SIZE, Quote, write_aggregate_event, write_average_event, write_day_event, write_kline_event,
    write_mini_event, write_window_event,
)
from lockstep.procs.publisher.kinds cimport (
    ALL_LEVELS, CADENCE_KINDS, KIND_AGG_TRADE, KIND_ALL_MINI_TICKER, KIND_ALL_TICKER, KIND_ALL_TICKER_1H, KIND_AUCTION,
    KIND_AVG_PRICE, KIND_BOOK_5, KIND_BOOK_TICKER, KIND_CORRECTION, KIND_DEPTH_100, KIND_DEPTH_1000, KIND_KLINE,
    KIND_MINI_TICKER, KIND_PARTIAL_5_1000, KIND_PHASE, KIND_TICKER, KIND_TICKER_1H, KIND_TRADE, MICROSECONDS, WINDOWS,
    depth_of,
)
from lockstep.procs.publisher.market cimport Market, market_quote, market_time
from lockstep.procs.publisher.messages cimport (
    HEAD_SIZE, LEVEL_SIZE, diff_rest, write_auction, write_correction, write_diff_head, write_partial, write_phase,
    write_state, write_ticker, write_trade,
)
from lockstep.procs.publisher.tape cimport last_price, window_open
from lockstep.procs.publisher.text cimport Text, put, text_append, text_reserve, write_decimal

cdef enum:
    NS_PER_US = 1000
    NS_PER_MS = 1_000_000

cdef uint64_t[WINDOWS] WINDOW_MINUTES = [60, 240, 1440]
cdef const char *WINDOW_NAMES[WINDOWS]
WINDOW_NAMES[:] = [b"1h", b"4h", b"1d"]


cdef int write_latest(Market *market, int kind, Text *out) except -1 nogil:
    """Append the payload of a stream's latest message to `out`. Returns 0 if there is none, or none yet because the
    book is in the middle of a command. Events and differences are those published last, all else is the book now."""
    cdef int index
    cdef bint in_us = kind >= MICROSECONDS
    kind %= MICROSECONDS
    if kind >= KIND_TICKER:
        return write_figures(market, kind, NS_PER_US if in_us else NS_PER_MS, out)
    if kind == KIND_TRADE or kind >= KIND_PHASE:
        return write_event(market, kind, NS_PER_US if in_us else NS_PER_MS, out)
    if kind == KIND_DEPTH_1000 or kind == KIND_DEPTH_100:
        return write_last_diff(market, kind - KIND_DEPTH_1000, in_us, out)
    if market.levels.under_way:
        return 0
    text_reserve(out, HEAD_SIZE + 2 * depth_of(ALL_LEVELS - 1) * LEVEL_SIZE)
    if kind == KIND_BOOK_TICKER:
        out.size = write_ticker(out.data + out.size, &market.levels, &market.tape) - out.data
    elif kind < KIND_PARTIAL_5_1000:
        index = kind - KIND_BOOK_5
        out.data[out.size] = c"["
        out.size = write_state(
            out.data + out.size + 1, &market.levels, &market.tape, depth_of(index)
        ) - out.data
        out.data[out.size] = c"]"
        out.size += 1
    else:
        index = (kind - KIND_PARTIAL_5_1000) % CADENCE_KINDS
        out.size = write_partial(out.data + out.size, &market.levels, &market.tape, depth_of(index)) - out.data
    return 1


cdef int write_last_diff(Market *market, int cadence, bint in_us, Text *out) except -1 nogil:
    """Append the last difference; 0 if there was none. Its levels are those of then: only its time is written again."""
    cdef const Text *last = &market.last_diff[cadence]
    cdef size_t rest = 0
    if in_us and last.size:
        rest = diff_rest(last.data)
        text_reserve(out, HEAD_SIZE)
        out.size = write_diff_head(out.data + out.size, market.last_diff_ns[cadence] // NS_PER_US) - out.data
    text_append(out, last.data + rest, last.size - rest)
    return last.size > 0


cdef int write_event(Market *market, int kind, uint64_t unit_ns, Text *out) except -1 nogil:
    """Append the last event of a kind; 0 if there was none. An instrument begins in CONTINUOUS, no auction runs."""
    if not market.has_trade if kind == KIND_TRADE or kind == KIND_AGG_TRADE else (
        kind == KIND_CORRECTION and not market.has_correction
    ):
        return 0
    text_reserve(out, max(<int> HEAD_SIZE, <int> FIGURES_SIZE))
    if kind == KIND_TRADE:
        out.size = write_trade(out.data + out.size, &market.tape, &market.last_trade, unit_ns) - out.data
    elif kind == KIND_AGG_TRADE:
        out.size = write_aggregate_event(out.data + out.size, &market.tape, &market.tape.current, unit_ns) - out.data
    elif kind == KIND_PHASE:
        out.size = write_phase(out.data + out.size, &market.tape, &market.last_phase, unit_ns) - out.data
    elif kind == KIND_AUCTION:
        out.size = write_auction(out.data + out.size, &market.tape, &market.indicative, unit_ns) - out.data
    else:
        out.size = write_correction(out.data + out.size, &market.tape, &market.last_correction, unit_ns) - out.data
    return 1


cdef int write_figures(const Market *market, int kind, uint64_t unit_ns, Text *out) except -1 nogil:
    """Append what is made of trades; 0 if there is nothing to tell, since nothing was ever traded.

    A candle is the one that `told_ns` says, where that has ended; else the one that is under way.
    """
    cdef uint64_t now_ns = market_time(market)
    cdef Quote quote = market_quote(market)
    cdef int interval = kind - KIND_KLINE
    cdef int window
    cdef uint64_t open_ns
    cdef Candle candle
    text_reserve(out, FIGURES_SIZE)
    if kind >= KIND_KLINE:
        open_ns = market.told_ns[interval] or interval_open(interval, now_ns)
        if not candle_at(&market.tape.candles, interval, open_ns, &candle):
            return 0
        out.size = write_kline_event(
            out.data + out.size, &market.tape, interval, &candle, now_ns,
            interval_next(interval, open_ns) <= now_ns, unit_ns,
        ) - out.data
    elif kind == KIND_AVG_PRICE:
        out.size = write_average_event(out.data + out.size, &market.tape, now_ns, unit_ns) - out.data
    elif kind == KIND_TICKER or kind == KIND_ALL_TICKER:
        out.size = write_day_event(out.data + out.size, &market.tape, &quote, now_ns, unit_ns) - out.data
    elif kind == KIND_MINI_TICKER or kind == KIND_ALL_MINI_TICKER:
        out.size = write_mini_event(out.data + out.size, &market.tape, now_ns, unit_ns) - out.data
    else:
        window = kind - (KIND_ALL_TICKER_1H if kind >= KIND_ALL_TICKER_1H else KIND_TICKER_1H)
        open_ns = window_begin(window, now_ns)
        out.size = write_window_event(
            out.data + out.size, &market.tape, WINDOW_NAMES[window], open_ns, now_ns, unit_ns
        ) - out.data
    return 1


cdef int write_depth(const Market *market, uint64_t limit, Text *out) except -1 nogil:
    """Append the best `limit` levels, as a query has them; 0 if the book is in the middle of a command."""
    cdef uint64_t levels
    if market.levels.under_way:
        return 0
    levels = min(limit, market.levels.sides[BIDS].count) + min(limit, market.levels.sides[ASKS].count)
    text_reserve(out, HEAD_SIZE + levels * LEVEL_SIZE)
    out.size = write_partial(out.data + out.size, &market.levels, &market.tape, limit) - out.data
    return 1


cdef char *write_price_row(char *out, const Market *market) noexcept nogil:
    """The last price, as a query has it."""
    out = put(put(put(out, b'{"symbol":"'), market.tape.symbol), b'","price":')
    return put(write_decimal(out, last_price(&market.tape), &market.tape.price), b"}")


cdef char *write_best_row(char *out, const Market *market) noexcept nogil:
    """The best prices, as a query has them."""
    cdef Quote quote = market_quote(market)
    out = put(put(put(out, b'{"symbol":"'), market.tape.symbol), b'","bidPrice":')
    out = write_decimal(out, quote.bid_ticks, &market.tape.price)
    out = write_decimal(put(out, b',"bidQty":'), quote.bid_lots, &market.tape.quantity)
    out = write_decimal(put(out, b',"askPrice":'), quote.ask_ticks, &market.tape.price)
    out = write_decimal(put(out, b',"askQty":'), quote.ask_lots, &market.tape.quantity)
    return put(out, b"}")


cdef uint64_t window_begin(int window, uint64_t now_ns) noexcept nogil:
    """When the window of KIND_TICKER_1H, _4H or _1D begins that ends now."""
    return window_open(WINDOW_MINUTES[window], now_ns)
