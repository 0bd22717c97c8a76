"""Who is who, and what each may do: accounts, their passwords and roles, keys, second factors and registration.

It judges who may define what, and keeps what was defined. What proves a password, a signature or a code, edges know.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport *
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.pool cimport NIL
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.accounts cimport (
    ACCOUNT_ADMIN, ACCOUNT_AUDITOR, ACCOUNT_BLOCKED, ACCOUNT_LINES, ACCOUNT_OPERATOR, ACCOUNT_REGISTERED, Account,
    account_at, is_account,
)
from lockstep.procs.router.keys cimport key_at
from lockstep.procs.router.verdicts cimport HEADER_SIZE, crc_of_body

cdef enum:
    MAX_ACCOUNTS = 65535
    DEFAULT_MAX_OPEN_ORDERS = 100_000
    ROLE_FLAGS = ACCOUNT_OPERATOR | ACCOUNT_ADMIN | ACCOUNT_AUDITOR

assert <int> ACCOUNT_LINES == <int> MAX_ACCOUNTS + 1


cdef class Identity:
    """Accounts by their owners' names, and each one's EXT_CREDENTIAL record."""

    def __cinit__(self, Ledger ledger, Keys keys, Authority authority, Settings settings):
        self.ledger = ledger
        self.keys = keys
        self.authority = authority
        self.settings = settings
        self.factors = Factors()
        self.resets = PasswordResets()
        self.accounts = {}
        self.credentials = {}

    cdef int decide(self, char *record, const char **extensions) except -1:
        """Decide a command about who may do what."""
        cdef uint8_t type = (<CommandRecord *> record).type
        if type == CMD_ACCOUNT:
            return self.define_account(<AccountRecord *> record, extensions[0])
        if type == CMD_API_KEY:
            return self.define_key(<ApiKeyRecord *> record, extensions)
        if type == CMD_KEY_REVOCATION:
            return self.revoke_key(<KeyRevocationRecord *> record)
        if type == CMD_REGISTRATION:
            return self.open_registration(<RegistrationRecord *> record)
        if type == CMD_WELCOME:
            return self.set_welcome(<WelcomeRecord *> record)
        if type == CMD_SECOND_FACTOR:
            return self.define_factor(<SecondFactorRecord *> record, extensions)
        if type == CMD_PASSWORD_RESET:
            return self.reset_password(<PasswordResetRecord *> record)
        return self.factors.use(<FactorUseRecord *> record)

    cdef uint16_t define_account(self, AccountRecord *record, const char *credential) except? 9999:
        """Define an account, or give one that is there a new password or another role.

        A new one may have so many open orders until its limits are set, so that memory is bounded.
        """
        cdef bytes name = record.name[:CL_ORD_ID_SIZE].rstrip(b"\0")
        cdef bint by_api = record.ingress == API_RING
        cdef uint32_t number = record.account
        cdef uint16_t verdict
        cdef Account *line
        cdef bint is_new = name not in self.accounts
        cdef bint changes  # the password
        cdef uint8_t role
        if by_api:
            number = record.target if record.target != 0 else self.ledger.accounts.count + 1
        if credential == NULL or (<const CommandRecord *> credential).type != CMD_EXT_CREDENTIAL or not name:
            return CODE_INVALID_DEFINITION
        if by_api and not is_new and self.accounts[name] != number:
            return CODE_NAME_USED
        if number == 0 or self.accounts.get(name, self.ledger.accounts.count + 1) != number:
            return CODE_INVALID_DEFINITION
        if number > MAX_ACCOUNTS:
            return CODE_LIMIT_REACHED
        changes = is_new or credential[HEADER_SIZE:RECORD_SIZE] != self.credentials[number][HEADER_SIZE:]
        record.takes_factor = 0
        verdict = self.judge_account(record, number, is_new, changes)
        if verdict != CODE_OK:
            return verdict
        line = account_at(self.ledger.accounts, number)
        if is_new:
            self.accounts[name] = number
            self.ledger.accounts.count += 1
            line.max_open_orders = DEFAULT_MAX_OPEN_ORDERS
        if by_api:
            record.target = number
        if record.role == ROLE_ADMIN and not line.flags & ACCOUNT_ADMIN:
            self.resets.end(number)  # an admin's takes two admins
        role = flags_of(record.role)
        if not is_new and (changes or role != line.flags & ROLE_FLAGS):
            self.ledger.accounts.end_sessions(number, record.seq)
        line.flags = line.flags & ~ROLE_FLAGS | role
        if by_api and record.account == 0 and not is_new:
            record.takes_factor = self.resets.takes_factor(number) and number in self.factors.by_account
            if record.takes_factor:
                self.factors.drop(number)
        elif by_api and record.account == 0:
            line.flags |= ACCOUNT_REGISTERED
            if self.registration == REGISTRATION_MODE_APPROVAL:
                line.flags |= ACCOUNT_BLOCKED
        if changes:
            self.credentials[number] = credential[:RECORD_SIZE]  # the record that first had it says who gave it
            self.resets.end(number)
        return CODE_OK

    cdef uint16_t judge_account(
        self, const AccountRecord *record, uint32_t number, bint is_new, bint changes
    ) except? 9999:
        """Who may define what: the venue itself a new trader, where registration is open, and a password by a reset;
        everybody his own password; operators new traders. A role takes two admins, an auditor's two operators (LOG-35).
        Giving another account a password takes two (LOG-34).
        """
        cdef uint8_t flags = flags_of(record.role)
        cdef uint8_t before = account_at(self.ledger.accounts, number).flags & ROLE_FLAGS
        if record.role > ROLE_AUDITOR:
            return CODE_INVALID_DEFINITION
        if record.ingress == API_RING and record.account == 0 and not is_new:
            if flags != before:
                return CODE_ROLE_NOT_ALLOWED
            return self.resets.judge(
                number, (<const char *> record.reset_code)[:sizeof(record.reset_code)], record.time_ns
            )
        if record.ingress == API_RING and record.account == 0:
            if self.registration == REGISTRATION_MODE_CLOSED:
                return CODE_REGISTRATION_CLOSED
            return CODE_OK if record.role == ROLE_TRADER else CODE_ROLE_NOT_ALLOWED
        if record.ingress == API_RING and record.account == number and flags == before:
            return CODE_OK
        if not self.authority.is_operator(<const CommandRecord *> record):
            return CODE_ROLE_NOT_ALLOWED
        if (flags | before) & ACCOUNT_OPERATOR and not self.authority.is_admin(<const CommandRecord *> record):
            return CODE_ROLE_NOT_ALLOWED
        if record.ingress == 0 or flags == before:
            return CODE_RESET_NEEDED if changes and not is_new and record.ingress != 0 else CODE_OK
        if is_new:
            return CODE_ROLE_NOT_ALLOWED
        if changes:
            return CODE_RESET_NEEDED
        return self.authority.judge_by_two(
            <const CommandRecord *> record, ACCOUNT_ADMIN if (flags | before) & ACCOUNT_OPERATOR else ACCOUNT_OPERATOR,
            record.proposal, (<int> CMD_ACCOUNT, number, record.role, 0),
        )

    cdef uint16_t reset_password(self, PasswordResetRecord *record) except? 9999:
        """Two operators, neither of them its owner; two admins, where it is an admin's password."""
        if not is_account(self.ledger.accounts, record.target):
            return CODE_UNKNOWN_ACCOUNT
        if record.target == record.account:
            return CODE_ROLE_NOT_ALLOWED
        if account_at(self.ledger.accounts, record.target).flags & ACCOUNT_ADMIN and not self.authority.is_admin(
            <const CommandRecord *> record
        ):
            return CODE_ROLE_NOT_ALLOWED
        if record.proposal == 0:
            return self.resets.propose(record)
        return self.resets.approve(record) if self.has_proposer(record) else <uint16_t> CODE_UNKNOWN_PROPOSAL

    cdef bint has_proposer(self, const PasswordResetRecord *record) except -1:
        """Whether the account that proposed a reset may still propose it, or it is not known who did."""
        cdef uint8_t needed = ACCOUNT_OPERATOR | account_at(self.ledger.accounts, record.target).flags & ACCOUNT_ADMIN
        cdef uint32_t proposer
        found = self.resets.by_account.get(record.target)
        if found is None:
            return True
        proposer = found[1]
        return account_at(self.ledger.accounts, proposer).flags & needed == needed

    cdef uint16_t define_key(self, ApiKeyRecord *record, const char **extensions) except? 9999:
        """A key of one's own; the configuration defines others', too. An auditor's only reads."""
        if not is_account(self.ledger.accounts, record.target):
            return CODE_UNKNOWN_ACCOUNT
        if record.ingress != 0 and (record.ingress != API_RING or record.account != record.target):
            return CODE_ROLE_NOT_ALLOWED
        if record.scopes != KEY_SCOPE_READ and account_at(self.ledger.accounts, record.target).flags & ACCOUNT_AUDITOR:
            return CODE_ROLE_NOT_ALLOWED
        return self.keys.define(record, extensions)

    cdef uint16_t revoke_key(self, KeyRevocationRecord *record) except? 9999:
        """To others than its owner and admins there is no such key."""
        cdef bytes name = record.name[:CL_ORD_ID_SIZE].rstrip(b"\0")
        cdef uint32_t key = self.keys.names.get(name, 0)
        record.key = 0
        if key == 0 or not self.authority.is_owner(<const CommandRecord *> record, key_at(self.keys, key).account):
            return CODE_KEY_UNKNOWN
        record.key = key
        return self.keys.revoke(key)

    cdef uint16_t define_factor(self, const SecondFactorRecord *record, const char **extensions) except? 9999:
        """Everybody's own; an admin takes others' away."""
        if not is_account(self.ledger.accounts, record.target):
            return CODE_UNKNOWN_ACCOUNT
        if not self.authority.is_owner(<const CommandRecord *> record, record.target):
            return CODE_ROLE_NOT_ALLOWED
        if record.size != 0 and (record.ingress != API_RING or record.account != record.target):
            return CODE_ROLE_NOT_ALLOWED
        return self.factors.define(record, extensions)

    cdef uint16_t open_registration(self, const RegistrationRecord *record) except? 9999:
        """Where the venue gives who registers something, to open takes two admins: the admin could own each account."""
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef uint16_t verdict
        if record.mode > REGISTRATION_MODE_APPROVAL:
            return CODE_INVALID_DEFINITION
        if record.ingress != 0 and record.mode != self.registration and record.mode != REGISTRATION_MODE_CLOSED:
            verdict = CODE_OK
            if record.proposal != 0 or self.has_welcome():
                terms = <int> CMD_REGISTRATION, 0, record.mode, 0
                verdict = self.authority.judge_by_two(header, ACCOUNT_ADMIN, record.proposal, terms)
            if verdict != CODE_OK:
                return verdict
        self.registration = record.mode
        self.settings.keep((CMD_REGISTRATION,), <const char *> record)
        return CODE_OK

    cdef bint has_welcome(self) except? 2:
        """Whether the venue gives who registers anything."""
        for key, kept in self.settings.records.items():
            if key[0] == CMD_WELCOME and (<const WelcomeRecord *> <const char *> <bytes> kept).amount != 0:
                return True
        return False

    cdef uint16_t set_welcome(self, const WelcomeRecord *record) except? 9999:
        cdef uint16_t verdict
        cdef int64_t before
        cdef bytes kept = self.settings.record((CMD_WELCOME, record.asset))
        if record.asset == 0 or record.asset > self.ledger.balances.asset_count or record.amount < 0:
            return CODE_INVALID_DEFINITION
        before = (<const WelcomeRecord *> <const char *> kept).amount
        if record.ingress != 0 and (record.amount > before or record.proposal != 0):
            terms = <int> CMD_WELCOME, 0, record.asset, record.amount
            verdict = self.authority.judge_by_two(<const CommandRecord *> record, ACCOUNT_ADMIN, record.proposal, terms)
            if verdict != CODE_OK:
                return verdict
        self.settings.keep((CMD_WELCOME, record.asset), <const char *> record)
        return CODE_OK

    cdef uint16_t judge_welcome(self, const DepositRecord *record) except? 9999:
        """What the venue itself may deposit: as much as is set, for a registered account that never had the asset."""
        cdef bytes kept = self.settings.record((CMD_WELCOME, record.asset))
        cdef int64_t amount = (<const WelcomeRecord *> <const char *> kept).amount
        if not account_at(self.ledger.accounts, record.target).flags & ACCOUNT_REGISTERED:
            return CODE_NOT_AN_OPERATOR
        if record.amount > amount or self.ledger.balances.find(record.target, record.asset) != NIL:
            return CODE_ALREADY_WELCOMED
        return CODE_OK

    cdef uint64_t digest(self):
        cdef uint64_t digest = self.keys.digest() + self.factors.digest() + self.resets.digest()
        cdef uint32_t crc
        for name, number in self.accounts.items():
            crc = crc32c(0, <const char *> (<bytes> name), len(name))
            digest += scramble(crc, crc_of_body(0, <const char *> (<bytes> self.credentials[number])))
        return digest

    cdef int save(self, Saver saver) except -1:
        self.keys.save(saver)
        self.factors.save(saver)
        self.resets.save(saver)
        saver.put_64(self.registration)
        saver.object(list(self.accounts.items()))
        saver.object(list(self.credentials.items()))
        return 0

    cdef int load(self, Loader loader) except -1:
        self.keys.load(loader)
        self.factors.load(loader)
        self.resets.load(loader)
        self.registration = <uint8_t> loader.get_64()
        self.accounts = dict(loader.object(list[tuple[bytes, int]]))
        self.credentials = dict(loader.object(list[tuple[int, bytes]]))
        return 0


cdef uint8_t flags_of(uint8_t role) noexcept nogil:
    """What the account's line has of a role."""
    if role == ROLE_ADMIN:
        return ACCOUNT_OPERATOR | ACCOUNT_ADMIN
    if role == ROLE_OPERATOR:
        return ACCOUNT_OPERATOR
    return ACCOUNT_AUDITOR if role == ROLE_AUDITOR else 0
