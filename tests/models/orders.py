"""An order as the oracle sees it: what it asks for, what is left of it, and where it is.

It knows itself only: neither books nor other orders, but the contingent order of its list.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lockstep.core.schema.records import ExtLeg, ExtTerms, NewOrder, OrderFlag, OrderType, Phase, Side, TimeInForce

STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
LIMITS = (OrderType.LIMIT, OrderType.STOP_LIMIT)
FOR_AUCTION: dict[int, tuple[int, ...]] = {
    TimeInForce.AT_THE_OPEN: (Phase.PRE_OPEN, Phase.OPENING_AUCTION),
    TimeInForce.AT_THE_CLOSE: (Phase.CLOSING_AUCTION,),
}
NO_TERMS = ExtTerms()


class Place(Enum):
    """Where an open order is."""

    INCOMING = 0
    BOOK = 1
    STOP = 2  # waits for its stop price
    QUEUE = 3  # has triggered, and waits for its turn
    AUCTION = 4  # waits for its auction
    LIST = 5  # waits for the first order of its list to be filled, and then to be activated


@dataclass(eq=False)
class Order:
    """`leaves_lots` is what is left of the budget where it has one; `shown_lots` counts only with a display."""

    order_id: int
    account: int
    side: int
    ord_type: int
    time_in_force: int
    stp: int
    flags: int
    price_ticks: int
    leaves_lots: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    stop_price_ticks: int = 0
    trail_ticks: int = 0
    display_lots: int = 0
    minimum_lots: int = 0
    expire_ns: int = 0  # GTD and DAY
    filled_lots: int = 0
    shown_lots: int = 0
    place: Place = Place.INCOMING
    has_triggered: bool = False  # its stop price is a thing of the past
    contingent: Order | None = None
    list_kind: int = 0
    list_name: bytes = b""
    is_leg: bool = False

    @property
    def buys(self) -> bool:
        return self.side == Side.BUY

    @property
    def has_budget(self) -> bool:
        return bool(self.flags & OrderFlag.BUDGET)

    @property
    def is_waiting(self) -> bool:
        return self.place not in (Place.INCOMING, Place.BOOK)

    @property
    def matchable_lots(self) -> int:
        """What a match may take of it where it rests."""
        return self.shown_lots if self.display_lots else self.leaves_lots

    @property
    def may_rest(self) -> bool:
        return self.time_in_force in FOR_AUCTION or (
            self.ord_type in LIMITS and self.time_in_force not in (TimeInForce.IOC, TimeInForce.FOK)
        )


def order_of(order_id: int, command: NewOrder | ExtLeg, terms: ExtTerms) -> Order:
    """The order that a NEW_ORDER asks for, or an EXT_LEG, which is laid out the same."""
    return Order(
        order_id, command.account, command.side, command.ord_type, command.time_in_force, command.stp, command.flags,
        command.price_ticks, command.quantity_lots, command.maker_fee_ppm, command.taker_fee_ppm,
        terms.stop_price_ticks, terms.trail_ticks, terms.display_lots, terms.minimum_lots, terms.expire_ns,
    )  # fmt: skip
