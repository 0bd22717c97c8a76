"""An independent consumer of one matcher's events: every book order by order, and where every order stands.

It shares nothing with the venue but the schema, repeats no rule of matching, and is loud about events that contradict
each other or that break price, then time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lockstep.core.schema.records import (
    Accepted,
    Cancelled,
    CancelReason,
    Event,
    ExtTermsEvent,
    OrderFlag,
    OrderState,
    OrderType,
    PhaseChanged,
    Rejected,
    Replaced,
    Restated,
    Shown,
    Side,
    TimeInForce,
    Traded,
    TradeFlag,
    Triggered,
)

AUCTION_ONLY = (TimeInForce.AT_THE_OPEN, TimeInForce.AT_THE_CLOSE)
AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


@dataclass(eq=False)
class Order:
    """What the events have said of an order. `shown` is what the book shows of it, 0 if it is not in the book."""

    order_id: int
    instrument: int
    account: int
    side: int
    ord_type: int
    time_in_force: int
    flags: int
    price: int
    quantity: int  # lots, or the amount of a budget
    leaves: int
    state: int
    cl_ord_id: bytes
    terms: ExtTermsEvent | None
    status: str = "NEW"
    reason: str = ""
    shown: int = 0
    filled: int = 0
    value: int = 0  # price x quantity over its trades

    @property
    def has_budget(self) -> bool:
        return bool(self.flags & OrderFlag.BUDGET)

    @property
    def average(self) -> float:
        return self.value / self.filled if self.filled else 0.0

    @property
    def is_open(self) -> bool:
        return self.status in ("NEW", "WAITING", "TRIGGERED", "PARTIALLY_FILLED")

    def may_rest(self) -> bool:
        if self.time_in_force in AUCTION_ONLY:
            return True
        return self.ord_type in (OrderType.LIMIT, OrderType.STOP_LIMIT) and self.time_in_force not in AT_ONCE


@dataclass
class Orders:
    """Feed it one ring's events in order. What is incoming rests when its command is complete: see `settle`."""

    orders: dict[int, Order] = field(default_factory=dict)
    phases: dict[int, int] = field(default_factory=dict)
    trades: list[Traded] = field(default_factory=list)
    refusals: list[Rejected] = field(default_factory=list)
    cause: int = 0
    number: int = 0
    _queues: dict[tuple[int, int], dict[int, list[Order]]] = field(default_factory=dict)
    _incoming: dict[int, Order] = field(default_factory=dict)
    _terms: ExtTermsEvent | None = None

    def apply(self, event: Event) -> None:
        assert event.number == self.number + 1, "a number is missing"
        assert event.cause >= self.cause, "causes go down"
        self.number = event.number
        if event.cause != self.cause:
            self.settle()
            self.cause = event.cause
        assert self._terms is None or isinstance(event, Accepted | Replaced), "terms stand before something else"
        match event:
            case ExtTermsEvent():
                self._terms = event
            case Accepted():
                self._accept(event)
            case Traded():
                self._trade(event)
            case Cancelled():
                self._cancel(event)
            case Replaced():
                self._replace(event)
            case Triggered():
                self._trigger(event)
            case Restated():
                self._restate(event)
            case Shown():
                self._show(event)
            case PhaseChanged():
                self.phases[event.instrument] = event.phase
            case Rejected():
                self.refusals.append(event)

    def settle(self) -> None:
        """The last command is complete: what is still incoming rests."""
        for instrument in list(self._incoming):
            self._rest(instrument)

    def shown(self, instrument: int, side: int) -> list[tuple[int, int]]:
        """(price, shown lots) of each level, best first."""
        return [(price, sum(order.shown for order in queue)) for price, queue in self._levels(instrument, side)]

    def depth(self, instrument: int, side: int) -> list[tuple[int, int, int]]:
        """(price, leaves, orders) of each level, hidden lots included, best first."""
        levels = self._levels(instrument, side)
        return [(price, sum(order.leaves for order in queue), len(queue)) for price, queue in levels]

    def _levels(self, instrument: int, side: int) -> list[tuple[int, list[Order]]]:
        return sorted(self._queues.get((instrument, side), {}).items(), reverse=side == Side.BUY)

    def queue(self, instrument: int, side: int, price: int) -> list[Order]:
        return self._queues.get((instrument, side), {}).get(price, [])

    def check(self) -> None:
        """Assert what holds between commands, whatever happened."""
        assert not self._incoming
        for (instrument, side), levels in self._queues.items():
            for price, queue in levels.items():
                assert queue
                for order in queue:
                    assert (order.instrument, order.side, order.price) == (instrument, side, price)
                    assert order.is_open
                    assert order.state != OrderState.WAITING
                    assert 0 < order.shown <= order.leaves
                    assert order.shown == order.leaves or order.state == OrderState.EXPLICIT
        for order in self.orders.values():
            if order.has_budget:
                continue
            assert order.quantity >= order.filled >= 0
            if order.is_open:
                assert order.quantity - order.filled == order.leaves > 0
                assert (order.shown == 0) == (order.state == OrderState.WAITING)

    def _accept(self, event: Accepted) -> None:
        assert event.order_id not in self.orders, "an order is accepted twice"
        order = Order(
            event.order_id, event.instrument, event.account, event.side, event.ord_type, event.time_in_force,
            event.flags, event.price_ticks, event.quantity_lots, event.quantity_lots, event.state, event.cl_ord_id,
            self._take_terms(),
        )  # fmt: skip
        self.orders[order.order_id] = order
        if order.state == OrderState.WAITING:
            order.status = "WAITING"
        else:
            self._come_in(order)

    def _trade(self, event: Traded) -> None:
        self.trades.append(event)
        maker, taker = self.orders[event.maker_order_id], self.orders[event.taker_order_id]
        assert maker.side != taker.side == event.taker_side
        assert (maker.account, taker.account) == (event.maker_account, event.taker_account)
        self._match_resting(maker, event)
        if event.flags & TradeFlag.AUCTION:
            assert taker.order_id > maker.order_id, "the taker of an auction is the younger order"
            self._match_resting(taker, event)
        else:
            assert self._incoming.get(event.instrument) is taker, "a trade's taker is not what came in"
            assert event.price_ticks == maker.price, "the price is the maker's"
        for order, leaves in ((maker, event.maker_leaves_lots), (taker, event.taker_leaves_lots)):
            sign = 1 if order.side == Side.BUY else -1
            assert sign * event.price_ticks <= sign * order.price, "a trade beyond an order's price"
            assert order.has_budget or order.leaves - event.quantity_lots == leaves, "leaves are not what is left"
            order.leaves = leaves
            order.filled += event.quantity_lots
            order.value += event.quantity_lots * event.price_ticks
            order.status = "PARTIALLY_FILLED" if leaves else "FILLED"

    def _match_resting(self, order: Order, event: Traded) -> None:
        """What trades first is the first of the best price; it gives at most what it shows."""
        levels = self._queues.get((order.instrument, order.side), {})
        best = (max if order.side == Side.BUY else min)(levels)
        assert levels[best][0] is order, "priority is broken"
        assert event.quantity_lots <= order.shown
        self._display(order, order.shown - event.quantity_lots)

    def _cancel(self, event: Cancelled) -> None:
        order = self.orders[event.order_id]
        if event.rested:
            self._leave_incoming(order)
            assert order.shown == event.leaves_lots == order.leaves
            self._display(order, 0)
        else:
            assert order.shown == 0, "an order leaves that still is in the book"
            assert order.leaves == event.leaves_lots
            if self._incoming.get(order.instrument) is order:
                del self._incoming[order.instrument]
        assert (order.account, order.side) == (event.account, event.side)
        assert order.is_open
        order.leaves = 0
        order.reason = CancelReason(event.reason).name
        expired = event.reason in (CancelReason.EXPIRED, CancelReason.AUCTION_ENDED)
        order.status = "EXPIRED" if expired else "CANCELED"

    def _replace(self, event: Replaced) -> None:
        order = self.orders[event.order_id]
        assert (order.price, order.leaves) == (event.old_price_ticks, event.old_leaves_lots)
        assert (order.state == OrderState.WAITING) == (event.state == OrderState.WAITING)
        if event.state == OrderState.PLAIN:
            self._display(order, event.leaves_lots if event.kept_priority else 0)
        elif event.state == OrderState.EXPLICIT and not event.kept_priority:
            assert order.shown == 0, "an iceberg moves that still is in the book"
        order.terms = self._take_terms() or order.terms
        order.quantity += event.leaves_lots - event.old_leaves_lots
        order.price, order.leaves, order.cl_ord_id = event.price_ticks, event.leaves_lots, event.cl_ord_id
        order.state = event.state
        if event.state != OrderState.WAITING and not event.kept_priority:
            self._come_in(order)

    def _trigger(self, event: Triggered) -> None:
        order = self.orders[event.order_id]
        assert order.state == OrderState.WAITING, "an order is triggered that does not wait"
        assert (order.leaves, order.account, order.side) == (event.leaves_lots, event.account, event.side)
        order.price, order.state = event.price_ticks, event.state
        if event.state != OrderState.WAITING:
            order.status = "TRIGGERED"
            self._come_in(order)

    def _restate(self, event: Restated) -> None:
        order = self.orders[event.order_id]
        assert (order.price, order.leaves) == (event.old_price_ticks, event.old_leaves_lots)
        order.quantity += event.leaves_lots - event.old_leaves_lots
        if event.rested:
            self._leave_incoming(order)
            assert (order.state, order.price, order.shown) == (OrderState.PLAIN, event.price_ticks, order.leaves)
            self._display(order, event.leaves_lots)
        order.price, order.leaves = event.price_ticks, event.leaves_lots

    def _show(self, event: Shown) -> None:
        order = self.orders[event.order_id]
        assert order.state == OrderState.EXPLICIT
        assert (order.shown, order.price, order.leaves) == (event.old_shown_lots, event.price_ticks, event.leaves_lots)
        if self._incoming.get(order.instrument) is order:
            del self._incoming[order.instrument]
        assert not event.is_refresh or event.old_shown_lots == 0
        self._display(order, event.shown_lots)

    def _display(self, order: Order, lots: int) -> None:
        """Show `lots` of an order: at the tail where it showed nothing, in its place where it did."""
        levels = self._queues.setdefault((order.instrument, order.side), {})
        assert lots >= 0
        if not order.shown and lots:
            levels.setdefault(order.price, []).append(order)
        elif order.shown and not lots:
            levels[order.price].remove(order)
            if not levels[order.price]:
                del levels[order.price]
        order.shown = lots

    def _come_in(self, order: Order) -> None:
        self._rest(order.instrument)
        self._incoming[order.instrument] = order

    def _leave_incoming(self, order: Order) -> None:
        """An event about what an order has in the book: then it has come to rest."""
        if self._incoming.get(order.instrument) is order:
            self._rest(order.instrument)

    def _rest(self, instrument: int) -> None:
        order = self._incoming.pop(instrument, None)
        if order is None or not order.leaves or not order.is_open:
            return
        assert order.state == OrderState.PLAIN, "an iceberg rests that was not shown"
        assert order.may_rest(), "an order rests that may not"
        self._display(order, order.leaves)

    def _take_terms(self) -> ExtTermsEvent | None:
        terms, self._terms = self._terms, None
        return terms
