"""Trades, aggregates, candles and statistics are what the slow twin makes of the same trades, wherever it restarts."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.core.tables.saved import Saver
from lockstep.procs.publisher import answers
from lockstep.procs.publisher.candles import NAMES as INTERVALS
from lockstep.procs.publisher.feed import Feed
from lockstep.procs.publisher.kinds import Kind
from lockstep.shm.board import Board
from tests.models import market_data as twin
from tests.publisher.exchange import BUY, SELL, START_NS
from tests.publisher.test_feed import latest, live_feed
from tests.publisher.test_snapshots import loaded, saved
from tests.publisher.trading import Trading

S = 10**9
AHEAD_S = 8 * 3600
WINDOWS = {Kind.TICKER_1H: 60, Kind.TICKER_4H: 240, Kind.TICKER_1D: 1440}  # in minutes
WINDOW_FIELDS = {
    "s": "symbol", "p": "priceChange", "P": "priceChangePercent", "o": "openPrice", "h": "highPrice", "l": "lowPrice",
    "c": "lastPrice", "w": "weightedAvgPrice", "v": "volume", "q": "quoteVolume", "O": "openTime", "C": "closeTime",
    "F": "firstId", "L": "lastId", "n": "count",
}  # fmt: skip
ROUTER_SLOT = 3
ZONES = (480, -60, -210, 345, 840, -720)  # minutes that clocks are ahead of UTC


def beat(board: Board, at_ns: int) -> None:
    """The router shows a heartbeat, the monotonic clock being the log's time."""
    board.show_health(
        ROUTER_SLOT,
        {"heartbeat_ns": at_ns, "pid": 1, "work": 0, "rounds": 0, "state": 2, "started_ns": 0, "blocked": 0},
    )


def set_clock(feed: Feed, exchange: Trading, at_ns: int) -> None:
    """Nothing earlier than that can come any more, and the feed is told."""
    exchange.now_ns = at_ns
    exchange.board.set(3, exchange.cause)  # LOG_END
    feed.follow_clock(ROUTER_SLOT, 0)
    beat(exchange.board, at_ns)
    while feed.poll():  # a poll takes no event behind a correction that waits
        pass
    feed.poll()  # a time that was asked for before the last heartbeat is taken first
    assert feed.clock_ns == at_ns


def compare(feed: Feed, exchange: Trading, now_ns: int, limit: int = 40) -> None:
    trades = exchange.trades
    for interval in INTERVALS:
        body, forgotten = answers.klines(feed, 1, interval, limit)
        assert json.loads(body) == twin.klines(trades, interval, now_ns // S, limit), interval
        assert forgotten is None
        for offset in ZONES:
            told = json.loads(answers.klines(feed, 1, interval, limit, -1, -1, False, offset)[0])
            assert told == twin.klines(trades, interval, now_ns // S, limit, offset * 60), (interval, offset)
    assert json.loads(answers.trades(feed, 1, 1000)[0]) == twin.recent(trades)
    assert json.loads(answers.aggregates(feed, 1, 1000)[0]) == twin.aggregates(trades)
    (told,) = map(json.loads, answers.rows(feed, "day", [1]))
    for name in ("bidPrice", "bidQty", "askPrice", "askQty"):
        told.pop(name)
    assert told == twin.day(trades, now_ns)
    assert json.loads(answers.average(feed, 1)) == twin.average_price(trades, now_ns // S)
    for minutes, offset in ((1, 0), (59, 0), (23 * 60, 0), (7 * 1440, 0), (0, 0), (0, 345), (0, -720)):
        body, forgotten = answers.window(feed, 1, minutes, offset, is_full=True)
        assert json.loads(body) == twin.window(trades, now_ns, minutes, offset), (minutes, offset)
        assert forgotten is None
    compare_events(feed, trades, now_ns)


def compare_events(feed: Feed, trades: list[twin.Trade], now_ns: int) -> None:
    """What streams say that no query does: windows of some hours, and candles by clocks 8 hours ahead."""
    for kind, minutes in WINDOWS.items():
        told = latest(feed, kind)
        expected = twin.window(trades, now_ns, minutes, 0)
        assert {name: told[letter] for letter, name in WINDOW_FIELDS.items()} == expected, kind
        assert (told["e"], told["E"]) == (f"{kind.name[-2:].lower()}Ticker", expected["closeTime"])
    for place, interval in enumerate(INTERVALS):
        open_s = twin.opens(interval, now_ns // S + AHEAD_S) - AHEAD_S
        candle = twin.kline(trades, interval, open_s, AHEAD_S)
        told = latest(feed, Kind(Kind.KLINE_1S_AHEAD + place))
        assert (told and [told["k"][letter] for letter in "tohlcvTqnVQ"]) == (candle and candle[:-1]), interval
        assert told is None or told["k"]["i"] == interval


def part_of(feed: Feed, tmp: Any) -> bytes:
    """What a snapshot has of a feed."""
    with open(tmp, "wb+") as file:
        saver = Saver(file.fileno())
        feed.save(saver)
        saver.finish()
        file.seek(0)
        return bytes(file.read())


def restarted(feed: Feed, exchange: Trading) -> Feed:
    """A feed from the snapshot that is taken now."""
    mark = exchange.snapshot()
    behind = len(exchange.history[0]), exchange.number
    attach_again(feed, exchange)
    poll_to(feed, mark)
    again = loaded(saved(feed, mark), exchange, mark, behind)
    again.poll()
    return again


def poll_to(feed: Feed, mark: int) -> None:
    for _ in range(100):
        feed.poll()
        if feed.at_mark == mark:
            return
    raise AssertionError("the feed does not get to the mark")


def attach_again(feed: Feed, exchange: Trading) -> None:
    """After a restart the feed reads rings of its own: it gets those with what came meanwhile."""
    feed.attach(exchange.emitted_again(), exchange.board)


GAPS = st.sampled_from([1, 10**6, S, 7 * S, 61 * S, 3700 * S, 26 * 3600 * S, 40 * 86400 * S])
FILLS = st.lists(st.integers(1, 50), min_size=1, max_size=4)
STEPS = st.one_of(
    st.tuples(st.just("trade"), GAPS, st.sampled_from([BUY, SELL]), st.integers(90, 110), FILLS),
    st.tuples(st.just("sweep"), GAPS, st.sampled_from([BUY, SELL]), st.integers(90, 110), FILLS),
    st.tuples(st.just("bust"), st.integers(0, 10**6)),
    st.tuples(st.just("correct"), st.integers(0, 10**6), st.integers(80, 120)),
    st.tuples(st.just("restart")),
    st.tuples(st.just("poll")),
)


def act(exchange: Trading, step: Any) -> None:
    match step:
        case ("trade", gap, side, price, fills):
            exchange.now_ns += gap
            exchange.trade(side, price, *fills)
        case ("sweep", gap, side, price, fills):
            exchange.now_ns += gap
            away = 1 if side == BUY else -1
            exchange.sweep(side, {price: fills, price + away: fills})
        case ("bust", which) if exchange.trades:
            exchange.correct(exchange.trades[which % len(exchange.trades)], 0)
        case ("correct", which, price) if exchange.trades:
            exchange.correct(exchange.trades[which % len(exchange.trades)], price)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=30), st.integers(0, 3 * 86400 * S))
def test_it_is_what_the_twin_makes_of_the_trades(steps: list[Any], quiet_ns: int) -> None:
    exchange = Trading()
    feed = live_feed(exchange)
    for step in steps:
        if step[0] == "restart":
            feed = restarted(feed, exchange)
        elif step[0] == "poll":
            attach_again(feed, exchange)
            feed.poll()
        else:
            act(exchange, step)
    attach_again(feed, exchange)
    feed.poll()
    set_clock(feed, exchange, exchange.now_ns + 1 + quiet_ns)
    compare(feed, exchange, exchange.now_ns)


def test_a_candle_that_is_lost_at_a_restart_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a publisher that has started again shows no candle of before."""
    exchange = Trading()
    feed = live_feed(exchange)
    act(exchange, ("trade", S, BUY, 100, [5]))
    feed = restarted(feed, exchange)
    since_ms = exchange.now_ns // 10**6
    act(exchange, ("trade", 61 * S, BUY, 101, [5]))
    attach_again(feed, exchange)
    feed.poll()
    set_clock(feed, exchange, exchange.now_ns + 1)
    compare(feed, exchange, exchange.now_ns)
    whole = answers.klines

    def made_since(*asked: Any) -> tuple[bytes, Any]:
        body, forgotten = whole(*asked)
        return json.dumps([candle for candle in json.loads(body) if candle[0] >= since_ms]).encode(), forgotten

    monkeypatch.setattr(answers, "klines", made_since)
    with pytest.raises(AssertionError):
        compare(feed, exchange, exchange.now_ns)


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(STEPS, max_size=30))
def test_a_part_is_the_same_bytes_wherever_it_was_restarted(tmp_path_factory: Any, steps: list[Any]) -> None:
    exchange = Trading()
    feed = live_feed(exchange)
    for step in steps:
        if step[0] == "restart":
            feed = restarted(feed, exchange)
        else:
            act(exchange, step)
            attach_again(feed, exchange)
            feed.poll()
    last = exchange.snapshot()
    attach_again(feed, exchange)
    fresh = Feed(exchange.emitted_again(), exchange.board)
    for each in (feed, fresh):
        poll_to(each, last)
    folder = tmp_path_factory.mktemp("parts")
    assert part_of(feed, folder / "a") == part_of(fresh, folder / "b")


def test_a_correction_waits_for_the_trade_that_it_is_about() -> None:
    exchange = Trading()
    feed = live_feed(exchange)
    exchange.emitting = False
    exchange.new(SELL, 100, 5)
    held = list(exchange.records)
    exchange.new(BUY, 100, 5)
    held += exchange.records
    exchange.board.set(24, exchange.cause - 2)  # the matcher has done nothing of it yet
    (trade,) = exchange.trades
    exchange.tell_only(trade)
    feed.poll()
    for record in held:
        exchange.put(record)
    exchange.finish()
    while feed.poll():
        pass
    assert json.loads(answers.trades(feed, 1, 10)[0]) == []
    assert json.loads(answers.klines(feed, 1, "1m", 10)[0]) == []


def fill(exchange: Trading, feed: Feed, count: int, draw: random.Random) -> None:
    for _ in range(count):
        exchange.now_ns += draw.choice((1, 1, S // 2, 3 * S))
        exchange.trade(draw.choice((BUY, SELL)), draw.randint(90, 110), draw.randint(1, 9))
        if not draw.randrange(50):
            while feed.poll():
                pass
    while feed.poll():
        pass


def test_old_candles_go_and_the_answer_says_from_when_on_it_has_them() -> None:
    exchange = Trading()
    feed = live_feed(exchange)
    fill(exchange, feed, 4000, random.Random(7))
    body, forgotten = answers.klines(feed, 1, "1s", 1000)
    told = json.loads(body)
    assert len(told) == 1000
    assert told == twin.klines(exchange.trades, "1s", exchange.now_ns // S, 1000)
    assert forgotten is None, "as many as were asked for are there"
    early, forgotten = answers.klines(feed, 1, "1s", 10, 0)
    assert forgotten is not None
    assert START_NS < forgotten.ns <= told[0][0] * 10**6
    assert json.loads(early)[0][0] * 10**6 == forgotten.ns
    assert forgotten.trade_id == [each.id for each in exchange.trades if each.time_ns < forgotten.ns][-1]
    assert answers.klines(feed, 1, "1h", 1000)[1] is None
    trades, forgotten = answers.trades(feed, 1, 1000)
    assert json.loads(trades) == twin.recent(exchange.trades[-1000:])
    assert forgotten is None
    trades, forgotten = answers.trades(feed, 1, 1, 0)
    assert forgotten is not None
    (first,) = json.loads(trades)
    last = [each for each in exchange.trades if each.id < first["id"]][-1]
    assert (forgotten.matcher, forgotten.trade_id, forgotten.seq) == (1, last.id, last.group[0])
    assert answers.trades(feed, 1, 1, first["id"])[1] is None
    compare_day(feed, exchange)


def compare_day(feed: Feed, exchange: Trading) -> None:
    (told,) = map(json.loads, answers.rows(feed, "mini_day", [1]))
    expected = twin.day(exchange.trades, exchange.now_ns)
    assert told == {name: expected[name] for name in told}


def test_a_trade_that_is_older_than_memory_is_corrected_in_the_sums_and_the_candle_is_not_claimed() -> None:
    exchange = Trading()
    feed = live_feed(exchange)
    fill(exchange, feed, 4000, random.Random(8))
    oldest = exchange.trades[3]
    assert oldest.id < json.loads(answers.trades(feed, 1, 1000)[0])[0]["id"]
    exchange.correct(oldest, 0)
    while feed.poll():
        pass
    (told,) = map(json.loads, answers.rows(feed, "mini_day", [1]))
    expected = twin.day(exchange.trades, exchange.now_ns)
    assert (told["count"], told["volume"], told["quoteVolume"]) == (
        expected["count"], expected["volume"], expected["quoteVolume"],
    )  # fmt: skip
    forgotten = answers.klines(feed, 1, "1M", 10)[1]
    assert forgotten is not None
    assert forgotten.ns > exchange.now_ns, "what it can't know exactly, it does not claim"
    assert forgotten.corrected_seq == exchange.cause
    _, forgotten = answers.window(feed, 1, 1440, 0, is_full=False)
    assert forgotten is not None
    assert forgotten.ns > oldest.time_ns


def test_windows_move_by_the_minute_and_by_the_second() -> None:
    exchange = Trading(now_ns=1_700_000_040 * S - 2)  # the commands make it the very beginning of a minute
    feed = live_feed(exchange)
    exchange.trade(BUY, 100, 5)
    traded_ns = exchange.trades[0].time_ns
    assert traded_ns == 1_700_000_040 * S
    for seconds, in_day in ((299, True), (300, True), (1439 * 60 + 59, True), (1440 * 60, False)):
        set_clock(feed, exchange, traded_ns + seconds * S)
        (told,) = map(json.loads, answers.rows(feed, "day", [1]))
        assert (told["count"] == 1) == in_day
        assert told["lastPrice"] == told["openPrice"] == "1.00000000"
        assert told["prevClosePrice"] == ("0.00000000" if in_day else "1.00000000")
        compare(feed, exchange, exchange.now_ns)


def test_time_passes_only_once_all_before_a_heartbeat_has_been_taken() -> None:
    exchange = Trading()
    feed = live_feed(exchange)
    feed.follow_clock(ROUTER_SLOT, 500)
    exchange.release = False
    exchange.new(BUY, 100, 1)
    exchange.board.set(3, exchange.cause)
    beat(exchange.board, START_NS + 60 * S)
    for _ in range(3):
        feed.poll()
        assert feed.clock_ns == 0
    exchange.release_all()
    feed.poll()
    assert feed.clock_ns == START_NS + 60 * S + 500


def test_a_core_that_starts_again_tells_no_time() -> None:
    exchange = Trading()
    feed = live_feed(exchange)
    feed.follow_clock(ROUTER_SLOT, 0)
    exchange.board.set(4, 0)  # EPOCH: no router leads
    exchange.board.set(3, 0)
    beat(exchange.board, START_NS + 60 * S)
    feed.poll()
    assert feed.clock_ns == 0


@pytest.mark.parametrize("form", answers.FORMS)
def test_nothing_traded_is_told_as_nothing(form: str) -> None:
    exchange = Trading()
    feed = live_feed(exchange)
    assert answers.klines(feed, 1, "1m", 10) == (b"[]", None)
    (told,) = map(json.loads, answers.rows(feed, form, [1]))
    assert told["symbol"] == "BTCUSDT"
    assert all(value == "0.00000000" for name, value in told.items() if name.endswith("Price"))
    assert json.loads(answers.average(feed, 1)) == {"mins": 5, "price": "0.00000000", "closeTime": 0}


def test_no_interval_but_binances() -> None:
    feed = live_feed(Trading())
    for name in ("", "2m", "1y", "1S"):
        with pytest.raises(KeyError):
            answers.klines(feed, 1, name, 10)
