"""Continuous trading: one incoming order against resting ones, best price first, then the longest wait.

It decides what an incoming order trades and what becomes of the rest; it lets none in and triggers nothing.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t

from lockstep.core.schema.records cimport (
    CANCEL_REASON_FILL_OR_KILL, CANCEL_REASON_IOC_REMAINDER, CANCEL_REASON_MARKET_REMAINDER,
    CANCEL_REASON_MINIMUM_QUANTITY, CANCEL_REASON_PRICE_BAND, CANCEL_REASON_SELF_TRADE, LIST_KIND_OCO,
    ORDER_STATE_EXPLICIT, ORDER_STATE_PLAIN, ORD_TYPE_LIMIT, RESTATE_REASON_SELF_TRADE, SIDE_BUY, STP_CANCEL_BOTH,
    STP_CANCEL_OLDEST, STP_DECREMENT, STP_NONE, TIF_FOK, TIF_IOC, PreventedRecord, TradedRecord,
)
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.bands cimport both_bands, is_within
from lockstep.procs.matcher.event_writer cimport is_full
from lockstep.procs.matcher.fees cimport base_fee, quote_fee
from lockstep.procs.matcher.fillable_quantity cimport is_enough
from lockstep.procs.matcher.icebergs cimport next_lots, reveal
from lockstep.procs.matcher.incoming cimport Incoming, be_ready
from lockstep.procs.matcher.levels cimport Ladder, Level, int128, level_at
from lockstep.procs.matcher.orders cimport (
    ASKS, BIDS, IS_AT_CLOSE, IS_AT_OPEN, IS_DAY, FurtherTerms, Listing, Order, Orders, book_side, discard, end_with_day,
    is_akin, is_trading, key_of, link, listing_of, new_order, order_at, price_of, terms_at,
)
from lockstep.procs.matcher.resting cimport (
    end_contingent, follow, show_again, show_less, summarize, take_from, withdraw,
)


cdef void come_in(Orders orders, Incoming *incoming, uint32_t item, int64_t price_ticks) noexcept nogil:
    """An open order that stands nowhere now becomes the incoming one."""
    cdef const Order *order = order_at(orders, item)
    cdef bint is_immediate = False
    if order.terms != NIL:
        is_immediate = terms_at(orders, order.terms).time_in_force in (TIF_IOC, TIF_FOK)
    incoming.order_id = order.order_id
    incoming.instrument = order.instrument
    incoming.account = order.account
    incoming.item = item
    incoming.price_ticks = price_ticks
    incoming.leaves_lots = order.leaves_lots
    incoming.filled_lots = order.filled_lots
    incoming.maker_fee_ppm = order.maker_fee_ppm
    incoming.taker_fee_ppm = order.taker_fee_ppm
    incoming.side = order.side
    incoming.ord_type = order.ord_type
    incoming.stp = order.stp
    incoming.flags = order.flags
    incoming.rests = order.flags & (IS_AT_OPEN | IS_AT_CLOSE) or (
        order.ord_type == ORD_TYPE_LIMIT and not is_immediate
    )
    incoming.is_budget = False


cdef void prepare(Orders orders, Incoming *incoming, int64_t minimum_lots, bint is_fok) noexcept nogil:
    """Decide what comes before the first trade: the bands as they are now, and whether enough can trade at all."""
    cdef const Listing *listing = listing_of(orders, incoming.instrument)
    be_ready(incoming)
    incoming.is_careful |= incoming.is_budget or listing.restricts
    if not is_trading(listing):
        return
    if listing.restricts:
        incoming.band = both_bands(listing)
    if is_fok:
        minimum_lots = incoming.leaves_lots
    if minimum_lots and not is_enough(orders, incoming, minimum_lots):
        incoming.ended = CANCEL_REASON_FILL_OR_KILL if is_fok else CANCEL_REASON_MINIMUM_QUANTITY


cdef int match(Orders orders, Incoming *incoming) except -1 nogil:
    """Trade the incoming order while it crosses, then rest or cancel what is left. Returns 0 when out of slots."""
    cdef int against = ASKS if incoming.side == SIDE_BUY else BIDS
    cdef Listing *listing = listing_of(orders, incoming.instrument)
    cdef Ladder *ladder = &listing.ladders[against]
    cdef int64_t limit = key_of(against, incoming.price_ticks)
    cdef uint32_t maker
    cdef const Level *level
    cdef bint goes_on = is_trading(listing)
    while goes_on and incoming.leaves_lots and not incoming.ended and ladder.best != NIL:
        level = level_at(&orders.levels, ladder.best)
        if level.key > limit:
            break
        if is_full(orders.writer):
            return 0
        maker = level.head
        if not incoming.is_careful:
            trade(orders, incoming, maker, price_of(level), incoming.leaves_lots)
        else:
            goes_on = meet(orders, incoming, maker, price_of(level))
    if is_full(orders.writer):
        return 0
    return finish_incoming(orders, incoming)


cdef int finish_incoming(Orders orders, Incoming *incoming) except -1 nogil:
    """The incoming order is done: it is filled, or its rest goes into the book or is cancelled. Returns 1."""
    if incoming.leaves_lots == 0:
        if incoming.item != NIL:
            discard(orders, incoming.item)
    elif incoming.ended:
        give_up(orders, incoming, incoming.ended)
    elif incoming.rests:
        rest(orders, incoming)
    else:
        give_up(orders, incoming, remainder_reason(incoming))
    return 1


cdef uint8_t remainder_reason(const Incoming *incoming) noexcept nogil:
    return CANCEL_REASON_IOC_REMAINDER if incoming.ord_type == ORD_TYPE_LIMIT else CANCEL_REASON_MARKET_REMAINDER


cdef void summarize_incoming(Orders orders, const Incoming *incoming, OrderSummary *summary) noexcept nogil:
    summary.order_id = incoming.order_id
    summary.price_ticks = incoming.price_ticks
    summary.leaves_lots = incoming.leaves_lots
    summary.account = incoming.account
    summary.side = incoming.side
    summary.state = ORDER_STATE_PLAIN
    if incoming.item != NIL and order_at(orders, incoming.item).terms != NIL:
        if terms_at(orders, order_at(orders, incoming.item).terms).display_lots:
            summary.state = ORDER_STATE_EXPLICIT


cdef int give_up(Orders orders, const Incoming *incoming, uint8_t reason) except -1 nogil:
    """Cancel the rest of the incoming order, with the consequences for its list."""
    cdef const FurtherTerms *terms
    cdef uint32_t contingent = NIL
    cdef bint goes_too = False
    cdef OrderSummary summary
    summarize_incoming(orders, incoming, &summary)
    orders.writer.cancelled(&summary, reason, False, NULL)
    if incoming.item == NIL:
        return 0
    if order_at(orders, incoming.item).terms != NIL:
        terms = terms_at(orders, order_at(orders, incoming.item).terms)
        contingent = terms.contingent
        goes_too = terms.list_kind == LIST_KIND_OCO or terms.is_main
    discard(orders, incoming.item)
    return follow(orders, contingent, goes_too)


cdef int rest(Orders orders, Incoming *incoming) except -1 nogil:
    """Put what is left of the incoming order at the tail of its price."""
    cdef int side = book_side(incoming.side)
    cdef uint32_t item = incoming.item
    cdef Order *order
    if item == NIL:
        item = new_order(orders, incoming.order_id, incoming.instrument)
        order = order_at(orders, item)
        order.account = incoming.account
        order.maker_fee_ppm = incoming.maker_fee_ppm
        order.taker_fee_ppm = incoming.taker_fee_ppm
        order.side = incoming.side
        order.ord_type = incoming.ord_type
        order.stp = incoming.stp
        order.flags = incoming.flags
        if incoming.flags & IS_DAY:
            end_with_day(orders, item)
    order = order_at(orders, item)
    order.leaves_lots = incoming.leaves_lots
    order.filled_lots = incoming.filled_lots
    link(orders, item, side, key_of(side, incoming.price_ticks))
    if order.terms != NIL:
        show_again(orders, item, incoming.price_ticks, False)
    return 0


cdef bint meet(Orders orders, Incoming *incoming, uint32_t maker, int64_t price_ticks) except? -1 nogil:
    """The incoming order meets the next resting one; False if it goes no further."""
    cdef const Listing *listing = listing_of(orders, incoming.instrument)
    cdef int64_t most = incoming.leaves_lots
    if incoming.is_budget:
        most = affordable(listing, incoming, price_ticks)
        if most == 0:
            return False
    if listing.restricts and not is_within(&incoming.band, price_ticks):
        if listing.starts_auction:
            incoming.has_breached = True
        else:
            incoming.ended = CANCEL_REASON_PRICE_BAND
        return False
    if incoming.stp > STP_NONE and is_akin(orders, incoming.account, order_at(orders, maker).account):
        return prevent(orders, incoming, maker, price_ticks, most)
    trade(orders, incoming, maker, price_ticks, most)
    return True


cdef int64_t affordable(const Listing *listing, const Incoming *incoming, int64_t price_ticks) except? -1 nogil:
    """How many whole lots the rest of the budget buys at this price. RuntimeError for a price below 1."""
    cdef int128 cost = <int128> listing.unit_value * price_ticks
    if cost <= 0:
        with gil:
            raise RuntimeError(f"a budget meets the price {price_ticks}")
    return <int64_t> (incoming.leaves_lots // cost)


cdef bint prevent(
    Orders orders, Incoming *incoming, uint32_t maker, int64_t price_ticks, int64_t most
) except? -1 nogil:
    """Keep two orders of one owner from trading, as the incoming one's mode says; False if that ends it."""
    cdef uint8_t mode = incoming.stp
    incoming.planned = NIL  # what is left behind an order that goes may be taken in rounds
    if mode == STP_DECREMENT and not incoming.is_budget:
        return decrement(orders, incoming, maker, price_ticks)
    report_prevented(
        orders, incoming, maker, price_ticks, most, mode != STP_CANCEL_OLDEST,
        mode == STP_CANCEL_OLDEST or mode == STP_CANCEL_BOTH,
    )
    if mode == STP_CANCEL_OLDEST or mode == STP_CANCEL_BOTH:
        withdraw(orders, maker, CANCEL_REASON_SELF_TRADE, NULL)
    if mode == STP_CANCEL_OLDEST:
        return True
    incoming.ended = CANCEL_REASON_SELF_TRADE
    return False


cdef void report_prevented(
    Orders orders, const Incoming *incoming, uint32_t item, int64_t price_ticks, int64_t most, bint ends_taker,
    bint ends_maker
) noexcept nogil:
    """Name both orders, before the events that say what prevention does to them."""
    cdef const Order *maker = order_at(orders, item)
    cdef PreventedRecord *event = orders.writer.prevented()
    event.taker_order_id = incoming.order_id
    event.maker_order_id = maker.order_id
    event.price_ticks = price_ticks
    event.quantity_lots = min(most, maker.leaves_lots)
    event.taker_lots = incoming.leaves_lots if ends_taker and not incoming.is_budget else 0
    event.maker_lots = maker.leaves_lots if ends_maker else 0
    if incoming.stp == STP_DECREMENT and not incoming.is_budget:
        event.taker_lots = event.maker_lots = event.quantity_lots
    event.taker_account = incoming.account
    event.maker_account = maker.account
    event.taker_side = incoming.side
    event.mode = incoming.stp
    event.trade_group = orders.groups[incoming.account]


cdef bint decrement(Orders orders, Incoming *incoming, uint32_t maker, int64_t price_ticks) except? -1 nogil:
    """Take the smaller order's leaves off both."""
    cdef Order *order = order_at(orders, maker)
    cdef int64_t lots = min(order.leaves_lots, incoming.leaves_lots)
    cdef OrderSummary summary
    report_prevented(orders, incoming, maker, price_ticks, lots, False, False)
    if order.leaves_lots == lots:
        withdraw(orders, maker, CANCEL_REASON_SELF_TRADE, NULL)
    else:
        summarize(orders, maker, &summary)
        orders.writer.restated(
            &summary, summary.price_ticks, summary.leaves_lots - lots, RESTATE_REASON_SELF_TRADE,
            summary.state == ORDER_STATE_PLAIN,
        )
        order.leaves_lots -= lots
        level_at(&orders.levels, order.level).lots -= lots
        show_less(orders, maker)
    if incoming.leaves_lots == lots:
        incoming.ended = CANCEL_REASON_SELF_TRADE
        return False
    summarize_incoming(orders, incoming, &summary)
    orders.writer.restated(
        &summary, summary.price_ticks, summary.leaves_lots - lots, RESTATE_REASON_SELF_TRADE, False
    )
    incoming.leaves_lots -= lots
    return True


cdef inline int trade(
    Orders orders, Incoming *incoming, uint32_t item, int64_t price_ticks, int64_t most
) except -1 nogil:
    """One match, of at most `most` lots, with the order that has waited longest at the best price."""
    cdef const Listing *listing = listing_of(orders, incoming.instrument)
    cdef const Order *maker = order_at(orders, item)
    cdef int64_t lots = maker.leaves_lots
    cdef bint buys = incoming.side == SIDE_BUY
    cdef int64_t in_base, in_quote
    cdef TradedRecord *event
    if maker.terms != NIL:
        lots = next_lots(orders, incoming, item, most)
        end_contingent(orders, item)
    if incoming.item != NIL:
        end_contingent(orders, incoming.item)
    if lots > most:
        lots = most
    if maker.terms != NIL:
        reveal(orders, item, lots)
    in_base = base_fee(listing.lot_units, lots, incoming.taker_fee_ppm if buys else maker.maker_fee_ppm)
    in_quote = quote_fee(
        listing.unit_value, price_ticks, lots, maker.maker_fee_ppm if buys else incoming.taker_fee_ppm
    )
    event = orders.writer.traded()
    note_trade(listing_of(orders, incoming.instrument), incoming, price_ticks, lots)
    event.maker_order_id = maker.order_id
    event.taker_order_id = incoming.order_id
    event.price_ticks = price_ticks
    event.quantity_lots = lots
    event.maker_leaves_lots = maker.leaves_lots - lots
    event.taker_leaves_lots = incoming.leaves_lots
    event.maker_fee = in_quote if buys else in_base
    event.taker_fee = in_base if buys else in_quote
    event.maker_account = maker.account
    event.taker_account = incoming.account
    event.taker_side = incoming.side
    return take_from(orders, item, lots)


cdef inline void note_trade(Listing *listing, Incoming *incoming, int64_t price_ticks, int64_t lots) noexcept nogil:
    """Take a trade off the incoming order, and remember the prices that stops and bands look at."""
    if incoming.is_budget:
        incoming.leaves_lots -= lots * price_ticks * listing.unit_value  # no more than the budget: 64 bits
    else:
        incoming.leaves_lots -= lots
        incoming.filled_lots += lots
    if not incoming.has_traded:
        incoming.has_traded = True
        incoming.first_ticks = price_ticks
    incoming.last_ticks = price_ticks
    listing.has_traded = True
    listing.last_ticks = price_ticks


cdef bint crosses(Orders orders, uint32_t instrument, uint8_t side, int64_t price_ticks) noexcept nogil:
    """Whether the best order of the other side is at this price or a better one."""
    cdef int against = ASKS if side == SIDE_BUY else BIDS
    cdef uint32_t best = listing_of(orders, instrument).ladders[against].best
    return best != NIL and level_at(&orders.levels, best).key <= key_of(against, price_ticks)


cdef int64_t passive_price(Orders orders, uint32_t instrument, uint8_t side) noexcept nogil:
    """The best price that does not cross where one does; 0 if there is none above 0."""
    cdef int against = ASKS if side == SIDE_BUY else BIDS
    cdef int64_t best = price_of(level_at(&orders.levels, listing_of(orders, instrument).ladders[against].best))
    if side == SIDE_BUY:
        return best - 1 if best > 1 else 0
    return best + 1 if 0 <= best < INT64_MAX else 0
