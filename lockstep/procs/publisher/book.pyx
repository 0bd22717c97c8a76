"""The aggregated levels of one instrument, rebuilt from its matcher's events alone.

It is a pure function of the events, command by command; it knows no stream, text or subscriber, and keeps no orders.

What an event does::

    ACCEPTED, TRIGGERED   WAITING: nothing; else what was incoming rests, and this order is incoming
    REPLACED              the same, and a PLAIN one's old level shrinks; one that kept its place shrinks where it is
    TRADED                the maker's level and the incoming quantity shrink; in an auction the best of both sides
    CANCELLED rested      its level shrinks        not rested    if it is incoming, that is gone
    RESTATED rested       its level shrinks        not rested    if it is incoming, its price and quantity change
    SHOWN                 its level changes; if it is incoming, it has come to rest
    all else              nothing

A PLAIN incoming order rests when its command is complete, when the next order comes in, or when an event says how much
of it is in the book. So no level appears that never was there. While an auction collects, the book may be crossed.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc, qsort, realloc
from libc.string cimport memmove, memset

from lockstep.core.schema.records cimport (
    EVT_ACCEPTED, EVT_CANCELLED, EVT_EXT_CLIENT_ID, EVT_EXT_LIST_NAME, EVT_EXT_TERMS, EVT_INDICATIVE,
    EVT_PHASE_CHANGED, EVT_PREVENTED,
    EVT_REJECTED, EVT_REPLACED, EVT_RESTATED, EVT_SHOWN, EVT_TRADED, EVT_TRIGGERED, ORDER_FLAG_BUDGET,
    ORDER_STATE_PLAIN, ORDER_STATE_WAITING, SIDE_BUY, TRADE_FLAG_AUCTION, AcceptedRecord, CancelledRecord, EventRecord,
    ReplacedRecord, RestatedRecord, ShownRecord, TradedRecord, TriggeredRecord,
)
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    FIRST_CAPACITY = 64


cdef int fail(const char *what, const EventRecord *event) except -1 nogil:
    """Events that contradict the book are our bug: the process ends."""
    with gil:
        raise RuntimeError(
            f"{what.decode()}: event {event.number} of cause {event.cause}, instrument {event.instrument}"
        )


cdef inline int side_of(int side) noexcept nogil:
    return BIDS if side == SIDE_BUY else ASKS


cdef inline int64_t key_of(int side, int64_t price_ticks) noexcept nogil:
    return price_ticks if side == BIDS else -price_ticks


cdef inline uint64_t position(const Ladder *ladder, int64_t key) noexcept nogil:
    """The index of the first level with at least `key`. Most are near the best: gallop from it, then halve."""
    cdef uint64_t high = ladder.count
    cdef uint64_t step = 1
    cdef uint64_t low, middle
    while step < high and ladder.levels[high - step].key >= key:
        high -= step
        step *= 2
    low = high - step if step < high else 0
    while low < high:
        middle = (low + high) // 2
        if ladder.levels[middle].key < key:
            low = middle + 1
        else:
            high = middle
    return low


cdef int64_t quantity_at(const Ladder *ladder, int64_t key) noexcept nogil:
    """The lots at `key`, 0 if there is no such level."""
    cdef uint64_t i = position(ladder, key)
    return ladder.levels[i].quantity_lots if i < ladder.count and ladder.levels[i].key == key else 0


cdef int change(Ladder *ladder, int64_t key, uint64_t *marks) except -1 nogil:
    """Note, once for each cadence, that a level changed. One that left and came back may be noted twice."""
    cdef int c
    cdef Keys *keys
    cdef uint64_t capacity
    cdef int64_t *items
    for c in range(CADENCES):
        if marks[0] >> c & 1:
            continue
        marks[0] |= <uint64_t> 1 << c
        keys = &ladder.changes[c]
        if keys.count == keys.capacity:
            capacity = keys.capacity * 2 if keys.capacity else FIRST_CAPACITY
            items = <int64_t *> realloc(keys.items, capacity * sizeof(int64_t))
            if items == NULL:
                with gil:
                    raise MemoryError("no memory for a book's changes")
            keys.items = items
            keys.capacity = capacity
        keys.items[keys.count] = key
        keys.count += 1
    return 0


cdef int add(Levels *book, int side, int64_t key, int64_t lots) except -1 nogil:
    """Add `lots` to a level, made where there is none. Sums can't overflow: they are bounded by balances of 63 bits."""
    cdef Ladder *ladder = &book.sides[side]
    cdef uint64_t i = position(ladder, key)
    cdef uint64_t capacity
    cdef Level *levels
    if i == ladder.count or ladder.levels[i].key != key:
        if ladder.count == ladder.capacity:
            capacity = ladder.capacity * 2 if ladder.capacity else FIRST_CAPACITY
            levels = <Level *> realloc(ladder.levels, capacity * sizeof(Level))
            if levels == NULL:
                with gil:
                    raise MemoryError("no memory for a book's levels")
            ladder.levels = levels
            ladder.capacity = capacity
        memmove(&ladder.levels[i + 1], &ladder.levels[i], (ladder.count - i) * sizeof(Level))
        ladder.levels[i].key = key
        ladder.levels[i].quantity_lots = 0
        ladder.levels[i].marks = 0
        ladder.count += 1
    ladder.levels[i].quantity_lots += lots
    book.moved = True
    return change(ladder, key, &ladder.levels[i].marks) if book.recording else 0


cdef int take(Levels *book, int side, int64_t key, int64_t lots, const EventRecord *event) except -1 nogil:
    """Take `lots` off a level, which goes when it is empty."""
    cdef Ladder *ladder = &book.sides[side]
    cdef uint64_t i = position(ladder, key)
    cdef Level *level = &ladder.levels[i]
    if i == ladder.count or level.key != key or level.quantity_lots < lots:
        return fail(b"the book does not hold what an event takes off it", event)
    level.quantity_lots -= lots
    book.moved = True
    if book.recording:
        change(ladder, key, &level.marks)
    if level.quantity_lots == 0:
        memmove(level, level + 1, (ladder.count - i - 1) * sizeof(Level))
        ladder.count -= 1
    return 0


cdef int come_in(Levels *book, uint64_t order_id, int side, int64_t price_ticks, int64_t lots, int state) \
        except -1 nogil:
    """The next order of the command comes in, and the one before it rests."""
    rest(book)
    book.incoming_id = order_id
    book.incoming_side = side
    book.incoming_key = key_of(side, price_ticks)
    book.incoming_lots = lots
    book.counted = True
    book.rests = state == ORDER_STATE_PLAIN
    return 0


cdef int rest(Levels *book) except -1 nogil:
    """Trading has ended: the rest of a plain order is in the book."""
    if book.incoming_id and book.rests and book.incoming_lots > 0:
        add(book, book.incoming_side, book.incoming_key, book.incoming_lots)
    book.incoming_id = 0
    return 0


cdef inline int stands(Levels *book, uint64_t order_id) except -1 nogil:
    """An event says how much of an order is in the book: then it is no longer incoming."""
    return rest(book) if order_id == book.incoming_id else 0


cdef int accept(Levels *book, const AcceptedRecord *event) except -1 nogil:
    if event.state == ORDER_STATE_WAITING:
        return 0
    come_in(book, event.order_id, side_of(event.side), event.price_ticks, event.quantity_lots, event.state)
    if event.flags & ORDER_FLAG_BUDGET:
        book.counted = book.rests = False
    return 0


cdef int trade(Levels *book, const TradedRecord *event) except -1 nogil:
    cdef int maker = ASKS if event.taker_side == SIDE_BUY else BIDS
    if event.flags & TRADE_FLAG_AUCTION:
        return uncross(book, event)
    if event.taker_order_id != book.incoming_id or (
        book.counted and event.taker_leaves_lots != book.incoming_lots - event.quantity_lots
    ):
        return fail(b"a trade's taker is not what came in", <const EventRecord *> event)
    book.incoming_lots = event.taker_leaves_lots
    return take(book, maker, key_of(maker, event.price_ticks), event.quantity_lots, <const EventRecord *> event)


cdef int uncross(Levels *book, const TradedRecord *event) except -1 nogil:
    """A trade of an auction: its quantity leaves the best price of both sides, whichever those are."""
    cdef int side
    cdef int64_t key
    cdef Ladder *ladder
    for side in range(2):
        ladder = &book.sides[side]
        key = ladder.levels[ladder.count - 1].key if ladder.count else 0
        if ladder.count == 0 or key < key_of(side, event.price_ticks):
            return fail(b"an auction's trade is beyond the best price", <const EventRecord *> event)
        take(book, side, key, event.quantity_lots, <const EventRecord *> event)
    return 0


cdef int cancel(Levels *book, const CancelledRecord *event) except -1 nogil:
    cdef int side = side_of(event.side)
    if event.rested:
        stands(book, event.order_id)
        return take(book, side, key_of(side, event.price_ticks), event.leaves_lots, <const EventRecord *> event)
    if event.order_id == book.incoming_id:
        if event.leaves_lots != book.incoming_lots:
            return fail(b"a cancelled rest is not what came in", <const EventRecord *> event)
        book.incoming_id = 0
    return 0


cdef int replace(Levels *book, const ReplacedRecord *event) except -1 nogil:
    cdef int side = side_of(event.side)
    cdef int64_t gone
    if event.state == ORDER_STATE_WAITING:
        return 0
    if event.state == ORDER_STATE_PLAIN:
        gone = event.old_leaves_lots - event.leaves_lots if event.kept_priority else event.old_leaves_lots
        take(book, side, key_of(side, event.old_price_ticks), gone, <const EventRecord *> event)
    if event.kept_priority:
        return 0
    return come_in(book, event.order_id, side, event.price_ticks, event.leaves_lots, event.state)


cdef int trigger(Levels *book, const TriggeredRecord *event) except -1 nogil:
    if event.state == ORDER_STATE_WAITING:
        return 0
    return come_in(book, event.order_id, side_of(event.side), event.price_ticks, event.leaves_lots, event.state)


cdef int restate(Levels *book, const RestatedRecord *event) except -1 nogil:
    cdef int side = side_of(event.side)
    cdef int64_t gone
    if event.rested:
        stands(book, event.order_id)
        gone = event.old_leaves_lots - event.leaves_lots
        return take(book, side, key_of(side, event.price_ticks), gone, <const EventRecord *> event)
    if event.order_id == book.incoming_id:
        book.incoming_key = key_of(side, event.price_ticks)
        book.incoming_lots = event.leaves_lots
    return 0


cdef int show(Levels *book, const ShownRecord *event) except -1 nogil:
    cdef int side = side_of(event.side)
    cdef int64_t key = key_of(side, event.price_ticks)
    stands(book, event.order_id)
    if event.shown_lots > event.old_shown_lots:
        return add(book, side, key, event.shown_lots - event.old_shown_lots)
    return take(book, side, key, event.old_shown_lots - event.shown_lots, <const EventRecord *> event)


cdef int levels_apply(Levels *levels, const EventRecord *event) except -1 nogil:
    """Apply the instrument's next event. Where it begins a command, the one before is complete.

    Raises RuntimeError for events that contradict each other: a cause that goes back, a level that is not there.
    """
    cdef uint8_t kind = event.type
    if event.cause != levels.cause or not levels.under_way:
        if event.cause <= levels.cause:
            return fail(b"a complete command went on", event)
        levels_complete(levels)
        levels.cause = event.cause
        levels.first_number = event.number + levels.offset
        levels.under_way = True
    levels.last_number = event.number + levels.offset
    levels.time_ns = event.time_ns
    if kind == EVT_ACCEPTED:
        return accept(levels, <const AcceptedRecord *> event)
    if kind == EVT_TRADED:
        return trade(levels, <const TradedRecord *> event)
    if kind == EVT_CANCELLED:
        return cancel(levels, <const CancelledRecord *> event)
    if kind == EVT_REPLACED:
        return replace(levels, <const ReplacedRecord *> event)
    if kind == EVT_SHOWN:
        return show(levels, <const ShownRecord *> event)
    if kind == EVT_TRIGGERED:
        return trigger(levels, <const TriggeredRecord *> event)
    if kind == EVT_RESTATED:
        return restate(levels, <const RestatedRecord *> event)
    if kind not in (
        EVT_REJECTED, EVT_PHASE_CHANGED, EVT_INDICATIVE, EVT_PREVENTED, EVT_EXT_CLIENT_ID, EVT_EXT_TERMS,
        EVT_EXT_LIST_NAME
    ):
        return fail(b"a matcher emitted an event that no book knows", event)
    return 0


cdef void levels_move(Levels *levels, uint64_t next_number) noexcept nogil:
    """The instrument goes on in another matcher's ring, with event `next_number` of that."""
    levels.offset = levels.last_number + 1 - next_number if levels.last_number >= next_number else 0


cdef int levels_complete(Levels *levels) except -1 nogil:
    """The last command has no more events: what is incoming rests, and the book may be shown."""
    rest(levels)
    levels.under_way = False
    return 0


cdef Best levels_best(const Levels *levels, int side) noexcept nogil:
    """The best price of a side, and what stands there; all 0 if the side is empty."""
    cdef const Ladder *ladder = &levels.sides[side]
    cdef Best best
    memset(&best, 0, sizeof(best))
    if ladder.count:
        best.count = 1
        best.key = ladder.levels[ladder.count - 1].key
        best.lots = ladder.levels[ladder.count - 1].quantity_lots
    return best


cdef int ascending(const void *a, const void *b) noexcept nogil:
    cdef int64_t x = (<const int64_t *> a)[0]
    cdef int64_t y = (<const int64_t *> b)[0]
    return (x > y) - (x < y)


cdef void changes_sort(Ladder *ladder, int cadence) noexcept nogil:
    """Bring the changed keys of a cadence into ascending order, each once."""
    cdef Keys *keys = &ladder.changes[cadence]
    cdef uint64_t i
    cdef uint64_t kept = 0
    qsort(keys.items, keys.count, sizeof(int64_t), ascending)
    for i in range(keys.count):
        if kept == 0 or keys.items[i] != keys.items[kept - 1]:
            keys.items[kept] = keys.items[i]
            kept += 1
    keys.count = kept


cdef void changes_clear(Ladder *ladder, int cadence) noexcept nogil:
    """Begin a new list of changed keys for a cadence."""
    cdef Keys *keys = &ladder.changes[cadence]
    cdef uint64_t i, at
    for i in range(keys.count):
        at = position(ladder, keys.items[i])
        if at < ladder.count and ladder.levels[at].key == keys.items[i]:
            ladder.levels[at].marks &= ~(<uint64_t> 1 << cadence)
    keys.count = 0


cdef void levels_bare(Levels *levels) noexcept nogil:
    """Make a copy of levels independent: it keeps their counts, and none of their memory."""
    cdef int side
    for side in range(2):
        levels.sides[side].levels = NULL
        levels.sides[side].capacity = levels.sides[side].count
        memset(levels.sides[side].changes, 0, sizeof(levels.sides[side].changes))
    levels.recording = levels.moved = False


cdef int levels_save(const Levels *levels, Saver out) except -1:
    """Write the levels of both sides; the struct itself, bare, goes before them."""
    cdef int side
    for side in range(2):
        out.put(levels.sides[side].levels, levels.sides[side].count * sizeof(Level))
    return 0


cdef int levels_load(Levels *levels, Loader part) except -1:
    """Take the levels of both sides, into the bare struct that was read before them."""
    cdef Ladder *ladder
    cdef uint64_t i
    for side in range(2):
        ladder = &levels.sides[side]
        ladder.capacity = max(ladder.count, <uint64_t> FIRST_CAPACITY)
        ladder.levels = <Level *> malloc(ladder.capacity * sizeof(Level))
        if ladder.levels == NULL:
            raise MemoryError("no memory for a book's levels")
        part.get(ladder.levels, ladder.count * sizeof(Level))
        for i in range(ladder.count):
            ladder.levels[i].marks = 0  # of changes that were due when it was saved
    return 0


cdef void levels_free(Levels *levels) noexcept nogil:
    cdef int side, cadence
    for side in range(2):
        free(levels.sides[side].levels)
        for cadence in range(CADENCES):
            free(levels.sides[side].changes[cadence].items)


cdef class Book:
    """A book of levels for Python callers: tests, verification and tools. Adding or taking costs O(log levels) to find,
    and a move of the levels between the price and the best."""

    def __dealloc__(self):
        levels_free(&self.state)

    def apply(self, bytes record not None) -> None:
        """Apply the next event (120 bytes) of this instrument. RuntimeError if it contradicts those before it."""
        if len(record) != sizeof(AcceptedRecord):
            raise ValueError(f"an event is {sizeof(AcceptedRecord)} bytes, not {len(record)}")
        levels_apply(&self.state, <const EventRecord *> <const char *> record)

    def complete(self) -> None:
        """The last command is complete: there will be no more events of its cause."""
        levels_complete(&self.state)

    @property
    def bids(self) -> list[tuple[int, int]]:
        """(price_ticks, quantity_lots), best first. What is incoming is not in it before its command is complete."""
        cdef Ladder *ladder = &self.state.sides[BIDS]
        return [(ladder.levels[i].key, ladder.levels[i].quantity_lots) for i in reversed(range(ladder.count))]

    @property
    def asks(self) -> list[tuple[int, int]]:
        """(price_ticks, quantity_lots), best first."""
        cdef Ladder *ladder = &self.state.sides[ASKS]
        return [(-ladder.levels[i].key, ladder.levels[i].quantity_lots) for i in reversed(range(ladder.count))]

    def check(self) -> None:
        """Assert what always holds: strictly ordered levels, and none empty."""
        cdef Ladder *ladder
        cdef uint64_t i
        for side in range(2):
            ladder = &self.state.sides[side]
            for i in range(ladder.count):
                assert ladder.levels[i].quantity_lots > 0, "an empty level stands in the book"
                assert i == 0 or ladder.levels[i - 1].key < ladder.levels[i].key, "levels are out of order"
