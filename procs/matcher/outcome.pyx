"""Writes a matcher's events in place, into slots of its event ring that nobody sees until they are published.

It decides nothing: the book says what came of a command; and it never waits for a slot, the book does.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from shm.crc32c cimport crc32c
from shm.records cimport (
    CL_ORD_ID_SIZE, EVT_ACCEPTED, EVT_CANCELLED, EVT_EXT_CLIENT_ID, EVT_REJECTED, EVT_REPLACED, EVT_TRADED,
    ORDER_STATE_PLAIN, RECORD_SIZE, AcceptedRecord, CancelledRecord, CommandRecord, EventRecord, ExtClientIdEventRecord,
    ExtClientIdRecord, NewOrderRecord, RejectedRecord, ReplacedRecord, ReplaceRecord, TradedRecord,
)
from shm.ring cimport Producer

assert sizeof(EventRecord) == 40


cdef class Outcome:
    """The events of a book. Contract of all that emit: number < end, one slot an event (`refused`: two)."""

    def __cinit__(self, Producer events):
        self.events = events
        self.number = self.end = events.next
        memset(&self.head, 0, sizeof(EventRecord))
        memset(self.target, 0, CL_ORD_ID_SIZE)
        self.head.version = 1

    cdef void open(self, uint64_t wanted) noexcept nogil:
        """Take up to `wanted` free slots behind what was emitted and not published yet; there may be fewer, or none."""
        cdef uint64_t emitted = self.number - self.events.next
        self.end = self.number + min(wanted, self.events.free(emitted + wanted) - emitted)

    cdef uint64_t publish(self) noexcept nogil:
        """Stamp the checksums of all that was emitted and show it; returns how many events that was."""
        cdef uint64_t first = self.events.next
        cdef uint64_t number
        cdef char *record
        for number in range(first, self.number):
            record = self.events.claim(number)
            (<EventRecord *> record).crc = crc32c(0, record + sizeof(uint32_t), RECORD_SIZE - sizeof(uint32_t))
        if self.number > first:
            self.events.publish(self.number - 1)
        return self.number - first

    cdef void begin(self, const CommandRecord *command) noexcept nogil:
        """Events come from `command` from here on; its instrument is the caller's to set."""
        self.head.cause = command.seq
        self.head.time_ns = command.time_ns
        self.head.epoch = command.epoch

    cdef void name_target(self, const ExtClientIdRecord *command) noexcept nogil:
        """The client id of the order that the next cancel or replace means."""
        memcpy(self.target, command.orig_cl_ord_id, CL_ORD_ID_SIZE)

    cdef char *emit(self, uint8_t event_type) noexcept nogil:
        """The next event's slot with its header written; the caller writes every byte after it."""
        cdef char *slot = self.events.claim(self.number)
        self.head.type = event_type
        self.head.number = self.number
        memcpy(slot, &self.head, sizeof(EventRecord))
        self.number += 1
        return slot

    cdef void accepted(self, const NewOrderRecord *command) noexcept nogil:
        cdef AcceptedRecord *event = <AcceptedRecord *> self.emit(EVT_ACCEPTED)
        event.order_id = command.seq
        event.price_ticks = command.price_ticks
        event.quantity_lots = command.quantity_lots
        event.account = command.account
        event.session = command.session
        memcpy(event.cl_ord_id, command.cl_ord_id, CL_ORD_ID_SIZE)
        event.side = command.side
        event.ord_type = command.ord_type
        event.time_in_force = command.time_in_force
        event.stp = command.stp
        event.msg_seq_num = command.msg_seq_num
        event.flags = command.flags
        event.state = ORDER_STATE_PLAIN
        event.reserved = 0

    cdef TradedRecord *traded(self) noexcept nogil:
        """A trade, of which the book fills in both sides."""
        cdef TradedRecord *event = <TradedRecord *> self.emit(EVT_TRADED)
        event.flags = 0
        event.reserved_2 = 0
        event.reserved_3 = 0
        return event

    cdef void cancelled(self, const Withdrawal *order) noexcept nogil:
        """An order that rested and was cancelled by request, or the rest of one that could not rest."""
        cdef CancelledRecord *event = <CancelledRecord *> self.emit(EVT_CANCELLED)
        event.order_id = order.order_id
        event.price_ticks = order.price_ticks
        event.leaves_lots = order.leaves_lots
        event.account = order.account
        event.session = order.session
        if order.cl_ord_id != NULL:
            memcpy(event.cl_ord_id, order.cl_ord_id, CL_ORD_ID_SIZE)
        else:
            memset(event.cl_ord_id, 0, CL_ORD_ID_SIZE)
        event.side = order.side
        event.reason = order.reason
        event.rested = order.cl_ord_id != NULL
        event.reserved_1 = 0
        event.msg_seq_num = order.msg_seq_num
        event.reserved_2 = 0

    cdef void replaced(
        self, const ReplaceRecord *command, uint8_t side, int64_t leaves_lots, int64_t old_price, int64_t old_leaves,
        bint kept,
    ) noexcept nogil:
        cdef ReplacedRecord *event = <ReplacedRecord *> self.emit(EVT_REPLACED)
        event.order_id = command.order_id
        event.price_ticks = command.price_ticks
        event.leaves_lots = leaves_lots
        event.old_price_ticks = old_price
        event.old_leaves_lots = old_leaves
        memcpy(event.cl_ord_id, command.cl_ord_id, CL_ORD_ID_SIZE)
        event.side = side
        event.kept_priority = kept
        event.state = ORDER_STATE_PLAIN
        event.reserved = 0

    cdef void refused(
        self, const CommandRecord *command, const char *cl_ord_id, uint32_t msg_seq_num, uint64_t order_id,
        int64_t price_ticks, int64_t quantity_lots, uint8_t side, int code,
    ) noexcept nogil:
        """The client id that a cancel or replace meant, then why it was refused."""
        cdef RejectedRecord *event
        cdef ExtClientIdEventRecord *extension = <ExtClientIdEventRecord *> self.emit(EVT_EXT_CLIENT_ID)
        memcpy(extension.orig_cl_ord_id, self.target, CL_ORD_ID_SIZE)
        memset(extension.reserved, 0, sizeof(extension.reserved))
        event = <RejectedRecord *> self.emit(EVT_REJECTED)
        event.order_id = order_id
        event.price_ticks = price_ticks
        event.quantity_lots = quantity_lots
        event.account = command.account
        event.session = command.session
        memcpy(event.cl_ord_id, cl_ord_id, CL_ORD_ID_SIZE)
        event.side = side
        event.command = command.type
        event.code = code
        event.msg_seq_num = msg_seq_num
        event.ord_type = 0
        event.time_in_force = 0
        event.reserved = 0
