"""myFilters: a symbol's filters together with the limits that an operator has set for the account.

Where the limits come from is `limits_of`'s business; here they get Binance's names.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from procs.api.binance.caller import Call
from procs.api.binance.decimals import decimal
from procs.api.binance.exchange_info import filters_of
from procs.api.binance.names import instrument_named
from procs.api.binance.shown import Shown
from procs.api.binance.views import SymbolView


class AccountLimits(NamedTuple):
    """An account's limits: open orders (0: any number), and the most of an asset, by its name, in its smallest unit."""

    open_orders: int
    positions: Mapping[str, int]


LimitsOf = Callable[[int], Awaitable[AccountLimits]]


class AccountFilters:
    """The handler. `limits_of` returns an account's limits, and raises ApiError where it can't."""

    def __init__(self, shown: Shown, limits_of: LimitsOf) -> None:
        self._shown = shown
        self._limits_of = limits_of

    async def my_filters(self, call: Call) -> bytes:
        """Return the filters that an order of the account meets in a symbol."""
        view = self._shown.symbol(instrument_named(self._shown, call.sent.require(b"symbol")))
        limits = await self._limits_of(call.account)
        return msgspec.json.encode(
            {
                "exchangeFilters": _of_venue(limits),
                "symbolFilters": filters_of(view) + _of_position(limits, view),
                "assetFilters": [],
            }
        )


def _of_venue(limits: AccountLimits) -> list[dict[str, Any]]:
    if not limits.open_orders:
        return []
    return [{"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": limits.open_orders}]


def _of_position(limits: AccountLimits, view: SymbolView) -> list[dict[str, Any]]:
    most = limits.positions.get(view.base.decode(), 0)
    if not most:
        return []
    return [{"filterType": "MAX_POSITION", "maxPosition": decimal(most, view.base_scale)}]
