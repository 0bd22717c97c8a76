"""What is wrong with a replace of an open order: its kind, its new terms, its price, and what it would cost (LOG-11).

It stamps the price of an order without its own. The sequencer checks whose order it is, and client ids.
"""

from libc.stdint cimport uint16_t, uint32_t

from lockstep.core.rules.order_terms cimport has_own_price
from lockstep.core.schema.records cimport *
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.router.collars cimport restamped_price
from lockstep.procs.router.orders cimport ORDER_BUDGET, ORDER_IDLE, OpenOrder, order_at


cdef uint16_t judge_replace(
    Ledger ledger, ReplaceRecord *record, uint32_t item, const ExtTermsRecord *terms
) noexcept nogil:
    """The verdict on a replace of the order `item`; `terms` is NULL if it changes only price and quantity."""
    cdef const OpenOrder *order = order_at(ledger.orders, item)
    cdef uint16_t verdict
    if order.flags & ORDER_BUDGET:
        return CODE_BUDGET_NOT_ALLOWED
    if order.contingent != NIL or order.flags & ORDER_IDLE:
        return CODE_LIST_ORDER_FIXED
    verdict = stamp_price(ledger, record, item, terms)
    if verdict == CODE_OK and record.quantity_lots <= 0:
        verdict = CODE_QUANTITY_NOT_POSITIVE
    if verdict == CODE_OK:
        verdict = ledger.accounts.fault(record.account, record.session, record.time_ns, 1, 0)
    return verdict if verdict != CODE_OK else ledger.can_replace(item, record)


cdef uint16_t stamp_price(
    Ledger ledger, ReplaceRecord *record, uint32_t item, const ExtTermsRecord *terms
) noexcept nogil:
    """A replace's further terms, and its price: that of an order without its own follows from its new terms."""
    cdef const OpenOrder *order = order_at(ledger.orders, item)
    if terms != NULL:
        if terms.stop_price_ticks < 0 or terms.trail_ticks < 0 or terms.display_lots < 0 or terms.minimum_lots < 0:
            return CODE_TERM_NEGATIVE
        if terms.expire_ns != 0 and terms.expire_ns <= record.time_ns:
            return CODE_EXPIRE_TIME_PASSED
    if has_own_price(order.ord_type):
        return CODE_OK if record.price_ticks > 0 else CODE_PRICE_NOT_POSITIVE
    record.price_ticks = restamped_price(
        &ledger.listings[order.instrument], order, terms, ledger.orders.newest_price(item)
    )
    return CODE_OK if record.price_ticks > 0 else CODE_NO_REFERENCE_PRICE
