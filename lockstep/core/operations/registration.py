"""Registration: the mode, the welcome, and the operator's approval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from lockstep.config.schema import RegistrationName
from lockstep.core.operations.amounts import limit_of
from lockstep.core.operations.directory import Directory
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.operations.operation import Amount, Asked, Operation, Proposed, SomeAccount, SomeAsset
from lockstep.core.schema.records import (
    Code,
    Command,
    KillScope,
    KillSwitch,
    Registration,
    RegistrationMode,
    Role,
    Welcome,
)


class SetRegistration(Operation, frozen=True, kw_only=True):
    """Set who may register: closed, open, or approval, where an operator lets each trade. An admin does.

    To open registration where the venue gives a welcome is a proposal, which another admin approves. A start applies
    the configuration's `api.registration`, if it has one.
    """

    route = "PUT /registration"
    subject = "venue"
    title = "Who may register"
    verb = "Change it"
    answer = Proposed
    giver = Role.ADMIN

    mode: Annotated[
        RegistrationName,
        Asked("Registration is", words={"approval": "open, and an operator lets each trade"}),
    ]

    def records(self, directory: Directory) -> Sequence[Command]:
        return [Registration(cl_ord_id=b"", mode=RegistrationMode[self.mode.upper()])]


class SetWelcome(Operation, frozen=True, kw_only=True):
    """Set what each account that registers from now on is given of an asset, once; 0: nothing. An admin lowers it.

    A higher amount is a proposal, which another admin approves. A start applies the configuration's.
    """

    route = "PUT /registration/welcome/{asset}"
    subject = "venue"
    title = "What who registers is given"
    verb = "Set it"
    answer = Proposed
    giver = Role.ADMIN

    asset: Annotated[SomeAsset, Asked("Asset")]
    amount: Annotated[Amount, Asked("Amount")]

    def records(self, directory: Directory) -> Sequence[Command]:
        asset, units = limit_of(directory, self.asset, self.amount)
        return [Welcome(cl_ord_id=b"", asset=asset, amount=units)]


class LetTrade(Operation, frozen=True, kw_only=True):
    """Let who has registered trade: the account's kill switch is turned off."""

    route = "POST /registrations/{account}/approve"
    subject = "accounts"
    title = "Let {account} trade"
    verb = "Let it trade"

    account: Annotated[SomeAccount, Asked("Account")]

    def records(self, directory: Directory) -> Sequence[Command]:
        number = directory.account(self.account).number
        if number not in directory.unapproved:
            raise NotPossibleError("no such account has registered and waits", "name", Code.UNKNOWN_ACCOUNT)
        return [KillSwitch(cl_ord_id=b"", target=number, scope=KillScope.ACCOUNT, is_on=0)]
