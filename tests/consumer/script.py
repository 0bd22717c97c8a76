"""Event sequences by hand, as docs/protocols/records.md says a matcher emits them, for code that rebuilds a book.

It fills in what the schema wants, and holds the consumer's orders and the publisher's levels against each other.
"""

from __future__ import annotations

from typing import Any

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    Accepted,
    Cancelled,
    CancelReason,
    Event,
    ExtTermsEvent,
    OrderState,
    OrderType,
    Phase,
    PhaseChanged,
    PhaseReason,
    Replaced,
    Restated,
    RestateReason,
    Shown,
    Side,
    TimeInForce,
    Traded,
    TradeFlag,
    Triggered,
    TriggerReason,
)
from lockstep.procs.publisher.book import Book
from tests.consumer.orders import Order, Orders

BUY, SELL = Side.BUY, Side.SELL
PLAIN, WAITING, EXPLICIT = OrderState.PLAIN, OrderState.WAITING, OrderState.EXPLICIT
INSTRUMENT = 1


class Script:
    """Each method emits one event; `command` begins the next command and completes the one before."""

    def __init__(self) -> None:
        self.consumer = Orders()
        self.levels = Book()
        self.cause = 0
        self.number = 0

    def command(self) -> int:
        self.complete()
        self.cause += 1
        return self.cause

    def complete(self) -> Script:
        """The command is complete: both books are checked, and have the same levels."""
        self.consumer.settle()
        self.consumer.check()
        self.levels.complete()
        self.levels.check()
        assert self.levels.bids == self.side(BUY)
        assert self.levels.asks == self.side(SELL)
        return self

    def side(self, side: int) -> list[tuple[int, int]]:
        return self.consumer.shown(INSTRUMENT, side)

    def queue(self, side: int, price: int) -> list[tuple[int, int]]:
        return [(order.order_id, order.shown) for order in self.consumer.queue(INSTRUMENT, side, price)]

    def order(self, order_id: int) -> Order:
        return self.consumer.orders[order_id]

    def emit(self, event: type[Event], **values: Any) -> None:
        self.number += 1
        made = event(number=self.number, cause=self.cause, time_ns=self.cause, instrument=INSTRUMENT, **values)
        self.consumer.apply(made)
        self.levels.apply(pack(made))

    def terms(self, **values: Any) -> None:
        self.emit(ExtTermsEvent, **values)

    def accepted(self, side: int, price: int, lots: int, order_id: int = 0, **values: Any) -> int:
        """The order's id is its cause, except a list's second."""
        order_id = order_id or self.cause
        defaults: dict[str, Any] = {"ord_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "account": 1}
        self.emit(
            Accepted, order_id=order_id, side=side, price_ticks=price, quantity_lots=lots, session=1,
            cl_ord_id=b"o%d" % order_id, **defaults | values,
        )  # fmt: skip
        return order_id

    def new(self, side: int, price: int, lots: int, **values: Any) -> int:
        """A command of its own: an order of which nothing trades."""
        self.command()
        return self.accepted(side, price, lots, **values)

    def iceberg(self, side: int, price: int, lots: int, display: int) -> int:
        self.command()
        self.terms(display_lots=display)
        order_id = self.accepted(side, price, lots, state=EXPLICIT)
        self.shown(order_id, display)
        return order_id

    def traded(self, maker: int, taker: int, lots: int, price: int = 0) -> None:
        """At the maker's price; with a price, in an auction."""
        made, took = self.order(maker), self.order(taker)
        left = took.leaves - lots * (price or made.price) if took.has_budget else took.leaves - lots
        self.emit(
            Traded, maker_order_id=maker, taker_order_id=taker, price_ticks=price or made.price, quantity_lots=lots,
            maker_leaves_lots=made.leaves - lots, taker_leaves_lots=left, maker_fee=0, taker_fee=0,
            maker_account=made.account, taker_account=took.account, taker_side=took.side,
            flags=TradeFlag.AUCTION if price else 0,
        )  # fmt: skip

    def cancelled(self, order_id: int, reason: CancelReason, rested: int) -> None:
        order = self.order(order_id)
        self.emit(
            Cancelled, order_id=order_id, price_ticks=order.price, leaves_lots=order.leaves, account=order.account,
            session=0, cl_ord_id=b"", side=order.side, reason=reason, rested=rested,
        )  # fmt: skip

    def replaced(self, order_id: int, price: int, leaves: int, kept: int) -> None:
        order = self.order(order_id)
        self.emit(
            Replaced, order_id=order_id, price_ticks=price, leaves_lots=leaves, old_price_ticks=order.price,
            old_leaves_lots=order.leaves, cl_ord_id=b"r%d" % self.cause, side=order.side, kept_priority=kept,
            state=order.state,
        )  # fmt: skip

    def triggered(self, order_id: int, reason: TriggerReason = TriggerReason.STOP, **values: Any) -> None:
        order = self.order(order_id)
        changed = {"price_ticks": order.price, "state": PLAIN} | values
        self.emit(
            Triggered, order_id=order_id, leaves_lots=order.leaves, stop_price_ticks=0, account=order.account,
            side=order.side, reason=reason, **changed,
        )  # fmt: skip

    def restated(self, order_id: int, price: int, leaves: int, reason: RestateReason, rested: int) -> None:
        order = self.order(order_id)
        self.emit(
            Restated, order_id=order_id, price_ticks=price, leaves_lots=leaves, old_price_ticks=order.price,
            old_leaves_lots=order.leaves, account=order.account, side=order.side, state=order.state, reason=reason,
            rested=rested,
        )  # fmt: skip

    def shown(self, order_id: int, lots: int, refresh: int = 0) -> None:
        order = self.order(order_id)
        self.emit(
            Shown, order_id=order_id, price_ticks=order.price, shown_lots=lots, old_shown_lots=order.shown,
            leaves_lots=order.leaves, account=order.account, side=order.side, is_refresh=refresh,
        )  # fmt: skip

    def phase(self, new: Phase, old: Phase) -> None:
        self.emit(
            PhaseChanged, phase=new, old_phase=old, reason=PhaseReason.COMMAND, ends_ns=0, auction_price_ticks=0,
            auction_lots=0, reference_price_ticks=0,
        )  # fmt: skip
