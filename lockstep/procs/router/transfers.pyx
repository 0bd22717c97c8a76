"""Money that moves other than by trading: deposits and withdrawals; by two operators, adjustments and corrections.

It decides whether money may move, and moves it. The administration knows who may ask, and what was asked before.
It takes the trade in a correction as given: each of the two operators' commands reads it from the journal.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint16_t, uint32_t, uint64_t

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport *
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.pool cimport NIL
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.accounts cimport ACCOUNT_OPERATOR, account_at
from lockstep.procs.router.balances cimport balance_at
from lockstep.procs.router.holds cimport Listing
from lockstep.procs.router.orders cimport int128
from lockstep.procs.router.proposals cimport add

cdef enum:
    VENUE_ACCOUNT = 0
    PARTS = 6
    TRADE_TERMS = 2        # that name the trade: the first ones of `terms_of`

cdef uint64_t DAY_NS = 86_400 * 1_000_000_000ULL


cdef class Transfers:
    """Pending proposals, which trades were corrected, and how much each operator has deposited alone on the log's
    `day`, by (operator, asset). `told` is the balance that the last command announces.
    """

    def __cinit__(self, Ledger ledger):
        self.ledger = ledger
        self.proposals = {}
        self.corrections = {}
        self.deposits = {}
        self.corrected = set()
        self.deposited = {}

    cdef void note_marker(self, const MarkerRecord *record) noexcept nogil:
        """Trades up to these event numbers are settled, and can be corrected."""
        cdef int i
        for i in range(MAX_MATCHERS):
            self.settled[i] = record.event_numbers[i]

    cdef uint16_t move(self, uint32_t account, uint32_t asset, int64_t amount) except? 9999:
        """Money into an account or (negative) out of it: the venue's total changes."""
        cdef uint16_t verdict
        if asset == 0 or asset > self.ledger.balances.asset_count:
            return CODE_INVALID_DEFINITION
        if amount == 0 or amount < -INT64_MAX:
            return CODE_QUANTITY_NOT_POSITIVE
        verdict = self.ledger.balances.can_add(account, asset, amount)
        if verdict == CODE_OK:
            self.told = self.ledger.balances.add(account, asset, amount)
        return verdict

    cdef uint16_t deposit(self, const DepositRecord *record) except? 9999:
        if 0 < record.asset <= self.ledger.balances.asset_count and record.amount <= 0:
            return CODE_QUANTITY_NOT_POSITIVE
        return self.move(owner_of(record), record.asset, record.amount)

    cdef uint16_t deposit_by_two(self, DepositRecord *record, int64_t limit, bint has_second) except? 9999:
        """Carry out an operator's deposit: alone up to the asset's limit in all of a day (UTC, by log time), and
        never for the own account.

        More is a proposal, and stamped so: another operator approves it (LOG-35).
        """
        cdef uint32_t asker = asker_of(<const CommandRecord *> record)
        cdef uint16_t verdict = CODE_OK
        cdef int64_t before
        record.flags = 0
        if record.proposal != 0:
            return self.approve_deposit(record)
        if record.asset == 0 or record.asset > self.ledger.balances.asset_count:
            return CODE_INVALID_DEFINITION
        if record.amount <= 0:
            return CODE_QUANTITY_NOT_POSITIVE
        before = self.deposited_by(asker, record.asset, record.time_ns)
        if owner_of(record) != asker and record.amount <= limit - before:
            verdict = self.deposit(record)
            if verdict == CODE_OK:
                self.deposited[asker, record.asset] = before + record.amount
            return verdict
        verdict = self.ledger.balances.can_add(owner_of(record), record.asset, record.amount)
        if verdict != CODE_OK:
            return verdict
        if not has_second:
            return CODE_NO_SECOND
        record.flags = DEPOSIT_FLAG_PROPOSAL
        add(self.deposits, record.seq, (asker, owner_of(record), record.asset, record.amount))
        return CODE_OK

    cdef int64_t deposited_by(self, uint32_t account, uint32_t asset, uint64_t time_ns) except? -1:
        """How much of an asset an operator has deposited alone on the day of this log time."""
        if time_ns // DAY_NS != self.day:
            self.day = time_ns // DAY_NS
            self.deposited = {}
        return self.deposited.get((account, asset), 0)

    cdef uint16_t approve_deposit(self, const DepositRecord *record) except? 9999:
        """Carry out what another operator has proposed, if both say the same."""
        cdef uint16_t verdict
        found = self.deposits.get(record.proposal)
        if found is None or found[1:] != (owner_of(record), record.asset, record.amount):
            return CODE_UNKNOWN_PROPOSAL
        verdict = self.judge_second(found[0], asker_of(<const CommandRecord *> record))
        if verdict == CODE_OK:
            verdict = self.deposit(record)
        if verdict == CODE_OK:
            del self.deposits[record.proposal]
        return verdict

    cdef uint16_t judge_second(self, uint32_t proposer, uint32_t asker) noexcept nogil:
        """Whether an operator may approve a proposal: its proposer is another account, and still an operator's."""
        if proposer == asker:
            return CODE_SAME_OPERATOR
        return CODE_OK if account_at(self.ledger.accounts, proposer).flags & ACCOUNT_OPERATOR else CODE_UNKNOWN_PROPOSAL

    cdef uint16_t request_withdrawal(self, const WithdrawalRequestRecord *record, const char *before) except? 9999:
        cdef uint16_t verdict = self.ledger.withdrawals.request(record, before)
        self.told = self.ledger.withdrawals.told
        return verdict

    cdef uint16_t decide_withdrawal(self, WithdrawalDecisionRecord *record) except? 9999:
        cdef uint16_t verdict = self.ledger.withdrawals.decide(record)
        self.told = self.ledger.withdrawals.told
        return verdict

    cdef uint16_t withdraw(self, const WithdrawalRecord *record) except? 9999:
        if 0 < record.asset <= self.ledger.balances.asset_count and record.amount <= 0:
            return CODE_QUANTITY_NOT_POSITIVE
        return self.move(owner_of(<const DepositRecord *> record), record.asset, -record.amount)

    cdef uint16_t adjust(self, AdjustmentRecord *record) except? 9999:
        """A proposal waits for another operator, whose approval carries it out, if it still can be.

        An approval that leaves target, asset and amount empty means what was proposed, which is stamped into it.
        """
        cdef uint16_t verdict
        if record.proposal == 0:
            return self.propose(record)
        found = self.proposals.get(record.proposal)
        if found is None:
            return CODE_UNKNOWN_PROPOSAL
        proposer, target, asset, amount = found
        if (record.target, record.asset, record.amount) not in ((0, 0, 0), (target, asset, amount)):
            return CODE_UNKNOWN_PROPOSAL
        verdict = self.judge_second(proposer, record.account)
        if verdict == CODE_OK:
            verdict = self.move(target, asset, amount)
        if verdict == CODE_OK:
            record.target, record.asset, record.amount = target, asset, amount
            del self.proposals[record.proposal]
        return verdict

    cdef uint16_t propose(self, const AdjustmentRecord *record) except? 9999:
        """Keep a proposal that can be carried out."""
        if record.target > self.ledger.accounts.count:
            return CODE_UNKNOWN_ACCOUNT
        if record.asset == 0 or record.asset > self.ledger.balances.asset_count:
            return CODE_INVALID_DEFINITION
        if record.amount == 0 or record.amount < -INT64_MAX:
            return CODE_QUANTITY_NOT_POSITIVE
        add(self.proposals, record.seq, (record.account, record.target, record.asset, record.amount))
        return CODE_OK

    cdef uint16_t propose_correction(self, const CorrectionRecord *record) except? 9999:
        """Keep it for another operator; it replaces an earlier proposal for the same trade."""
        cdef uint16_t verdict = self.judge_correction(record)
        if verdict != CODE_OK:
            return verdict
        said = terms_of(record)
        for seq, (_, known) in self.corrections.items():
            if known[:TRADE_TERMS] == said[:TRADE_TERMS]:
                del self.corrections[seq]
                break
        add(self.corrections, record.seq, (record.account, said))
        return CODE_OK

    cdef uint16_t approve_correction(self, const CorrectionRecord *record) except? 9999:
        """Carry out what another operator has proposed, if both agree on every term."""
        cdef uint16_t verdict
        found = self.corrections.get(record.proposal)
        if found is None or found[1] != terms_of(record):
            return CODE_UNKNOWN_PROPOSAL
        verdict = self.judge_second(found[0], record.account)
        if verdict == CODE_OK:
            verdict = self.correct(record)
        if verdict == CODE_OK:
            del self.corrections[record.proposal]
        return verdict

    cdef uint16_t correct(self, const CorrectionRecord *record) except? 9999:
        """Undo a trade with its fees, or move the difference to its new price; nothing if a party lacks the money."""
        cdef Part parts[PARTS]
        cdef uint16_t verdict = self.judge_correction(record)
        cdef const Listing *listing
        cdef int64_t base, quote
        cdef int count
        if verdict != CODE_OK:
            return verdict
        listing = &self.ledger.listings[record.instrument]
        base = record.quantity_lots * listing.terms.lot_units
        quote = record.price_ticks * record.quantity_lots * listing.terms.unit_value
        if record.new_price_ticks != 0:
            quote -= record.new_price_ticks * record.quantity_lots * listing.terms.unit_value
            count = 2
            parts[0] = Part(record.buyer, listing.terms.quote_asset, quote)
            parts[1] = Part(record.seller, listing.terms.quote_asset, -quote)
        else:
            count = PARTS
            parts[0] = Part(record.buyer, listing.terms.quote_asset, quote)
            parts[1] = Part(record.seller, listing.terms.quote_asset, record.seller_fee - quote)
            parts[2] = Part(VENUE_ACCOUNT, listing.terms.quote_asset, -record.seller_fee)
            parts[3] = Part(record.seller, listing.terms.base_asset, base)
            parts[4] = Part(record.buyer, listing.terms.base_asset, record.buyer_fee - base)
            parts[5] = Part(VENUE_ACCOUNT, listing.terms.base_asset, -record.buyer_fee)
        if not can_move(self.ledger, parts, count):
            return CODE_WOULD_LEAVE_SHORT
        self.corrected.add((record.matcher, record.trade_id))
        for i in range(count):
            item = self.ledger.balances.entry(parts[i].account, parts[i].asset)
            balance_at(self.ledger.balances, item).free += parts[i].amount
            self.ledger.balances.touch(item)
        return CODE_OK

    cdef uint16_t judge_correction(self, const CorrectionRecord *record) except? 9999:
        """Whether it can be the correction of a trade: the trade itself is in the log's events, not in this state."""
        cdef const Listing *listing
        cdef int128 base, steps, highest
        if record.instrument == 0 or record.instrument > self.ledger.instrument_count:
            return CODE_UNKNOWN_INSTRUMENT
        listing = &self.ledger.listings[record.instrument]
        if not 0 < record.matcher <= MAX_MATCHERS or not 0 < record.trade_id <= self.settled[record.matcher - 1]:
            return CODE_INVALID_DEFINITION
        if (record.matcher, record.trade_id) in self.corrected:
            return CODE_ALREADY_CORRECTED
        if not 0 < record.buyer <= self.ledger.accounts.count or not 0 < record.seller <= self.ledger.accounts.count:
            return CODE_UNKNOWN_ACCOUNT
        if record.price_ticks <= 0 or record.quantity_lots <= 0 or record.new_price_ticks < 0:
            return CODE_INVALID_DEFINITION
        highest = max(record.price_ticks, record.new_price_ticks)
        base = <int128> record.quantity_lots * listing.terms.lot_units
        steps = highest * record.quantity_lots
        if base > INT64_MAX or steps > INT64_MAX or steps * listing.terms.unit_value > INT64_MAX:
            return CODE_NOTIONAL_OVERFLOW
        steps = <int128> record.price_ticks * record.quantity_lots * listing.terms.unit_value
        if not 0 <= record.buyer_fee <= base or not 0 <= record.seller_fee <= steps:
            return CODE_INVALID_DEFINITION
        return CODE_INVALID_DEFINITION if record.new_price_ticks == record.price_ticks else CODE_OK

    cdef uint64_t digest(self):
        cdef uint64_t digest = 0
        cdef uint64_t one
        cdef int i
        for seq, terms in self.proposals.items():
            text = repr((seq, terms)).encode()
            digest += scramble(crc32c(0, <const char *> text, len(text)), seq)
        for seq, proposal in self.corrections.items():
            text = repr((seq, proposal)).encode()
            digest += scramble(crc32c(1, <const char *> text, len(text)), seq)
        for seq, deposit in self.deposits.items():
            text = repr((seq, deposit)).encode()
            digest += scramble(crc32c(2, <const char *> text, len(text)), seq)
        for (account, asset), units in self.deposited.items():
            one = scramble(<uint64_t> account << 32 | <uint64_t> asset, <uint64_t> units)
            digest += scramble(one, self.day)
        for matcher, trade_id in self.corrected:
            one = <uint64_t> trade_id << 8 | <uint64_t> matcher
            digest += scramble(one, 7)
        for i in range(MAX_MATCHERS):
            digest += scramble(self.settled[i], i)
        return digest

    cdef int save(self, Saver saver) except -1:
        saver.put(self.settled, sizeof(self.settled))
        saver.object(list(self.proposals.items()))  # the oldest first: that is the one to lapse
        saver.object(list(self.corrections.items()))
        saver.object(list(self.deposits.items()))
        saver.object(list(self.corrected))
        saver.put_64(self.day)
        saver.object(list(self.deposited.items()))
        return 0

    cdef int load(self, Loader loader) except -1:
        loader.get(self.settled, sizeof(self.settled))
        self.proposals = dict(loader.object(list[tuple[int, tuple[int, int, int, int]]]))
        self.corrections = dict(loader.object(list[tuple[int, tuple[int, tuple[int, ...]]]]))
        self.deposits = dict(loader.object(list[tuple[int, tuple[int, int, int, int]]]))
        self.corrected = set(loader.object(list[tuple[int, int]]))
        self.day = loader.get_64()
        self.deposited = dict(loader.object(list[tuple[tuple[int, int], int]]))
        return 0


cdef tuple terms_of(const CorrectionRecord *record):
    """What two operators must agree on: the trade as it was, and its new price."""
    return (
        record.matcher, record.trade_id, record.instrument, record.buyer, record.seller, record.price_ticks,
        record.quantity_lots, record.new_price_ticks, record.buyer_fee, record.seller_fee,
    )


cdef bint can_move(Ledger ledger, const Part *parts, int count) noexcept nogil:
    """Whether every balance stays at 0 or above when all parts are moved; one balance may have several of them."""
    cdef int128 after
    cdef uint32_t item
    cdef int i, j
    for i in range(count):
        item = ledger.balances.find(parts[i].account, parts[i].asset)
        after = balance_at(ledger.balances, item).free if item != NIL else 0
        for j in range(count):
            if parts[j].account == parts[i].account and parts[j].asset == parts[i].asset:
                after += parts[j].amount
        if after < 0:
            return False
    return True
