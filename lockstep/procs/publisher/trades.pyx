"""The last trades of one instrument, and the aggregates that they make.

It is a pure function of the instrument's trades and their corrections, in the order of the log; it knows no event, no
stream and no text. It keeps at least the last 2,048 trades, in memory that is taken as they come.

An aggregate is what a taker's order took at one price in one command: fills that follow each other. It is not kept but
read off the trades, so that a fill that is undone or gets another price leaves it, wherever it stood.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memmove

from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    FIRST_CAPACITY = 16
    KEPT = 2048
    FULL = KEPT + 512        # trades at which the oldest 512 go


cdef uint64_t key_of_trade(int matcher, uint64_t number) noexcept nogil:
    return <uint64_t> matcher << KEY_BITS | number


cdef int matcher_of(uint64_t key) noexcept nogil:
    return <int> (key >> KEY_BITS)


cdef uint64_t number_of(uint64_t key) noexcept nogil:
    """A trade's id, as all that tell of it have it."""
    return key & ((<uint64_t> 1 << KEY_BITS) - 1)


cdef int grow(Trades *trades) except -1 nogil:
    cdef uint64_t capacity = min(max(trades.capacity * 2, <uint64_t> FIRST_CAPACITY), <uint64_t> FULL)
    cdef Trade *items = <Trade *> realloc(trades.items, capacity * sizeof(Trade))
    if items == NULL:
        with gil:
            raise MemoryError("no memory for an instrument's trades")
    trades.items = items
    trades.capacity = capacity
    return 0


cdef int trades_add(Trades *trades, const Trade *trade) except -1 nogil:
    """Add the newest trade; the oldest go where there are too many."""
    cdef uint64_t dropped = FULL - KEPT
    if trades.count == FULL:
        trades.known_ns = trades.items[dropped - 1].time_ns + 1
        trades.known_key = trades.items[dropped - 1].key
        trades.known_seq = trades.items[dropped - 1].cause
        trades.count -= dropped
        memmove(trades.items, trades.items + dropped, trades.count * sizeof(Trade))
    if trades.count == trades.capacity:
        grow(trades)
    trades.items[trades.count] = trade[0]
    trades.count += 1
    return 0


cdef Trade *trades_find(Trades *trades, uint64_t key) noexcept nogil:
    """The trade with that key, NULL if it is not kept."""
    cdef uint64_t i
    for i in range(trades.count):
        if trades.items[i].key == key:
            return &trades.items[i]
    return NULL


cdef void trades_remove(Trades *trades, Trade *trade) noexcept nogil:
    """Take out one that was undone."""
    cdef uint64_t behind = <uint64_t> (trades.items + trades.count - trade) - 1
    memmove(trade, trade + 1, behind * sizeof(Trade))
    trades.count -= 1


cdef uint64_t trade_position(const Trades *trades, uint64_t time_ns) noexcept nogil:
    """The place of the first trade at `time_ns` or after it."""
    cdef uint64_t low = 0, high = trades.count, middle
    while low < high:
        middle = (low + high) // 2
        if trades.items[middle].time_ns < time_ns:
            low = middle + 1
        else:
            high = middle
    return low


cdef bint is_one(const Trade *a, const Trade *b) noexcept nogil:
    """Whether two trades that follow each other are of one aggregate."""
    return (
        a.cause == b.cause and a.taker_order_id == b.taker_order_id and a.price_ticks == b.price_ticks
        and a.key >> KEY_BITS == b.key >> KEY_BITS
    )


cdef uint64_t aggregate_before(const Trades *trades, uint64_t end, Aggregate *out) noexcept nogil:
    """The aggregate whose last trade is the one before place `end`; returns the place of its first.

    Where fills of it may have been dropped, it returns `end`: that one is not known.
    """
    cdef const Trade *last = &trades.items[end - 1]
    cdef uint64_t first = end - 1
    cdef int64_t lots = last.lots
    while first > 0 and is_one(&trades.items[first - 1], last):
        first -= 1
        lots += trades.items[first].lots
    if first == 0 and trades.known_ns > last.time_ns:  # all of a command's trades are of one time
        return end
    out.first_key = trades.items[first].key
    out.last_key = last.key
    out.time_ns = last.time_ns
    out.price_ticks = last.price_ticks
    out.lots = lots
    out.taker_buys = last.taker_buys
    return first


cdef void trades_bare(Trades *trades) noexcept nogil:
    """Make a copy independent: it keeps the count, and none of the memory."""
    trades.items = NULL
    trades.capacity = 0


cdef int trades_save(const Trades *trades, Saver out) except -1:
    """Write the trades; the struct itself, bare, goes before them."""
    return out.put(trades.items, trades.count * sizeof(Trade))


cdef int trades_load(Trades *trades, Loader part) except -1:
    """Take the trades, into the bare struct that was read before them."""
    if trades.count == 0:
        return 0
    trades.items = <Trade *> malloc(trades.count * sizeof(Trade))
    if trades.items == NULL:
        raise MemoryError("no memory for an instrument's trades")
    trades.capacity = trades.count
    return part.get(trades.items, trades.count * sizeof(Trade))


cdef void trades_free(Trades *trades) noexcept nogil:
    free(trades.items)
