"""Trades and candles of an instrument as CSV, page by page, for readers who may take their time.

Each page is a question of its own, by key: no transaction and no connection waits for a reader, and memory holds one
page, however much there is. So a correction that comes meanwhile shows from its page on; `api/export.py`, for
files, has all of one moment, and the same lines.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from lockstep.procs.api.history.intervals import Bins, time_of
from lockstep.procs.api.history.rows import Candle, Trade
from lockstep.procs.api.history.tables import MOST_ROWS, NOTHING, History

TRADE_HEADER = "matcher,trade_id,time,price,quantity,value,taker_side,auction\n"
CANDLE_COLUMNS = (
    "open", "high", "low", "close", "volume", "quote_volume", "trades", "taker_buy_volume", "taker_buy_quote_volume",
)  # fmt: skip
CANDLE_HEADER = ",".join(("time", *CANDLE_COLUMNS)) + "\n"


async def trades(history: History, symbol: str, since_us: int = 0, until_us: int | None = None) -> AsyncIterator[bytes]:
    """Trades from a time on, up to another, that the database has now: a header, then a line for each.

    HistoryUnavailableError, also on the way.
    """
    yield TRADE_HEADER.encode()
    last, behind = until_us, NOTHING
    while True:
        page = await history.trades(symbol, since_us=since_us, until_us=last, behind=behind, limit=MOST_ROWS)
        if page.rows:
            yield trade_lines(page.rows)
        if len(page.rows) < MOST_ROWS:
            return
        since_us, behind = page.rows[-1].time_us, (page.rows[-1].seq, page.rows[-1].trade_id)
        last = page.at.time_us if last is None else last  # what comes while it is read is not run after


async def candles(
    history: History, symbol: str, interval: str, since_us: int = 0, until_us: int | None = None
) -> AsyncIterator[bytes]:
    """Candles that begin from a time on, up to another, none missing, up to what the database has now.

    KeyError for an interval that is none; HistoryUnavailableError, also on the way.
    """
    bins = Bins(interval)
    yield CANDLE_HEADER.encode()
    last = until_us
    while True:
        page = await history.candles(symbol, interval, since_us=since_us, until_us=last, limit=MOST_ROWS)
        last = page.at.time_us if last is None else min(last, page.at.time_us)
        found = [candle for candle in page.rows if candle.open_us <= last]
        if found:
            yield candle_lines(found)
        if len(found) < MOST_ROWS:
            return
        since_us = bins.forward(found[-1].open_us, 1)


def trade_lines(rows: Iterable[Trade]) -> bytes:
    """A line for each trade."""
    return "".join(
        f"{row.matcher},{row.trade_id},{_time(row.time_us)},{row.price},{row.quantity},{row.value},"
        f"{'SELL' if row.buyer_is_maker else 'BUY'},{'t' if row.auction else 'f'}\n"
        for row in rows
    ).encode()


def candle_lines(rows: Iterable[Candle]) -> bytes:
    """A line for each candle."""
    return "".join(
        f"{_time(row.open_us)},{','.join(str(getattr(row, name)) for name in CANDLE_COLUMNS)}\n" for row in rows
    ).encode()


def _time(time_us: int) -> str:
    return f"{time_of(time_us):%Y-%m-%dT%H:%M:%S.%fZ}"
