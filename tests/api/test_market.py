"""What clients ask of windows: which there are, of which symbols, and what is said to what there is not."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import pytest

from lockstep.procs.api.binance.answers import MILLISECOND
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.errors import ApiError
from lockstep.procs.api.binance.market import Market
from lockstep.procs.api.binance.parameters import of_request
from lockstep.procs.api.read.market_archive import MarketArchive
from tests.api.test_market_archive import NOWHERE, joined
from tests.api.test_market_archive import Market as Venue

MINUTE = 60_000


def asked(question: Callable[[Market], Awaitable[None]]) -> Venue:
    """Ask a publisher with two symbols, of which one has traded."""
    venue = Venue(1).steps(20)
    venue.list_instrument(2, b"ETHUSDT")

    async def answered(archive: MarketArchive) -> None:
        await question(Market(archive))

    joined(NOWHERE, venue, answered)
    return venue


def call(**sent: str) -> Call:
    query = "&".join(f"{name}={quote(value)}" for name, value in sent.items())
    return Call(of_request(query.encode(), b""), None, MILLISECOND, 0)


async def told(question: Awaitable[bytes]) -> Any:
    return json.loads(await question)


@pytest.mark.parametrize(
    ("size", "minutes"), [("1m", 1), ("59m", 59), ("1h", 60), ("23h", 1380), ("1d", 1440), ("7d", 7 * 1440), ("", 1440)]
)
def test_a_window_begins_with_a_minute_and_ends_now(size: str, minutes: int) -> None:
    async def question(market: Market) -> None:
        sent = {"symbol": "BTCUSDT"} | ({"windowSize": size} if size else {})
        row = await told(market.ticker(call(**sent)))
        assert row["openTime"] == row["closeTime"] // MINUTE * MINUTE - minutes * MINUTE
        assert row["count"] > 0
        assert set(await told(market.ticker(call(**sent, type="MINI")))) == set(row) - {
            "priceChange", "priceChangePercent", "weightedAvgPrice",
        }  # fmt: skip

    asked(question)


@pytest.mark.parametrize(
    ("zone", "minutes"), [("0", 0), ("8", 480), ("-1:00", -60), ("05:45", 345), ("14:00", 840), ("-12:00", -720)]
)
def test_a_trading_day_begins_at_midnight_where_the_client_is(zone: str, minutes: int) -> None:
    async def question(market: Market) -> None:
        row = await told(market.ticker_trading_day(call(symbol="BTCUSDT", timeZone=zone)))
        assert (row["openTime"] + minutes * MINUTE) % (1440 * MINUTE) == 0
        assert row["closeTime"] == row["openTime"] + 1440 * MINUTE - 1

    asked(question)


@pytest.mark.parametrize(("zone", "minutes"), [("0", 0), ("8", 480), ("-3:30", -210), ("05:45", 345)])
def test_candles_begin_where_the_client_is(zone: str, minutes: int) -> None:
    async def question(market: Market) -> None:
        for klines in (market.klines, market.ui_klines):
            for interval, length in (("1h", 60), ("1d", 1440)):
                for row in await told(klines(call(symbol="BTCUSDT", interval=interval, timeZone=zone))):
                    assert (row[0] + minutes * MINUTE) % (length * MINUTE) == 0
                    assert row[6] == row[0] + length * MINUTE - 1

    asked(question)


def test_one_symbol_is_a_row_and_several_are_a_list() -> None:
    async def question(market: Market) -> None:
        for ticker in (market.ticker, market.ticker_trading_day):
            assert (await told(ticker(call(symbol="ETHUSDT"))))["count"] == 0
            rows = await told(ticker(call(symbols='["ETHUSDT","BTCUSDT"]')))
            assert [row["symbol"] for row in rows] == ["BTCUSDT", "ETHUSDT"]

    asked(question)


@pytest.mark.parametrize(
    ("sent", "code"),
    [({"windowSize": size}, -1130) for size in ("0m", "60m", "24h", "8d", "1d2h", "1M", "-1m", "01m", "m")]
    + [({"type": "SOME"}, -1139), ({"symbol": "XYZ"}, -1121), ({"symbols": "[]"}, -1100)]
    + [({"symbols": json.dumps([f"S{n}" for n in range(101)])}, -1101)],
)
def test_what_there_is_not_is_refused(sent: dict[str, str], code: int) -> None:
    async def question(market: Market) -> None:
        named = sent if "symbols" in sent else {"symbol": "BTCUSDT"} | sent
        with pytest.raises(ApiError) as refused:
            await market.ticker(call(**named))
        assert refused.value.code == code

    asked(question)


@pytest.mark.parametrize("zone", ["15", "-13", "1:60", "x", "+1", "1:0", "14:01", "-12:01"])
def test_a_zone_that_is_none_is_refused(zone: str) -> None:
    async def question(market: Market) -> None:
        with pytest.raises(ApiError, match="timeZone"):
            await market.ticker_trading_day(call(symbol="BTCUSDT", timeZone=zone))
        for klines in (market.klines, market.ui_klines):
            with pytest.raises(ApiError, match="timeZone") as refused:
                await klines(call(symbol="BTCUSDT", interval="1d", timeZone=zone))
            assert refused.value.code == -1130
        with pytest.raises(ApiError, match="'symbol' or 'symbols'"):
            await market.ticker_trading_day(call())

    asked(question)


@pytest.mark.parametrize("moment", [2**53, 10**14 - 1, 9_300_000_000_000])
def test_a_time_beyond_all_clocks_is_no_time_before(moment: int) -> None:
    async def question(market: Market) -> None:
        late = call(symbol="BTCUSDT", interval="1m", startTime=str(moment))
        assert await told(market.klines(late)) == []
        assert await told(market.agg_trades(late)) == []
        until = call(symbol="BTCUSDT", interval="1m", endTime=str(moment), limit="1000")
        assert await told(market.klines(until))
        assert await told(market.agg_trades(until))

    asked(question)
