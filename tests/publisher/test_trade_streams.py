"""The streams that are made of trades: aggregates, candles and statistics, when they come and what they say."""

from __future__ import annotations

from typing import Any

import pytest

from lockstep.procs.publisher.feed import EVERYTHING, Feed
from lockstep.procs.publisher.kinds import Cadence, Kind
from tests.publisher.exchange import BUY, SELL, START_NS
from tests.publisher.harness import client, receive, run, serving
from tests.publisher.test_feed import latest, live_feed, messages, sent
from tests.publisher.test_statistics import S, set_clock
from tests.publisher.trading import Trading

MINUTE = 60 * S
BEGIN = START_NS // MINUTE * MINUTE + MINUTE  # of the first whole minute
INTERVALS = [Kind(Kind.KLINE_1S + place) for place in range(32)]
OF_WINDOWS = [(Kind.TICKER_1H, Kind.ALL_TICKER_1H, 60), (Kind.TICKER_4H, Kind.ALL_TICKER_4H, 240)]
OF_WINDOWS += [(Kind.TICKER_1D, Kind.ALL_TICKER_1D, 1440)]


def at(exchange: Trading, time_ns: int) -> None:
    exchange.now_ns = BEGIN + time_ns - 2  # two commands make a trade


def tick(feed: Feed, cadence: Cadence = Cadence.MS_2000) -> None:
    feed.poll()
    feed.tick(cadence)


def all_of(feed: Feed, kind: Kind = Kind.ALL_TICKER) -> Any:
    pending = feed.pending()
    if (EVERYTHING, kind) not in pending:
        return None
    (found,) = messages(feed.take(EVERYTHING, kind))
    feed.clear(EVERYTHING, kind)
    return found


def test_an_aggregate_is_what_one_taker_took_at_one_price() -> None:
    exchange = Trading()
    feed = live_feed(exchange, Kind.AGG_TRADE, Kind.TRADE)
    exchange.sweep(BUY, {100: [1, 2], 101: [3]})
    exchange.trade(SELL, 99, 4)
    feed.poll()
    ids = [trade["t"] for trade in sent(feed, Kind.TRADE)]
    told = sent(feed, Kind.AGG_TRADE)
    assert [(each["a"], each["f"], each["l"], each["p"], each["q"], each["m"]) for each in told] == [
        (ids[0], ids[0], ids[1], "1.00000000", "0.00030000", False),
        (ids[2], ids[2], ids[2], "1.01000000", "0.00030000", False),
        (ids[3], ids[3], ids[3], "0.99000000", "0.00040000", True),
    ]
    assert list(told[0]) == ["e", "E", "s", "a", "p", "q", "f", "l", "T", "m", "M"]


def test_an_aggregate_is_told_when_its_command_is_complete_and_not_before() -> None:
    exchange = Trading()
    feed = live_feed(exchange, Kind.AGG_TRADE)
    exchange.trade(BUY, 100, 1, 1)
    exchange.emitting = False
    for _ in range(3):
        exchange.new(SELL, 100, 2)
        for record in exchange.records:
            exchange.put(record)
        exchange.finish()
    exchange.new(BUY, 100, 6)
    for record in exchange.records[:-1]:
        exchange.put(record)
    feed.poll()
    assert len(sent(feed, Kind.AGG_TRADE)) == 1
    exchange.put(exchange.records[-1])
    exchange.finish()
    feed.poll()
    assert [each["q"] for each in sent(feed, Kind.AGG_TRADE)] == ["0.00060000"]


def test_a_candle_goes_on_and_ends_with_its_time() -> None:
    exchange = Trading()
    feed = live_feed(exchange, Kind.KLINE_1MIN)
    at(exchange, 0)
    exchange.trade(BUY, 100, 5)
    tick(feed)
    first = exchange.trades[0].id
    assert sent(feed, Kind.KLINE_1MIN) == [
        {
            "e": "kline", "E": BEGIN // 10**6, "s": "BTCUSDT",
            "k": {
                "t": BEGIN // 10**6, "T": BEGIN // 10**6 + 59_999, "s": "BTCUSDT", "i": "1m", "f": first, "L": first,
                "o": "1.00000000", "c": "1.00000000", "h": "1.00000000", "l": "1.00000000", "v": "0.00050000", "n": 1,
                "x": False, "q": "0.00050000", "V": "0.00050000", "Q": "0.00050000", "B": "0",
            },
        }
    ]  # fmt: skip
    tick(feed)
    assert sent(feed, Kind.KLINE_1MIN) == [], "nothing changed"
    at(exchange, MINUTE)
    exchange.trade(SELL, 90, 1)
    tick(feed)
    told = [(each["k"]["t"], each["k"]["x"], each["k"]["c"], each["k"]["n"]) for each in sent(feed, Kind.KLINE_1MIN)]
    assert told == [
        (BEGIN // 10**6, True, "1.00000000", 1), (BEGIN // 10**6 + 60_000, False, "0.90000000", 1),
    ]  # fmt: skip


def test_a_quiet_interval_is_flat_and_never_missing() -> None:
    exchange = Trading()
    feed = live_feed(exchange, Kind.KLINE_1MIN)
    at(exchange, 0)
    exchange.trade(BUY, 100, 5)
    tick(feed)
    sent(feed, Kind.KLINE_1MIN)
    set_clock(feed, exchange, BEGIN + 3 * MINUTE - 1)
    tick(feed, Cadence.MS_100)
    told = sent(feed, Kind.KLINE_1MIN)
    assert [(each["k"]["t"] - BEGIN // 10**6, each["k"]["x"]) for each in told] == [(0, True), (60_000, True)]
    flat = told[1]["k"]
    assert (flat["o"], flat["h"], flat["l"], flat["c"]) == ("1.00000000",) * 4
    assert (flat["v"], flat["n"], flat["f"], flat["L"]) == ("0.00000000", 0, -1, -1)
    set_clock(feed, exchange, BEGIN + 3 * MINUTE)
    tick(feed, Cadence.MS_100)
    assert [each["k"]["t"] - BEGIN // 10**6 for each in sent(feed, Kind.KLINE_1MIN)] == [120_000]


def test_before_the_first_trade_time_tells_nothing_of_candles() -> None:
    exchange = Trading()
    feed = live_feed(exchange, *INTERVALS)
    exchange.new(BUY, 100, 5)
    exchange.finish()
    for passed in (MINUTE, 3 * MINUTE):
        set_clock(feed, exchange, BEGIN + passed)
        tick(feed, Cadence.MS_1000)
        assert [feed.take(1, kind) for kind in INTERVALS] == [b""] * len(INTERVALS)


def test_the_wall_clock_alone_ends_no_candle() -> None:
    exchange = Trading()
    feed = live_feed(exchange, *INTERVALS)
    exchange.trade(BUY, 100, 5)
    tick(feed)
    tick(feed, Cadence.MS_1000)
    for kind in INTERVALS:
        sent(feed, kind)
    for _ in range(100):
        tick(feed)
        tick(feed, Cadence.MS_1000)
    assert [sent(feed, kind) for kind in INTERVALS] == [[] for _ in INTERVALS]


@pytest.mark.parametrize("kind", INTERVALS)
def test_every_interval_begins_with_the_candle_under_way(kind: Kind) -> None:
    exchange = Trading()
    feed = live_feed(exchange)
    feed.want(1, kind, True)
    assert latest(feed, kind) is None, "nothing was traded yet"
    exchange.trade(BUY, 100, 5)
    feed.poll()
    told = latest(feed, kind)["k"]
    assert (told["n"], told["x"]) == (1, False)
    feed.want(1, kind + Kind.TRADE_US, True)
    in_us = latest(feed, Kind(kind + Kind.TRADE_US))["k"]
    assert in_us["t"] == told["t"] * 1000
    assert in_us["T"] == told["T"] * 1000 + 999


def test_statistics_come_when_they_change_and_when_the_window_loses_something() -> None:
    exchange = Trading()
    feed = live_feed(exchange, Kind.TICKER, Kind.MINI_TICKER, Kind.AVG_PRICE)
    at(exchange, 0)
    exchange.trade(BUY, 100, 5)
    tick(feed, Cadence.MS_1000)
    (ticker,) = sent(feed, Kind.TICKER)
    assert (ticker["e"], ticker["n"], ticker["c"]) == ("24hrTicker", 1, "1.00000000")
    assert list(ticker) == [*"eEspPwxcQbBaAohlvqOCFLn"]
    (mini,) = sent(feed, Kind.MINI_TICKER)
    assert list(mini) == [*"eEscohlvq"]
    assert mini["e"] == "24hrMiniTicker"
    (average,) = sent(feed, Kind.AVG_PRICE)
    assert (average["e"], average["i"], average["w"], average["T"]) == (
        "avgPrice", "5m", "1.00000000", BEGIN // 10**6,
    )  # fmt: skip
    tick(feed, Cadence.MS_1000)
    assert [sent(feed, kind) for kind in (Kind.TICKER, Kind.MINI_TICKER, Kind.AVG_PRICE)] == [[], [], []]
    exchange.new(BUY, 50, 1)
    tick(feed, Cadence.MS_1000)
    assert [each["b"] for each in sent(feed, Kind.TICKER)] == ["0.50000000"]
    assert sent(feed, Kind.MINI_TICKER) == []
    set_clock(feed, exchange, BEGIN + 300 * S)
    tick(feed, Cadence.MS_1000)
    assert len(sent(feed, Kind.AVG_PRICE)) == 1
    assert sent(feed, Kind.MINI_TICKER) == []
    set_clock(feed, exchange, BEGIN + 1440 * MINUTE)
    tick(feed, Cadence.MS_1000)
    assert [each["v"] for each in sent(feed, Kind.MINI_TICKER)] == ["0.00000000"]


@pytest.mark.parametrize(("kind", "of_all", "minutes"), OF_WINDOWS)
def test_a_window_is_told_when_it_gains_or_loses(kind: Kind, of_all: Kind, minutes: int) -> None:
    exchange = Trading()
    in_us = Kind(kind + Kind.TRADE_US)
    feed = live_feed(exchange, kind, in_us)
    feed.want(EVERYTHING, of_all, True)
    at(exchange, 59 * S)
    exchange.trade(BUY, 100, 5)
    tick(feed, Cadence.MS_1000)
    (ticker,) = sent(feed, kind)
    assert list(ticker) == [*"eEspPohlcwvqOCFLn"]
    assert (ticker["e"], ticker["n"], ticker["c"]) == (f"{kind.name[-2:].lower()}Ticker", 1, "1.00000000")
    assert all_of(feed, of_all) == [ticker]
    assert [each["O"] for each in sent(feed, in_us)] == [ticker["O"] * 1000]
    exchange.new(BUY, 50, 1)
    for passed, told in ((1, 0), (minutes, 0), (minutes + 1, 1), (minutes + 2, 0), (3 * minutes, 0)):
        set_clock(feed, exchange, BEGIN + passed * MINUTE)
        tick(feed, Cadence.MS_1000)
        found = sent(feed, kind)
        assert [(each["n"], each["v"], each["o"]) for each in found] == [(0, "0.00000000", "1.00000000")] * told
        assert all_of(feed, of_all) == (found or None)
    assert feed.pending() == []


def test_a_day_by_clocks_ahead_ends_at_four_in_the_afternoon() -> None:
    exchange = Trading()
    feed = live_feed(exchange, Kind.KLINE_1D_AHEAD, Kind.KLINE_8H_AHEAD)
    midnight = START_NS // (86400 * S) * 86400 * S
    exchange.now_ns = midnight + 15 * 3600 * S
    exchange.trade(BUY, 100, 5)
    tick(feed)
    sent(feed, Kind.KLINE_1D_AHEAD)
    exchange.now_ns = midnight + 16 * 3600 * S
    exchange.trade(BUY, 102, 5)
    tick(feed)
    told = [each["k"] for each in sent(feed, Kind.KLINE_1D_AHEAD)]
    assert [(each["t"] - midnight // 10**6, each["x"], each["c"], each["n"]) for each in told] == [
        (-8 * 3_600_000, True, "1.00000000", 1), (16 * 3_600_000, False, "1.02000000", 1),
    ]  # fmt: skip
    assert told[0]["T"] == told[1]["t"] - 1
    assert [each["k"]["o"] for each in sent(feed, Kind.KLINE_8H_AHEAD)][-1] == "1.02000000"


def test_of_all_instruments_only_those_that_changed() -> None:
    exchange = Trading()
    feed = live_feed(exchange)
    exchange.list_instrument(2, b"ETHUSDT")
    exchange.trade(BUY, 100, 5)
    feed.poll()
    for kind in (Kind.ALL_TICKER, Kind.ALL_MINI_TICKER):
        feed.want(EVERYTHING, kind, True)
    tick(feed, Cadence.MS_1000)
    assert all_of(feed) is None, "nothing changed since somebody wanted it"
    exchange.trade(BUY, 101, 5)
    tick(feed, Cadence.MS_1000)
    assert [(each["e"], each["s"], each["c"]) for each in all_of(feed)] == [("24hrTicker", "BTCUSDT", "1.01000000")]
    assert [each["e"] for each in all_of(feed, Kind.ALL_MINI_TICKER)] == ["24hrMiniTicker"]
    exchange.new(SELL, 50, 1, instrument=2)
    tick(feed, Cadence.MS_1000)
    assert [each["s"] for each in all_of(feed)] == ["ETHUSDT"]
    assert all_of(feed, Kind.ALL_MINI_TICKER) is None, "a book changes no statistics"


def test_a_bust_is_seen_in_the_next_messages() -> None:
    exchange = Trading()
    feed = live_feed(exchange, Kind.KLINE_1H, Kind.TICKER)
    exchange.trade(BUY, 100, 5)
    exchange.trade(BUY, 200, 5)
    tick(feed)
    assert sent(feed, Kind.KLINE_1H)[-1]["k"]["h"] == "2.00000000"
    exchange.correct(exchange.trades[1], 0)
    tick(feed)
    tick(feed, Cadence.MS_1000)
    told = sent(feed, Kind.KLINE_1H)[-1]["k"]
    assert (told["h"], told["c"], told["n"]) == ("1.00000000", "1.00000000", 1)
    assert sent(feed, Kind.TICKER)[-1]["c"] == "1.00000000"


def test_clients_get_them_by_their_names() -> None:
    async def scenario() -> None:
        exchange = Trading()
        exchange.list_instrument()
        names = ["btcusdt@aggTrade", "btcusdt@kline_1s", "btcusdt@kline_1M", "btcusdt@ticker", "btcusdt@miniTicker"]
        names += ["!ticker@arr", "!miniTicker@arr", "btcusdt@avgPrice"]
        async with (
            serving(exchange) as running,
            client(running, f"/stream?streams={'/'.join(names)}") as connection,
        ):
            for _ in range(3):  # statistics begin as they are
                await receive(connection)
            exchange.trade(BUY, 100, 5)
            told: dict[str, Any] = {}
            while len(told) < len(names):
                message = await receive(connection)
                told[message["stream"]] = message["data"]
            assert told["btcusdt@kline_1M"]["k"]["i"] == "1M"
            assert told["!ticker@arr"][0]["s"] == "BTCUSDT"

    run(scenario())


def test_after_a_long_time_without_any_clock_the_last_thousand_are_told() -> None:
    exchange = Trading()
    feed = live_feed(exchange, Kind.KLINE_1S)
    exchange.trade(BUY, 100, 5)
    tick(feed, Cadence.MS_1000)
    sent(feed, Kind.KLINE_1S)
    set_clock(feed, exchange, BEGIN + 1_000_000 * S)
    tick(feed, Cadence.MS_100)
    told = [each["k"]["t"] for each in sent(feed, Kind.KLINE_1S)]
    last = BEGIN // 10**6 + 10**9
    assert told == list(range(last - 1_000_000, last, 1000))
