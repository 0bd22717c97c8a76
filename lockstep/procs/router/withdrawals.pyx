"""Withdrawals that wait: their money is held from the request on, until it has left the venue or is free again.

It judges each step and moves what that moves. Who may ask for one, `authority` decides (LOG-32).

    requested ── approved once ── approved ── paid
        └───────────────┴─────────────┴─────── rejected, by an operator
        └───────────────┴───────────────────── cancelled, by the owner
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.alphabet cimport is_id
from lockstep.core.schema.records cimport *
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.pool cimport NIL
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.balances cimport balance_at


cdef class Withdrawals:
    """Those that are neither paid nor given back. There are never too many: one more is refused, none lapses."""

    def __cinit__(self, Balances balances):
        self.balances = balances
        self.pending = {}
        self.counts = {}

    cdef uint16_t request(self, const WithdrawalRequestRecord *record, const char *destination) except? 9999:
        """Hold what the account wants paid out; `destination` is the record before, or NULL."""
        cdef uint32_t item
        cdef uint16_t verdict
        self.told = NIL
        if not is_destination(destination):
            return CODE_DESTINATION_MISSING
        if record.asset == 0 or record.asset > self.balances.asset_count:
            return CODE_INVALID_DEFINITION
        if record.amount <= 0:
            return CODE_QUANTITY_NOT_POSITIVE
        verdict = self.balances.can_add(record.account, record.asset, -record.amount)
        if verdict != CODE_OK:
            return verdict
        count = self.counts.get(record.account, 0)
        if count >= MAX_WITHDRAWALS_OF_ACCOUNT or len(self.pending) >= MAX_WITHDRAWALS:
            return CODE_TOO_MANY_WITHDRAWALS
        item = self.balances.find(record.account, record.asset)
        self.balances.hold(item, record.amount)
        self.pending[record.seq] = (record.account, record.asset, record.amount, <int> WITHDRAWAL_STATE_REQUESTED, 0)
        self.counts[record.account] = count + 1
        self.state = WITHDRAWAL_STATE_REQUESTED
        self.told = item
        return CODE_OK

    cdef uint16_t decide(self, WithdrawalDecisionRecord *record) except? 9999:
        """Take a step, where it is the next one; stamps whose withdrawal it is, and what."""
        cdef uint16_t verdict
        cdef uint32_t item
        cdef int64_t units
        self.told = NIL
        known = self.pending.get(record.withdrawal)
        if known is None:
            return CODE_UNKNOWN_WITHDRAWAL
        verdict = self.judge(record, known)
        if verdict != CODE_OK:
            return verdict
        account, asset, amount, state, first = known
        record.target, record.asset, record.amount = account, asset, amount
        if record.step == WITHDRAWAL_STEP_APPROVE:
            self.state = WITHDRAWAL_STATE_APPROVED_ONCE
            if state == WITHDRAWAL_STATE_APPROVED_ONCE:
                self.state = WITHDRAWAL_STATE_APPROVED
            self.pending[record.withdrawal] = (account, asset, amount, <int> self.state, first or record.account)
            return CODE_OK
        item = self.balances.find(account, asset)
        units = amount
        if record.step == WITHDRAWAL_STEP_PAID:
            self.balances.pay(item, units)
            self.state = WITHDRAWAL_STATE_PAID
        else:
            self.balances.hold(item, -units)
            self.state = WITHDRAWAL_STATE_CANCELLED
            if record.step == WITHDRAWAL_STEP_REJECT:
                self.state = WITHDRAWAL_STATE_REJECTED
        self.told = item
        self.end(record.withdrawal)
        return CODE_OK

    cdef uint16_t judge(self, const WithdrawalDecisionRecord *record, tuple known) except? 9999:
        """Whether the step may follow, and its sender may take it. To others than its owner one is not there to cancel.
        """
        account, _, _, state, first = known
        if record.step == WITHDRAWAL_STEP_CANCEL:
            if record.account != account:
                return CODE_UNKNOWN_WITHDRAWAL
            return CODE_WITHDRAWAL_STATE if state == WITHDRAWAL_STATE_APPROVED else CODE_OK
        if record.account == account:
            return CODE_OWN_WITHDRAWAL
        if record.step == WITHDRAWAL_STEP_APPROVE:
            if state == WITHDRAWAL_STATE_APPROVED:
                return CODE_WITHDRAWAL_STATE
            return CODE_SAME_OPERATOR if first == record.account else CODE_OK
        if record.step == WITHDRAWAL_STEP_PAID:
            return CODE_OK if state == WITHDRAWAL_STATE_APPROVED else CODE_WITHDRAWAL_STATE
        return CODE_OK if record.step == WITHDRAWAL_STEP_REJECT else CODE_INVALID_DEFINITION

    cdef int end(self, uint64_t number) except -1:
        """It holds nothing any more: forget it."""
        account = self.pending.pop(number)[0]
        self.counts[account] -= 1
        if self.counts[account] == 0:
            del self.counts[account]
        return 0

    cdef uint64_t digest(self):
        cdef uint64_t digest = 0
        cdef uint64_t one
        for number, (account, asset, amount, state, first) in self.pending.items():
            one = scramble(<uint64_t> number, <uint64_t> account << 32 | <uint64_t> asset)
            digest += scramble(scramble(one, <uint64_t> amount), <uint64_t> state << 32 | <uint64_t> first)
        return digest

    cdef int save(self, Saver saver) except -1:
        saver.object(list(self.pending.items()))
        return 0

    cdef int load(self, Loader loader) except -1:
        self.pending = dict(loader.object(list[tuple[int, tuple[int, int, int, int, int]]]))
        self.counts = {}
        for account, *_ in self.pending.values():
            self.counts[account] = self.counts.get(account, 0) + 1
        return 0

    def held(self) -> dict[tuple[int, int], int]:
        """What withdrawals hold, by (account, asset)."""
        found: dict[tuple[int, int], int] = {}
        for account, asset, amount, _, _ in self.pending.values():
            found[account, asset] = found.get((account, asset), 0) + amount
        return found

    def check(self) -> None:
        """AssertionError unless counts are those of what waits, and each holds something of a balance that is there."""
        counts: dict[int, int] = {}
        for number, (account, asset, amount, state, first) in self.pending.items():
            counts[account] = counts.get(account, 0) + 1
            assert amount > 0, f"withdrawal {number} holds nothing"
            assert WITHDRAWAL_STATE_REQUESTED <= state <= WITHDRAWAL_STATE_APPROVED, f"withdrawal {number} has ended"
            assert (first == 0) == (state == WITHDRAWAL_STATE_REQUESTED), f"withdrawal {number}: who approved it?"
            assert balance_at(self.balances, self.balances.find(account, asset)).held >= amount, f"of {number}"
        assert counts == self.counts, "counts of withdrawals differ"


cdef bint is_destination(const char *record) noexcept nogil:
    """Whether an extension says where to: printable ASCII, with no space at either end."""
    cdef const ExtDestinationRecord *extension = <const ExtDestinationRecord *> record
    cdef size_t size = 0
    if record == NULL or extension.type != CMD_EXT_DESTINATION:
        return False
    while size < sizeof(extension.destination) and extension.destination[size] != 0:
        size += 1
    return is_id(extension.destination, size)
