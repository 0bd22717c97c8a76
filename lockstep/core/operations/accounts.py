"""What accounts may do, and what they pay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from lockstep.config.schema import (
    AccountSection,
    Config,
    Count,
    FeePpm,
    FeeTierNumber,
    FeeTierOrNone,
    RoleName,
    Section,
    SelfTradeName,
    WindowMs,
)
from lockstep.core.operations.amounts import limit_of
from lockstep.core.operations.directory import Directory
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.operations.operation import (
    Amount,
    Asked,
    Operation,
    Outcome,
    Proposed,
    Said,
    SomeAccount,
    SomeAsset,
    texts_of,
)
from lockstep.core.operations.sections import section_of
from lockstep.core.schema.records import Account, Command, FeeTier, PositionLimit, Role
from lockstep.procs.router import config_records

Whose = Annotated[SomeAccount, Asked("Account", "Whose.")]


class ProposeRole(Operation, frozen=True, kw_only=True):
    """Propose another role for an account: another admin approves it, only for a person whom both of you know.

    Between trader and auditor, operators do. Its keys then allow what the role does. The role that it has already
    changes nothing.
    """

    route = "PUT /accounts/{account}/role"
    subject = "accounts"
    title = "Role of {account}"
    verb = "Propose it"
    is_once = False
    answer = Proposed

    account: Whose
    role: Annotated[
        RoleName,
        Asked(
            "Role",
            words={
                "auditor": "auditor: reads only", "operator": "operator (by two admins)",
                "admin": "admin (by two admins)",
            },
        ),
    ]  # fmt: skip

    def records(self, directory: Directory) -> Sequence[Command]:
        number = directory.account(self.account).number
        command = Account(name=self.account.encode(), target=number, role=Role[self.role.upper()])
        return [directory.credential_of(number), command]


class LimitAccount(Operation, frozen=True, kw_only=True):
    """Change what an account may do, and its defaults. Anything not named stays; open orders stay too. 0: no limit.

    The next start applies the configuration file: if it names the same keys, change them there too.
    """

    command = "account-limits"
    example = "TRADER3 --max-orders 50 --window-ms 1000"
    route = "PUT /accounts/{account}/limits"
    subject = "accounts"
    title = "Limits of {account}"
    verb = "Change them"

    account: Whose
    max_open_orders: Annotated[Count | None, Asked("Maximum open orders", "0: no limit.")] = None
    max_orders: Annotated[
        Count | None, Asked("Maximum orders in a window", "New orders and replaces in a window; 0: no limit.")
    ] = None
    window_ms: Annotated[WindowMs | None, Asked("Window, ms", "How long that window is, in milliseconds.")] = None
    self_trade: Annotated[
        SelfTradeName | None,
        Asked(
            "Self-trade prevention", "What happens when its own orders meet and do not say themselves.",
            words={"none": "they trade", "decrement": "decrement both"},
        ),
    ] = None  # fmt: skip
    self_trade_group: Annotated[
        Count | None, Asked("Self-trade group", "Accounts of one group count as one; 0: alone.")
    ] = None
    fee_tier: Annotated[FeeTierOrNone | None, Asked("Fee tier", "Whose rates it pays; 0: the instruments'.")] = None

    def __post_init__(self) -> None:
        self.must_name()

    def records(self, directory: Directory) -> Sequence[Command]:
        section = section_of(AccountSection, {"name": self.account, **self.named()})
        number = directory.account(self.account).number
        command = config_records.account_limits(section, number, directory.account_limits_of(number))
        if bool(command.max_orders) != bool(command.window_ms):
            raise NotPossibleError(
                "max_orders and window_ms belong together: so many orders in so many milliseconds", "max_orders"
            )
        if command.fee_tier and command.fee_tier not in directory.fee_tiers:
            raise NotPossibleError(f"there is no fee tier {command.fee_tier} yet", "fee_tier")
        return [command]

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        return Said(f"{self.account} now has {texts_of(self.named())}", self.named())

    def next_start(self, config: Config) -> Section | None:
        return next((each for each in config.accounts if each.name == self.account), None)


class LimitPosition(Operation, frozen=True, kw_only=True):
    """Limit what an account may own of an asset. What it owns already, and its open orders, stay."""

    command = "position-limit"
    example = "TRADER3 BTC 5000"
    route = "PUT /accounts/{account}/position-limits/{asset}"
    subject = "accounts"
    title = "Position limit of {account}"
    verb = "Set it"

    account: Whose
    asset: Annotated[SomeAsset, Asked("Asset", "Of which asset.")]
    most: Annotated[
        Amount, Asked("Maximum position", "The most that it may own, open buys counted as filled; 0: no limit.")
    ]

    def records(self, directory: Directory) -> Sequence[Command]:
        asset, units = limit_of(directory, self.asset, self.most, "most")
        return [
            PositionLimit(cl_ord_id=b"", target=directory.account(self.account).number, asset=asset, max_units=units)
        ]

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        _, units = limit_of(directory, self.asset, self.most, "most")
        most = self.most if units else "any amount of"
        return Said(f"{self.account} may own {most} {self.asset}", {"account": self.account, "asset": self.asset})


class SetTier(Operation, frozen=True, kw_only=True):
    """Set the rates of a fee tier, for orders that are entered from now on."""

    command = "fee-tier"
    example = "2 --maker-fee-ppm 50 --taker-fee-ppm 150"
    route = "PUT /fee-tiers/{tier}"
    subject = "instruments"
    title = "Set a fee tier"
    verb = "Set it"
    effect = "fee tier {tier}: maker {maker_fee_ppm}, taker {taker_fee_ppm} millionths"

    tier: Annotated[FeeTierNumber, Asked("Tier, 1 to 255", "Its number, 1 to 255.")]
    maker_fee_ppm: Annotated[
        FeePpm,
        Asked("Maker fee, parts of a million", "Fee of the maker, in 1/1,000,000 of what it receives.", is_option=True),
    ]
    taker_fee_ppm: Annotated[FeePpm, Asked("Taker fee, parts of a million", "Fee of the taker.", is_option=True)]

    def records(self, directory: Directory) -> Sequence[Command]:
        return [
            FeeTier(cl_ord_id=b"", tier=self.tier, maker_fee_ppm=self.maker_fee_ppm, taker_fee_ppm=self.taker_fee_ppm)
        ]
