"""A slow and obvious exchange that the population's decisions are played against: price-time books, stops, no money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lockstep.cli.demo.population.population import Population, Traders
from lockstep.cli.demo.population.words import (
    Accepted,
    Cancel,
    Ended,
    Event,
    Filled,
    Joined,
    Kept,
    Kind,
    Listed,
    Move,
    Moved,
    Place,
    Quoted,
    Request,
    Traded,
)  # fmt: skip

MAKERS, NOISE, TRENDS = ("MAKER1", "MAKER2", "MAKER3"), ("NOISE1", "NOISE2"), ("TREND1",)
LISTED = (
    Listed("BTCUSDT", 6_000_000, 6_000_000, 333),
    Listed("ETHUSDT", 300_000, 300_000, 6_666),
    Listed("SOLUSDT", 15_000, 15_000, 133_333),
)


@dataclass(eq=False)
class Open:
    """An order that rests, or a stop that waits."""

    account: str
    symbol: str
    number: int
    kind: Kind
    buys: bool
    price_ticks: int
    left: int = 0
    filled: int = 0


class Exchange:
    """Its answers come with the next turn."""

    def __init__(self) -> None:
        self.sides: defaultdict[tuple[str, bool], list[Open]] = defaultdict(list)  # by symbol and whether they buy
        self.stops: list[Open] = []
        self.answers: list[Event] = []
        self.trades: list[tuple[str, int, int]] = []  # symbol, price, lots
        self._last: dict[str, int] = {}

    def best(self, symbol: str, *, buys: bool) -> int:
        """The best price of a side; 0 without one."""
        prices = [each.price_ticks for each in self.sides[symbol, buys]]
        return (max(prices) if buys else min(prices)) if prices else 0

    def take(self, request: Request) -> None:
        """Do what is asked for."""
        if isinstance(request, Place):
            order = Open(*(getattr(request, name) for name in Open.__annotations__ if name not in ("left", "filled")))
            order.left = request.lots
            self.answers.append(Accepted(order.account, order.number))
            self.stops.append(order) if order.kind is Kind.STOP else self._enter(order)
        else:
            self._change(request)
        while due := next(filter(self._is_due, self.stops), None):
            self.stops.remove(due)
            self._enter(due)

    def _change(self, request: Move | Cancel) -> None:
        side = self.sides[request.symbol, request.buys]
        order = next((each for each in (*side, *self.stops) if each.number == request.of), None)
        if order is None:
            self.answers.append(Kept(request.account, request.of))
            return
        (side if order in side else self.stops).remove(order)
        if isinstance(request, Cancel):
            self.answers.append(Ended(order.account, order.number))
            return
        self.answers.append(Moved(order.account, order.number, request.number))
        order.number, order.price_ticks, order.left = request.number, request.price_ticks, request.lots - order.filled
        self._enter(order)

    def _enter(self, order: Open) -> None:
        against = self.best(order.symbol, buys=not order.buys)
        if order.kind is not Kind.QUOTE or not against or not _reaches(order, against):
            self._trade(order)
            if order.left > 0 and order.kind in (Kind.QUOTE, Kind.RESTING):
                self.sides[order.symbol, order.buys].append(order)
                return
        self.answers.append(Ended(order.account, order.number))

    def _trade(self, order: Open) -> None:
        side = self.sides[order.symbol, not order.buys]
        while order.left > 0 and side and _reaches(order, price := self.best(order.symbol, buys=not order.buys)):
            other = next(each for each in side if each.price_ticks == price)
            lots = min(order.left, other.left)
            for each in (other, order):
                each.left -= lots
                each.filled += lots
                self.answers.append(Filled(each.account, each.number, lots))
            self.trades.append((order.symbol, price, lots))
            self._last[order.symbol] = price
            self.answers.append(Traded(order.symbol, price))
            if not other.left:
                side.remove(other)
                self.answers.append(Ended(other.account, other.number))

    def _is_due(self, stop: Open) -> bool:
        last = self._last.get(stop.symbol)
        return last is not None and (last >= stop.price_ticks if stop.buys else last <= stop.price_ticks)


def _reaches(order: Open, price: int) -> bool:
    if order.kind in (Kind.MARKET, Kind.STOP):
        return True
    return order.price_ticks >= price if order.buys else order.price_ticks <= price


@dataclass
class Played:
    """A population on its exchange, some turns later."""

    population: Population
    exchange: Exchange
    requests: list[Request]
    mids: dict[str, list[tuple[int, int]]]


def play(
    turns: int, seed: int = 1, rate: int = 60, listed: Sequence[Listed] = LISTED, others: Iterable[Request] = ()
) -> Played:
    """What a population has done after so many turns; `others` send a request each turn."""
    population = Population(seed, rate, listed, Traders(MAKERS, NOISE, TRENDS))
    exchange, requests = Exchange(), []
    strangers = iter(others)
    none = {each.symbol: 0 for each in listed}
    exchange.answers += [Joined(name, none) for name in population.accounts]
    mids: dict[str, list[tuple[int, int]]] = {each.symbol: [] for each in listed}
    for _ in range(turns):
        heard, exchange.answers = exchange.answers, []
        for symbol in none:
            bid, ask = exchange.best(symbol, buys=True), exchange.best(symbol, buys=False)
            heard.append(Quoted(symbol, bid, ask))
            mids[symbol].append((bid, ask))
        sent = population.turn(each for each in heard if getattr(each, "account", "MAKER1") in population.accounts)
        requests += sent
        for request in sent:
            exchange.take(request)
        stranger = next(strangers, None)
        if stranger is not None:
            exchange.take(stranger)
    return Played(population, exchange, requests, mids)
