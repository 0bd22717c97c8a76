"""What each phase lets happen, as the table of the rules says it.

It looks at one order and one phase; it changes neither.
"""

from __future__ import annotations

from lockstep.core.schema.records import Code, OrderFlag, OrderType, Phase, TimeInForce
from tests.models.orders import FOR_AUCTION, Order

AUCTIONS = (Phase.OPENING_AUCTION, Phase.VOLATILITY_AUCTION, Phase.CLOSING_AUCTION)
COLLECTING = (Phase.PRE_OPEN, *AUCTIONS)
SHUT = {
    Phase.CLOSED: Code.MARKET_CLOSED,
    Phase.HALT: Code.HALTED,
    Phase.CANCEL_ONLY: Code.CANCEL_ONLY,
    Phase.DELISTED: Code.DELISTED,
}


def refuses_replace(phase: int) -> Code:
    return SHUT.get(Phase(phase), Code.OK)


def refuses_cancel(phase: int) -> Code:
    return SHUT[Phase(phase)] if phase in (Phase.HALT, Phase.DELISTED) else Code.OK


def refuses_new(phase: int, order: Order) -> Code:
    if phase in SHUT:
        return SHUT[Phase(phase)]
    if phase in COLLECTING and not can_be_collected(order):
        return Code.NOT_IN_THIS_PHASE
    return Code.OK


def can_be_collected(order: Order) -> bool:
    """Those for an auction take part in it or wait, market orders too; all else rests, or waits for its stop."""
    if order.time_in_force in FOR_AUCTION:
        return True
    return (
        order.ord_type != OrderType.MARKET
        and order.time_in_force not in (TimeInForce.IOC, TimeInForce.FOK)
        and not order.flags & OrderFlag.POST_ONLY
        and not order.minimum_lots
    )


def is_over_for(order: Order, phase: int) -> bool:
    """An order that took part in its auction, when a phase begins that is not of it."""
    if order.is_waiting or order.time_in_force not in FOR_AUCTION:
        return False
    return phase not in FOR_AUCTION[order.time_in_force]
