"""Trades, candles and windows joined of the publisher's memory and PostgreSQL are those of all trades; random ones."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import itertools
import json
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from lockstep.core.edge.market_queries import NOT_THERE, Aggregates, Klines, MarketQueries, Trades, Window
from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.rules.intervals import SECONDS
from lockstep.core.schema.records import AssetDefined
from lockstep.procs.api.binance.answers import MILLISECOND
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.errors import ApiError, declined
from lockstep.procs.api.binance.market import Market as Handlers
from lockstep.procs.api.binance.parameters import of_request
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.errors import DeclinedError
from lockstep.procs.api.history.tables import History
from lockstep.procs.api.read.market_archive import MarketArchive
from lockstep.procs.api.read.past import Past
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.batcher.spool import Spool, stamped
from lockstep.shm.ring import Consumer, Ring
from tests.batcher.conftest import data, database, server  # noqa: F401
from tests.batcher.events import Stream
from tests.batcher.test_spool import spool_all
from tests.batcher.test_writer import batch_after, session
from tests.models import market_data as twin
from tests.pipeline.number_edges import EDGES
from tests.publisher.exchange import BUY, SELL
from tests.publisher.harness import run, serving
from tests.publisher.trading import Trading

S = 10**9
SYMBOL = "BTCUSDT"
NOWHERE = "postgresql://127.0.0.1:1/none"
# Handlers, and what is asked of them: the number comes last.
ASKED = [
    ("klines", "interval=1m&startTime"), ("klines", "interval=1M&startTime"), ("klines", "interval=1M&endTime"),
    ("klines", "interval=1w&endTime"), ("klines", "interval=1s&limit"), ("agg_trades", "fromId"),
    ("agg_trades", "startTime"), ("agg_trades", "endTime"), ("historical_trades", "fromId"),
]  # fmt: skip
GAPS = (1, 1, S // 2, 3 * S, 61 * S, 61 * S, 3700 * S)  # so that seconds, minutes and hours are forgotten


class Market(Trading):
    """A venue that trades, and what the batcher is told of it."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.draw = random.Random(seed)
        self.corrected: set[int] = set()  # no trade is twice
        for number, name in ((1, b"BTC"), (2, b"USDT")):
            self.tell(AssetDefined, asset=number, name=name, scale=8)
        self.list_instrument()

    def steps(self, count: int, *, corrected: int = 0) -> Market:
        """So many orders that trade, and one correction in `corrected` of them."""
        draw = self.draw
        for _ in range(count):
            self.now_ns += draw.choice(GAPS)
            side, price = draw.choice((BUY, SELL)), draw.randint(90, 110)
            fills = [draw.randint(1, 50) for _ in range(draw.choice((1, 1, 2, 4)))]
            away = 1 if side == BUY else -1
            if draw.random() < 0.7:
                self.trade(side, price, *fills)
            else:
                self.sweep(side, {price: fills, price + away: fills})
            if corrected and not draw.randrange(corrected):
                trade = draw.choice([each for each in self.trades if each.id not in self.corrected])
                self.corrected.add(trade.id)
                self.correct(trade, draw.choice((0, draw.randint(80, 120))))
        return self

    def load(self, url: str, spool: Spool) -> Market:
        """Have the database take all of it."""
        stream = Stream(seq=self.cause, rings={ring: [stamped(each) for each in self.history[ring]] for ring in (0, 1)})
        with session(url) as opened:
            spool_all(stream, spool, 1 << 15)
            while (batch := batch_after(opened, spool)).events:
                opened.write(batch)
        return self

    def consumers(self) -> tuple[Consumer, Consumer]:
        again = self.emitted_again()
        return again[0], again[1]

    def shown(self) -> Shown:
        desk = Desk(IngressWriter(Ring.private(16, ["router"]).producer()), None, asyncio.Future, 1 << 16)
        desk.attach(self.emitted_again(), self.board)
        while desk.poll(0):
            pass
        return Shown(desk)


def joined(url: str, market: Market, question: Callable[[MarketArchive], Awaitable[None]]) -> None:
    """Ask a publisher and a database that are really there."""

    async def asked() -> None:
        name = f"lockstep-test-{os.urandom(8).hex()}"
        async with serving(market, name) as running:
            past, queries = Past(History(url)), MarketQueries(name)
            while running.publisher.poll(0):
                pass
            try:
                await question(MarketArchive(queries, market.shown(), past))
            finally:
                queries.close()
                await past.close()

    run(asked())


class Model:
    """All candles of an interval, made of all trades; one that had none is flat."""

    def __init__(self, trades: list[twin.Trade], interval: str, ahead_s: int = 0) -> None:
        self.interval = interval
        self.ahead_s = ahead_s
        self.made: dict[int, list[twin.Trade]] = {}
        for trade in trades:
            self.made.setdefault(self.begin(trade.time_ns // S), []).append(trade)
        self.opens = sorted(self.made)

    def begin(self, time_s: int) -> int:
        return twin.opens(self.interval, time_s + self.ahead_s) - self.ahead_s

    def end(self, open_s: int) -> int:
        return twin.ends(self.interval, open_s + self.ahead_s) - self.ahead_s

    def candle(self, open_s: int) -> list[Any]:
        place = bisect.bisect_left(self.opens, open_s)
        before = self.made[self.opens[place - 1]] if place else []
        candle = twin.kline(before[-1:] + self.made.get(open_s, []), self.interval, open_s, self.ahead_s)
        assert candle is not None
        return candle

    def page(self, now_ms: int, limit: int, start_ms: int, end_ms: int) -> list[list[Any]]:
        last = self.begin((now_ms if end_ms < 0 else min(now_ms, end_ms)) // 1000)
        found: list[list[Any]] = []
        if start_ms >= 0:
            open_s = self.begin(start_ms // 1000)
            if open_s * 1000 < start_ms:
                open_s = self.end(open_s)
            open_s = max(open_s, self.opens[0])
            while open_s <= last and len(found) < limit:
                found.append(self.candle(open_s))
                open_s = self.end(open_s)
            return found
        while last >= self.opens[0] and len(found) < limit:
            found.append(self.candle(last))
            last = self.begin(last - 1)
        return found[::-1]


def moments(market: Market) -> list[tuple[int, int]]:
    """Beginnings and ends, of which each may be missing."""
    times = [trade.time_ns // 10**6 for trade in market.trades]
    found = [(NOT_THERE, NOT_THERE), (0, NOT_THERE), (NOT_THERE, times[0] - 1), (times[-1] + 1, NOT_THERE)]
    for _ in range(8):
        begin, end = sorted(market.draw.sample(times, 2))
        found += [(begin, NOT_THERE), (begin, end), (NOT_THERE, end), (begin + 1, end - 1)]
    return [(begin, end) for begin, end in found if end == NOT_THERE or begin <= end]


def in_ms(trade: twin.Trade) -> int:
    return trade.time_ns // 10**6


def cut(rows: list[Any], limit: int, *, is_forward: bool) -> list[Any]:
    return rows[:limit] if is_forward else rows[-limit:]


@pytest.mark.parametrize("seed", range(3))
def test_pages_have_no_gap_and_nothing_twice(database: str, tmp_path: Path, seed: int) -> None:  # noqa: F811
    """Most is forgotten, and the database is behind by what memory still has; trades are corrected everywhere."""
    print("seed", seed)
    market = Market(seed).steps(3000, corrected=40).load(database, Spool(tmp_path)).steps(300)
    now_ms = market.now_ns // 10**6

    async def question(archive: MarketArchive) -> None:
        for interval in SECONDS:
            model = Model(market.trades, interval)
            for begin, end in moments(market):
                limit = market.draw.choice((1, 3, 60))
                told = json.loads(await archive.klines(Klines(SYMBOL, interval, limit, begin, end)))
                assert told == model.page(now_ms, limit, begin, end), (interval, limit, begin, end)
        aggregates = twin.aggregates(market.trades)
        for begin, end in moments(market):
            limit = market.draw.choice((1, 50, 1000))
            told = json.loads(await archive.aggregates(Aggregates(SYMBOL, limit, NOT_THERE, begin, end)))
            rows = [row for row in aggregates if begin <= row["T"] and (end == NOT_THERE or row["T"] <= end)]
            assert told == cut(rows, limit, is_forward=begin != NOT_THERE), (limit, begin, end)
        recent = twin.recent(market.trades)
        for first in (NOT_THERE, 0, *(market.draw.choice(market.made).id + 1 for _ in range(40))):
            limit = market.draw.choice((1, 50, 1000))
            told = json.loads(await archive.trades(Trades(SYMBOL, limit, first)))
            rows = [row for row in recent if row["id"] >= first]
            assert told == cut(rows, limit, is_forward=first != NOT_THERE), (limit, first)
            told = json.loads(await archive.aggregates(Aggregates(SYMBOL, limit, first)))
            rows = [row for row in aggregates if row["a"] >= first]
            assert told == cut(rows, limit, is_forward=first != NOT_THERE), (limit, first)

    joined(database, market, question)


@pytest.mark.parametrize("offset", [-720, -210, -60, 7, 330, 345, 480, 840])
def test_intervals_begin_by_the_clocks_of_a_zone(database: str, tmp_path: Path, offset: int) -> None:  # noqa: F811
    """By clocks so many minutes ahead; times of the page remain UTC."""
    seed = 900 + offset
    print("seed", seed)
    market = Market(seed).steps(3000, corrected=40).steps(100).load(database, Spool(tmp_path))
    now_ms = market.now_ns // 10**6

    async def question(archive: MarketArchive) -> None:
        for interval in SECONDS:
            model = Model(market.trades, interval, offset * 60)
            for begin, end in moments(market):
                limit = market.draw.choice((1, 3, 60))
                told = json.loads(await archive.klines(Klines(SYMBOL, interval, limit, begin, end, offset=offset)))
                assert told == model.page(now_ms, limit, begin, end), (interval, limit, begin, end)

    joined(database, market, question)


@pytest.mark.parametrize("corrected", [0, 40])
def test_windows_are_those_of_all_trades(database: str, tmp_path: Path, corrected: int) -> None:  # noqa: F811
    """Where minutes are forgotten, and where hours are not known exactly any more."""
    seed = 8 + corrected
    print("seed", seed)
    market = Market(seed).steps(3000, corrected=corrected).load(database, Spool(tmp_path))

    async def question(archive: MarketArchive) -> None:
        for minutes, offset in [(n, 0) for n in (1, 59, 60, 1380, 1440, 7 * 1440)] + [(0, n) for n in (0, 345, -720)]:
            for is_full in (True, False):
                told = json.loads(await archive.window(Window(SYMBOL, minutes, offset, is_full)))
                expected = twin.window(market.trades, market.now_ns, minutes, offset)
                assert told == {name: expected[name] for name in told}, (minutes, offset)
                assert ("priceChange" in told) == is_full

    joined(database, market, question)


def test_times_are_in_microseconds_for_who_wants_that(database: str, tmp_path: Path) -> None:  # noqa: F811
    market = Market(3).steps(2000).load(database, Spool(tmp_path))

    async def question(archive: MarketArchive) -> None:
        (trade,) = json.loads(await archive.trades(Trades(SYMBOL, 1, 0, in_us=True)))
        (aggregate,) = json.loads(await archive.aggregates(Aggregates(SYMBOL, 1, 0, in_us=True)))
        (candle,) = json.loads(await archive.klines(Klines(SYMBOL, "1s", 1, 0, in_us=True)))
        first_us = market.trades[0].time_ns // 1000
        assert trade["time"] == aggregate["T"] == first_us
        assert (candle[0], candle[6]) == (first_us // 10**6 * 10**6, first_us // 10**6 * 10**6 + 10**6 - 1)

    joined(database, market, question)


def test_search_of_ids_and_times_at_the_edge(database: str, tmp_path: Path) -> None:  # noqa: F811
    """What clients are answered of the time before memory, with each edge in each place: rows, or a refusal."""
    market = Market(3).steps(2000).load(database, Spool(tmp_path))

    async def question(archive: MarketArchive) -> None:
        handlers = Handlers(archive)
        for value, (name, parameters) in itertools.product(EDGES, ASKED):
            query = f"symbol={SYMBOL}&{parameters}={quote(value)}".encode()
            with contextlib.suppress(ApiError, DeclinedError):
                answer = await getattr(handlers, name)(Call(of_request(query, b""), None, MILLISECOND, 0))
                assert isinstance(json.loads(answer), list)

    joined(database, market, question)


def test_what_memory_has_alone_needs_no_database() -> None:
    market = Market(4).steps(60)

    async def question(archive: MarketArchive) -> None:
        assert len(json.loads(await archive.trades(Trades(SYMBOL, 1000, 0)))) == len(market.trades)
        assert json.loads(await archive.aggregates(Aggregates(SYMBOL, 10)))
        for interval in SECONDS:
            assert json.loads(await archive.klines(Klines(SYMBOL, interval, 1000, 0)))
        assert json.loads(await archive.window(Window(SYMBOL, 7 * 1440)))

    joined(NOWHERE, market, question)


async def refused(question: Awaitable[bytes], text: str) -> None:
    with pytest.raises(DeclinedError, match=text) as told:
        await question
    assert declined(told.value).status == 503


@pytest.mark.parametrize("is_there", [True, False])
def test_a_gap_is_told_and_never_shown(database: str, tmp_path: Path, is_there: bool) -> None:  # noqa: F811
    """The database lacks more than memory still has, or is away; what memory has is told all the same."""
    market = Market(5).steps(30).load(database, Spool(tmp_path)).steps(3000)
    text = "history is behind" if is_there else "history is away"

    async def question(archive: MarketArchive) -> None:
        await refused(archive.trades(Trades(SYMBOL, 1, 0)), text)
        await refused(archive.aggregates(Aggregates(SYMBOL, 1, 0)), text)
        await refused(archive.aggregates(Aggregates(SYMBOL, 1, NOT_THERE, 0)), text)
        await refused(archive.klines(Klines(SYMBOL, "1s", 1, 0)), text)
        assert len(json.loads(await archive.trades(Trades(SYMBOL, 1000)))) == 1000
        assert len(json.loads(await archive.klines(Klines(SYMBOL, "1d", 10)))) == 10

    joined(database if is_there else NOWHERE, market, question)


def test_a_correction_that_the_database_lacks_is_a_gap(database: str, tmp_path: Path) -> None:  # noqa: F811
    """Of a trade that memory has forgotten; once the database has it, all is well."""
    market = Market(6).steps(3000).load(database, Spool(tmp_path))
    market.correct(market.trades[0], 0)
    market.steps(1)

    async def behind(archive: MarketArchive) -> None:
        await refused(archive.trades(Trades(SYMBOL, 1, 0)), "history is behind")
        await refused(archive.klines(Klines(SYMBOL, "1s", 1, 0)), "history is behind")

    async def there(archive: MarketArchive) -> None:
        (told,) = json.loads(await archive.trades(Trades(SYMBOL, 1, 0)))
        assert told["id"] == market.trades[0].id

    joined(database, market, behind)
    market.load(database, Spool(tmp_path))
    joined(database, market, there)
