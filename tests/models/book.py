"""The order book as its rules read, on sorted containers: the oracle of `procs.matcher.book`.

It is slow and obvious on purpose, and shares nothing with the book but the schema of the records.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from sortedcontainers import SortedDict

from shm.layout import type_of
from shm.records import (
    Accepted,
    Cancel,
    Cancelled,
    CancelReason,
    Code,
    Command,
    Event,
    ExtClientId,
    ExtClientIdEvent,
    Instrument,
    NewOrder,
    OrderType,
    Rejected,
    Replace,
    Replaced,
    Side,
    TimeInForce,
    Traded,
)

INT64 = range(-(2**63), 2**63)


@dataclass(eq=False)
class Order:
    order_id: int
    account: int
    side: int
    price_ticks: int
    leaves_lots: int
    filled_lots: int
    maker_fee_ppm: int
    taker_fee_ppm: int


@dataclass
class Listing:
    unit_value: int
    lot_units: int
    sides: dict[int, SortedDict] = field(default_factory=lambda: {Side.BUY: SortedDict(), Side.SELL: SortedDict()})
    orders: dict[int, Order] = field(default_factory=dict)

    def add(self, order: Order) -> None:
        self.sides[order.side].setdefault(order.price_ticks, deque()).append(order)
        self.orders[order.order_id] = order

    def remove(self, order: Order) -> None:
        queue = self.sides[order.side][order.price_ticks]
        queue.remove(order)
        if not queue:
            del self.sides[order.side][order.price_ticks]
        del self.orders[order.order_id]

    def best_against(self, order: Order) -> Order | None:
        """The resting order that an incoming `order` trades with next."""
        if order.side == Side.BUY:
            asks = self.sides[Side.SELL]
            return asks.peekitem(0)[1][0] if asks and asks.peekitem(0)[0] <= order.price_ticks else None
        bids = self.sides[Side.BUY]
        return bids.peekitem(-1)[1][0] if bids and bids.peekitem(-1)[0] >= order.price_ticks else None


def fee(amount: int, ppm: int) -> int:
    """OverflowError where a fee is due on an amount beyond 64 bits."""
    if ppm and amount not in INT64:
        raise OverflowError
    return amount * ppm // 1_000_000


class Book:
    """All books of one matcher: commands in, the list of their events out. `number` counts events from 1."""

    def __init__(self) -> None:
        self.listings: dict[int, Listing] = {}
        self.number = 0
        self.target = b""

    def apply(self, command: Command) -> list[Event]:
        self.events: list[Event] = []
        self.command = command
        match command:
            case Instrument():
                listing = self.listings.setdefault(command.instrument, Listing(0, 0))
                listing.unit_value, listing.lot_units = command.unit_value, command.lot_units
            case ExtClientId():
                self.target = command.orig_cl_ord_id
            case NewOrder():
                self.new_order(command)
            case Cancel():
                self.cancel(command)
            case Replace():
                self.replace(command)
        return self.events

    def emit(self, kind: type[Event], **body: Any) -> None:
        self.number += 1
        self.events.append(
            kind(
                cause=self.command.seq,
                time_ns=self.command.time_ns,
                epoch=self.command.epoch,
                number=self.number,
                instrument=self.command.instrument,  # type: ignore[attr-defined]
                **body,
            )
        )

    def new_order(self, command: NewOrder) -> None:
        shared = {
            name: getattr(command, name)
            for name in ("price_ticks", "quantity_lots", "account", "session", "cl_ord_id", "side", "ord_type",
                         "time_in_force", "stp", "msg_seq_num")
        }  # fmt: skip
        self.emit(Accepted, order_id=command.seq, **shared)
        order = Order(
            command.seq, command.account, command.side, command.price_ticks, command.quantity_lots, 0,
            command.maker_fee_ppm, command.taker_fee_ppm,
        )  # fmt: skip
        self.match(order)
        is_market = command.ord_type == OrderType.MARKET
        if order.leaves_lots and not is_market and command.time_in_force == TimeInForce.GTC:
            self.listings[command.instrument].add(order)
        elif order.leaves_lots:
            reason = CancelReason.MARKET_REMAINDER if is_market else CancelReason.IOC_REMAINDER
            self.emit_cancelled(order, command, reason, rested=0, cl_ord_id=b"")

    def cancel(self, command: Cancel) -> None:
        listing = self.listings[command.instrument]
        order = listing.orders.get(command.order_id)
        if order is None:
            self.refuse(command, Code.ORDER_CLOSED, side=command.side, price_ticks=0, quantity_lots=0)
            return
        self.emit_cancelled(order, command, CancelReason.REQUESTED, rested=1, cl_ord_id=command.cl_ord_id)
        listing.remove(order)

    def replace(self, command: Replace) -> None:
        terms = {"price_ticks": command.price_ticks, "quantity_lots": command.quantity_lots}
        listing = self.listings[command.instrument]
        order = listing.orders.get(command.order_id)
        if order is None:
            self.refuse(command, Code.ORDER_CLOSED, side=0, **terms)
            return
        leaves = command.quantity_lots - order.filled_lots
        if leaves <= 0:
            self.refuse(command, Code.QUANTITY_BELOW_FILLED, side=order.side, **terms)
            return
        kept = command.price_ticks == order.price_ticks and leaves <= order.leaves_lots
        self.emit(
            Replaced,
            order_id=order.order_id,
            price_ticks=command.price_ticks,
            leaves_lots=leaves,
            old_price_ticks=order.price_ticks,
            old_leaves_lots=order.leaves_lots,
            cl_ord_id=command.cl_ord_id,
            side=order.side,
            kept_priority=int(kept),
        )
        if kept:
            order.leaves_lots = leaves
            return
        listing.remove(order)
        order.price_ticks, order.leaves_lots = command.price_ticks, leaves
        self.match(order)
        if order.leaves_lots:
            listing.add(order)

    def match(self, taker: Order) -> None:
        listing = self.listings[self.command.instrument]  # type: ignore[attr-defined]
        while taker.leaves_lots and (maker := listing.best_against(taker)):
            lots = min(taker.leaves_lots, maker.leaves_lots)
            base, quote = lots * listing.lot_units, lots * maker.price_ticks * listing.unit_value
            buys = taker.side == Side.BUY
            for order in (taker, maker):
                order.leaves_lots -= lots
                order.filled_lots += lots
            self.emit(
                Traded,
                maker_order_id=maker.order_id,
                taker_order_id=taker.order_id,
                price_ticks=maker.price_ticks,
                quantity_lots=lots,
                maker_leaves_lots=maker.leaves_lots,
                taker_leaves_lots=taker.leaves_lots,
                maker_fee=fee(quote if buys else base, maker.maker_fee_ppm),
                taker_fee=fee(base if buys else quote, taker.taker_fee_ppm),
                maker_account=maker.account,
                taker_account=taker.account,
                taker_side=taker.side,
            )
            if not maker.leaves_lots:
                listing.remove(maker)

    def emit_cancelled(
        self, order: Order, command: NewOrder | Cancel, reason: CancelReason, rested: int, cl_ord_id: bytes
    ) -> None:
        self.emit(
            Cancelled,
            order_id=order.order_id,
            price_ticks=order.price_ticks,
            leaves_lots=order.leaves_lots,
            account=order.account,
            session=command.session,
            cl_ord_id=cl_ord_id,
            side=order.side,
            reason=int(reason),
            rested=rested,
            msg_seq_num=command.msg_seq_num,
        )

    def refuse(self, command: Cancel | Replace, code: Code, **body: int) -> None:
        self.emit(ExtClientIdEvent, orig_cl_ord_id=self.target)
        self.emit(
            Rejected,
            order_id=command.order_id,
            account=command.account,
            session=command.session,
            cl_ord_id=command.cl_ord_id,
            command=type_of(type(command)),
            code=int(code),
            msg_seq_num=command.msg_seq_num,
            **body,
        )

    def depth(self, instrument: int, side: int) -> list[tuple[int, int, int]]:
        """Best first: price in ticks, sum of leaves in lots, number of orders."""
        levels = self.listings[instrument].sides[side].items()
        rows = [(price, sum(order.leaves_lots for order in queue), len(queue)) for price, queue in levels]
        return rows[::-1] if side == Side.BUY else rows
