"""Messages of the WebSocket API: what is a request, what all else is answered with, and the id that comes back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.procs.api.binance import ws_requests
from lockstep.procs.api.binance.errors import ApiError
from lockstep.procs.api.binance.routes import WS
from lockstep.procs.api.binance.ws_requests import RequestError, answer, error_answer, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("request_id", [1, -5, 2**62, "a", "x-Y_9" * 7, "a b", "", None])
def test_an_id_comes_back_as_it_was(request_id: int | str | None) -> None:
    request = read(json.dumps({"id": request_id, "method": "ping"}).encode())
    told = json.loads(answer(request.id, b'{"a":1}', b"[]"))
    assert told == {"id": request_id, "status": 200, "result": {"a": 1}, "rateLimits": []}
    assert type(told["id"]) is type(request_id)
    assert json.loads(answer(request.id, b"{}")) == {"id": request_id, "status": 200, "result": {}}


def test_a_request_without_an_id_or_parameters_is_one() -> None:
    request = read(b'{"method":"ping"}')
    assert (request.id, request.method, request.route.name) == (b"null", "ping", "ping")
    assert request.parameters.values == {}
    assert read(b'{"method":"ping","params":null}').parameters.values == {}


@pytest.mark.parametrize(
    ("message", "answered", "code"),
    [
        (b"", None, -1135),
        (b"{", None, -1135),
        (b"\xff", None, -1135),
        (b'{"id":1,"method":"ping",}', None, -1135),
        (b'{"id":NaN,"method":"ping"}', None, -1135),
        (b"[" * 100_000, None, -1100),
        (b"[]", None, -1100),
        (b'"ping"', None, -1100),
        (b'{"id":1.5,"method":"ping"}', None, -1100),
        (b'{"id":true,"method":"ping"}', None, -1100),
        (b'{"id":[1],"method":"ping"}', None, -1100),
        (b'{"id":"' + b"a" * 37 + b'","method":"ping"}', None, -1100),
        (b'{"id":' + b"1" * 30 + b',"method":"ping"}', None, -1100),
        (b'{"id":1}', 1, -1102),
        (b'{"id":1,"method":5}', 1, -1102),
        (b'{"id":1,"method":"order.steal"}', 1, -1103),
        (b'{"id":1,"method":"ping","method":"time"}', 1, -1101),
        (b'{"id":1,"id":2,"method":"ping"}', 2, -1101),
        (b'{"id":1,"method":"ping","other":1}', 1, -1104),
        (b'{"id":1,"method":"ping","params":[]}', 1, -1100),
        (b'{"id":1,"method":"ping","params":{"a":{}}}', 1, -1100),
        (b'{"id":1,"method":"ping","params":{"a":1,"a":1}}', 1, -1101),
        (b'{"id":1,"method":"ping","params":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}", None, -1135),
        (b'{"id":1,"method":"ping","params":{"a":""}}', 1, -1105),
    ],
)
def test_what_is_no_request_has_one_clear_answer(message: bytes, answered: int | None, code: int) -> None:
    with pytest.raises(RequestError) as caught:
        read(message)
    told = json.loads(error_answer(caught.value.id, caught.value.error))
    assert (told["id"], told["status"], told["error"]["code"]) == (answered, 400, code)
    assert told["error"]["msg"]


@given(JSON)
def test_no_json_is_read_as_anything_but_a_request_or_an_error(value: object) -> None:
    for message in (value, {"id": 1, "method": "ping", "params": value}, {"id": value, "method": value}):
        try:
            read(json.dumps(message, allow_nan=True).encode("utf-8", "surrogatepass"))
        except RequestError as caught:
            json.loads(error_answer(caught.id, caught.error))


@given(st.binary(max_size=60))
def test_no_bytes_are_read_as_anything_but_an_error(message: bytes) -> None:
    with pytest.raises(RequestError):
        read(message)


def test_who_wants_no_limits_says_so_and_signs_it() -> None:
    request = read(b'{"method":"ping","params":{"returnRateLimits":false,"b":1}}')
    assert not request.returns_limits
    request.parameters.expect(request.route.parameters | {b"b"})
    assert request.parameters.signed == b"b=1&returnRateLimits=false"
    assert read(b'{"method":"ping"}').returns_limits


def test_an_error_says_when_to_try_again() -> None:
    told = json.loads(error_answer(b"1", ApiError(429, -1003, "Too much.", retry_after=7), b"[]", 5))
    assert told == {
        "id": 1,
        "status": 429,
        "error": {"code": -1003, "msg": "Too much.", "data": {"serverTime": 5, "retryAfter": 7005}},
        "rateLimits": [],
    }


def test_a_session_says_whose_it_is() -> None:
    told = json.loads(ws_requests.session_answer("K", 5, 4, 6, returns_limits=True, has_streams=False))
    assert (told["apiKey"], told["authorizedSince"], told["connectedSince"], told["serverTime"]) == ("K", 5, 4, 6)
    assert (
        json.loads(ws_requests.session_answer(None, None, 4, 6, returns_limits=True, has_streams=False))["apiKey"]
        is None
    )


def test_a_session_lists_its_subscriptions() -> None:
    assert json.loads(ws_requests.subscriptions_answer([0, 3])) == [{"subscriptionId": 0}, {"subscriptionId": 3}]


def test_every_method_of_the_issue_is_there() -> None:
    assert {
        "order.place", "order.test", "order.cancel", "order.status", "order.cancelReplace", "order.amend.keepPriority",
        "openOrders.status", "openOrders.cancelAll", "orderList.place.oco", "orderList.place.oto", "orderList.cancel",
        "allOrders", "myTrades", "account.status", "account.commission", "account.rateLimits.orders", "depth", "klines",
        "uiKlines", "trades.recent", "trades.historical", "trades.aggregate", "avgPrice", "ticker.24hr", "ticker.price",
        "ticker.book", "ticker", "ticker.tradingDay", "ping", "time", "exchangeInfo", "session.logon",
        "session.status", "session.logout", "userDataStream.subscribe", "userDataStream.subscribe.signature",
        "userDataStream.unsubscribe",
    } <= WS.keys()  # fmt: skip
