"""What a simulated venue's clients ask the api for: mostly sense, now and then nonsense.

Parameters only: who sends them signs them, and remembers what came of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import NamedTuple

from tests.simulation.traffic import SYMBOLS

KINDS = {
    "order": 10.0, "cancel": 3, "look": 2, "account": 2, "cancel_replace": 1, "amend": 1, "pair": 0.5,
    "open_orders": 0.5, "cancel_all": 0.2,
}  # fmt: skip
LATEST = 20  # orders, of which one is asked for


class Request(NamedTuple):
    """`id_of` is the parameter that names the order which the request places; empty if it places none."""

    kind: str
    method: str
    path: str
    parameters: dict[str, str]
    id_of: str = ""


class ApiTraffic:
    """One client's requests. `entered` are the client ids that the account's FIX session has used."""

    def __init__(self, name: str, entered: list[tuple[str, str, str]], draw: Random) -> None:
        self.draw = draw
        self._name = name
        self._entered = entered
        self._symbols: dict[str, str] = {}
        self._count = 0

    def next(self, placed: Mapping[str, int]) -> Request:
        """Something; `placed` are the orders that were answered."""
        kind = self.draw.choices(list(KINDS), list(KINDS.values()))[0]
        match kind:
            case "order":
                return self.order()
            case "pair":
                return self.pair()
            case "cancel_replace":
                return self.cancel_replace(placed)
            case "account":
                return Request(kind, "GET", "account", {})
            case "open_orders":
                return Request(kind, "GET", "openOrders", {})
        if kind == "cancel_all":
            return Request(kind, "DELETE", "openOrders", {"symbol": self.draw.choice(SYMBOLS)})
        which = self.target(placed)
        if kind == "amend":
            return Request(kind, "PUT", "order/amend/keepPriority", {**which, "newQty": "0.1"})
        return Request(kind, "DELETE" if kind == "cancel" else "GET", "order", which)

    def order(self, client_id: str = "") -> Request:
        """A new order: under an id of its own, under none, or under one that the account's FIX session has used."""
        draw = self.draw
        kind = draw.choice(("LIMIT", "LIMIT", "LIMIT", "MARKET"))
        made = {
            "symbol": draw.choice(SYMBOLS), "side": draw.choice(("BUY", "SELL")), "type": kind,
            "quantity": draw.choice(("0.1", "0.5", "1", "40")),
            "newOrderRespType": draw.choice(("ACK", "RESULT", "FULL")),
        }  # fmt: skip
        if kind == "LIMIT":
            price = f"{draw.randint(98, 102)}.{draw.randint(0, 3):02d}"
            made |= {"price": price, "timeInForce": draw.choice(("GTC", "GTC", "IOC"))}
        choice = draw.random()
        if not client_id and choice < 0.8:
            is_old = choice < 0.1 and self._entered
            client_id = draw.choice(self._entered)[0] if is_old else self._new_id()
        self._symbols[client_id] = made["symbol"]
        return Request("order", "POST", "order", made | _named("newClientOrderId", client_id), "newClientOrderId")

    def pair(self) -> Request:
        """A list: a limit order, and one that it triggers."""
        made = {"symbol": self.draw.choice(SYMBOLS)}
        for leg, side in (("working", "BUY"), ("pending", "SELL")):
            made |= {
                f"{leg}ClientOrderId": self._new_id(), f"{leg}Type": "LIMIT", f"{leg}Side": side,
                f"{leg}Quantity": "0.2", f"{leg}Price": f"{self.draw.randint(98, 102)}.00", f"{leg}TimeInForce": "GTC",
            }  # fmt: skip
        return Request("pair", "POST", "orderList/oto", made, "workingClientOrderId")

    def cancel_replace(self, placed: Mapping[str, int]) -> Request:
        order = self.order(self._new_id())
        which = self.target(placed)
        symbol = which.pop("symbol")
        named = {f"cancel{name[0].upper()}{name[1:]}": value for name, value in which.items()}
        mode = self.draw.choice(("STOP_ON_FAILURE", "ALLOW_FAILURE"))
        made = {**order.parameters, **named, "symbol": symbol, "cancelReplaceMode": mode}
        return Request("cancel_replace", "POST", "order/cancelReplace", made, order.id_of)

    def target(self, placed: Mapping[str, int]) -> dict[str, str]:
        """One of the account's latest orders, of the api's or of FIX; now and then by a symbol that is not its own."""
        mine = list(placed.items())[-LATEST:]
        if mine and self.draw.random() < 0.7:
            name, order = self.draw.choice(mine)
            symbol = self._symbols.get(name, SYMBOLS[0])
            which = {"orderId": str(order)} if self.draw.random() < 0.5 else {"origClientOrderId": name}
        else:
            name, symbol, _ = self.draw.choice(self._entered[-LATEST:] or [("none", SYMBOLS[0], "")])
            which = {"origClientOrderId": name}
        return {"symbol": symbol if self.draw.random() < 0.9 else self.draw.choice(SYMBOLS), **which}

    def _new_id(self) -> str:
        self._count += 1
        return f"{self._name}-bot-{self._count}"


def _named(parameter: str, client_id: str) -> dict[str, str]:
    return {parameter: client_id} if client_id else {}
