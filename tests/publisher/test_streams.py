"""Names of streams, request targets and requests, as text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lockstep.procs.publisher.kinds import Kind
from lockstep.procs.publisher.requests import BadRequest, answer, parse_request
from lockstep.procs.publisher.streams import Stream, Target, parse_stream, parse_target


def find(symbol: str) -> int | None:
    return {"btcusdt": 7}.get(symbol)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("btcusdt@trade", Kind.TRADE),
        ("btcusdt@bookTicker", Kind.BOOK_TICKER),
        ("btcusdt@depth", Kind.DEPTH_1000),
        ("btcusdt@depth@1000ms", Kind.DEPTH_1000),
        ("btcusdt@depth@100ms", Kind.DEPTH_100),
        ("btcusdt@depth5", Kind.PARTIAL_5_1000),
        ("btcusdt@depth20@100ms", Kind.PARTIAL_20_100),
        ("btcusdt@book10", Kind.BOOK_10),
        ("btcusdt@phase", Kind.PHASE),
        ("btcusdt@auction", Kind.AUCTION),
        ("btcusdt@correction", Kind.CORRECTION),
        ("btcusdt@aggTrade", Kind.AGG_TRADE),
        ("btcusdt@ticker", Kind.TICKER),
        ("btcusdt@miniTicker", Kind.MINI_TICKER),
        ("btcusdt@avgPrice", Kind.AVG_PRICE),
        ("btcusdt@kline_1s", Kind.KLINE_1S),
        ("btcusdt@kline_1m", Kind.KLINE_1MIN),
        ("btcusdt@kline_1M", Kind.KLINE_1MONTH),
        ("btcusdt@kline_1M@+08:00", Kind.KLINE_1MONTH_AHEAD),
        ("btcusdt@ticker_1h", Kind.TICKER_1H),
        ("btcusdt@ticker_4h", Kind.TICKER_4H),
        ("btcusdt@ticker_1d", Kind.TICKER_1D),
    ],
)
def test_a_stream_is_an_instrument_and_a_kind(name: str, kind: Kind) -> None:
    assert parse_stream(name, find) == Stream(name, 7, kind)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("btcusdt@trade", Kind.TRADE_US),
        ("btcusdt@depth", Kind.DEPTH_1000_US),
        ("btcusdt@depth@100ms", Kind.DEPTH_100_US),
        ("btcusdt@correction", Kind.CORRECTION_US),
        ("btcusdt@kline_1w", Kind.KLINE_1W_US),
        ("btcusdt@kline_1w@+08:00", Kind.KLINE_1W_AHEAD_US),
        ("btcusdt@ticker_4h", Kind.TICKER_4H_US),
        ("btcusdt@ticker", Kind.TICKER_US),
        ("btcusdt@bookTicker", Kind.BOOK_TICKER),  # has no time
        ("btcusdt@depth5", Kind.PARTIAL_5_1000),
        ("btcusdt@book5", Kind.BOOK_5),
    ],
)
def test_in_microseconds_a_stream_with_times_is_of_another_kind(name: str, kind: Kind) -> None:
    assert parse_stream(name, find, in_us=True) == Stream(name, 7, kind)


def test_what_is_an_event_of_its_own_may_not_be_left_out() -> None:
    whole = {
        Kind.BOOK_TICKER,
        Kind.AUCTION,
        Kind.AUCTION_US,
        *(Kind.TICKER, Kind.MINI_TICKER, Kind.AVG_PRICE, Kind.TICKER_1H, Kind.TICKER_4H, Kind.TICKER_1D),
        *(Kind.TICKER_US, Kind.MINI_TICKER_US, Kind.AVG_PRICE_US),
        *(Kind.TICKER_1H_US, Kind.TICKER_4H_US, Kind.TICKER_1D_US),
        *(kind for kind in Kind if kind.name.startswith("PARTIAL")),
    }
    assert {kind for kind in Kind if Stream("", 7, kind).conflatable} == whole


@pytest.mark.parametrize(
    "name",
    [
        *("", "@", "btcusdt", "btcusdt@", "btcusdt@depth7", "BTCUSDT@trade", "xyz@trade", "btcusdt@trade@100ms"),
        *("btcusdt@ticker_2h", "btcusdt@kline_1h@+09:00", "btcusdt@kline_1h@ 08:00", "btcusdt@kline_1h@"),
    ],
)
def test_other_names_are_no_streams(name: str) -> None:
    assert parse_stream(name, find) is None


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/ws", Target(False, ())),
        ("/ws/", Target(False, ())),
        ("/ws/0", Target(False, ())),
        ("/ws/a@trade", Target(False, ("a@trade",))),
        ("/ws/a@trade/b@depth@100ms?x=1", Target(False, ("a@trade", "b@depth@100ms"))),
        ("/ws/a%40trade", Target(False, ("a@trade",))),
        ("/stream", Target(True, ())),
        ("/stream?streams=a@trade/b@trade/a@trade", Target(True, ("a@trade", "b@trade"))),
        ("/v1/stream/market?streams=a@trade", Target(True, ("a@trade",))),
        ("/stream?streams=a@kline_1d@+08:00/b@trade", Target(True, ("a@kline_1d@+08:00", "b@trade"))),
        ("/stream?streams=a@kline_1d@%2B08:00", Target(True, ("a@kline_1d@+08:00",))),
        ("/ws/a@kline_1d@+08:00", Target(False, ("a@kline_1d@+08:00",))),
        ("/v1/stream", None),
        ("/ws?timeUnit=MICROSECOND", Target(False, (), True)),
        ("/ws/a@trade?timeUnit=microsecond", Target(False, ("a@trade",), True)),
        ("/ws/a@trade?timeUnit=MILLISECOND", Target(False, ("a@trade",))),
        ("/stream?timeUnit=MICROSECOND&streams=a@trade", Target(True, ("a@trade",), True)),
        ("/stream?streams=a@trade/b@trade?timeUnit=MICROSECOND", Target(True, ("a@trade", "b@trade"), True)),
        ("/", None),
        ("/wsx", None),
        ("/api/v3/depth", None),
    ],
)
def test_a_target_names_streams_and_how_they_come(target: str, expected: Target | None) -> None:
    assert parse_target(target) == expected


@pytest.mark.parametrize("query", ["timeUnit=s", "timeUnit=", "timeUnit=MICROSECOND&timeUnit=MILLISECOND"])
def test_another_unit_of_time_is_refused(query: str) -> None:
    with pytest.raises(BadRequest, match="timeUnit must be one of MILLISECOND, MICROSECOND, and given once"):
        parse_target(f"/ws/a@trade?{query}")


@pytest.mark.parametrize(
    ("text", "code", "request_id"),
    [
        ("{", 3, None),
        (b"\xff", 3, None),
        ("[]", 2, None),
        ("1", 2, None),
        ('{"method":"DANCE","id":5}', 2, 5),
        ('{"method":"SUBSCRIBE","id":"a"}', 2, "a"),
        ('{"method":"SUBSCRIBE","params":[],"id":1}', 2, 1),
        ('{"method":"SUBSCRIBE","params":"a@trade","id":1}', 2, 1),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2, 1),
        ('{"method":"SUBSCRIBE","params":["a@trade"],"id":true}', 2, None),
        ('{"method":"SUBSCRIBE","params":["a@trade"],"id":1.5}', 2, None),
        ('{"method":"SUBSCRIBE","params":["a@trade"],"id":"%s"}' % ("x" * 37), 2, None),
        ('{"method":["SUBSCRIBE"],"id":1}', 2, 1),
        ('{"method":"SUBSCRIBE","params":["a@trade"],"id":1,"extra":0}', 2, 1),
        ("[" * 5000, 3, None),
        ('{"method":"SET_PROPERTY","params":["combined"],"id":1}', 1, 1),
        ('{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1, 1),
        ('{"method":"SET_PROPERTY","params":["combined",true,true],"id":1}', 2, 1),
        ('{"method":"SET_PROPERTY","params":[true,true],"id":1}', 2, 1),
        ('{"method":"SET_PROPERTY","params":{"combined":true},"id":1}', 2, 1),
        ('{"method":"SET_PROPERTY","id":1}', 2, 1),
        ('{"method":"SET_PROPERTY","params":["compressed",true],"id":1}', 0, 1),
        ('{"method":"GET_PROPERTY","params":["compressed"],"id":1}', 0, 1),
        ('{"method":"GET_PROPERTY","params":["combined",true],"id":1}', 2, 1),
    ],
)
def test_a_bad_request_gets_one_clear_answer(text: str | bytes, code: int, request_id: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_request(text)
    refusal = json.loads(caught.value.answer())
    assert (refusal["code"], refusal["id"]) == (code, request_id)
    assert refusal["msg"]


@pytest.mark.parametrize("request_id", [0, -3, 2**63, "x-1", "", None])
def test_an_id_comes_back_with_its_type(request_id: Any) -> None:
    request = parse_request(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": request_id}))
    assert json.loads(answer([], request.id)) == {"result": [], "id": request_id}
