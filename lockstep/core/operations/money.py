"""Money that comes in, goes out, or mends a balance, and what takes two of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from lockstep.core.operations.amounts import amount_text, limit_of, step_text, units_of
from lockstep.core.operations.directory import VENUE, Directory
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.operations.operation import (
    Amount,
    Asked,
    Difference,
    Number,
    Operation,
    Outcome,
    Proposed,
    Said,
    SomeAccount,
    SomeAsset,
    WhichProposal,
    proposed,
)
from lockstep.core.schema.alphabet import shown
from lockstep.core.schema.records import (
    Adjustment,
    Balance,
    Code,
    Command,
    Confirmed,
    Deposit,
    DepositLimit,
    Role,
    Withdrawal,
    WithdrawalDecision,
    WithdrawalState,
    WithdrawalStep,
)

Account = Annotated[SomeAccount, Asked("Account", "Whose balance.")]
Asset = Annotated[SomeAsset, Asked("Asset", "Of which asset.")]
HowMuch = Annotated[Amount, Asked("Amount", "How much, as a decimal number.")]
NEXT = {
    WithdrawalState.REQUESTED: "two operators approve it",
    WithdrawalState.APPROVED_ONCE: "another operator approves it",
    WithdrawalState.APPROVED: "it is paid",
}


class MakeDeposit(Operation, frozen=True, kw_only=True):
    """Credit an account with money that was paid in: it can't be taken back.

    Above what the asset's limit leaves you today (UTC), or for your own account, this is a proposal, and another
    operator makes the same deposit to approve it.
    """

    command = "deposit"
    example = "TRADER1 USDT 2500.50 --key bank-2026-0417"
    route = "POST /deposits"
    subject = "money"
    title = "Deposit"
    verb = "Deposit it"
    typed = "account"
    answer = Proposed

    account: Account
    asset: Asset
    amount: HowMuch
    approves: Annotated[
        int,
        Meta(ge=0, le=2**63 - 1),
        Asked(
            "", "The proposal that this approves: another operator's deposit, above the asset's limit.", is_typed=True
        ),
    ] = 0

    def records(self, directory: Directory) -> Sequence[Command]:
        asset, units = above_zero(directory, self.asset, self.amount)
        target = directory.account(self.account).number
        return [Deposit(cl_ord_id=b"", target=target, asset=asset, amount=units, proposal=self.approves)]

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        what = f"{self.amount} {self.asset}"
        if self.approves or not any(isinstance(event, Confirmed) for event in outcomes[0].events):
            return balance_now(directory, f"{what} deposited to {self.account}", outcomes)
        says = f"{what} for {self.account} is not deposited yet: it is above your limit of the day, or your own"
        return proposed(
            outcomes[0], says, f"deposit {self.account} {self.asset} {self.amount} --approves {outcomes[0].seq}"
        )


class ApproveDeposit(MakeDeposit, frozen=True, kw_only=True):
    """Carry out a deposit that another operator has proposed, saying the same: what has come in, as you have seen it.

    It must be the same as what was proposed.
    """

    command = ""
    route = "POST /deposits/{approves}/approve"
    title = "Approve deposit {approves}"
    verb = "Approve it"

    approves: WhichProposal


class LimitDeposits(Operation, frozen=True, kw_only=True):
    """Set what one operator deposits alone in a day (UTC); 0: every deposit takes two.

    An admin lowers it; a higher limit is a proposal, which another admin approves.
    """

    command = "deposit-limit"
    example = "USDT 100000"
    route = "PUT /deposit-limits/{asset}"
    subject = "money"
    title = "Deposit limit"
    effect = "one operator deposits up to {amount} {asset} a day; more takes two"
    verb = "Set it"
    answer = Proposed
    giver = Role.ADMIN

    asset: Asset
    amount: HowMuch

    def records(self, directory: Directory) -> Sequence[Command]:
        asset, units = limit_of(directory, self.asset, self.amount)
        return [DepositLimit(cl_ord_id=b"", asset=asset, amount=units)]


class ProposeWithdrawal(Operation, frozen=True, kw_only=True):
    """Propose to debit an account's free balance for money that was paid out without its owner's request.

    Nothing changes before another operator approves it, as a proposal.
    """

    command = "withdraw"
    example = "TRADER1 BTC 0.75 --key payout-881"
    route = "POST /withdrawals"
    subject = "money"
    title = "Propose a withdrawal"
    verb = "Propose it"
    typed = "account"
    asks = "Withdraw {amount} {asset} from {account}?"
    answer = Proposed

    account: Account
    asset: Asset
    amount: HowMuch

    def records(self, directory: Directory) -> Sequence[Command]:
        asset, units = above_zero(directory, self.asset, self.amount)
        target = directory.account(self.account).number
        return [Withdrawal(cl_ord_id=b"", target=target, asset=asset, amount=units)]

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        return balance_now(directory, f"{self.amount} {self.asset} withdrawn from {self.account}", outcomes)


class PayOutFees(Operation, frozen=True, kw_only=True):
    """Propose to pay out fees that the venue has taken. Nothing changes before another operator approves.

    lockstep at shows what the venue has taken; the page and GET /v1/operator/fees do, too.
    """

    command = "fees pay-out"
    example = "USDT 1200"
    route = "POST /fees/pay-out"
    subject = "money"
    title = "Pay out fees"
    verb = "Propose it"
    answer = Proposed

    asset: Asset
    amount: HowMuch

    def records(self, directory: Directory) -> Sequence[Command]:
        asset, units = above_zero(directory, self.asset, self.amount)
        return [Adjustment(cl_ord_id=b"", asset=asset, target=VENUE, amount=-units)]

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        says = f"{self.amount} {self.asset} of the venue's fees are paid out"
        return proposed(outcomes[0], says, f"adjust approve {outcomes[0].seq}")


class AdjustBalance(Operation, frozen=True, kw_only=True):
    """Propose to change a balance. Nothing changes before another operator approves."""

    command = "adjust propose"
    example = "TRADER1 USDT -12.5"
    route = "POST /adjustments"
    subject = "money"
    title = "Adjust a balance"
    verb = "Propose it"
    answer = Proposed

    account: Account
    asset: Asset
    by: Annotated[Difference, Asked("By, with a minus to take away", "How much more, or with a minus how much less.")]

    def records(self, directory: Directory) -> Sequence[Command]:
        units = units_of(directory, self.asset, self.by, "by", large=Code.NUMBER_TOO_LARGE)
        if units == 0:
            raise NotPossibleError("an adjustment by nothing changes nothing", "by", Code.QUANTITY_NOT_POSITIVE)
        target = directory.account(self.account).number
        return [Adjustment(cl_ord_id=b"", asset=directory.asset(self.asset)[0], target=target, amount=units)]

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        says = f"{self.by} {self.asset} for {self.account}"
        return proposed(outcomes[0], says, f"adjust approve {outcomes[0].seq}")


class ApproveAdjustment(Operation, frozen=True, kw_only=True):
    """Approve another operator's proposal: the balance changes now."""

    command = "adjust approve"
    example = "184467"
    route = "POST /adjustments/{proposal}/approve"
    subject = "money"
    title = "Approve adjustment {proposal}"
    verb = "Approve it"

    proposal: WhichProposal

    def records(self, directory: Directory) -> Sequence[Command]:
        return [Adjustment(cl_ord_id=b"", asset=0, target=0, amount=0, proposal=self.proposal)]

    def missing(self, directory: Directory) -> str:
        waits = self.proposal in directory.proposals
        return "" if waits else f"there is no proposal {self.proposal} to approve; see lockstep adjust list"

    def question(self, directory: Directory) -> str:
        return f"Adjust {self._what(directory)}?"

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        return balance_now(directory, f"adjusted: {self._what(directory)}", outcomes)

    def _what(self, directory: Directory) -> str:
        known = directory.proposals.get(self.proposal)
        return adjustment_text(directory, known) if known is not None else f"proposal {self.proposal}"


class DecideWithdrawal(Operation, frozen=True, kw_only=True):
    """Base of the steps of a withdrawal that its owner has asked for."""

    subject = "money"
    example = "184467"
    step: ClassVar[WithdrawalStep]
    begins: ClassVar[str]  # the question
    state: ClassVar[str]

    withdrawal: Annotated[Number, Asked("Withdrawal", "The withdrawal's number, as lockstep withdrawals shows it.")]

    def records(self, directory: Directory) -> Sequence[Command]:
        return [WithdrawalDecision(cl_ord_id=b"", step=self.step, withdrawal=self.withdrawal)]

    def missing(self, directory: Directory) -> str:
        waits = self.withdrawal in directory.withdrawals
        return "" if waits else f"no withdrawal {self.withdrawal} waits; see lockstep withdrawals"

    def question(self, directory: Directory) -> str:
        return f"{self.begins} {self._what(directory)}?"

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        known = directory.withdrawals.get(self.withdrawal)
        stays = known is not None and self.step == WithdrawalStep.APPROVE
        state = WithdrawalState(known.state + 1) if known is not None and stays else None
        then = f"; next, {NEXT[state]}" if state else ""
        details: dict[str, object] = {
            "withdrawal": self.withdrawal, "state": state.name if state else self.state.upper(),
        }  # fmt: skip
        return Said(f"{self.state}: {self._what(directory)}{then}", details)

    def _what(self, directory: Directory) -> str:
        known = directory.withdrawals.get(self.withdrawal)
        if known is None:
            return f"withdrawal {self.withdrawal}"
        amount = amount_text(directory, known.request.asset, known.request.amount)
        who = directory.name_of_account(known.request.owner)
        return f"withdrawal {self.withdrawal}, {amount} of {who} to {shown(known.destination)}"


class ApproveWithdrawal(DecideWithdrawal, frozen=True, kw_only=True):
    """Approve a withdrawal: two operators do, neither of them its owner. Then it is paid."""

    command = "withdrawal approve"
    route = "POST /withdrawals/{withdrawal}/approve"
    title = "Approve withdrawal {withdrawal}"
    verb = "Approve it"
    step = WithdrawalStep.APPROVE
    begins = "Approve"
    state = "approved"


class RejectWithdrawal(DecideWithdrawal, frozen=True, kw_only=True):
    """Reject a withdrawal: what it holds is free again. One that is approved, only if its payment did not go out."""

    command = "withdrawal reject"
    route = "POST /withdrawals/{withdrawal}/reject"
    title = "Reject withdrawal {withdrawal}"
    verb = "Reject it"
    step = WithdrawalStep.REJECT
    begins = "Reject"
    state = "rejected"


class PayWithdrawal(DecideWithdrawal, frozen=True, kw_only=True):
    """Say that a withdrawal was paid: what it holds leaves the venue, and can't come back."""

    command = "withdrawal paid"
    example = "184467 --key payout-881"
    route = "POST /withdrawals/{withdrawal}/paid"
    title = "Paid: withdrawal {withdrawal}"
    verb = "It was paid"
    step = WithdrawalStep.PAID
    begins = "Book as paid"
    state = "paid"


def above_zero(directory: Directory, asset: str, amount: str) -> tuple[int, int]:
    """An asset's number, and an amount of it above zero in its smallest units. NotPossibleError."""
    units = units_of(directory, asset, amount, "amount", large=Code.NUMBER_TOO_LARGE)
    if units <= 0:
        raise NotPossibleError(f"{amount} is not above zero", "amount", Code.QUANTITY_NOT_POSITIVE)
    return directory.asset(asset)[0], units


def balance_now(directory: Directory, sentence: str, outcomes: Sequence[Outcome]) -> Said:
    """The sentence, with what the account has of the asset now."""
    found = next((event for event in outcomes[0].events if isinstance(event, Balance)), None)
    if found is None:
        return Said(sentence, {})
    name, scale = directory.name_of_asset(found.asset)
    details: dict[str, object] = {
        "account": directory.name_of_account(found.account),
        "asset": name,
        "free": step_text(found.free, scale),
        "held": step_text(found.held, scale),
    }
    return Said(f"{sentence}, which now has {details['free']} free and {details['held']} held", details)


def adjustment_text(directory: Directory, known: Adjustment) -> str:
    return f"{amount_text(directory, known.asset, known.amount)} for {directory.name_of_account(known.target)}"


def deposit_text(directory: Directory, known: Deposit) -> str:
    return f"{amount_text(directory, known.asset, known.amount)} for {directory.name_of_account(known.owner)}"
