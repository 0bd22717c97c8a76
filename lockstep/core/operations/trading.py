"""Commands that stop and resume trading: phases of instruments, mass cancels, kill switches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from lockstep.core.operations.amounts import price_text, quantity_text
from lockstep.core.operations.directory import Directory
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.operations.operation import (
    Asked,
    CancelledOrders,
    Operation,
    Outcome,
    Said,
    SomeAccount,
    SomeSymbol,
    WhichInstrument,
)
from lockstep.core.schema.records import (
    Cancelled,
    Command,
    KillScope,
    KillSwitch,
    MassCancel,
    Phase,
    PhaseChange,
    PhaseChanged,
    Side,
)

# What an operator may begin: all phases but the end of an instrument, which is a command of its own.
PhaseName = Literal[
    "closed",
    "pre_open",
    "opening_auction",
    "continuous",
    "volatility_auction",
    "closing_auction",
    "halt",
    "cancel_only",
]
BOTH = {"": "both", "buy": "buy", "sell": "sell"}


class BeginPhase(Operation, frozen=True, kw_only=True):
    """Begin a phase of an instrument outside its schedule.

    It begins now. If there is a schedule, its next phase ends it.
    """

    command = "phase"
    example = "BTCUSDT closing_auction"
    route = "PUT /instruments/{symbol}/phase"
    subject = "instruments"
    title = "Begin a phase of {symbol}"
    verb = "Begin it"
    typed = "symbol"

    symbol: WhichInstrument
    phase: Annotated[PhaseName, Asked("Phase", "The phase that begins.")]

    def records(self, directory: Directory) -> Sequence[Command]:
        return [phase_change(directory, self.symbol, Phase[self.phase.upper()])]

    @property
    def adds(self) -> bool:
        return self.phase != "halt"

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        return phase_begun(directory, self.symbol, outcomes[0])


class Halt(BeginPhase, frozen=True, kw_only=True):
    """Halt an instrument: no new orders, replaces or cancels, and no trades, until it is resumed.

    Orders stay. It survives restarts. If there is a schedule, its next phase ends the halt.
    """

    command = "halt"
    example = "BTCUSDT"
    title = "Halt {symbol}"
    verb = "Halt"
    given = {"phase": "halt"}


class Resume(BeginPhase, frozen=True, kw_only=True):
    """Resume continuous trading, from any phase; orders that cross trade at one price first.

    To collect orders before that, begin an auction.
    """

    command = "resume"
    example = "BTCUSDT"
    title = "Resume {symbol}"
    verb = "Resume"
    given = {"phase": "continuous"}


class Delist(Operation, frozen=True, kw_only=True):
    """Delist an instrument for ever: all its orders are cancelled, and it never trades again."""

    command = "delist"
    example = "BTCUSDT"
    route = "POST /instruments/{symbol}/delist"
    subject = "instruments"
    title = "Delist {symbol}"
    verb = "Delist it for ever"
    typed = "symbol"
    asks = "Delist {symbol}, for ever, and cancel all its orders?"

    symbol: WhichInstrument

    def records(self, directory: Directory) -> Sequence[Command]:
        return [phase_change(directory, self.symbol, Phase.DELISTED)]

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        return phase_begun(directory, self.symbol, outcomes[0])


class CancelOrders(Operation, frozen=True, kw_only=True):
    """Cancel orders of one account and side, or of all. Waiting orders and halted instruments are included."""

    route = "POST /orders/cancel"
    subject = "trading"
    title = "Cancel orders of {symbol}"
    verb = "Cancel them"
    typed = "symbol"
    status = 200
    answer = CancelledOrders

    account: Annotated[SomeAccount | None, Asked("Account; empty: all", "Only orders of this account.")] = None
    symbol: Annotated[SomeSymbol | None, Asked("Symbol", "Only orders of this instrument.")] = None
    side: Annotated[Literal["buy", "sell"] | None, Asked("Side", "Only orders of this side.", words=BOTH)] = None

    def records(self, directory: Directory) -> Sequence[Command]:
        return [
            MassCancel(
                cl_ord_id=b"",
                target=directory.account(self.account).number if self.account is not None else 0,
                instrument=directory.instrument(self.symbol).instrument if self.symbol is not None else 0,
                side=Side[self.side.upper()] if self.side else 0,
            )
        ]

    @property
    def adds(self) -> bool:
        return False

    def question(self, directory: Directory) -> str:
        whose = f"of {self.account}" if self.account else ""
        which = " ".join(word for word in (self.side, self.symbol, "orders", whose) if word)
        return f"Cancel all {which}?"

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        count = sum(isinstance(event, Cancelled) for event in outcomes[0].events)
        least = "" if outcomes[0].is_whole else "at least "
        return Said(f"{least}{_cancelled(count)}", {"cancelled": count})


class CancelOfAccount(CancelOrders, frozen=True, kw_only=True):
    """All its open orders are cancelled, in every market, those in halt too."""

    title = "Cancel the orders of {account}"
    verb = "Cancel them all"
    typed = "account"
    given = {"symbol": None, "side": None}


class CancelNamed(CancelOrders, frozen=True, kw_only=True):
    """Cancel all orders of an account, of an instrument, of a side, or of any combination of these.

    Waiting orders and halted instruments are included. New orders can still come in: see kill and halt.
    """

    command = "cancel"
    example = "--symbol BTCUSDT --side buy"
    route = ""

    all: Annotated[bool, Asked("", "Every order of the venue.")] = False

    def __post_init__(self) -> None:
        if self.all == any((self.account, self.symbol, self.side)):
            raise NotPossibleError(
                "say whose orders (--account), which (--symbol, --side), or --all for every order of the venue"
            )


class SwitchKill(Operation, frozen=True, kw_only=True):
    """Block an account's new orders and replaces, or let them through again. Cancels always pass.

    Survives restarts, until it is switched off. Open orders stay open, and can be cancelled.
    """

    command = "kill"
    example = "TRADER3 --on"
    route = "PUT /accounts/{account}/kill-switch"
    subject = "accounts"

    account: Annotated[SomeAccount, Asked("Account", "Whose orders.")]
    is_on: Annotated[bool, Asked("On", "Block them, or let them through again.", flag="on")]
    scope: Annotated[
        Literal["account", "session"],
        Asked("Of", "Switch the account's FIX session, instead of the account.", flag="session"),
    ] = "account"

    def records(self, directory: Directory) -> Sequence[Command]:
        target = directory.account(self.account).number
        return [KillSwitch(cl_ord_id=b"", target=target, scope=KillScope[self.scope.upper()], is_on=self.is_on)]

    @property
    def adds(self) -> bool:
        return not self.is_on

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        what = f"the FIX session of {self.account}" if self.scope == "session" else self.account
        details: dict[str, object] = {"account": self.account, "scope": self.scope.upper(), "on": self.is_on}
        return Said(f"the kill switch of {what} is {'on' if self.is_on else 'off'}", details)


class Block(SwitchKill, frozen=True, kw_only=True):
    """New orders and replaces are refused from now on, over restarts too. Open orders stay, and can be cancelled."""

    command = ""
    title = "Block the {scope} of {account}"
    verb = "Block it"
    typed = "account"
    given = {"is_on": True}


class Unblock(SwitchKill, frozen=True, kw_only=True):
    """New orders are accepted again."""

    command = ""
    title = "Unblock the {scope} of {account}"
    verb = "Unblock it"
    given = {"is_on": False}


def phase_change(directory: Directory, symbol: str, phase: Phase) -> PhaseChange:
    return PhaseChange(cl_ord_id=b"", instrument=directory.instrument(symbol).instrument, phase=phase)


def phase_begun(directory: Directory, symbol: str, outcome: Outcome) -> Said:
    """What the begin of a phase has led to."""
    assert isinstance(outcome.command, PhaseChange)
    phase = Phase(outcome.command.phase).name
    found = next((event for event in outcome.events if isinstance(event, PhaseChanged)), None)
    cancelled = sum(isinstance(event, Cancelled) for event in outcome.events)
    details: dict[str, object] = {"symbol": symbol, "phase": phase, "cancelled": cancelled}
    if found is None:
        return Said(f"{symbol} was in {phase} already" if outcome.is_whole else f"{symbol} is in {phase}", details)
    details["from"] = Phase(found.old_phase).name
    said = f"{symbol} is in {phase}, from {Phase(found.old_phase).name}"
    if found.auction_lots:
        instrument = directory.instrument(symbol)
        quantity = quantity_text(instrument, found.auction_lots)
        price = price_text(instrument, found.auction_price_ticks)
        details |= {"auction_price": price, "auction_quantity": quantity}
        said += f"; the auction traded {quantity} at {price}"
    if cancelled:
        said += f"; {_cancelled(cancelled)}"
    return Said(said, details)


def _cancelled(count: int) -> str:
    return f"{count:,} order{'' if count == 1 else 's'} cancelled"
