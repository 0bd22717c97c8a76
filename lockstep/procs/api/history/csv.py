"""Rows as CSV, and trades and candles of an instrument page by page, for readers who may take their time.

A correction that comes while somebody reads shows from its page on; `api/export.py`, for files, has all of one moment,
and the same lines.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import TypeVar

from lockstep.procs.api.history.intervals import Bins, time_of
from lockstep.procs.api.history.pages import pages
from lockstep.procs.api.history.rows import Candle, Read, Trade
from lockstep.procs.api.history.tables import NOTHING, History, Snapshot

TRADE_COLUMNS = ("matcher", "trade_id", "time", "price", "quantity", "value", "taker_side", "auction")
CANDLE_COLUMNS = (
    "time", "open", "high", "low", "close", "volume", "quote_volume", "trades", "taker_buy_volume",
    "taker_buy_quote_volume",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@")
Row = TypeVar("Row")


def lines(rows: Iterable[Iterable[object]]) -> bytes:
    """Return a line for each row; what is None is empty."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


async def file(
    columns: Sequence[str], reads: AsyncIterator[Read[Row]], cells: Callable[[Row], Iterable[object]]
) -> AsyncIterator[bytes]:
    """Yield the parts of a file: a header, then a page's lines each. What `reads` raises, also on the way."""
    yield lines([columns])
    async for read in reads:
        if read.rows:
            yield lines(map(cells, read.rows))


async def trades(history: History, symbol: str, since_us: int = 0, until_us: int | None = None) -> AsyncIterator[bytes]:
    """Yield trades from a time on, up to another, that the database has now: a header, then a line for each.

    HistoryUnavailableError, also on the way.
    """
    last = await _last(history, until_us)
    reads = pages(
        lambda at, limit: history.trades(symbol, since_us=at[0], until_us=last, behind=at[1:], limit=limit),
        (since_us, *NOTHING),
        lambda row: (row.time_us, row.seq, row.trade_id),
    )
    async for part in file(TRADE_COLUMNS, reads, _trade):
        yield part


async def candles(
    history: History | Snapshot, symbol: str, interval: str, since_us: int = 0, until_us: int | None = None
) -> AsyncIterator[bytes]:
    """Yield candles that begin from a time on, up to another, none missing, up to what the database has now.

    KeyError for an interval that is none; HistoryUnavailableError, also on the way.
    """
    bins, last = Bins(interval), await _last(history, until_us)
    reads = pages(
        lambda at, limit: history.candles(symbol, interval, since_us=at, until_us=last, limit=limit),
        since_us,
        lambda row: bins.forward(row.open_us, 1),
    )
    async for part in file(CANDLE_COLUMNS, reads, _candle):
        yield part


def harmless(text: str | None) -> str | None:
    """Return what somebody has called something, so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text is not None and text.startswith(FORMULA) else text


def time_text(time_us: int) -> str:
    """Return a time in UTC, to the microsecond."""
    return f"{time_of(time_us):%Y-%m-%dT%H:%M:%S.%fZ}"


async def _last(history: History | Snapshot, until_us: int | None) -> int:
    """The last microsecond of what is read: what comes meanwhile is not run after."""
    now_us = (await history.watermark()).at.time_us
    return now_us if until_us is None else min(until_us, now_us)


def _trade(row: Trade) -> Iterable[object]:
    side, auction = "SELL" if row.buyer_is_maker else "BUY", "t" if row.auction else "f"
    time = time_text(row.time_us)
    return row.matcher, row.trade_id, time, row.price, row.quantity, row.value, side, auction


def _candle(row: Candle) -> Iterable[object]:
    return time_text(row.open_us), *(getattr(row, name) for name in CANDLE_COLUMNS[1:])
