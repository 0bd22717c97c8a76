"""The commands that undo a trade or change its price: one operator proposes, another approves.

Each repeats the trade as its caller has found it in the journal; the router carries a correction out only where both
agree in every term.
"""

from __future__ import annotations

from procs.operating.amounts import price_text, quantity_text, step_text, ticks_of
from procs.operating.directory import Directory
from procs.operating.errors import NotPossibleError
from shm.records import Correction, CorrectionProposal, Side, Traded


class ContradictedError(Exception):
    """A proposal is not of the trade that the journal has."""


def proposal(directory: Directory, symbol: str, matcher: int, trade: Traded, price: str | None) -> CorrectionProposal:
    """A proposal to undo a trade, or to give it another `price`. NotPossibleError."""
    ticks = new_ticks(directory, symbol, price)
    return CorrectionProposal(**terms(matcher, trade), new_price_ticks=ticks)


def new_ticks(directory: Directory, symbol: str, price: str | None) -> int:
    """The price that a trade is to get; 0 of None. NotPossibleError."""
    if price is None:
        return 0
    ticks = ticks_of(directory.instrument(symbol), price)
    if ticks <= 0:
        raise NotPossibleError(f"{price} is not above zero", "price")
    return ticks


def approval(directory: Directory, known: CorrectionProposal, trade: Traded) -> Correction:
    """What carries a proposal out. ContradictedError if the trade differs from it."""
    recorded = terms(known.matcher, trade)
    if any(getattr(known, name) != value for name, value in recorded.items()):
        says = CorrectionProposal(**recorded, new_price_ticks=known.new_price_ticks)
        raise ContradictedError(
            f"proposal {known.seq} is of {worded(directory, known)}, fees {fees(directory, known)}; but by the journal "
            f"that is {worded(directory, says)}, fees {fees(directory, says)}"
        )
    return Correction(**recorded, new_price_ticks=known.new_price_ticks, proposal=known.seq)


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


def worded(directory: Directory, command: CorrectionProposal) -> str:
    """The trade, for people."""
    instrument = directory.listed(command.instrument)
    quantity = quantity_text(instrument, command.quantity_lots)
    return (
        f"trade {command.trade_id} of {instrument.symbol.decode()}, {quantity} at "
        f"{price_text(instrument, command.price_ticks)}, bought by {directory.name_of_account(command.buyer)} from "
        f"{directory.name_of_account(command.seller)}"
    )


def change(directory: Directory, command: CorrectionProposal) -> str:
    """What is to become of it."""
    if not command.new_price_ticks:
        return "undo it"
    return f"give it the price {price_text(directory.listed(command.instrument), command.new_price_ticks)}"


def fees(directory: Directory, command: CorrectionProposal) -> str:
    """What both sides paid."""
    instrument = directory.listed(command.instrument)
    paid = ((instrument.base_asset, command.buyer_fee), (instrument.quote_asset, command.seller_fee))
    return " and ".join(
        f"{step_text(fee, scale)} {name}" for (name, scale), fee in ((directory.name_of_asset(a), f) for a, f in paid)
    )
