"""Orders as FIX's fields, and reports as what they say."""

from __future__ import annotations

import contextlib
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from lockstep.client.decoding import is_amount
from lockstep.client.errors import GARBLED, VenueError
from lockstep.client.fix.message import Field, Message, now

BUY, SELL = 1, 2
ENDED = tuple("248C")  # OrdStatus: filled, cancelled, rejected, expired
REFUSALS = tuple("39j")  # Reject, OrderCancelReject, BusinessMessageReject


class Report(Struct, frozen=True):
    """An ExecutionReport, or a refusal; fields that it lacks are empty, amounts 0.

    `kind` is its MsgType, `exec_type` and `status` are FIX's characters.
    """

    kind: str
    client_order_id: str
    original_id: str
    order_id: str
    exec_id: str
    exec_type: str
    status: str
    price: Decimal
    last_price: Decimal
    last_quantity: Decimal
    left: Decimal
    filled: Decimal
    text: str

    @property
    def is_refusal(self) -> bool:
        """Whether a request was refused: `text` begins with the venue's code."""
        return self.kind in REFUSALS or self.exec_type == "8"

    @property
    def has_ended(self) -> bool:
        """Whether the order is open no more."""
        return self.kind == "8" and self.status in ENDED


def report_of(message: Message) -> Report:
    """Return what an application message says. VenueError (GARBLED) where an amount is no number."""
    kind = message[35]

    def text(tag: int) -> str:
        return message.get(tag, "")

    def amount(tag: int) -> Decimal:
        value = Decimal("NaN")
        with contextlib.suppress(InvalidOperation):
            value = Decimal(message.get(tag, "0"))
        if not is_amount(value):
            raise VenueError(GARBLED, f"Tag {tag} is not an amount in {message}.")
        return value

    return Report(
        kind=kind, client_order_id=text(379 if kind == "j" else 11), original_id=text(41), order_id=text(37),
        exec_id=text(17), exec_type=text(150), status=text(39), price=amount(44), last_price=amount(31),
        last_quantity=amount(32), left=amount(151), filled=amount(14), text=text(58),
    )  # fmt: skip


def limit_order(cl_ord_id: str | bytes, side: int, price: str, quantity: str, symbol: str = "BTCUSDT") -> list[Field]:
    """Return the fields of a limit order that is good till cancelled."""
    return [
        (11, cl_ord_id), (21, 1), (55, symbol), (54, side), (60, now()), (38, quantity), (40, 2), (44, price), (59, 1),
    ]  # fmt: skip


def cancel_order(cl_ord_id: str, original_id: str, side: int, symbol: str = "BTCUSDT") -> list[Field]:
    """Return the fields of a request to cancel an order."""
    return [(11, cl_ord_id), (41, original_id), (55, symbol), (54, side), (60, now())]
