"""Rows of PostgreSQL as the views that answers are made of: exact amounts in steps, words as the venue's numbers."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from lockstep.core.schema.decimals import in_units
from lockstep.core.schema.enums import CancelReason, ListKind, OrderFlag, OrderType, SelfTrade, Side, TimeInForce
from lockstep.procs.api.history.average_cost import AverageCost
from lockstep.procs.api.history.rows import Fill, Order, Position
from lockstep.procs.api.read.views import FillView, OrderView, SymbolView

# A row of an order that waits, or that waited and works now, says so; to clients both are new.
# The numbers are those of FIX OrdStatus, as views have it.
STATES = {
    "WAITING": ord("0"), "NEW": ord("0"), "TRIGGERED": ord("0"), "PARTIALLY_FILLED": ord("1"), "FILLED": ord("2"),
    "CANCELED": ord("4"), "EXPIRED": ord("C"),
}  # fmt: skip


def archived_order(row: Order, symbol: SymbolView) -> OrderView:
    """The view of an order whose row has its `value`."""
    symbol = _in_steps(symbol, (row.price, row.stop_price), (row.quantity, row.filled, row.display, row.prevented))
    assert row.value is not None
    return OrderView(
        symbol=symbol,
        order_id=row.order_id,
        list_id=-1 if row.mate_order_id is None else max(row.order_id, row.mate_order_id),
        mate_id=row.mate_order_id or 0,
        list_kind=ListKind[row.list_kind] if row.list_kind else 0,
        list_name=(row.list_name or "").encode(),
        client_order_id=row.cl_ord_id.encode(),
        side=Side[row.side],
        ord_type=OrderType[row.type],
        time_in_force=TimeInForce[row.time_in_force],
        stp=SelfTrade[row.self_trade],
        flags=_flags(row),
        status=STATES[row.state],
        price_ticks=_ticks(row.price, symbol),
        stop_price_ticks=_ticks(row.stop_price, symbol),
        quantity_lots=_lots(row.quantity, symbol) if row.budget is None else in_units(row.budget, symbol.quote_scale),
        display_lots=_lots(row.display, symbol),
        executed_lots=_lots(row.filled, symbol),
        executed_quote=in_units(row.value, symbol.quote_scale),
        entered_ns=row.created_us * 1000,
        changed_ns=row.updated_us * 1000,
        end_reason=_reason_of(row.end_reason),
        prevented_lots=_lots(row.prevented, symbol),
        prevented_match=row.prevented_match or 0,
        working_ns=0 if row.state == "WAITING" else row.created_us * 1000,
    )


def _reason_of(name: str | None) -> int:
    """Why an order was cancelled; 0 where it was not."""
    return CancelReason[name] if name is not None and name in CancelReason.__members__ else 0


def archived_fill(row: Fill, symbol: SymbolView) -> FillView:
    """The view of one side of a trade."""
    symbol = _in_steps(symbol, (row.price,), (row.quantity,))
    return FillView(
        symbol=symbol,
        trade_id=row.trade_id,
        order_id=row.order_id,
        price_ticks=_ticks(row.price, symbol),
        quantity_lots=_lots(row.quantity, symbol),
        fee=in_units(row.fee, symbol.base_scale if row.is_buyer else symbol.quote_scale),
        seq=row.seq,
        time_ns=row.time_us * 1000,
        is_buyer=row.is_buyer,
        is_maker=row.is_maker,
    )


def archived_position(row: Position, symbol: SymbolView) -> AverageCost:
    """A position in smallest units."""
    return AverageCost(
        in_units(row.quantity, symbol.base_scale), in_units(row.cost, symbol.quote_scale),
        in_units(row.realised, symbol.quote_scale), row.fills,
    )  # fmt: skip


def _flags(row: Order) -> int:
    budget = OrderFlag.BUDGET if row.budget is not None else 0
    return budget | (OrderFlag.POST_ONLY if row.post_only else 0) | (OrderFlag.SLIDE if row.slide else 0)


def _in_steps(symbol: SymbolView, prices: Iterable[str | None], quantities: Iterable[str | None]) -> SymbolView:
    """The symbol's view, or one with steps as fine as a row needs that was written before the steps were others."""
    in_ticks, in_lots = [text for text in prices if text], [text for text in quantities if text]
    fits = all(_fits(text, symbol.price_scale, symbol.tick) for text in in_ticks)
    if fits and all(_fits(text, symbol.quantity_scale, symbol.lot) for text in in_lots):
        return symbol
    return SymbolView(
        symbol=symbol.symbol, base=symbol.base, quote=symbol.quote, base_scale=symbol.base_scale,
        quote_scale=symbol.quote_scale, tick=1, lot=1,
        price_scale=max(symbol.price_scale, *map(_decimals, in_ticks)),
        quantity_scale=max(symbol.quantity_scale, *map(_decimals, in_lots)),
    )  # fmt: skip


def _fits(text: str, scale: int, step: int) -> bool:
    return Decimal(text).scaleb(scale) % step == 0


def _decimals(text: str) -> int:
    exponent = Decimal(text).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def _ticks(text: str | None, symbol: SymbolView) -> int:
    return in_units(text, symbol.price_scale) // symbol.tick if text else 0


def _lots(text: str | None, symbol: SymbolView) -> int:
    return in_units(text, symbol.quantity_scale) // symbol.lot if text else 0
