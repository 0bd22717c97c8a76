"""The events of the oracle, field for field: numbered, with the command that caused each.

It decides nothing: when something is said is the book's business.
"""

from __future__ import annotations

from typing import Any

from lockstep.core.schema.client_ids import meant_id, own_id
from lockstep.core.schema.layout import type_of
from lockstep.core.schema.records import (
    API_SESSION,
    Accepted,
    Cancel,
    Cancelled,
    CancelReason,
    Command,
    Event,
    EventFlag,
    ExtClientIdEvent,
    ExtLeg,
    ExtListNameEvent,
    ExtTermsEvent,
    Indicative,
    NewOrder,
    OrderState,
    PhaseChanged,
    PhaseReason,
    Prevented,
    Rejected,
    Replace,
    Replaced,
    Restated,
    RestateReason,
    Shown,
    TimeInForce,
    Traded,
    Triggered,
    TriggerReason,
)
from tests.models.auction import Outcome
from tests.models.listing import Listing
from tests.models.orders import STOPS, Order, Place

INT64 = range(-(2**63), 2**63)


def fee(amount: int, ppm: int) -> int:
    """OverflowError if a fee is due on an amount beyond 64 bits."""
    if ppm and amount not in INT64:
        raise OverflowError
    return amount * ppm // 1_000_000


def state_of(order: Order) -> OrderState:
    if order.is_waiting:
        return OrderState.WAITING
    return OrderState.EXPLICIT if order.display_lots else OrderState.PLAIN


class EventRecorder:
    """`begin` a command, say what comes of it, and take `events`. `number` counts events from 1."""

    def __init__(self) -> None:
        self.number = 0
        self.target = b""
        self.command = Command()
        self.instrument = 0
        self.events: list[Event] = []

    def begin(self, command: Command) -> None:
        self.command, self.events = command, []

    def say(self, kind: type[Event], **body: Any) -> None:
        self.number += 1
        self.events.append(
            kind(
                cause=self.command.seq,
                time_ns=self.command.time_ns,
                epoch=self.command.epoch,
                number=self.number,
                instrument=self.instrument,
                **body,
            )
        )

    def accepted(self, order: Order, command: NewOrder | ExtLeg) -> None:
        self.say(
            Accepted,
            order_id=order.order_id,
            price_ticks=command.price_ticks,
            quantity_lots=command.quantity_lots,
            account=command.account,
            session=command.session,
            cl_ord_id=command.cl_ord_id,
            side=command.side,
            ord_type=command.ord_type,
            time_in_force=command.time_in_force,
            stp=command.stp,
            msg_seq_num=command.msg_seq_num,
            flags=command.flags,
            state=int(state_of(order)),
        )

    def rejected(self, order: Order, command: NewOrder | ExtLeg, code: int) -> None:
        """A new order or leg; it has the number of its NEW_ORDER as its command."""
        self.say(
            Rejected,
            order_id=order.order_id,
            price_ticks=command.price_ticks,
            quantity_lots=command.quantity_lots,
            account=command.account,
            session=command.session,
            cl_ord_id=command.cl_ord_id,
            side=command.side,
            command=type_of(NewOrder),
            code=int(code),
            msg_seq_num=command.msg_seq_num,
            ord_type=command.ord_type,
            time_in_force=command.time_in_force,
        )

    def refused(self, command: Cancel | Replace, code: int, side: int) -> None:
        meant = meant_id(command)
        self.say(ExtClientIdEvent, orig_cl_ord_id=self.target if meant is None else meant)
        self.say(
            Rejected,
            order_id=command.order_id,
            price_ticks=command.price_ticks if isinstance(command, Replace) else 0,
            quantity_lots=command.quantity_lots if isinstance(command, Replace) else 0,
            account=command.account,
            session=command.session,
            cl_ord_id=own_id(command),
            side=side,
            command=type_of(type(command)),
            code=int(code),
            msg_seq_num=command.msg_seq_num,
        )

    def list_name(self, order: Order) -> None:
        """Of an order that is accepted next, where its list has a name."""
        if order.list_name:
            self.say(ExtListNameEvent, name=order.list_name)

    def terms(self, order: Order, *, always: bool) -> None:
        """Of the order as it stands now; if not `always`, then only where it has any."""
        waits_for_price = order.ord_type in STOPS and not order.has_triggered
        body = {
            "stop_price_ticks": order.stop_price_ticks if waits_for_price else 0,
            "trail_ticks": order.trail_ticks if waits_for_price else 0,
            "display_lots": order.display_lots,
            "minimum_lots": order.minimum_lots,
            "expire_ns": order.expire_ns if order.time_in_force == TimeInForce.GTD else 0,
            "mate_order_id": order.contingent.order_id if order.contingent else 0,
            "list_kind": order.list_kind if order.contingent else 0,
        }
        if always or any(body.values()):
            self.say(ExtTermsEvent, **body)

    def traded(self, listing: Listing, maker: Order, taker: Order, price_ticks: int, lots: int, flags: int) -> None:
        base = lots * listing.definition.lot_units
        quote = lots * price_ticks * listing.definition.unit_value
        self.say(
            Traded,
            maker_order_id=maker.order_id,
            taker_order_id=taker.order_id,
            price_ticks=price_ticks,
            quantity_lots=lots,
            maker_leaves_lots=maker.leaves_lots,
            taker_leaves_lots=taker.leaves_lots,
            maker_fee=fee(quote if taker.buys else base, maker.maker_fee_ppm),
            taker_fee=fee(base if taker.buys else quote, taker.taker_fee_ppm),
            maker_account=maker.account,
            taker_account=taker.account,
            taker_side=taker.side,
            flags=flags,
        )

    def prevented(self, taker: tuple[Order, int], maker: tuple[Order, int], lots: int, group: int) -> None:
        """Name two orders, each with what it loses, that would have traded `lots`."""
        self.say(
            Prevented,
            taker_order_id=taker[0].order_id,
            maker_order_id=maker[0].order_id,
            price_ticks=maker[0].price_ticks,
            quantity_lots=lots,
            taker_lots=taker[1],
            maker_lots=maker[1],
            taker_account=taker[0].account,
            maker_account=maker[0].account,
            taker_side=taker[0].side,
            mode=taker[0].stp,
            trade_group=group,
        )

    def cancelled(self, order: Order, reason: CancelReason) -> None:
        """Before it leaves the book, if it is there; only a command's own order has its session and numbers."""
        command = self.command
        asked = isinstance(command, Cancel) and reason == CancelReason.REQUESTED
        is_own = (isinstance(command, NewOrder) and order.order_id == command.seq) or (
            isinstance(command, Cancel | Replace) and order.order_id == command.order_id
        )
        self.say(
            Cancelled,
            order_id=order.order_id,
            price_ticks=order.price_ticks,
            leaves_lots=order.leaves_lots,
            account=order.account,
            session=command.session if is_own else 0,
            cl_ord_id=own_id(command) if asked else b"",
            side=order.side,
            reason=int(reason),
            rested=int(order.place == Place.BOOK and not order.display_lots),
            msg_seq_num=command.msg_seq_num if is_own else 0,  # type: ignore[attr-defined]
        )

    def replaced(self, order: Order, was: tuple[int, int], kept: bool) -> None:
        """`was` is its old price and leaves."""
        assert isinstance(self.command, Replace)
        self.say(
            Replaced,
            order_id=order.order_id,
            price_ticks=order.price_ticks,
            leaves_lots=order.leaves_lots,
            old_price_ticks=was[0],
            old_leaves_lots=was[1],
            cl_ord_id=own_id(self.command),
            side=order.side,
            kept_priority=int(kept),
            state=int(state_of(order)),
            header_flags=EventFlag.API if self.command.session >= API_SESSION else 0,
        )

    def restated(self, order: Order, was: tuple[int, int], reason: RestateReason) -> None:
        self.say(
            Restated,
            order_id=order.order_id,
            price_ticks=order.price_ticks,
            leaves_lots=order.leaves_lots,
            old_price_ticks=was[0],
            old_leaves_lots=was[1],
            account=order.account,
            side=order.side,
            state=int(state_of(order)),
            reason=int(reason),
            rested=int(order.place == Place.BOOK and not order.display_lots),
        )

    def shown(self, order: Order, old_lots: int, *, is_refresh: bool = False) -> None:
        self.say(
            Shown,
            order_id=order.order_id,
            price_ticks=order.price_ticks,
            shown_lots=order.shown_lots,
            old_shown_lots=old_lots,
            leaves_lots=order.leaves_lots,
            account=order.account,
            side=order.side,
            is_refresh=int(is_refresh),
        )

    def triggered(self, order: Order, reason: TriggerReason) -> None:
        self.say(
            Triggered,
            order_id=order.order_id,
            price_ticks=order.price_ticks,
            leaves_lots=order.leaves_lots,
            stop_price_ticks=order.stop_price_ticks if reason == TriggerReason.STOP else 0,
            account=order.account,
            side=order.side,
            state=int(state_of(order)),
            reason=int(reason),
        )

    def phase_changed(self, listing: Listing, old: int, reason: PhaseReason, ended: Outcome | None) -> None:
        self.say(
            PhaseChanged,
            phase=int(listing.phase),
            old_phase=int(old),
            reason=int(reason),
            ends_ns=listing.ends_ns,
            auction_price_ticks=ended.price_ticks if ended else 0,
            auction_lots=ended.lots if ended else 0,
            reference_price_ticks=listing.reference_ticks,
        )

    def indicative(self, would: Outcome | None) -> None:
        self.say(
            Indicative,
            price_ticks=would.price_ticks if would else 0,
            quantity_lots=would.lots if would else 0,
            imbalance_lots=would.imbalance_lots if would else 0,
        )
