"""Whether an incoming order could trade a quantity at once, as fill-or-kill and minimum quantity ask.

It changes nothing: it walks the levels that the order would trade with, hidden quantities included.
"""

from libc.stdint cimport int64_t, uint32_t

from lockstep.core.schema.records cimport SIDE_BUY, STP_CANCEL_BOTH, STP_CANCEL_NEWEST, STP_NONE
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.bands cimport is_within
from lockstep.procs.matcher.levels cimport Level, int128, level_at
from lockstep.procs.matcher.orders cimport (
    ASKS, BIDS, Listing, Order, is_akin, key_of, listing_of, matchable, order_at, price_of,
)


cdef bint is_enough(Orders orders, const Incoming *incoming, int64_t wanted) noexcept nogil:
    """Whether `wanted` lots are there within the order's price and bands, its own group's orders left out."""
    cdef int against = ASKS if incoming.side == SIDE_BUY else BIDS
    cdef const Listing *listing = listing_of(orders, incoming.instrument)
    cdef int64_t limit = key_of(against, incoming.price_ticks)
    cdef uint32_t item = listing.ladders[against].best
    cdef int128 found = 0
    cdef const Level *level
    while item != NIL and found < wanted:
        level = level_at(&orders.levels, item)
        if level.key > limit or (listing.restricts and not is_within(&incoming.band, price_of(level))):
            break
        if incoming.stp <= STP_NONE:
            found += level.lots
        elif not add_others(orders, incoming, level, &found):
            break
        item = level.worse
    return found >= wanted


cdef bint add_others(Orders orders, const Incoming *incoming, const Level *level, int128 *found) noexcept nogil:
    """Add what others have at a level; False if the order's mode ends it at the first order of its own group.

    Orders ahead of that one count only with what they show: their hidden part comes after it.
    """
    cdef bint ends = incoming.stp == STP_CANCEL_NEWEST or incoming.stp == STP_CANCEL_BOTH
    cdef uint32_t item = level.head
    cdef int128 whole = 0
    cdef int128 shown = 0
    cdef const Order *order
    while item != NIL:
        order = order_at(orders, item)
        if not is_akin(orders, incoming.account, order.account):
            whole += order.leaves_lots
            shown += matchable(orders, order)
        elif ends:
            found[0] += shown
            return False
        item = order.next
    found[0] += whole
    return True
