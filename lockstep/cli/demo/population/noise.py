"""Noise: takes what is offered, for no reason that others could see; rather what is cheap, and now and then a lot."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.cli.demo.population.account import Account
from lockstep.cli.demo.population.chance import Chance
from lockstep.cli.demo.population.market import Market
from lockstep.cli.demo.population.words import Kind, Place, Request

BOUND = 500  # usual orders that it may have more, or less, than at home
KNOWS = 3  # once in so many times it looks at what the market is worth
LARGE_ODDS = 150  # an order in so many is LARGE times an ordinary one
LARGE = (30, 120)
REACH = 10_000  # it takes at prices up to this part of the price worse than the best


class Noise:
    """One account in all markets."""

    def __init__(self, account: Account, markets: Sequence[Market], chance: Chance) -> None:
        self.account = account
        self._markets = markets
        self._chance = chance

    def act(self, number: int, turn: int) -> Request | None:
        """An order, unless this is no moment for one."""
        market = self._markets[self._chance.below(len(self._markets))]
        if self.account.away or self.account.is_busy() or not market.trades:
            return None
        buys = self._side(market)
        bound = BOUND * market.usual_lots
        best = market.ask_ticks if buys else market.bid_ticks
        if not best or not self.account.may(market.symbol, buys=buys, bound=bound, turn=turn):
            return None
        lots = min(self._lots(market), bound)
        if self._chance.one_in(3):
            return Place(self.account.name, market.symbol, number, Kind.MARKET, buys, 0, lots)
        reach = self._chance.below(best // REACH + 2)
        price = best + reach if buys else max(1, best - reach)
        return Place(self.account.name, market.symbol, number, Kind.TAKING, buys, price, lots)

    def _side(self, market: Market) -> bool:
        if self._chance.one_in(KNOWS):
            if market.ask_ticks and market.ask_ticks < market.fair_ticks:
                return True
            if market.bid_ticks > market.fair_ticks:
                return False
        bound = BOUND * market.usual_lots
        return self._chance.between(-bound, bound) > self.account.lots[market.symbol]  # the less it has, the likelier

    def _lots(self, market: Market) -> int:
        if self._chance.one_in(LARGE_ODDS):
            return market.usual_lots * self._chance.between(*LARGE)
        size = market.usual_lots * self._chance.between(2, 100) * (1 << self._chance.doublings(4))
        return max(1, size // 100)
