"""Auctions: at which price the two sides of a book trade most, and the trades of an auction that ends.

It decides nothing about when an auction begins or ends. A price is found in one pass over the levels that cross.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint32_t

from lockstep.core.schema.records cimport SIDE_BUY, TRADE_FLAG_AUCTION, TradedRecord
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.event_writer cimport is_full
from lockstep.procs.matcher.fees cimport base_fee, quote_fee
from lockstep.procs.matcher.icebergs cimport reveal
from lockstep.procs.matcher.levels cimport level_at
from lockstep.procs.matcher.orders cimport ASKS, BIDS, Order, listing_of, order_at, price_of
from lockstep.procs.matcher.resting cimport end_contingent, take_from

# The best prices found so far: all with the same volume and imbalance, whatever its sign.
cdef struct Choice:
    bint is_made
    int128 lots
    int128 imbalance        # without its sign
    int64_t low_ticks
    int64_t high_ticks
    bint all_want           # at each, buyers want more
    bint all_give           # at each, sellers give more


cdef Crossing crossing_of(const Levels *levels, const Listing *listing) noexcept nogil:
    """The auction price of a book, what trades there and what is left over: O(levels that cross).

    Of all limit prices from the best ask to the best bid: the most volume, then the least imbalance, then the side that
    presses, then the reference price.
    """
    cdef Choice choice
    cdef Crossing crossing
    cdef uint32_t ask = listing.ladders[ASKS].best
    cdef uint32_t bid = listing.ladders[BIDS].best
    crossing.price_ticks = 0
    crossing.lots = crossing.imbalance = 0
    if ask == NIL or bid == NIL or price_at(levels, ask) > price_at(levels, bid):
        return crossing
    choice.is_made = False
    weigh_all(levels, ask, bid, &choice)
    crossing.price_ticks = chosen_price(&choice, listing)
    return volume_at(levels, ask, bid, crossing.price_ticks)


cdef inline int64_t price_at(const Levels *levels, uint32_t item) noexcept nogil:
    return price_of(level_at(levels, item))


cdef void weigh_all(const Levels *levels, uint32_t ask, uint32_t bid, Choice *choice) noexcept nogil:
    """Weigh each price that is a limit, from the best ask up to the best bid."""
    cdef int64_t price_ticks = price_at(levels, ask)
    cdef int128 wanted = 0
    cdef int128 given = 0
    cdef uint32_t lowest = bid
    cdef bint goes_on = True
    while True:  # down to the lowest bid that crosses
        wanted += level_at(levels, lowest).lots
        bid = level_at(levels, lowest).worse
        if bid == NIL or price_at(levels, bid) < price_ticks:
            break
        lowest = bid
    bid = lowest
    while goes_on:
        if ask != NIL and price_at(levels, ask) == price_ticks:
            given += level_at(levels, ask).lots
            ask = level_at(levels, ask).worse
        weigh(choice, price_ticks, wanted, given)
        if bid != NIL and price_at(levels, bid) == price_ticks:
            wanted -= level_at(levels, bid).lots
            bid = level_at(levels, bid).better
        goes_on = bid != NIL
        if goes_on:
            price_ticks = price_at(levels, bid)
            if ask != NIL and price_at(levels, ask) < price_ticks:
                price_ticks = price_at(levels, ask)


cdef void weigh(Choice *choice, int64_t price_ticks, int128 wanted, int128 given) noexcept nogil:
    """Keep this price, the highest so far, if none was better, along with earlier ones that are as good."""
    cdef int128 lots = min(wanted, given)
    cdef int128 imbalance = wanted - given if wanted > given else given - wanted
    if choice.is_made and (lots < choice.lots or (lots == choice.lots and imbalance > choice.imbalance)):
        return
    if not choice.is_made or lots > choice.lots or imbalance < choice.imbalance:
        choice.is_made = True
        choice.lots = lots
        choice.imbalance = imbalance
        choice.low_ticks = price_ticks
        choice.all_want = choice.all_give = True
    choice.high_ticks = price_ticks
    choice.all_want = choice.all_want and wanted > given
    choice.all_give = choice.all_give and given > wanted


cdef int64_t chosen_price(const Choice *choice, const Listing *listing) noexcept nogil:
    cdef int64_t reference_ticks = listing.last_ticks if listing.has_traded else listing.reference_ticks
    if choice.all_want:
        return choice.high_ticks
    if choice.all_give or (reference_ticks == 0 and not listing.has_traded):
        return choice.low_ticks
    return min(max(reference_ticks, choice.low_ticks), choice.high_ticks)


cdef Crossing volume_at(const Levels *levels, uint32_t ask, uint32_t bid, int64_t price_ticks) noexcept nogil:
    cdef int128 wanted = 0
    cdef int128 given = 0
    cdef Crossing crossing
    while bid != NIL and price_at(levels, bid) >= price_ticks:
        wanted += level_at(levels, bid).lots
        bid = level_at(levels, bid).worse
    while ask != NIL and price_at(levels, ask) <= price_ticks:
        given += level_at(levels, ask).lots
        ask = level_at(levels, ask).worse
    crossing.price_ticks = price_ticks
    crossing.lots = min(wanted, given)
    crossing.imbalance = wanted - given
    return crossing


cdef int64_t narrow(int128 lots) noexcept nogil:
    """The nearest quantity of 64 bits."""
    if lots > INT64_MAX:
        return INT64_MAX
    return -INT64_MAX if lots < -INT64_MAX else <int64_t> lots


cdef int uncross(Orders orders, uint32_t instrument, Uncrossing *auction) except -1 nogil:
    """Trade all that crosses at the auction's price. Returns 1 when that is done, and 0 when out of slots."""
    cdef Listing *listing = listing_of(orders, instrument)
    cdef uint32_t ask, bid
    if not auction.is_priced:
        auction.price_ticks = crossing_of(&orders.levels, listing).price_ticks
        auction.lots = 0
        auction.is_priced = True
    while True:
        ask = listing.ladders[ASKS].best
        bid = listing.ladders[BIDS].best
        if ask == NIL or bid == NIL:
            return 1
        if price_at(&orders.levels, ask) > auction.price_ticks or price_at(&orders.levels, bid) < auction.price_ticks:
            return 1
        if is_full(orders.writer):
            return 0
        auction.lots += trade_pair(
            orders, listing, level_at(&orders.levels, bid).head, level_at(&orders.levels, ask).head,
            auction.price_ticks,
        )


cdef int64_t trade_pair(
    Orders orders, Listing *listing, uint32_t bid, uint32_t ask, int64_t price_ticks
) except -1 nogil:
    """One match of an auction, between the orders that are first on each side; returns its lots.

    Icebergs take part with their whole quantity.
    """
    cdef const Order *buyer = order_at(orders, bid)
    cdef const Order *seller = order_at(orders, ask)
    cdef bint buyer_is_maker = buyer.order_id < seller.order_id
    cdef uint32_t maker = bid if buyer_is_maker else ask
    cdef uint32_t taker = ask if buyer_is_maker else bid
    cdef int64_t lots = min(buyer.leaves_lots, seller.leaves_lots)
    end_contingent(orders, maker)
    end_contingent(orders, taker)
    reveal(orders, maker, lots)
    reveal(orders, taker, lots)
    tell_pair(orders, listing, maker, taker, price_ticks, lots)
    listing.has_traded = True
    listing.last_ticks = price_ticks
    take_from(orders, maker, lots)
    take_from(orders, taker, lots)
    return lots


cdef int tell_pair(
    Orders orders, const Listing *listing, uint32_t maker_item, uint32_t taker_item, int64_t price_ticks, int64_t lots
) except -1 nogil:
    cdef const Order *maker = order_at(orders, maker_item)
    cdef const Order *taker = order_at(orders, taker_item)
    cdef bint buys = taker.side == SIDE_BUY
    cdef int64_t in_base = base_fee(listing.lot_units, lots, taker.taker_fee_ppm if buys else maker.maker_fee_ppm)
    cdef int64_t in_quote = quote_fee(
        listing.unit_value, price_ticks, lots, maker.maker_fee_ppm if buys else taker.taker_fee_ppm
    )
    cdef TradedRecord *event = orders.writer.traded()
    event.maker_order_id = maker.order_id
    event.taker_order_id = taker.order_id
    event.price_ticks = price_ticks
    event.quantity_lots = lots
    event.maker_leaves_lots = maker.leaves_lots - lots
    event.taker_leaves_lots = taker.leaves_lots - lots
    event.maker_fee = in_quote if buys else in_base
    event.taker_fee = in_base if buys else in_quote
    event.maker_account = maker.account
    event.taker_account = taker.account
    event.taker_side = taker.side
    event.flags = TRADE_FLAG_AUCTION
    return 0
