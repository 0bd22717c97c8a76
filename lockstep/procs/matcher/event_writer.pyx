"""Writes a matcher's events in place, into slots of its event ring that no reader sees until they are published.

The book decides, this writes. It never drops an event: those of a step for which the
ring has no slots are spilled into memory here, and poured into the ring when it has some. No step begins while it is
full, so at most one step's events are ever spilled.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport abort
from libc.string cimport memcpy, memset

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.client_ids cimport copy_meant_id, copy_own_id, has_both_ids
from lockstep.core.schema.records cimport (
    API_SESSION, CL_ORD_ID_SIZE, CMD_NEW_ORDER, EVENT_FLAG_API, EVT_ACCEPTED, EVT_CANCELLED, EVT_EXT_CLIENT_ID,
    EVT_EXT_LIST_NAME, EVT_EXT_TERMS, EVT_INDICATIVE, EVT_PHASE_CHANGED, EVT_PREVENTED, EVT_REJECTED, EVT_REPLACED,
    EVT_RESTATED, EVT_SHOWN, EVT_TRADED, EVT_TRIGGERED, RECORD_SIZE, AcceptedRecord, CancelledRecord, CommandRecord,
    EventRecord, ExtClientIdEventRecord, ExtClientIdRecord, ExtListNameEventRecord, ExtTermsEventRecord,
    IndicativeRecord, NewOrderRecord, PhaseChangedRecord, PreventedRecord, RejectedRecord, ReplaceRecord,
    ReplacedRecord, RestatedRecord, ShownRecord, TradedRecord, TriggeredRecord,
)
from lockstep.shm.ring cimport Producer, claim_at

assert sizeof(EventRecord) == 40


cdef class EventWriter:
    """The events of a book. Contract of all that emit: the step began when the ring was not full."""

    def __cinit__(self, Producer events):
        self.events = events
        self.number = self.end = events.next
        self.spilled = 0
        memset(&self.head, 0, sizeof(EventRecord))
        memset(self.target, 0, CL_ORD_ID_SIZE)
        self.head.version = 1

    cdef void open(self, uint64_t wanted) noexcept nogil:
        """Take up to `wanted` free slots after those emitted and not yet published; there may be fewer, or none."""
        cdef uint64_t emitted = self.number - self.spilled - self.events.next
        self.end = self.events.next + min(emitted + wanted, self.events.free(emitted + wanted))
        if self.spilled:
            self.pour()

    cdef void pour(self) noexcept nogil:
        """Move spilled events into slots, as far as there are any."""
        cdef uint64_t place = self.number - self.spilled
        cdef uint64_t poured = min(self.spilled, self.end - place)
        cdef uint64_t i
        for i in range(poured):
            memcpy(self.events.claim(place + i), self.spill[i], RECORD_SIZE)
        self.spilled -= poured
        for i in range(self.spilled):
            memcpy(self.spill[i], self.spill[i + poured], RECORD_SIZE)

    cdef uint64_t publish(self) noexcept nogil:
        """Stamp the checksums of all emitted events and publish them; returns how many."""
        cdef uint64_t first = self.events.next
        cdef uint64_t end = self.number - self.spilled
        cdef uint64_t number
        cdef char *record
        for number in range(first, end):
            record = claim_at(self.events, number)
            (<EventRecord *> record).crc = crc32c(0, record + sizeof(uint32_t), RECORD_SIZE - sizeof(uint32_t))
        if end > first:
            self.events.publish(end - 1)
        return end - first

    cdef void begin(self, const CommandRecord *command) noexcept nogil:
        """Events are `command`'s from here on; the caller sets their instrument."""
        self.head.cause = command.seq
        self.head.time_ns = command.time_ns
        self.head.epoch = command.epoch
        self.own_id = 0

    cdef void name_target(self, const ExtClientIdRecord *command) noexcept nogil:
        """The client id of the order that the next cancel or replace means: its record has no room for it."""
        memcpy(self.target, command.orig_cl_ord_id, CL_ORD_ID_SIZE)

    cdef char *emit(self, uint8_t event_type) noexcept nogil:
        """The next event's slot with its header written; the caller writes every byte after it."""
        cdef char *slot
        if self.number < self.end:
            slot = claim_at(self.events, self.number)
        else:
            if self.spilled == SPILL:
                abort()  # a bug: the next event would overwrite what lies behind
            slot = self.spill[self.spilled]
            self.spilled += 1
        self.head.type = event_type
        self.head.number = self.number
        memcpy(slot, &self.head, sizeof(EventRecord))
        self.number += 1
        return slot

    cdef void accepted(self, const NewOrderRecord *command, uint8_t state) noexcept nogil:
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
        event.state = state
        event.reserved = 0

    cdef ExtTermsEventRecord *terms(self) noexcept nogil:
        """The further terms of the next event's order, all 0: the caller fills in what it has."""
        cdef char *event = self.emit(EVT_EXT_TERMS)
        memset(event + sizeof(EventRecord), 0, RECORD_SIZE - sizeof(EventRecord))
        return <ExtTermsEventRecord *> event

    cdef void list_name(self, const char *name) noexcept nogil:
        """The name of the list of the order that is accepted next; none if it is NULL."""
        cdef ExtListNameEventRecord *event
        if name == NULL:
            return
        event = <ExtListNameEventRecord *> self.emit(EVT_EXT_LIST_NAME)
        memcpy(event.name, name, CL_ORD_ID_SIZE)
        memset(event.reserved, 0, sizeof(event.reserved))

    cdef TradedRecord *traded(self) noexcept nogil:
        """A trade, of which the caller fills in both sides."""
        cdef TradedRecord *event = <TradedRecord *> self.emit(EVT_TRADED)
        event.flags = 0
        event.reserved_2 = 0
        event.reserved_3 = 0
        return event

    cdef PreventedRecord *prevented(self) noexcept nogil:
        """A trade that prevention kept from happening: the caller fills in both sides, and what each of them loses."""
        cdef PreventedRecord *event = <PreventedRecord *> self.emit(EVT_PREVENTED)
        event.reserved_1 = 0
        memset(event.reserved_2, 0, sizeof(event.reserved_2))
        return event

    cdef void cancelled(
        self, const OrderSummary *order, uint8_t reason, bint rested, const char *cl_ord_id
    ) noexcept nogil:
        """The rest of an order ends; `cl_ord_id` is the cancel request's own, NULL if there was none."""
        cdef CancelledRecord *event = <CancelledRecord *> self.emit(EVT_CANCELLED)
        cdef bint own = order.order_id == self.own_id
        event.order_id = order.order_id
        event.price_ticks = order.price_ticks
        event.leaves_lots = order.leaves_lots
        event.account = order.account
        event.session = self.session if own else 0
        if cl_ord_id != NULL:
            memcpy(event.cl_ord_id, cl_ord_id, CL_ORD_ID_SIZE)
        else:
            memset(event.cl_ord_id, 0, CL_ORD_ID_SIZE)
        event.side = order.side
        event.reason = reason
        event.rested = rested
        event.reserved_1 = 0
        event.msg_seq_num = self.msg_seq_num if own else 0
        event.reserved_2 = 0

    cdef void replaced(
        self, const ReplaceRecord *command, const OrderSummary *order, int64_t leaves_lots, bint kept
    ) noexcept nogil:
        """`order`, as it was except for its state, takes the command's price and `leaves_lots`."""
        cdef ReplacedRecord *event = <ReplacedRecord *> self.emit(EVT_REPLACED)
        if command.session >= API_SESSION:
            event.header_flags = EVENT_FLAG_API
        event.order_id = order.order_id
        event.price_ticks = command.price_ticks
        event.leaves_lots = leaves_lots
        event.old_price_ticks = order.price_ticks
        event.old_leaves_lots = order.leaves_lots
        copy_own_id(event.cl_ord_id, command)
        event.side = order.side
        event.kept_priority = kept
        event.state = order.state
        event.reserved = 0

    cdef void triggered(self, const OrderSummary *order, int64_t stop_price_ticks, uint8_t reason) noexcept nogil:
        cdef TriggeredRecord *event = <TriggeredRecord *> self.emit(EVT_TRIGGERED)
        event.order_id = order.order_id
        event.price_ticks = order.price_ticks
        event.leaves_lots = order.leaves_lots
        event.stop_price_ticks = stop_price_ticks
        event.account = order.account
        event.side = order.side
        event.state = order.state
        event.reason = reason
        event.reserved_1 = 0
        memset(event.reserved_2, 0, sizeof(event.reserved_2))

    cdef void restated(
        self, const OrderSummary *order, int64_t price_ticks, int64_t leaves_lots, uint8_t reason, bint rested
    ) noexcept nogil:
        """`order` as it was takes this price and quantity."""
        cdef RestatedRecord *event = <RestatedRecord *> self.emit(EVT_RESTATED)
        event.order_id = order.order_id
        event.price_ticks = price_ticks
        event.leaves_lots = leaves_lots
        event.old_price_ticks = order.price_ticks
        event.old_leaves_lots = order.leaves_lots
        event.account = order.account
        event.side = order.side
        event.state = order.state
        event.reason = reason
        event.rested = rested
        memset(event.reserved_2, 0, sizeof(event.reserved_2))

    cdef void shown(self, const OrderSummary *order, int64_t old_lots, int64_t lots, bint is_refresh) noexcept nogil:
        cdef ShownRecord *event = <ShownRecord *> self.emit(EVT_SHOWN)
        event.order_id = order.order_id
        event.price_ticks = order.price_ticks
        event.shown_lots = lots
        event.old_shown_lots = old_lots
        event.leaves_lots = order.leaves_lots
        event.account = order.account
        event.side = order.side
        event.is_refresh = is_refresh
        event.reserved_1 = 0
        memset(event.reserved_2, 0, sizeof(event.reserved_2))

    cdef PhaseChangedRecord *phase_changed(self) noexcept nogil:
        """A change of phase, all 0: the caller fills it in."""
        cdef char *event = self.emit(EVT_PHASE_CHANGED)
        memset(event + sizeof(EventRecord), 0, RECORD_SIZE - sizeof(EventRecord))
        return <PhaseChangedRecord *> event

    cdef void indicative(self, int64_t price_ticks, int64_t lots, int64_t imbalance) noexcept nogil:
        cdef IndicativeRecord *event = <IndicativeRecord *> self.emit(EVT_INDICATIVE)
        event.price_ticks = price_ticks
        event.quantity_lots = lots
        event.imbalance_lots = imbalance
        memset(event.reserved, 0, sizeof(event.reserved))

    cdef void refused_order(self, const NewOrderRecord *command, int code) noexcept nogil:
        """Why an order, or one of a list, does not come in."""
        cdef RejectedRecord *event = <RejectedRecord *> self.emit(EVT_REJECTED)
        event.order_id = command.seq
        event.price_ticks = command.price_ticks
        event.quantity_lots = command.quantity_lots
        event.account = command.account
        event.session = command.session
        memcpy(event.cl_ord_id, command.cl_ord_id, CL_ORD_ID_SIZE)
        event.side = command.side
        event.command = CMD_NEW_ORDER
        event.code = code
        event.msg_seq_num = command.msg_seq_num
        event.ord_type = command.ord_type
        event.time_in_force = command.time_in_force
        event.reserved = 0

    cdef void refused(
        self, const ReplaceRecord *command, uint64_t order_id, int64_t price_ticks, int64_t quantity_lots,
        uint8_t side, int code,
    ) noexcept nogil:
        """The client id that a cancel or replace (`command` is either) meant, then why it was refused."""
        cdef RejectedRecord *event
        cdef ExtClientIdEventRecord *extension = <ExtClientIdEventRecord *> self.emit(EVT_EXT_CLIENT_ID)
        if has_both_ids(command):
            copy_meant_id(extension.orig_cl_ord_id, command)
        else:
            memcpy(extension.orig_cl_ord_id, self.target, CL_ORD_ID_SIZE)
        memset(extension.reserved, 0, sizeof(extension.reserved))
        event = <RejectedRecord *> self.emit(EVT_REJECTED)
        event.order_id = order_id
        event.price_ticks = price_ticks
        event.quantity_lots = quantity_lots
        event.account = command.account
        event.session = command.session
        copy_own_id(event.cl_ord_id, command)
        event.side = side
        event.command = command.type
        event.code = code
        event.msg_seq_num = self.msg_seq_num
        event.ord_type = 0
        event.time_in_force = 0
        event.reserved = 0
