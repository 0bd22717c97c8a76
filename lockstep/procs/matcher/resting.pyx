"""What happens to an order that stands somewhere: it trades, shows its next part, is cancelled, and its list with it.

Matching, auctions, mass cancels and commands decide; this emits the events and does what always follows.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    CANCEL_REASON_LIST, LIST_KIND_OCO, ORDER_STATE_EXPLICIT, ORDER_STATE_PLAIN, ORDER_STATE_WAITING,
    ExtTermsEventRecord,
)
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.event_writer cimport OrderSummary
from lockstep.procs.matcher.levels cimport Level, level_at
from lockstep.procs.matcher.orders cimport (
    IS_DAY, FurtherTerms, Order, Orders, discard, is_in_book, order_at, part, price_of, terms_at, to_tail,
)


cdef int withdraw(Orders orders, uint32_t item, uint8_t reason, const char *cl_ord_id) except -1 nogil:
    """Cancel an order that stands somewhere, with its event and what its list makes of it: five events at most."""
    cdef Order *order = order_at(orders, item)
    cdef bint in_book = is_in_book(orders, order)
    cdef bint is_iceberg = False
    cdef bint goes_too = False
    cdef uint32_t contingent = NIL
    cdef FurtherTerms *terms
    cdef OrderSummary summary
    summarize(orders, item, &summary)
    if order.terms != NIL:
        terms = terms_at(orders, order.terms)
        is_iceberg = terms.display_lots != 0
        contingent = terms.contingent
        goes_too = terms.list_kind == LIST_KIND_OCO or terms.is_main
        if in_book and is_iceberg:
            orders.writer.shown(&summary, terms.shown_lots, 0, False)
    orders.writer.cancelled(&summary, reason, in_book and not is_iceberg, cl_ord_id)
    discard(orders, item)
    return follow(orders, contingent, goes_too)


cdef int follow(Orders orders, uint32_t contingent, bint goes_too) except -1 nogil:
    """An order of a list was cancelled: its contingent order, if open, may go too."""
    if contingent != NIL and goes_too:
        return withdraw(orders, contingent, CANCEL_REASON_LIST, NULL)
    return 0


cdef void summarize(Orders orders, uint32_t item, OrderSummary *summary) noexcept nogil:
    """What events say of an order where it stands."""
    cdef const Order *order = order_at(orders, item)
    cdef bint in_book = is_in_book(orders, order)
    summary.order_id = order.order_id
    summary.leaves_lots = order.leaves_lots
    summary.account = order.account
    summary.side = order.side
    summary.state = ORDER_STATE_PLAIN
    if in_book:
        summary.price_ticks = price_of(level_at(&orders.levels, order.level))
        if order.terms != NIL and terms_at(orders, order.terms).display_lots:
            summary.state = ORDER_STATE_EXPLICIT
    else:
        summary.price_ticks = terms_at(orders, order.terms).price_ticks
        summary.state = ORDER_STATE_WAITING


cdef void tell_terms(Orders orders, uint32_t item) noexcept nogil:
    """Emit the extension with an order's further terms as they are now, if it has any."""
    cdef const Order *order = order_at(orders, item)
    cdef const FurtherTerms *terms = terms_at(orders, order.terms)
    cdef uint64_t expire_ns = 0 if order.flags & IS_DAY else terms.expire_ns
    cdef ExtTermsEventRecord *event
    if order.terms == NIL:
        return
    if not (
        terms.stop_ticks or terms.trail_ticks or terms.display_lots or terms.minimum_lots or expire_ns
        or terms.contingent != NIL
    ):
        return
    event = orders.writer.terms()
    event.stop_price_ticks = terms.stop_ticks
    event.trail_ticks = terms.trail_ticks
    event.display_lots = terms.display_lots
    event.minimum_lots = terms.minimum_lots
    event.expire_ns = expire_ns
    if terms.contingent != NIL:
        event.mate_order_id = order_at(orders, terms.contingent).order_id
        event.list_kind = terms.list_kind


cdef int end_contingent(Orders orders, uint32_t item) except -1 nogil:
    """An order trades or triggers: first cancel the order of its list that this ends, if any."""
    cdef const Order *order = order_at(orders, item)
    cdef const FurtherTerms *terms
    cdef uint32_t contingent
    if order.terms == NIL:
        return 0
    terms = terms_at(orders, order.terms)
    if terms.contingent != NIL and terms.list_kind == LIST_KIND_OCO:
        contingent = terms.contingent
        part(orders, item)
        return withdraw(orders, contingent, CANCEL_REASON_LIST, NULL)
    return 0


cdef int take_from(Orders orders, uint32_t item, int64_t lots) except -1 nogil:
    """Take traded lots off a resting order: it is filled, or an iceberg's next part goes to the tail of its price."""
    cdef Order *order = order_at(orders, item)
    cdef FurtherTerms *terms
    cdef Level *level
    if order.leaves_lots == lots:
        discard(orders, item)
        return 0
    level = level_at(&orders.levels, order.level)
    order.leaves_lots -= lots
    order.filled_lots += lots
    level.lots -= lots
    if order.terms == NIL:
        return 0
    terms = terms_at(orders, order.terms)
    if not terms.display_lots:
        return 0
    terms.shown_lots -= lots
    if terms.shown_lots == 0:
        to_tail(orders, item)
        show_again(orders, item, price_of(level_at(&orders.levels, order.level)), True)
    return 0


cdef int show_again(Orders orders, uint32_t item, int64_t price_ticks, bint is_refresh) except -1 nogil:
    """If a resting order is an iceberg, show its next part."""
    cdef const Order *order = order_at(orders, item)
    cdef FurtherTerms *terms = terms_at(orders, order.terms)
    cdef OrderSummary summary
    if terms.display_lots:
        terms.shown_lots = min(terms.display_lots, order.leaves_lots)
        summarize(orders, item, &summary)
        orders.writer.shown(&summary, 0, terms.shown_lots, is_refresh)
    return 0


cdef void show_less(Orders orders, uint32_t item) noexcept nogil:
    """An iceberg that keeps its place shows no more than its leaves."""
    cdef const Order *order = order_at(orders, item)
    cdef FurtherTerms *terms
    cdef OrderSummary summary
    if order.terms == NIL:
        return
    terms = terms_at(orders, order.terms)
    if terms.shown_lots > order.leaves_lots:
        summarize(orders, item, &summary)
        orders.writer.shown(&summary, terms.shown_lots, order.leaves_lots, False)
        terms.shown_lots = order.leaves_lots
