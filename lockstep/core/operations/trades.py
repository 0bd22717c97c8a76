"""The commands that undo a trade or change its price: one operator proposes, another approves.

Each repeats the trade as its caller has found it in the journal; the router carries a correction out only where both
agree in every term.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from lockstep.config.schema import MatcherNumber
from lockstep.core.operations.amounts import amount_text, price_text, quantity_text, ticks_of
from lockstep.core.operations.directory import Directory
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.operations.operation import (
    Amount,
    Asked,
    Number,
    Operation,
    Outcome,
    Proposed,
    Said,
    WhichInstrument,
    WhichProposal,
    proposed,
)
from lockstep.core.operations.questions import WhichTrade
from lockstep.core.schema.records import Code, Command, Correction, CorrectionProposal, CorrectionTerms, Side, Traded


class ContradictedError(Exception):
    """A proposal is not of the trade that the journal has."""


class OfTrade(Operation, frozen=True, kw_only=True):
    """Base of what repeats a trade: whoever gives it finds `wanted` in the journal first."""

    subject = "trading"
    is_once = False

    def wanted(self, directory: Directory) -> WhichTrade:
        """Which trade that is. NotPossibleError."""
        raise NotImplementedError

    def repeating(self, directory: Directory, matcher: int, trade: Traded) -> Sequence[Command]:
        """The records that carry it out. NotPossibleError, ContradictedError."""
        raise NotImplementedError


class ProposeCorrection(OfTrade, frozen=True, kw_only=True):
    """Propose to undo a trade, or to change its price. Nothing changes before another operator approves.

    The trade is looked up in the journal, which may take some seconds. It has no `id`: of a trade the last proposal
    counts.
    """

    route = "POST /corrections"
    title = "Undo or correct a trade"
    verb = "Propose it"
    answer = Proposed

    symbol: WhichInstrument
    trade: Annotated[Number, Asked("Number of the trade", "The trade's number, as market data and PostgreSQL have it.")]
    price: Annotated[
        Amount | None, Asked("Price that it should have had; empty: undo it", "The price that it should have had.")
    ] = None
    matcher: Annotated[
        MatcherNumber | None,
        Asked(
            "Matcher, if two have made such a trade",
            "Which matcher's trade, if an instrument has moved and two matchers have that number.",
        ),
    ] = None

    def wanted(self, directory: Directory) -> WhichTrade:
        self._ticks(directory)
        made_by = directory.matchers[directory.instrument(self.symbol).instrument]
        return WhichTrade(self.symbol, self.trade, tuple(each for each in made_by if self.matcher in (None, each)))

    def repeating(self, directory: Directory, matcher: int, trade: Traded) -> Sequence[Command]:
        return [CorrectionProposal(**terms(matcher, trade), new_price_ticks=self._ticks(directory))]

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        command = outcomes[0].command
        assert isinstance(command, CorrectionTerms)
        group = "correct" if command.new_price_ticks else "bust"
        what = f"{worded(directory, command)}: {change(directory, command)}"
        said = proposed(outcomes[0], what, f"{group} approve {command.seq}")
        details = said.details | {"symbol": self.symbol, "trade": self.trade, "matcher": command.matcher}
        return said._replace(details=details)

    def _ticks(self, directory: Directory) -> int:
        """The price that the trade is to get; 0: none."""
        instrument = directory.instrument(self.symbol)
        ticks = ticks_of(instrument, self.price) if self.price is not None else 0
        if self.price is not None and ticks <= 0:
            raise NotPossibleError(f"{self.price} is not above zero", "price")
        return ticks


class ProposeBust(ProposeCorrection, frozen=True, kw_only=True):
    """Propose to undo a trade. Nothing changes before another operator approves.

    The trade is looked up in the journal, by a replay from the newest snapshot before it.
    """

    command = "bust propose"
    example = "BTCUSDT 4711"
    route = ""
    given = {"price": None}


class ProposePrice(ProposeCorrection, frozen=True, kw_only=True):
    """Propose another price for a trade. Nothing changes before another operator approves."""

    command = "correct propose"
    example = "BTCUSDT 4711 --price 60100.50"
    route = ""

    price: Annotated[Amount, Asked("Price", "The price that it should have had.", is_option=True)]


class ApproveCorrection(OfTrade, frozen=True, kw_only=True):
    """Carry out what another operator has proposed, once for each trade.

    Undone, both sides get back what they gave, fees included; of a new price the difference goes from one to the other.
    The trade is looked up in the journal again: where that differs from the proposal, or a side no longer has what it
    would have to give back, nothing changes.
    """

    route = "POST /corrections/{proposal}/approve"
    title = "Approve correction {proposal}"
    verb = "Approve it"
    group: ClassVar[str] = ""  # of commands

    proposal: WhichProposal

    def missing(self, directory: Directory) -> str:
        known = directory.corrections.get(self.proposal)
        if known is not None and (self.group == "correct") == bool(known.new_price_ticks):
            return ""
        return f"there is no proposal {self.proposal} that {self.group} could approve; see lockstep {self.group} list"

    def wanted(self, directory: Directory) -> WhichTrade:
        known = self._known(directory)
        symbol = directory.listed(known.instrument).symbol.decode()
        return WhichTrade(symbol, known.trade_id, (known.matcher,))

    def repeating(self, directory: Directory, matcher: int, trade: Traded) -> Sequence[Command]:
        known = self._known(directory)
        recorded = terms(known.matcher, trade)
        if any(getattr(known, name) != value for name, value in recorded.items()):
            says = CorrectionProposal(**recorded, new_price_ticks=known.new_price_ticks)
            raise ContradictedError(
                f"proposal {known.seq} is of {worded(directory, known)}, fees {fees(directory, known)}; but by the "
                f"journal that is {worded(directory, says)}, fees {fees(directory, says)}"
            )
        return [Correction(**recorded, new_price_ticks=known.new_price_ticks, proposal=known.seq)]

    def question(self, directory: Directory) -> str:
        known = self._known(directory)
        return f"Of {worded(directory, known)}, fees {fees(directory, known)}: {change(directory, known)}?"

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        command = outcomes[0].command
        assert isinstance(command, CorrectionTerms)
        instrument = directory.listed(command.instrument)
        details: dict[str, object] = {
            "symbol": instrument.symbol.decode(), "trade": command.trade_id, "matcher": command.matcher,
        }  # fmt: skip
        if command.new_price_ticks:
            details["price"] = price_text(instrument, command.new_price_ticks)
        return Said(f"done: {worded(directory, command)}: {change(directory, command)}", details)

    def _known(self, directory: Directory) -> CorrectionProposal:
        if self.proposal not in directory.corrections:
            raise NotPossibleError(f"no correction {self.proposal} waits", "", Code.UNKNOWN_PROPOSAL)
        return directory.corrections[self.proposal]


class ApproveBust(ApproveCorrection, frozen=True, kw_only=True):
    """Approve another operator's proposal: both sides get back what they gave, fees included. Once for each trade.

    The trade is looked up in the journal again. The approval is refused if the journal differs from the proposal, or if
    a side no longer has what it would have to give back.
    """

    command = "bust approve"
    example = "184467"
    route = ""
    group = "bust"


class ApprovePrice(ApproveCorrection, frozen=True, kw_only=True):
    """Approve another operator's proposal: the difference goes from one side to the other, fees stay. Possible once.

    The trade is looked up in the journal again. The approval is refused if the journal differs from the proposal, or if
    a side no longer has what it would have to pay.
    """

    command = "correct approve"
    example = "184467"
    route = ""
    group = "correct"


def terms(matcher: int, traded: Traded) -> dict[str, int]:
    """What a correction says of its trade."""
    sides = {
        traded.taker_side: (traded.taker_account, traded.taker_fee),
        Side.BUY + Side.SELL - traded.taker_side: (traded.maker_account, traded.maker_fee),
    }
    (buyer, buyer_fee), (seller, seller_fee) = sides[Side.BUY], sides[Side.SELL]
    return {
        "matcher": matcher, "trade_id": traded.number, "instrument": traded.instrument, "buyer": buyer,
        "seller": seller, "price_ticks": traded.price_ticks, "quantity_lots": traded.quantity_lots,
        "buyer_fee": buyer_fee, "seller_fee": seller_fee,
    }  # fmt: skip


def worded(directory: Directory, command: CorrectionTerms) -> str:
    """The trade, for people."""
    instrument = directory.listed(command.instrument)
    quantity = quantity_text(instrument, command.quantity_lots)
    return (
        f"trade {command.trade_id} of {instrument.symbol.decode()}, {quantity} at "
        f"{price_text(instrument, command.price_ticks)}, bought by {directory.name_of_account(command.buyer)} from "
        f"{directory.name_of_account(command.seller)}"
    )


def change(directory: Directory, command: CorrectionTerms) -> str:
    """What is to become of it."""
    if not command.new_price_ticks:
        return "undo it"
    return f"give it the price {price_text(directory.listed(command.instrument), command.new_price_ticks)}"


def fees(directory: Directory, command: CorrectionTerms) -> str:
    """What both sides paid."""
    instrument = directory.listed(command.instrument)
    paid = ((instrument.base_asset, command.buyer_fee), (instrument.quote_asset, command.seller_fee))
    return " and ".join(amount_text(directory, asset, fee) for asset, fee in paid)
