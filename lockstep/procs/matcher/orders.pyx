"""The open orders of a matcher: where each stands, its terms, and what ends with it.

An order stands on a level of a ladder of its instrument, in the book or waiting, and
ends with its event; its list ends with it as the list's kind says. Prices are decided elsewhere.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from lockstep.core.schema.records cimport (
    ORD_TYPE_STOP, ORDER_FLAG_POST_ONLY, ORDER_FLAG_SLIDE, TIF_AT_THE_CLOSE, TIF_AT_THE_OPEN, TIF_DAY,
)
from lockstep.core.tables.index cimport index_close, index_open, index_put, index_remove
from lockstep.core.tables.pool cimport pool_close, pool_give, pool_open, pool_take
from lockstep.procs.matcher.event_writer cimport EventWriter
from lockstep.procs.matcher.expiry cimport heap_close, heap_open, heap_put, heap_remove, next_day_end
from lockstep.procs.matcher.levels cimport levels_close, levels_open

cdef enum:
    FIRST_TERMS = 1024

assert sizeof(Order) == 56
assert PARKED < LADDERS <= OWNER_STEP


cdef class Orders:
    """Nothing is listed at first. Pools for `orders` and `levels` are there from the start."""

    def __cinit__(self, EventWriter writer, uint32_t orders, uint32_t levels):
        self.writer = writer
        pool_open(&self.pool, sizeof(Order), orders, scattered=True)
        pool_open(&self.terms, sizeof(FurtherTerms), FIRST_TERMS)
        index_open(&self.by_id)
        levels_open(&self.levels, levels)
        heap_open(&self.expiries, FIRST_TERMS)
        self.groups = <uint32_t *> calloc(MAX_ACCOUNTS, sizeof(uint32_t))
        if self.groups == NULL:
            raise MemoryError("no memory for the groups of accounts")

    def __dealloc__(self):
        pool_close(&self.pool)
        pool_close(&self.terms)
        index_close(&self.by_id)
        levels_close(&self.levels)
        heap_close(&self.expiries)
        free(self.groups)
        free(self.listings)
        free(self.listed)


cdef int list_instrument(Orders orders, const InstrumentRecord *command) except -1 nogil:
    """List an instrument, or change a listed one's definition; its orders stay. RuntimeError for a number too large."""
    cdef Listing *listing = list_number(orders, command.instrument)
    listing.unit_value = command.unit_value
    listing.lot_units = command.lot_units
    listing.collar_bps = command.collar_bps
    listing.reference_ticks = command.reference_price_ticks
    return 0


cdef Listing *list_number(Orders orders, uint32_t instrument) except NULL nogil:
    """The listing with this number, which trades from now on if it was not listed. RuntimeError, MemoryError."""
    cdef uint32_t place
    cdef Listing *listing
    if instrument >= MAX_INSTRUMENTS:
        with gil:
            raise RuntimeError(f"instrument {instrument} is out of range")
    if instrument >= orders.listing_count:
        grow_listings(orders, instrument)
    listing = listing_of(orders, instrument)
    if listing.is_listed:
        return listing
    if orders.listed_count == orders.listed_capacity:
        grow_listed(orders)
    listing.is_listed = True
    listing.phase = PHASE_CONTINUOUS
    place = orders.listed_count
    while place > 0 and orders.listed[place - 1] > instrument:
        orders.listed[place] = orders.listed[place - 1]
        place -= 1
    orders.listed[place] = instrument
    orders.listed_count += 1
    return listing


cdef void unlist_instrument(Orders orders, uint32_t instrument) noexcept nogil:
    """Forget an instrument that has no orders."""
    cdef uint32_t place = 0
    while orders.listed[place] != instrument:
        place += 1
    orders.listed_count -= 1
    while place < orders.listed_count:
        orders.listed[place] = orders.listed[place + 1]
        place += 1
    memset(listing_of(orders, instrument), 0, sizeof(Listing))


cdef int grow_listed(Orders orders) except -1 nogil:
    cdef uint32_t capacity = 2 * orders.listed_capacity if orders.listed_capacity else 64
    cdef uint32_t *grown = <uint32_t *> realloc(orders.listed, capacity * sizeof(uint32_t))
    if grown == NULL:
        with gil:
            raise MemoryError(f"no memory for the numbers of {capacity} instruments")
    orders.listed = grown
    orders.listed_capacity = capacity
    return 0


cdef int grow_listings(Orders orders, uint32_t instrument) except -1 nogil:
    cdef uint32_t count = orders.listing_count if orders.listing_count else 64
    cdef Listing *grown
    while count <= instrument:
        count *= 2
    grown = <Listing *> realloc(orders.listings, count * sizeof(Listing))
    if grown == NULL:
        with gil:
            raise MemoryError(f"no memory for {count} instruments")
    memset(grown + orders.listing_count, 0, (count - orders.listing_count) * sizeof(Listing))
    orders.listings = grown
    orders.listing_count = count
    return 0


cdef uint32_t new_order(Orders orders, uint64_t order_id, uint32_t instrument) except 0 nogil:
    """An order that stands nowhere and has no terms yet; the caller fills in the rest. MemoryError."""
    cdef uint32_t item = pool_take(&orders.pool)
    cdef Order *order = order_at(orders, item)
    order.order_id = order_id
    order.instrument = instrument
    order.level = NIL
    order.terms = NIL
    index_put(&orders.by_id, tag_of_serial(&orders.by_id, order_id), item)
    return item


cdef uint32_t open_order(Orders orders, const NewOrderRecord *command) except 0 nogil:
    """An order as its command has it; the caller adds further terms. MemoryError."""
    cdef uint32_t item = new_order(orders, command.seq, command.instrument)
    cdef Order *order = order_at(orders, item)
    order.account = command.account
    order.leaves_lots = command.quantity_lots
    order.filled_lots = 0
    order.maker_fee_ppm = command.maker_fee_ppm
    order.taker_fee_ppm = command.taker_fee_ppm
    order.side = command.side
    order.ord_type = command.ord_type
    order.stp = command.stp
    order.flags = order_flags(command)
    if order.flags & IS_DAY:
        end_with_day(orders, item)
    return item


cdef uint8_t order_flags(const NewOrderRecord *command) noexcept nogil:
    """The flags of Order that a command asks for."""
    cdef uint8_t flags = 0
    if command.time_in_force == TIF_DAY:
        flags |= IS_DAY
    elif command.time_in_force == TIF_AT_THE_OPEN:
        flags |= IS_AT_OPEN
    elif command.time_in_force == TIF_AT_THE_CLOSE:
        flags |= IS_AT_CLOSE
    if command.flags & ORDER_FLAG_POST_ONLY and command.ord_type < ORD_TYPE_STOP:  # once triggered, a stop may take
        flags |= IS_POST_ONLY
    if command.flags & ORDER_FLAG_SLIDE:
        flags |= SLIDES
    return flags


cdef int end_with_day(Orders orders, uint32_t item) except -1 nogil:
    """Let a DAY order expire at the next end of its instrument's day.

    Orders that end with the listing's day need no memory for it. Those that come after a day's end and before its tick,
    or after the end was changed, have a time of their own.
    """
    cdef Order *order = order_at(orders, item)
    cdef Listing *listing = listing_of(orders, order.instrument)
    cdef uint64_t ends_ns = next_day_end(orders.writer.head.time_ns, listing.day_end_s)
    cdef FurtherTerms *terms
    if listing.day_orders == 0:
        listing.day_ends_ns = ends_ns
        orders.is_due_stale = True
    if listing.day_ends_ns == ends_ns:
        order.flags |= IS_SHARED_DAY
        listing.day_orders += 1
        return 0
    terms_of(orders, item)
    order = order_at(orders, item)
    terms = terms_at(orders, order.terms)
    terms.expire_ns = ends_ns
    return heap_put(&orders.expiries, &orders.terms, order.terms)


cdef uint32_t terms_of(Orders orders, uint32_t item) except 0 nogil:
    """The item of an order's terms; an order without any gets one. MemoryError."""
    cdef Order *order = order_at(orders, item)
    if order.terms == NIL:
        order.terms = pool_take(&orders.terms)
        memset(terms_at(orders, order.terms), 0, sizeof(FurtherTerms))
        terms_at(orders, order.terms).order = item
    return order.terms


cdef void forget_terms(Orders orders, uint32_t item) noexcept nogil:
    """An order that comes in no longer waits: keep only the terms that still matter, and free them if none does."""
    cdef Order *order = order_at(orders, item)
    cdef FurtherTerms *terms = terms_at(orders, order.terms)
    if terms.trails:
        unchain(orders, item)
    terms.stop_ticks = terms.trail_ticks = terms.minimum_lots = 0
    if terms.display_lots == 0 and terms.expire_ns == 0 and terms.contingent == NIL:
        pool_give(&orders.terms, order.terms)
        order.terms = NIL


cdef int link(Orders orders, uint32_t item, int ladder, int64_t key) except -1 nogil:
    """Put an order that stands nowhere at the tail of a level. MemoryError."""
    cdef Order *order = order_at(orders, item)
    cdef Listing *listing = listing_of(orders, order.instrument)
    cdef uint32_t owner = order.instrument * OWNER_STEP + ladder
    cdef uint32_t at = level_find(&orders.levels, owner, key)
    cdef Level *level
    if at == NIL:
        at = level_add(&orders.levels, &listing.ladders[ladder], owner, key)
    level = level_at(&orders.levels, at)
    order.level = at
    order.next = NIL
    order.prev = level.tail
    if level.tail != NIL:
        order_at(orders, level.tail).next = item
    else:
        level.head = item
    level.tail = item
    level.orders += 1
    level.lots += order.leaves_lots
    listing.has_changed |= ladder <= BIDS
    return 0


cdef void unlink(Orders orders, uint32_t item) noexcept nogil:
    """Take an order off its level, and remove the level if it was the last there."""
    cdef Order *order = order_at(orders, item)
    cdef Level *level = level_at(&orders.levels, order.level)
    cdef Listing *listing = listing_of(orders, order.instrument)
    cdef int ladder = ladder_of(level)
    if order.prev != NIL:
        order_at(orders, order.prev).next = order.next
    else:
        level.head = order.next
    if order.next != NIL:
        order_at(orders, order.next).prev = order.prev
    else:
        level.tail = order.prev
    level.orders -= 1
    level.lots -= order.leaves_lots
    if level.orders == 0:
        level_remove(&orders.levels, &listing.ladders[ladder], order.level)
    order.level = NIL
    listing.has_changed |= ladder <= BIDS


cdef void to_tail(Orders orders, uint32_t item) noexcept nogil:
    """Move an order to the tail of its level."""
    cdef Order *order = order_at(orders, item)
    cdef Level *level = level_at(&orders.levels, order.level)
    if order.next == NIL:
        return
    order_at(orders, order.next).prev = order.prev
    if order.prev != NIL:
        order_at(orders, order.prev).next = order.next
    else:
        level.head = order.next
    order_at(orders, level.tail).next = item
    order.prev = level.tail
    order.next = NIL
    level.tail = item


cdef void discard(Orders orders, uint32_t item) noexcept nogil:
    """Close an order, wherever it stands, and forget it."""
    cdef Order *order = order_at(orders, item)
    if order.level != NIL:
        unlink(orders, item)
    if order.flags & IS_SHARED_DAY:
        listing_of(orders, order.instrument).day_orders -= 1
    if order.terms != NIL:
        discard_terms(orders, item)
    index_remove(&orders.by_id, tag_of_serial(&orders.by_id, order.order_id), item)
    pool_give(&orders.pool, item)


cdef void discard_terms(Orders orders, uint32_t item) noexcept nogil:
    cdef Order *order = order_at(orders, item)
    cdef FurtherTerms *terms = terms_at(orders, order.terms)
    if terms.trails:
        unchain(orders, item)
    if terms.place != 0:
        heap_remove(&orders.expiries, &orders.terms, order.terms)
    if terms.contingent != NIL:
        part(orders, item)
    pool_give(&orders.terms, order.terms)
    order.terms = NIL


cdef void part(Orders orders, uint32_t item) noexcept nogil:
    """Unlink the two orders of a list."""
    cdef FurtherTerms *terms = terms_at(orders, order_at(orders, item).terms)
    terms_at(orders, order_at(orders, terms.contingent).terms).contingent = NIL
    terms.contingent = NIL


cdef void enchain(Orders orders, uint32_t item) noexcept nogil:
    """A trailing stop waits for its price: add it to the chain, by order id. It is nearly always the youngest."""
    cdef const Order *order = order_at(orders, item)
    cdef Listing *listing = listing_of(orders, order.instrument)
    cdef FurtherTerms *terms = terms_at(orders, order.terms)
    cdef uint32_t before = listing.last_trailing
    while before != NIL and order_at(orders, terms_at(orders, before).order).order_id > order.order_id:
        before = terms_at(orders, before).prev
    terms.trails = True
    terms.prev = before
    terms.next = terms_at(orders, before).next if before != NIL else listing.first_trailing
    if terms.next != NIL:
        terms_at(orders, terms.next).prev = order.terms
    else:
        listing.last_trailing = order.terms
    if before != NIL:
        terms_at(orders, before).next = order.terms
    else:
        listing.first_trailing = order.terms
    listing.trailing += 1


cdef void unchain(Orders orders, uint32_t item) noexcept nogil:
    cdef const Order *order = order_at(orders, item)
    cdef Listing *listing = listing_of(orders, order.instrument)
    cdef FurtherTerms *terms = terms_at(orders, order.terms)
    if terms.prev != NIL:
        terms_at(orders, terms.prev).next = terms.next
    else:
        listing.first_trailing = terms.next
    if terms.next != NIL:
        terms_at(orders, terms.next).prev = terms.prev
    else:
        listing.last_trailing = terms.prev
    terms.trails = False
    listing.trailing -= 1
