"""The slow and obvious twin of what the publisher makes of trades: it goes through all of them for each question."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
LENGTHS = {
    "1s": 1, "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "2h": 7200, "4h": 14400,
    "6h": 21600, "8h": 28800, "12h": 43200, "1d": 86400, "3d": 259200,
}  # fmt: skip
TICK, LOT = Decimal("0.01"), Decimal("0.0001")


@dataclass
class Trade:
    """One fill. `group`: what has to be equal in fills of one aggregate, besides the price."""

    id: int
    time_ns: int
    group: tuple[int, int]
    price: int
    lots: int
    taker_buys: bool


def opens(interval: str, time_s: int) -> int:
    """When the interval begins that a second lies in."""
    if interval in LENGTHS:
        return time_s // LENGTHS[interval] * LENGTHS[interval]
    day = (EPOCH + dt.timedelta(seconds=time_s)).date()
    day = day.replace(day=1) if interval == "1M" else day - dt.timedelta(days=day.weekday())
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def ends(interval: str, open_s: int) -> int:
    """When the interval that begins then is over."""
    if interval in LENGTHS:
        return open_s + LENGTHS[interval]
    if interval == "1w":
        return open_s + 7 * 86400
    first = EPOCH + dt.timedelta(seconds=open_s)
    year, month = (first.year + 1, 1) if first.month == 12 else (first.year, first.month + 1)
    return int(dt.datetime(year, month, 1, tzinfo=UTC).timestamp())


def text(value: Decimal) -> str:
    return f"{value:.8f}"


def price(ticks: int) -> str:
    return text(ticks * TICK)


def lots(count: int) -> str:
    return text(count * LOT)


def quote(trades: list[Trade]) -> str:
    return text(sum((trade.price * trade.lots for trade in trades), 0) * TICK * LOT)


def kline(trades: list[Trade], interval: str, open_s: int, ahead_s: int = 0) -> list[Any] | None:
    """The candle that begins then, by clocks so far ahead; None if nothing had been traded by its end."""
    end_s = ends(interval, open_s + ahead_s) - ahead_s
    inside = [trade for trade in trades if open_s <= trade.time_ns // 10**9 < end_s]
    before = [trade for trade in trades if trade.time_ns // 10**9 < open_s]
    if not inside and not before:
        return None
    prices = [trade.price for trade in inside] or [before[-1].price]
    taken = [trade for trade in inside if trade.taker_buys]
    return [
        open_s * 1000, price(prices[0]), price(max(prices)), price(min(prices)), price(prices[-1]),
        lots(sum(trade.lots for trade in inside)), end_s * 1000 - 1, quote(inside), len(inside),
        lots(sum(trade.lots for trade in taken)), quote(taken), "0",
    ]  # fmt: skip


def klines(trades: list[Trade], interval: str, now_s: int, limit: int, ahead_s: int = 0) -> list[list[Any]]:
    """The last candles, the one under way included, by clocks so far ahead."""
    found: list[list[Any]] = []
    open_s = opens(interval, now_s + ahead_s) - ahead_s
    while len(found) < limit and (candle := kline(trades, interval, open_s, ahead_s)) is not None:
        found.insert(0, candle)
        open_s = opens(interval, open_s - 1 + ahead_s) - ahead_s
    return found


def average(trades: list[Trade], otherwise: int) -> str:
    traded = sum(trade.lots for trade in trades)
    if not traded:
        return price(otherwise)
    ticks = Decimal(sum(trade.price * trade.lots for trade in trades)) / traded
    return str((ticks * TICK).quantize(Decimal("1e-8"), ROUND_DOWN))


def average_price(trades: list[Trade], now_s: int) -> dict[str, Any]:
    """Of the last 300 seconds."""
    window = [trade for trade in trades if trade.time_ns // 10**9 > now_s - 300]
    last = trades[-1] if trades else None
    return {
        "mins": 5,
        "price": average(window, last.price if last else 0),
        "closeTime": last.time_ns // 10**6 if last else 0,
    }


def day(trades: list[Trade], now_ns: int) -> dict[str, Any]:
    """The statistics of the last 1,440 minutes, without what the book has."""
    open_s = now_ns // 10**9 // 60 * 60 - 1439 * 60
    inside = [trade for trade in trades if trade.time_ns // 10**9 >= open_s]
    before = [trade for trade in trades if trade.time_ns // 10**9 < open_s]
    return statistics(inside, trades, open_s) | {
        "prevClosePrice": price(before[-1].price if before else 0),
        "lastQty": lots(trades[-1].lots if trades else 0),
        "closeTime": now_ns // 10**6,
    }


def statistics(window: list[Trade], trades: list[Trade], open_s: int) -> dict[str, Any]:
    """What statistics of all windows have."""
    before = [trade for trade in trades if trade.time_ns // 10**9 < open_s]
    previous = before[-1].price if before else 0
    prices = [trade.price for trade in window] or [previous]
    change = Decimal(100 * (prices[-1] - prices[0])) / prices[0] if prices[0] else Decimal(0)
    percent = change.quantize(Decimal("0.001"), ROUND_HALF_UP)
    return {
        "symbol": "BTCUSDT",
        "priceChange": text((prices[-1] - prices[0]) * TICK),
        "priceChangePercent": str(abs(percent) if percent == 0 else percent),
        "weightedAvgPrice": average(window, previous),
        "lastPrice": price(prices[-1]),
        "openPrice": price(prices[0]),
        "highPrice": price(max(prices)),
        "lowPrice": price(min(prices)),
        "volume": lots(sum(trade.lots for trade in window)),
        "quoteVolume": quote(window),
        "openTime": open_s * 1000,
        "firstId": window[0].id if window else -1,
        "lastId": window[-1].id if window else -1,
        "count": len(window),
    }


def window(trades: list[Trade], now_ns: int, minutes: int, offset: int) -> dict[str, Any]:
    """The statistics of so many minutes and the one under way; with 0, since midnight at an offset in minutes."""
    now_s = now_ns // 10**9
    midnight = (now_s + 60 * offset) // 86400 * 86400 - 60 * offset
    open_s = now_s // 60 * 60 - 60 * minutes if minutes else midnight
    told = statistics([trade for trade in trades if trade.time_ns // 10**9 >= open_s], trades, open_s)
    return told | {"closeTime": now_ns // 10**6 if minutes else (midnight + 86400) * 1000 - 1}


def aggregates(trades: list[Trade]) -> list[dict[str, Any]]:
    """Fills in a row of one group and price."""
    runs = [list(run) for _, run in itertools.groupby(trades, key=lambda trade: (trade.group, trade.price))]
    return [
        {
            "a": run[0].id, "p": price(run[0].price), "q": lots(sum(trade.lots for trade in run)), "f": run[0].id,
            "l": run[-1].id, "T": run[0].time_ns // 10**6, "m": not run[0].taker_buys, "M": True,
        }
        for run in runs
    ]  # fmt: skip


def recent(trades: list[Trade]) -> list[dict[str, Any]]:
    return [
        {
            "id": trade.id, "price": price(trade.price), "qty": lots(trade.lots), "quoteQty": quote([trade]),
            "time": trade.time_ns // 10**6, "isBuyerMaker": not trade.taker_buys, "isBestMatch": True,
        }
        for trade in trades
    ]  # fmt: skip
