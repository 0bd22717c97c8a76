"""The messages of `/v1/stream`: an event as its channel tells it, images, the heartbeat.

A message about an event is a function of the event and of its order as it stood then, so it is the same whenever it is
told. Which messages a client is sent, and when, is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from lockstep.core.schema.enums import (
    CancelReason,
    Code,
    CommandType,
    EventType,
    KeyScope,
    RestateReason,
    Role,
    TriggerReason,
    WithdrawalState,
)
from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import (
    AccountDefined,
    Balance,
    Cancelled,
    Confirmed,
    Corrected,
    FactorDefined,
    KeyDefined,
    KeyRevoked,
    Rejected,
    Replaced,
    Restated,
    Traded,
    Triggered,
    WithdrawalChanged,
)
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.api.read.views import FillView
from lockstep.procs.api.recent_events import Cursor
from lockstep.procs.api.v1.account import account_shown
from lockstep.procs.api.v1.keys import key_shown
from lockstep.procs.api.v1.shown import OrderShown, balance_shown, fill_shown, order_shown
from lockstep.procs.api.withdrawals import Waiting

MS = 1_000_000
PAGE = 100  # orders of an image in one message
MOST_OPEN = 10_000  # orders in an image, the newest
TYPE_AT = 4  # in an event
OF_OPERATORS = 2  # the part of an event's tellings that is theirs
EXPIRED = 67  # FIX OrdStatus, as the number of its character

ORDERS, BALANCES, WITHDRAWALS, ACCOUNT, OPERATIONS = "orders", "balances", "withdrawals", "account", "operations"
CHANNELS = (ORDERS, BALANCES, WITHDRAWALS, ACCOUNT, OPERATIONS)
# What is told of a request that was refused; of others, who asked is answered.
REQUESTS = {
    CommandType.NEW_ORDER: "new",
    CommandType.EXT_LEG: "new",
    CommandType.CANCEL: "cancel",
    CommandType.REPLACE: "replace",
    CommandType.MASS_CANCEL: "mass_cancel",
}
_CHANNEL_OF = {
    EventType.BALANCE: BALANCES,
    EventType.WITHDRAWAL: WITHDRAWALS,
    EventType.ACCOUNT_DEFINED: ACCOUNT,
    EventType.KEY_DEFINED: ACCOUNT,
    EventType.KEY_REVOKED: ACCOUNT,
    EventType.FACTOR_DEFINED: ACCOUNT,
    EventType.CONFIRMED: ACCOUNT,
}


class Messages:
    """They name what is listed, and who is who, as it is now."""

    def __init__(self, desk: Desk, shown: Shown) -> None:
        self._desk = desk
        self._shown = shown
        self._people = desk.people

    def channel_of(self, cursor: Cursor) -> str:
        """Which channel tells the event that a cursor is at."""
        record, _, part = cursor.event
        return OPERATIONS if part == OF_OPERATORS else _CHANNEL_OF.get(EventType(record[TYPE_AT]), ORDERS)

    def event(self, cursor: Cursor) -> bytes | None:
        """The event that a cursor is at; None where there is nothing to say."""
        record, _, part = cursor.event
        event: Any = unpack_event(record)
        said = self._said(event, cursor)
        if said is None:
            return None
        if part == OF_OPERATORS:
            said["account"] = self._people.name_of(event.target if isinstance(event, Confirmed) else event.account)
        return msgspec.json.encode(
            {
                "channel": self.channel_of(cursor),
                "position": cursor.text,
                "seq": event.cause,
                "time": event.time_ns // MS,
                **said,
            }
        )

    def image(self, channel: str, account: int, position: str, seq: int) -> Iterator[bytes]:
        """The messages that a channel begins with: what there is right before `position`. It is looked at before the
        first of them, and the rest is written as it is asked for."""
        head = {"channel": channel, "position": position, "seq": seq}
        if channel == ORDERS:
            open = self._shown.open_orders(account, 0, MOST_OPEN)
            terms = [self._desk.orders.further(view.order_id) for view in open]
            pages = [slice(first, first + PAGE) for first in range(0, len(open), PAGE)] or [slice(0)]
            return (
                msgspec.json.encode(
                    {
                        **head,
                        "image": [order_shown(*pair) for pair in zip(open[page], terms[page], strict=True)],
                        "is_last": page is pages[-1],
                    }
                )
                for page in pages
            )
        return iter([msgspec.json.encode({**head, "image": self._image(channel, account), "is_last": True})])

    def _image(self, channel: str, account: int) -> Any:
        desk = self._desk
        if channel == BALANCES:
            return [balance_shown(view) for view in self._shown.balances(account)]
        if channel == WITHDRAWALS:
            return [self._waiting(each) for each in desk.withdrawals.of(account)]
        if channel == ACCOUNT:
            keys = [key_shown(key) for key in desk.keys.of(account)]
            return [{"account": account_shown(self._people, account), "keys": keys}]
        return [
            {"account": self._people.name_of(each.account), **self._waiting(each)} for each in desk.withdrawals.known()
        ]

    def _said(self, event: Any, cursor: Cursor) -> dict[str, Any] | None:
        """What an event says, but for where it stands."""
        match event:
            case Balance():
                return {"event": "balance", "balance": balance_shown(
                    self._shown.balance(event.asset, event.free, event.held)
                )}  # fmt: skip
            case Corrected():
                return self._corrected(event, cursor)
            case WithdrawalChanged():
                return self._withdrawal(event)
            case AccountDefined():
                return {"event": "account", "role": Role(event.role).name.lower()}
            case KeyDefined():
                return {"event": "key", "key": event.name.decode(), "scopes": _scopes(event.scopes),
                        "expires": event.expiry_ns // MS or None}  # fmt: skip
            case KeyRevoked():
                return {"event": "key_revoked", "key": event.name.decode()}
            case FactorDefined():
                return {"event": "second_factor", "is_on": event.size > 0}
            case Confirmed():
                return {"event": "kill_switch", "is_on": bool(event.is_on)}
        return self._of_order(event, cursor)

    def _of_order(self, event: Any, cursor: Cursor) -> dict[str, Any] | None:
        """An order's event, with the order as it stood after it."""
        found = self._shown.order_then(cursor)
        order = None if found is None else order_shown(*found)
        match event:
            case Traded():
                return {"event": "trade", "order": order, "fill": fill_shown(self._shown.fill_then(cursor))}
            case Cancelled():
                assert found is not None
                name = "expired" if found[0].status == EXPIRED else "cancelled"
                return {"event": name, "reason": CancelReason(event.reason).name.lower(), "order": order}
            case Replaced():
                return {"event": "replaced", "kept_priority": bool(event.kept_priority), "order": order}
            case Triggered():
                return {"event": "triggered", "reason": TriggerReason(event.reason).name.lower(), "order": order}
            case Restated():
                return {"event": "restated", "reason": RestateReason(event.reason).name.lower(), "order": order}
            case Rejected():
                return _rejected(event, order)
        return {"event": "accepted", "order": order}

    def _corrected(self, event: Corrected, cursor: Cursor) -> dict[str, Any]:
        """A trade was undone, or has another price and fee."""
        is_buyer = cursor.event[2] == 0
        symbol = self._shown.symbol(event.instrument)
        new = FillView(
            symbol=symbol, trade_id=event.trade_id, price_ticks=event.new_price_ticks or event.price_ticks,
            quantity_lots=event.quantity_lots, fee=event.buyer_fee if is_buyer else event.seller_fee,
            seq=event.cause, time_ns=event.time_ns, is_buyer=is_buyer,
        )  # fmt: skip
        fill = fill_shown(new)
        return {
            "event": "corrected",
            "is_undone": event.new_price_ticks == 0,
            "trade_id": fill.trade_id,
            "symbol": fill.symbol,
            "side": fill.side,
            "price": fill.price,
            "quantity": fill.quantity,
            "value": fill.value,
            "fee": fill.fee,
            "fee_asset": fill.fee_asset,
        }

    def _withdrawal(self, event: WithdrawalChanged) -> dict[str, Any]:
        return {"event": WithdrawalState(event.state).name.lower(), "withdrawal": self._amount(event.withdrawal, event)}

    def _waiting(self, waiting: Waiting) -> dict[str, Any]:
        """A withdrawal whose money is held."""
        return {
            **self._amount(waiting.number, waiting),
            "state": WithdrawalState(waiting.state).name.lower(),
            "client_id": waiting.client_id.decode(errors="replace"),
            "destination": waiting.destination.decode(errors="replace"),
            "requested": waiting.requested_ns // MS,
        }

    def _amount(self, number: int, of: WithdrawalChanged | Waiting) -> dict[str, Any]:
        shown = balance_shown(self._shown.balance(of.asset, 0, of.amount))
        return {"withdrawal": number, "asset": shown.asset, "amount": shown.held}


def _scopes(bits: int) -> list[str]:
    return [scope.name.lower() for scope in KeyScope if bits & scope]


def _rejected(event: Rejected, order: OrderShown | None) -> dict[str, Any] | None:
    """A request that was refused; `order` where it was to be a new one."""
    request = REQUESTS.get(CommandType(event.command))
    if request is None:
        return None
    said: dict[str, Any] = {
        "event": "rejected",
        "request": request,
        "code": Code(event.code).name,
        "client_order_id": event.cl_ord_id.decode(errors="replace"),
    }
    if order is not None:
        said["order"] = order
    elif event.order_id:
        said["order_id"] = event.order_id
    return said


def heartbeat(position: str, seq: int, committed: int, behind_ms: int, now_ms: int) -> bytes:
    """Everything up to `position` was told; the log is committed up to `committed`."""
    return msgspec.json.encode(
        {
            "channel": "heartbeat",
            "position": position,
            "seq": seq,
            "committed": committed,
            "behind_ms": behind_ms,
            "time": now_ms,
        }
    )


def ended(channel: str, code: str, detail: str) -> bytes:
    """A channel tells no more, and why; `session`: all that are private."""
    return msgspec.json.encode({"channel": channel, "event": "ended", "code": code, "detail": detail})
