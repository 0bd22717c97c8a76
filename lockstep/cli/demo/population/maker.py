"""A maker: quotes both sides of a market at several prices, and moves what stands worst."""

from __future__ import annotations

from msgspec import Struct

from lockstep.cli.demo.population.account import Account, Order
from lockstep.cli.demo.population.chance import Chance
from lockstep.cli.demo.population.market import Market
from lockstep.cli.demo.population.words import Cancel, Kind, Move, Place, Request

LEVELS = 8  # orders of a side
TOUCH = 3_000_000  # the best order is one tick from what it is worth, or this part of it
REACH = 1_500  # and the last one this part of it
SHY = 40  # a shy maker's orders are further away by this part of that
BOUND = 25_000  # usual orders that a maker may have more, or less, than at home
SKEW = 2_000  # as much more makes it quote lower by this part of the price
BAD = 100  # from here on an order is moved
# How bad it is that an order is missing, that the best one stands wrong, and that one would lose money.
MISSING, BEST, WRONG = 1_000, 10_000, 1_000_000


class Wish(Struct, frozen=True):
    """What a maker would do next, and how bad it is without: see BAD."""

    badness: int
    buys: bool
    level: int
    order: Order | None


class Maker:
    """One account in one market. The shyer it is, the further away is its best order."""

    def __init__(self, account: Account, market: Market, chance: Chance, shyness: int) -> None:
        self.account = account
        self._market = market
        self._chance = chance
        self._shyness = shyness

    def wish(self, turn: int) -> Wish | None:
        """What is worst of its quotes; None if all stand well."""
        if self.account.away or not self._market.trades:
            return None
        wishes = [wish for buys in (True, False) if (wish := self._wish_of(buys, turn)) is not None]
        return max(wishes, key=lambda wish: wish.badness, default=None)

    def carry_out(self, wish: Wish, number: int) -> Request | None:
        """The request that makes a wish true; None if there is no room for it."""
        account, symbol, order = self.account.name, self._market.symbol, wish.order
        if wish.level < 0:
            assert order is not None
            return Cancel(account, symbol, number, order.number, order.buys)
        price = self._price(wish.buys, wish.level)
        lots = self._lots(wish.level)
        if order is None:
            return Place(account, symbol, number, Kind.QUOTE, wish.buys, price, lots)
        if price == order.ticks:
            return None
        return Move(account, symbol, number, order.number, wish.buys, price, order.filled + lots)

    def centre(self) -> int:
        """What it quotes around: lower the more it has, so that others buy it."""
        fair, have = self._market.fair_ticks, self.account.lots[self._market.symbol]
        skew = fair * abs(have) // (SKEW * BOUND * self._market.usual_lots)
        return max(1, fair - skew if have > 0 else fair + skew)

    def offsets(self) -> list[int]:
        """How far from the centre its orders are, the best one first: close together there, and then further apart."""
        fair = self._market.fair_ticks
        touch, reach = max(1, fair // TOUCH), fair // REACH
        touch += self._shyness * reach // SHY
        return [touch + level + reach * level**3 // (LEVELS - 1) ** 3 for level in range(LEVELS)]

    def _wish_of(self, buys: bool, turn: int) -> Wish | None:
        orders = sorted(self._quotes(buys), key=lambda order: -order.ticks if buys else order.ticks)
        bound = BOUND * self._market.usual_lots
        if not self.account.may(self._market.symbol, buys=buys, bound=bound, turn=turn):
            free = next((order for order in orders if not order.asks and order.rests_until <= turn), None)
            held = self.account.lots[self._market.symbol]
            is_full = (held if buys else -held) >= bound
            return Wish(WRONG, buys, -1, free) if free is not None and is_full else None
        centre, offsets = self.centre(), self.offsets()
        away = [(centre - order.ticks) if buys else (order.ticks - centre) for order in orders]
        right = [far for far in away if far > 0]
        lacking = next((level for level, far in enumerate(right) if far > 2 * offsets[level]), len(right))
        wishes = [
            Wish(_badness(far, offsets[rank], rank), buys, rank if far > 0 else lacking, order)
            for rank, (order, far) in enumerate(zip(orders, away, strict=True), len(right) - len(orders))
            if not order.asks and order.rests_until <= turn
        ]
        if len(orders) < LEVELS:
            wishes.append(Wish(MISSING - lacking, buys, lacking, None))
        return max((wish for wish in wishes if wish.badness > BAD), key=lambda wish: wish.badness, default=None)

    def _quotes(self, buys: bool) -> list[Order]:
        return [each for each in self.account.of(self._market.symbol, Kind.QUOTE) if each.buys is buys]

    def _price(self, buys: bool, level: int) -> int:
        """A price of that level, behind all that is offered against it: what others do, and what it does itself."""
        offset = self.offsets()[level]
        offset = max(1, offset + self._chance.swing(offset))
        own = [price for each in self._quotes(not buys) for price in (each.ticks, each.next_ticks)]
        others = self._market.ask_ticks if buys else self._market.bid_ticks
        behind = (offset + 1) // 2  # all that a move leaves on the wrong side do not gather at one price
        if buys:
            return max(
                1, min([self.centre() - offset, *(price - 1 for price in own), *([others - behind] if others else [])])
            )
        return max([self.centre() + offset, *(price + 1 for price in own), others + behind if others else 0])

    def _lots(self, level: int) -> int:
        usual = self._market.usual_lots
        return max(1, usual * (2 + level) * self._chance.between(30, 170) * (1 << self._chance.doublings(3)) // 200)


def _badness(far: int, offset: int, rank: int) -> int:
    """How badly an order stands `far` from the centre that should be at `offset`; that the best one does is worse."""
    if far <= 0:
        return WRONG + min(WRONG, -far)
    off = BAD * abs(far - offset) // max(offset, 1)
    return min(off, BEST if rank == 0 else MISSING - LEVELS)
