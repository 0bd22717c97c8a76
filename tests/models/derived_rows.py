"""The rows of candles and positions that follow from rows of trades and corrections, each from all of them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, localcontext
from typing import Any

from tests.models.position import Position

Row = dict[str, Any]
EXACT = Context(prec=80)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LENGTHS = {
    "1s": timedelta(seconds=1), "1m": timedelta(minutes=1), "5m": timedelta(minutes=5), "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}  # fmt: skip


def standing(trades: Iterable[Row], corrections: Iterable[Row]) -> list[Row]:
    """The trades that were not undone, at the prices and fees that hold, in the order of the log."""
    corrected = {(row["matcher"], row["trade_id"]): row for row in corrections}
    found = []
    for trade in trades:
        is_bought = trade["taker_side"] == "BUY"
        buyer, seller = ("taker", "maker") if is_bought else ("maker", "taker")
        row = {name: trade[name] for name in ("matcher", "trade_id", "symbol", "price", "quantity", "time", "seq")}
        row |= {"is_bought": is_bought, "buyer_id": trade[f"{buyer}_user_id"], "seller_id": trade[f"{seller}_user_id"]}
        row |= {"buyer_fee": trade[f"{buyer}_fee"], "seller_fee": trade[f"{seller}_fee"]}
        correction = corrected.get((trade["matcher"], trade["trade_id"]))
        if correction is None:
            found.append(row)
        elif correction["new_price"] is not None:
            fees = {name: correction[name] for name in ("buyer_fee", "seller_fee")}
            found.append(row | fees | {"price": correction["new_price"]})
    return sorted(found, key=lambda row: (row["seq"], row["matcher"], row["trade_id"]))


def candles(trades: Iterable[Row]) -> Iterator[Row]:
    """Of the trades that stand."""
    of: dict[tuple[str, str, datetime], list[Row]] = defaultdict(list)
    for trade in trades:
        for name, length in LENGTHS.items():
            of[trade["symbol"], name, EPOCH + (trade["time"] - EPOCH) // length * length].append(trade)
    with localcontext(EXACT):
        for (symbol, name, time), inside in of.items():
            prices = [trade["price"] for trade in inside]
            values = [(trade["quantity"], trade["price"] * trade["quantity"], trade["is_bought"]) for trade in inside]
            yield {
                "symbol": symbol,
                "interval": name,
                "time": time,
                "open": prices[0],
                "high": max(prices),
                "low": min(prices),
                "close": prices[-1],
                "volume": sum(quantity for quantity, _, _ in values),
                "quote_volume": sum(value for _, value, _ in values),
                "trades": len(inside),
                "taker_buy_volume": sum(quantity for quantity, _, is_bought in values if is_bought),
                "taker_buy_quote_volume": sum(value for _, value, is_bought in values if is_bought),
            }


def positions(trades: Iterable[Row], scales: Mapping[str, tuple[int, int]]) -> Iterator[Row]:
    """Of the trades that stand; `scales`: by symbol, those of its base and quote assets."""
    of: dict[tuple[int, str], Position] = defaultdict(Position)
    with localcontext(EXACT):
        for trade in trades:
            symbol, quantity, value = trade["symbol"], trade["quantity"], trade["price"] * trade["quantity"]
            base, quote = scales[symbol]
            bought, paid = units(quantity - trade["buyer_fee"], base), units(value, quote)
            of[trade["buyer_id"], symbol].fill(bought, paid)
            sold, got = units(quantity, base), units(value - trade["seller_fee"], quote)
            of[trade["seller_id"], symbol].fill(-sold, got)
        for (user, symbol), position in of.items():
            base, quote = scales[symbol]
            yield {
                "user_id": user,
                "symbol": symbol,
                "quantity": Decimal(position.quantity).scaleb(-base),
                "cost": Decimal(position.cost).scaleb(-quote),
                "realised": Decimal(position.realised).scaleb(-quote),
                "fills": position.fills,
            }


def units(amount: Decimal, scale: int) -> int:
    """Smallest units, of which the amount is a whole number."""
    whole = int(amount.scaleb(scale))
    assert Decimal(whole).scaleb(-scale) == amount
    return whole
