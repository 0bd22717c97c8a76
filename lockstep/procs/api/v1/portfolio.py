"""`/v1/portfolio`: what an account has, what it cost and brought, and what it is worth at the last trades.

Everything is exact, in smallest units; what has no price is said to have none.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

import msgspec
from litestar import Controller, get
from msgspec import Struct

from lockstep.core.edge.market_queries import MarketDataAwayError, Trades, UnknownNameError
from lockstep.core.schema.decimals import decimal
from lockstep.procs.api.history.average_cost import AverageCost
from lockstep.procs.api.read.views import BalanceView, SymbolView
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.orders import Symbol
from lockstep.procs.api.v1.problems import invalid, market_data_away

ASKED_AT_ONCE = 100  # last trades


class LastTrade(Struct, frozen=True):
    """The trade that a price is of, and when it was made, in milliseconds since 1970."""

    symbol: str
    price: str
    trade_id: int
    time: int


class Holding(Struct, frozen=True):
    """What an account has of an asset, and its value in the quote asset; null where nothing has traded that says it.
    `price` is null for the quote asset itself."""

    asset: str
    free: str
    held: str
    total: str
    value: str | None
    price: LastTrade | None


class PositionShown(Struct, frozen=True):
    """What was bought less what was sold of an instrument here, at average cost, after fees; deposits are not in it.
    `value` is the quantity's at the last trade, `unrealised` that less the cost."""

    symbol: str
    base: str
    quote: str
    quantity: str
    average_cost: str | None
    cost: str
    realised: str
    fills: int
    value: str | None
    unrealised: str | None
    price: LastTrade | None


class Profit(Struct, frozen=True):
    """The sums of all positions in a quote asset; `unrealised` is null where one of them has no price."""

    quote: str
    realised: str
    unrealised: str | None


class Portfolio(Struct, frozen=True):
    """`value` is the sum of what has a value; `unpriced` are the assets that the account has and that have none. `time`
    is the venue's clock."""

    quote: str
    value: str
    unpriced: list[str]
    time: int
    balances: list[Holding]
    positions: list[PositionShown]
    profits: list[Profit]


class PortfolioController(Controller):
    """One's own portfolio."""

    path = "/v1"
    tags = ["account"]  # noqa: RUF012 - Litestar's name

    @get("/portfolio")
    async def portfolio(self, caller: Caller, services: Services, quote: Symbol | None = None) -> Portfolio:
        """Balances, positions, and what they are worth in `quote`: the asset that most instruments are quoted in."""
        return await portfolio_of(services, caller.account, quote)

    @get("/positions")
    async def positions(self, caller: Caller, services: Services, symbol: Symbol | None = None) -> list[PositionShown]:
        """The positions alone, of a symbol or all."""
        wanted = None if symbol is None else services.shown.symbol(services.instrument(symbol))
        found = await services.archive.positions(caller.account, wanted)
        views = {instrument: services.shown.symbol(instrument) for instrument in found}
        last = await last_trades(services, views.values())
        return [position_shown(views[number], each, last.get(views[number].symbol)) for number, each in found.items()]


async def portfolio_of(services: Services, account: int, quote: str | None) -> Portfolio:
    """An account's portfolio, with all that its answered orders have changed. ProblemError, DeclinedError."""
    listed = services.shown.symbol_views()
    named = quote_of(services, quote).encode()
    scale = services.asset(named.decode())[1]
    await services.desk.settled_of(account)
    positions = await services.archive.positions(account)
    balances = services.shown.balances(account)
    views = {instrument: services.shown.symbol(instrument) for instrument in positions}
    ways = _ways(listed, named, {view.asset for view in balances if view.free + view.held})
    last = await last_trades(services, [*views.values(), *(view for some in ways.values() for view in some)])
    holdings = []
    total = 0
    for view in balances:
        units, trade = _valued(view, named, scale, ways.get(view.asset, []), last)
        total += units or 0
        free, held, all_of_it = (decimal(part, view.scale, 0) for part in (view.free, view.held, view.free + view.held))
        value = None if units is None else decimal(units, scale, 0)
        holdings.append(Holding(view.asset.decode(), free, held, all_of_it, value, trade))
    shown = [position_shown(views[number], each, last.get(views[number].symbol)) for number, each in positions.items()]
    unpriced = [each.asset for each in holdings if each.value is None]
    return Portfolio(
        named.decode(), decimal(total, scale, 0), unpriced, int(1000 * services.clock()), holdings, shown,
        _profits(services, shown),
    )  # fmt: skip


async def last_trades(services: Services, views: Iterable[SymbolView]) -> dict[bytes, LastTrade]:
    """The last trade of each instrument that has one, by symbol. ProblemError."""
    symbols = sorted({view.symbol for view in views})
    found: dict[bytes, LastTrade] = {}
    for begin in range(0, len(symbols), ASKED_AT_ONCE):
        some = symbols[begin : begin + ASKED_AT_ONCE]
        trades = await asyncio.gather(*(_last_trade(services, symbol.decode()) for symbol in some))
        found |= {symbol: trade for symbol, trade in zip(some, trades, strict=True) if trade is not None}
    return found


class _Row(Struct):
    id: int
    price: str
    time: int


async def _last_trade(services: Services, symbol: str) -> LastTrade | None:
    try:
        rows = msgspec.json.decode(await services.market.trades(Trades(symbol, limit=1)), type=list[_Row])
    except MarketDataAwayError as error:
        raise market_data_away(error) from None
    except UnknownNameError:  # the publisher has not heard of it yet
        return None
    return LastTrade(symbol, rows[-1].price, rows[-1].id, rows[-1].time) if rows else None


def position_shown(view: SymbolView, position: AverageCost, last: LastTrade | None) -> PositionShown:
    """A position, at its instrument's last trade."""
    quantity, cost = position.quantity, position.cost
    value = 0 if not quantity else None
    if quantity and last is not None:
        value = _product(quantity, view.base_scale, Fraction(last.price), view.quote_scale)
    average = None
    if quantity:
        average = decimal(_product(cost, view.quote_scale, _inverse(quantity, view.base_scale), view.quote_scale),
                          view.quote_scale, 0)  # fmt: skip
    return PositionShown(
        symbol=view.symbol.decode(), base=view.base.decode(), quote=view.quote.decode(),
        quantity=decimal(quantity, view.base_scale, 0), average_cost=average,
        cost=decimal(cost, view.quote_scale, 0), realised=decimal(position.realised, view.quote_scale, 0),
        fills=position.fills, value=None if value is None else decimal(value, view.quote_scale, 0),
        unrealised=None if value is None else decimal(value - cost, view.quote_scale, 0),
        price=last if quantity else None,
    )  # fmt: skip


def quote_of(services: Services, quote: str | None) -> str:
    """The asset to value in: that one, or what most instruments are quoted in. ProblemError."""
    if quote is not None:
        services.asset(quote)
        return quote
    counted = Counter(view.quote for view in services.shown.symbol_views()).most_common(1)
    if not counted:
        raise invalid("quote", "Nothing is listed here: name an asset.")
    return counted[0][0].decode()


def _ways(listed: list[SymbolView], quote: bytes, assets: set[bytes]) -> dict[bytes, list[SymbolView]]:
    """By which instruments an asset can be valued: those that trade it for the quote asset first, then inverse ones."""
    found: dict[bytes, list[SymbolView]] = {}
    for asset in assets - {quote}:
        direct = [view for view in listed if (view.base, view.quote) == (asset, quote)]
        found[asset] = direct + [view for view in listed if (view.base, view.quote) == (quote, asset)]
    return found


def _valued(
    view: BalanceView, quote: bytes, scale: int, ways: list[SymbolView], last: dict[bytes, LastTrade]
) -> tuple[int | None, LastTrade | None]:
    """What a balance is worth, in the quote asset's smallest units, and by which trade."""
    total = view.free + view.held
    if not total or view.asset == quote:
        return total, None
    for way in ways:
        trade = last.get(way.symbol)
        if trade is not None:
            price = Fraction(trade.price)
            return _product(total, view.scale, price if way.quote == quote else 1 / price, scale), trade
    return None, None


def _profits(services: Services, positions: list[PositionShown]) -> list[Profit]:
    found = []
    for quote in sorted({each.quote for each in positions}):
        scale = services.asset(quote)[1]
        some = [each for each in positions if each.quote == quote]
        realised = sum(Fraction(each.realised) for each in some)
        gains = [each.unrealised for each in some if each.unrealised is not None]
        unrealised = sum(map(Fraction, gains)) if len(gains) == len(some) else None
        found.append(Profit(
            quote, decimal(int(realised * 10**scale), scale, 0),
            None if unrealised is None else decimal(int(unrealised * 10**scale), scale, 0),
        ))  # fmt: skip
    return found


def _inverse(units: int, scale: int) -> Fraction:
    return Fraction(10**scale, units)


def _product(units: int, scale: int, factor: Fraction, result_scale: int) -> int:
    """An amount in smallest units times a factor, in those of another asset, cut toward zero."""
    return int(units * factor * Fraction(10**result_scale, 10**scale))
