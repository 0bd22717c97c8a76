"""The aggregated levels of one instrument, rebuilt from its matcher's events alone.

It is a pure function of the events, command by command; it knows no stream, text or subscriber, and keeps no orders.

What an event does::

    ACCEPTED            a limit GTC order's quantity comes in; an IOC or market order's too, but will never rest
    TRADED              the maker's level, at the trade's price, and the incoming quantity shrink
    CANCELLED rested    its level shrinks          CANCELLED not rested    the incoming quantity is gone
    REPLACED            the old level shrinks; the new leaves come in, as with ACCEPTED
    REJECTED            nothing

The incoming quantity is put into the book when its command is complete, so that no level appears which never stood. A
matcher trades an incoming order until it is used up or no longer crosses, and cancels what may not rest. So a command
is complete as soon as nothing is incoming, or what is incoming rests without crossing: the events tell it by
themselves, and nobody waits for the next command to know. So between commands the book is never crossed; an event that
would go on from a crossed book is an error.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, qsort, realloc
from libc.string cimport memmove

from shm.records cimport (
    EVT_ACCEPTED, EVT_CANCELLED, EVT_REJECTED, EVT_REPLACED, EVT_TRADED, ORD_TYPE_LIMIT, SIDE_BUY, TIF_GTC,
    AcceptedRecord, CancelledRecord, EventRecord, ReplacedRecord, TradedRecord,
)

cdef enum:
    FIRST_CAPACITY = 64


cdef int fail(const char *what, const EventRecord *event) except -1 nogil:
    """Events that contradict the book are a bug of ours: the process ends."""
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
    """The lots at `key`, 0 where there is no such level."""
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


cdef inline void come_in(Levels *book, uint64_t order_id, int side, int64_t price_ticks, int64_t lots, bint rests) \
        noexcept nogil:
    book.incoming_id = order_id
    book.incoming_side = side
    book.incoming_key = key_of(side, price_ticks)
    book.incoming_lots = lots
    book.rests = rests


cdef int trade(Levels *book, const TradedRecord *event) except -1 nogil:
    cdef int maker = ASKS if event.taker_side == SIDE_BUY else BIDS
    if event.taker_order_id != book.incoming_id or event.quantity_lots > book.incoming_lots:
        return fail(b"a trade's taker is not what came in", <const EventRecord *> event)
    book.incoming_lots -= event.quantity_lots
    return take(book, maker, key_of(maker, event.price_ticks), event.quantity_lots, <const EventRecord *> event)


cdef int cancel(Levels *book, const CancelledRecord *event) except -1 nogil:
    cdef int side = side_of(event.side)
    if event.rested:
        return take(book, side, key_of(side, event.price_ticks), event.leaves_lots, <const EventRecord *> event)
    if event.order_id != book.incoming_id or event.leaves_lots != book.incoming_lots:
        return fail(b"a cancelled rest is not what came in", <const EventRecord *> event)
    book.incoming_lots = 0
    return 0


cdef int replace(Levels *book, const ReplacedRecord *event) except -1 nogil:
    cdef int side = side_of(event.side)
    take(book, side, key_of(side, event.old_price_ticks), event.old_leaves_lots, <const EventRecord *> event)
    come_in(book, event.order_id, side, event.price_ticks, event.leaves_lots, True)
    return 0


cdef int apply(Levels *book, const EventRecord *event) except -1 nogil:
    cdef const AcceptedRecord *accepted
    if event.type == EVT_ACCEPTED:
        accepted = <const AcceptedRecord *> event
        come_in(
            book, accepted.order_id, side_of(accepted.side), accepted.price_ticks, accepted.quantity_lots,
            accepted.ord_type == ORD_TYPE_LIMIT and accepted.time_in_force == TIF_GTC,
        )
    elif event.type == EVT_TRADED:
        trade(book, <const TradedRecord *> event)
    elif event.type == EVT_CANCELLED:
        cancel(book, <const CancelledRecord *> event)
    elif event.type == EVT_REPLACED:
        replace(book, <const ReplacedRecord *> event)
    elif event.type != EVT_REJECTED:
        fail(b"a matcher emitted an event that no book knows", event)
    return 0


cdef inline bint crosses(const Levels *book, int side, int64_t key) noexcept nogil:
    """Whether a price of `side` meets the best of the other side."""
    cdef const Ladder *other = &book.sides[1 - side]
    return other.count > 0 and key >= -other.levels[other.count - 1].key


cdef int levels_apply(Levels *levels, const EventRecord *event) except -1 nogil:
    """Apply the instrument's next event. Returns 1 when its command is complete and the book may be shown, else 0.

    Raises RuntimeError for events that contradict each other: an unfinished command, a level that is not there.
    """
    cdef bint crossing
    if not levels.under_way:
        if event.cause <= levels.cause:
            fail(b"a complete command went on", event)
        levels.cause = event.cause
        levels.first_number = event.number
        levels.incoming_id = 0
        levels.incoming_lots = 0
        levels.under_way = True
    elif event.cause != levels.cause:
        fail(b"the command before was not completed", event)
    levels.last_number = event.number
    levels.time_ns = event.time_ns
    apply(levels, event)
    if levels.incoming_lots > 0:
        crossing = crosses(levels, levels.incoming_side, levels.incoming_key)
        if crossing or not levels.rests:
            return 0
        add(levels, levels.incoming_side, levels.incoming_key, levels.incoming_lots)
        levels.incoming_lots = 0
    levels.under_way = False
    return 1


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

    def apply(self, bytes record not None) -> bool:
        """Apply the next event (120 bytes) of this instrument; True when its command is complete.

        RuntimeError where the event contradicts those before it.
        """
        if len(record) != sizeof(AcceptedRecord):
            raise ValueError(f"an event is {sizeof(AcceptedRecord)} bytes, not {len(record)}")
        return levels_apply(&self.state, <const EventRecord *> <const char *> record) == 1

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
        """Assert what always holds: strictly ordered levels, none empty, and no crossing between commands."""
        cdef Ladder *ladder
        cdef uint64_t i
        for side in range(2):
            ladder = &self.state.sides[side]
            for i in range(ladder.count):
                assert ladder.levels[i].quantity_lots > 0, "an empty level stands in the book"
                assert i == 0 or ladder.levels[i - 1].key < ladder.levels[i].key, "levels are out of order"
        if not self.state.under_way and self.state.sides[BIDS].count:
            ladder = &self.state.sides[BIDS]
            assert not crosses(&self.state, BIDS, ladder.levels[ladder.count - 1].key), "the book is crossed"
