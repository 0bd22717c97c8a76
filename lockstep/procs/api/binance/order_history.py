"""What clients ask about the past of their orders that only PostgreSQL keeps: amendments, prevented matches.

Each method answers a route of its name. An answer covers every event that the API had read when it was asked.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from lockstep.core.schema.decimals import LEAST_DECIMALS
from lockstep.core.schema.enums import SelfTrade
from lockstep.procs.api.binance.answers import self_trade_word
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.errors import invalid_combination
from lockstep.procs.api.binance.names import instrument_named
from lockstep.procs.api.binance.pages import read_limit
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.history.rows import Amendment, PreventedMatch, Read
from lockstep.procs.api.read.past import Past, Question
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.api.read.views import SymbolView

MAX_ID = 2**63 - 1
Row = TypeVar("Row")


class OrderHistory:
    """The handlers."""

    def __init__(self, desk: Desk, shown: Shown, past: Past) -> None:
        self._desk = desk
        self._shown = shown
        self._past = past

    async def my_prevented_matches(self, call: Call) -> bytes:
        """The matches that self-trade prevention prevented: one by its id, or those of an order."""
        symbol = call.sent.require(b"symbol").decode()
        view = self._shown.symbol(instrument_named(self._shown, symbol.encode()))
        match_id = call.sent.integer(b"preventedMatchId", 0, MAX_ID)
        order_id = call.sent.integer(b"orderId", 0, MAX_ID)
        first = call.sent.integer(b"fromPreventedMatchId", 0, MAX_ID)
        limit = call.sent.integer(b"limit", 1, 2**31)
        if (match_id is None) == (order_id is None) or (match_id is not None and (first, limit) != (None, None)):
            raise invalid_combination()
        if match_id is not None:
            found = await self._ask(lambda history: history.prevented_match(call.account, symbol, match_id))
        else:
            found = await self._ask(
                lambda history: history.prevented_matches(
                    call.account, symbol, order_id or 0, first=first or 0, limit=read_limit(call.sent)
                )
            )
        return msgspec.json.encode([_prevented(row, view, call.unit) for row in found])

    async def amendments(self, call: Call) -> bytes:
        """The amendments of an order, from one on."""
        symbol = call.sent.require(b"symbol").decode()
        view = self._shown.symbol(instrument_named(self._shown, symbol.encode()))
        call.sent.require(b"orderId")
        order_id = call.sent.integer(b"orderId", 0, MAX_ID) or 0
        first = call.sent.integer(b"fromExecutionId", 0, MAX_ID) or 0
        limit = read_limit(call.sent)
        found = await self._ask(
            lambda history: history.amendments(call.account, symbol, order_id, first=first, limit=limit)
        )
        return msgspec.json.encode([_amendment(row, view, call.unit) for row in found])

    async def _ask(self, question: Question[Row]) -> list[Row]:
        """Return the database's rows, once it has all that the desk has seen of the kind; none if there never was any.

        ApiError.
        """
        seen = self._desk.recorded_numbers()
        if not any(seen):
            return []

        def take(read: Read[Row]) -> list[Row] | None:
            numbers = read.at.numbers
            return read.rows if all(has >= wanted for has, wanted in zip(numbers, seen, strict=False)) else None

        return await self._past.ask_until(question, take)


def _amendment(row: Amendment, view: SymbolView, unit: int) -> dict[str, Any]:
    return {
        "symbol": row.symbol,
        "orderId": row.order_id,
        "executionId": row.seq,
        "origClientOrderId": row.orig_cl_ord_id,
        "newClientOrderId": row.cl_ord_id,
        "origQty": _exact(row.old_quantity, view.quantity_scale),
        "newQty": _exact(row.quantity, view.quantity_scale),
        "time": row.time_us * 1000 // unit,
    }


def _prevented(row: PreventedMatch, view: SymbolView, unit: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "symbol": row.symbol,
        "preventedMatchId": row.match_id,
        "takerOrderId": row.taker_order_id,
        "makerSymbol": row.symbol,
        "makerOrderId": row.maker_order_id,
        "tradeGroupId": row.trade_group or -1,
        "selfTradePreventionMode": self_trade_word(SelfTrade[row.self_trade]).decode(),
        "price": _exact(row.price, view.price_scale),
    }
    for name, quantity in (
        ("makerPreventedQuantity", row.maker_prevented),
        ("takerPreventedQuantity", row.taker_prevented),
    ):
        if Decimal(quantity):
            answer[name] = _exact(quantity, view.quantity_scale)
    return answer | {"transactTime": row.time_us * 1000 // unit}


def _exact(text: str, scale: int) -> str:
    """A row's amount with as many decimals as other answers have, or all of its own."""
    exponent = Decimal(text).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return f"{Decimal(text):.{max(LEAST_DECIMALS, scale, -exponent)}f}"
