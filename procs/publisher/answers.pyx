"""Finished answers about the market as it is, in the form of Binance's REST API, as bytes.

It reads a feed's instruments; it asks for nothing and keeps nothing. What memory does not reach back to is
PostgreSQL's: where that matters, the answer says from when on it is complete.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc

from cpython.bytes cimport PyBytes_FromStringAndSize
from procs.publisher.candles cimport Candle, Series, candle_at, interval_named, interval_next, interval_open
from procs.publisher.feed cimport Feed
from procs.publisher.figures cimport (
    FIGURES_SIZE, write_aggregate_row, write_average, write_day, write_kline_row, write_mini_day, write_trade_row,
)
from procs.publisher.market cimport Market, market_quote, market_time, write_best_row, write_depth, write_price_row
from procs.publisher.text cimport Text, text_append, text_free, text_reserve
from procs.publisher.trades cimport Aggregate, aggregate_before, number_of

cdef enum:
    NS_PER_MS = 1_000_000
    NS_PER_US = 1000
    FORM_DAY = 0
    FORM_MINI_DAY = 1
    FORM_PRICE = 2
    FORM_BEST = 3

FORMS = ("day", "mini_day", "price", "best")


cdef class Array:
    """A JSON array under construction."""

    cdef Text text

    def __dealloc__(self):
        text_free(&self.text)

    cdef char *room(self) except NULL:
        """Where the next element goes."""
        text_reserve(&self.text, FIGURES_SIZE + 2)
        self.text.data[self.text.size] = c"," if self.text.size else c"["
        self.text.size += 1
        return self.text.data + self.text.size

    cdef void ends(self, char *end) noexcept:
        self.text.size = end - self.text.data

    cdef bytes finish(self):
        text_append(&self.text, b"]" if self.text.size else b"[]", 1 if self.text.size else 2)
        return PyBytes_FromStringAndSize(self.text.data, self.text.size)


def depth(Feed feed not None, int instrument, int limit) -> bytes | None:
    """The best `limit` levels of both sides. None while the book is in the middle of a command: ask again."""
    cdef Text text = Text(NULL, 0, 0)
    try:
        if not write_depth(feed.market_now(instrument), limit, &text):
            return None
        return PyBytes_FromStringAndSize(text.data, text.size)
    finally:
        text_free(&text)


cdef inline bint within(
    uint64_t number, uint64_t time_ns, int64_t from_id, uint64_t start_ns, uint64_t end_ns,
) noexcept:
    return (from_id < 0 or number >= <uint64_t> from_id) and start_ns <= time_ns < end_ns


def trades(Feed feed not None, int instrument, int limit, int64_t from_id=-1, bint in_us=False) -> tuple[bytes, int]:
    """The last `limit` trades, or the first from an id on; and the time in ns since when memory has them all."""
    cdef Market *market = feed.market_now(instrument)
    cdef uint64_t unit_ns = NS_PER_US if in_us else NS_PER_MS
    cdef Array found = Array()
    cdef uint64_t i = 0
    cdef uint64_t end = market.tape.trades.count
    if from_id >= 0:
        while i < end and number_of(market.tape.trades.items[i].key) < <uint64_t> from_id:
            i += 1
        end = min(end, i + limit)
    elif end > <uint64_t> limit:
        i = end - limit
    while i < end:
        found.ends(write_trade_row(found.room(), &market.tape, &market.tape.trades.items[i], unit_ns))
        i += 1
    return found.finish(), market.tape.trades.known_ns


def aggregates(
    Feed feed not None, int instrument, int limit, int64_t from_id=-1, int64_t start_ms=-1, int64_t end_ms=-1,
    bint in_us=False,
) -> tuple[bytes, int]:
    """As `trades`, of aggregates; `start_ms` and `end_ms` bound their times, both inclusive."""
    cdef Market *market = feed.market_now(instrument)
    cdef uint64_t unit_ns = NS_PER_US if in_us else NS_PER_MS
    cdef uint64_t start_ns = <uint64_t> max(start_ms, 0) * NS_PER_MS
    cdef uint64_t end_ns = <uint64_t> (end_ms + 1) * NS_PER_MS if end_ms >= 0 else ~(<uint64_t> 0)
    cdef bint from_first = from_id >= 0 or start_ms >= 0
    cdef uint64_t place = market.tape.trades.count
    cdef uint64_t count = 0, first, i
    cdef Array found = Array()
    cdef Aggregate *items = <Aggregate *> malloc((place + 1) * sizeof(Aggregate))
    if items == NULL:
        raise MemoryError("no memory for aggregates")
    try:
        while place > 0 and (from_first or count < <uint64_t> limit):  # the newest first
            first = aggregate_before(&market.tape.trades, place, &items[count])
            if first == place:
                break
            place = first
            if within(number_of(items[count].first_key), items[count].time_ns, from_id, start_ns, end_ns):
                count += 1
        for i in range(min(count, <uint64_t> limit)):
            found.ends(write_aggregate_row(found.room(), &market.tape, &items[count - 1 - i], unit_ns))
        return found.finish(), market.tape.trades.known_ns
    finally:
        free(items)


def klines(
    Feed feed not None, int instrument, str interval not None, int limit, int64_t start_ms=-1, int64_t end_ms=-1,
    bint in_us=False,
) -> tuple[bytes, int]:
    """Candles that begin from `start_ms` on, or the last ones, up to `end_ms`; and the time in ns from which on memory
    has them: PostgreSQL has those before. The last is the one under way. KeyError if there is no such interval."""
    cdef Market *market = feed.market_now(instrument)
    cdef int place = interval_named(interval)
    if place < 0:
        raise KeyError(f"there is no interval {interval}")
    cdef const Series *series = &market.tape.candles.series[place]
    cdef uint64_t unit_ns = NS_PER_US if in_us else NS_PER_MS
    cdef uint64_t last_ns = market_time(market)
    cdef uint64_t first_ns = series.known_ns or (series.items[0].open_ns if series.count else 0)
    cdef uint64_t at_ns
    cdef Candle candle
    cdef Array found = Array()
    if end_ms >= 0:
        last_ns = min(last_ns, <uint64_t> end_ms * NS_PER_MS)
    last_ns = interval_open(place, last_ns)
    at_ns = begins(place, last_ns, limit, start_ms, first_ns)
    while series.count and at_ns <= last_ns and limit > 0:
        if candle_at(&market.tape.candles, place, at_ns, &candle):
            found.ends(write_kline_row(found.room(), &market.tape, place, &candle, unit_ns))
            limit -= 1
        at_ns = interval_next(place, at_ns)
    return found.finish(), series.known_ns


cdef uint64_t begins(int interval, uint64_t last_ns, int limit, int64_t start_ms, uint64_t first_ns) noexcept:
    """Where the candles of an answer begin, not before `first_ns`."""
    cdef uint64_t at_ns = last_ns
    if start_ms < 0:
        while limit > 1 and at_ns > first_ns:
            at_ns = interval_open(interval, at_ns - 1)
            limit -= 1
    else:
        at_ns = interval_open(interval, <uint64_t> start_ms * NS_PER_MS)
        if at_ns < <uint64_t> start_ms * NS_PER_MS:
            at_ns = interval_next(interval, at_ns)
    return max(at_ns, first_ns)


def rows(Feed feed not None, str form not None, list instruments not None) -> list[bytes]:
    """What is told of each of these instruments: `day` and `mini_day` its statistics of 24 hours, `price` its last
    price, `best` the best prices of its book."""
    cdef int kind = FORMS.index(form)
    cdef Market *market
    cdef char room[FIGURES_SIZE]
    cdef char *end
    cdef int instrument
    found = []
    for instrument in instruments:
        market = feed.market_now(instrument)
        quote = market_quote(market)
        if kind == FORM_DAY:
            end = write_day(room, &market.tape, &quote, market_time(market))
        elif kind == FORM_MINI_DAY:
            end = write_mini_day(room, &market.tape, market_time(market))
        elif kind == FORM_PRICE:
            end = write_price_row(room, market)
        else:
            end = write_best_row(room, market)
        found.append(PyBytes_FromStringAndSize(room, end - room))
    return found


def average(Feed feed not None, int instrument) -> bytes:
    """The average price of the last five minutes."""
    cdef char room[FIGURES_SIZE]
    cdef Market *market = feed.market_now(instrument)
    return PyBytes_FromStringAndSize(room, write_average(room, &market.tape, market_time(market)) - room)
