"""Trend: buys what rises and sells what falls, guards what it has by a row of stops, and sometimes hides an order."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.cli.demo.population.account import Account
from lockstep.cli.demo.population.chance import Chance
from lockstep.cli.demo.population.market import Market
from lockstep.cli.demo.population.words import Cancel, Kind, Place, Request

BOUND = 300  # usual orders that it may have more, or less, than at home
STIRS = 30_000  # a trend is one from this part of the price on
STOPS = 5  # of a row, which go off one after the other: a cascade
STOP_NEAR, STOP_STEP = 1_500, 20_000  # the first one's distance, and the steps behind it, as parts of the price
HIDDEN_ODDS = 150  # once in so many times it hides an order
HIDDEN = (10, 20)  # usual orders in it, of which one is shown: more of them would hold the price for many seconds
GATHERED, GATHERS = 6, 2_000  # orders for an auction, and how far they reach beyond what it is worth, as a part of it
STALE_TURNS = 1_200  # an order that has rested for so long is cancelled
FAR = 300  # as is one that is further away than this part of the price


class Trend:
    """One account in all markets."""

    def __init__(self, account: Account, markets: Sequence[Market], chance: Chance) -> None:
        self.account = account
        self._markets = markets
        self._chance = chance

    def act(self, number: int, turn: int) -> Request | None:
        """An order, or the end of an old one, unless this is no moment for one."""
        market = self._markets[self._chance.below(len(self._markets))]
        if self.account.away:
            return None
        if market.collects:
            return self._gather(market, number, turn)
        if not market.trades or not market.bid_ticks or not market.ask_ticks:
            return None
        request = self._tidy(market, number, turn)
        if request is None and self._chance.one_in(HIDDEN_ODDS):
            request = self._hide(market, number, turn)
        return request or self._guard(market, number, turn) or self._follow(market, number, turn)

    def _tidy(self, market: Market, number: int, turn: int) -> Request | None:
        """The end of an order that is old, or that the market has left behind."""
        for order in self.account.of(market.symbol, Kind.RESTING, Kind.STOP):
            far = abs(order.ticks - market.fair_ticks) * FAR > market.fair_ticks
            if (far or turn - order.turn > STALE_TURNS) and not order.asks and order.rests_until <= turn:
                return Cancel(self.account.name, market.symbol, number, order.number, order.buys)
        return None

    def _gather(self, market: Market, number: int, turn: int) -> Request | None:
        """An order for an auction, all of them on one side: they meet what makers have left there."""
        buys = self.account.lots[market.symbol] < 0
        resting = sum(1 for _ in self.account.of(market.symbol, Kind.RESTING))
        if resting >= GATHERED or not self._may(market, buys, turn):
            return None
        reach = self._chance.below(market.fair_ticks // GATHERS + 1)
        price = market.fair_ticks + reach if buys else max(1, market.fair_ticks - reach)
        lots = market.usual_lots * self._chance.between(1, 6)
        return Place(self.account.name, market.symbol, number, Kind.RESTING, buys, price, lots)

    def _hide(self, market: Market, number: int, turn: int) -> Request | None:
        """An iceberg at the best price of its side, if it has none."""
        buys = not self._chance.below(2)
        if any(self.account.of(market.symbol, Kind.RESTING)) or not self._may(market, buys, turn):
            return None
        price = min(market.bid_ticks, market.ask_ticks - 1) if buys else max(market.ask_ticks, market.bid_ticks + 1)
        lots = market.usual_lots * self._chance.between(*HIDDEN)
        return Place(
            self.account.name, market.symbol, number, Kind.RESTING, buys, max(1, price), lots, market.usual_lots
        )

    def _guard(self, market: Market, number: int, turn: int) -> Request | None:
        """The next stop of the row below what it has bought, or above what it has sold."""
        lots = self.account.lots[market.symbol]
        row = list(self.account.of(market.symbol, Kind.STOP))
        if abs(lots) < STOPS * market.usual_lots or len(row) >= STOPS or not self._may(market, lots < 0, turn):
            return None
        far = market.fair_ticks // STOP_NEAR + len(row) * (1 + market.fair_ticks // STOP_STEP)
        price = market.ask_ticks + far if lots < 0 else max(1, market.bid_ticks - far)
        return Place(
            self.account.name, market.symbol, number, Kind.STOP, lots < 0, price, max(1, abs(lots) // (2 * STOPS))
        )

    def _follow(self, market: Market, number: int, turn: int) -> Request | None:
        """An order in the direction that the market takes; where it takes none, some of what it has is given back."""
        stirs = max(1, market.fair_ticks // STIRS)
        lots = self.account.lots[market.symbol]
        if abs(market.trend) >= stirs:
            buys, size = market.trend > 0, self._chance.between(1, 6) * market.usual_lots
        elif abs(lots) >= market.usual_lots:
            buys, size = lots < 0, self._chance.between(1, 3) * market.usual_lots
        else:
            return None
        if not self._may(market, buys, turn):
            return None
        best = market.ask_ticks if buys else market.bid_ticks
        reach = self._chance.below(2 * stirs + 1)
        price = best + reach if buys else max(1, best - reach)
        return Place(self.account.name, market.symbol, number, Kind.TAKING, buys, price, size)

    def _may(self, market: Market, buys: bool, turn: int) -> bool:
        return self.account.may(market.symbol, buys=buys, bound=BOUND * market.usual_lots, turn=turn)
