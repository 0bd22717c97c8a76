"""One instrument as the oracle sees it: its orders, its two sides, its phase and what its prices stand on.

It keeps and finds; what happens to an order is decided in `tests.models.book`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from sortedcontainers import SortedDict

from lockstep.core.schema.records import BandAction, Instrument, Limits, Phase, Side
from tests.models.orders import Order, Place
from tests.models.triggers import Stops

DAY_NS = 86_400 * 10**9


def _sides() -> dict[int, SortedDict]:
    return {Side.BUY: SortedDict(), Side.SELL: SortedDict()}


@dataclass
class Listing:
    """`last_ticks` is None before the first trade; `changed` is whether the book has, since the last indicative."""

    definition: Instrument
    limits: Limits
    phase: int = Phase.CONTINUOUS
    reference_ticks: int = 0
    last_ticks: int | None = None
    sides: dict[int, SortedDict] = field(default_factory=_sides)
    orders: dict[int, Order] = field(default_factory=dict)
    stops: Stops = field(default_factory=Stops)
    ends_ns: int = 0
    indicative_from_ns: int = 0
    changed: bool = False

    def rest(self, order: Order) -> None:
        """Put it at the tail of its price."""
        self.sides[order.side].setdefault(order.price_ticks, deque()).append(order)
        order.place = Place.BOOK
        self.changed = True

    def take_off(self, order: Order) -> None:
        """Out of wherever it is; it stays open."""
        if order.place == Place.BOOK:
            queue = self.sides[order.side][order.price_ticks]
            queue.remove(order)
            if not queue:
                del self.sides[order.side][order.price_ticks]
            self.changed = True
        elif order.place == Place.STOP:
            self.stops.remove(order)
        elif order.place == Place.QUEUE:
            self.stops.queue.remove(order)
        order.place = Place.INCOMING

    def best(self, side: int) -> Order | None:
        levels = self.sides[side]
        if not levels:
            return None
        queue: deque[Order] = levels.peekitem(-1 if side == Side.BUY else 0)[1]
        return queue[0]

    def best_other(self, order: Order) -> Order | None:
        """The first in line of the other side, whatever its price."""
        return self.best(Side.SELL if order.buys else Side.BUY)

    def best_against(self, order: Order) -> Order | None:
        """The resting order that an incoming `order` meets next, within its price."""
        maker = self.best_other(order)
        if maker is None or not self.reaches(order, maker.price_ticks):
            return None
        return maker

    @staticmethod
    def reaches(order: Order, price_ticks: int) -> bool:
        return price_ticks <= order.price_ticks if order.buys else price_ticks >= order.price_ticks

    def queues_against(self, order: Order) -> list[deque[Order]]:
        """All prices of the other side that the order's own reaches, best first."""
        levels = self.sides[Side.SELL if order.buys else Side.BUY]
        prices = levels.keys() if order.buys else reversed(levels.keys())
        queues = []
        for price in prices:
            if not self.reaches(order, price):
                break
            queues.append(levels[price])
        return queues

    def passive_price(self, order: Order) -> int:
        """The best price at which it does not trade; not above 0 if there is none."""
        best = self.best_other(order)
        assert best is not None
        price = best.price_ticks + (-1 if order.buys else 1)
        return price if price < 2**63 else 0

    @property
    def opens_auctions(self) -> bool:
        return self.limits.band_action == BandAction.AUCTION

    def static_band(self) -> tuple[int, int] | None:
        return band(self.reference_ticks, self.limits.static_band_bps)

    def bands(self) -> list[tuple[int, int]]:
        """Those in which an order that comes in now may trade."""
        stands_on = self.reference_ticks if self.last_ticks is None else self.last_ticks
        both = (self.static_band(), band(stands_on, self.limits.dynamic_band_bps))
        return [one for one in both if one is not None]

    def first_stop(self, order: Order) -> int:
        """The stop price that a trail begins with: from the last trade, else from the reference price."""
        begins = self.reference_ticks if self.last_ticks is None else self.last_ticks
        return self.stops.trailed(order, begins)

    def collar_of_stop(self, order: Order) -> int:
        """The worst price of a trailing stop that triggers now: a buy's is never above the one it came with."""
        bps, stop = self.definition.collar_bps, order.stop_price_ticks
        if order.buys:
            return min(order.price_ticks, max(1, stop * (10_000 + bps) // 10_000))
        return max(1, -(-stop * (10_000 - bps) // 10_000))

    def day_end(self, now_ns: int) -> int:
        """The first end of the instrument's day after `now_ns`."""
        offset = self.limits.day_end_s * 10**9
        return ((now_ns - offset) // DAY_NS + 1) * DAY_NS + offset


def band(reference_ticks: int, bps: int) -> tuple[int, int] | None:
    """Lowest and highest price inside, rounded inwards; None if there is no band."""
    if not reference_ticks or not bps:
        return None
    return -(-reference_ticks * (10_000 - bps) // 10_000), reference_ticks * (10_000 + bps) // 10_000
