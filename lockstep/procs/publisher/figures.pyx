"""What an instrument traded, as text: the messages of streams and the answers to queries, in Binance's words.

Each function writes one message or one element, from a tape alone and from the time that it is told. It keeps nothing.
"""

from libc.stdint cimport int64_t, uint64_t

from lockstep.core.schema.digits cimport put_uint
from lockstep.procs.publisher.candles cimport Candle, interval_name, interval_next
from lockstep.procs.publisher.tape cimport Tape, before_day, tape_average, tape_day, tape_since
from lockstep.procs.publisher.text cimport Product, Scale, put, uint128, write_decimal, write_signed, write_units
from lockstep.procs.publisher.trades cimport Aggregate, Trade, number_of

cdef enum:
    PERCENT = 100_000        # of 100 %: three decimals
    NS_PER_MS = 1_000_000


cdef inline char *write_lots(char *out, uint128 lots, const Scale *scale) noexcept nogil:
    return write_units(out, lots * scale.factor, scale.decimals)


cdef inline char *write_quote(char *out, uint128 amount, const Product *product) noexcept nogil:
    return write_units(out, amount * product.factor, product.decimals)


cdef inline char *write_bool(char *out, bint value) noexcept nogil:
    return put(out, b"true" if value else b"false")


cdef char *write_id(char *out, const Candle *sum, uint64_t key) noexcept nogil:
    """The id of a sum's first or last trade; -1 if it has none."""
    return put_uint(out, number_of(key)) if sum.trades else put(out, b"-1")


cdef char *write_average_price(char *out, const Tape *tape, const Candle *sum) noexcept nogil:
    """The average price of a sum by volume, rounded down; where nothing was traded, the price that it stands at."""
    cdef uint128 whole, rest
    if sum.lots == 0:
        return write_decimal(out, sum.close_ticks, &tape.price)
    whole = sum.quote // sum.lots
    rest = sum.quote % sum.lots
    return write_units(out, whole * tape.price.factor + rest * tape.price.factor // sum.lots, tape.price.decimals)


cdef char *write_percent(char *out, const Candle *sum) noexcept nogil:
    """By how much the price changed, in percent with three decimals, rounded to the nearest."""
    cdef int64_t change = sum.close_ticks - sum.open_ticks
    cdef uint128 size = <uint128> (change if change > 0 else -change)
    cdef uint128 opened = <uint128> sum.open_ticks
    cdef uint128 parts = (2 * size * PERCENT + opened) // (2 * opened) if opened else 0
    cdef char *end
    if change >= 0 or parts == 0:
        return write_units(out, parts, 3)
    end = write_units(out + 1, parts, 3)
    out[0] = c'"'
    out[1] = c"-"
    return end


cdef char *write_head(char *out, const Tape *tape, const char *head, uint64_t time) noexcept nogil:
    out = put_uint(put(out, head), time)
    return put(put(put(out, b',"s":"'), tape.symbol), b'"')


cdef char *write_price(char *out, const char *name, int64_t ticks, const Tape *tape) noexcept nogil:
    return write_decimal(put(out, name), ticks, &tape.price)


cdef char *write_aggregate_event(char *out, const Tape *tape, const Aggregate *aggregate, uint64_t unit_ns) \
        noexcept nogil:
    out = write_head(out, tape, b'{"e":"aggTrade","E":', aggregate.time_ns // unit_ns)
    out = put_uint(put(out, b',"a":'), number_of(aggregate.first_key))
    out = write_price(out, b',"p":', aggregate.price_ticks, tape)
    out = write_decimal(put(out, b',"q":'), aggregate.lots, &tape.quantity)
    out = put_uint(put(out, b',"f":'), number_of(aggregate.first_key))
    out = put_uint(put(out, b',"l":'), number_of(aggregate.last_key))
    out = put_uint(put(out, b',"T":'), aggregate.time_ns // unit_ns)
    out = write_bool(put(out, b',"m":'), not aggregate.taker_buys)
    return put(out, b',"M":true}')


cdef char *write_kline_event(
    char *out, const Tape *tape, int interval, const Candle *candle, uint64_t now_ns, bint is_closed, uint64_t unit_ns,
) noexcept nogil:
    out = write_head(out, tape, b'{"e":"kline","E":', now_ns // unit_ns)
    out = put_uint(put(out, b',"k":{"t":'), candle.open_ns // unit_ns)
    out = put_uint(put(out, b',"T":'), interval_next(interval, candle.open_ns) // unit_ns - 1)
    out = put(put(put(out, b',"s":"'), tape.symbol), b'","i":"')
    out = write_id(put(put(out, interval_name(interval)), b'","f":'), candle, candle.first_key)
    out = write_id(put(out, b',"L":'), candle, candle.last_key)
    out = write_price(out, b',"o":', candle.open_ticks, tape)
    out = write_price(out, b',"c":', candle.close_ticks, tape)
    out = write_price(out, b',"h":', candle.high_ticks, tape)
    out = write_price(out, b',"l":', candle.low_ticks, tape)
    out = write_lots(put(out, b',"v":'), candle.lots, &tape.quantity)
    out = put_uint(put(out, b',"n":'), candle.trades)
    out = write_bool(put(out, b',"x":'), is_closed)
    out = write_quote(put(out, b',"q":'), candle.quote, &tape.quote)
    out = write_lots(put(out, b',"V":'), candle.taker_lots, &tape.quantity)
    out = write_quote(put(out, b',"Q":'), candle.taker_quote, &tape.quote)
    return put(out, b',"B":"0"}}')


cdef int64_t last_lots(const Tape *tape) noexcept nogil:
    return tape.trades.items[tape.trades.count - 1].lots if tape.trades.count else 0


cdef char *write_extremes(char *out, const Tape *tape, const Candle *sum) noexcept nogil:
    out = write_price(out, b',"o":', sum.open_ticks, tape)
    out = write_price(out, b',"h":', sum.high_ticks, tape)
    return write_price(out, b',"l":', sum.low_ticks, tape)


cdef char *write_sums(char *out, const Tape *tape, const Candle *sum, uint64_t now_ns, uint64_t unit_ns) noexcept nogil:
    """The fields that the messages of all statistics end with."""
    out = write_lots(put(out, b',"v":'), sum.lots, &tape.quantity)
    out = write_quote(put(out, b',"q":'), sum.quote, &tape.quote)
    out = put_uint(put(out, b',"O":'), sum.open_ns // unit_ns)
    out = put_uint(put(out, b',"C":'), now_ns // unit_ns)
    out = write_id(put(out, b',"F":'), sum, sum.first_key)
    out = write_id(put(out, b',"L":'), sum, sum.last_key)
    return put(put_uint(put(out, b',"n":'), sum.trades), b"}")


cdef char *write_day_event(char *out, const Tape *tape, const Quote *quote, uint64_t now_ns, uint64_t unit_ns) \
        noexcept nogil:
    cdef Candle day
    tape_day(tape, now_ns, &day)
    out = write_head(out, tape, b'{"e":"24hrTicker","E":', now_ns // unit_ns)
    out = write_signed(put(out, b',"p":'), day.close_ticks - day.open_ticks, &tape.price)
    out = write_percent(put(out, b',"P":'), &day)
    out = write_average_price(put(out, b',"w":'), tape, &day)
    out = write_price(out, b',"x":', before_day(tape, now_ns), tape)
    out = write_price(out, b',"c":', day.close_ticks, tape)
    out = write_decimal(put(out, b',"Q":'), last_lots(tape), &tape.quantity)
    out = write_price(out, b',"b":', quote.bid_ticks, tape)
    out = write_decimal(put(out, b',"B":'), quote.bid_lots, &tape.quantity)
    out = write_price(out, b',"a":', quote.ask_ticks, tape)
    out = write_decimal(put(out, b',"A":'), quote.ask_lots, &tape.quantity)
    return write_sums(write_extremes(out, tape, &day), tape, &day, now_ns, unit_ns)


cdef char *write_window_event(
    char *out, const Tape *tape, const char *name, uint64_t open_ns, uint64_t now_ns, uint64_t unit_ns,
) noexcept nogil:
    """The statistics of a window that is called so and began then."""
    cdef Candle sum
    tape_since(tape, open_ns, &sum)
    out = put(put(put(out, b'{"e":"'), name), b'Ticker"')
    out = write_head(out, tape, b',"E":', now_ns // unit_ns)
    out = write_signed(put(out, b',"p":'), sum.close_ticks - sum.open_ticks, &tape.price)
    out = write_extremes(write_percent(put(out, b',"P":'), &sum), tape, &sum)
    out = write_price(out, b',"c":', sum.close_ticks, tape)
    out = write_average_price(put(out, b',"w":'), tape, &sum)
    return write_sums(out, tape, &sum, now_ns, unit_ns)


cdef char *write_mini_event(char *out, const Tape *tape, uint64_t now_ns, uint64_t unit_ns) noexcept nogil:
    cdef Candle day
    tape_day(tape, now_ns, &day)
    out = write_head(out, tape, b'{"e":"24hrMiniTicker","E":', now_ns // unit_ns)
    out = write_price(out, b',"c":', day.close_ticks, tape)
    out = write_extremes(out, tape, &day)
    out = write_lots(put(out, b',"v":'), day.lots, &tape.quantity)
    return put(write_quote(put(out, b',"q":'), day.quote, &tape.quote), b"}")


cdef uint64_t last_time(const Tape *tape) noexcept nogil:
    return tape.trades.items[tape.trades.count - 1].time_ns if tape.trades.count else 0


cdef char *write_average_event(char *out, const Tape *tape, uint64_t now_ns, uint64_t unit_ns) noexcept nogil:
    cdef Candle sum
    tape_average(tape, now_ns, &sum)
    out = write_head(out, tape, b'{"e":"avgPrice","E":', now_ns // unit_ns)
    out = write_average_price(put(out, b',"i":"5m","w":'), tape, &sum)
    return put(put_uint(put(out, b',"T":'), last_time(tape) // unit_ns), b"}")


cdef char *write_trade_row(char *out, const Tape *tape, const Trade *trade, uint64_t unit_ns) noexcept nogil:
    out = put_uint(put(out, b'{"id":'), number_of(trade.key))
    out = write_price(out, b',"price":', trade.price_ticks, tape)
    out = write_decimal(put(out, b',"qty":'), trade.lots, &tape.quantity)
    out = write_quote(put(out, b',"quoteQty":'), <uint128> trade.lots * <uint128> trade.price_ticks, &tape.quote)
    out = put_uint(put(out, b',"time":'), trade.time_ns // unit_ns)
    out = write_bool(put(out, b',"isBuyerMaker":'), not trade.taker_buys)
    return put(out, b',"isBestMatch":true}')


cdef char *write_aggregate_row(char *out, const Tape *tape, const Aggregate *aggregate, uint64_t unit_ns) \
        noexcept nogil:
    out = put_uint(put(out, b'{"a":'), number_of(aggregate.first_key))
    out = write_price(out, b',"p":', aggregate.price_ticks, tape)
    out = write_decimal(put(out, b',"q":'), aggregate.lots, &tape.quantity)
    out = put_uint(put(out, b',"f":'), number_of(aggregate.first_key))
    out = put_uint(put(out, b',"l":'), number_of(aggregate.last_key))
    out = put_uint(put(out, b',"T":'), aggregate.time_ns // unit_ns)
    out = write_bool(put(out, b',"m":'), not aggregate.taker_buys)
    return put(out, b',"M":true}')


cdef char *write_kline_row(char *out, const Tape *tape, const Candle *candle, uint64_t next_ns, uint64_t unit_ns) \
        noexcept nogil:
    out = put_uint(put(out, b"["), candle.open_ns // unit_ns)
    out = write_price(out, b",", candle.open_ticks, tape)
    out = write_price(out, b",", candle.high_ticks, tape)
    out = write_price(out, b",", candle.low_ticks, tape)
    out = write_price(out, b",", candle.close_ticks, tape)
    out = write_lots(put(out, b","), candle.lots, &tape.quantity)
    out = put_uint(put(out, b","), next_ns // unit_ns - 1)
    out = write_quote(put(out, b","), candle.quote, &tape.quote)
    out = put_uint(put(out, b","), candle.trades)
    out = write_lots(put(out, b","), candle.taker_lots, &tape.quantity)
    out = write_quote(put(out, b","), candle.taker_quote, &tape.quote)
    return put(out, b',"0"]')


cdef char *write_range(char *out, const Tape *tape, const Candle *sum) noexcept nogil:
    out = write_price(out, b',"openPrice":', sum.open_ticks, tape)
    out = write_price(out, b',"highPrice":', sum.high_ticks, tape)
    return write_price(out, b',"lowPrice":', sum.low_ticks, tape)


cdef char *write_volumes(char *out, const Tape *tape, const Candle *sum, uint64_t open_ns, uint64_t close_ns) \
        noexcept nogil:
    """The fields that all statistics end with."""
    out = write_lots(put(out, b',"volume":'), sum.lots, &tape.quantity)
    out = write_quote(put(out, b',"quoteVolume":'), sum.quote, &tape.quote)
    out = put_uint(put(out, b',"openTime":'), open_ns // NS_PER_MS)
    out = put_uint(put(out, b',"closeTime":'), close_ns // NS_PER_MS)
    out = write_id(put(out, b',"firstId":'), sum, sum.first_key)
    out = write_id(put(out, b',"lastId":'), sum, sum.last_key)
    return put(put_uint(put(out, b',"count":'), sum.trades), b"}")


cdef char *write_day_end(char *out, const Tape *tape, const Candle *day, uint64_t now_ns) noexcept nogil:
    """The fields that both forms of the day's statistics end with."""
    return write_volumes(write_range(out, tape, day), tape, day, day.open_ns, now_ns)


cdef char *write_window(
    char *out, const Tape *tape, const Candle *sum, uint64_t open_ns, uint64_t close_ns, bint is_full,
) noexcept nogil:
    """Statistics of a window; the small form has no change and no average."""
    out = put(put(put(out, b'{"symbol":"'), tape.symbol), b'"')
    if is_full:
        out = write_signed(put(out, b',"priceChange":'), sum.close_ticks - sum.open_ticks, &tape.price)
        out = write_percent(put(out, b',"priceChangePercent":'), sum)
        out = write_average_price(put(out, b',"weightedAvgPrice":'), tape, sum)
    out = write_range(out, tape, sum)
    out = write_price(out, b',"lastPrice":', sum.close_ticks, tape)
    return write_volumes(out, tape, sum, open_ns, close_ns)


cdef char *write_day(char *out, const Tape *tape, const Quote *quote, uint64_t now_ns) noexcept nogil:
    cdef Candle day
    tape_day(tape, now_ns, &day)
    out = put(put(put(out, b'{"symbol":"'), tape.symbol), b'"')
    out = write_signed(put(out, b',"priceChange":'), day.close_ticks - day.open_ticks, &tape.price)
    out = write_percent(put(out, b',"priceChangePercent":'), &day)
    out = write_average_price(put(out, b',"weightedAvgPrice":'), tape, &day)
    out = write_price(out, b',"prevClosePrice":', before_day(tape, now_ns), tape)
    out = write_price(out, b',"lastPrice":', day.close_ticks, tape)
    out = write_decimal(put(out, b',"lastQty":'), last_lots(tape), &tape.quantity)
    out = write_price(out, b',"bidPrice":', quote.bid_ticks, tape)
    out = write_decimal(put(out, b',"bidQty":'), quote.bid_lots, &tape.quantity)
    out = write_price(out, b',"askPrice":', quote.ask_ticks, tape)
    out = write_decimal(put(out, b',"askQty":'), quote.ask_lots, &tape.quantity)
    return write_day_end(out, tape, &day, now_ns)


cdef char *write_mini_day(char *out, const Tape *tape, uint64_t now_ns) noexcept nogil:
    cdef Candle day
    tape_day(tape, now_ns, &day)
    out = put(put(put(out, b'{"symbol":"'), tape.symbol), b'"')
    out = write_price(out, b',"lastPrice":', day.close_ticks, tape)
    return write_day_end(out, tape, &day, now_ns)


cdef char *write_average(char *out, const Tape *tape, uint64_t now_ns) noexcept nogil:
    cdef Candle sum
    tape_average(tape, now_ns, &sum)
    out = write_average_price(put(out, b'{"mins":5,"price":'), tape, &sum)
    return put(put_uint(put(out, b',"closeTime":'), last_time(tape) // NS_PER_MS), b"}")
