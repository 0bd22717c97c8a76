"""Commands that are not about one order: definitions, limits, switches, phases and schedules, and who may give them.

It keeps what they set, as the records that set it. It never sees an order and is not on an order's path: the
tables that orders look at (accounts, listings, tiers) are what it writes.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport *
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.pool cimport NIL
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.accounts cimport (
    ACCOUNT_ADMIN, ACCOUNT_AUDITOR, ACCOUNT_BLOCKED, ACCOUNT_LINES, ACCOUNT_OPERATOR, ACCOUNT_REGISTERED,
    SESSION_BLOCKED, SESSION_ENDED, Account, account_at,
)
from lockstep.procs.router.balances cimport MAX_ASSETS
from lockstep.procs.router.holds cimport MAX_INSTRUMENTS, Listing
from lockstep.procs.router.ids cimport find_id, tag_of_id
from lockstep.procs.router.keys cimport key_at
from lockstep.procs.router.transfers cimport asker_of, owner_of
from lockstep.procs.router.verdicts cimport client_id_of, verdict_of
from lockstep.shm.board cimport MAX_SESSIONS

cdef enum:
    MAX_BPS = 10_000
    MAX_SCALE = 18
    MAX_ACCOUNTS = 65535
    HEADER_SIZE = 48
    DAY_S = 86_400
    MS_NS = 1_000_000
    ROLE_FLAGS = ACCOUNT_OPERATOR | ACCOUNT_ADMIN | ACCOUNT_AUDITOR

assert sizeof(CorrectionRecord) == sizeof(CorrectionProposalRecord)
assert <size_t> &(<CorrectionRecord *> NULL).seller_fee == <size_t> &(<CorrectionProposalRecord *> NULL).seller_fee
assert <int> MAX_SESSIONS == <int> ACCOUNT_LINES == <int> MAX_ACCOUNTS + 1


cdef class Administration:
    """What is listed, set and switched. `settings` has each setting's last record, by its type and subject."""

    def __cinit__(self, Ledger ledger):
        self.ledger = ledger
        self.schedule = Schedule()
        self.transfers = Transfers(ledger)
        self.keys = Keys()
        self.factors = Factors()
        self.resets = PasswordResets()
        self.proposals = Proposals()
        self.cancel_after = CancelAfter()
        self.assets = {}
        self.instruments = {}
        self.accounts = {}
        self.credentials = {}
        self.settings = {}

    cdef int carry_out(self, char *record, int imposed, const char **extensions) except -1:
        """Decide a command and do what it says; returns its verdict. `extensions` are its own, the last first, or NULL.

        Its client id, if any, is its key: a second command with it is refused. The router's own have none.
        """
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef const char *id = client_id_of(record) if header.account != 0 or header.ingress != 0 else NULL
        cdef uint32_t tag = 0
        cdef uint32_t owner = header.account  # of the client id
        cdef int verdict = CODE_OK
        self.transfers.told = NIL
        verdict_of(record)[0] = CODE_OK
        if not self.is_sender(header):
            return CODE_UNKNOWN_ACCOUNT
        if id != NULL:
            if owner == 0 and header.type == CMD_DEPOSIT:
                owner = owner_of(<const DepositRecord *> record)
            if not self.is_account(owner):
                return CODE_UNKNOWN_ACCOUNT
            tag = tag_of_id(self.ledger.ids, owner, id)
            if find_id(self.ledger.ids, owner, id, tag) != NIL:
                return CODE_DUPLICATE_CLIENT_ID
        verdict = imposed if imposed != CODE_OK else self.permission(header)
        if verdict == CODE_OK:
            verdict = self.decide(record, extensions)
        if id != NULL:
            self.ledger.ids.add_closed(owner, id, tag, header.seq)
        return verdict

    cdef bint is_sender(self, const CommandRecord *record) noexcept nogil:
        """Whether a command's session is one that its ring's commands can have. From the api, only the venue itself,
        which deposits and registers, is no account.
        """
        if record.ingress != API_RING:
            return record.session < MAX_SESSIONS
        if record.account == 0:
            return record.session == API_SESSION and (record.type == CMD_ACCOUNT or record.type == CMD_DEPOSIT)
        return record.session >= API_SESSION and self.is_account(record.account)

    cdef uint16_t permission(self, const CommandRecord *record) noexcept nogil:
        """Whether the key that signed a command, if any, and its sender's role allow it. What everybody may do with
        what is his own is judged later. No key allows what a person is to ask for (LOG-30).
        """
        cdef uint8_t type = record.type
        cdef uint8_t scope = 0
        cdef uint16_t verdict
        cdef uint32_t own
        cdef bint is_auditor
        if type == CMD_MASS_CANCEL or type == CMD_KILL_SWITCH or type == CMD_CANCEL_AFTER:
            scope = KEY_SCOPE_TRADE
        elif is_owners(record):
            scope = KEY_SCOPE_WITHDRAW
        if record.session > API_SESSION:
            verdict = self.keys.judge(record.account, record.session - API_SESSION, scope, record.time_ns)
            if verdict != CODE_OK:
                return verdict
        elif is_of_fix(record) and account_at(self.ledger.accounts, record.session).flags & SESSION_ENDED:
            return CODE_SESSION_ENDED
        if type == CMD_MASS_CANCEL or type == CMD_KILL_SWITCH or CMD_SECOND_FACTOR <= type <= CMD_FACTOR_USE:
            return CODE_OK
        if type == CMD_API_KEY or type == CMD_KEY_REVOCATION:
            return CODE_OK
        if type == CMD_CANCEL_AFTER:
            is_auditor = account_at(self.ledger.accounts, record.account).flags & ACCOUNT_AUDITOR
            return CODE_ROLE_NOT_ALLOWED if is_auditor else CODE_OK
        if is_owners(record):
            return self.may_withdraw(record)
        if type == CMD_REGISTRATION or type == CMD_WELCOME or type == CMD_DEPOSIT_LIMIT:
            return CODE_OK if self.is_admin(record) else CODE_ROLE_NOT_ALLOWED
        if record.ingress == API_RING and (type == CMD_ACCOUNT or type == CMD_DEPOSIT or type == CMD_WITHDRAWAL):
            own = (<const AccountRecord *> record).target
            if type != CMD_ACCOUNT:
                own = owner_of(<const DepositRecord *> record)
                if not self.is_account(own):
                    return CODE_UNKNOWN_ACCOUNT
            if record.account == 0 or own == record.account and type == CMD_ACCOUNT:
                return CODE_OK
        elif type == CMD_WITHDRAWAL and record.ingress != OPERATORS_RING:
            return CODE_OK
        return CODE_OK if self.is_operator(record) else CODE_NOT_AN_OPERATOR

    cdef uint16_t may_withdraw(self, const CommandRecord *record) noexcept nogil:
        """Money is asked for by its owner, by the api, where he has proved who he is; an auditor only reads."""
        cdef uint32_t target = (<const WithdrawalRequestRecord *> record).target
        if record.ingress != API_RING or account_at(self.ledger.accounts, record.account).flags & ACCOUNT_AUDITOR:
            return CODE_ROLE_NOT_ALLOWED
        if record.type == CMD_WITHDRAWAL_REQUEST and target != 0 and target != record.account:
            return CODE_ROLE_NOT_ALLOWED
        return CODE_OK

    cdef bint is_admin(self, const CommandRecord *record) noexcept nogil:
        """The configuration counts as an admin."""
        cdef uint32_t asks = asker_of(record)
        return record.ingress == 0 or (
            asks < MAX_SESSIONS and account_at(self.ledger.accounts, asks).flags & ACCOUNT_ADMIN
        )

    cdef bint is_operator(self, const CommandRecord *record) noexcept nogil:
        """The configuration counts as an operator. One about the header's account has its operator as the session."""
        cdef uint32_t asks = asker_of(record)
        return record.ingress == 0 or (
            asks < MAX_SESSIONS and account_at(self.ledger.accounts, asks).flags & ACCOUNT_OPERATOR
        )

    cdef int decide(self, char *record, const char **extensions) except -1:
        cdef uint8_t type = (<CommandRecord *> record).type
        if type == CMD_ACCOUNT or CMD_API_KEY <= type <= CMD_FACTOR_USE or type == CMD_PASSWORD_RESET:
            return self.decide_identity(record, extensions)
        if type == CMD_DEPOSIT or type == CMD_WITHDRAWAL or CMD_WITHDRAWAL_REQUEST <= type <= CMD_DEPOSIT_LIMIT:
            return self.decide_money(record, extensions)
        if type == CMD_DISMISSAL:
            return self.dismiss(<DismissalRecord *> record)
        if type == CMD_ADJUSTMENT:
            return self.transfers.adjust(<AdjustmentRecord *> record)
        if type == CMD_CORRECTION_PROPOSAL:
            return self.transfers.propose_correction(<CorrectionRecord *> record)
        if type == CMD_CORRECTION:
            return self.transfers.approve_correction(<CorrectionRecord *> record)
        if type == CMD_MASS_CANCEL:
            return self.mass_cancel(<MassCancelRecord *> record)
        if type == CMD_CANCEL_AFTER:  # also while a kill switch is on: like a cancel it only takes orders off
            return self.cancel_after.put(<const CancelAfterRecord *> record)
        if type == CMD_KILL_SWITCH:
            return self.turn(<KillSwitchRecord *> record)
        if type == CMD_PHASE:
            return self.change_phase(<PhaseChangeRecord *> record)
        if type == CMD_SCHEDULE:
            return self.plan(<ScheduleRecord *> record)
        if type == CMD_LIMITS:
            return self.limit(<LimitsRecord *> record)
        if type == CMD_ACCOUNT_LIMITS:
            return self.limit_account(<AccountLimitsRecord *> record)
        if type == CMD_POSITION_LIMIT:
            return self.limit_position(<PositionLimitRecord *> record)
        if type == CMD_FEE_TIER:
            return self.set_tier(<FeeTierRecord *> record)
        if type == CMD_ASSET:
            return self.define_asset(<AssetRecord *> record)
        if type == CMD_INSTRUMENT:
            return self.define_instrument(<InstrumentRecord *> record)
        raise ValueError(f"a record of type {type} can't be sequenced: the schema has none such")

    cdef int decide_money(self, char *record, const char **extensions) except -1:
        """Decide a command about money that enters or leaves."""
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef const DepositRecord *deposit = <const DepositRecord *> record
        cdef int verdict
        if header.type == CMD_WITHDRAWAL:
            return self.withdraw(<const WithdrawalRecord *> record)
        if header.type == CMD_WITHDRAWAL_REQUEST:
            return self.transfers.request_withdrawal(<const WithdrawalRequestRecord *> record, extensions[0])
        if header.type == CMD_WITHDRAWAL_DECISION:
            return self.transfers.decide_withdrawal(<WithdrawalDecisionRecord *> record)
        if header.type == CMD_DEPOSIT_LIMIT:
            return self.limit_deposits(<const DepositLimitRecord *> record)
        if header.account == 0:
            verdict = self.judge_welcome(deposit)
            return verdict if verdict != CODE_OK else self.transfers.deposit(deposit)
        if header.ingress == 0:
            return self.transfers.deposit(deposit)
        return self.transfers.deposit_by_two(
            <DepositRecord *> record, self.deposit_limit(deposit.asset),
            self.has_second(asker_of(header), ACCOUNT_OPERATOR),
        )

    cdef int withdraw(self, const WithdrawalRecord *record) except -1:
        """Money that is paid out at once: by an operator's word only if another one says the same."""
        cdef const CommandRecord *header = <const CommandRecord *> record
        cdef uint32_t owner = owner_of(<const DepositRecord *> record)
        cdef int verdict
        if header.ingress != OPERATORS_RING and header.ingress != API_RING:
            return self.transfers.withdraw(record)
        if not 0 < record.asset <= self.ledger.balances.asset_count:
            return CODE_INVALID_DEFINITION
        if record.amount <= 0:
            return CODE_QUANTITY_NOT_POSITIVE
        verdict = self.ledger.balances.can_add(owner, record.asset, -record.amount)
        if verdict == CODE_OK:
            terms = <int> CMD_WITHDRAWAL, owner, record.asset, record.amount
            verdict = self.judge_by_two(header, ACCOUNT_OPERATOR, record.proposal, terms)
        return verdict if verdict != CODE_OK else self.transfers.withdraw(record)

    cdef int64_t deposit_limit(self, uint32_t asset) except? -1:
        """The most of an asset that one operator deposits alone in a day."""
        cdef bytes kept = self.record((CMD_DEPOSIT_LIMIT, asset))
        return (<const DepositLimitRecord *> <const char *> kept).amount

    cdef int decide_identity(self, char *record, const char **extensions) except -1:
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

    cdef int keep(self, tuple key, const char *record) except -1:
        self.settings[key] = record[:RECORD_SIZE]
        return 0

    cdef bint moves(self, const InstrumentRecord *record) noexcept nogil:
        """Whether a definition gives a listed instrument to another matcher."""
        if record.instrument == 0 or record.instrument > self.ledger.instrument_count:
            return False
        return self.ledger.listings[record.instrument].terms.matcher != record.matcher

    cdef bint is_account(self, uint32_t account) noexcept nogil:
        return 0 < account <= self.ledger.accounts.count

    cdef uint16_t judge_instrument(self, uint32_t instrument) noexcept nogil:
        if instrument == 0 or instrument > self.ledger.instrument_count:
            return CODE_UNKNOWN_INSTRUMENT
        return CODE_DELISTED if self.ledger.listings[instrument].phase == PHASE_DELISTED else CODE_OK

    cdef uint16_t define_asset(self, const AssetRecord *record) except? 9999:
        cdef bytes name = record.name[:SYMBOL_SIZE].rstrip(b"\0")
        if record.asset != self.ledger.balances.asset_count + 1 or name in self.assets or not name:
            return CODE_INVALID_DEFINITION
        if record.scale > MAX_SCALE:
            return CODE_INVALID_DEFINITION
        if record.asset > MAX_ASSETS:
            return CODE_LIMIT_REACHED
        self.assets[name] = (record.asset, record.scale)
        self.ledger.balances.asset_count += 1
        return CODE_OK

    cdef uint16_t define_instrument(self, const InstrumentRecord *record) except? 9999:
        """A new instrument, or new fees, collar and reference price of one that is listed; all else stays as it is.

        But an instrument that a command has halted may move to another matcher.
        """
        cdef bytes symbol = record.symbol[:SYMBOL_SIZE].rstrip(b"\0")
        cdef uint32_t assets = self.ledger.balances.asset_count
        cdef InstrumentRecord *terms
        if (
            record.instrument == 0 or record.instrument > self.ledger.instrument_count + 1 or not symbol
            or not 0 < record.base_asset <= assets or record.base_asset == record.quote_asset
            or not 0 < record.quote_asset <= assets or not 0 < record.matcher <= MAX_MATCHERS
            or record.unit_value <= 0 or record.lot_units <= 0 or record.reference_price_ticks < 0
            or not 0 < record.collar_bps <= MAX_BPS or record.maker_fee_ppm < 0 or record.taker_fee_ppm < 0
        ):
            return CODE_INVALID_DEFINITION
        if record.instrument > MAX_INSTRUMENTS:
            return CODE_LIMIT_REACHED
        if self.instruments.get(symbol, self.ledger.instrument_count + 1) != record.instrument:
            return CODE_INVALID_DEFINITION
        terms = &self.ledger.listings[record.instrument].terms
        if symbol in self.instruments and not (
            terms.base_asset == record.base_asset and terms.quote_asset == record.quote_asset
            and terms.tick_mantissa == record.tick_mantissa and terms.lot_mantissa == record.lot_mantissa
            and terms.price_scale == record.price_scale and terms.quantity_scale == record.quantity_scale
            and terms.unit_value == record.unit_value and terms.lot_units == record.lot_units
            and (terms.matcher == record.matcher or self.ledger.listings[record.instrument].phase == PHASE_HALT)
        ):
            return CODE_INVALID_DEFINITION
        if symbol not in self.instruments:
            self.instruments[symbol] = record.instrument
            self.ledger.instrument_count += 1
            self.ledger.listings[record.instrument].phase = PHASE_CONTINUOUS
        terms[0] = record[0]
        return CODE_OK

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
        if not self.is_operator(<const CommandRecord *> record):
            return CODE_ROLE_NOT_ALLOWED
        if (flags | before) & ACCOUNT_OPERATOR and not self.is_admin(<const CommandRecord *> record):
            return CODE_ROLE_NOT_ALLOWED
        if record.ingress == 0 or flags == before:
            return CODE_RESET_NEEDED if changes and not is_new and record.ingress != 0 else CODE_OK
        if is_new:
            return CODE_ROLE_NOT_ALLOWED
        if changes:
            return CODE_RESET_NEEDED
        return self.judge_by_two(
            <const CommandRecord *> record, ACCOUNT_ADMIN if (flags | before) & ACCOUNT_OPERATOR else ACCOUNT_OPERATOR,
            record.proposal, (<int> CMD_ACCOUNT, number, record.role, 0),
        )

    cdef bint has_second(self, uint32_t asker, uint8_t flag) noexcept nogil:
        """Whether another account than the asker's has the flag of a role."""
        cdef uint32_t account
        for account in range(1, self.ledger.accounts.count + 1):
            if account != asker and account_at(self.ledger.accounts, account).flags & flag:
                return True
        return False

    cdef uint16_t judge_by_two(
        self, const CommandRecord *record, uint8_t flag, uint64_t proposal, tuple terms
    ) except? 9999:
        """Whether a person's command is carried out now: another one has proposed the same, and both have the flag of
        the role that it takes (LOG-35).
        """
        cdef uint32_t asker = asker_of(record)
        cdef uint16_t verdict
        if not self.has_second(asker, flag):
            return CODE_NO_SECOND
        verdict = self.proposals.judge(record.seq, asker, proposal, terms)
        if verdict != CODE_OK:
            return verdict
        proposer, _ = self.proposals.waiting[proposal]
        if not account_at(self.ledger.accounts, proposer).flags & flag:
            return CODE_UNKNOWN_PROPOSAL
        self.proposals.end(proposal)
        return CODE_OK

    cdef uint16_t dismiss(self, DismissalRecord *record) except? 9999:
        """End a proposal: its proposer does, or another operator; an admin, where only admins may approve it."""
        cdef const CommandRecord *header = <const CommandRecord *> record
        record.proposed = 0
        found = self.proposed(record.proposal)
        if found is None:
            return CODE_UNKNOWN_PROPOSAL
        asker, terms = found
        if asker != header.account and self.takes_admins(terms) and not self.is_admin(header):
            return CODE_ROLE_NOT_ALLOWED
        record.proposed = terms[0]
        if record.proposed == CMD_PASSWORD_RESET:
            self.resets.end(terms[1])
        for table in (
            self.proposals.waiting, self.transfers.proposals, self.transfers.corrections, self.transfers.deposits
        ):
            table.pop(record.proposal, None)
        return CODE_OK

    cdef tuple proposed(self, uint64_t proposal):
        """Who made a proposal, and its terms, the command's type and its account first; or None."""
        if proposal in self.proposals.waiting:
            return self.proposals.waiting[proposal]
        if proposal in self.transfers.proposals:
            return self.transfers.proposals[proposal][0], (<int> CMD_ADJUSTMENT, 0)
        if proposal in self.transfers.corrections:
            return self.transfers.corrections[proposal][0], (<int> CMD_CORRECTION_PROPOSAL, 0)
        if proposal in self.transfers.deposits:
            return self.transfers.deposits[proposal][0], (<int> CMD_DEPOSIT, 0)
        for account, reset in self.resets.by_account.items():
            if reset[0] == proposal:
                return reset[1], (<int> CMD_PASSWORD_RESET, account)
        return None

    cdef bint takes_admins(self, tuple terms) except? 2:
        """Whether only admins may approve a proposal of these terms."""
        cdef uint8_t flags = 0
        if terms[0] == CMD_DEPOSIT_LIMIT or terms[0] == CMD_WELCOME or terms[0] == CMD_REGISTRATION:
            return True
        if terms[0] == CMD_ACCOUNT:
            flags = account_at(self.ledger.accounts, terms[1]).flags | flags_of(terms[2])
            return flags & ACCOUNT_OPERATOR != 0
        if terms[0] == CMD_PASSWORD_RESET:
            return account_at(self.ledger.accounts, terms[1]).flags & ACCOUNT_ADMIN != 0
        return False

    cdef bint has_welcome(self) except? 2:
        """Whether the venue gives who registers anything."""
        for key, kept in self.settings.items():
            if key[0] == CMD_WELCOME and (<const WelcomeRecord *> <const char *> <bytes> kept).amount != 0:
                return True
        return False

    cdef uint16_t reset_password(self, PasswordResetRecord *record) except? 9999:
        """Two operators, neither of them its owner; two admins, where it is an admin's password."""
        if not self.is_account(record.target):
            return CODE_UNKNOWN_ACCOUNT
        if record.target == record.account:
            return CODE_ROLE_NOT_ALLOWED
        if account_at(self.ledger.accounts, record.target).flags & ACCOUNT_ADMIN and not self.is_admin(
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
        if not self.is_account(record.target):
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
        if key == 0 or not self.is_owner(<const CommandRecord *> record, key_at(self.keys, key).account):
            return CODE_KEY_UNKNOWN
        record.key = key
        return self.keys.revoke(key)

    cdef bint is_owner(self, const CommandRecord *record, uint32_t account) noexcept nogil:
        """Whether a command is the account's own, by the api, where it has proved who it is; or an admin's."""
        return record.ingress == API_RING and record.account == account or self.is_admin(record)

    cdef uint16_t open_registration(self, const RegistrationRecord *record) except? 9999:
        """Where the venue gives who registers something, to open takes two admins: the admin could own each account."""
        cdef uint16_t verdict
        if record.mode > REGISTRATION_MODE_APPROVAL:
            return CODE_INVALID_DEFINITION
        if record.ingress != 0 and record.mode != self.registration and record.mode != REGISTRATION_MODE_CLOSED:
            verdict = CODE_OK
            if record.proposal != 0 or self.has_welcome():
                terms = <int> CMD_REGISTRATION, 0, record.mode, 0
                verdict = self.judge_by_two(<const CommandRecord *> record, ACCOUNT_ADMIN, record.proposal, terms)
            if verdict != CODE_OK:
                return verdict
        self.registration = record.mode
        self.keep((CMD_REGISTRATION,), <const char *> record)
        return CODE_OK

    cdef uint16_t set_welcome(self, const WelcomeRecord *record) except? 9999:
        cdef uint16_t verdict
        cdef int64_t before
        cdef bytes kept = self.record((CMD_WELCOME, record.asset))
        if record.asset == 0 or record.asset > self.ledger.balances.asset_count or record.amount < 0:
            return CODE_INVALID_DEFINITION
        before = (<const WelcomeRecord *> <const char *> kept).amount
        if record.ingress != 0 and (record.amount > before or record.proposal != 0):
            terms = <int> CMD_WELCOME, 0, record.asset, record.amount
            verdict = self.judge_by_two(<const CommandRecord *> record, ACCOUNT_ADMIN, record.proposal, terms)
            if verdict != CODE_OK:
                return verdict
        self.keep((CMD_WELCOME, record.asset), <const char *> record)
        return CODE_OK

    cdef uint16_t limit_deposits(self, const DepositLimitRecord *record) except? 9999:
        """An admin lowers a limit alone; to raise one takes two."""
        cdef uint16_t verdict
        if record.asset == 0 or record.asset > self.ledger.balances.asset_count or record.amount < 0:
            return CODE_INVALID_DEFINITION
        if record.ingress != 0 and (record.amount > self.deposit_limit(record.asset) or record.proposal != 0):
            terms = <int> CMD_DEPOSIT_LIMIT, 0, record.asset, record.amount
            verdict = self.judge_by_two(<const CommandRecord *> record, ACCOUNT_ADMIN, record.proposal, terms)
            if verdict != CODE_OK:
                return verdict
        self.keep((CMD_DEPOSIT_LIMIT, record.asset), <const char *> record)
        return CODE_OK

    cdef uint16_t judge_welcome(self, const DepositRecord *record) except? 9999:
        """What the venue itself may deposit: as much as is set, for a registered account that never had the asset."""
        cdef bytes kept = self.record((CMD_WELCOME, record.asset))
        cdef int64_t amount = (<const WelcomeRecord *> <const char *> kept).amount
        if not account_at(self.ledger.accounts, record.target).flags & ACCOUNT_REGISTERED:
            return CODE_NOT_AN_OPERATOR
        if record.amount > amount or self.ledger.balances.find(record.target, record.asset) != NIL:
            return CODE_ALREADY_WELCOMED
        return CODE_OK

    cdef uint16_t define_factor(self, const SecondFactorRecord *record, const char **extensions) except? 9999:
        """Everybody's own; an admin takes others' away."""
        if not self.is_account(record.target):
            return CODE_UNKNOWN_ACCOUNT
        if not self.is_owner(<const CommandRecord *> record, record.target):
            return CODE_ROLE_NOT_ALLOWED
        if record.size != 0 and (record.ingress != API_RING or record.account != record.target):
            return CODE_ROLE_NOT_ALLOWED
        return self.factors.define(record, extensions)

    cdef uint16_t mass_cancel(self, const MassCancelRecord *record) except? 9999:
        """The router's own is of an account whose CANCEL_AFTER is due."""
        if record.ingress == 0:
            if record.target == 0 or record.target != self.cancel_after.next_due(record.time_ns):
                raise ValueError(f"orders of account {record.target} are to be cancelled, and are not due")
            self.cancel_after.end(record.target)
            return CODE_OK
        if record.target != 0 and not self.is_account(record.target):
            return CODE_UNKNOWN_ACCOUNT
        if record.target != record.account and not self.is_operator(<const CommandRecord *> record):
            return CODE_NOT_AN_OPERATOR
        if record.side > SIDE_SELL:
            return CODE_UNSUPPORTED_SIDE
        return self.judge_instrument(record.instrument) if record.instrument != 0 else CODE_OK

    cdef uint16_t turn(self, const KillSwitchRecord *record) noexcept nogil:
        """A switch on or off. An account may switch on its own and its session's, but not off.

        If another account turns it on, the sessions of the account end: its owner may not be the one who uses them.
        """
        cdef uint8_t flag = ACCOUNT_BLOCKED if record.scope == KILL_SCOPE_ACCOUNT else SESSION_BLOCKED
        cdef uint32_t own = record.account if record.scope == KILL_SCOPE_ACCOUNT else record.session
        cdef Account *line
        if record.scope != KILL_SCOPE_ACCOUNT and record.scope != KILL_SCOPE_SESSION:
            return CODE_INVALID_DEFINITION
        if not self.is_account(record.target):
            return CODE_UNKNOWN_ACCOUNT
        if (record.target != own or not record.is_on) and not self.is_operator(<const CommandRecord *> record):
            return CODE_NOT_AN_OPERATOR
        line = account_at(self.ledger.accounts, record.target)
        line.flags = line.flags | flag if record.is_on else line.flags & ~flag
        if record.is_on and flag == ACCOUNT_BLOCKED and record.target != record.account:
            self.ledger.accounts.end_sessions(record.target, record.seq)
        return CODE_OK

    cdef uint16_t change_phase(self, const PhaseChangeRecord *record) except? 9999:
        """The matcher carries it out. Kept here: which instruments are delisted, and what the schedule has done."""
        cdef uint16_t verdict = self.judge_instrument(record.instrument)
        if verdict != CODE_OK:
            return verdict
        if not PHASE_CLOSED <= record.phase <= PHASE_DELISTED:
            return CODE_INVALID_DEFINITION
        if record.ingress == 0 and record.entry != 0:
            if record.entry != self.schedule.latest(record.instrument, record.time_ns):
                raise ValueError(f"instrument {record.instrument}: entry {record.entry} is not what is due")
            self.schedule.advance(record.instrument, record.time_ns)
        self.ledger.listings[record.instrument].phase = record.phase
        if record.phase == PHASE_DELISTED:
            self.schedule.clear(record.instrument)
        return CODE_OK

    cdef uint16_t plan(self, const ScheduleRecord *record) noexcept nogil:
        cdef uint16_t verdict = self.judge_instrument(record.instrument)
        return verdict if verdict != CODE_OK else self.schedule.put(record)

    cdef uint16_t limit(self, const LimitsRecord *record) except? 9999:
        cdef uint16_t verdict = self.judge_instrument(record.instrument)
        cdef Listing *listing
        if verdict != CODE_OK:
            return verdict
        if record.static_band_bps > MAX_BPS or record.dynamic_band_bps > MAX_BPS or record.day_end_s >= DAY_S:
            return CODE_INVALID_DEFINITION
        if record.max_quantity_lots < 0 or record.max_value < 0 or record.band_action > BAND_ACTION_AUCTION:
            return CODE_INVALID_DEFINITION
        if (record.static_band_bps or record.dynamic_band_bps) and record.band_action == 0:
            return CODE_INVALID_DEFINITION
        listing = &self.ledger.listings[record.instrument]
        listing.max_quantity_lots = record.max_quantity_lots
        listing.max_value = record.max_value
        self.keep((CMD_LIMITS, record.instrument), <const char *> record)
        return CODE_OK

    cdef uint16_t limit_account(self, const AccountLimitsRecord *record) except? 9999:
        """New limits count orders from nothing; open ones stay counted."""
        cdef Account *line
        if not self.is_account(record.target):
            return CODE_UNKNOWN_ACCOUNT
        if record.self_trade > STP_DECREMENT:
            return CODE_UNSUPPORTED_SELF_TRADE
        if record.max_orders != 0 and record.window_ms == 0:
            return CODE_INVALID_DEFINITION
        line = account_at(self.ledger.accounts, record.target)
        if record.ingress != 0 and record.target == record.account:
            if record.fee_tier != line.fee_tier:
                return CODE_OWN_ACCOUNT
        line.window_ns = <uint64_t> record.window_ms * MS_NS
        line.window = 0
        line.orders = 0
        line.max_orders = record.max_orders
        line.max_open_orders = record.max_open_orders
        line.self_trade = record.self_trade
        line.fee_tier = record.fee_tier
        self.keep((CMD_ACCOUNT_LIMITS, record.target), <const char *> record)
        return CODE_OK

    cdef uint16_t limit_position(self, const PositionLimitRecord *record) except? 9999:
        if not self.is_account(record.target):
            return CODE_UNKNOWN_ACCOUNT
        if record.asset == 0 or record.asset > self.ledger.balances.asset_count or record.max_units < 0:
            return CODE_INVALID_DEFINITION
        self.ledger.limit_position(record.target, record.asset, record.max_units)
        self.keep((CMD_POSITION_LIMIT, record.target, record.asset), <const char *> record)
        return CODE_OK

    cdef uint16_t set_tier(self, const FeeTierRecord *record) except? 9999:
        cdef Rates *rates = &self.tiers[record.tier]
        if record.tier == 0 or record.maker_fee_ppm < 0 or record.taker_fee_ppm < 0:
            return CODE_INVALID_DEFINITION
        if record.ingress != 0:
            if account_at(self.ledger.accounts, record.account).fee_tier == record.tier:
                return CODE_OWN_ACCOUNT
        rates.maker_ppm = record.maker_fee_ppm
        rates.taker_ppm = record.taker_fee_ppm
        rates.is_given = True
        self.keep((CMD_FEE_TIER, record.tier), <const char *> record)
        return CODE_OK

    cdef uint64_t digest(self):
        cdef uint64_t digest = self.schedule.digest() + self.transfers.digest()
        digest += self.keys.digest() + self.factors.digest() + self.resets.digest() + self.cancel_after.digest()
        digest += self.proposals.digest()
        cdef uint32_t crc
        for key, record in self.settings.items():
            crc = crc32c(0, <const char *> (<bytes> record) + HEADER_SIZE, RECORD_SIZE - HEADER_SIZE)
            digest += scramble(crc, hash_of(key))
        for name, number in self.accounts.items():
            crc = crc32c(0, <const char *> (<bytes> name), len(name))
            credential = <bytes> self.credentials[number]
            digest += scramble(crc, crc32c(0, <const char *> credential + HEADER_SIZE, RECORD_SIZE - HEADER_SIZE))
        for name, (number, scale) in self.assets.items():
            crc = crc32c(number, <const char *> (<bytes> name), len(name))
            digest += scramble(crc, scale)
        return digest

    cdef int save(self, Saver saver) except -1:
        self.schedule.save(saver)
        self.transfers.save(saver)
        self.keys.save(saver)
        self.factors.save(saver)
        self.resets.save(saver)
        self.proposals.save(saver)
        self.cancel_after.save(saver)
        saver.put_64(self.registration)
        saver.put(self.tiers, sizeof(self.tiers))
        for table in (self.assets, self.instruments, self.accounts, self.credentials, self.settings):
            saver.object(list(table.items()))
        return 0

    cdef int load(self, Loader loader) except -1:
        self.schedule.load(loader)
        self.transfers.load(loader)
        self.keys.load(loader)
        self.factors.load(loader)
        self.resets.load(loader)
        self.proposals.load(loader)
        self.cancel_after.load(loader)
        self.registration = <uint8_t> loader.get_64()
        loader.get(self.tiers, sizeof(self.tiers))
        self.assets = dict(loader.object(list[tuple[bytes, tuple[int, int]]]))
        self.instruments = dict(loader.object(list[tuple[bytes, int]]))
        self.accounts = dict(loader.object(list[tuple[bytes, int]]))
        self.credentials = dict(loader.object(list[tuple[int, bytes]]))
        self.settings = dict(loader.object(list[tuple[tuple[int, ...], bytes]]))
        return 0

    def record(self, tuple key) -> bytes:
        """The last record of a setting; an empty one if it was never set."""
        return self.settings.get(key, bytes(RECORD_SIZE))


cdef uint8_t flags_of(uint8_t role) noexcept nogil:
    """What the account's line has of a role."""
    if role == ROLE_ADMIN:
        return ACCOUNT_OPERATOR | ACCOUNT_ADMIN
    if role == ROLE_OPERATOR:
        return ACCOUNT_OPERATOR
    return ACCOUNT_AUDITOR if role == ROLE_AUDITOR else 0


cdef bint is_owners(const CommandRecord *record) noexcept nogil:
    """Whether a command is one that the owner of money gives: for a withdrawal, or to cancel one."""
    return record.type == CMD_WITHDRAWAL_REQUEST or (
        record.type == CMD_WITHDRAWAL_DECISION
        and (<const WithdrawalDecisionRecord *> record).step == WITHDRAWAL_STEP_CANCEL
    )


cdef uint64_t hash_of(tuple key) except? 0:
    """Equal for equal keys of small numbers in every process, which Python does not promise."""
    cdef uint64_t digest = 0
    for part in key:
        digest = scramble(digest, part + 1)
    return digest
