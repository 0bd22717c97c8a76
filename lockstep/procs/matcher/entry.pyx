"""How orders come in: what an instrument refuses, what waits, what becomes the incoming order.

It trades nothing: it makes the incoming order, and the events that are before its first trade.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memset

from lockstep.core.schema.records cimport (
    CANCEL_REASON_LIST, CANCEL_REASON_NO_FUNDS, CODE_CANCEL_ONLY, CODE_DELISTED, CODE_HALTED,
    CODE_MARKET_CLOSED, CODE_NOT_IN_THIS_PHASE, CODE_OK, CODE_PRICE_OUTSIDE_BAND, CODE_TOO_MANY_TRAILING,
    CODE_WOULD_TAKE, LIST_KIND_OCO, ORDER_FLAG_BUDGET, ORDER_FLAG_LIST, ORDER_FLAG_LIST_NAME,
    ORDER_FLAG_POSS_RESEND, ORDER_FLAG_POST_ONLY, ORDER_FLAG_TERMS,
    ORDER_STATE_EXPLICIT, ORDER_STATE_PLAIN, ORDER_STATE_WAITING, ORD_TYPE_LIMIT, ORD_TYPE_MARKET, ORD_TYPE_STOP,
    ORD_TYPE_STOP_LIMIT, ORD_TYPE_TRAILING_STOP, PHASE_CANCEL_ONLY, PHASE_CLOSED, PHASE_CLOSING_AUCTION,
    PHASE_DELISTED, PHASE_HALT, PHASE_PRE_OPEN, RESTATE_REASON_SLID, SIDE_BUY, TIF_AT_THE_CLOSE, TIF_AT_THE_OPEN,
    TIF_FOK, TIF_IOC, TRIGGER_REASON_LIST, TRIGGER_REASON_STOP, ExtTermsEventRecord,
)
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.bands cimport Band, collar, is_within, static_band
from lockstep.procs.matcher.event_writer cimport OrderSummary
from lockstep.procs.matcher.expiry cimport heap_put
from lockstep.procs.matcher.incoming cimport be_ready
from lockstep.procs.matcher.levels cimport Level, level_at
from lockstep.procs.matcher.matching cimport come_in, crosses, passive_price, prepare, summarize_incoming
from lockstep.procs.matcher.orders cimport (
    FOR_CLOSE, FOR_LIST, FOR_OPEN, IS_AT_CLOSE, IS_AT_OPEN, IS_POST_ONLY, PARKED, SLIDES, FurtherTerms, find,
    forget_terms, is_auction, is_trading, ladder_of, link, listing_of, open_order, opens, order_at, order_flags,
    terms_at, terms_of, unlink,
)
from lockstep.procs.matcher.resting cimport end_contingent, summarize, withdraw
from lockstep.procs.matcher.stop_orders cimport MAX_TRAILING, await_price, begin_trail

cdef ExtTermsRecord NO_TERMS
memset(&NO_TERMS, 0, sizeof(NO_TERMS))

# What an instrument must allow before an order comes in.
cdef struct Asked:
    uint32_t instrument
    uint8_t side
    uint8_t ord_type
    uint8_t time_in_force
    uint8_t flags           # of Order
    bint has_minimum
    int64_t price_ticks


cdef void note_terms(Extensions *extensions, const ExtTermsRecord *command) noexcept nogil:
    extensions.terms = command[0]


cdef void note_leg(Extensions *extensions, const ExtLegRecord *command) noexcept nogil:
    """The leg's own terms, if any, came right before it."""
    extensions.leg = command[0]
    extensions.leg_terms = extensions.terms if command.flags & ORDER_FLAG_TERMS else NO_TERMS


cdef void note_name(Extensions *extensions, const ExtListNameRecord *command) noexcept nogil:
    extensions.name = command[0]


cdef const char *name_before(const NewOrderRecord *command, const Extensions *extensions) noexcept nogil:
    """The name that the command gives its list; NULL if it gives none."""
    if command.flags & ORDER_FLAG_LIST_NAME:
        return extensions.name.name
    return NULL


cdef const ExtTermsRecord *terms_before(const NewOrderRecord *command, const Extensions *extensions) noexcept nogil:
    """The further terms of an order, all 0 if it has none."""
    return &extensions.terms if command.flags & ORDER_FLAG_TERMS else &NO_TERMS


cdef bint enter(
    Orders orders, Incoming *incoming, const NewOrderRecord *command, const Extensions *extensions
) except? -1 nogil:
    """Refuse a new order or list of two, let it wait, or make it the incoming order: then True."""
    cdef const Listing *listing = listing_of(orders, command.instrument)
    cdef const ExtTermsRecord *terms = terms_before(command, extensions)
    cdef bint is_plain = (
        command.flags & ~ORDER_FLAG_POSS_RESEND == 0 and is_trading(listing) and not listing.restricts
        and command.ord_type <= ORD_TYPE_LIMIT and command.time_in_force != TIF_AT_THE_OPEN
        and command.time_in_force != TIF_AT_THE_CLOSE and command.time_in_force != TIF_FOK
    )
    if is_plain:
        orders.writer.accepted(command, ORDER_STATE_PLAIN)
        take_in(orders, incoming, command)
        be_ready(incoming)
        return True
    if command.flags & ORDER_FLAG_LIST:
        return enter_list(orders, incoming, command, terms, extensions)
    return enter_unusual(orders, incoming, command, terms)


cdef inline void take_in(Orders orders, Incoming *incoming, const NewOrderRecord *command) noexcept nogil:
    """The command's order becomes the incoming one, and an open one only if it comes to rest."""
    incoming.order_id = command.seq
    incoming.instrument = command.instrument
    incoming.account = command.account
    incoming.item = NIL
    incoming.price_ticks = command.price_ticks
    incoming.leaves_lots = command.quantity_lots
    incoming.filled_lots = 0
    incoming.maker_fee_ppm = command.maker_fee_ppm
    incoming.taker_fee_ppm = command.taker_fee_ppm
    incoming.side = command.side
    incoming.ord_type = command.ord_type
    incoming.stp = command.stp
    incoming.flags = order_flags(command)
    incoming.rests = incoming.flags & (IS_AT_OPEN | IS_AT_CLOSE) or (
        command.ord_type == ORD_TYPE_LIMIT and command.time_in_force != TIF_IOC and command.time_in_force != TIF_FOK
    )
    incoming.is_budget = command.flags & ORDER_FLAG_BUDGET


cdef bint enter_unusual(
    Orders orders, Incoming *incoming, const NewOrderRecord *command, const ExtTermsRecord *terms
) except? -1 nogil:
    cdef int code = judge_command(orders, command, terms)
    cdef bint waits = has_to_wait(listing_of(orders, command.instrument), command)
    cdef uint32_t item = NIL
    if code != CODE_OK:
        orders.writer.refused_order(command, code)
        return False
    if waits or terms.display_lots or terms.expire_ns:
        item = open_with_terms(orders, command, terms)
    if command.ord_type == ORD_TYPE_TRAILING_STOP:
        begin_trail(orders, item)
    accept(orders, command, item, terms, waits)
    if waits:
        begin_waiting(orders, item)
        return False
    work_from_entry(orders, incoming, command, item, terms)
    return True


cdef bint enter_list(
    Orders orders, Incoming *incoming, const NewOrderRecord *command, const ExtTermsRecord *terms,
    const Extensions *extensions,
) except? -1 nogil:
    """A list of two orders: the first, a limit order, comes in."""
    cdef const NewOrderRecord *leg = <const NewOrderRecord *> &extensions.leg
    cdef int code = judge_command(orders, command, terms)
    cdef const char *name = name_before(command, extensions)
    cdef bint is_oco = extensions.leg.list_kind == LIST_KIND_OCO
    cdef uint32_t item, leg_item
    if code == CODE_OK and is_oco:
        code = judge_command(orders, leg, &extensions.leg_terms)
    if code != CODE_OK:
        orders.writer.refused_order(command, code)
        orders.writer.refused_order(leg, code)
        return False
    leg_item = open_with_terms(orders, leg, &extensions.leg_terms)
    item = open_with_terms(orders, command, terms)
    marry(orders, item, leg_item, <uint8_t> extensions.leg.list_kind)
    orders.writer.list_name(name)
    accept(orders, command, item, terms, False)
    work_from_entry(orders, incoming, command, item, terms)
    if is_oco and leg.ord_type == ORD_TYPE_TRAILING_STOP:
        begin_trail(orders, leg_item)
    orders.writer.list_name(name)
    accept(orders, leg, leg_item, &extensions.leg_terms, True)
    if is_oco:
        await_price(orders, leg_item)
    else:
        link(orders, leg_item, PARKED, FOR_LIST)
    return True


cdef void marry(Orders orders, uint32_t main, uint32_t leg, uint8_t list_kind) noexcept nogil:
    cdef FurtherTerms *terms = terms_at(orders, order_at(orders, main).terms)
    cdef FurtherTerms *leg_terms = terms_at(orders, order_at(orders, leg).terms)
    terms.contingent = leg
    leg_terms.contingent = main
    terms.is_main = True
    terms.list_kind = leg_terms.list_kind = list_kind


cdef int judge_command(Orders orders, const NewOrderRecord *command, const ExtTermsRecord *terms) noexcept nogil:
    cdef Asked asked
    cdef int code
    asked.instrument = command.instrument
    asked.side = command.side
    asked.ord_type = command.ord_type
    asked.time_in_force = command.time_in_force
    asked.flags = order_flags(command)
    asked.has_minimum = terms.minimum_lots != 0
    asked.price_ticks = command.price_ticks
    code = judge(orders, &asked)
    if code == CODE_OK and command.flags & ORDER_FLAG_POST_ONLY and is_past(orders, command, terms.stop_price_ticks):
        return CODE_WOULD_TAKE
    return code


cdef bint is_past(Orders orders, const NewOrderRecord *command, int64_t stop_ticks) noexcept nogil:
    """Whether an order is a stop whose price the last trade has reached: it would trigger at once."""
    cdef const Listing *listing = listing_of(orders, command.instrument)
    if command.ord_type != ORD_TYPE_STOP and command.ord_type != ORD_TYPE_STOP_LIMIT:
        return False
    if not is_trading(listing) or not listing.has_traded:
        return False
    return listing.last_ticks >= stop_ticks if command.side == SIDE_BUY else listing.last_ticks <= stop_ticks


cdef int judge(Orders orders, const Asked *asked) noexcept nogil:
    """Why an instrument doesn't let an order in now, or CODE_OK."""
    cdef const Listing *listing = listing_of(orders, asked.instrument)
    cdef int code = still_code(listing)
    if code != CODE_OK:
        return code
    if collects(listing) and not can_be_collected(asked):
        return CODE_NOT_IN_THIS_PHASE
    if is_outside(listing, asked.ord_type, asked.price_ticks):
        return CODE_PRICE_OUTSIDE_BAND
    if asked.ord_type == ORD_TYPE_TRAILING_STOP and listing.trailing >= MAX_TRAILING:
        return CODE_TOO_MANY_TRAILING
    if would_take(orders, asked.instrument, asked.side, asked.price_ticks, asked.flags):
        return CODE_WOULD_TAKE
    return CODE_OK


cdef int still_code(const Listing *listing) noexcept nogil:
    """Why no order may come in or change at all in this phase, or CODE_OK."""
    if listing.phase == PHASE_CLOSED:
        return CODE_MARKET_CLOSED
    if listing.phase == PHASE_HALT:
        return CODE_HALTED
    if listing.phase == PHASE_CANCEL_ONLY:
        return CODE_CANCEL_ONLY
    return CODE_DELISTED if listing.phase == PHASE_DELISTED else CODE_OK


cdef bint collects(const Listing *listing) noexcept nogil:
    """Whether orders come into the book and nothing trades."""
    return listing.phase == PHASE_PRE_OPEN or is_auction(listing.phase)


cdef bint can_be_collected(const Asked *asked) noexcept nogil:
    """Whether an order can rest or wait where nothing trades."""
    if asked.ord_type >= ORD_TYPE_STOP or asked.flags & (IS_AT_OPEN | IS_AT_CLOSE):
        return True
    return (
        asked.ord_type == ORD_TYPE_LIMIT and asked.time_in_force != TIF_IOC and asked.time_in_force != TIF_FOK
        and not asked.flags & IS_POST_ONLY and not asked.has_minimum
    )


cdef bint is_outside(const Listing *listing, uint8_t ord_type, int64_t price_ticks) noexcept nogil:
    """Whether the static band refuses an order's own price."""
    cdef Band band
    if not listing.restricts or listing.starts_auction:
        return False
    if ord_type != ORD_TYPE_LIMIT and ord_type != ORD_TYPE_STOP_LIMIT:
        return False
    band = static_band(listing)
    return not is_within(&band, price_ticks)


cdef bint would_take(
    Orders orders, uint32_t instrument, uint8_t side, int64_t price_ticks, uint8_t flags
) noexcept nogil:
    """Whether a post-only order would trade at once and can't slide: it may not, or there is no price for it."""
    if not flags & IS_POST_ONLY or not is_trading(listing_of(orders, instrument)):
        return False
    if not crosses(orders, instrument, side, price_ticks):
        return False
    return not flags & SLIDES or passive_price(orders, instrument, side) == 0


cdef bint has_to_wait(const Listing *listing, const NewOrderRecord *command) noexcept nogil:
    """Whether an order is for later: a stop, or for an auction that is not on."""
    if command.ord_type >= ORD_TYPE_STOP:
        return True
    if command.time_in_force == TIF_AT_THE_OPEN:
        return not opens(listing.phase)
    return command.time_in_force == TIF_AT_THE_CLOSE and listing.phase != PHASE_CLOSING_AUCTION


cdef uint32_t open_with_terms(
    Orders orders, const NewOrderRecord *command, const ExtTermsRecord *given
) except 0 nogil:
    """An open order, which stands nowhere yet, with all its terms. MemoryError."""
    cdef uint32_t item = open_order(orders, command)
    cdef uint32_t at = terms_of(orders, item)
    cdef FurtherTerms *terms = terms_at(orders, at)
    terms.price_ticks = command.price_ticks
    terms.stop_ticks = given.stop_price_ticks
    terms.trail_ticks = given.trail_ticks
    terms.display_lots = given.display_lots
    terms.minimum_lots = given.minimum_lots
    terms.time_in_force = command.time_in_force
    if given.expire_ns != 0:
        terms.expire_ns = given.expire_ns
        heap_put(&orders.expiries, &orders.terms, at)
    return item


cdef int accept(
    Orders orders, const NewOrderRecord *command, uint32_t item, const ExtTermsRecord *given, bint waits
) except -1 nogil:
    """The order's ACCEPTED, after its further terms if the command has any."""
    cdef uint8_t state = ORDER_STATE_EXPLICIT if given.display_lots else ORDER_STATE_PLAIN
    cdef const FurtherTerms *terms = NULL
    cdef ExtTermsEventRecord *event
    if item != NIL:
        terms = terms_at(orders, order_at(orders, item).terms)
    if command.flags & ORDER_FLAG_TERMS or (terms != NULL and terms.contingent != NIL):
        event = orders.writer.terms()
        event.stop_price_ticks = terms.stop_ticks if terms != NULL else given.stop_price_ticks
        event.trail_ticks = given.trail_ticks
        event.display_lots = given.display_lots
        event.minimum_lots = given.minimum_lots
        event.expire_ns = given.expire_ns
        if terms != NULL and terms.contingent != NIL:
            event.mate_order_id = order_at(orders, terms.contingent).order_id
            event.list_kind = terms.list_kind
    orders.writer.accepted(command, ORDER_STATE_WAITING if waits else state)
    return 0


cdef int begin_waiting(Orders orders, uint32_t item) except -1 nogil:
    cdef const Order *order = order_at(orders, item)
    if order.ord_type >= ORD_TYPE_STOP:
        return await_price(orders, item)
    return link(orders, item, PARKED, FOR_OPEN if order.flags & IS_AT_OPEN else FOR_CLOSE)


cdef void work_from_entry(
    Orders orders, Incoming *incoming, const NewOrderRecord *command, uint32_t item, const ExtTermsRecord *given
) noexcept nogil:
    """An accepted order becomes the incoming one."""
    if item == NIL:
        take_in(orders, incoming, command)
    else:
        come_in(orders, incoming, item, command.price_ticks)
        forget_terms(orders, item)
    slide(orders, incoming)
    prepare(orders, incoming, given.minimum_lots, command.time_in_force == TIF_FOK)


cdef void slide(Orders orders, Incoming *incoming) noexcept nogil:
    """Slide an incoming post-only order that would trade to the best price at which it does not."""
    cdef OrderSummary summary
    if not incoming.flags & IS_POST_ONLY or not is_trading(listing_of(orders, incoming.instrument)):
        return
    if not crosses(orders, incoming.instrument, incoming.side, incoming.price_ticks):
        return
    summarize_incoming(orders, incoming, &summary)
    incoming.price_ticks = passive_price(orders, incoming.instrument, incoming.side)
    orders.writer.restated(&summary, incoming.price_ticks, incoming.leaves_lots, RESTATE_REASON_SLID, False)


cdef bint activate(Orders orders, Incoming *incoming, const ActivateRecord *command) except? -1 nogil:
    """An order that waited for its list begins to work, or is cancelled. True if it is the incoming order now."""
    cdef uint32_t item = find(orders, command.order_id, command.instrument)
    cdef const Order *order
    cdef const FurtherTerms *terms
    cdef Asked asked
    if item == NIL or not awaits_activation(orders, order_at(orders, item)):
        return False
    if command.verdict != CODE_OK:
        withdraw(orders, item, CANCEL_REASON_NO_FUNDS, NULL)
        return False
    order = order_at(orders, item)
    terms = terms_at(orders, order.terms)
    asked.instrument = order.instrument
    asked.side = order.side
    asked.ord_type = order.ord_type
    asked.time_in_force = terms.time_in_force
    asked.flags = order.flags
    asked.has_minimum = terms.minimum_lots != 0
    asked.price_ticks = terms.price_ticks
    if judge(orders, &asked) != CODE_OK:
        withdraw(orders, item, CANCEL_REASON_LIST, NULL)
        return False
    if order.ord_type < ORD_TYPE_STOP:
        start(orders, incoming, item, TRIGGER_REASON_LIST)
        return True
    return await_from_list(orders, item)


cdef bint awaits_activation(Orders orders, const Order *order) noexcept nogil:
    cdef const Level *level = level_at(&orders.levels, order.level)
    return (
        ladder_of(level) == PARKED and level.key == FOR_LIST and terms_at(orders, order.terms).contingent == NIL
    )


cdef bint await_from_list(Orders orders, uint32_t item) except? -1 nogil:
    """A stop whose list let it go now waits for its price. Returns False."""
    cdef OrderSummary summary
    summarize(orders, item, &summary)
    orders.writer.triggered(&summary, 0, TRIGGER_REASON_LIST)
    unlink(orders, item)
    if order_at(orders, item).ord_type == ORD_TYPE_TRAILING_STOP:
        begin_trail(orders, item)
    await_price(orders, item)
    return False


cdef int start(Orders orders, Incoming *incoming, uint32_t item, uint8_t reason) except -1 nogil:
    """A waiting order begins to work: it becomes the incoming one."""
    cdef Order *order = order_at(orders, item)
    cdef FurtherTerms *terms
    cdef int64_t minimum_lots
    cdef OrderSummary summary
    end_contingent(orders, item)
    summarize(orders, item, &summary)
    terms = terms_at(orders, order.terms)
    minimum_lots = terms.minimum_lots
    summary.state = ORDER_STATE_EXPLICIT if terms.display_lots else ORDER_STATE_PLAIN
    if order.ord_type == ORD_TYPE_TRAILING_STOP:
        summary.price_ticks = triggered_price(listing_of(orders, order.instrument), order, terms)
    orders.writer.triggered(&summary, terms.stop_ticks if reason == TRIGGER_REASON_STOP else 0, reason)
    if order.ord_type == ORD_TYPE_STOP_LIMIT:
        order.ord_type = ORD_TYPE_LIMIT
    elif order.ord_type >= ORD_TYPE_STOP:
        order.ord_type = ORD_TYPE_MARKET
    unlink(orders, item)
    come_in(orders, incoming, item, summary.price_ticks)
    forget_terms(orders, item)
    slide(orders, incoming)
    prepare(orders, incoming, minimum_lots, False)
    return 0


cdef int64_t triggered_price(const Listing *listing, const Order *order, const FurtherTerms *terms) noexcept nogil:
    """Derive a trailing stop's worst price from its stop price again; a buy's is covered by a hold and never grows."""
    cdef int64_t worst = collar(terms.stop_ticks, order.side, listing.collar_bps)
    return min(worst, terms.price_ticks) if order.side == SIDE_BUY else worst
