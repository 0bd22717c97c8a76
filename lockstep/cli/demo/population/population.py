"""The population as a whole: turn by turn it hears what has happened, and says what its accounts send."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from lockstep.cli.demo.population.account import Account
from lockstep.cli.demo.population.chance import Chance
from lockstep.cli.demo.population.maker import LEVELS, Maker
from lockstep.cli.demo.population.market import Market
from lockstep.cli.demo.population.noise import Noise
from lockstep.cli.demo.population.trend import Trend
from lockstep.cli.demo.population.words import Event, Listed, Opened, Quoted, Request, Traded

TURNS_A_SECOND = 10
TAKES, FOLLOWS = 18, 6  # of a hundred requests that are sent; makers send the rest
HUNDRED = 100
AT_FIRST = 6  # times the rate, while makers lack most of their orders: a market is there at once


class Traders(NamedTuple):
    """The accounts of a population, by what they do."""

    makers: Sequence[str]
    noise: Sequence[str]
    trends: Sequence[str]


class Population:
    """`rate` requests a second, at most, of these traders, once books are filled."""

    def __init__(self, seed: int, rate: int, listed: Sequence[Listed], traders: Traders) -> None:
        symbols = [each.symbol for each in listed]
        self.accounts = {name: Account(name, symbols) for name in chain(*traders)}
        self.markets = {each.symbol: Market(each, Chance(f"{seed} {each.symbol}")) for each in listed}
        self._chance = Chance(f"{seed}")
        markets = list(self.markets.values())
        self._makers = [
            [
                Maker(self.accounts[name], market, Chance(f"{seed} {name} {market.symbol}"), shyness)
                for shyness, name in enumerate(traders.makers)
            ]
            for market in markets
        ]
        self._noise = [Noise(self.accounts[name], markets, Chance(f"{seed} {name}")) for name in traders.noise]
        self._trends = [Trend(self.accounts[name], markets, Chance(f"{seed} {name}")) for name in traders.trends]
        self._rate = rate
        self._turn = 0
        self._number = 0
        self._credit = 0  # requests that makers may send now, in parts of HUNDRED * TURNS_A_SECOND

    def turn(self, events: Iterable[Event]) -> list[Request]:
        """A tenth of a second passes, in which this has happened. Returns what is sent now, in this order."""
        self._turn += 1
        for event in events:
            if isinstance(event, Quoted | Traded | Opened):
                if event.symbol in self.markets:
                    self.markets[event.symbol].hears(event)
            else:
                self.accounts[event.account].hears(event, self._turn)
        for market in self.markets.values():
            market.step()
        return [*self._make(), *self._take(self._noise, TAKES), *self._take(self._trends, FOLLOWS)]

    def _make(self) -> list[Request]:
        """Makers' requests: one market after the other, in each what is worst first."""
        whole = HUNDRED * TURNS_A_SECOND
        pace = self._rate * (HUNDRED - TAKES - FOLLOWS)
        gain = pace * (AT_FIRST if self._lacks_most() else 1)
        self._credit = min(self._credit + gain, max(whole, gain))
        sent: list[Request] = []
        idle = 0
        while self._credit >= whole and idle < len(self._makers):
            self._makers.append(self._makers.pop(0))
            request = self._quote(self._makers[-1])
            idle = 0 if request else idle + 1
            if request is not None:
                sent.append(request)
                self._credit -= whole
        return sent

    def _quote(self, makers: Sequence[Maker]) -> Request | None:
        """What is worst of one market's quotes, mended."""
        wishes = [(wish, maker) for maker in makers if (wish := maker.wish(self._turn)) is not None]
        if not wishes:
            return None
        wish, maker = max(wishes, key=lambda each: each[0].badness)
        request = maker.carry_out(wish, self._number + 1)
        return request and self._say(maker.account, request)

    def _take(self, takers: Sequence[Noise] | Sequence[Trend], share: int) -> list[Request]:
        """What takers of a kind send: their share of the rate on average, at random moments."""
        sent: list[Request] = []
        if not takers:
            return sent
        throws = 1 + self._rate * share // (HUNDRED * TURNS_A_SECOND)
        for _ in range(throws):
            taker = takers[self._chance.below(len(takers))]
            if self._chance.below(throws * HUNDRED * TURNS_A_SECOND) < self._rate * share:
                request = taker.act(self._number + 1, self._turn)
                if request is not None:
                    sent.append(self._say(taker.account, request))
        return sent

    def _say(self, account: Account, request: Request) -> Request:
        self._number += 1
        return account.says(request, self._turn)

    def _lacks_most(self) -> bool:
        """Whether makers that are there have less than half of their orders."""
        there = [maker for makers in self._makers for maker in makers if not maker.account.away]
        orders = sum(len(account.orders) for account in {id(each.account): each.account for each in there}.values())
        return orders < len(there) * LEVELS
