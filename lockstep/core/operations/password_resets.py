"""Resets of passwords: one operator proposes that an account may take a new one, another approves.

The owner types the new password, with the code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import field

from lockstep.core.operations.directory import Directory
from lockstep.core.operations.operation import (
    Asked,
    Operation,
    Outcome,
    ResetProposed,
    Said,
    SomeAccount,
    WhichProposal,
)
from lockstep.core.rules.reset_codes import hash_of, new_code, text_of
from lockstep.core.schema.records import Code, Command, PasswordReset

Account = Annotated[SomeAccount, Asked("Account", "Whose password.")]


class OfPassword(Operation, frozen=True, kw_only=True):
    """Base of both."""

    subject = "accounts"

    account: Account

    def why(self) -> Mapping[Code, str]:
        return {Code.ROLE_NOT_ALLOWED: "it is your own, or an admin's: two others reset it, of an admin's two admins"}


class ProposeReset(OfPassword, frozen=True, kw_only=True):
    """Propose that an account may take a new password by a code, which is shown once.

    It works once another operator has approved it, once, for a day: its owner sends it to /v1/auth/reset-by-code.
    """

    command = "password-reset propose"
    example = "TRADER1"
    route = "POST /accounts/{account}/password-reset"
    answer = ResetProposed
    needs_body = False
    title = "New password for {account}"
    verb = "Propose it"

    takes_factor: Annotated[
        bool, Asked("Its second factor goes, too", "Its second factor goes, too, when the code is used.")
    ] = False
    code: bytes = field(default_factory=new_code)

    def records(self, directory: Directory) -> Sequence[Command]:
        target = directory.account(self.account).number
        command = PasswordReset(
            cl_ord_id=b"", target=target, takes_factor=self.takes_factor, code_hash=hash_of(self.code)
        )
        return [command]

    @property
    def secret(self) -> str:
        return text_of(self.code)

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        seq = outcomes[0].seq
        factor = " and second factor" if self.takes_factor else ""
        says = (
            f"proposal {seq}: another operator lets {self.account} take a new password{factor} with lockstep "
            f"password-reset approve {self.account} {seq}; then its code is {self.secret}"
        )
        return Said(says, {"proposal": seq, "code": self.secret}, has_place=True)


class ApproveReset(OfPassword, frozen=True, kw_only=True):
    """Let the code of another operator's proposal work, once, until a day after the proposal.

    The owner of the code can then be this account: know who asks.
    """

    command = "password-reset approve"
    example = "TRADER1 184467"
    route = "POST /accounts/{account}/password-reset/{proposal}/approve"
    title = "Approve a new password for {account}"
    verb = "Approve it"
    typed = "account"
    asks = "Let {account} take a new password?"
    effect = "approved: {account} may take a new password by its code"

    proposal: WhichProposal

    def records(self, directory: Directory) -> Sequence[Command]:
        return [PasswordReset(cl_ord_id=b"", target=directory.account(self.account).number, proposal=self.proposal)]
