cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE, RECORD_SIZE, CommandRecord, EventRecord, ExtClientIdRecord, ExtTermsEventRecord, NewOrderRecord,
    PhaseChangedRecord, PreventedRecord, ReplaceRecord, TradedRecord,
)
from lockstep.shm.ring cimport Producer

cdef enum:
    SPILL = 16      # the most events of one step, whatever it is

# What events say of an order.
cdef struct OrderSummary:
    uint64_t order_id
    int64_t price_ticks
    int64_t leaves_lots
    uint32_t account
    uint8_t side
    uint8_t state           # of OrderState: what it is, or becomes


@cython.final
cdef class EventWriter:
    cdef readonly Producer events
    cdef uint64_t number        # of the next event
    cdef uint64_t end           # the first number that has no free slot
    cdef uint64_t spilled       # events before `number` that wait for a slot
    cdef EventRecord head       # what the events of the command under way have in common
    cdef uint64_t own_id        # the order that the command itself is about
    cdef uint32_t session       # of the command
    cdef uint32_t msg_seq_num
    cdef char target[CL_ORD_ID_SIZE]  # what the EXT_CLIENT_ID before the command says
    cdef char spill[SPILL][RECORD_SIZE]

    cdef void open(self, uint64_t wanted) noexcept nogil
    cdef void pour(self) noexcept nogil
    cdef uint64_t publish(self) noexcept nogil
    cdef void begin(self, const CommandRecord *command) noexcept nogil
    cdef void name_target(self, const ExtClientIdRecord *command) noexcept nogil
    cdef char *emit(self, uint8_t event_type) noexcept nogil
    cdef void accepted(self, const NewOrderRecord *command, uint8_t state) noexcept nogil
    cdef ExtTermsEventRecord *terms(self) noexcept nogil
    cdef void list_name(self, const char *name) noexcept nogil
    cdef TradedRecord *traded(self) noexcept nogil
    cdef PreventedRecord *prevented(self) noexcept nogil
    cdef void cancelled(
        self, const OrderSummary *order, uint8_t reason, bint rested, const char *cl_ord_id
    ) noexcept nogil
    cdef void replaced(
        self, const ReplaceRecord *command, const OrderSummary *order, int64_t leaves_lots, bint kept
    ) noexcept nogil
    cdef void triggered(self, const OrderSummary *order, int64_t stop_price_ticks, uint8_t reason) noexcept nogil
    cdef void restated(
        self, const OrderSummary *order, int64_t price_ticks, int64_t leaves_lots, uint8_t reason, bint rested
    ) noexcept nogil
    cdef void shown(self, const OrderSummary *order, int64_t old_lots, int64_t lots, bint is_refresh) noexcept nogil
    cdef PhaseChangedRecord *phase_changed(self) noexcept nogil
    cdef void indicative(self, int64_t price_ticks, int64_t lots, int64_t imbalance) noexcept nogil
    cdef void refused_order(self, const NewOrderRecord *command, int code) noexcept nogil
    cdef void refused(
        self, const ReplaceRecord *command, uint64_t order_id, int64_t price_ticks, int64_t quantity_lots,
        uint8_t side, int code,
    ) noexcept nogil


cdef inline bint is_full(EventWriter writer) noexcept nogil:
    """Whether a step that may emit must wait."""
    return writer.number >= writer.end


cdef inline void answers(EventWriter writer, uint64_t order_id, uint32_t session, uint32_t msg_seq_num) noexcept nogil:
    """The command is about this order: its cancel will name who asked."""
    writer.own_id = order_id
    writer.session = session
    writer.msg_seq_num = msg_seq_num
