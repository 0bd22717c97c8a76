from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    AccountRecord, ApiKeyRecord, DepositRecord, KeyRevocationRecord, PasswordResetRecord, RegistrationRecord,
    SecondFactorRecord, WelcomeRecord,
)
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.authority cimport Authority
from lockstep.procs.router.factors cimport Factors
from lockstep.procs.router.keys cimport Keys
from lockstep.procs.router.ledger cimport Ledger
from lockstep.procs.router.password_resets cimport PasswordResets
from lockstep.procs.router.settings cimport Settings

cdef class Identity:
    cdef Ledger ledger
    cdef Keys keys
    cdef Authority authority
    cdef Settings settings
    cdef readonly Factors factors
    cdef readonly PasswordResets resets
    cdef readonly dict accounts
    cdef readonly dict credentials
    cdef uint8_t registration  # of RegistrationMode
    cdef int decide(self, char *record, const char **extensions) except -1
    cdef uint16_t define_account(self, AccountRecord *record, const char *credential) except? 9999
    cdef uint16_t judge_account(
        self, const AccountRecord *record, uint32_t number, bint is_new, bint changes
    ) except? 9999
    cdef uint16_t reset_password(self, PasswordResetRecord *record) except? 9999
    cdef bint has_proposer(self, const PasswordResetRecord *record) except -1
    cdef uint16_t define_key(self, ApiKeyRecord *record, const char **extensions) except? 9999
    cdef uint16_t revoke_key(self, KeyRevocationRecord *record) except? 9999
    cdef uint16_t define_factor(self, const SecondFactorRecord *record, const char **extensions) except? 9999
    cdef uint16_t open_registration(self, const RegistrationRecord *record) except? 9999
    cdef bint has_welcome(self) except? 2
    cdef uint16_t set_welcome(self, const WelcomeRecord *record) except? 9999
    cdef uint16_t judge_welcome(self, const DepositRecord *record) except? 9999
    cdef uint64_t digest(self)
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1

cdef uint8_t flags_of(uint8_t role) noexcept nogil
