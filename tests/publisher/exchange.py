"""A slow, obvious venue for the publisher's tests: it matches orders in plain lists and emits the events of a venue.

It writes real records into real rings; it checks nothing, holds no balances and is used by tests only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shm.board import Board, Word
from shm.layout import pack
from shm.records import (
    Accepted,
    Cancelled,
    CancelReason,
    EpochBegun,
    Event,
    ExtClientIdEvent,
    InstrumentDefined,
    OrderType,
    Rejected,
    Replaced,
    Side,
    SnapshotTaken,
    TimeInForce,
    Traded,
)
from shm.ring import Consumer, Producer, Ring

CAPACITY = 65536
BUY, SELL = Side.BUY, Side.SELL
START_NS = 1_700_000_000_000_000_000


@dataclass
class Order:
    order_id: int
    instrument: int
    side: int
    price: int
    leaves: int


@dataclass
class Exchange:
    """Orders in, events out. Prices in ticks, quantities in lots; every method is one command and returns its cause."""

    router: Ring = field(default_factory=lambda: Ring.private(CAPACITY, ["publisher"]))
    matcher: Ring = field(default_factory=lambda: Ring.private(CAPACITY, ["publisher"]))
    board: Board = field(default_factory=Board.private)
    orders: list[Order] = field(default_factory=list)  # in time order
    records: list[bytes] = field(default_factory=list)  # of the last command
    history: dict[int, list[bytes]] = field(default_factory=lambda: {0: [], 1: []})  # all that was published, by ring
    cause: int = 0
    router_number: int = 0
    number: int = 0
    release: bool = True  # commit each command at once
    emitting: bool = True  # publish events at once; else the test does, from `records`

    def __post_init__(self) -> None:
        self._router: Producer = self.router.producer()
        self._matcher: Producer = self.matcher.producer()

    def consumers(self) -> tuple[Consumer, Consumer]:
        return self.router.consumer("publisher"), self.matcher.consumer("publisher")

    def emitted_again(self, behind: tuple[int, int] = (0, 0), until: tuple[int, int] | None = None) -> list[Consumer]:
        """The ends of new rings, router's and matcher's, with all events behind these numbers (up to `until`)."""
        found = []
        for ring, first in enumerate(behind):
            made = Ring.private(CAPACITY, ["publisher"], first_seq=first + 1)
            producer = made.producer()
            for record in self.history[ring][first : until[ring] if until else None]:
                producer.put(record)
            found.append(made.consumer("publisher"))
        return found

    def snapshot(self, *, wanted: bool = True) -> int:
        """A mark; returns its sequence."""
        seq = self._begin()
        if wanted:
            self.board.set(Word.SNAPSHOT_SEQ, seq)
        self._define(SnapshotTaken, event_numbers=(self.number, *[0] * 7))
        return self._end()

    def list_instrument(self, instrument: int = 1, symbol: bytes = b"BTCUSDT", **changed: Any) -> None:
        definition: dict[str, Any] = {
            "base_asset": 1,
            "quote_asset": 2,
            "tick_mantissa": 1,
            "lot_mantissa": 1,
            "price_scale": 2,
            "quantity_scale": 4,
            "matcher": 1,
            "collar_bps": 500,
            "maker_fee_ppm": 0,
            "taker_fee_ppm": 0,
            "reference_price_ticks": 0,
            "unit_value": 100,
            "lot_units": 10000,
        } | changed
        self._begin()
        self._define(InstrumentDefined, symbol=symbol, instrument=instrument, **definition)
        self._end()

    def lead(self) -> None:
        """The router leads: from here on consumers serve."""
        self._begin()
        self._define(EpochBegun, rules_version=1, members=1, boot_id=b"")
        self._end()
        self.board.set(Word.READY_EVENT, self.router_number)
        self.board.set(Word.EPOCH, 1)

    def new(
        self,
        side: int,
        price: int,
        lots: int,
        *,
        instrument: int = 1,
        ord_type: int = OrderType.LIMIT,
        tif: int = TimeInForce.GTC,
    ) -> int:
        cause = self._begin()
        order = Order(cause, instrument, side, price, lots)
        self._emit(
            Accepted,
            instrument=instrument,
            order_id=cause,
            price_ticks=price,
            quantity_lots=lots,
            account=1,
            session=1,
            cl_ord_id=b"c%d" % cause,
            side=side,
            ord_type=ord_type,
            time_in_force=tif,
        )
        self._match(order)
        if order.leaves and tif == TimeInForce.GTC and ord_type == OrderType.LIMIT:
            self.orders.append(order)
        elif order.leaves:
            reason = CancelReason.IOC_REMAINDER if ord_type == OrderType.LIMIT else CancelReason.MARKET_REMAINDER
            self._cancelled(order, reason, rested=0)
        return self._end()

    def cancel(self, order_id: int) -> int:
        self._begin()
        order = self._find(order_id)
        if order is None:
            self._refuse(order_id)
        else:
            self.orders.remove(order)
            self._cancelled(order, CancelReason.REQUESTED, rested=1)
        return self._end()

    def replace(self, order_id: int, price: int, leaves: int) -> int:
        self._begin()
        order = self._find(order_id)
        if order is None:
            self._refuse(order_id)
            return self._end()
        kept = price == order.price and leaves <= order.leaves
        self._emit(
            Replaced,
            instrument=order.instrument,
            order_id=order_id,
            price_ticks=price,
            leaves_lots=leaves,
            old_price_ticks=order.price,
            old_leaves_lots=order.leaves,
            cl_ord_id=b"r",
            side=order.side,
            kept_priority=int(kept),
        )
        order.price, order.leaves = price, leaves
        if not kept:
            self.orders.remove(order)
            self._match(order)
            if order.leaves:
                self.orders.append(order)
        return self._end()

    def side(self, side: int, instrument: int = 1) -> list[tuple[int, int]]:
        """The levels of one side, best first: the oracle."""
        levels: dict[int, int] = {}
        for order in self.orders:
            if order.side == side and order.instrument == instrument:
                levels[order.price] = levels.get(order.price, 0) + order.leaves
        return sorted(levels.items(), reverse=side == BUY)

    def put(self, record: bytes) -> None:
        """Publish an event of the matcher."""
        self._matcher.put(record)
        self.history[1].append(record)

    def release_all(self) -> None:
        """Commit everything. What the test itself publishes, the matcher has done when `finish` says so."""
        self.board.set(Word.DURABLE_SEQ, self.cause)
        self.board.set(Word.ROUTER_DONE, self.cause)
        self.board.set(Word.MATCHER_DONE, self.cause if self.emitting else self.cause - 1)

    def finish(self) -> None:
        """The matcher has done the last command."""
        self.board.set(Word.MATCHER_DONE, self.cause)

    def command(self, *events: tuple[type[Event], dict[str, Any]]) -> int:
        """One command of the matcher with exactly these events."""
        cause = self._begin()
        for event, values in events:
            self._emit(event, **{"instrument": 1} | values)
        self._end()
        return cause

    def tell(self, event: type[Event], **values: Any) -> None:
        """One command with one event of the router."""
        self._begin()
        self._define(event, **values)
        self._end()

    def _find(self, order_id: int) -> Order | None:
        return next((order for order in self.orders if order.order_id == order_id), None)

    def _match(self, taker: Order) -> None:
        sign = 1 if taker.side == BUY else -1
        while taker.leaves:
            makers = [o for o in self.orders if o.instrument == taker.instrument and o.side != taker.side]
            makers = [o for o in makers if sign * o.price <= sign * taker.price]
            if not makers:
                return
            maker = min(makers, key=lambda o: sign * o.price)  # min keeps the first: the earliest
            lots = min(maker.leaves, taker.leaves)
            maker.leaves -= lots
            taker.leaves -= lots
            if not maker.leaves:
                self.orders.remove(maker)
            self._traded(maker, taker, lots)

    def _traded(self, maker: Order, taker: Order, lots: int) -> None:
        self._emit(
            Traded,
            instrument=taker.instrument,
            maker_order_id=maker.order_id,
            taker_order_id=taker.order_id,
            price_ticks=maker.price,
            quantity_lots=lots,
            maker_leaves_lots=maker.leaves,
            taker_leaves_lots=taker.leaves,
            maker_fee=0,
            taker_fee=0,
            maker_account=1,
            taker_account=2,
            taker_side=taker.side,
        )

    def _cancelled(self, order: Order, reason: int, rested: int) -> None:
        self._emit(
            Cancelled,
            instrument=order.instrument,
            order_id=order.order_id,
            price_ticks=order.price,
            leaves_lots=order.leaves,
            account=1,
            session=1,
            cl_ord_id=b"x",
            side=order.side,
            reason=reason,
            rested=rested,
        )

    def _refuse(self, order_id: int) -> None:
        self._emit(ExtClientIdEvent, orig_cl_ord_id=b"c%d" % order_id)
        self._emit(
            Rejected,
            instrument=1,
            order_id=order_id,
            price_ticks=0,
            quantity_lots=0,
            account=1,
            session=1,
            cl_ord_id=b"x",
            side=BUY,
            command=2,
            code=200,
        )

    def _begin(self) -> int:
        self.cause += 1
        self.records = []
        return self.cause

    def _end(self) -> int:
        if self.release:
            self.release_all()
        return self.cause

    def _emit(self, event: type[Event], **values: Any) -> None:
        self.number += 1
        time_ns = START_NS + self.cause * 1_000_000
        record = pack(event(number=self.number, cause=self.cause, time_ns=time_ns, **values))
        self.records.append(record)
        if self.emitting:
            self.put(record)

    def _define(self, event: type[Event], **values: Any) -> None:
        self.router_number += 1
        record = pack(event(number=self.router_number, cause=self.cause, **values))
        self._router.put(record)
        self.history[0].append(record)
