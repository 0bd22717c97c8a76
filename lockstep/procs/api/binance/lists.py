"""What clients ask about their lists of two orders: one list, those that are open, all of them.

Each method answers a route of its name. A list to which its client gave no name is called by its first order.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockstep.core.schema.enums import ListKind
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.errors import either_missing, order_unknown
from lockstep.procs.api.binance.pages import read_page
from lockstep.procs.api.parts import MOST_OBJECTS, MOST_ROWS, joined, parts
from lockstep.procs.api.read.archive import Archive
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.api.read.views import OrderView, is_open, list_client_id


class Lists:
    """The handlers."""

    def __init__(self, shown: Shown, archive: Archive) -> None:
        self._shown = shown
        self._archive = archive

    async def list_status(self, call: Call) -> bytes:
        """A list of the account's, by its number or its name."""
        number = call.sent.integer(b"orderListId", 0, 2**63 - 1)
        name = call.sent.get(b"origClientOrderId") or call.sent.get(b"listClientOrderId")
        if number is None and name is None:
            raise either_missing("origClientOrderId", "orderListId")
        view = await self._archive.first_of_list(call.account, number or 0, name)
        if view is None or view.order_id != view.list_id:
            raise order_unknown()
        return msgspec.json.encode(await self._told(call, view))

    async def open_lists(self, call: Call) -> bytes:
        """The account's lists of which an order is open."""
        numbers: set[int] = set()
        async for ids in parts(self._shown.open_ids(call.account), MOST_ROWS):
            numbers |= {view.list_id for view in self._shown.still_open(ids) if view.mate_id}
        rows = []
        async for part in parts(sorted(numbers), MOST_OBJECTS):
            firsts = [await self._archive.order(call.account, number, None) for number in part]
            told = [await self._told(call, first) for first in firsts if first is not None]
            rows.append(msgspec.json.encode([each for each in told if each["listOrderStatus"] == "EXECUTING"]))
        return joined(rows)

    async def all_lists(self, call: Call) -> bytes:
        """The account's lists that memory has: from a number on, in a span of time, or the last ones."""
        firsts = self._shown.lists(call.account, read_page(call.sent, b"fromId"))
        return joined(
            [
                msgspec.json.encode([await self._told(call, first) for first in part])
                async for part in parts(firsts, MOST_OBJECTS)
            ]
        )

    async def _told(self, call: Call, first: OrderView) -> dict[str, Any]:
        mate = await self._archive.order(call.account, first.mate_id, None)
        orders = [first] if mate is None else [first, mate]
        is_done = not any(map(is_open, orders))
        return {
            "orderListId": first.list_id,
            "contingencyType": ListKind(first.list_kind).name,
            "listStatusType": "ALL_DONE" if is_done else "EXEC_STARTED",
            "listOrderStatus": "ALL_DONE" if is_done else "EXECUTING",
            "listClientOrderId": list_client_id(first).decode(),
            "transactionTime": first.entered_ns // call.unit,
            "symbol": first.symbol.symbol.decode(),
            "orders": [
                {
                    "symbol": order.symbol.symbol.decode(),
                    "orderId": order.order_id,
                    "clientOrderId": order.client_order_id.decode(),
                }
                for order in orders
            ],
        }
