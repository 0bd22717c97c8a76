"""Commands that are not about one order: what is listed, limited, switched and scheduled, and money by two persons.

It never sees an order and is not on an order's path: the tables that orders look at (accounts, listings, tiers) are
what it writes. Who may give a command, `authority` says; commands about persons are `identity`'s.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport *
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.pool cimport NIL
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.accounts cimport (
    ACCOUNT_ADMIN, ACCOUNT_BLOCKED, ACCOUNT_OPERATOR, SESSION_BLOCKED, Account, account_at, is_account,
)
from lockstep.procs.router.balances cimport MAX_ASSETS
from lockstep.procs.router.holds cimport MAX_INSTRUMENTS, Listing
from lockstep.procs.router.identity cimport flags_of
from lockstep.procs.router.ids cimport find_id, tag_of_id
from lockstep.procs.router.transfers cimport OPERATORS_RING, asker_of, owner_of
from lockstep.procs.router.verdicts cimport client_id_of, verdict_of

cdef enum:
    MAX_BPS = 10_000
    MAX_SCALE = 18
    DAY_S = 86_400
    MS_NS = 1_000_000

assert sizeof(CorrectionRecord) == sizeof(CorrectionProposalRecord)
assert <size_t> &(<CorrectionRecord *> NULL).seller_fee == <size_t> &(<CorrectionProposalRecord *> NULL).seller_fee


cdef class Administration:
    """What is listed and set. Each part keeps its own; `tiers` and `keys` are looked at by orders, too."""

    def __cinit__(self, Ledger ledger):
        self.ledger = ledger
        self.schedule = Schedule()
        self.transfers = Transfers(ledger)
        self.keys = Keys()
        self.proposals = Proposals()
        self.cancel_after = CancelAfter()
        self.settings = Settings()
        self.authority = Authority(ledger.accounts, self.keys, self.proposals)
        self.identity = Identity(ledger, self.keys, self.authority, self.settings)
        self.assets = {}
        self.instruments = {}

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
        if not self.authority.is_sender(header):
            return CODE_UNKNOWN_ACCOUNT
        if id != NULL:
            if owner == 0 and header.type == CMD_DEPOSIT:
                owner = owner_of(<const DepositRecord *> record)
            if not is_account(self.ledger.accounts, owner):
                return CODE_UNKNOWN_ACCOUNT
            tag = tag_of_id(self.ledger.ids, owner, id)
            if find_id(self.ledger.ids, owner, id, tag) != NIL:
                return CODE_DUPLICATE_CLIENT_ID
        verdict = imposed if imposed != CODE_OK else self.authority.permission(header)
        if verdict == CODE_OK:
            verdict = self.decide(record, extensions)
        if id != NULL:
            self.ledger.ids.add_closed(owner, id, tag, header.seq)
        return verdict

    cdef int decide(self, char *record, const char **extensions) except -1:
        cdef uint8_t type = (<CommandRecord *> record).type
        if type == CMD_ACCOUNT or CMD_API_KEY <= type <= CMD_FACTOR_USE or type == CMD_PASSWORD_RESET:
            return self.identity.decide(record, extensions)
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
            verdict = self.identity.judge_welcome(deposit)
            return verdict if verdict != CODE_OK else self.transfers.deposit(deposit)
        if header.ingress == 0:
            return self.transfers.deposit(deposit)
        return self.transfers.deposit_by_two(
            <DepositRecord *> record, self.deposit_limit(deposit.asset),
            self.authority.has_second(asker_of(header), ACCOUNT_OPERATOR),
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
            verdict = self.authority.judge_by_two(header, ACCOUNT_OPERATOR, record.proposal, terms)
        return verdict if verdict != CODE_OK else self.transfers.withdraw(record)

    cdef int64_t deposit_limit(self, uint32_t asset) except? -1:
        """The most of an asset that one operator deposits alone in a day."""
        cdef bytes kept = self.settings.record((CMD_DEPOSIT_LIMIT, asset))
        return (<const DepositLimitRecord *> <const char *> kept).amount

    cdef bint moves(self, const InstrumentRecord *record) noexcept nogil:
        """Whether a definition gives a listed instrument to another matcher."""
        if record.instrument == 0 or record.instrument > self.ledger.instrument_count:
            return False
        return self.ledger.listings[record.instrument].terms.matcher != record.matcher

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

    cdef uint16_t dismiss(self, DismissalRecord *record) except? 9999:
        """End a proposal: its proposer does, or another operator; an admin, where only admins may approve it."""
        cdef const CommandRecord *header = <const CommandRecord *> record
        record.proposed = 0
        found = self.proposed(record.proposal)
        if found is None:
            return CODE_UNKNOWN_PROPOSAL
        asker, terms = found
        if asker != header.account and self.takes_admins(terms) and not self.authority.is_admin(header):
            return CODE_ROLE_NOT_ALLOWED
        record.proposed = terms[0]
        if record.proposed == CMD_PASSWORD_RESET:
            self.identity.resets.end(terms[1])
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
        for account, reset in self.identity.resets.by_account.items():
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

    cdef uint16_t limit_deposits(self, const DepositLimitRecord *record) except? 9999:
        """An admin lowers a limit alone; to raise one takes two."""
        cdef uint16_t verdict
        if record.asset == 0 or record.asset > self.ledger.balances.asset_count or record.amount < 0:
            return CODE_INVALID_DEFINITION
        if record.ingress != 0 and (record.amount > self.deposit_limit(record.asset) or record.proposal != 0):
            terms = <int> CMD_DEPOSIT_LIMIT, 0, record.asset, record.amount
            verdict = self.authority.judge_by_two(<const CommandRecord *> record, ACCOUNT_ADMIN, record.proposal, terms)
            if verdict != CODE_OK:
                return verdict
        self.settings.keep((CMD_DEPOSIT_LIMIT, record.asset), <const char *> record)
        return CODE_OK

    cdef uint16_t mass_cancel(self, const MassCancelRecord *record) except? 9999:
        """The router's own is of an account whose CANCEL_AFTER is due."""
        if record.ingress == 0:
            if record.target == 0 or record.target != self.cancel_after.next_due(record.time_ns):
                raise ValueError(f"orders of account {record.target} are to be cancelled, and are not due")
            self.cancel_after.end(record.target)
            return CODE_OK
        if record.target != 0 and not is_account(self.ledger.accounts, record.target):
            return CODE_UNKNOWN_ACCOUNT
        if record.target != record.account and not self.authority.is_operator(<const CommandRecord *> record):
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
        if not is_account(self.ledger.accounts, record.target):
            return CODE_UNKNOWN_ACCOUNT
        if (record.target != own or not record.is_on) and not self.authority.is_operator(
            <const CommandRecord *> record
        ):
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
        self.settings.keep((CMD_LIMITS, record.instrument), <const char *> record)
        return CODE_OK

    cdef uint16_t limit_account(self, const AccountLimitsRecord *record) except? 9999:
        """New limits count orders from nothing; open ones stay counted."""
        cdef Account *line
        if not is_account(self.ledger.accounts, record.target):
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
        self.settings.keep((CMD_ACCOUNT_LIMITS, record.target), <const char *> record)
        return CODE_OK

    cdef uint16_t limit_position(self, const PositionLimitRecord *record) except? 9999:
        if not is_account(self.ledger.accounts, record.target):
            return CODE_UNKNOWN_ACCOUNT
        if record.asset == 0 or record.asset > self.ledger.balances.asset_count or record.max_units < 0:
            return CODE_INVALID_DEFINITION
        self.ledger.limit_position(record.target, record.asset, record.max_units)
        self.settings.keep((CMD_POSITION_LIMIT, record.target, record.asset), <const char *> record)
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
        self.settings.keep((CMD_FEE_TIER, record.tier), <const char *> record)
        return CODE_OK

    cdef uint64_t digest(self):
        cdef uint64_t digest = self.schedule.digest() + self.transfers.digest() + self.cancel_after.digest()
        digest += self.proposals.digest() + self.settings.digest() + self.identity.digest()
        cdef uint32_t crc
        for name, (number, scale) in self.assets.items():
            crc = crc32c(number, <const char *> (<bytes> name), len(name))
            digest += scramble(crc, scale)
        return digest

    cdef int save(self, Saver saver) except -1:
        self.schedule.save(saver)
        self.transfers.save(saver)
        self.proposals.save(saver)
        self.cancel_after.save(saver)
        self.settings.save(saver)
        self.identity.save(saver)
        saver.put(self.tiers, sizeof(self.tiers))
        saver.object(list(self.assets.items()))
        saver.object(list(self.instruments.items()))
        return 0

    cdef int load(self, Loader loader) except -1:
        self.schedule.load(loader)
        self.transfers.load(loader)
        self.proposals.load(loader)
        self.cancel_after.load(loader)
        self.settings.load(loader)
        self.identity.load(loader)
        loader.get(self.tiers, sizeof(self.tiers))
        self.assets = dict(loader.object(list[tuple[bytes, tuple[int, int]]]))
        self.instruments = dict(loader.object(list[tuple[bytes, int]]))
        return 0
