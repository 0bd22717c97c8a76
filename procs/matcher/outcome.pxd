from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from shm.records cimport CL_ORD_ID_SIZE, CommandRecord, EventRecord, ExtClientIdRecord, NewOrderRecord, ReplaceRecord
from shm.records cimport TradedRecord
from shm.ring cimport Producer

# What a cancelled order was, or the request for it.
cdef struct Withdrawal:
    uint64_t order_id
    int64_t price_ticks
    int64_t leaves_lots
    uint32_t account
    uint32_t session
    uint32_t msg_seq_num
    uint8_t side
    uint8_t reason
    const char *cl_ord_id       # NULL where nobody asked for it

cdef class Outcome:
    cdef readonly Producer events
    cdef uint64_t number        # of the next event
    cdef uint64_t end           # the first number that has no free slot
    cdef EventRecord head       # what the events of the command under way have in common
    cdef char target[CL_ORD_ID_SIZE]

    cdef void open(self, uint64_t wanted) noexcept nogil
    cdef uint64_t publish(self) noexcept nogil
    cdef void begin(self, const CommandRecord *command) noexcept nogil
    cdef void name_target(self, const ExtClientIdRecord *command) noexcept nogil
    cdef char *emit(self, uint8_t event_type) noexcept nogil
    cdef void accepted(self, const NewOrderRecord *command) noexcept nogil
    cdef TradedRecord *traded(self) noexcept nogil
    cdef void cancelled(self, const Withdrawal *order) noexcept nogil
    cdef void replaced(
        self, const ReplaceRecord *command, uint8_t side, int64_t leaves_lots, int64_t old_price, int64_t old_leaves,
        bint kept,
    ) noexcept nogil
    cdef void refused(
        self, const CommandRecord *command, const char *cl_ord_id, uint32_t msg_seq_num, uint64_t order_id,
        int64_t price_ticks, int64_t quantity_lots, uint8_t side, int code,
    ) noexcept nogil
