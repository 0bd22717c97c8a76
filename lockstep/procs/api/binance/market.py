"""What clients ask about the market: books, trades, candles, statistics. The publisher has them, and makes the answers.

Each method answers a route of its name. What the publisher has forgotten is joined from PostgreSQL (`market_archive`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

from lockstep.core.edge.market_queries import (
    MAX_LEVELS,
    NOT_THERE,
    Aggregates,
    Klines,
    MarketDataAwayError,
    Trades,
    UnknownNameError,
    Window,
)
from lockstep.procs.api.binance.answers import MICROSECOND
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.errors import (
    ApiError,
    Number,
    either_missing,
    illegal_characters,
    interval_invalid,
    invalid,
    invalid_combination,
    symbol_unknown,
    too_many_symbols,
    unavailable,
)
from lockstep.procs.api.binance.exchange_info import status_of
from lockstep.procs.api.binance.names import status_mismatch, status_named, symbols_named
from lockstep.procs.api.binance.pages import read_limit
from lockstep.procs.api.moments import first_ns
from lockstep.procs.api.read.market_archive import MarketArchive

DEFAULT_LEVELS = 100
MOST_TIME = 2**53
FORMS = {b"FULL": "day", b"MINI": "mini_day"}
MOST_WINDOWS = 100  # symbols of a request
WINDOWS_AT_ONCE = 8
WINDOW = re.compile(rb"([1-9][0-9]?)([mhd])")
WINDOW_UNITS = {b"m": (59, 1), b"h": (23, 60), b"d": (7, 1440)}  # how many there may be, and the minutes of one
ZONE = re.compile(rb"(-?)([0-9]{1,2})(?::([0-9]{2}))?")
LEAST_ZONE, MOST_ZONE = -12 * 60, 14 * 60
T = TypeVar("T")


class Market:
    """The handlers. `archive` answers what may be older than the publisher's memory."""

    def __init__(self, archive: MarketArchive) -> None:
        self._queries = archive.queries
        self._archive = archive
        self._shown = archive.shown

    async def depth(self, call: Call) -> bytes:
        """The best levels of a book."""
        limit = call.sent.integer(b"limit", 1, 2**31, DEFAULT_LEVELS) or DEFAULT_LEVELS
        self._named(call)
        return await _told(self._queries.depth(_symbol(call), min(limit, MAX_LEVELS)))

    async def trades(self, call: Call) -> bytes:
        """The last trades."""
        asked = Trades(_symbol(call), read_limit(call.sent), in_us=call.unit == MICROSECOND)
        return await _told(self._archive.trades(asked))

    async def historical_trades(self, call: Call) -> bytes:
        """Trades from an id on, or the last ones."""
        first = call.sent.integer(b"fromId", 0, MOST_TIME, NOT_THERE)
        assert first is not None
        asked = Trades(_symbol(call), read_limit(call.sent), first, call.unit == MICROSECOND)
        return await _told(self._archive.trades(asked))

    async def agg_trades(self, call: Call) -> bytes:
        """Fills of one order at one price as one: from an id or a time on, or the last ones."""
        first = call.sent.integer(b"fromId", 0, MOST_TIME, NOT_THERE)
        assert first is not None
        start_ms, end_ms = _span(call)
        in_us = call.unit == MICROSECOND
        asked = Aggregates(_symbol(call), read_limit(call.sent), first, start_ms, end_ms, in_us)
        return await _told(self._archive.aggregates(asked))

    async def klines(self, call: Call) -> bytes:
        """Candles: from a time on, or the last ones, of intervals that begin by the clocks of a time zone."""
        interval = call.sent.require(b"interval").decode()
        offset = _zone(call)
        start_ms, end_ms = _span(call)
        in_us = call.unit == MICROSECOND
        asked = Klines(_symbol(call), interval, read_limit(call.sent), start_ms, end_ms, in_us, offset)
        return await _told(self._archive.klines(asked), interval)

    async def ui_klines(self, call: Call) -> bytes:
        """The same: this venue's candles need nothing more to be shown."""
        return await self.klines(call)

    async def avg_price(self, call: Call) -> bytes:
        """The average price of the last five minutes."""
        return await _told(self._queries.average(_symbol(call)))

    async def ticker_24hr(self, call: Call) -> bytes:
        """What happened in the last 24 hours."""
        return await self._rows(call, _form(call))

    async def ticker(self, call: Call) -> bytes:
        """What happened in a window that ends now."""
        asked = WINDOW.fullmatch(call.sent.get(b"windowSize") or b"1d")
        most, minutes = WINDOW_UNITS[asked[2]] if asked else (0, 0)
        if asked is None or int(asked[1]) > most:
            raise invalid("windowSize")
        return await self._windows(call, lambda symbol, full: Window(symbol, int(asked[1]) * minutes, 0, full))

    async def ticker_trading_day(self, call: Call) -> bytes:
        """What happened since midnight, wherever that is."""
        offset = _zone(call)
        return await self._windows(call, lambda symbol, full: Window(symbol, 0, offset, full))

    async def ticker_price(self, call: Call) -> bytes:
        """The last prices."""
        return await self._rows(call, "price")

    async def ticker_book(self, call: Call) -> bytes:
        """The best bids and asks."""
        return await self._rows(call, "best")

    async def _rows(self, call: Call, form: str) -> bytes:
        named = self._named(call)
        single = call.sent.get(b"symbol") is not None
        return await _told(self._queries.rows(form, None if named is None else sorted(named), single=single))

    async def _windows(self, call: Call, asked: Callable[[str, bool], Window]) -> bytes:
        """A window of each symbol that is named; some must be."""
        if symbols_named(call.sent) is None:
            raise either_missing("symbol", "symbols")
        named = self._named(call) or set()
        if len(named) > MOST_WINDOWS:
            raise too_many_symbols(MOST_WINDOWS)
        is_full = _form(call) == "day"
        wanted = [asked(symbol, is_full) for symbol in sorted(named)]
        found: list[bytes] = []
        for begin in range(0, len(wanted), WINDOWS_AT_ONCE):
            some = wanted[begin : begin + WINDOWS_AT_ONCE]
            found += await _told(asyncio.gather(*(self._archive.window(each) for each in some)))
        return found[0] if call.sent.get(b"symbol") is not None else b"[%s]" % b",".join(found)

    def _named(self, call: Call) -> set[str] | None:
        """The symbols that are asked for, by their names and their status; None: all. ApiError."""
        named, status = symbols_named(call.sent), status_named(call.sent)
        if status is None:
            return named
        views = self._shown.symbol_views()
        listed = {view.symbol.decode(): status_of(view.phase) for view in views}
        if call.sent.get(b"symbol") is not None and listed.get(_symbol(call), status) != status:
            raise status_mismatch()
        return {name for name in (listed if named is None else named) if listed.get(name, status) == status}


async def _told(question: Awaitable[T], interval: str = "") -> T:
    """The answer. ApiError where there is none."""
    try:
        return await question
    except UnknownNameError as error:
        raise interval_invalid() if interval and str(error) == interval else symbol_unknown() from None
    except MarketDataAwayError as error:
        raise unavailable(str(error)) from None


def _form(call: Call) -> str:
    form = FORMS.get(call.sent.get(b"type") or b"FULL")
    if form is None:
        raise ApiError(400, Number.INVALID_TICKER_TYPE, "Invalid ticker type.")
    return form


def _zone(call: Call) -> int:
    """How many minutes the clocks of timeZone are ahead of UTC. ApiError."""
    named = ZONE.fullmatch(call.sent.get(b"timeZone") or b"0")
    if named is None or int(named[3] or 0) > 59:
        raise invalid("timeZone")
    offset = (int(named[2]) * 60 + int(named[3] or 0)) * (-1 if named[1] else 1)
    if not LEAST_ZONE <= offset <= MOST_ZONE:
        raise invalid("timeZone")
    return offset


def _symbol(call: Call) -> str:
    symbol = call.sent.require(b"symbol")
    if not symbol.isascii() or len(symbol) > 20:
        raise illegal_characters("symbol", "^[A-Z0-9-_.]{1,20}$")
    return symbol.decode()


def _span(call: Call) -> tuple[int, int]:
    """startTime and endTime in ms. ApiError."""
    found = []
    for name in (b"startTime", b"endTime"):
        moment = call.sent.integer(name, 0, MOST_TIME, NOT_THERE)
        assert moment is not None
        found.append(moment if moment == NOT_THERE else first_ns(moment) // 10**6)
    if found[0] > found[1] != NOT_THERE:
        raise invalid_combination()
    return found[0], found[1]
