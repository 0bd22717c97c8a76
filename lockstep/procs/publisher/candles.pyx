"""The candles of one instrument at every interval, made of its trades.

They are a pure function of the instrument's trades and their corrections, in the order of the log, and of nothing else:
no clock, no stream, no text. Only intervals with a trade have a candle here; all others since the first trade are flat
at the close before them, and made when somebody asks. So a quiet instrument costs nothing, and none is ever missing.

A series keeps at least its last 1,024 candles, that of minutes 1,536: more than a day.

A correction changes one trade. What can be made anew is: a second of the trades that are kept, a minute of its seconds,
an hour of its minutes, and so on. Where something of that has been dropped, sums are corrected, and what the series
claims to know begins after that candle: who wants it exactly asks PostgreSQL.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memmove, memset

from lockstep.core.rules.intervals import SECONDS, longest_part
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.publisher.text cimport uint128
from lockstep.procs.publisher.trades cimport KEY_BITS, Trade, Trades, trade_position

cdef enum:
    FIRST_CAPACITY = 4
    KEPT = 1024
    KEPT_MINUTES = 1536
    DROPPED = 256            # at once
    WEEK = 14
    MONTH = 15

cdef uint64_t NS = 1_000_000_000
cdef uint64_t DAY_NS = 86_400 * NS
# Those of fixed length begin where the time since 1970 is a multiple of it.
NAMES = tuple(SECONDS)
cdef list ENCODED = [name.encode() for name in NAMES]
cdef const char *names[INTERVALS]
for _interval in range(INTERVALS):
    names[<int> _interval] = ENCODED[_interval]
cdef uint64_t[INTERVALS] LENGTHS = [seconds * NS for seconds in SECONDS.values()]
LENGTHS[MONTH] = 28 * DAY_NS           # the least
cdef uint64_t MONDAY_NS = 4 * DAY_NS   # the first of this era
cdef int64_t AHEAD_NS = 8 * 3600 * NS
# Of which candles those of an interval can be made anew.
SUMMED = [NAMES[place] for place in (SECOND, MINUTE, HOUR, DAY)]
cdef int[INTERVALS] BASES = [
    NAMES.index(longest_part(name, [part for part in SUMMED if SECONDS[part] < seconds] or SUMMED[:1]))
    for name, seconds in SECONDS.items()
]

assert len(NAMES) == INTERVALS and NAMES[SECOND] == "1s" and NAMES[MINUTE] == "1m" and NAMES[HOUR] == "1h"
assert NAMES[DAY] == "1d" and NAMES[WEEK] == "1w" and NAMES[MONTH] == "1M"


cdef int interval_named(str name):
    """The place of an interval; -1 if there is none of that name."""
    return NAMES.index(name) if name in NAMES else -1


cdef const char *interval_name(int interval) noexcept nogil:
    return names[interval % INTERVALS]


cdef uint64_t month_of(uint64_t day) noexcept nogil:
    """The month of a day, both counted since March of the year 0: leap days come last in such years."""
    cdef uint64_t of_era = day % 146_097
    cdef uint64_t year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    cdef uint64_t of_year = of_era - (365 * year + year // 4 - year // 100)
    return (day // 146_097 * 400 + year) * 12 + (5 * of_year + 2) // 153


cdef uint64_t first_day(uint64_t month) noexcept nogil:
    """The first day of a month, counted likewise."""
    cdef uint64_t year = month // 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month % 12) + 2) // 5


cdef uint64_t FIRST_DAY = 719_468   # the first of January 1970, counted so


cdef uint64_t interval_open(int interval, uint64_t time_ns) noexcept nogil:
    """When the interval begins that `time_ns` lies in."""
    if interval >= INTERVALS:
        return zoned_open(interval - INTERVALS, AHEAD_NS, time_ns)
    if interval == MONTH:
        return (first_day(month_of(time_ns // DAY_NS + FIRST_DAY)) - FIRST_DAY) * DAY_NS
    if interval == WEEK:
        return time_ns - min(time_ns, (time_ns + LENGTHS[WEEK] - MONDAY_NS) % LENGTHS[WEEK])
    return time_ns - time_ns % LENGTHS[interval]


cdef uint64_t interval_next(int interval, uint64_t open_ns) noexcept nogil:
    """When the interval after the one that begins at `open_ns` does."""
    if interval >= INTERVALS:
        return zoned_next(interval - INTERVALS, AHEAD_NS, open_ns)
    if interval == MONTH:
        return interval_open(MONTH, open_ns + 31 * DAY_NS)
    return open_ns + LENGTHS[interval]


cdef uint64_t moved(uint64_t time_ns, int64_t by_ns) noexcept nogil:
    """The same time by other clocks, which show none before 1970."""
    return time_ns + <uint64_t> by_ns if by_ns >= 0 else time_ns - min(time_ns, <uint64_t> -by_ns)


cdef uint64_t zoned_open(int interval, int64_t ahead_ns, uint64_t time_ns) noexcept nogil:
    """As `interval_open`, by clocks that are so far ahead of UTC."""
    return moved(interval_open(interval, moved(time_ns, ahead_ns)), -ahead_ns)


cdef uint64_t zoned_next(int interval, int64_t ahead_ns, uint64_t open_ns) noexcept nogil:
    """As `interval_next`, by clocks that are so far ahead of UTC."""
    return moved(interval_next(interval, moved(open_ns, ahead_ns)), -ahead_ns)


cdef int zoned_base(int interval, int64_t ahead_ns) noexcept nogil:
    """Of which candles those of an interval are sums, by clocks whole minutes ahead: its own where both begin alike."""
    cdef uint64_t shift_ns = <uint64_t> (ahead_ns if ahead_ns >= 0 else -ahead_ns)
    cdef int base = HOUR
    if shift_ns % LENGTHS[interval] == 0:
        return interval
    while shift_ns % LENGTHS[base] or LENGTHS[interval] % LENGTHS[base]:
        base -= 1
    return base


cdef uint64_t interval_back(int interval, uint64_t open_ns, uint64_t count) noexcept nogil:
    """When the interval begins that is `count` before the one at `open_ns`; of months somewhat earlier."""
    cdef int kind = interval % INTERVALS
    cdef uint64_t length = 31 * DAY_NS if kind == MONTH else LENGTHS[kind]
    return interval_open(interval, open_ns - min(open_ns, count * length))


cdef inline uint64_t full(int interval) noexcept nogil:
    return DROPPED + (KEPT_MINUTES if interval == MINUTE else KEPT)


cdef int open_candle(Series *series, int interval, uint64_t open_ns) except -1 nogil:
    """Make room for a new candle, all zero but its beginning."""
    cdef uint64_t capacity
    cdef Candle *items
    if series.count == full(interval):
        series.known_ns = max(series.known_ns, interval_next(interval, series.items[DROPPED - 1].open_ns))
        series.known_key = series.items[DROPPED - 1].last_key
        series.before_ticks = series.items[DROPPED - 1].close_ticks
        series.count -= DROPPED
        memmove(series.items, series.items + DROPPED, series.count * sizeof(Candle))
    if series.count == series.capacity:
        capacity = min(max(series.capacity * 2, <uint64_t> FIRST_CAPACITY), full(interval))
        items = <Candle *> realloc(series.items, capacity * sizeof(Candle))
        if items == NULL:
            with gil:
                raise MemoryError("no memory for an instrument's candles")
        series.items = items
        series.capacity = capacity
    memset(&series.items[series.count], 0, sizeof(Candle))
    series.items[series.count].open_ns = open_ns
    series.count += 1
    return 0


cdef void take_trade(Candle *candle, const Trade *trade) noexcept nogil:
    """Add a trade that is newer than all of the candle."""
    cdef uint128 lots = <uint128> trade.lots
    cdef uint128 quote = lots * <uint128> trade.price_ticks
    if candle.trades == 0:
        candle.open_ticks = candle.high_ticks = candle.low_ticks = trade.price_ticks
        candle.first_key = trade.key
    candle.high_ticks = max(candle.high_ticks, trade.price_ticks)
    candle.low_ticks = min(candle.low_ticks, trade.price_ticks)
    candle.close_ticks = trade.price_ticks
    candle.last_key = trade.key
    candle.trades += 1
    candle.lots += lots
    candle.quote += quote
    if trade.taker_buys:
        candle.taker_lots += lots
        candle.taker_quote += quote


cdef void candle_join(Candle *sum, const Candle *candle) noexcept nogil:
    """Add a candle that is newer than all of the sum, which keeps its own beginning."""
    if candle.trades == 0:
        return
    if sum.trades == 0:
        sum.open_ticks = candle.open_ticks
        sum.high_ticks = candle.high_ticks
        sum.low_ticks = candle.low_ticks
        sum.first_key = candle.first_key
    sum.high_ticks = max(sum.high_ticks, candle.high_ticks)
    sum.low_ticks = min(sum.low_ticks, candle.low_ticks)
    sum.close_ticks = candle.close_ticks
    sum.last_key = candle.last_key
    sum.trades += candle.trades
    sum.lots += candle.lots
    sum.quote += candle.quote
    sum.taker_lots += candle.taker_lots
    sum.taker_quote += candle.taker_quote


cdef void join_between(const Series *series, uint64_t from_ns, uint64_t to_ns, Candle *sum) noexcept nogil:
    """Add the candles that begin in a span of time."""
    cdef uint64_t i = candle_position(series, from_ns)
    while i < series.count and series.items[i].open_ns < to_ns:
        candle_join(sum, &series.items[i])
        i += 1


cdef int candles_add(Candles *candles, const Trade *trade) except -1 nogil:
    """Add a trade to the candle of each interval that it lies in. It is newer than all before it."""
    cdef Series *series
    cdef uint64_t open_ns
    cdef int i
    for i in range(INTERVALS):
        series = &candles.series[i]
        if series.count == 0 or trade.time_ns - series.items[series.count - 1].open_ns >= LENGTHS[i]:
            open_ns = interval_open(i, trade.time_ns)
            if series.count == 0 or open_ns != series.items[series.count - 1].open_ns:
                open_candle(series, i, open_ns)
        take_trade(&series.items[series.count - 1], trade)
    return 0


cdef uint64_t candle_position(const Series *series, uint64_t time_ns) noexcept nogil:
    """The place of the first candle that begins at `time_ns` or after it."""
    cdef uint64_t low = 0, high = series.count, middle
    while low < high:
        middle = (low + high) // 2
        if series.items[middle].open_ns < time_ns:
            low = middle + 1
        else:
            high = middle
    return low


cdef int64_t close_before(const Series *series, uint64_t position) noexcept nogil:
    """The close of the candle before that place; 0 if nothing was traded before it."""
    return series.items[position - 1].close_ticks if position else series.before_ticks


cdef uint64_t key_before(const Series *series, uint64_t time_ns) noexcept nogil:
    """The last trade of the last candle that begins before that time; 0 if there is none."""
    cdef uint64_t position = candle_position(series, time_ns)
    return series.items[position - 1].last_key if position else series.known_key


cdef bint candle_at(const Candles *candles, int interval, uint64_t open_ns, Candle *out) noexcept nogil:
    """The candle that begins at `open_ns`, flat if nothing was traded; False if nothing had been by then.

    Candles that no series has are sums of hours, which reach back 1,024 hours with a trade: more than a month.
    """
    cdef int kind = interval % INTERVALS
    cdef bint is_kept = interval_open(kind, open_ns) == open_ns
    return candle_between(&candles.series[kind if is_kept else HOUR], open_ns, interval_next(interval, open_ns), out)


cdef bint candle_between(const Series *series, uint64_t open_ns, uint64_t next_ns, Candle *out) noexcept nogil:
    """The sum of a series' candles in a span, flat if nothing was traded; False if nothing had been by then."""
    cdef int64_t close = close_before(series, candle_position(series, open_ns))
    memset(out, 0, sizeof(Candle))
    out.open_ns = open_ns
    join_between(series, open_ns, next_ns, out)
    if out.trades == 0:
        out.open_ticks = out.high_ticks = out.low_ticks = out.close_ticks = close
    return out.trades != 0 or close != 0


cdef bint holds(const Candle *candle, uint64_t key) noexcept nogil:
    """Whether a trade is one of the candle's, if it is any's: the matcher may have changed in it."""
    cdef uint64_t matcher = key >> KEY_BITS
    cdef bint from_first = candle.first_key >> KEY_BITS == matcher
    cdef bint to_last = candle.last_key >> KEY_BITS == matcher
    if not from_first and not to_last:
        return False
    return (not from_first or candle.first_key <= key) and (not to_last or key <= candle.last_key)


cdef void make_of_trades(Candle *candle, const Trades *trades) noexcept nogil:
    """Make a second anew."""
    cdef uint64_t open_ns = candle.open_ns
    cdef uint64_t i = trade_position(trades, open_ns)
    memset(candle, 0, sizeof(Candle))
    candle.open_ns = open_ns
    while i < trades.count and trades.items[i].time_ns < open_ns + LENGTHS[SECOND]:
        take_trade(candle, &trades.items[i])
        i += 1


cdef void make_of_series(Candle *candle, int interval, const Series *base) noexcept nogil:
    """Make any other anew."""
    cdef uint64_t open_ns = candle.open_ns
    memset(candle, 0, sizeof(Candle))
    candle.open_ns = open_ns
    join_between(base, open_ns, interval_next(interval, open_ns), candle)


cdef void adjust(Candle *candle, const Trade *before, int64_t new_ticks) noexcept nogil:
    """Correct the sums for a trade whose neighbours are not known any more."""
    cdef uint128 lots = <uint128> before.lots
    cdef uint128 quote = lots * <uint128> before.price_ticks
    cdef uint128 new_quote = lots * <uint128> new_ticks
    cdef uint128 gone = lots if new_ticks == 0 else 0
    candle.quote += new_quote - quote
    candle.lots -= gone
    candle.trades -= new_ticks == 0
    if before.taker_buys:
        candle.taker_quote += new_quote - quote
        candle.taker_lots -= gone
    candle.taker_lots = min(candle.taker_lots, candle.lots)
    candle.taker_quote = min(candle.taker_quote, candle.quote)


cdef bint mend_one(
    Candles *candles, int interval, uint64_t i, const Trades *trades, const Trade *before, int64_t new_ticks,
    bint is_base_exact,
) noexcept nogil:
    """Mend one candle; whether it is exact then."""
    cdef Series *series = &candles.series[interval]
    cdef Candle *candle = &series.items[i]
    cdef const Series *base = &candles.series[BASES[interval]]
    cdef uint64_t known_ns = trades.known_ns if interval == SECOND else base.known_ns
    cdef bint exact = is_base_exact and known_ns <= candle.open_ns
    if not exact:
        adjust(candle, before, new_ticks)
        series.known_ns = max(series.known_ns, interval_next(interval, candle.open_ns))
    elif interval == SECOND:
        make_of_trades(candle, trades)
    else:
        make_of_series(candle, interval, base)
    if candle.trades == 0:
        memmove(candle, candle + 1, (series.count - i - 1) * sizeof(Candle))
        series.count -= 1
    return exact


cdef int candles_mend(Candles *candles, const Trades *trades, const Trade *before, int64_t new_ticks) except -1 nogil:
    """A trade got another price, or none: it was undone. `trades` has it as it is now, `before` as it was."""
    cdef bint exact[INTERVALS]
    cdef Series *series
    cdef uint64_t i
    cdef int k
    for k in range(INTERVALS):
        series = &candles.series[k]
        i = series.count
        while i > 0 and not holds(&series.items[i - 1], before.key):
            i -= 1
        if i > 0:
            exact[k] = mend_one(candles, k, i - 1, trades, before, new_ticks, k == SECOND or exact[BASES[k]])
            continue
        exact[k] = False
        if series.known_ns and series.count:  # it was dropped, and may have been the close that is flat from there on
            series.known_ns = max(series.known_ns, series.items[0].open_ns)
    return 0


cdef void candles_bare(Candles *candles) noexcept nogil:
    """Make a copy independent: it keeps the counts, and none of the memory."""
    cdef int i
    for i in range(INTERVALS):
        candles.series[i].items = NULL
        candles.series[i].capacity = 0


cdef int candles_save(const Candles *candles, Saver out) except -1:
    """Write the candles; the struct itself, bare, goes before them."""
    cdef int i
    for i in range(INTERVALS):
        out.put(candles.series[i].items, candles.series[i].count * sizeof(Candle))
    return 0


cdef int candles_load(Candles *candles, Loader part) except -1:
    """Take the candles, into the bare struct that was read before them."""
    cdef Series *series
    cdef int i
    for i in range(INTERVALS):
        series = &candles.series[i]
        if series.count == 0:
            continue
        series.items = <Candle *> malloc(series.count * sizeof(Candle))
        if series.items == NULL:
            raise MemoryError("no memory for an instrument's candles")
        series.capacity = series.count
        part.get(series.items, series.count * sizeof(Candle))
    return 0


cdef void candles_free(Candles *candles) noexcept nogil:
    cdef int i
    for i in range(INTERVALS):
        free(candles.series[i].items)
