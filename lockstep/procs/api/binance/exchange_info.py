"""exchangeInfo: what is listed, which orders are taken, and the limits, as clients' strict decoders accept it.

It names exactly what the venue does, and nothing that it does not: an unknown filter or status stops nautilus_trader.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from lockstep.core.schema.decimals import decimal
from lockstep.core.schema.records import Phase
from lockstep.procs.api.read.views import SymbolView

ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"]
SELF_TRADE_MODES = ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"]
SCALE = 8  # of Binance's precisions, whatever the asset's
INT64_MAX = 2**63 - 1
GREATEST = 9_000_000_000  # nautilus_trader can't hold a greater price, quantity or amount
BPS = 10_000

TRADING = {Phase.CONTINUOUS, Phase.PRE_OPEN, Phase.OPENING_AUCTION, Phase.VOLATILITY_AUCTION, Phase.CLOSING_AUCTION}
HALTED = {Phase.HALT, Phase.CANCEL_ONLY}


def status_of(phase: int) -> str:
    """A symbol's status; strict decoders know these three words."""
    if phase in TRADING:
        return "TRADING"
    return "HALT" if phase in HALTED else "BREAK"


def filters_of(view: SymbolView) -> list[dict[str, Any]]:
    """The rules that a client can check before it sends an order."""
    tick = decimal(view.tick, view.price_scale)
    lot = decimal(view.lot, view.quantity_scale)
    most = greatest(view.lot, view.quantity_scale, min(view.most_lots or INT64_MAX, INT64_MAX // view.lot_units))
    most_price = greatest(view.tick, view.price_scale, INT64_MAX // view.unit_value)
    most_value = greatest(1, view.quote_scale, view.most_value or INT64_MAX)
    filters: list[dict[str, Any]] = [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": most_price, "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": most, "stepSize": lot},
        {"filterType": "MARKET_LOT_SIZE", "minQty": lot, "maxQty": most, "stepSize": lot},
        {
            "filterType": "NOTIONAL",
            "minNotional": decimal(view.unit_value, view.quote_scale),
            "applyMinToMarket": False,
            "maxNotional": most_value,
            "applyMaxToMarket": False,
            "avgPriceMins": 0,
        },
    ]
    if view.band_bps:
        filters.append(_band(view.band_bps))
    return filters


def greatest(step: int, scale: int, steps: int) -> str:
    """So many steps, or as many as clients can hold."""
    return decimal(min(steps, INT64_MAX // step, GREATEST * 10**scale // step) * step, scale)


def _band(band_bps: int) -> dict[str, Any]:
    """The static price band, as multiples of the reference price."""
    up, down = decimal(BPS + band_bps, 4, 4), decimal(max(BPS - band_bps, 0), 4, 4)
    return {
        "filterType": "PERCENT_PRICE_BY_SIDE",
        "bidMultiplierUp": up,
        "bidMultiplierDown": down,
        "askMultiplierUp": up,
        "askMultiplierDown": down,
        "avgPriceMins": 0,
    }


def symbol_info(view: SymbolView, *, with_sets: bool = True) -> dict[str, Any]:
    """A symbol's row; `with_sets`: its permissionSets are filled."""
    return {
        "symbol": view.symbol.decode(),
        "status": status_of(view.phase),
        "baseAsset": view.base.decode(),
        "baseAssetPrecision": max(SCALE, view.base_scale),
        "quoteAsset": view.quote.decode(),
        "quotePrecision": max(SCALE, view.quote_scale),
        "quoteAssetPrecision": max(SCALE, view.quote_scale),
        "baseCommissionPrecision": max(SCALE, view.base_scale),
        "quoteCommissionPrecision": max(SCALE, view.quote_scale),
        "orderTypes": ORDER_TYPES,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters_of(view),
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]] if with_sets else [],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": SELF_TRADE_MODES,
    }


def symbol_rows(views: Iterable[SymbolView], *, with_sets: bool = True) -> bytes:
    """Their rows, as a list."""
    return msgspec.json.encode([symbol_info(view, with_sets=with_sets) for view in views])


def exchange_info(symbols: bytes, rate_limits: list[dict[str, Any]], now: int) -> bytes:
    """The answer. `rate_limits` are the rows of the module of that name, `now` is in the answer's unit of time."""
    return msgspec.json.encode(
        {
            "timezone": "UTC",
            "serverTime": now,
            "rateLimits": rate_limits,
            "exchangeFilters": [],
            "symbols": msgspec.Raw(symbols),
            "sors": [],
        }
    )


def futures_info(now: int) -> bytes:
    """exchangeInfo of futures, of which there are none: ccxt loads them with its default options."""
    return msgspec.json.encode(
        {
            "timezone": "UTC",
            "serverTime": now,
            "rateLimits": [],
            "exchangeFilters": [],
            "assets": [],
            "symbols": [],
        }
    )
