"""What is true of a matcher's orders between any two steps: for tests and replays.

It changes nothing, and costs a look at every order there is.
"""

from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.schema.records cimport ORD_TYPE_STOP, ORD_TYPE_TRAILING_STOP
from lockstep.core.tables.index cimport Index, index_check, tag_of_serial
from lockstep.core.tables.pool cimport NIL, pool_check
from lockstep.procs.matcher.expiry cimport heap_check
from lockstep.procs.matcher.levels cimport Ladder, Level, int128, ladder_check, level_at, levels_check
from lockstep.procs.matcher.orders cimport (
    ASKS, BIDS, FALLING, IS_SHARED_DAY, LADDERS, OWNER_STEP, PARKED, RISING, FurtherTerms, Listing, Order, book_side,
    find, is_trading, key_of, ladder_of, listing_of, order_at, price_of, stop_side, terms_at,
)

# What the walk over all orders has counted.
cdef struct Tally:
    uint64_t orders
    uint64_t levels
    uint64_t with_terms
    uint64_t expiring
    uint64_t day_orders     # of one instrument
    uint64_t trailing       # of one instrument


cdef uint32_t tag_of_item(const Index *index, const char *item) noexcept nogil:
    return tag_of_serial(index, (<const Order *> item).order_id)


cdef int check_orders(Orders orders, uint32_t incoming, bint is_busy) except -1:
    """AssertionError unless everything that is kept twice agrees. `incoming` (or NIL) is open and stands nowhere.

    In mid-command (`is_busy`) a book may be crossed, and expiring orders are on their way out of the heap.
    """
    cdef Tally tally = Tally(0, 0, 0, 0, 0, 0)
    cdef uint32_t instrument, i
    for i in range(orders.listed_count):
        instrument = orders.listed[i]
        assert i == 0 or orders.listed[i - 1] < instrument, "the numbers of instruments are out of order"
        tally.day_orders = tally.trailing = 0
        if incoming != NIL and order_at(orders, incoming).instrument == instrument:
            check_incoming(orders, incoming, &tally)
        check_listing(orders, instrument, &tally, is_busy)
    pool_check(&orders.pool)
    pool_check(&orders.terms)
    assert levels_check(&orders.levels) == tally.levels, "there are levels that no ladder has"
    assert index_check(&orders.by_id, &orders.pool, tag_of_item) == tally.orders, "index and queues differ"
    assert orders.pool.live == tally.orders, f"{orders.pool.live} orders in the pool, {tally.orders} in the queues"
    assert orders.terms.live == tally.with_terms, f"{orders.terms.live} terms, {tally.with_terms} orders with any"
    expiring = heap_check(&orders.expiries, &orders.terms)
    assert expiring == tally.expiring, f"{expiring} orders in the heap, {tally.expiring} say so"
    return 0


cdef int check_incoming(Orders orders, uint32_t item, Tally *tally) except -1:
    cdef const Order *order = order_at(orders, item)
    assert order.level == NIL, f"the incoming order {order.order_id} stands somewhere"
    tally.orders += 1
    tally.day_orders += order.flags & IS_SHARED_DAY != 0
    if order.terms != NIL:
        check_terms(orders, item, tally, True)
    return 0


cdef int check_listing(Orders orders, uint32_t instrument, Tally *tally, bint is_busy) except -1:
    cdef const Listing *listing = listing_of(orders, instrument)
    cdef const Ladder *ladders = &listing.ladders[0]
    cdef uint32_t item
    cdef int ladder
    for ladder in range(LADDERS):
        ladder_check(&orders.levels, &ladders[ladder], instrument * OWNER_STEP + ladder)
        tally.levels += ladders[ladder].count
        item = ladders[ladder].best
        while item != NIL:
            check_level(orders, item, tally, is_busy)
            item = level_at(&orders.levels, item).worse
    assert listing.day_orders == tally.day_orders, f"{listing.day_orders} DAY orders, {tally.day_orders} found"
    check_chain(orders, listing, tally.trailing)
    if ladders[ASKS].best != NIL and ladders[BIDS].best != NIL and is_trading(listing) and not is_busy:
        ask = price_of(level_at(&orders.levels, ladders[ASKS].best))
        bid = price_of(level_at(&orders.levels, ladders[BIDS].best))
        assert bid < ask, f"instrument {instrument} is crossed: {bid} is bid and {ask} is asked"
    return 0


cdef int check_level(Orders orders, uint32_t at, Tally *tally, bint is_busy) except -1:
    """AssertionError unless links, sums and the index are right, and its orders may stand there."""
    cdef const Level *level = level_at(&orders.levels, at)
    cdef uint32_t item = level.head
    cdef uint32_t before = NIL
    cdef uint32_t count = 0
    cdef int128 lots = 0
    cdef const Order *order
    while item != NIL:
        order = order_at(orders, item)
        assert order.level == at and order.instrument == level.owner // OWNER_STEP, f"{order.order_id} is misplaced"
        assert order.prev == before, f"order {order.order_id} does not link back"
        assert order.leaves_lots > 0 and order.filled_lots >= 0, f"order {order.order_id} has nothing left"
        assert find(orders, order.order_id, order.instrument) == item, f"order {order.order_id} is not in the index"
        check_place(orders, item, level, tally)
        if order.terms != NIL:
            check_terms(orders, item, tally, is_busy)
        lots += order.leaves_lots
        count += 1
        before = item
        item = order.next
    tally.orders += count
    assert level.tail == before and level.orders == count > 0, f"level {at} counts {level.orders}, not {count}"
    assert level.lots == lots, f"level {at} sums its orders up wrongly"
    return 0


cdef int check_place(Orders orders, uint32_t item, const Level *level, Tally *tally) except -1:
    """AssertionError unless the order is one that may stand on this ladder, at this key."""
    cdef const Order *order = order_at(orders, item)
    cdef int ladder = ladder_of(level)
    cdef const FurtherTerms *terms = terms_at(orders, order.terms)
    tally.day_orders += order.flags & IS_SHARED_DAY != 0
    if ladder <= BIDS:
        assert ladder == book_side(order.side), f"order {order.order_id} rests on the wrong side"
        if order.terms != NIL and terms.display_lots:
            most = min(terms.display_lots, order.leaves_lots)
            assert 0 < terms.shown_lots <= most, f"order {order.order_id} shows {terms.shown_lots} of {most}"
        return 0
    assert order.terms != NIL, f"order {order.order_id} waits and has no terms"
    if ladder == FALLING or ladder == RISING:
        assert order.ord_type >= ORD_TYPE_STOP and ladder == stop_side(order.side), f"{order.order_id} is no such stop"
        assert key_of(ladder, terms.stop_ticks) == level.key, f"order {order.order_id} is at another stop price"
        assert terms.trails == (order.ord_type == ORD_TYPE_TRAILING_STOP), f"{order.order_id} is in the wrong chain"
    else:
        assert not terms.trails, f"order {order.order_id} waits for no price, and trails"
        assert ladder == PARKED or level.key == 0, "the queue has more than one key"
    return 0


cdef int check_terms(Orders orders, uint32_t item, Tally *tally, bint is_busy) except -1:
    """AssertionError unless terms, their order, its contingent order and the heap know each other."""
    cdef const Order *order = order_at(orders, item)
    cdef const FurtherTerms *terms = terms_at(orders, order.terms)
    tally.with_terms += 1
    tally.trailing += terms.trails
    tally.expiring += terms.place != 0
    assert terms.order == item, f"the terms of order {order.order_id} are another's"
    assert is_busy or (terms.place != 0) == (terms.expire_ns != 0), f"order {order.order_id} won't expire in time"
    if terms.contingent != NIL:
        other = terms_at(orders, order_at(orders, terms.contingent).terms)
        assert other.contingent == item and other.list_kind == terms.list_kind, f"{order.order_id}: the lists differ"
        assert other.is_main != terms.is_main, f"order {order.order_id} and its contingent: both first, or neither"
    return 0


cdef int check_chain(Orders orders, const Listing *listing, uint64_t trailing) except -1:
    """AssertionError unless the chain of trailing stops has all of them, by order id, and the prices that move them."""
    cdef uint32_t at = listing.first_trailing
    cdef uint32_t before = NIL
    cdef uint64_t count = 0
    cdef const FurtherTerms *terms
    while at != NIL:
        terms = terms_at(orders, at)
        assert terms.prev == before and terms.trails, "the chain of trailing stops does not link back"
        order_id = order_at(orders, terms.order).order_id
        if before != NIL:
            assert order_at(orders, terms_at(orders, before).order).order_id < order_id, "the chain is out of order"
        if stop_side(order_at(orders, terms.order).side) == RISING:
            assert listing.fall_ticks >= terms.extreme_ticks, f"a fall that moves {order_id} would be missed"
        else:
            assert listing.rise_ticks <= terms.extreme_ticks, f"a rise that moves {order_id} would be missed"
        count += 1
        before = at
        at = terms.next
    assert listing.last_trailing == before and listing.trailing == count == trailing, "trailing stops are miscounted"
    return 0
