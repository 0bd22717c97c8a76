"""Requests with numbers at the edges: each number of a request in turn, while all other parameters are valid.

What there is to ask comes from the tables of the dialect's routes and from the description of /v1: a new endpoint or
parameter is asked for without a line here.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from websockets.sync.client import connect

from procs.api.binance.routes import REST, WS, Route, Security
from tests.pipeline.api_client import ApiClient, RefusedError
from tests.pipeline.person import Person, ProblemError

INTERNAL = -1000  # the dialect's code for what it did not expect
JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")

# The edges of 31, 32, 53, 63 and 64 bits; of what is milliseconds and what is microseconds; of the venue's clock, which
# counts nanoseconds in 63 bits; of the calendar; and of what is a number.
EDGES = [
    "0", "1", "-1", "-0", "00", "2147483647", "2147483648", "4294967295", "4294967296", "9007199254740991",
    "9007199254740992", "9007199254740993", "99999999999999", "100000000000000", "9223372036853", "9223372036854",
    "9223372036855", "9223372036854774", "9223372036854775", "9223372036854776", "18446744073709", "18446744073710",
    "18446744073709551", "18446744073709552", "253402300799999", "253402300800000", "253402300799999999",
    "9223372036854775806", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "18446744073709551615", "18446744073709551616", "99999999999999999999",
    "100000000000000000000", "1" + "0" * 40, "0.5", "1e3", "1e400", "NaN", "Infinity", "0x10", "1_0", " 1", "\u0661",
    "0.00000001", "0." + "0" * 30 + "1", "92233720368547758.07", "92233720368.54775807", "92233720368.54775808",
]  # fmt: skip
# Parameters with other values than numbers.
WORDS = {
    "symbol", "symbols", "symbolStatus", "permissions", "showPermissionSets", "side", "type", "timeInForce",
    "newClientOrderId", "origClientOrderId", "newOrderRespType", "selfTradePreventionMode", "cancelReplaceMode",
    "cancelNewClientOrderId", "cancelOrigClientOrderId", "cancelRestrictions", "orderRateLimitExceededMode",
    "listClientOrderId", "interval", "listenKey", "limitClientOrderId", "stopClientOrderId", "stopLimitTimeInForce",
    "pegPriceType", "pegOffsetType", "omitZeroBalances", "apiKey", "computeCommissionRates", "returnRateLimits",
}  # fmt: skip
WORDS |= {
    leg + word
    for leg in ("above", "below", "working", "pending", "pendingAbove", "pendingBelow")
    for word in ("Type", "ClientOrderId", "TimeInForce", "PegPriceType", "PegOffsetType", "Side")
}
LIMIT = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "100.00"}
# Valid parameters for the rest of a request.
RIGHT: dict[str, dict[str, str]] = {
    "order_place": LIMIT,
    "order_test": LIMIT,
    "cancel_replace": {**LIMIT, "cancelReplaceMode": "ALLOW_FAILURE", "cancelOrigClientOrderId": "nothing"},
    "amend": {"origClientOrderId": "nothing", "newQty": "0.01"},
    "order_cancel": {"origClientOrderId": "nothing"},
    "klines": {"interval": "1m"},
    "ui_klines": {"interval": "1M"},
    "oco_place": {
        "side": "SELL", "quantity": "0.01", "aboveType": "LIMIT_MAKER", "abovePrice": "900000.00",
        "belowType": "STOP_LOSS", "belowStopPrice": "10.00",
    },
    "old_oco_place": {"side": "SELL", "quantity": "0.01", "price": "900000.00", "stopPrice": "10.00"},
    "oto_place": {
        "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "100.00", "workingQuantity": "0.01",
        "workingTimeInForce": "GTC", "pendingType": "MARKET", "pendingSide": "SELL", "pendingQuantity": "0.01",
    },
}  # fmt: skip
# A number that is sent in place of a name.
IN_PLACE = {"orderId": "origClientOrderId", "cancelOrderId": "cancelOrigClientOrderId"}
# Times and ids: what these are compared with is looked up deep inside.
DEEP = {
    "orderId", "orderListId", "fromId", "startTime", "endTime", "first", "before", "since", "until", "from", "to",
    "order_id", "body.expires", "body.valid_until",
}  # fmt: skip
TIMED = ("order_status", "account")  # routes whose timestamp and recvWindow are asked, for all
SYMBOL = "BTCUSDT"


class Asked(NamedTuple):
    """A request: the path and method, or the method of the WebSocket API, and what it was sent with."""

    what: str
    name: str
    value: str
    parameters: dict[str, Any]


class Sample:
    """All edges of times and ids, and a share of the others, by a seed."""

    def __init__(self, seed: int, share: float) -> None:
        print("seed", seed)
        self._chance = random.Random(seed)
        self._share = share
        self.count = 0

    def __call__(self, asked: Asked) -> bool:
        is_in = asked.name in DEEP or self._chance.random() < self._share
        self.count += is_in
        return is_in


def edges_of(what: str, route: Route) -> Iterator[Asked]:
    """Every edge of every number that a route reads."""
    right = dict(RIGHT.get(route.name, {}))
    if b"symbol" in route.parameters:
        right["symbol"] = SYMBOL
    numbers = {name.decode() for name in route.parameters} - WORDS
    if route.name not in TIMED:
        numbers -= {"timestamp", "recvWindow"}
    for name in sorted(numbers):
        known = {each: value for each, value in right.items() if each != IN_PLACE.get(name)}
        for value in EDGES:
            yield Asked(what, name, value, {**known, name: value})


def by_rest(client: ApiClient, chosen: Callable[[Asked], bool]) -> Iterator[str]:
    """Ask over REST, and yield each answer that blames the venue."""
    for (method, path), route in REST.items():
        for asked in filter(chosen, edges_of(f"{method} {path}", route)):
            query = urlencode(asked.parameters)
            if route.security is Security.SIGNED:
                stamp = "" if "timestamp" in asked.parameters else f"&timestamp={time.time_ns() // 10**6}"
                query = client.sign(query + stamp)
            try:
                client.send(method, path, query)
            except RefusedError as error:
                if error.status == 500 or error.code == INTERNAL:
                    yield f"{asked}: {error}"


def by_socket(client: ApiClient, chosen: Callable[[Asked], bool]) -> Iterator[str]:
    """Ask over the WebSocket API, as `by_rest`; each number is sent as a number where JSON has it, else as a text."""
    with connect(f"ws://127.0.0.1:{client.port}/ws-api/v3") as socket:
        for method, route in WS.items():
            for asked in filter(chosen, edges_of(method, route)):
                if method.startswith("session.log"):
                    continue
                parameters: dict[str, Any] = dict(asked.parameters)
                if route.security is Security.SIGNED:
                    stamp = parameters.pop("timestamp", None)
                    parameters = client.ws_params(**parameters)
                    parameters["timestamp"] = stamp or parameters["timestamp"]
                text = json.dumps({"id": 1, "method": method, "params": parameters})
                if JSON_NUMBER.fullmatch(asked.value):
                    text = text.replace(f'"{asked.name}": "{asked.value}"', f'"{asked.name}": {asked.value}')
                socket.send(text)
                said = json.loads(socket.recv(timeout=30))
                while "event" in said:
                    said = json.loads(socket.recv(timeout=30))
                if said["status"] == 500 or said.get("error", {}).get("code") == INTERNAL:
                    yield f"{asked}: {said}"


# What ends the session that asks, or all trading.
NOT_ASKED = re.compile(r"^/v1/(auth/|kill-switch|operator/accounts/{name}/(role|kill))")
# Each of these is a process of its own that answers: a soak has the time.
SLOW = re.compile(r"^/v1/operator/(at|status|sessions|corrections)")
BODIES: dict[str, dict[str, Any]] = {
    "NewOrder": {"symbol": SYMBOL, "side": "buy", "type": "limit", "price": "100.00", "quantity": "0.01"},
    "Wanted": {"scopes": ["read"]},
    "WithdrawalWanted": {"asset": "USDT", "amount": "1", "destination": "somewhere"},
    "NewAsset": {"name": "EDGE", "scale": 2},
    "NewInstrument": {"symbol": "EDGEUSDT", "base": "EDGE", "quote": "USDT", "tick": "0.01", "lot": "0.01"},
    "NewRates": {"maker_fee_ppm": 1, "taker_fee_ppm": 1},
    "PaymentWanted": {"account": "TRADER8", "asset": "USDT", "amount": "1"},
    "CorrectionWanted": {"symbol": SYMBOL, "trade": 1},
}
PATHS = {"symbol": "SOLUSDT", "asset": "USDT", "name": "TRADER8"}


def is_number(schema: dict[str, Any]) -> bool:
    """Return whether a schema is of a number, or of a text that is one."""
    return '"integer"' in json.dumps(schema) or "decimal" in json.dumps(schema) or "[0-9]" in schema.get("pattern", "")


def v1_edges(description: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Iterator[Asked]:
    """Every edge of every number that an operation of /v1 has in its path, its query or its body."""
    parameters = operation.get("parameters", [])
    right: dict[str, Any] = {each["name"]: PATHS.get(each["name"], "1") for each in parameters if each["in"] == "path"}
    right |= {each["name"]: SYMBOL for each in parameters if each["in"] == "query" and each["name"] == "symbol"}
    numbers = [each["name"] for each in parameters if is_number(each["schema"])]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        called = content["schema"].get("$ref", "").rpartition("/")[2]
        schema = description["components"]["schemas"].get(called, {})
        right["body"] = BODIES.get(called, {})
        numbers += [f"body.{name}" for name, of in schema.get("properties", {}).items() if is_number(of)]
    for name in numbers:
        for value in EDGES:
            if name.startswith("body."):
                yield Asked(f"{method} {path}", name, value, {**right, "body": {**right["body"], name[5:]: value}})
            else:
                yield Asked(f"{method} {path}", name, value, {**right, name: value})


def by_v1(person: Person, chosen: Callable[[Asked], bool], *, slow: bool = False) -> Iterator[str]:
    """Ask /v1 by its own description, as `by_rest`. A number in a body is sent as a number and as a text."""
    description = person.get("/openapi.json")
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if NOT_ASKED.match(path) or (SLOW.match(path) and not slow):
                continue
            for asked in filter(chosen, v1_edges(description, method.upper(), path, operation)):
                yield from _by_v1(person, asked)


def _by_v1(person: Person, asked: Asked) -> Iterator[str]:
    method, _, path = asked.what.partition(" ")
    rest = dict(asked.parameters)
    body = rest.pop("body", None)
    for name in re.findall(r"{(\w+)", path):
        path = re.sub(rf"{{{name}[^}}]*}}", quote(rest.pop(name), safe=""), path)
    target = path.removeprefix("/v1") + ("?" + urlencode(rest) if rest else "")
    bodies: list[object] = [body]
    if asked.name.startswith("body.") and JSON_NUMBER.fullmatch(asked.value):
        bodies.append(json.dumps(body).replace(json.dumps(asked.value), asked.value).encode())
    for each in bodies:
        try:
            person.ask(method, target, each)
        except ProblemError as error:
            if error.status == 500:
                yield f"{asked}: {error}"
        except json.JSONDecodeError:  # a file
            assert person.headers["content-type"].startswith("text/csv")
