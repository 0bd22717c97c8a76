from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    EVT_CANCELLED, EVT_REJECTED, EVT_REPLACED, EVT_RESTATED, EVT_TRADED, EVT_TRIGGERED, CancelledRecord, EventRecord,
    RejectedRecord, ReplacedRecord, RestatedRecord, TradedRecord, TriggeredRecord,
)
from lockstep.core.tables.array cimport Array
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.holds cimport Holds, Stake
from lockstep.procs.router.withdrawals cimport Withdrawals

cdef class Ledger(Holds):
    cdef readonly Withdrawals withdrawals
    cdef Array due             # ids of orders to be activated; those no longer due are skipped
    cdef uint64_t due_first    # the first of them that was not
    cdef uint16_t can_activate(self, uint32_t item) noexcept nogil
    cdef int activate(self, uint32_t item, bint works) except -1 nogil
    cdef uint64_t next_due(self) noexcept nogil
    cdef int make_due(self, uint32_t item) except -1 nogil
    cdef void settle(self) noexcept nogil
    cdef uint32_t expect(self, const EventRecord *event) noexcept nogil
    cdef uint32_t expect_order(self, uint32_t tag) noexcept nogil
    cdef void expect_rest(self, uint32_t item) noexcept nogil
    cdef void expect_pending(self, uint32_t item) noexcept nogil
    cdef int apply(self, const EventRecord *event) except -1 nogil
    cdef int traded(self, const TradedRecord *event) except -1 nogil
    cdef int filled(
        self, uint32_t item, int64_t quantity, int64_t leaves, int64_t paid, int64_t received, int64_t fee
    ) except -1 nogil
    cdef int cancelled(self, const CancelledRecord *event) except -1 nogil
    cdef int replaced(self, const ReplacedRecord *event) except -1 nogil
    cdef int restated(self, const RestatedRecord *event) except -1 nogil
    cdef int triggered(self, const TriggeredRecord *event) except -1 nogil
    cdef int rejected(self, const RejectedRecord *event) except -1 nogil
    cdef int end_replace(self, uint32_t item, uint64_t seq, const Stake *before, bint refused) except -1 nogil
    cdef int end(self, uint32_t item) except -1 nogil
    cdef int close(self, uint32_t item) except -1 nogil
    cdef uint64_t state_hash(self) noexcept nogil
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1


cdef inline bint moves_money(uint8_t type) noexcept nogil:
    """Whether `apply` does anything with events of a type."""
    return (
        type == EVT_TRADED or type == EVT_CANCELLED or type == EVT_REPLACED or type == EVT_REJECTED
        or type == EVT_TRIGGERED or type == EVT_RESTATED
    )
