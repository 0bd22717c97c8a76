"""What /v1 shows of orders, fills, balances and instruments: the venue's own words, exact decimals, times in
milliseconds since 1970."""

from __future__ import annotations

from msgspec import Struct

from lockstep.core.schema.decimals import decimal
from lockstep.core.schema.records import OrderFlag, OrderType, Phase, SelfTrade, Side, TimeInForce
from lockstep.procs.api.read.views import BalanceView, FillView, OrderView, SymbolView

MS = 1_000_000
PRICED = (OrderType.LIMIT, OrderType.STOP_LIMIT)  # others' price is the worst that the venue lets them have
# FIX OrdStatus, as the number of its character.
STATUS = {
    48: "new",
    49: "partially_filled",
    50: "filled",
    52: "cancelled",
    53: "replaced",
    56: "rejected",
    67: "expired",
}


class OrderShown(Struct, frozen=True):
    """An order. `quantity` of a market order with a budget is that, in the quote asset; `value` is what its fills came
    to."""

    order_id: int
    client_order_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str
    price: str | None
    quantity: str | None
    budget: str | None
    filled: str
    value: str
    status: str
    stop_price: str | None
    trail: str | None
    display: str | None
    minimum: str | None
    expires: int | None
    post_only: bool
    slide: bool
    self_trade: str
    list_id: int | None
    entered: int
    changed: int


class FillShown(Struct, frozen=True):
    """One side of a trade, as corrections left it."""

    trade_id: int
    order_id: int
    symbol: str
    side: str
    liquidity: str
    price: str
    quantity: str
    value: str
    fee: str
    fee_asset: str
    time: int
    seq: int


class BalanceShown(Struct, frozen=True):
    """What an account has of an asset: `held` by orders and withdrawals, and free."""

    asset: str
    free: str
    held: str
    total: str


class InstrumentShown(Struct, frozen=True):
    """What is listed. Fees are parts of a million; limits are null where there is none."""

    symbol: str
    base: str
    quote: str
    tick: str
    lot: str
    phase: str
    maker_fee_ppm: int
    taker_fee_ppm: int
    most_quantity: str | None
    most_value: str | None


def order_shown(view: OrderView, terms: dict[str, int] | None = None) -> OrderShown:
    """An order; `terms` are those beyond price and quantity, as `ClientOrders.further` has them."""
    symbol = view.symbol
    terms = terms or {}
    has_budget = bool(view.flags & OrderFlag.BUDGET)
    return OrderShown(
        order_id=view.order_id,
        client_order_id=view.client_order_id.decode(),
        symbol=symbol.symbol.decode(),
        side=Side(view.side).name.lower(),
        type=OrderType(view.ord_type).name.lower(),
        time_in_force=TimeInForce(view.time_in_force).name.lower(),
        price=_price(symbol, view.price_ticks) if view.ord_type in PRICED else None,
        quantity=None if has_budget else _quantity(symbol, view.quantity_lots),
        budget=decimal(view.quantity_lots, symbol.quote_scale, 0) if has_budget else None,
        filled=_exact(view.executed_lots * symbol.lot, symbol.quantity_scale),
        value=_exact(view.executed_quote, symbol.quote_scale),
        status=STATUS[view.status],
        stop_price=_price(symbol, terms.get("stop_price_ticks", view.stop_price_ticks) or view.stop_price_ticks),
        trail=_price(symbol, terms.get("trail_ticks", 0)),
        display=_quantity(symbol, view.display_lots),
        minimum=_quantity(symbol, terms.get("minimum_lots", 0)),
        expires=terms.get("expire_ns", 0) // MS or None,
        post_only=bool(view.flags & OrderFlag.POST_ONLY),
        slide=bool(view.flags & OrderFlag.SLIDE),
        self_trade=SelfTrade(view.stp).name.lower(),
        list_id=view.list_id if view.list_id != -1 else None,
        entered=view.entered_ns // MS,
        changed=view.changed_ns // MS,
    )


def fill_shown(view: FillView) -> FillShown:
    """One side of a trade."""
    symbol = view.symbol
    scale = symbol.base_scale if view.is_buyer else symbol.quote_scale
    return FillShown(
        trade_id=view.trade_id,
        order_id=view.order_id,
        symbol=symbol.symbol.decode(),
        side="buy" if view.is_buyer else "sell",
        liquidity="maker" if view.is_maker else "taker",
        price=_exact(view.price_ticks * symbol.tick, symbol.price_scale),
        quantity=_exact(view.quantity_lots * symbol.lot, symbol.quantity_scale),
        value=_exact(view.price_ticks * view.quantity_lots * symbol.unit_value, symbol.quote_scale),
        fee=_exact(view.fee, scale),
        fee_asset=(symbol.base if view.is_buyer else symbol.quote).decode(),
        time=view.time_ns // MS,
        seq=view.seq,
    )


def balance_shown(view: BalanceView) -> BalanceShown:
    """What an account has of an asset."""
    parts = (view.free, view.held, view.free + view.held)
    return BalanceShown(view.asset.decode(), *(_exact(part, view.scale) for part in parts))


def instrument_shown(view: SymbolView) -> InstrumentShown:
    """An instrument."""
    return InstrumentShown(
        symbol=view.symbol.decode(),
        base=view.base.decode(),
        quote=view.quote.decode(),
        tick=_exact(view.tick, view.price_scale),
        lot=_exact(view.lot, view.quantity_scale),
        phase=Phase(view.phase).name.lower(),
        maker_fee_ppm=view.maker_fee_ppm,
        taker_fee_ppm=view.taker_fee_ppm,
        most_quantity=_quantity(view, view.most_lots),
        most_value=_exact(view.most_value, view.quote_scale) if view.most_value else None,
    )


def _price(symbol: SymbolView, ticks: int) -> str | None:
    return _exact(ticks * symbol.tick, symbol.price_scale) if ticks else None


def _quantity(symbol: SymbolView, lots: int) -> str | None:
    return _exact(lots * symbol.lot, symbol.quantity_scale) if lots else None


def _exact(units: int, scale: int) -> str:
    """With all of its asset's decimals, and no more."""
    return decimal(units, scale, 0)
