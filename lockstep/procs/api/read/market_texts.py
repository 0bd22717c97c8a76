"""PostgreSQL's trades, aggregates, candles and windows in the words and with the decimals of the publisher's answers.

Each function writes one element. Amounts stay texts, and exact: a row of before a change of an instrument's steps may
have more decimals than the instrument has now.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from lockstep.core.schema.decimals import LEAST_DECIMALS, decimal
from lockstep.procs.api.history.rows import AggregateTrade, Candle, Trade, Window
from lockstep.procs.api.read.views import SymbolView

PERCENT = 100_000  # of 100 %: three decimals


class Texts:
    """The rows of a symbol, with times in milliseconds or microseconds."""

    def __init__(self, symbol: SymbolView, *, in_us: bool) -> None:
        self._price = max(symbol.price_scale, LEAST_DECIMALS)
        self._quantity = max(symbol.quantity_scale, LEAST_DECIMALS)
        self._quote = _decimals_of_product(symbol)
        self._unit = 1 if in_us else 1000

    def trade(self, row: Trade) -> bytes:
        """A row of the list of trades."""
        price, quantity = _text(row.price, self._price), _text(row.quantity, self._quantity)
        return (
            f'{{"id":{row.trade_id},"price":"{price}","qty":"{quantity}",'
            f'"quoteQty":"{_text(row.value, self._quote)}","time":{row.time_us // self._unit},'
            f'"isBuyerMaker":{_bool(row.buyer_is_maker)},"isBestMatch":true}}'
        ).encode()

    def aggregate(self, row: AggregateTrade) -> bytes:
        """A row of the list of aggregates, which are called after their first trade."""
        return (
            f'{{"a":{row.first_id},"p":"{_text(row.price, self._price)}","q":"{_text(row.quantity, self._quantity)}",'
            f'"f":{row.first_id},"l":{row.last_id},"T":{row.time_us // self._unit},'
            f'"m":{_bool(row.buyer_is_maker)},"M":true}}'
        ).encode()

    def candle(self, row: Candle) -> bytes:
        """A row of the list of candles."""
        prices = '","'.join(_text(each, self._price) for each in (row.open, row.high, row.low, row.close))
        return (
            f'[{row.open_us // self._unit},"{prices}","{_text(row.volume, self._quantity)}",'
            f'{(row.close_us + 1) // self._unit - 1},"{_text(row.quote_volume, self._quote)}",{row.trades},'
            f'"{_text(row.taker_buy_volume, self._quantity)}","{_text(row.taker_buy_quote_volume, self._quote)}","0"]'
        ).encode()


def joined_window(before: Window, rest: dict[str, Any]) -> dict[str, Any]:
    """Statistics of a window of which memory has the `rest`: all that was traded behind `before`."""
    made = dict(rest)
    decimals = _decimals(rest["lastPrice"])
    opened, volume = Decimal(before.open), Fraction(before.volume)
    high, low = Decimal(before.high), Decimal(before.low)
    last, quote = Decimal(before.close), Fraction(before.quote_volume)
    made["firstId"], made["lastId"] = before.first_id, before.last_id
    if rest["count"]:
        high, low = max(high, Decimal(rest["highPrice"])), min(low, Decimal(rest["lowPrice"]))
        last, made["lastId"] = Decimal(rest["lastPrice"]), rest["lastId"]
        volume += Fraction(rest["volume"])
        quote += Fraction(rest["quoteVolume"])
    prices = {"openPrice": opened, "highPrice": high, "lowPrice": low, "lastPrice": last}
    made |= {name: _written(Fraction(price), decimals) for name, price in prices.items()}
    made["volume"] = _written(volume, _decimals(rest["volume"]))
    made["quoteVolume"] = _written(quote, _decimals(rest["quoteVolume"]))
    made["count"] = rest["count"] + before.trades
    if "priceChange" in rest:
        change = Fraction(last - opened)
        made["priceChange"] = _written(change, decimals)
        thousandths = Fraction(int(abs(change) / Fraction(opened) * PERCENT + Fraction(1, 2)), 1000)
        made["priceChangePercent"] = _written(thousandths if change > 0 else -thousandths, 3)
        made["weightedAvgPrice"] = _written(quote / volume, decimals)
    return made


def _text(amount: str, decimals: int) -> str:
    """An exact amount with so many decimals, or more where it has them."""
    whole, _, part = amount.partition(".")
    return f"{whole}.{part.rstrip('0').ljust(decimals, '0')}"


def _written(amount: Fraction, decimals: int) -> str:
    """An amount with so many decimals, rounded towards zero."""
    return decimal(int(amount * 10**decimals), decimals, 0)


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def _decimals_of_product(symbol: SymbolView) -> int:
    """Of ticks times lots: as few as they need, and eight at least."""
    mantissa, decimals = symbol.tick * symbol.lot, symbol.price_scale + symbol.quantity_scale
    while decimals > LEAST_DECIMALS and mantissa % 10 == 0:
        mantissa //= 10
        decimals -= 1
    return max(decimals, LEAST_DECIMALS)


def _bool(value: bool) -> str:
    return "true" if value else "false"
