"""What operators have set for an account: its filters and its fees, each together with the symbol's.

Where they come from is `terms_of`'s business; here they get Binance's names.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from lockstep.core.schema.decimals import decimal
from lockstep.procs.api.binance.account_answers import commission_answer, trade_fee_answer
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.exchange_info import filters_of
from lockstep.procs.api.binance.names import instrument_named
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.api.read.views import SymbolView


class Terms(NamedTuple):
    """How many orders the account may have open (0: any number), how much of an asset by its name, in its smallest
    unit, and the rates of its fee tier in ppm (maker, taker), None where it pays each instrument's."""

    open_orders: int
    positions: Mapping[str, int]
    rates: tuple[int, int] | None


TermsOf = Callable[[int], Awaitable[Terms]]


class AccountTerms:
    """The handlers. `terms_of` returns an account's, and raises DeclinedError where it can't."""

    def __init__(self, shown: Shown, terms_of: TermsOf) -> None:
        self._shown = shown
        self._terms_of = terms_of

    async def my_filters(self, call: Call) -> bytes:
        """Return the filters that an order of the account meets in a symbol."""
        view = self._shown.symbol(instrument_named(self._shown, call.sent.require(b"symbol")))
        limits = await self._terms_of(call.account)
        return msgspec.json.encode(
            {
                "exchangeFilters": _of_venue(limits),
                "symbolFilters": filters_of(view) + _of_position(limits, view),
                "assetFilters": [],
            }
        )

    async def commission(self, call: Call) -> bytes:
        """Return the fees that the account pays in a symbol."""
        view = self._shown.symbol(instrument_named(self._shown, call.sent.require(b"symbol")))
        return commission_answer(view, (await self._terms_of(call.account)).rates)

    async def trade_fee(self, call: Call) -> bytes:
        """Return the fees that the account pays in a symbol, or in each."""
        symbol = call.sent.get(b"symbol")
        views = (
            self._shown.symbol_views()
            if symbol is None
            else [self._shown.symbol(instrument_named(self._shown, symbol))]
        )
        return trade_fee_answer(views, (await self._terms_of(call.account)).rates)


def _of_venue(limits: Terms) -> list[dict[str, Any]]:
    if not limits.open_orders:
        return []
    return [{"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": limits.open_orders}]


def _of_position(limits: Terms, view: SymbolView) -> list[dict[str, Any]]:
    most = limits.positions.get(view.base.decode(), 0)
    if not most:
        return []
    return [{"filterType": "MAX_POSITION", "maxPosition": decimal(most, view.base_scale)}]
