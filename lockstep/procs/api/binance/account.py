"""What clients ask about their accounts and about the venue: orders, fills, balances, fees, symbols, keys, limits.

Each method answers a route of its name, from what the desk knows, and orders and fills of before from the archive. What
a client was told by an answer or an event, its next question shows: the desk's tables had it before.
"""

from __future__ import annotations

import time

import msgspec

from lockstep.core.schema.decimals import decimal
from lockstep.core.schema.enums import KeyScope
from lockstep.procs.api.binance import rate_limits
from lockstep.procs.api.binance.account_answers import (
    account_answer,
    currencies_answer,
    key_restrictions_answer,
    time_answer,
)
from lockstep.procs.api.binance.answers import order_row, order_rows, trade_rows
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.errors import ApiError, Number, invalid_combination, order_unknown, symbol_unknown
from lockstep.procs.api.binance.exchange_info import exchange_info, futures_info, status_of, symbol_rows
from lockstep.procs.api.binance.names import instrument_named, permits_spot, shows_sets, status_named, symbols_named
from lockstep.procs.api.binance.order_forms import read_target
from lockstep.procs.api.binance.pages import read_page
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.limits import Limits
from lockstep.procs.api.parts import MOST_OBJECTS, MOST_ROWS, joined, parts
from lockstep.procs.api.read.archive import Archive
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.api.read.views import SymbolView


class Account:
    """The handlers."""

    def __init__(self, desk: Desk, shown: Shown, archive: Archive, limits: Limits) -> None:
        self._desk = desk
        self._shown = shown
        self._archive = archive
        self._limits = limits

    async def ping(self, _: Call) -> bytes:
        """That the venue is there."""
        return b"{}"

    async def time(self, call: Call) -> bytes:
        """The venue's clock."""
        return time_answer(call.now_ns // call.unit)

    async def exchange_info(self, call: Call) -> bytes:
        """What is traded, by which steps, and what is limited."""
        views = self._shown.symbol_views()
        wanted, status = symbols_named(call.sent), status_named(call.sent)
        spot = permits_spot(call.sent)
        with_sets = shows_sets(call.sent)
        if wanted is not None and (status is not None or call.sent.get(b"permissions") is not None):
            raise invalid_combination()
        views = [view for view in self._named(views, wanted) if spot and status in (None, status_of(view.phase))]
        limits = [rate_limits.weight_row(self._limits.weights), *rate_limits.order_rows(self._limits.orders)]
        rows = [symbol_rows(part, with_sets=with_sets) async for part in parts(views, MOST_OBJECTS)]
        return exchange_info(joined(rows), limits, call.now_ns // call.unit)

    async def execution_rules(self, call: Call) -> bytes:
        """Answer that symbols have no rules other than their filters."""
        wanted, status = symbols_named(call.sent), status_named(call.sent)
        if wanted is not None and status is not None:
            raise invalid_combination()
        views = self._named(self._shown.symbol_views(), wanted)
        return msgspec.json.encode(
            {
                "symbolRules": [
                    {"symbol": view.symbol.decode(), "rules": []}
                    for view in views
                    if status in (None, status_of(view.phase))
                ]
            }
        )

    async def reference_price(self, call: Call) -> bytes:
        """A symbol's reference price: static bands stand on it."""
        view = self._shown.symbol(instrument_named(self._shown, call.sent.require(b"symbol")))
        if not view.reference_ticks:
            raise ApiError(400, Number.NO_REFERENCE_PRICE, "This symbol doesn't have a reference price.")
        return msgspec.json.encode(
            {
                "symbol": view.symbol.decode(),
                "referencePrice": decimal(view.reference_ticks * view.tick, view.price_scale),
                "timestamp": view.reference_ns // call.unit,
            }
        )

    def _named(self, views: list[SymbolView], wanted: set[str] | None) -> list[SymbolView]:
        """The symbols of these names. ApiError where one is not listed."""
        found = [view for view in views if wanted is None or view.symbol.decode() in wanted]
        if wanted is not None and len(found) != len(wanted):
            raise symbol_unknown()
        return found

    async def futures_info(self, call: Call) -> bytes:
        """That there are no futures."""
        return futures_info(call.now_ns // call.unit)

    async def margin_pairs(self, _: Call) -> bytes:
        """That nothing is traded on margin."""
        return b"[]"

    async def system_status(self, _: Call) -> bytes:
        """That nothing is being maintained."""
        return b'{"status":0,"msg":"normal"}'

    async def order_status(self, call: Call) -> bytes:
        """An order of the account's, by its id or its client id."""
        target = read_target(call.sent)
        view = await self._archive.order(call.account, target.order_id, target.client_order_id)
        named = target.client_order_id
        if view is None or view.symbol.symbol != target.symbol or named not in (None, view.client_order_id):
            instrument_named(self._shown, target.symbol)
            raise order_unknown()
        return order_row(view, call.unit)

    async def open_orders(self, call: Call) -> bytes:
        """The account's open orders, of a symbol or of all."""
        symbol = call.sent.get(b"symbol")
        instrument = 0 if symbol is None else instrument_named(self._shown, symbol)
        ids = self._shown.open_ids(call.account, instrument)
        return joined([order_rows(self._shown.still_open(part), call.unit) async for part in parts(ids, MOST_ROWS)])

    async def all_orders(self, call: Call) -> bytes:
        """The account's orders in a symbol: from an id on, in a span of time, or the last ones."""
        instrument = instrument_named(self._shown, call.sent.require(b"symbol"))
        page = read_page(call.sent, b"orderId")
        views = await self._archive.orders(call.account, self._shown.symbol(instrument), instrument, page)
        return order_rows(list(views), call.unit)

    async def my_trades(self, call: Call) -> bytes:
        """The account's fills in a symbol: of an order, from an id on, in a span of time, or the last ones."""
        instrument = instrument_named(self._shown, call.sent.require(b"symbol"))
        order_id = call.sent.integer(b"orderId", 0, 2**63 - 1, 0) or 0
        page = read_page(call.sent, b"fromId")
        views = await self._archive.fills(call.account, self._shown.symbol(instrument), instrument, order_id, page)
        return trade_rows(list(views), call.unit)

    async def account(self, call: Call) -> bytes:
        """Balances, fees and rights of the account, with all that it has been told of its orders settled."""
        await self._desk.settled_of(call.account)
        views = self._shown.symbol_views()
        assert call.api_key is not None
        return account_answer(
            self._shown.balances(call.account),
            maker_ppm=_most_common([view.maker_fee_ppm for view in views]),
            taker_ppm=_most_common([view.taker_fee_ppm for view in views]),
            can_trade=call.api_key.may(KeyScope.TRADE, call.now_ns),
            can_withdraw=call.api_key.may(KeyScope.WITHDRAW, call.now_ns),
            updated=call.now_ns // call.unit,
            uid=call.account,
            omits_zero=call.sent.get(b"omitZeroBalances") == b"true",
        )

    async def currencies(self, call: Call) -> bytes:
        """All assets, and what of each the account has."""
        await self._desk.settled_of(call.account)
        return currencies_answer(self._shown.every_balance(call.account))

    async def deposits(self, _: Call) -> bytes:
        """None: deposits come by an operator, and are in statements of /v1."""
        return b"[]"

    async def withdrawals(self, _: Call) -> bytes:
        """None: withdrawals are asked for, and listed, by /v1."""
        return b"[]"

    async def withdraw(self, call: Call) -> bytes:
        """No asset has a network to be withdrawn by."""
        for name in (b"coin", b"address", b"amount"):
            call.sent.require(name)
        text = "The current currency is not open for withdrawal."
        raise ApiError(400, Number.NOT_OPEN_FOR_WITHDRAWAL, text)

    async def key_restrictions(self, call: Call) -> bytes:
        """What the key that asks may do."""
        key = call.api_key
        assert key is not None
        return key_restrictions_answer(
            created=key.defined_ns // call.unit,
            by_address=bool(key.networks),
            trades=key.may(KeyScope.TRADE, call.now_ns),
            withdraws=key.may(KeyScope.WITHDRAW, call.now_ns),
        )

    async def order_limits(self, call: Call) -> bytes:
        """How many orders the account has placed in the windows that are counted."""
        counts = self._limits.orders.counts(call.account, time.monotonic())
        return msgspec.json.encode(rate_limits.order_rows(self._limits.orders, counts))


def _most_common(values: list[int]) -> int:
    return max(set(values), key=values.count, default=0)
