"""What the population decides: repeatable, never against itself, within its bounds, and a market to look at."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.cli.demo.population import maker, noise, trend
from lockstep.cli.demo.population.account import REST_TURNS
from lockstep.cli.demo.population.chance import Chance
from lockstep.cli.demo.population.population import TURNS_A_SECOND, Population, Traders
from lockstep.cli.demo.population.walk import FINE, Walk
from lockstep.cli.demo.population.words import (
    Accepted,
    Ended,
    Event,
    Filled,
    Joined,
    Kept,
    Kind,
    Left,
    Move,
    Moved,
    Opened,
    Place,
    Quoted,
    Request,
    Traded,
)
from tests.cli.demo.exchange import LISTED, MAKERS, NOISE, TRENDS, play

MINUTE = 60 * TURNS_A_SECOND
NONE = {each.symbol: 0 for each in LISTED}


def joined(rate: int = 60) -> Population:
    """One whose accounts are all there."""
    population = Population(1, rate, LISTED, Traders(MAKERS, NOISE, TRENDS))
    population.turn([Joined(name, NONE) for name in population.accounts])
    return population


def test_the_same_seed_and_market_data_give_the_same_orders() -> None:
    first = play(MINUTE // 4)
    assert first.requests == play(MINUTE // 4).requests
    assert first.requests != play(MINUTE // 4, seed=2).requests
    stranger = Place("SOMEBODY", "ETHUSDT", 1, Kind.MARKET, True, 0, 10**7)
    assert first.requests != play(MINUTE // 4, others=[stranger]).requests


def test_a_market_is_there_within_two_seconds_and_trades_in_every_symbol() -> None:
    played = play(MINUTE)
    for symbol, quotes in played.mids.items():
        afterwards = quotes[2 * TURNS_A_SECOND :]
        assert sum(bid > 0 and ask > 0 for bid, ask in afterwards) > 0.99 * len(afterwards)
        assert all(bid < ask for bid, ask in quotes if bid and ask)
        spreads = sorted(ask - bid for bid, ask in afterwards if bid and ask)
        assert spreads[len(spreads) // 2] <= 10
        sizes = {lots for traded, _, lots in played.exchange.trades if traded == symbol}
        prices = {price for traded, price, _ in played.exchange.trades if traded == symbol}
        assert len(sizes) > 50
        assert len(prices) > 5
        sides = (played.exchange.sides[symbol, buys] for buys in (True, False))
        assert min(len({each.price_ticks for each in side}) for side in sides) > 5
    assert len(played.exchange.trades) > 3 * 60


def test_large_hidden_and_stop_orders_come_now_and_then() -> None:
    played = play(MINUTE // 2, rate=300)
    placed = [each for each in played.requests if isinstance(each, Place)]
    assert any(each.display_lots and each.lots >= trend.HIDDEN[0] * each.display_lots for each in placed)
    assert sum(each.kind is Kind.STOP for each in placed) > trend.STOPS
    usual = {each.symbol: each.usual_lots for each in LISTED}
    assert any(each.account in NOISE and each.lots >= noise.LARGE[0] * usual[each.symbol] for each in placed)


@pytest.mark.parametrize("rate", [5, 60, 300])
def test_the_rate_is_kept_once_the_makers_are_there(rate: int) -> None:
    settled, seconds = 10, 6
    whole = play((settled + seconds) * TURNS_A_SECOND, rate=rate).requests
    before = play(settled * TURNS_A_SECOND, rate=rate).requests
    assert whole[: len(before)] == before
    assert len(whole) - len(before) <= 1.2 * rate * seconds


def everything(side: bool) -> Iterator[Request]:
    """A stranger who takes all that there is of one side, again and again."""
    for number in itertools.count(1):
        yield Place("SOMEBODY", LISTED[number % len(LISTED)].symbol, number, Kind.MARKET, side, 0, 10**12)


@pytest.mark.parametrize("side", [True, False])
def test_what_each_account_has_stays_within_bounds_whatever_others_do(side: bool, monkeypatch: Any) -> None:
    """An order that was sent below the bound may go beyond it: a maker's on all its levels, a large one by its size."""
    monkeypatch.setattr(maker, "BOUND", 150)
    monkeypatch.setattr(noise, "BOUND", 150)
    bounds = dict.fromkeys(MAKERS, 400) | dict.fromkeys(NOISE, 2 * 150) | dict.fromkeys(TRENDS, trend.BOUND + 60)
    played = play(400, others=everything(side))
    for name, account in played.population.accounts.items():
        for listed in LISTED:
            assert abs(account.lots[listed.symbol]) <= bounds[name] * listed.usual_lots
    held = [played.population.accounts[name].lots[each.symbol] // each.usual_lots for name in MAKERS for each in LISTED]
    assert all(abs(each) >= 150 for each in held)


def test_what_makers_have_comes_back() -> None:
    """One that has more quotes lower, and so sells more."""
    population = joined()
    population.turn([Joined("MAKER1", NONE | {"BTCUSDT": maker.BOUND * 333 // 2})])
    first, second, _ = population._makers[0]
    market = population.markets["BTCUSDT"]
    assert {each.symbol for each in (first._market, second._market)} == {market.symbol}
    assert first.centre() < second.centre() == market.fair_ticks


BTC = LISTED[:1]
Prices = st.integers(5_990_000, 6_010_000)
Some = st.one_of(
    st.none(),
    st.builds(Quoted, st.just("BTCUSDT"), Prices | st.just(0), Prices | st.just(0)),
    st.builds(Traded, st.just("BTCUSDT"), Prices),
    st.builds(Opened, st.just("BTCUSDT"), st.booleans()),
    st.builds(Left, st.sampled_from(MAKERS)),
    st.builds(Joined, st.sampled_from(MAKERS), st.just({"BTCUSDT": 0})),
)
Answers = st.sampled_from(["taken", "filled", "partly filled", "refused", "kept", "lost"])


def answer(request: Request, how: str) -> list[Event]:
    account, number = request.account, request.number
    if isinstance(request, Place):
        lots = request.lots if how == "filled" else request.lots // 2
        done: list[Event] = [Accepted(account, number)]
        if "filled" in how and lots:
            done.append(Filled(account, number, lots))
        return [Ended(account, number, refused=how == "refused")] if how in ("refused", "filled", "kept") else done
    if how == "kept":
        return [Kept(account, request.of, refused=True)]
    if isinstance(request, Move) and how != "refused":
        return [Moved(account, request.of, number)]
    return [Ended(account, request.of)]


class Leaps(Walk):
    """A walk that goes where it is told to."""

    def step(self) -> None:
        """It goes nowhere by itself."""

    def leap(self, ticks: int) -> None:
        self._at = ticks * FINE


@settings(max_examples=50)
@given(st.lists(st.tuples(Some, Answers, Prices), min_size=10, max_size=40))
def test_no_account_offers_to_trade_with_itself_whatever_it_hears(turns: list[tuple[Event | None, str, int]]) -> None:
    population = Population(1, 200, BTC, Traders(MAKERS, NOISE, TRENDS))
    walk = population.markets["BTCUSDT"]._walk = Leaps(6_000_000, 6_000_000, Chance("leaps"))
    answers: list[Event] = [Joined(name, {"BTCUSDT": 0}) for name in population.accounts]
    for event, how, worth in turns:
        walk.leap(worth)
        requests = population.turn([*([event] if event else []), *answers])
        answers = [] if how == "lost" else [each for request in requests for each in answer(request, how)]
        for name in MAKERS:
            quotes = list(population.accounts[name].of("BTCUSDT", Kind.QUOTE))
            bids = [price for each in quotes if each.buys for price in (each.ticks, each.next_ticks)]
            asks = [price for each in quotes if not each.buys for price in (each.ticks, each.next_ticks)]
            assert not bids or not asks or max(bids) < min(asks)
            assert all(price > 0 for price in bids + asks)


def test_nothing_is_sent_where_a_market_is_not_open() -> None:
    population = joined()
    closed = [Opened(symbol, trades=False) for symbol in NONE if symbol != "ETHUSDT"]
    requests = [each for _ in range(100) for each in population.turn(closed)]
    assert {each.symbol for each in requests} == {"ETHUSDT"}
    assert all(not population.turn([Opened(symbol, trades=False) for symbol in NONE]) for _ in range(50))


def test_for_an_auction_orders_gather_on_one_side() -> None:
    population = joined(rate=300)
    market = population.markets["ETHUSDT"]
    calls = [Opened(symbol, trades=False, collects=symbol == "ETHUSDT") for symbol in NONE]
    requests = [each for _ in range(100) for each in population.turn(calls)]
    assert len(requests) == trend.GATHERED
    for each in requests:
        assert isinstance(each, Place)
        assert (each.account, each.symbol, each.kind, each.buys) == ("TREND1", "ETHUSDT", Kind.RESTING, False)
        assert market.fair_ticks - market.fair_ticks // trend.GATHERS <= each.price_ticks <= market.fair_ticks


def test_who_is_away_sends_nothing_and_begins_without_orders() -> None:
    population = joined()
    assert any(each.account == "MAKER1" for _ in range(5) for each in population.turn([]))
    population.turn([Left("MAKER1")])
    assert all(each.account != "MAKER1" for _ in range(20) for each in population.turn([]))
    numbers = set(population.accounts["MAKER1"].orders)
    requests = population.turn([Joined("MAKER1", NONE)]) + population.turn([])
    assert all(isinstance(each, Place) for each in requests if each.account == "MAKER1")
    assert numbers
    assert not numbers & set(population.accounts["MAKER1"].orders)


def test_a_refused_side_rests_for_a_while() -> None:
    population = joined()
    account = population.accounts["MAKER1"]
    turn = population._turn
    requests = [each for _ in range(3) for each in population.turn([]) if each.account == "MAKER1"]
    refused = next(each for each in requests if isinstance(each, Place) and each.symbol == "BTCUSDT" and each.buys)
    heard: list[Event] = [Ended("MAKER1", refused.number, refused=True)]
    while population._turn < turn + REST_TURNS:
        sent = population.turn(heard)
        heard = []
        assert not any(
            isinstance(each, Place) and each.buys and each.symbol == "BTCUSDT"
            for each in sent
            if each.account == "MAKER1"
        )
    assert not account.may("SOLUSDT", buys=True, bound=0, turn=10**9)
    assert any(each.account == "MAKER1" for _ in range(20) for each in population.turn([]))


def test_a_walk_has_calm_and_wild_times_and_comes_home() -> None:
    walk = Walk(3_000_000, 6_000_000, Chance("far from home"))
    assert walk.ticks == 3_000_000
    path = []
    for _ in range(100_000):
        walk.step()
        path.append(walk.ticks)
    assert path[-1] > 3_150_000
    assert all(price > 0 for price in path)
    widths = [max(path[at : at + 100]) - min(path[at : at + 100]) for at in range(0, len(path), 100)]
    assert max(widths) > 5 * sorted(widths)[len(widths) // 10]


def test_a_walk_never_reaches_zero() -> None:
    walk = Walk(1, 1, Chance("small"))
    for _ in range(10_000):
        walk.step()
        assert walk.ticks >= 1


@given(st.integers(1, 10**6), st.integers(0, 10**9))
def test_chance_stays_within_what_was_asked(bound: int, seed: int) -> None:
    chance = Chance(f"{seed}")
    assert all(0 <= chance.below(bound) < bound for _ in range(20))
    assert all(-bound <= chance.swing(bound) <= bound for _ in range(20))
    assert all(0 <= chance.doublings(4) <= 4 for _ in range(20))
