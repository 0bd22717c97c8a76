"""Trades and candles, whole: what the publisher's memory has, joined to what PostgreSQL has of before.

The publisher says what an answer lacks, and what the database must have to make up for it. As long as an answer lacks
nothing the database is not asked. What memory has is never taken from the database, so nothing is there twice.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

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
from lockstep.procs.api.history.tables import History
from lockstep.procs.api.parts import parts
from lockstep.procs.api.read.market_texts import Texts, joined_window
from lockstep.procs.api.read.past import Past
from lockstep.procs.api.read.shown import Shown

US = 1000  # of a millisecond; in nanoseconds, a microsecond
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
        first = _first(asked)
        return await self._page(
            asked, Texts.trade, first > 0,
            lambda history, lost, limit: history.trades(
                asked.symbol, first=first, until_us=lost.ns // US, last=(lost.seq, lost.trade_id), limit=limit
            ),
        )  # fmt: skip

    async def aggregates(self, asked: Aggregates) -> bytes:
        """The last aggregates, or the first from an id or a time on."""
        first, since_us = _first(asked), _since_us(asked)
        return await self._page(
            asked, Texts.aggregate, first > 0 or since_us is not None,
            lambda history, lost, limit: history.aggregate_trades(
                asked.symbol, first=first, since_us=since_us, until_us=_until_us(lost.ns // US, asked, US - 1),
                last=(lost.seq, lost.trade_id), limit=limit,
            ),
        )  # fmt: skip

    async def klines(self, asked: Klines) -> bytes:
        """The last candles, or the first from a time on: not beyond the candle under way."""
        since_us = _since_us(asked)
        return await self._page(
            asked, Texts.candle, since_us is not None,
            lambda history, lost, limit: history.candles(
                asked.symbol, asked.interval, since_us=since_us, until_us=_until_us(lost.ns // US - 1, asked),
                limit=limit, offset=asked.offset,
            ),
        )  # fmt: skip

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

    async def _page(
        self, asked: Trades | Aggregates | Klines, text: Callable[[Texts, Row], bytes], is_forward: bool,
        question: Callable[[History, Forgotten, int], Coroutine[Any, Any, Read[Row]]],
    ) -> bytes:  # fmt: skip
        """The database's rows and memory's behind them, as many as the page has."""
        answer = await self.queries.ask(asked)
        lost = answer.forgotten
        if lost is None:
            return answer.body
        kept = ELEMENTS.decode(answer.body)
        limit = asked.limit if is_forward else asked.limit - len(kept)
        read = await self._past.ask(lambda history: question(history, lost, limit))
        instrument = self.shown.instrument(asked.symbol.encode())
        if not instrument:  # the publisher may know it before the desk does
            raise DeclinedError(Reason.SYMBOL_UNKNOWN)
        _check(read, lost)
        texts = Texts(self.shown.symbol(instrument), in_us=asked.in_us)
        made: list[bytes] = []
        async for part in parts(read.rows, ROWS_A_TURN):
            made += [text(texts, row) for row in part]
        made += map(bytes, kept)
        return b"[" + b",".join(made[: asked.limit] if is_forward else made[-asked.limit :]) + b"]"


def _first(asked: Trades | Aggregates) -> int:
    """The id that is begun with; 0 for none."""
    return 0 if asked.from_id == NOT_THERE else max(asked.from_id, 1)


def _since_us(asked: Aggregates | Klines) -> int | None:
    return None if asked.start_ms == NOT_THERE else asked.start_ms * US


def _until_us(last_us: int, asked: Aggregates | Klines, within: int = 0) -> int:
    """The last microsecond of a page: `last_us`, or that of the millisecond which it ends with."""
    return last_us if asked.end_ms == NOT_THERE else min(last_us, asked.end_ms * US + within)


def _check(read: Read[Row], lost: Forgotten) -> None:
    """That the database has all that memory has no more, as corrections left it. DeclinedError."""
    if read.at.numbers[lost.matcher] < lost.trade_id or read.at.complete_seq < lost.corrected_seq:
        raise DeclinedError(Reason.HISTORY_BEHIND)
