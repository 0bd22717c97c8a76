"""Orders that wait: stops and trailing stops for their price, others for their list or their auction.

It emits no events: it moves orders between the ladders where they wait, and into the queue of triggered ones.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint8_t, uint32_t

from lockstep.core.schema.records cimport ORD_TYPE_TRAILING_STOP, SIDE_BUY
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.levels cimport Level, level_at
from lockstep.procs.matcher.orders cimport (
    FALLING, QUEUE, RISING, FurtherTerms, Listing, Order, Orders, enchain, is_trading, key_of, link, listing_of,
    order_at, stop_side, terms_at, unchain, unlink,
)


cdef int64_t stop_of(const FurtherTerms *terms, uint8_t side) noexcept nogil:
    """Where a trailing stop stands now: `trail` from its extreme, at least 1, at most the greatest price."""
    cdef int64_t extreme = terms.extreme_ticks
    if side == SIDE_BUY:
        return extreme + terms.trail_ticks if extreme <= INT64_MAX - terms.trail_ticks else INT64_MAX
    return extreme - terms.trail_ticks if extreme > terms.trail_ticks else 1


cdef void begin_trail(Orders orders, uint32_t item) noexcept nogil:
    """A trailing stop counts from the last trade on, else from the reference price."""
    cdef const Order *order = order_at(orders, item)
    cdef Listing *listing = listing_of(orders, order.instrument)
    cdef FurtherTerms *terms = terms_at(orders, order.terms)
    terms.extreme_ticks = listing.last_ticks if listing.has_traded else listing.reference_ticks
    terms.stop_ticks = stop_of(terms, order.side)
    if terms.trails:
        widen(listing, terms, order.side)


cdef int await_price(Orders orders, uint32_t item) except -1 nogil:
    """Let a stop that stands nowhere wait for its stop price; if that was reached already, queue it."""
    cdef const Order *order = order_at(orders, item)
    cdef Listing *listing = listing_of(orders, order.instrument)
    cdef FurtherTerms *terms = terms_at(orders, order.terms)
    cdef int ladder = stop_side(order.side)
    cdef int64_t key = key_of(ladder, terms.stop_ticks)
    if is_trading(listing) and listing.has_traded and key <= key_of(ladder, listing.last_ticks):
        if terms.trails:
            unchain(orders, item)
        return link(orders, item, QUEUE, 0)
    if order.ord_type == ORD_TYPE_TRAILING_STOP:
        if listing.trailing == 0:
            listing.rise_ticks = INT64_MAX
            listing.fall_ticks = INT64_MIN
        if not terms.trails:
            enchain(orders, item)
        widen(listing, terms, order.side)
    return link(orders, item, ladder, key)


cdef void widen(Listing *listing, const FurtherTerms *terms, uint8_t side) noexcept nogil:
    """Note the prices beyond which this trailing stop moves."""
    if side == SIDE_BUY:
        listing.fall_ticks = max(listing.fall_ticks, terms.extreme_ticks)
    else:
        listing.rise_ticks = min(listing.rise_ticks, terms.extreme_ticks)


cdef int look(Orders orders, uint32_t instrument, int64_t price_ticks) except -1 nogil:
    """A trade at this price: trailing stops move, then the stops that it reaches join the queue."""
    cdef Listing *listing = listing_of(orders, instrument)
    if listing.trailing and (price_ticks > listing.rise_ticks or price_ticks < listing.fall_ticks):
        drag(orders, listing, price_ticks)
    trigger(orders, listing, FALLING, price_ticks)
    return trigger(orders, listing, RISING, price_ticks)


cdef int drag(Orders orders, Listing *listing, int64_t price_ticks) except -1 nogil:
    """Move the trailing stops that the price pulls along, by order id: at most MAX_TRAILING."""
    cdef uint32_t at = listing.first_trailing
    cdef uint32_t item
    cdef FurtherTerms *terms
    cdef uint8_t side
    cdef int64_t stop_ticks
    listing.rise_ticks = INT64_MAX
    listing.fall_ticks = INT64_MIN
    while at != NIL:
        terms = terms_at(orders, at)
        at = terms.next
        item = terms.order
        side = order_at(orders, item).side
        if price_ticks < terms.extreme_ticks if side == SIDE_BUY else price_ticks > terms.extreme_ticks:
            terms.extreme_ticks = price_ticks
            stop_ticks = stop_of(terms, side)
            if stop_ticks != terms.stop_ticks:
                terms.stop_ticks = stop_ticks
                unlink(orders, item)
                link(orders, item, stop_side(side), key_of(stop_side(side), stop_ticks))
        widen(listing, terms, side)
    return 0


cdef int trigger(Orders orders, Listing *listing, int ladder, int64_t price_ticks) except -1 nogil:
    """Queue the stops of one side that the price has reached: nearest first, then by when they came to their price."""
    cdef int64_t reached = key_of(ladder, price_ticks)
    cdef const Level *level
    cdef uint32_t item
    while listing.ladders[ladder].best != NIL:
        level = level_at(&orders.levels, listing.ladders[ladder].best)
        if level.key > reached:
            break
        item = level.head
        unlink(orders, item)
        if terms_at(orders, order_at(orders, item).terms).trails:
            unchain(orders, item)
        link(orders, item, QUEUE, 0)
    return 0


cdef uint32_t first_in_queue(Orders orders, uint32_t instrument) noexcept nogil:
    """The order that is to come in next, or NIL."""
    cdef uint32_t at = listing_of(orders, instrument).ladders[QUEUE].best
    return level_at(&orders.levels, at).head if at != NIL else NIL
