"""Voided commands: an operator took them out because the venue could not carry them out. These are their events.

An order ends as it came, a cancel or replace is refused, and all others are passed over.
The router's verdict stands, and these events release its holds.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    CANCEL_REASON_VOIDED, CMD_ACTIVATE, CMD_CANCEL, CMD_NEW_ORDER, CMD_REPLACE, CODE_VOIDED, ORDER_FLAG_LIST,
    ORDER_FLAG_TERMS, ORDER_STATE_EXPLICIT, ORDER_STATE_PLAIN, ORDER_STATE_WAITING, CancelRecord, ExtTermsEventRecord,
    ExtTermsRecord, ReplaceRecord,
)
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.entry cimport awaits_activation, has_to_wait, name_before, terms_before
from lockstep.procs.matcher.event_writer cimport OrderSummary, answers
from lockstep.procs.matcher.orders cimport find, listing_of, order_at
from lockstep.procs.matcher.resting cimport withdraw


cdef int void_command(Orders orders, const CommandRecord *command, const Extensions *extensions) except -1 nogil:
    """Report that an accepted command is not carried out. The event ring is not full."""
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
    """An order, or both of a list, comes in and is cancelled, like one that may not rest and finds no match."""
    cdef const NewOrderRecord *leg = <const NewOrderRecord *> &extensions.leg
    cdef const ExtTermsRecord *terms = terms_before(command, extensions)
    answers(orders.writer, command.seq, command.session, command.msg_seq_num)
    if not command.flags & ORDER_FLAG_LIST:
        void_accepted(orders, command, terms, 0, 0, has_to_wait(listing_of(orders, command.instrument), command))
        void_rest(orders, command)
        return
    orders.writer.list_name(name_before(command, extensions))
    void_accepted(orders, command, terms, leg.seq, <uint8_t> extensions.leg.list_kind, False)
    orders.writer.list_name(name_before(command, extensions))
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
        event = orders.writer.terms()
        event.stop_price_ticks = given.stop_price_ticks
        event.trail_ticks = given.trail_ticks
        event.display_lots = given.display_lots
        event.minimum_lots = given.minimum_lots
        event.expire_ns = given.expire_ns
        event.mate_order_id = mate_id
        event.list_kind = list_kind
    orders.writer.accepted(command, ORDER_STATE_WAITING if waits else state)


cdef void void_rest(Orders orders, const NewOrderRecord *command) noexcept nogil:
    """Cancel all of an order that stands nowhere."""
    cdef OrderSummary summary
    summary.order_id = command.seq
    summary.price_ticks = command.price_ticks
    summary.leaves_lots = command.quantity_lots
    summary.account = command.account
    summary.side = command.side
    summary.state = ORDER_STATE_PLAIN
    orders.writer.cancelled(&summary, CANCEL_REASON_VOIDED, False, NULL)


cdef void void_cancel(Orders orders, const CancelRecord *command) noexcept nogil:
    answers(orders.writer, command.order_id, command.session, command.msg_seq_num)
    orders.writer.refused(<const ReplaceRecord *> command, command.order_id, 0, 0, command.side, CODE_VOIDED)


cdef void void_replace(Orders orders, const ReplaceRecord *command) noexcept nogil:
    cdef uint32_t item = find(orders, command.order_id, command.instrument)
    answers(orders.writer, command.order_id, command.session, command.msg_seq_num)
    orders.writer.refused(
        command, command.order_id, command.price_ticks, command.quantity_lots,
        order_at(orders, item).side if item != NIL else 0, CODE_VOIDED,
    )


cdef int void_activation(Orders orders, const ActivateRecord *command) except -1 nogil:
    """The router has a hold for an order that will never begin to work: cancel it."""
    cdef uint32_t item = find(orders, command.order_id, command.instrument)
    if item == NIL or not awaits_activation(orders, order_at(orders, item)):
        return 0
    return withdraw(orders, item, CANCEL_REASON_VOIDED, NULL)
