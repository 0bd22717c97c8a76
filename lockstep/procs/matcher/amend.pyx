"""Cancels and replaces of open orders: what is refused, what keeps its place, what comes in again.

It trades nothing: an order that loses its place in the book becomes the incoming one.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from lockstep.core.schema.client_ids cimport copy_own_id
from lockstep.core.schema.records cimport (
    CANCEL_REASON_REQUESTED, CL_ORD_ID_SIZE, CODE_DELISTED, CODE_DISPLAY_TOO_LARGE, CODE_HALTED, CODE_OK,
    CODE_ORDER_CLOSED, CODE_PRICE_OUTSIDE_BAND, CODE_QUANTITY_BELOW_FILLED, CODE_TERMS_NOT_ALLOWED, CODE_WOULD_TAKE,
    ORDER_STATE_EXPLICIT, ORDER_STATE_PLAIN, PHASE_DELISTED, PHASE_HALT,
)
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.entry cimport is_outside, slide, still_code, would_take
from lockstep.procs.matcher.event_writer cimport OrderSummary, answers
from lockstep.procs.matcher.expiry cimport heap_put, heap_remove
from lockstep.procs.matcher.incoming cimport be_ready
from lockstep.procs.matcher.levels cimport Level, int128, level_at
from lockstep.procs.matcher.matching cimport come_in, prepare
from lockstep.procs.matcher.orders cimport (
    IS_DAY, IS_SHARED_DAY, PARKED, QUEUE, FurtherTerms, Listing, Order, find, is_in_book, is_trading, ladder_of,
    listing_of, order_at, price_of, terms_at, unlink,
)
from lockstep.procs.matcher.resting cimport show_less, summarize, tell_terms, withdraw
from lockstep.procs.matcher.stop_orders cimport await_price, begin_trail


cdef int cancel(Orders orders, const CancelRecord *command) except -1 nogil:
    cdef uint8_t phase = listing_of(orders, command.instrument).phase
    cdef uint32_t item = find(orders, command.order_id, command.instrument)
    cdef int code = CODE_OK
    cdef char own_id[CL_ORD_ID_SIZE]
    answers(orders.writer, command.order_id, command.session, command.msg_seq_num)
    if phase == PHASE_HALT:
        code = CODE_HALTED
    elif phase == PHASE_DELISTED:
        code = CODE_DELISTED
    elif item == NIL:
        code = CODE_ORDER_CLOSED
    if code != CODE_OK:
        orders.writer.refused(<const ReplaceRecord *> command, command.order_id, 0, 0, command.side, code)
        return 0
    copy_own_id(own_id, <const ReplaceRecord *> command)
    return withdraw(orders, item, CANCEL_REASON_REQUESTED, own_id)


cdef bint replace(
    Orders orders, Incoming *incoming, const ReplaceRecord *command, const ExtTermsRecord *terms
) except? -1 nogil:
    """Change price, quantity and, unless NULL, `terms`. Returns True if the order comes in again."""
    cdef uint32_t item = find(orders, command.order_id, command.instrument)
    cdef int code
    answers(orders.writer, command.order_id, command.session, command.msg_seq_num)
    if item != NIL and terms == NULL and is_plain(orders, item) and is_above_filled(orders, item, command):
        return replace_plain(orders, incoming, item, command)
    code = judge_replace(orders, command, item, terms)
    if code != CODE_OK:
        orders.writer.refused(
            command, command.order_id, command.price_ticks, command.quantity_lots,
            order_at(orders, item).side if item != NIL else 0, code,
        )
        return False
    if terms != NULL and terms.expire_ns != 0:
        expire_at(orders, order_at(orders, item).terms, terms.expire_ns)
    if is_in_book(orders, order_at(orders, item)):
        return replace_resting(orders, incoming, command, item, terms)
    return replace_waiting(orders, command, item, terms)


cdef inline bint is_plain(Orders orders, uint32_t item) noexcept nogil:
    """Whether an order has nothing but a price and a quantity to decide about."""
    cdef const Order *order = order_at(orders, item)
    cdef const Listing *listing = listing_of(orders, order.instrument)
    return (
        order.terms == NIL and not order.flags & ~(IS_DAY | IS_SHARED_DAY) and is_trading(listing)
        and not listing.restricts
    )


cdef inline bint is_above_filled(Orders orders, uint32_t item, const ReplaceRecord *command) noexcept nogil:
    return command.quantity_lots > order_at(orders, item).filled_lots


cdef bint replace_plain(
    Orders orders, Incoming *incoming, uint32_t item, const ReplaceRecord *command
) except? -1 nogil:
    """`replace_resting` of a plain order, as nearly all are."""
    cdef Order *order = order_at(orders, item)
    cdef Level *level = level_at(&orders.levels, order.level)
    cdef int64_t leaves_lots = command.quantity_lots - order.filled_lots
    cdef bint kept
    cdef OrderSummary summary
    summary.price_ticks = price_of(level)
    summary.leaves_lots = order.leaves_lots
    summary.order_id = order.order_id
    summary.side = order.side
    summary.state = ORDER_STATE_PLAIN
    kept = summary.price_ticks == command.price_ticks and leaves_lots <= order.leaves_lots
    orders.writer.replaced(command, &summary, leaves_lots, kept)
    if kept:
        level.lots -= order.leaves_lots - leaves_lots
        order.leaves_lots = leaves_lots
        return False
    unlink(orders, item)
    order.leaves_lots = leaves_lots
    come_in(orders, incoming, item, command.price_ticks)
    be_ready(incoming)
    return True


cdef int judge_replace(
    Orders orders, const ReplaceRecord *command, uint32_t item, const ExtTermsRecord *terms
) noexcept nogil:
    """Why an order (NIL: it is gone) can't be replaced, or CODE_OK."""
    cdef const Listing *listing = listing_of(orders, command.instrument)
    cdef const Order *order = order_at(orders, item)
    cdef int code = still_code(listing)
    if code != CODE_OK:
        return code
    if item == NIL:
        return CODE_ORDER_CLOSED
    if command.quantity_lots <= order.filled_lots:
        return CODE_QUANTITY_BELOW_FILLED
    if terms != NULL and not has_terms(orders, order, terms):
        return CODE_TERMS_NOT_ALLOWED
    if terms != NULL and terms.display_lots > command.quantity_lots - order.filled_lots:
        return CODE_DISPLAY_TOO_LARGE
    if is_outside(listing, order.ord_type, command.price_ticks):
        return CODE_PRICE_OUTSIDE_BAND
    if is_in_book(orders, order) and not is_kept(orders, command, order, terms):
        if would_take(orders, command.instrument, order.side, command.price_ticks, order.flags):
            return CODE_WOULD_TAKE
    return CODE_OK


cdef bint has_terms(Orders orders, const Order *order, const ExtTermsRecord *named) noexcept nogil:
    """Whether an order has each of the terms that a replace names, and may still change it."""
    cdef const FurtherTerms *terms = terms_at(orders, order.terms)
    cdef bint is_queued
    if not (named.stop_price_ticks or named.trail_ticks or named.display_lots or named.minimum_lots or named.expire_ns):
        return True
    if order.terms == NIL or named.minimum_lots:
        return False
    is_queued = ladder_of(level_at(&orders.levels, order.level)) == QUEUE
    if named.stop_price_ticks and (is_queued or terms.stop_ticks == 0 or terms.trail_ticks):
        return False
    if named.trail_ticks and (is_queued or terms.trail_ticks == 0):
        return False
    if named.display_lots and terms.display_lots == 0:
        return False
    return not named.expire_ns or (terms.expire_ns != 0 and not order.flags & IS_DAY)


cdef bint is_kept(
    Orders orders, const ReplaceRecord *command, const Order *order, const ExtTermsRecord *named
) noexcept nogil:
    """Whether a resting order keeps its place: same price, no more leaves, same display."""
    cdef const Level *level = level_at(&orders.levels, order.level)
    if price_of(level) != command.price_ticks or command.quantity_lots - order.filled_lots > order.leaves_lots:
        return False
    return named == NULL or named.display_lots == 0 or named.display_lots == terms_at(orders, order.terms).display_lots


cdef int expire_at(Orders orders, uint32_t at, uint64_t expire_ns) except -1 nogil:
    heap_remove(&orders.expiries, &orders.terms, at)
    terms_at(orders, at).expire_ns = expire_ns
    return heap_put(&orders.expiries, &orders.terms, at)


cdef bint replace_resting(
    Orders orders, Incoming *incoming, const ReplaceRecord *command, uint32_t item, const ExtTermsRecord *named
) except? -1 nogil:
    cdef Order *order = order_at(orders, item)
    cdef int64_t leaves_lots = command.quantity_lots - order.filled_lots
    cdef FurtherTerms *terms = terms_at(orders, order.terms)
    cdef OrderSummary summary
    cdef bint kept = is_kept(orders, command, order, named)
    summarize(orders, item, &summary)
    listing_of(orders, order.instrument).has_changed = True
    if not kept and summary.state == ORDER_STATE_EXPLICIT:
        orders.writer.shown(&summary, terms.shown_lots, 0, False)
        terms.shown_lots = 0
        if named != NULL and named.display_lots:
            terms.display_lots = named.display_lots
    tell_terms(orders, item)
    orders.writer.replaced(command, &summary, leaves_lots, kept)
    if kept:
        level_at(&orders.levels, order.level).lots -= order.leaves_lots - leaves_lots
        order.leaves_lots = leaves_lots
        show_less(orders, item)
        return False
    unlink(orders, item)
    order.leaves_lots = leaves_lots
    come_in(orders, incoming, item, command.price_ticks)
    incoming.rests = True
    slide(orders, incoming)
    prepare(orders, incoming, 0, False)
    return True


cdef bint replace_waiting(
    Orders orders, const ReplaceRecord *command, uint32_t item, const ExtTermsRecord *named
) except? -1 nogil:
    """A waiting order goes on waiting; if its stop price changed, at the tail of the new one. Returns False."""
    cdef Order *order = order_at(orders, item)
    cdef FurtherTerms *terms = terms_at(orders, order.terms)
    cdef int64_t leaves_lots = command.quantity_lots - order.filled_lots
    cdef int64_t old_stop = terms.stop_ticks
    cdef int ladder = ladder_of(level_at(&orders.levels, order.level))
    cdef OrderSummary summary
    summarize(orders, item, &summary)
    if named != NULL:
        rename_terms(orders, item, named, ladder == PARKED)
    terms.price_ticks = command.price_ticks
    tell_terms(orders, item)
    orders.writer.replaced(command, &summary, leaves_lots, terms.stop_ticks == old_stop)
    level_at(&orders.levels, order.level).lots += <int128> leaves_lots - order.leaves_lots
    order.leaves_lots = leaves_lots
    if terms.stop_ticks != old_stop and ladder != PARKED:
        unlink(orders, item)
        await_price(orders, item)
    return False


cdef void rename_terms(Orders orders, uint32_t item, const ExtTermsRecord *named, bint is_parked) noexcept nogil:
    """Give a waiting order the terms that a replace names; a new trail counts from the last trade price."""
    cdef FurtherTerms *terms = terms_at(orders, order_at(orders, item).terms)
    if named.stop_price_ticks:
        terms.stop_ticks = named.stop_price_ticks
    if named.display_lots:
        terms.display_lots = named.display_lots
    if named.trail_ticks and named.trail_ticks != terms.trail_ticks:
        terms.trail_ticks = named.trail_ticks
        if not is_parked:
            begin_trail(orders, item)
