from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    CMD_API_KEY, CMD_MARKER, CMD_SECOND_FACTOR, CMD_TICK, CMD_WITHDRAWAL_REQUEST, ApiKeyRecord, CommandRecord,
    CorrectionRecord, FactorUseRecord, KeyRevocationRecord, NewOrderRecord, PasswordResetRecord, RejectedRecord,
    ReservationRecord, SecondFactorRecord, SnapshotRecord, WithdrawalDecisionRecord,
)
from lockstep.procs.router.sequencer cimport MAX_FLUSH, Sequencer
from lockstep.shm.ring cimport Producer

cdef enum:
    # At most. Markers and ticks announce up to MAX_FLUSH balances, and that all are announced.
    EVENTS_OF_COMMAND = 2
    EVENTS_OF_KEY = 11      # an RSA key's; a second factor and a withdrawal's request have fewer

cdef class Announcer:
    cdef Producer ring
    cdef uint64_t claimed
    cdef uint64_t next_number(self) noexcept nogil
    cdef uint64_t room(self, uint64_t wanted) noexcept nogil
    cdef void announce(self, const char *record, uint16_t verdict, Sequencer core) noexcept nogil
    cdef void publish(self) noexcept nogil
    cdef char *begin(self, const CommandRecord *cause, uint8_t type, uint32_t instrument) noexcept nogil
    cdef void end(self, char *event) noexcept nogil
    cdef void reject(self, const char *record, uint16_t verdict, Sequencer core) noexcept nogil
    cdef RejectedRecord *begin_rejected(
        self, const CommandRecord *cause, uint16_t verdict, uint32_t instrument
    ) noexcept nogil
    cdef void reject_order(
        self, const CommandRecord *cause, const NewOrderRecord *order, uint16_t verdict
    ) noexcept nogil
    cdef void reject_other(self, const char *record, uint16_t verdict) noexcept nogil
    cdef void confirm(self, const char *record) noexcept nogil
    cdef void tell_snapshot(self, const SnapshotRecord *record) noexcept nogil
    cdef void tell_reservation(self, const ReservationRecord *record) noexcept nogil
    cdef void tell_settled(self, const CommandRecord *cause, Sequencer core) noexcept nogil
    cdef void tell_key(self, const ApiKeyRecord *record, Sequencer core) noexcept nogil
    cdef void tell_revocation(self, const KeyRevocationRecord *record, Sequencer core) noexcept nogil
    cdef void tell_factor(self, const SecondFactorRecord *record, Sequencer core) noexcept nogil
    cdef void tell_use(self, const FactorUseRecord *record) noexcept nogil
    cdef void tell_reset(self, const PasswordResetRecord *record) noexcept nogil
    cdef void tell_request(self, const CommandRecord *header, Sequencer core) noexcept nogil
    cdef void tell_decision(self, const WithdrawalDecisionRecord *record, Sequencer core) noexcept nogil
    cdef void repeat_extension(self, const CommandRecord *cause, const char *extension) noexcept nogil
    cdef void tell_correction(self, const CorrectionRecord *record) noexcept nogil
    cdef void define(self, const char *record, Sequencer core) noexcept nogil


cdef bint is_told(const CommandRecord *header) noexcept nogil


cdef inline uint64_t most_events(uint8_t type) noexcept nogil:
    """How many events a record of that type can have."""
    if type == CMD_MARKER or type == CMD_TICK:
        return MAX_FLUSH + 1
    if type == CMD_API_KEY or type == CMD_SECOND_FACTOR or type == CMD_WITHDRAWAL_REQUEST:
        return EVENTS_OF_KEY
    return EVENTS_OF_COMMAND
