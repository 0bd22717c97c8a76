"""An account's events, as one subscriber gets them: reports of its orders and its balances, in the order of the log.

It turns what the desk tells of an account into events of the dialect; where they go is the sink's affair.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lockstep.core.schema.enums import CancelReason, Code, ListKind, OrderFlag, RestateReason
from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import Balance, Cancelled, Event, Prevented, Rejected, Restated
from lockstep.procs.api.binance import user_events
from lockstep.procs.api.listeners import Notice
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.api.read.views import FillView, OrderView, PreventedView, is_open, list_client_id

Sink = Callable[[bytes], None]

EXECUTIONS = {
    Notice.NEW: user_events.NEW,
    Notice.TRADE: user_events.TRADE,
    Notice.REPLACED: user_events.REPLACED,
    Notice.REJECTED: user_events.REJECTED,
    Notice.TRIGGERED: user_events.NEW,
    Notice.RESTATED: user_events.TRADE_PREVENTION,
}


class UserStream:
    """One subscription to an account's events; `sink` gets each as JSON. `close` ends it."""

    def __init__(self, shown: Shown, account: int, unit: int, now_ns: Callable[[], int], sink: Sink) -> None:
        self._desk = shown.desk
        self._shown = shown
        self.account = account
        self._unit = unit
        self._now_ns = now_ns
        self._sink = sink
        self._balances: dict[int, Balance] = {}
        self._is_closed = False
        shown.desk.listeners.add(account, self._told)

    def close(self) -> None:
        """No event comes any more."""
        self._is_closed = True
        self._desk.listeners.remove(self.account, self._told)

    def _told(self, what: int, order_id: int, ring: int, record: bytes, fill: int) -> None:
        if self._is_closed:  # by the listener that was called before this one
            return
        event = unpack_event(record)
        if isinstance(event, Balance):
            if not self._balances:  # all that one poll brings is one event
                asyncio.get_running_loop().call_soon(self._tell_balances)
            self._balances[event.asset] = event
            return
        view = self._shown.order_of(order_id)
        assert view is not None
        self._report(what, view, ring, event, self._shown.numbered_fill(fill) if fill else None)

    def _report(self, what: int, view: OrderView, ring: int, event: Event, fill: FillView | None) -> None:
        execution = EXECUTIONS.get(Notice(what), user_events.CANCELED)
        reason = b"NONE"
        prevented = self._prevented(view, ring, event)
        if isinstance(event, Cancelled):
            if event.reason == CancelReason.REQUESTED:
                view.original_client_order_id, view.client_order_id = view.client_order_id, event.cl_ord_id
            elif prevented is not None:
                execution = user_events.TRADE_PREVENTION
            elif event.reason not in (CancelReason.MASS_CANCEL, CancelReason.LIST):
                execution = user_events.EXPIRED
        elif isinstance(event, Rejected):
            reason = Code(event.code).name.encode()
        elif what == Notice.REPLACED:
            view.original_client_order_id = self._desk.replaced_client_id
        number = event.number << 4 | ring  # of this event among those of all rings
        self._sink(
            user_events.execution_report(view, execution, fill, reason, number, self._now_ns(), self._unit, prevented)
        )
        if view.mate_id and (what == Notice.NEW or not is_open(view)):
            self._tell_list(view.order_id, view.mate_id)

    def _prevented(self, view: OrderView, ring: int, event: Event) -> PreventedView | None:
        """The prevented match that an event of an order came of, as that order saw it; None for other events."""
        if isinstance(event, Cancelled) and event.reason == CancelReason.SELF_TRADE:
            lost = event.leaves_lots
        elif isinstance(event, Restated) and event.reason == RestateReason.SELF_TRADE:
            lost = event.old_leaves_lots - event.leaves_lots
        else:
            return None
        match = unpack_event(self._desk.prevented_match(ring))
        assert isinstance(match, Prevented)
        is_taker = view.order_id == match.taker_order_id
        return PreventedView(
            match_id=match.number,
            trade_group=match.trade_group,
            counter_order_id=match.maker_order_id if is_taker else match.taker_order_id,
            price_ticks=match.price_ticks,
            quantity_lots=match.quantity_lots,
            lost_lots=0 if view.flags & OrderFlag.BUDGET else lost,
        )

    def _tell_list(self, order_id: int, mate_id: int) -> None:
        """That a list began, once the second of its orders is there; that it is done, once neither is open."""
        orders = [self._shown.order_of(each) for each in sorted((order_id, mate_id), reverse=True)]
        both = [order for order in orders if order is not None]
        is_done = not any(map(is_open, both))
        if len(both) == 2 and (is_done or all(map(is_open, both))):
            triggers = both[0].list_kind == ListKind.OTO
            name = list_client_id(both[0])
            self._sink(user_events.list_status(both, triggers, is_done, name, self._now_ns(), self._unit))

    def _tell_balances(self) -> None:
        if self._is_closed:
            return
        changed, self._balances = self._balances, {}
        views = [self._shown.balance(each.asset, each.free, each.held) for each in changed.values()]
        changed_ns = max(each.time_ns for each in changed.values())
        self._sink(user_events.account_position(views, changed_ns, self._now_ns(), self._unit))
