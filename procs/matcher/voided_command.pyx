"""Commands that an operator took out, since the venue could not carry them out: what is told of them instead.

It carries out none of them: an order ends as it came, a cancel or replace is refused, and all others are passed over.
The router's verdict stands, so its holds are released by the events that are told here.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from procs.matcher.entry cimport awaits_activation, has_to_wait, terms_before
from procs.matcher.event_writer cimport Told, answers
from procs.matcher.orders cimport find, listing_of, order_at
from procs.matcher.resting cimport withdraw
from procs.tables.pool cimport NIL
from shm.records cimport (
    CANCEL_REASON_VOIDED, CMD_ACTIVATE, CMD_CANCEL, CMD_NEW_ORDER, CMD_REPLACE, CODE_VOIDED, ORDER_FLAG_LIST,
    ORDER_FLAG_TERMS, ORDER_STATE_EXPLICIT, ORDER_STATE_PLAIN, ORDER_STATE_WAITING, CancelRecord, ExtTermsEventRecord,
    ExtTermsRecord, ReplaceRecord,
)


cdef int void_command(Orders orders, const CommandRecord *command, const Extensions *extensions) except -1 nogil:
    """Tell of an accepted command that it is not carried out. The event ring is not full."""
    if command.type == CMD_NEW_ORDER:
        void_order(orders, <const NewOrderRecord *> command, extensions)
    elif command.type == CMD_CANCEL:
        void_cancel(orders, <const CancelRecord *> command)
    elif command.type == CMD_REPLACE:
        void_replace(orders, <const ReplaceRecord *> command)
    elif command.type == CMD_ACTIVATE:
        return void_activation(orders, <const ActivateRecord *> command)
    return 0


cdef void void_order(Orders orders, const NewOrderRecord *command, const Extensions *extensions) noexcept nogil:
    """An order, or both of a list, comes in and is cancelled, as one that may not rest and meets nobody."""
    cdef const NewOrderRecord *leg = <const NewOrderRecord *> &extensions.leg
    cdef const ExtTermsRecord *terms = terms_before(command, extensions)
    answers(orders.outcome, command.seq, command.session, command.msg_seq_num)
    if not command.flags & ORDER_FLAG_LIST:
        void_accepted(orders, command, terms, 0, 0, has_to_wait(listing_of(orders, command.instrument), command))
        void_rest(orders, command)
        return
    void_accepted(orders, command, terms, leg.seq, <uint8_t> extensions.leg.list_kind, False)
    void_accepted(orders, leg, &extensions.leg_terms, command.seq, <uint8_t> extensions.leg.list_kind, True)
    void_rest(orders, command)
    void_rest(orders, leg)


cdef void void_accepted(
    Orders orders, const NewOrderRecord *command, const ExtTermsRecord *given, uint64_t mate_id, uint8_t list_kind,
    bint waits,
) noexcept nogil:
    cdef uint8_t state = ORDER_STATE_EXPLICIT if given.display_lots else ORDER_STATE_PLAIN
    cdef ExtTermsEventRecord *event
    if command.flags & ORDER_FLAG_TERMS or mate_id != 0:
        event = orders.outcome.terms()
        event.stop_price_ticks = given.stop_price_ticks
        event.trail_ticks = given.trail_ticks
        event.display_lots = given.display_lots
        event.minimum_lots = given.minimum_lots
        event.expire_ns = given.expire_ns
        event.mate_order_id = mate_id
        event.list_kind = list_kind
    orders.outcome.accepted(command, ORDER_STATE_WAITING if waits else state)


cdef void void_rest(Orders orders, const NewOrderRecord *command) noexcept nogil:
    """Cancel all of an order that stands nowhere."""
    cdef Told told
    told.order_id = command.seq
    told.price_ticks = command.price_ticks
    told.leaves_lots = command.quantity_lots
    told.account = command.account
    told.side = command.side
    told.state = ORDER_STATE_PLAIN
    orders.outcome.cancelled(&told, CANCEL_REASON_VOIDED, False, NULL)


cdef void void_cancel(Orders orders, const CancelRecord *command) noexcept nogil:
    answers(orders.outcome, command.order_id, command.session, command.msg_seq_num)
    orders.outcome.refused(<const ReplaceRecord *> command, command.order_id, 0, 0, command.side, CODE_VOIDED)


cdef void void_replace(Orders orders, const ReplaceRecord *command) noexcept nogil:
    cdef uint32_t item = find(orders, command.order_id, command.instrument)
    answers(orders.outcome, command.order_id, command.session, command.msg_seq_num)
    orders.outcome.refused(
        command, command.order_id, command.price_ticks, command.quantity_lots,
        order_at(orders, item).side if item != NIL else 0, CODE_VOIDED,
    )


cdef int void_activation(Orders orders, const ActivateRecord *command) except -1 nogil:
    """The router holds for an order that never begins to work now: it is cancelled."""
    cdef uint32_t item = find(orders, command.order_id, command.instrument)
    if item == NIL or not awaits_activation(orders, order_at(orders, item)):
        return 0
    return withdraw(orders, item, CANCEL_REASON_VOIDED, NULL)
