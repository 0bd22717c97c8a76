from libc.stdint cimport uint16_t, uint32_t, uint64_t

from procs.router.ledger cimport Ledger
from procs.router.schedule cimport Schedule
from procs.router.transfers cimport Transfers
from procs.tables.saved cimport Loader, Saver
from shm.records cimport (
    AccountLimitsRecord, AccountRecord, AssetRecord, CommandRecord, FeeTierRecord, InstrumentRecord, KillSwitchRecord,
    LimitsRecord, MassCancelRecord, PhaseChangeRecord, PositionLimitRecord, ScheduleRecord,
)

cdef enum:
    OPERATORS_RING = 9
    RULES_BY_TWO = 2       # from these rules on it takes two operators to correct a trade,
    RULES_OPEN_ORDERS = 2  # and an account without its own limits has a default one
    DEFAULT_MAX_OPEN_ORDERS = 100_000

# A tier that was never given has the instrument's rates.
cdef struct Rates:
    int maker_ppm
    int taker_ppm
    bint is_given

cdef class Administration:
    cdef readonly Ledger ledger
    cdef readonly Schedule schedule
    cdef readonly Transfers transfers
    cdef readonly dict assets
    cdef readonly dict instruments
    cdef readonly dict accounts
    cdef readonly dict credentials
    cdef readonly dict settings
    cdef Rates tiers[256]
    cdef uint32_t rules  # of the epoch
    cdef int begin_epoch(self, uint32_t rules) except -1 with gil
    cdef void limit_by_default(self, uint32_t account) noexcept nogil
    cdef int carry_out(self, char *record, int imposed, const char *credential) except -1
    cdef uint16_t authority(self, const CommandRecord *record) noexcept nogil
    cdef int decide(self, char *record, const char *credential) except -1
    cdef int keep(self, tuple key, const char *record) except -1
    cdef bint is_operator(self, const CommandRecord *record) noexcept nogil
    cdef bint moves(self, const InstrumentRecord *record) noexcept nogil
    cdef bint is_account(self, uint32_t account) noexcept nogil
    cdef uint16_t judge_instrument(self, uint32_t instrument) noexcept nogil
    cdef uint16_t define_asset(self, const AssetRecord *record) except? 9999
    cdef uint16_t define_instrument(self, const InstrumentRecord *record) except? 9999
    cdef uint16_t define_account(self, const AccountRecord *record, const char *credential) except? 9999
    cdef uint16_t mass_cancel(self, const MassCancelRecord *record) noexcept nogil
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
