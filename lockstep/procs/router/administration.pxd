from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    AccountLimitsRecord, AssetRecord, DepositLimitRecord, DismissalRecord, FeeTierRecord, InstrumentRecord,
    KillSwitchRecord, LimitsRecord, MassCancelRecord, PhaseChangeRecord, PositionLimitRecord, ScheduleRecord,
    WithdrawalRecord,
)
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.authority cimport Authority
from lockstep.procs.router.cancel_after cimport CancelAfter
from lockstep.procs.router.identity cimport Identity
from lockstep.procs.router.keys cimport Keys
from lockstep.procs.router.ledger cimport Ledger
from lockstep.procs.router.proposals cimport Proposals
from lockstep.procs.router.schedule cimport Schedule
from lockstep.procs.router.settings cimport Settings
from lockstep.procs.router.transfers cimport Transfers

cdef enum:
    EXTENSIONS = 15  # that a command can have: one less than a group

# A tier that was never given has the instrument's rates.
cdef struct Rates:
    int maker_ppm
    int taker_ppm
    bint is_given

cdef class Administration:
    cdef readonly Ledger ledger
    cdef readonly Schedule schedule
    cdef readonly Transfers transfers
    cdef readonly Keys keys
    cdef readonly Proposals proposals
    cdef readonly CancelAfter cancel_after
    cdef readonly Settings settings
    cdef readonly Authority authority
    cdef readonly Identity identity
    cdef readonly dict assets
    cdef readonly dict instruments
    cdef Rates tiers[256]
    cdef int carry_out(self, char *record, int imposed, const char **extensions) except -1
    cdef int decide(self, char *record, const char **extensions) except -1
    cdef int decide_money(self, char *record, const char **extensions) except -1
    cdef int withdraw(self, const WithdrawalRecord *record) except -1
    cdef int64_t deposit_limit(self, uint32_t asset) except? -1
    cdef uint16_t limit_deposits(self, const DepositLimitRecord *record) except? 9999
    cdef bint moves(self, const InstrumentRecord *record) noexcept nogil
    cdef uint16_t judge_instrument(self, uint32_t instrument) noexcept nogil
    cdef uint16_t define_asset(self, const AssetRecord *record) except? 9999
    cdef uint16_t define_instrument(self, const InstrumentRecord *record) except? 9999
    cdef uint16_t dismiss(self, DismissalRecord *record) except? 9999
    cdef tuple proposed(self, uint64_t proposal)
    cdef bint takes_admins(self, tuple terms) except? 2
    cdef uint16_t mass_cancel(self, const MassCancelRecord *record) except? 9999
    cdef uint16_t turn(self, const KillSwitchRecord *record) noexcept nogil
    cdef uint16_t change_phase(self, const PhaseChangeRecord *record) except? 9999
    cdef uint16_t plan(self, const ScheduleRecord *record) noexcept nogil
    cdef uint16_t limit(self, const LimitsRecord *record) except? 9999
    cdef uint16_t limit_account(self, const AccountLimitsRecord *record) except? 9999
    cdef uint16_t limit_position(self, const PositionLimitRecord *record) except? 9999
    cdef uint16_t set_tier(self, const FeeTierRecord *record) except? 9999
    cdef uint64_t digest(self)
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
