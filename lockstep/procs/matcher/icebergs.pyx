"""How much of an iceberg one match takes: what it shows, or the parts of many rounds at once.

A round takes, in the order of the queue, what each order at a price shows. An incoming order that can take two or more
rounds whole takes them in one match with each order: what each trades, and the queue afterwards, are as if it had met
them part by part, and the events of one command are not as many as an iceberg has parts (rules.md).
"""

from libc.stdint cimport int64_t, uint32_t

from lockstep.core.schema.records cimport STP_NONE
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.event_writer cimport OrderSummary
from lockstep.procs.matcher.incoming cimport Incoming
from lockstep.procs.matcher.levels cimport Level, int128, level_at
from lockstep.procs.matcher.orders cimport FurtherTerms, Order, Orders, is_akin, matchable, order_at, terms_at
from lockstep.procs.matcher.resting cimport summarize


cdef int64_t next_lots(Orders orders, Incoming *incoming, uint32_t item, int64_t most) noexcept nogil:
    """Return what the incoming order, which takes at most `most` lots, takes of the one that it meets next."""
    cdef const Order *order = order_at(orders, item)
    cdef const FurtherTerms *terms = terms_at(orders, order.terms)
    if order.terms == NIL or not terms.display_lots:
        return order.leaves_lots
    if incoming.planned != order.level and min(order.leaves_lots, most) > terms.shown_lots:
        plan(orders, incoming, order.level, most)
    if not incoming.icebergs:
        return terms.shown_lots
    incoming.icebergs -= 1
    return lots_of(orders, order, incoming.rounds)


cdef int64_t lots_of(Orders orders, const Order *order, int64_t rounds) noexcept nogil:
    """Return what so many rounds, one at least, take of an order."""
    cdef const FurtherTerms *terms = terms_at(orders, order.terms)
    cdef int128 lots
    if order.terms == NIL or not terms.display_lots:
        return order.leaves_lots
    lots = terms.shown_lots + <int128> (rounds - 1) * terms.display_lots
    return <int64_t> min(lots, <int128> order.leaves_lots)


cdef void plan(Orders orders, Incoming *incoming, uint32_t place, int64_t most) noexcept nogil:
    """Find how many rounds of a level the incoming order takes at once: as many as it can take whole, if two or more.

    None where one of its own group is there: those separate it from the later rounds. The look at each order ends
    with the first whose shown part is too much, so it is no longer than the trades that follow. Then it halves.
    """
    cdef const Level *level = level_at(&orders.levels, place)
    cdef uint32_t item = level.head
    cdef uint32_t icebergs = 0
    cdef int128 shown = 0
    cdef int64_t low = 1, high = most, middle
    cdef const Order *order
    incoming.planned = place
    while item != NIL:
        order = order_at(orders, item)
        shown += matchable(orders, order)
        if shown > most or (incoming.stp > STP_NONE and is_akin(orders, incoming.account, order.account)):
            return
        icebergs += order.terms != NIL and terms_at(orders, order.terms).display_lots != 0
        item = order.next
    if level.lots <= most:
        low = most
    while low < high and low != most:
        middle = high - (high - low) // 2
        if lots_of_all(orders, level, middle, most) <= most:
            low = middle
        else:
            high = middle - 1
    if low > 1:
        incoming.rounds = low
        incoming.icebergs = icebergs


cdef int128 lots_of_all(Orders orders, const Level *level, int64_t rounds, int64_t most) noexcept nogil:
    """Return what so many rounds take of a level; more than `most` where it is that."""
    cdef uint32_t item = level.head
    cdef int128 lots = 0
    while item != NIL and lots <= most:
        lots += lots_of(orders, order_at(orders, item), rounds)
        item = order_at(orders, item).next
    return lots


cdef void reveal(Orders orders, uint32_t item, int64_t lots) noexcept nogil:
    """Before a match that takes more of a resting iceberg than it shows: show that much."""
    cdef const Order *order = order_at(orders, item)
    cdef FurtherTerms *terms = terms_at(orders, order.terms)
    cdef OrderSummary summary
    if order.terms == NIL or not terms.display_lots or lots <= terms.shown_lots:
        return
    summarize(orders, item, &summary)
    orders.writer.shown(&summary, terms.shown_lots, lots, False)
    terms.shown_lots = lots
