"""What one instrument traded: its last trades, its candles, and the sums of the last day and of the last minutes.

It takes trades and corrections as events and gives them to `trades` and `candles`; it writes no text, and has no
clock.

A correction comes by the router's ring, perhaps before the trade that it is about, or before later ones, have come by
the matcher's. So it waits until the instrument has had all of the commands before it: what it does depends on the log,
and on no ring's pace.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove, memset

from lockstep.core.schema.records cimport SIDE_BUY, SYMBOL_SIZE, CorrectedRecord, InstrumentDefinedRecord, TradedRecord
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.publisher.candles cimport (
    HOUR, MINUTE, SECOND, Candle, Series, candle_position, candles_add, candles_bare, candles_free, candles_load,
    candles_mend, candles_save, close_before, interval_open, join_between,
)
from lockstep.procs.publisher.text cimport set_product, set_scale
from lockstep.procs.publisher.trades cimport (
    Trade, key_of_trade, trades_add, trades_bare, trades_find, trades_free, trades_load, trades_remove,
    trades_save,
)

cdef uint64_t NS = 1_000_000_000
cdef uint64_t MINUTES_OF_DAY = 1440
cdef uint64_t AVERAGE_SECONDS = 300


cdef int tape_define(Tape *tape, const InstrumentDefinedRecord *event) except -1:
    """Take a definition. ValueError for what can't be shown."""
    memcpy(tape.symbol, event.symbol, SYMBOL_SIZE)
    tape.symbol[SYMBOL_SIZE] = 0
    set_scale(&tape.price, event.tick_mantissa, event.price_scale)
    set_scale(&tape.quantity, event.lot_mantissa, event.quantity_scale)
    return set_product(
        &tape.quote, event.tick_mantissa, event.price_scale, event.lot_mantissa, event.quantity_scale
    )


cdef Trade trade_of(int matcher, const TradedRecord *event) noexcept nogil:
    cdef Trade trade
    trade.key = key_of_trade(matcher, event.number)
    trade.cause = event.cause
    trade.taker_order_id = event.taker_order_id
    trade.time_ns = event.time_ns
    trade.price_ticks = event.price_ticks
    trade.lots = event.quantity_lots
    trade.taker_buys = event.taker_side == SIDE_BUY
    return trade


cdef bint tape_ends_aggregate(const Tape *tape, const TradedRecord *event) noexcept nogil:
    """Whether a trade that comes next is of another aggregate than the one that is open."""
    cdef const Trade *last = &tape.trades.items[tape.trades.count - 1]
    return tape.is_open and (
        last.taker_order_id != event.taker_order_id or last.price_ticks != event.price_ticks
        or last.cause != event.cause
    )


cdef int tape_trade(Tape *tape, int matcher, const TradedRecord *event) except -1 nogil:
    """Add the newest trade. An aggregate that it does not join must have been closed."""
    cdef Trade trade = trade_of(matcher, event)
    trades_add(&tape.trades, &trade)
    candles_add(&tape.candles, &trade)
    if not tape.is_open:
        memset(&tape.current, 0, sizeof(tape.current))
        tape.current.first_key = trade.key
    tape.current.last_key = trade.key
    tape.current.time_ns = trade.time_ns
    tape.current.price_ticks = trade.price_ticks
    tape.current.lots += trade.lots
    tape.current.taker_buys = trade.taker_buys
    tape.is_open = True
    return 0


cdef int tape_correct(Tape *tape, const CorrectedRecord *event) except -1 nogil:
    """Note a correction, until `tape_settle`."""
    cdef uint64_t capacity = tape.mend_capacity * 2 if tape.mend_capacity else 4
    cdef Mend *mends
    if tape.mend_count == tape.mend_capacity:
        mends = <Mend *> realloc(tape.mends, capacity * sizeof(Mend))
        if mends == NULL:
            with gil:
                raise MemoryError("no memory for an instrument's corrections")
        tape.mends = mends
        tape.mend_capacity = capacity
    tape.mends[tape.mend_count].cause = event.cause
    tape.mends[tape.mend_count].key = key_of_trade(event.matcher, event.trade_id)
    tape.mends[tape.mend_count].price_ticks = event.price_ticks
    tape.mends[tape.mend_count].lots = event.quantity_lots
    tape.mends[tape.mend_count].new_ticks = event.new_price_ticks
    tape.mend_count += 1
    return 0


cdef int mend(Tape *tape, const Mend *correction) except -1 nogil:
    cdef Trade *found = trades_find(&tape.trades, correction.key)
    cdef Trade before
    tape.mended_seq = correction.cause
    memset(&before, 0, sizeof(before))
    before.key = correction.key
    before.price_ticks = correction.price_ticks
    before.lots = correction.lots
    if found != NULL:
        before = found[0]
        if correction.new_ticks:
            found.price_ticks = correction.new_ticks
        else:
            trades_remove(&tape.trades, found)
    return candles_mend(&tape.candles, &tape.trades, &before, correction.new_ticks)


cdef bint tape_settle(Tape *tape, uint64_t below) except -1 nogil:
    """The instrument has had all events of the commands before `below`: carry out their corrections. Were there any?"""
    cdef uint64_t done = 0
    while done < tape.mend_count and tape.mends[done].cause < below:
        mend(tape, &tape.mends[done])
        done += 1
    tape.mend_count -= done
    memmove(tape.mends, tape.mends + done, tape.mend_count * sizeof(Mend))
    return done > 0


cdef void flatten(Candle *sum, int64_t close_ticks) noexcept nogil:
    """Where nothing was traded, prices are what they were before."""
    if sum.trades == 0:
        sum.open_ticks = sum.high_ticks = sum.low_ticks = sum.close_ticks = close_ticks


cdef uint64_t day_open(uint64_t now_ns) noexcept nogil:
    """When the window of 24 hours begins: it ends with the minute that `now_ns` lies in."""
    cdef uint64_t minute = now_ns // (60 * NS)
    return (minute + 1 - min(minute + 1, MINUTES_OF_DAY)) * 60 * NS


cdef uint64_t window_open(uint64_t minutes, uint64_t now_ns) noexcept nogil:
    """When a window begins that is so many minutes long, and up to one more: it begins with a minute."""
    cdef uint64_t minute = now_ns // (60 * NS)
    return (minute - min(minute, minutes)) * 60 * NS


cdef uint64_t first_hour(uint64_t from_ns) noexcept nogil:
    """The first beginning of an hour from a time on."""
    return interval_open(HOUR, from_ns + 3600 * NS - 1)


cdef void tape_since(const Tape *tape, uint64_t from_ns, Candle *out) noexcept nogil:
    """Sum up all since a minute began: what is left of its hour by minutes, the rest by hours."""
    cdef uint64_t hour_ns = first_hour(from_ns)
    cdef const Series *minutes = &tape.candles.series[MINUTE]
    memset(out, 0, sizeof(Candle))
    out.open_ns = from_ns
    join_between(minutes, from_ns, hour_ns, out)
    join_between(&tape.candles.series[HOUR], hour_ns, ~(<uint64_t> 0), out)
    flatten(out, close_before(minutes, candle_position(minutes, from_ns)))


cdef uint64_t tape_known(const Tape *tape, uint64_t from_ns) noexcept nogil:
    """From when on `tape_since` knows all exactly: `from_ns`, or a later hour; perhaps one that has not begun."""
    cdef uint64_t hour_ns = first_hour(from_ns)
    if tape.candles.series[HOUR].known_ns > hour_ns:
        return tape.candles.series[HOUR].known_ns
    return from_ns if tape.candles.series[MINUTE].known_ns <= from_ns or hour_ns == from_ns else hour_ns


cdef void tape_day(const Tape *tape, uint64_t now_ns, Candle *out) noexcept nogil:
    """Sum up the last 1,440 minutes."""
    tape_since(tape, day_open(now_ns), out)


cdef int64_t before_day(const Tape *tape, uint64_t now_ns) noexcept nogil:
    """The price before the window of 24 hours; 0 if there was none."""
    cdef const Series *minutes = &tape.candles.series[MINUTE]
    return close_before(minutes, candle_position(minutes, day_open(now_ns)))


cdef uint64_t average_open(uint64_t now_ns) noexcept nogil:
    """When the window of the average price begins: it ends with the second that `now_ns` lies in."""
    cdef uint64_t second = now_ns // NS
    return (second + 1 - min(second + 1, AVERAGE_SECONDS)) * NS


cdef void tape_average(const Tape *tape, uint64_t now_ns, Candle *out) noexcept nogil:
    """Sum up the last 300 seconds."""
    cdef uint64_t from_ns = average_open(now_ns)
    cdef const Series *seconds = &tape.candles.series[SECOND]
    memset(out, 0, sizeof(Candle))
    out.open_ns = from_ns
    join_between(seconds, from_ns, ~(<uint64_t> 0), out)
    flatten(out, close_before(seconds, candle_position(seconds, from_ns)))


cdef int64_t last_price(const Tape *tape) noexcept nogil:
    """The price of the last trade; 0 if there was none."""
    return close_before(&tape.candles.series[MINUTE], tape.candles.series[MINUTE].count)


cdef void tape_bare(Tape *tape) noexcept nogil:
    """Make a copy independent: it keeps the counts, and none of the memory."""
    trades_bare(&tape.trades)
    candles_bare(&tape.candles)
    tape.mends = NULL
    tape.mend_count = tape.mend_capacity = 0


cdef int tape_save(const Tape *tape, Saver out) except -1:
    """Write trades and candles; the struct itself, bare, goes before them. Nothing waits at a snapshot's mark."""
    if tape.mend_count:
        raise RuntimeError(f"a correction of trade {tape.mends[0].key} waits at a snapshot")
    trades_save(&tape.trades, out)
    return candles_save(&tape.candles, out)


cdef int tape_load(Tape *tape, Loader part) except -1:
    """Take trades and candles, into the bare struct that was read before them."""
    trades_load(&tape.trades, part)
    return candles_load(&tape.candles, part)


cdef void tape_free(Tape *tape) noexcept nogil:
    trades_free(&tape.trades)
    candles_free(&tape.candles)
    free(tape.mends)
