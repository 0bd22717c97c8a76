from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    API_RING, AccountLimitsRecord, AccountRecord, ApiKeyRecord, AssetRecord, CommandRecord, DepositLimitRecord,
    DepositRecord, DismissalRecord, FeeTierRecord, InstrumentRecord, KeyRevocationRecord, KillSwitchRecord,
    LimitsRecord, MassCancelRecord, PasswordResetRecord, PhaseChangeRecord, PositionLimitRecord, RegistrationRecord,
    ScheduleRecord, SecondFactorRecord, WelcomeRecord, WithdrawalRecord,
)
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.cancel_after cimport CancelAfter
from lockstep.procs.router.factors cimport Factors
from lockstep.procs.router.keys cimport Keys
from lockstep.procs.router.ledger cimport Ledger
from lockstep.procs.router.password_resets cimport PasswordResets
from lockstep.procs.router.proposals cimport Proposals
from lockstep.procs.router.schedule cimport Schedule
from lockstep.procs.router.transfers cimport OPERATORS_RING, Transfers

cdef enum:
    DEFAULT_MAX_OPEN_ORDERS = 100_000
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
    cdef readonly Factors factors
    cdef readonly PasswordResets resets
    cdef readonly Proposals proposals
    cdef readonly CancelAfter cancel_after
    cdef readonly dict assets
    cdef readonly dict instruments
    cdef readonly dict accounts
    cdef readonly dict credentials
    cdef readonly dict settings
    cdef Rates tiers[256]
    cdef uint8_t registration  # of RegistrationMode
    cdef int carry_out(self, char *record, int imposed, const char **extensions) except -1
    cdef bint is_sender(self, const CommandRecord *record) noexcept nogil
    cdef uint16_t permission(self, const CommandRecord *record) noexcept nogil
    cdef uint16_t may_withdraw(self, const CommandRecord *record) noexcept nogil
    cdef bint is_admin(self, const CommandRecord *record) noexcept nogil
    cdef int decide(self, char *record, const char **extensions) except -1
    cdef int decide_identity(self, char *record, const char **extensions) except -1
    cdef int decide_money(self, char *record, const char **extensions) except -1
    cdef int withdraw(self, const WithdrawalRecord *record) except -1
    cdef int64_t deposit_limit(self, uint32_t asset) except? -1
    cdef uint16_t limit_deposits(self, const DepositLimitRecord *record) except? 9999
    cdef int keep(self, tuple key, const char *record) except -1
    cdef bint is_operator(self, const CommandRecord *record) noexcept nogil
    cdef bint moves(self, const InstrumentRecord *record) noexcept nogil
    cdef bint is_account(self, uint32_t account) noexcept nogil
    cdef uint16_t judge_instrument(self, uint32_t instrument) noexcept nogil
    cdef uint16_t define_asset(self, const AssetRecord *record) except? 9999
    cdef uint16_t define_instrument(self, const InstrumentRecord *record) except? 9999
    cdef uint16_t define_account(self, AccountRecord *record, const char *credential) except? 9999
    cdef uint16_t judge_account(
        self, const AccountRecord *record, uint32_t number, bint is_new, bint changes
    ) except? 9999
    cdef uint16_t reset_password(self, PasswordResetRecord *record) except? 9999
    cdef bint has_proposer(self, const PasswordResetRecord *record) except -1
    cdef bint has_second(self, uint32_t asker, uint8_t flag) noexcept nogil
    cdef uint16_t judge_by_two(
        self, const CommandRecord *record, uint8_t flag, uint64_t proposal, tuple terms
    ) except? 9999
    cdef uint16_t dismiss(self, DismissalRecord *record) except? 9999
    cdef tuple proposed(self, uint64_t proposal)
    cdef bint takes_admins(self, tuple terms) except? 2
    cdef bint has_welcome(self) except? 2
    cdef bint is_owner(self, const CommandRecord *record, uint32_t account) noexcept nogil
    cdef uint16_t define_key(self, ApiKeyRecord *record, const char **extensions) except? 9999
    cdef uint16_t revoke_key(self, KeyRevocationRecord *record) except? 9999
    cdef uint16_t open_registration(self, const RegistrationRecord *record) except? 9999
    cdef uint16_t set_welcome(self, const WelcomeRecord *record) except? 9999
    cdef uint16_t judge_welcome(self, const DepositRecord *record) except? 9999
    cdef uint16_t define_factor(self, const SecondFactorRecord *record, const char **extensions) except? 9999
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


cdef inline bint is_of_fix(const CommandRecord *record) noexcept nogil:
    """Whether a command came by a gateway, from the FIX session that its header names."""
    return record.ingress != 0 and record.ingress != OPERATORS_RING and record.ingress != API_RING
