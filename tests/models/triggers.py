"""Orders that wait for a stop price, as the rules say it: who moves, who triggers, and in which order.

It only looks at prices; what a triggered order then does is decided in `tests.models.book`.
"""

from __future__ import annotations

from collections import deque
from itertools import takewhile

from sortedcontainers import SortedDict

from lockstep.core.schema.records import Side
from tests.models.orders import Order, Place

MOST_TRAILING = 4096
GREATEST = 2**63 - 1


class Stops:
    """`queue` has those that have triggered and wait for their turn."""

    def __init__(self) -> None:
        self.sides: dict[int, SortedDict] = {Side.BUY: SortedDict(), Side.SELL: SortedDict()}
        self.trailing: dict[int, Order] = {}
        self.queue: deque[Order] = deque()

    @property
    def is_full(self) -> bool:
        return len(self.trailing) >= MOST_TRAILING

    def add(self, order: Order) -> None:
        """To the tail of its stop price."""
        self.sides[order.side].setdefault(order.stop_price_ticks, deque()).append(order)
        order.place = Place.STOP
        if order.trail_ticks:
            self.trailing[order.order_id] = order

    def remove(self, order: Order) -> None:
        levels = self.sides[order.side]
        waiting = levels[order.stop_price_ticks]
        waiting.remove(order)
        if not waiting:
            del levels[order.stop_price_ticks]
        self.trailing.pop(order.order_id, None)

    @staticmethod
    def trailed(order: Order, price_ticks: int) -> int:
        """The stop price of a trailing stop whose best price was `price_ticks`."""
        if order.side == Side.BUY:
            return min(price_ticks + order.trail_ticks, GREATEST)
        return max(price_ticks - order.trail_ticks, 1)

    @staticmethod
    def is_reached(order: Order, price_ticks: int) -> bool:
        if order.side == Side.BUY:
            return price_ticks >= order.stop_price_ticks
        return price_ticks <= order.stop_price_ticks

    def look(self, price_ticks: int) -> None:
        """A trade was at this price: trailing stops move, then all that it reaches join the queue."""
        for _, order in sorted(self.trailing.items()):
            self.move(order, self.trailed(order, price_ticks))
        sells, buys = self.sides[Side.SELL], self.sides[Side.BUY]
        reached = [sells[stop] for stop in takewhile(lambda stop: stop >= price_ticks, reversed(sells))]
        reached += [buys[stop] for stop in takewhile(lambda stop: stop <= price_ticks, iter(buys))]
        for order in [order for waiting in reached for order in waiting]:
            self.trigger(order)

    def move(self, order: Order, stop_price_ticks: int) -> None:
        """A stop price follows the market only in its favour: a sell's up, a buy's down."""
        better = max if order.side == Side.SELL else min
        best = better(order.stop_price_ticks, stop_price_ticks)
        if best != order.stop_price_ticks:
            self.remove(order)
            order.stop_price_ticks = best
            self.add(order)

    def trigger(self, order: Order) -> None:
        self.remove(order)
        self.queue.append(order)
        order.place = Place.QUEUE
