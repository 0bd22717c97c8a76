"""What clients ask about the market: books, trades, candles, statistics. The publisher has them, and makes the answers.

Each method answers a route of its name.
"""

from __future__ import annotations

from procs.api.binance.answers import MICROSECOND
from procs.api.binance.caller import Call
from procs.api.binance.errors import (
    illegal_characters,
    interval_invalid,
    invalid,
    invalid_combination,
    symbol_unknown,
    unavailable,
)
from procs.api.binance.names import symbols_named
from procs.edge.market_queries import (
    MAX_LEVELS,
    NOT_THERE,
    Aggregates,
    Klines,
    MarketDataAwayError,
    MarketQueries,
    Request,
    Rows,
    Trades,
    UnknownNameError,
)

DEFAULT_LEVELS = 100
DEFAULT_ROWS = 500
MOST_ROWS = 1000
MOST_TIME = 2**53
FORMS = {b"FULL": "day", b"MINI": "mini_day"}


class Market:
    """The handlers."""

    def __init__(self, queries: MarketQueries) -> None:
        self._queries = queries

    async def depth(self, call: Call) -> bytes:
        """The best levels of a book."""
        limit = call.sent.integer(b"limit", 1, 2**31, DEFAULT_LEVELS) or DEFAULT_LEVELS
        try:
            return await self._queries.depth(_symbol(call), min(limit, MAX_LEVELS))
        except UnknownNameError:
            raise symbol_unknown() from None
        except MarketDataAwayError as error:
            raise unavailable(str(error)) from None

    async def trades(self, call: Call) -> bytes:
        """The last trades."""
        return await self._ask(Trades(_symbol(call), _limit(call), in_us=call.unit == MICROSECOND))

    async def historical_trades(self, call: Call) -> bytes:
        """Trades from an id on, or the last ones."""
        first = call.sent.integer(b"fromId", 0, MOST_TIME, NOT_THERE)
        assert first is not None
        return await self._ask(Trades(_symbol(call), _limit(call), first, call.unit == MICROSECOND))

    async def agg_trades(self, call: Call) -> bytes:
        """Fills of one order at one price as one: from an id or a time on, or the last ones."""
        first = call.sent.integer(b"fromId", 0, MOST_TIME, NOT_THERE)
        assert first is not None
        start_ms, end_ms = _span(call)
        in_us = call.unit == MICROSECOND
        return await self._ask(Aggregates(_symbol(call), _limit(call), first, start_ms, end_ms, in_us))

    async def klines(self, call: Call) -> bytes:
        """Candles: from a time on, or the last ones."""
        interval = call.sent.require(b"interval").decode()
        if call.sent.get(b"timeZone") not in (None, b"0", b"0:00", b"00:00"):
            raise invalid("timeZone")
        start_ms, end_ms = _span(call)
        asked = Klines(_symbol(call), interval, _limit(call), start_ms, end_ms, call.unit == MICROSECOND)
        return await self._ask(asked, interval)

    async def ui_klines(self, call: Call) -> bytes:
        """The same: this venue's candles need nothing more to be shown."""
        return await self.klines(call)

    async def avg_price(self, call: Call) -> bytes:
        """The average price of the last five minutes."""
        try:
            return await self._queries.average(_symbol(call))
        except UnknownNameError:
            raise symbol_unknown() from None
        except MarketDataAwayError as error:
            raise unavailable(str(error)) from None

    async def ticker_24hr(self, call: Call) -> bytes:
        """What happened in the last 24 hours."""
        form = FORMS.get(call.sent.get(b"type") or b"FULL")
        if form is None:
            raise invalid("type")
        return await self._rows(call, form)

    async def ticker_price(self, call: Call) -> bytes:
        """The last prices."""
        return await self._rows(call, "price")

    async def ticker_book(self, call: Call) -> bytes:
        """The best bids and asks."""
        return await self._rows(call, "best")

    async def _rows(self, call: Call, form: str) -> bytes:
        named = symbols_named(call.sent)
        single = call.sent.get(b"symbol") is not None
        return await self._ask(Rows(form, None if named is None else sorted(named), single))

    async def _ask(self, request: Request, interval: str = "") -> bytes:
        try:
            return (await self._queries.ask(request)).body
        except UnknownNameError as error:
            raise interval_invalid() if interval and str(error) == interval else symbol_unknown() from None
        except MarketDataAwayError as error:
            raise unavailable(str(error)) from None


def _symbol(call: Call) -> str:
    symbol = call.sent.require(b"symbol")
    if not symbol.isascii() or len(symbol) > 20:
        raise illegal_characters("symbol", "^[A-Z0-9-_.]{1,20}$")
    return symbol.decode()


def _limit(call: Call) -> int:
    return min(call.sent.integer(b"limit", 1, 2**31, DEFAULT_ROWS) or DEFAULT_ROWS, MOST_ROWS)


def _span(call: Call) -> tuple[int, int]:
    """startTime and endTime in ms. ApiError."""
    found = []
    for name in (b"startTime", b"endTime"):
        moment = call.sent.integer(name, 0, MOST_TIME, NOT_THERE)
        assert moment is not None
        found.append(moment // 1000 if moment >= 10**14 else moment)
    if found[0] > found[1] != NOT_THERE:
        raise invalid_combination()
    return found[0], found[1]
