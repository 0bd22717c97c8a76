"""Proposals of all kinds that wait for a second operator: their wording, and the records that approve them.

The router compares an approval with the proposal; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import structs

from lockstep.core.operations import trades
from lockstep.core.operations.amounts import amount_text
from lockstep.core.operations.directory import Directory, Pending
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.operations.money import deposit_text
from lockstep.core.operations.operation import Asked, Number, Operation, Outcome, Said
from lockstep.core.schema.records import (
    Account,
    Adjustment,
    Command,
    CorrectionProposal,
    Deposit,
    DepositLimit,
    Dismissal,
    Payment,
    Registration,
    RegistrationMode,
    Role,
    Welcome,
    Withdrawal,
)

Proposal = Annotated[Number, Asked("Proposal", "The proposal's number, as lockstep proposals shows it.")]


def waiting(directory: Directory) -> dict[int, Command]:
    """Return all proposals by their numbers, the oldest first. Resets of passwords are not in a directory."""
    tables: Sequence[Mapping[int, Command]] = (
        directory.proposals, directory.corrections, directory.deposits, directory.pending,
    )  # fmt: skip
    return dict(sorted((seq, known) for table in tables for seq, known in table.items()))


def worded(directory: Directory, known: Command) -> str:
    """Say what a proposal changes once it is approved."""
    match known:
        case Adjustment():
            return f"change the balance of {directory.name_of_account(known.target)} by {_amount(directory, known)}"
        case CorrectionProposal():
            return f"{trades.worded(directory, known)}: {trades.change(directory, known)}"
        case Deposit():
            return f"deposit {deposit_text(directory, known)}"
        case Withdrawal():
            return f"withdraw {_amount(directory, known)} from {directory.name_of_account(known.owner)}"
        case Account():
            return f"give {known.name.decode()} the role {Role(known.role).name.lower()}"
        case DepositLimit():
            return f"let one operator deposit up to {_amount(directory, known)} a day"
        case Welcome():
            return f"give each new account {_amount(directory, known)}"
        case Registration():
            return f"set registration to {RegistrationMode(known.mode).name.lower()}"
    raise ValueError(f"{type(known).__name__} can't be proposed")


class ApproveProposal(Operation, frozen=True, kw_only=True):
    """Approve another operator's withdrawal, or another admin's role, deposit limit, welcome or registration.

    Deposits, adjustments, corrections and password resets are approved by requests and commands of their own.
    """

    command = "proposal approve"
    example = "184467"
    route = "POST /proposals/{proposal}/approve"
    subject = "proposals"
    title = "Approve proposal {proposal}"
    verb = "Approve it"
    typed = "proposal"

    proposal: Proposal

    def records(self, directory: Directory) -> Sequence[Command]:
        return approval(directory, self.proposal)

    def question(self, directory: Directory) -> str:
        return f"Approve: {worded(directory, directory.pending[self.proposal])}?"

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        what = worded(directory, directory.pending[self.proposal])
        return Said(f"done: {what}", {"proposal": self.proposal})


class DismissProposal(Operation, frozen=True, kw_only=True):
    """Withdraw your own proposal of any kind, or reject another operator's. Nothing else changes.

    What only admins may approve, only admins reject. A password reset can be ended until it is used.
    """

    command = "proposal dismiss"
    example = "184467"
    route = "POST /proposals/{proposal}/dismiss"
    subject = "proposals"
    title = "Dismiss proposal {proposal}"
    verb = "Dismiss it"
    effect = "proposal {proposal} is dismissed"

    proposal: Proposal

    def records(self, directory: Directory) -> Sequence[Command]:
        return [Dismissal(cl_ord_id=b"", proposal=self.proposal)]

    @property
    def adds(self) -> bool:
        return False


def approval(directory: Directory, proposal: int) -> list[Command]:
    """The records that approve a proposal of `directory.pending`, without their sender. NotPossibleError."""
    known: Pending | None = directory.pending.get(proposal)
    if known is None:
        raise NotPossibleError(f"proposal {proposal} can't be approved here; see lockstep proposals", "proposal")
    match known:
        case Account():
            account = Account(name=known.name, target=known.number, role=known.role, proposal=proposal)
            return [directory.credential_of(known.number), account]
        case Withdrawal():
            return [Withdrawal(cl_ord_id=b"", target=known.owner, asset=known.asset, amount=known.amount,
                               proposal=proposal)]  # fmt: skip
        case Registration():
            return [Registration(cl_ord_id=b"", mode=known.mode, proposal=proposal)]
    return [structs.replace(type(known)(cl_ord_id=b"", asset=known.asset, amount=known.amount), proposal=proposal)]


def _amount(directory: Directory, known: Adjustment | Payment | DepositLimit | Welcome) -> str:
    return amount_text(directory, known.asset, known.amount)
