"""What a book looks like from outside, for tests and tools: levels and queues as lists of numbers.

It changes nothing, and no command needs it.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.levels cimport Level, level_at, level_find
from lockstep.procs.matcher.orders cimport OWNER_STEP, Order, key_of, listing_of, matchable, order_at, price_of


cdef list depth_of(Orders orders, uint32_t instrument, int ladder):
    """A ladder's levels, best first: price in ticks, sum of leaves in lots, hidden too, number of orders."""
    cdef const Level *level
    cdef uint32_t item = listing_of(orders, instrument).ladders[ladder].best
    found = []
    while item != NIL:
        level = level_at(&orders.levels, item)
        lots = (<int64_t> (level.lots >> 64)) * 2**64 + <uint64_t> level.lots
        found.append((price_of(level), lots, level.orders))
        item = level.worse
    return found


cdef list shown_of(Orders orders, uint32_t instrument, int ladder):
    """A ladder's levels, best first: price in ticks, and what the book shows there."""
    rows = []
    for price_ticks, _, _ in depth_of(orders, instrument, ladder):
        standing = standing_at(orders, instrument, ladder, price_ticks)
        rows.append((price_ticks, sum([shown for _, _, shown in standing])))
    return rows


cdef list standing_at(Orders orders, uint32_t instrument, int ladder, int64_t price_ticks):
    """The orders on one level: order_id, leaves, and what one match may take, in lots."""
    cdef uint32_t at = level_find(&orders.levels, instrument * OWNER_STEP + ladder, key_of(ladder, price_ticks))
    cdef uint32_t item = level_at(&orders.levels, at).head if at != NIL else NIL
    cdef const Order *order
    found = []
    while item != NIL:
        order = order_at(orders, item)
        found.append((order.order_id, order.leaves_lots, matchable(orders, order)))
        item = order.next
    return found
