"""What the database answers with: rows as they stand, and up to where it had all."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

T = TypeVar("T")


class HistoryUnavailableError(Exception):
    """PostgreSQL is away, too slow, or has no tables yet; the message says which."""


class Watermark(NamedTuple):
    """What the database had: everything caused up to `complete_seq`; of each event ring (0: the router's) the number of
    the last event, and the log time, in microseconds, of the latest one."""

    complete_seq: int
    numbers: tuple[int, ...]
    time_us: int


class Read(Struct, Generic[T], frozen=True):
    """Rows, and the watermark of the one snapshot in which they were read."""

    rows: list[T]
    at: Watermark


class Order(Struct, frozen=True):
    """A row of `orders`: amounts are exact texts, times microseconds since 1970. `value` is what its fills came to in
    the quote asset, as they were made, as `filled` is; it is worked out where it was asked for, else None."""

    order_id: int
    user_id: int
    symbol: str
    cl_ord_id: str
    side: str
    type: str
    time_in_force: str
    price: str
    quantity: str
    filled: str
    remaining: str
    prevented: str
    state: str
    end_reason: str | None
    stop_price: str | None
    trail: str | None
    display: str | None
    minimum: str | None
    budget: str | None
    expires_us: int | None
    post_only: bool
    slide: bool
    self_trade: str
    list_kind: str | None
    mate_order_id: int | None
    list_name: str | None
    is_open: bool
    created_us: int
    updated_us: int
    seq: int
    prevented_match: int | None
    value: str | None = None


class Trade(Struct, frozen=True):
    """A trade as corrections left it; one that was undone is no trade."""

    matcher: int
    trade_id: int
    symbol: str
    price: str
    quantity: str
    value: str
    buyer_is_maker: bool
    auction: bool
    time_us: int
    seq: int


class AggregateTrade(Struct, frozen=True):
    """What one order took at one price in one go. It is called by its first trade's id."""

    symbol: str
    price: str
    quantity: str
    first_id: int
    last_id: int
    buyer_is_maker: bool
    time_us: int
    seq: int


class Fill(Struct, frozen=True):
    """One side of a trade, as corrections left it. A trade with oneself has two."""

    matcher: int
    trade_id: int
    order_id: int
    symbol: str
    price: str
    quantity: str
    value: str
    fee: str
    fee_asset: str
    is_buyer: bool
    is_maker: bool
    time_us: int
    seq: int


class Amendment(Struct, frozen=True):
    """A replace that made an order smaller, which kept its price and its place."""

    order_id: int
    symbol: str
    cl_ord_id: str
    orig_cl_ord_id: str
    old_quantity: str
    quantity: str
    time_us: int
    seq: int


class PreventedMatch(Struct, frozen=True):
    """A trade that self-trade prevention prevented, and what each of its two orders lost."""

    symbol: str
    match_id: int
    price: str
    maker_order_id: int
    maker_prevented: str
    taker_order_id: int
    taker_prevented: str
    self_trade: str
    trade_group: int | None
    time_us: int


class Candle(Struct, frozen=True):
    """An interval; `open_us` and `close_us` are its first and its last microsecond."""

    open_us: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    close_us: int
    quote_volume: str
    trades: int
    taker_buy_volume: str
    taker_buy_quote_volume: str


class Window(Struct, frozen=True):
    """What was traded in a span, and the ids of its first and last trade."""

    symbol: str
    open: str
    high: str
    low: str
    close: str
    volume: str
    quote_volume: str
    trades: int
    taker_buy_volume: str
    taker_buy_quote_volume: str
    first_id: int
    last_id: int


class Withdrawal(Struct, frozen=True):
    """A withdrawal that its account has asked for; times of its steps, None for those that were not made."""

    number: int
    cl_ord_id: str
    asset: str
    amount: str
    destination: str
    state: str
    requested_us: int
    first_approved_us: int | None
    second_approved_us: int | None
    ended_us: int | None


class Position(Struct, frozen=True):
    """At average cost; `average_cost` is None where there is no position."""

    user_id: int
    symbol: str
    quantity: str
    cost: str
    realised: str
    average_cost: str | None
    fills: int
