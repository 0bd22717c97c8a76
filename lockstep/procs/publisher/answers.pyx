"""Finished answers about the market as it is, in the form of Binance's REST API, as bytes.

It reads a feed's instruments; it asks for nothing and keeps nothing. What memory does not reach back to is
PostgreSQL's: where an answer lacks something of that, it says what (`Forgotten`).
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc

from cpython.bytes cimport PyBytes_FromStringAndSize
from lockstep.procs.publisher.candles cimport (
    HOUR, MINUTE, Candle, Series, candle_between, interval_named, interval_open, key_before, zoned_base, zoned_next,
    zoned_open,
)
from lockstep.procs.publisher.feed cimport Feed
from lockstep.procs.publisher.figures cimport (
    FIGURES_SIZE, write_aggregate_row, write_average, write_day, write_kline_row, write_mini_day, write_trade_row,
    write_window,
)
from lockstep.procs.publisher.market cimport Market, market_quote, market_time
from lockstep.procs.publisher.payloads cimport write_best_row, write_depth, write_price_row
from lockstep.procs.publisher.tape cimport tape_known, tape_since
from lockstep.procs.publisher.text cimport Text, text_append, text_free, text_reserve
from lockstep.procs.publisher.trades cimport Aggregate, Trade, aggregate_before, key_of_trade, matcher_of, number_of

from lockstep.core.edge.market_queries import Forgotten

cdef enum:
    NS_PER_MS = 1_000_000
    NS_PER_US = 1000
    MINUTES_OF_DAY = 1440
    FORM_DAY = 0
    FORM_MINI_DAY = 1
    FORM_PRICE = 2
    FORM_BEST = 3

cdef uint64_t MINUTE_NS = 60_000_000_000

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


cdef inline bint is_from(const Market *market, uint64_t key, int64_t from_id) noexcept:
    """Whether a trade is from an id on. Ids are those of the matcher that the instrument is with."""
    return from_id < 0 or (
        matcher_of(key) == market.matcher and key >= key_of_trade(market.matcher, <uint64_t> from_id)
    )


cdef bint is_before(const Market *market, uint64_t key, int64_t from_id) noexcept:
    """Whether all trades from an id on come after this one, which is not the case where another matcher had it."""
    return from_id >= 0 and matcher_of(key) == market.matcher and key < key_of_trade(market.matcher, <uint64_t> from_id)


cdef object forgotten(const Market *market, uint64_t ns, uint64_t key, uint64_t seq):
    """What an answer lacks: all before `ns`, and of trades the one of that key, by command `seq`."""
    return Forgotten(ns, matcher_of(key), number_of(key), seq, market.tape.mended_seq)


def trades(Feed feed not None, int instrument, int limit, int64_t from_id=-1, bint in_us=False) \
        -> tuple[bytes, Forgotten | None]:
    """The last `limit` trades, or the first from an id on; and what is missing of them."""
    cdef Market *market = feed.market_now(instrument)
    cdef uint64_t unit_ns = NS_PER_US if in_us else NS_PER_MS
    cdef Array found = Array()
    cdef uint64_t end = market.tape.trades.count
    cdef uint64_t i = end - limit if from_id < 0 and end > <uint64_t> limit else 0
    cdef uint64_t known_key = market.tape.trades.known_key
    cdef const Trade *trade
    cdef int room = limit
    while i < end and room > 0:
        trade = &market.tape.trades.items[i]
        if is_from(market, trade.key, from_id):
            found.ends(write_trade_row(found.room(), &market.tape, trade, unit_ns))
            room -= 1
        i += 1
    if known_key == 0 or (from_id < 0 and room == 0) or is_before(market, known_key, from_id):
        return found.finish(), None
    return found.finish(), forgotten(market, market.tape.trades.known_ns, known_key, market.tape.trades.known_seq)


def aggregates(
    Feed feed not None, int instrument, int limit, int64_t from_id=-1, int64_t start_ms=-1, int64_t end_ms=-1,
    bint in_us=False,
) -> tuple[bytes, Forgotten | None]:
    """As `trades`, of aggregates; `start_ms` and `end_ms` bound their times, both inclusive."""
    cdef Market *market = feed.market_now(instrument)
    cdef uint64_t unit_ns = NS_PER_US if in_us else NS_PER_MS
    cdef uint64_t start_ns = <uint64_t> max(start_ms, 0) * NS_PER_MS
    cdef uint64_t end_ns = <uint64_t> (end_ms + 1) * NS_PER_MS if end_ms >= 0 else ~(<uint64_t> 0)
    cdef bint from_first = from_id >= 0 or start_ms >= 0
    cdef uint64_t place = market.tape.trades.count
    cdef uint64_t count = 0, first, i
    cdef Array found = Array()
    cdef bint is_whole
    cdef Aggregate *items = <Aggregate *> malloc((place + 1) * sizeof(Aggregate))
    if items == NULL:
        raise MemoryError("no memory for aggregates")
    try:
        while place > 0 and (from_first or count < <uint64_t> limit):  # the newest first
            first = aggregate_before(&market.tape.trades, place, &items[count])
            if first == place:
                break
            place = first
            if is_from(market, items[count].first_key, from_id) and start_ns <= items[count].time_ns < end_ns:
                count += 1
        for i in range(min(count, <uint64_t> limit)):
            found.ends(write_aggregate_row(found.room(), &market.tape, &items[count - 1 - i], unit_ns))
        is_whole = not from_first and count >= <uint64_t> limit
        return found.finish(), None if is_whole else before_place(market, place, from_id, start_ns)
    finally:
        free(items)


cdef object before_place(const Market *market, uint64_t place, int64_t from_id, uint64_t start_ns):
    """What an answer lacks whose aggregates begin with the trade at `place`; None if that is nothing."""
    cdef const Trade *last
    cdef uint64_t key = market.tape.trades.known_key
    cdef uint64_t seq = market.tape.trades.known_seq
    cdef uint64_t ns = market.tape.trades.known_ns
    if key == 0:
        return None
    if place:  # of an aggregate whose beginning may have been dropped
        last = &market.tape.trades.items[place - 1]
        key, seq, ns = last.key, last.cause, last.time_ns + 1
    return None if is_before(market, key, from_id) or start_ns >= ns else forgotten(market, ns, key, seq)


def klines(
    Feed feed not None, int instrument, str interval not None, int limit, int64_t start_ms=-1, int64_t end_ms=-1,
    bint in_us=False, int offset=0,
) -> tuple[bytes, Forgotten | None]:
    """Candles that begin from `start_ms` on, or the last ones, up to `end_ms`, the one under way included, by clocks
    `offset` minutes ahead of UTC; and what is missing of them. KeyError if there is no such interval."""
    cdef Market *market = feed.market_now(instrument)
    cdef int place = interval_named(interval)
    if place < 0:
        raise KeyError(f"there is no interval {interval}")
    cdef int64_t ahead_ns = offset * <int64_t> MINUTE_NS
    cdef int base = zoned_base(place, ahead_ns)
    cdef const Series *series = &market.tape.candles.series[base]
    cdef uint64_t unit_ns = NS_PER_US if in_us else NS_PER_MS
    cdef uint64_t last_ns = market_time(market)
    cdef uint64_t known_ns = open_from(place, ahead_ns, series.known_ns) if series.known_ns else 0
    cdef uint64_t first_ns = known_ns
    cdef uint64_t at_ns, wanted_ns, next_ns
    cdef Candle candle
    cdef Array found = Array()
    if end_ms >= 0:
        last_ns = min(last_ns, <uint64_t> end_ms * NS_PER_MS)
    if first_ns == 0 and series.count:
        first_ns = zoned_open(place, ahead_ns, series.items[0].open_ns)
    last_ns = zoned_open(place, ahead_ns, last_ns)
    wanted_ns = begins(place, ahead_ns, last_ns, limit, start_ms, first_ns)
    at_ns = max(wanted_ns, first_ns)
    while series.count and at_ns <= last_ns and limit > 0:
        next_ns = zoned_next(place, ahead_ns, at_ns)
        if candle_between(series, at_ns, next_ns, &candle):
            found.ends(write_kline_row(found.room(), &market.tape, &candle, next_ns, unit_ns))
            limit -= 1
        at_ns = next_ns
    if wanted_ns > last_ns or (wanted_ns >= known_ns if start_ms >= 0 else limit == 0):
        return found.finish(), None
    return found.finish(), before_time(market, series, known_ns, interval_open(base, market_time(market)))


cdef uint64_t open_from(int interval, int64_t ahead_ns, uint64_t time_ns) noexcept:
    """The first beginning of an interval from a time on, by clocks so far ahead of UTC."""
    cdef uint64_t at_ns = zoned_open(interval, ahead_ns, time_ns)
    return at_ns if at_ns >= time_ns else zoned_next(interval, ahead_ns, at_ns)


cdef object before_time(const Market *market, const Series *series, uint64_t known_ns, uint64_t open_ns):
    """What an answer lacks that begins at `known_ns`; None if that is nothing.

    A candle is not known exactly while it lasts, where a trade in it was corrected and the others are forgotten. Of it
    is told what the database has, however much that is; so only what is over, at `open_ns`, must be there.
    """
    cdef uint64_t key = key_before(series, min(known_ns, open_ns))
    return forgotten(market, known_ns, key, 0) if known_ns else None


cdef uint64_t begins(
    int interval, int64_t ahead_ns, uint64_t last_ns, int limit, int64_t start_ms, uint64_t first_ns,
) noexcept:
    """Where the candles of an answer are to begin; of the last ones, not before `first_ns`."""
    cdef uint64_t at_ns = last_ns
    if start_ms < 0:
        while limit > 1 and at_ns > first_ns:
            at_ns = zoned_open(interval, ahead_ns, at_ns - 1)
            limit -= 1
    else:
        at_ns = open_from(interval, ahead_ns, <uint64_t> start_ms * NS_PER_MS)
    return at_ns


def window(Feed feed not None, int instrument, int minutes, int offset, bint is_full) -> tuple[bytes, Forgotten | None]:
    """Statistics of the last `minutes` and the one under way, or, with 0, of the day that began at midnight where
    clocks are `offset` minutes ahead; and what is missing of them."""
    cdef Market *market = feed.market_now(instrument)
    cdef uint64_t now_ns = market_time(market)
    cdef uint64_t close_ns = now_ns
    cdef int64_t minute = <int64_t> (now_ns // MINUTE_NS) - minutes
    cdef uint64_t open_ns, known_ns
    cdef Candle sum
    cdef char room[FIGURES_SIZE]
    cdef char *end
    if not minutes:
        minute -= (minute + offset) % MINUTES_OF_DAY
        close_ns = <uint64_t> (minute + MINUTES_OF_DAY) * MINUTE_NS - NS_PER_MS
    open_ns = <uint64_t> max(minute, 0) * MINUTE_NS
    known_ns = tape_known(&market.tape, open_ns)
    tape_since(&market.tape, known_ns, &sum)
    end = write_window(room, &market.tape, &sum, open_ns, close_ns, is_full)
    return PyBytes_FromStringAndSize(room, end - room), before_time(
        market, &market.tape.candles.series[MINUTE], known_ns if known_ns > open_ns else 0, interval_open(HOUR, now_ns)
    )


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
