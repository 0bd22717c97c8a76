from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    API_RING, CMD_ACCOUNT, CMD_DEPOSIT, CMD_WITHDRAWAL, MAX_MATCHERS, AdjustmentRecord, CommandRecord, CorrectionRecord,
    DepositRecord, MarkerRecord, WithdrawalDecisionRecord, WithdrawalRecord, WithdrawalRequestRecord,
)
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.ledger cimport Ledger

cdef enum:
    OPERATORS_RING = 9

# A part of what a correction moves, of one account and asset.
cdef struct Part:
    uint32_t account
    uint32_t asset
    int64_t amount

cdef inline uint32_t owner_of(const DepositRecord *record) noexcept nogil:
    """Whose balance a deposit or withdrawal changes: by the api it may be another's than the sender's."""
    return record.target if record.ingress == API_RING and record.target != 0 else record.account


cdef inline uint32_t asker_of(const CommandRecord *record) noexcept nogil:
    """Who asks: by the operators' ring the header's account may be whose money or name it is."""
    if record.ingress == OPERATORS_RING and (
        record.type == CMD_DEPOSIT or record.type == CMD_WITHDRAWAL or record.type == CMD_ACCOUNT
    ):
        return record.session
    return record.account


cdef class Transfers:
    cdef readonly Ledger ledger
    cdef readonly dict proposals
    cdef readonly dict corrections
    cdef readonly dict deposits
    cdef readonly set corrected
    cdef readonly dict deposited
    cdef uint64_t day
    cdef uint64_t settled[MAX_MATCHERS]
    cdef uint32_t told
    cdef void note_marker(self, const MarkerRecord *record) noexcept nogil
    cdef uint16_t move(self, uint32_t account, uint32_t asset, int64_t amount) except? 9999
    cdef uint16_t deposit(self, const DepositRecord *record) except? 9999
    cdef uint16_t deposit_by_two(self, DepositRecord *record, int64_t limit, bint has_second) except? 9999
    cdef int64_t deposited_by(self, uint32_t account, uint32_t asset, uint64_t time_ns) except? -1
    cdef uint16_t judge_second(self, uint32_t proposer, uint32_t asker) noexcept nogil
    cdef uint16_t approve_deposit(self, const DepositRecord *record) except? 9999
    cdef uint16_t request_withdrawal(self, const WithdrawalRequestRecord *record, const char *before) except? 9999
    cdef uint16_t decide_withdrawal(self, WithdrawalDecisionRecord *record) except? 9999
    cdef uint16_t withdraw(self, const WithdrawalRecord *record) except? 9999
    cdef uint16_t adjust(self, AdjustmentRecord *record) except? 9999
    cdef uint16_t propose(self, const AdjustmentRecord *record) except? 9999
    cdef uint16_t propose_correction(self, const CorrectionRecord *record) except? 9999
    cdef uint16_t approve_correction(self, const CorrectionRecord *record) except? 9999
    cdef uint16_t correct(self, const CorrectionRecord *record) except? 9999
    cdef uint16_t judge_correction(self, const CorrectionRecord *record) except? 9999
    cdef uint64_t digest(self)
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
