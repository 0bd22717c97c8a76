"""Trades and candles, whole: what the publisher's memory has, joined to what PostgreSQL has of before.

The publisher says what an answer lacks, and what the database must have to make up for it. As long as an answer lacks
nothing the database is not asked. What memory has is never taken from the database, so nothing is there twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from lockstep.core.edge.market_queries import (
    NOT_THERE,
    Aggregates,
    Answer,
    Forgotten,
    Klines,
    MarketQueries,
    Trades,
    Window,
)
from lockstep.procs.api.errors import DeclinedError, Reason
from lockstep.procs.api.history.rows import Read
from lockstep.procs.api.read.market_texts import Texts, joined_window
from lockstep.procs.api.read.past import Past
from lockstep.procs.api.read.shown import Shown

ROWS_A_TURN = 100  # that are made texts of before others have their turn in the loop
ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
Row = TypeVar("Row")


class MarketArchive:
    """The join. Every question raises DeclinedError, and what `MarketQueries.ask` raises."""

    def __init__(self, queries: MarketQueries, shown: Shown, past: Past) -> None:
        self.queries = queries
        self.shown = shown
        self._past = past

    async def trades(self, asked: Trades) -> bytes:
        """The last trades, or the first from an id on."""
        answer = await self.queries.ask(asked)
        lost = answer.forgotten
        if lost is None:
            return answer.body
        first = 0 if asked.from_id == NOT_THERE else max(asked.from_id, 1)
        kept = ELEMENTS.decode(answer.body)
        read = await self._past.ask(
            lambda history: history.trades(
                asked.symbol, first=first, until_us=lost.ns // 1000, last=(lost.seq, lost.trade_id),
                limit=asked.limit if first else asked.limit - len(kept),
            )
        )  # fmt: skip
        texts = self._texts(asked.symbol, in_us=asked.in_us)
        return await _joined(read, lost, texts.trade, kept, asked.limit, is_forward=first > 0)

    async def aggregates(self, asked: Aggregates) -> bytes:
        """The last aggregates, or the first from an id or a time on."""
        answer = await self.queries.ask(asked)
        lost = answer.forgotten
        if lost is None:
            return answer.body
        first = 0 if asked.from_id == NOT_THERE else max(asked.from_id, 1)
        since_us = None if asked.start_ms == NOT_THERE else asked.start_ms * 1000
        until_us = lost.ns // 1000
        if asked.end_ms != NOT_THERE:
            until_us = min(until_us, asked.end_ms * 1000 + 999)
        kept = ELEMENTS.decode(answer.body)
        is_forward = first > 0 or since_us is not None
        read = await self._past.ask(
            lambda history: history.aggregate_trades(
                asked.symbol, first=first, since_us=since_us, until_us=until_us, last=(lost.seq, lost.trade_id),
                limit=asked.limit if is_forward else asked.limit - len(kept),
            )
        )  # fmt: skip
        texts = self._texts(asked.symbol, in_us=asked.in_us)
        return await _joined(read, lost, texts.aggregate, kept, asked.limit, is_forward=is_forward)

    async def klines(self, asked: Klines) -> bytes:
        """The last candles, or the first from a time on."""
        answer = await self.queries.ask(asked)
        lost = answer.forgotten
        if lost is None:
            return answer.body
        since_us = None if asked.start_ms == NOT_THERE else asked.start_ms * 1000
        until_us = lost.ns // 1000 - 1  # not beyond the candle under way
        if asked.end_ms != NOT_THERE:
            until_us = min(until_us, asked.end_ms * 1000)
        kept = ELEMENTS.decode(answer.body)
        is_forward = since_us is not None
        read = await self._past.ask(
            lambda history: history.candles(
                asked.symbol, asked.interval, since_us=since_us, until_us=until_us,
                limit=asked.limit if is_forward else asked.limit - len(kept), offset=asked.offset,
            )
        )  # fmt: skip
        texts = self._texts(asked.symbol, in_us=asked.in_us)
        return await _joined(read, lost, texts.candle, kept, asked.limit, is_forward=is_forward)

    async def window(self, asked: Window) -> bytes:
        """Statistics of a window that ends now."""
        answer: Answer = await self.queries.ask(asked)
        lost = answer.forgotten
        if lost is None:
            return answer.body
        rest = msgspec.json.decode(answer.body, type=dict[str, str | int])
        begins_us = int(rest["openTime"]) * 1000
        read = await self._past.ask(lambda history: history.window(asked.symbol, begins_us, lost.ns // 1000))
        _check(read, lost)
        return msgspec.json.encode(joined_window(read.rows[0], rest) if read.rows else rest)

    def _texts(self, symbol: str, *, in_us: bool) -> Texts:
        instrument = self.shown.instrument(symbol.encode())
        if not instrument:  # the publisher may know it before the desk does
            raise DeclinedError(Reason.SYMBOL_UNKNOWN)
        return Texts(self.shown.symbol(instrument), in_us=in_us)


async def _joined(
    read: Read[Row], lost: Forgotten, text: Callable[[Row], bytes], kept: Sequence[msgspec.Raw], limit: int, *,
    is_forward: bool,
) -> bytes:  # fmt: skip
    """The database's rows and memory's behind them, as many as the page has."""
    _check(read, lost)
    made: list[bytes] = []
    for begin in range(0, len(read.rows), ROWS_A_TURN):
        made += [text(row) for row in read.rows[begin : begin + ROWS_A_TURN]]
        await asyncio.sleep(0)
    made += map(bytes, kept)
    return b"[" + b",".join(made[:limit] if is_forward else made[-limit:]) + b"]"


def _check(read: Read[Row], lost: Forgotten) -> None:
    """That the database has all that memory has no more, as corrections left it. DeclinedError."""
    if read.at.numbers[lost.matcher] < lost.trade_id or read.at.complete_seq < lost.corrected_seq:
        raise DeclinedError(Reason.HISTORY_BEHIND)
