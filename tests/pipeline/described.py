"""The requests that a venue takes, as OpenAPI descriptions whose parameters have values at the edges, for Schemathesis.

They are made from the tables of the dialect's routes and from the description of /v1: a new endpoint or parameter is
asked for without a line here. In a description each parameter, wherever a request has it, is one of the query, and its
first value is the right one: the rest of a request is valid while one is at an edge.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from lockstep.procs.api.binance.routes import Route, Security
from tests.pipeline.number_edges import VALUES

ABSENT = "(left out)"  # a value: the parameter is not sent
SYMBOL = "BTCUSDT"
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
# Times and ids: what these are compared with is looked up deep inside.
DEEP = {
    "orderId", "orderListId", "fromId", "startTime", "endTime", "query.first", "query.before", "query.since",
    "query.until", "query.from", "query.to", "path.order_id", "body.expires", "body.valid_until",
}  # fmt: skip
# A number that is sent in place of a name.
IN_PLACE = {"orderId": "origClientOrderId", "cancelOrderId": "cancelOrigClientOrderId"}
TIMED = ("order_status", "account")  # routes whose timestamp and recvWindow are asked, for all
PAYMENT = {"account": "TRADER8", "asset": "USDT", "amount": "1"}
BODIES: dict[str, dict[str, Any]] = {
    "NewOrder": {"symbol": SYMBOL, "side": "buy", "type": "limit", "price": "100.00", "quantity": "0.01"},
    "Wanted": {"scopes": ["read"]},
    "WithdrawalWanted": {"asset": "USDT", "amount": "1", "destination": "somewhere"},
    "ListAsset": {"name": "EDGE", "scale": 2},
    "DefineInstrument": {"symbol": "EDGEUSDT", "base": "EDGE", "quote": "USDT", "tick": "0.01", "lot": "0.01"},
    "SetTier": {"maker_fee_ppm": 1, "taker_fee_ppm": 1},
    "MakeDeposit": PAYMENT,
    "ApproveDeposit": PAYMENT,
    "ProposeWithdrawal": PAYMENT,
    "CorrectionWanted": {"symbol": SYMBOL, "trade": 1},
}
PATHS = {"symbol": "SOLUSDT", "asset": "USDT", "name": "TRADER8"}
# What ends the session that asks, or all trading.
NOT_ASKED = re.compile(r"^/v1/(auth/|kill-switch|operator/accounts/{name}/(role|kill))")
# Each of these is a process of its own that answers: a soak has the time.
SLOW = re.compile(r"^/v1/operator/(at|status|sessions|corrections|trades|commands)")

Described = dict[str, dict[str, Any]]  # of an operation, "METHOD path": its parameters, each with its right value


class Asked(NamedTuple):
    """A request: the method and path, and what it is sent with."""

    what: str
    parameters: dict[str, Any]


class Sample:
    """Which values are asked for: all of times and ids; of a share of operations a share of the others."""

    def __init__(self, number: int, operations: float, values: float, combinations: int) -> None:
        print("seed", number)
        self.seed = number
        self.combinations = combinations  # of each operation, in which several parameters are at edges
        self.count = 0
        self._random = random.Random(number)
        self._operations, self._values = operations, values
        self._due = self._random.random()

    def takes(self) -> bool:
        """Return whether the next operation is asked for everything: of a fifth each fifth one, from a drawn one on."""
        self._due += self._operations
        is_due = self._due >= 1
        self._due -= is_due
        return is_due

    def values(self, name: str, is_taken: bool) -> list[str]:
        if name in DEEP:
            return VALUES
        return self._random.sample(VALUES, round(self._values * len(VALUES))) if is_taken else []


EVERYTHING = (1.0, 1.0, 100)  # what a soak's sample has


def of_dialect(routes: Mapping[Any, Route]) -> Described:
    """The dialect's operations, by its table of REST or of the WebSocket API."""
    described: Described = {}
    for key, route in routes.items():
        names = {name.decode() for name in route.parameters}
        if route.security is Security.SIGNED and route.name not in TIMED:
            names -= {"timestamp", "recvWindow"}
        right = {"symbol": SYMBOL, **RIGHT.get(route.name, {})}
        what = key if isinstance(key, str) else " ".join(key)
        described[what] = {name: right.get(name, ABSENT) for name in sorted(names)}
    return described


def of_v1(description: dict[str, Any], *, slow: bool) -> Described:
    """The operations of /v1, by its own description; a parameter's name begins with where it stands."""
    described: Described = {}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if NOT_ASKED.match(path) or (SLOW.match(path) and not slow):
                continue
            right: dict[str, Any] = {}
            for each in operation.get("parameters", []):
                known = PATHS.get(each["name"], "1") if each["in"] == "path" else ABSENT
                right[f"{each['in']}.{each['name']}"] = (
                    SYMBOL if (each["in"], each["name"]) == ("query", "symbol") else known
                )
            for content in operation.get("requestBody", {}).get("content", {}).values():
                called = content["schema"].get("$ref", "").rpartition("/")[2]
                for name in description["components"]["schemas"].get(called, {}).get("properties", {}):
                    right[f"body.{name}"] = BODIES.get(called, {}).get(name, ABSENT)
            described[f"{method.upper()} {path}"] = right
    return described


def _openapi(operations: Iterable[tuple[str, dict[str, list[Any]]]]) -> dict[str, Any]:
    paths = {
        f"/{number}/{what.replace(' ', '')}".replace("{", "(").replace("}", ")"): {
            "post": {
                "operationId": what,
                "parameters": [
                    {"name": name, "in": "query", "required": True, "schema": {"enum": values}}
                    for name, values in parameters.items()
                ],
                "responses": {"default": {"description": "an answer"}},
            }
        }
        for number, (what, parameters) in enumerate(operations)
    }
    return {"openapi": "3.1.0", "info": {"title": "edges", "version": "1"}, "paths": paths}


def asked_of(described: Described, sample: Sample) -> Iterator[Asked]:
    """What Schemathesis asks for: each value in turn, then some combinations."""
    drawn = []
    taken = set()
    for what, right in described.items():
        if sample.takes():
            taken.add(what)
        values = {name: sample.values(name, what in taken) for name in right}
        if what in taken or any(values.values()):
            drawn.append(
                (what, {name: [first, *(v for v in values[name] if v != first)] for name, first in right.items()})
            )
    schema = schemathesis.openapi.from_dict(_openapi(drawn))
    for operation in operations_of(schema):
        what = operation.definition.raw["operationId"]
        configuration = schema.config.generation_for(operation=operation)
        cases = schema.iter_coverage_cases(
            operation, generation_modes=[GenerationMode.POSITIVE], generation_config=configuration
        )
        queries = [case.query for case in cases]
        if what in taken and described[what]:
            queries += _combinations(operation, described[what], sample)
        for query in queries:
            sample.count += 1
            yield Asked(what, _sent(described[what], query))


def _combinations(operation: Any, right: dict[str, Any], sample: Sample) -> list[dict[str, Any]]:
    """Requests with up to four parameters at edges, by Hypothesis."""
    queries: list[dict[str, Any]] = []
    names: st.SearchStrategy[Collection[str]] = st.sets(st.sampled_from(sorted(right)), max_size=4)

    @_settings(sample)
    @given(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), names)
    def draw(case: Any, at_edges: Collection[str]) -> None:
        queries.append({**right, **{name: case.query[name] for name in at_edges}})

    draw()
    return queries


def operations_of(schema: Any) -> Iterator[Any]:
    """What a description has; it is wrong where one of them can't be read."""
    for found in schema.get_all_operations():
        yield found.ok()


def described_cases(schema: Any, operation: Any, sample: Sample) -> list[Any]:
    """What an operation's own description gives to ask for: each bound and each error, and some by chance."""
    cases = list(
        schema.iter_coverage_cases(
            operation,
            generation_modes=list(GenerationMode),
            generation_config=schema.config.generation_for(operation=operation),
        )
    )

    @_settings(sample)
    @given(operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def draw(case: Any) -> None:
        cases.append(case)

    draw()
    return cases


def _settings(sample: Sample) -> Callable[[Any], Any]:
    """Hypothesis only draws: it keeps nothing, and no time is a property."""
    drawing = settings(
        max_examples=sample.combinations, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    return lambda test: seed(sample.seed)(drawing(test))


def _sent(right: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
    """What of a case's parameters is sent; an operation without any has one case."""
    sent = {name: value for name, value in {**right, **query}.items() if value != ABSENT}
    for number, name in IN_PLACE.items():
        if number in sent and sent.get(name) == right.get(name):
            sent.pop(name, None)
    return sent
