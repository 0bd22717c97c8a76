"""`/v1/instruments`: what is listed, and the market as it is. No login is needed."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.params import Parameter
from msgspec import Struct

from lockstep.core.edge.market_queries import MAX_LEVELS, MarketDataAwayError, UnknownNameError
from lockstep.core.rules.intervals import SECONDS
from lockstep.procs.api.history import csv
from lockstep.procs.api.v1.caller import Services, address_of
from lockstep.procs.api.v1.downloads import CSV
from lockstep.procs.api.v1.problems import invalid, market_data_away, not_found
from lockstep.procs.api.v1.shown import InstrumentShown, instrument_shown
from lockstep.procs.api.v1.statements import US, Since, Until

JSON = "application/json"


class VenueShown(Struct, frozen=True):
    """The venue, and its clock in milliseconds since 1970."""

    name: str
    time: int
    registration: str


class MarketController(Controller):
    """Public."""

    path = "/v1"
    tags = ["market"]  # noqa: RUF012 - Litestar's name

    @get("/venue")
    async def venue(self, services: Services) -> VenueShown:
        """What the venue is called, and who may register."""
        registration = services.desk.people.registration.name.lower()
        return VenueShown(services.config.venue.name, int(1000 * services.clock()), registration)

    @get("/instruments")
    async def instruments(self, services: Services) -> list[InstrumentShown]:
        """All that is listed."""
        return [instrument_shown(view) for view in services.shown.symbol_views()]

    @get("/instruments/{symbol:str}")
    async def instrument(self, symbol: str, services: Services) -> InstrumentShown:
        """One instrument."""
        return instrument_shown(services.shown.symbol(_instrument(services, symbol)))

    @get("/instruments/{symbol:str}/trades.csv", media_type=CSV)
    async def trades_csv(
        self, symbol: str, request: Request[Any, Any, Any], services: Services, since: Since = 0, until: Until = None
    ) -> Response[Any]:
        """Trades as corrections left them, up to what the database has, as CSV."""
        _instrument(services, symbol)
        history = await services.slow.history()
        chunks = csv.trades(history, symbol, *_span_us(services, since, until))
        return await services.downloads.begin(address_of(request), chunks, f"{symbol}-trades.csv")

    @get("/instruments/{symbol:str}/candles.csv", media_type=CSV)
    async def candles_csv(
        self, symbol: str, request: Request[Any, Any, Any], services: Services, interval: str = "1m", since: Since = 0,
        until: Until = None,
    ) -> Response[Any]:  # fmt: skip
        """Candles that begin in a span, none missing, up to what the database has, as CSV."""
        _instrument(services, symbol)
        if interval not in SECONDS:
            raise invalid("interval", f"There are {', '.join(SECONDS)}.")
        history = await services.slow.history()
        chunks = csv.candles(history, symbol, interval, *_span_us(services, since, until))
        return await services.downloads.begin(address_of(request), chunks, f"{symbol}-{interval}.csv")

    @get("/instruments/{symbol:str}/book")
    async def book(
        self, symbol: str, services: Services, levels: Annotated[int, Parameter(ge=1, le=MAX_LEVELS)] = 100
    ) -> Response[bytes]:
        """The best levels of both sides, with the update id that joins the diff stream."""
        _instrument(services, symbol)
        try:
            return Response(await services.queries.depth(symbol, levels), media_type=JSON)
        except MarketDataAwayError as error:
            raise market_data_away(error) from None
        except UnknownNameError:
            raise not_found("This symbol has no book.", "symbol") from None


def _span_us(services: Services, since: int, until: int | None) -> tuple[int, int | None]:
    """From which microsecond on, and the last one before a time: there is nothing later than now. ProblemError."""
    if until is not None and until <= since:
        raise invalid("to", "This is not behind `from`.")
    now_us = int(services.clock() * 1000) * US
    return min(since * US, now_us), None if until is None else min(until * US - 1, now_us)


def _instrument(services: Services, symbol: str) -> int:
    """The number of a symbol's instrument. ProblemError."""
    found = services.shown.instrument(symbol.encode())
    if not found:
        raise not_found("This symbol is not listed.", "symbol")
    return found
