"""No request makes the venue fail: Schemathesis asks each API for values at the edges of numbers, times and texts.

And /v1 answers what its description says it does, whether it is asked rightly or wrongly.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
import schemathesis
from schemathesis import checks
from websockets.sync.client import ClientConnection, connect

from lockstep.procs.api.binance.routes import REST, WS, Security
from tests.passwords import PASSWORD
from tests.pipeline.api_client import ApiClient, RefusedError
from tests.pipeline.conftest import RunningVenue, one_for_all
from tests.pipeline.described import (
    EVERYTHING,
    SLOW,
    Asked,
    Sample,
    asked_of,
    described_cases,
    of_dialect,
    of_v1,
    operations_of,
)
from tests.pipeline.person import Person, ProblemError

INTERNAL = -1000  # the dialect's code for what it did not expect
WRONG = (500, 418, 429)  # a bug of the venue; a limit, so that nothing was tried
PATIENCE_S = 60
# What JSON has without quotes.
JSON_VALUE = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|null|true|\[\]|{}")
A_FIFTH = (0.2, 0.2, 10)
# What ends the session or the account that it asks as, or waits on purpose: guesses are delayed.
CHECKS = [
    checks.not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
    checks.response_schema_conformance,
]  # fmt: skip
NOT_CONFORMED = re.compile("^/v1/(auth/|kill-switch|operator/accounts)")


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    """The demo venue's limits of requests are above what a test sends."""
    with one_for_all(tmp_path_factory) as running:
        trader = client(running, "TRADER8")
        trader.order("edge", "BUY", "45000.00", "0.01")
        client(running, "TRADER7").order("edge", "SELL", "45000.00", "0.005")
        yield running


def client(venue: RunningVenue, name: str) -> ApiClient:
    assert venue.api_port is not None
    return ApiClient(venue.api_port, name)


def person(venue: RunningVenue, name: str) -> Person:
    assert venue.api_port is not None
    known = Person(venue.api_port)
    known.log_in(name, PASSWORD)
    known.prove(PASSWORD)
    return known


def sample(request: pytest.FixtureRequest) -> Sample:
    return Sample(random.randrange(2**32), *request.param)


drawn = pytest.fixture(
    params=[pytest.param(A_FIFTH, id="a fifth"), pytest.param(EVERYTHING, id="everything", marks=pytest.mark.soak)]
)(sample)


def by_rest(client: ApiClient, asked: Asked) -> str:
    """Ask over REST, signed where the route wants it; return the answer if it blames the venue."""
    method, path = asked.what.split(" ")
    query = urlencode(asked.parameters)
    if REST[method, path].security is Security.SIGNED:
        stamp = "" if "timestamp" in asked.parameters else f"&timestamp={time.time_ns() // 10**6}"
        query = client.sign(query + stamp)
    try:
        client.send(method, path, query)
    except RefusedError as error:
        if error.status in WRONG or error.code == INTERNAL:
            return f"{asked}: {error}"
    return ""


def by_socket(client: ApiClient, socket: ClientConnection, asked: Asked) -> str:
    """Ask over the WebSocket API, as `by_rest`; what JSON has besides texts is sent without quotes."""
    parameters: dict[str, Any] = dict(asked.parameters)
    if WS[asked.what].security is Security.SIGNED:
        stamp = parameters.pop("timestamp", None)
        parameters.pop("apiKey", None)
        parameters = client.ws_params(**parameters)
        parameters["timestamp"] = stamp or parameters["timestamp"]
    text = json.dumps({"id": 1, "method": asked.what, "params": parameters})
    for name, value in asked.parameters.items():
        if JSON_VALUE.fullmatch(value):
            text = text.replace(f'"{name}": "{value}"', f'"{name}": {value}')
    socket.send(text)
    said = json.loads(socket.recv(timeout=PATIENCE_S))
    while "event" in said:
        said = json.loads(socket.recv(timeout=PATIENCE_S))
    return f"{asked}: {said}" if said["status"] in WRONG or said.get("error", {}).get("code") == INTERNAL else ""


def by_v1(person: Person, asked: Asked) -> list[str]:
    """Ask /v1, as `by_rest`. What JSON has besides texts is sent in a body with quotes and without."""
    method, _, path = asked.what.partition(" ")
    parts: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "body": {}, "header": {}, "cookie": {}}
    for name, value in asked.parameters.items():
        where, _, called = name.partition(".")
        parts[where][called] = value
    for name in re.findall(r"{(\w+)", path):
        path = re.sub(rf"{{{name}[^}}]*}}", quote(parts["path"][name], safe=""), path)
    target = path.removeprefix("/v1") + ("?" + urlencode(parts["query"]) if parts["query"] else "")
    bodies: list[object] = [parts["body"] or None]
    if plain := [value for value in parts["body"].values() if isinstance(value, str) and JSON_VALUE.fullmatch(value)]:
        text = json.dumps(parts["body"])
        for value in plain:
            text = text.replace(json.dumps(value), value)
        bodies.append(text.encode())
    found = []
    for body in bodies:
        try:
            person.ask(method, target, body)
        except ProblemError as error:
            if error.status in WRONG:
                found.append(f"{asked}: {error}")
        except json.JSONDecodeError:  # a file
            assert person.headers["content-type"].startswith("text/csv")
    return found


def test_no_value_over_rest_is_an_error_of_the_venue(venue: RunningVenue, drawn: Sample) -> None:
    trader = client(venue, "TRADER8")
    assert list(filter(None, (by_rest(trader, asked) for asked in asked_of(of_dialect(REST), drawn)))) == []
    assert drawn.count > 1000


def test_no_value_over_the_websocket_api_is_one(venue: RunningVenue, drawn: Sample) -> None:
    trader = client(venue, "TRADER8")
    with connect(f"ws://127.0.0.1:{trader.port}/ws-api/v3", max_size=None) as socket:
        assert list(filter(None, (by_socket(trader, socket, asked) for asked in asked_of(of_dialect(WS), drawn)))) == []
    assert drawn.count > 1000


@pytest.mark.parametrize("name", ["TRADER8", "OPERATOR1"])
def test_no_value_of_v1_is_one(venue: RunningVenue, drawn: Sample, name: str) -> None:
    """A soak asks each operation as both; otherwise operators ask for theirs, and a trader for the rest."""
    known, is_all = person(venue, name), drawn.combinations == EVERYTHING[2]
    described = of_v1(known.get("/openapi.json"), slow=is_all)
    if not is_all:
        is_operator = name == "OPERATOR1"
        described = {what: right for what, right in described.items() if (" /v1/operator/" in what) == is_operator}
    found = [each for asked in asked_of(described, drawn) for each in by_v1(known, asked)]
    assert found == []
    assert drawn.count > 0


@pytest.mark.parametrize("name", ["TRADER3", "OPERATOR1"])
def test_v1_answers_what_it_describes(venue: RunningVenue, drawn: Sample, name: str) -> None:
    """Whatever Schemathesis finds in the description to ask for, rightly and wrongly."""
    known, is_all = person(venue, name), drawn.combinations == EVERYTHING[2]
    schema = schemathesis.openapi.from_dict(known.get("/openapi.json"))
    headers = {"Authorization": f"Bearer {known.token}"}
    with requests.Session() as session:
        for operation in operations_of(schema):
            if NOT_CONFORMED.match(operation.path) or (SLOW.match(operation.path) and not is_all) or not drawn.takes():
                continue
            for case in described_cases(schema, operation, drawn):
                answer = case.call(f"http://127.0.0.1:{known.port}", session, headers, timeout=PATIENCE_S)
                assert answer.status_code not in WRONG
                case.validate_response(answer, checks=CHECKS)
                drawn.count += 1
    assert drawn.count > 0
