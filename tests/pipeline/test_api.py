"""The demo venue with its api: orders exactly once over REST and WebSocket, streams, deaths; FIX trades beside them."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from lockstep.procs.batcher.database import Embedded
from tests.pipeline.api_client import ApiClient, RefusedError, seed_of
from tests.pipeline.conftest import RunningVenue, one_for_all
from tests.pipeline.pair import within

BACK_S = 20  # for the api to serve again after its death, on a busy machine


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    with one_for_all(tmp_path_factory) as running:
        yield running


def client(venue: RunningVenue, name: str) -> ApiClient:
    assert venue.api_port is not None
    return ApiClient(venue.api_port, name)


def refused(code: int, text: str) -> Any:
    return pytest.raises(RefusedError, match=rf"'code': {code}, 'msg': '{text}")


def free(account: ApiClient, asset: str) -> Decimal:
    balances = account.signed("GET", "account")["balances"]
    return next(Decimal(balance["free"]) for balance in balances if balance["asset"] == asset)


def test_an_order_is_there_once_answered_and_a_trade_is_in_orders_fills_and_balances(venue: RunningVenue) -> None:
    """LOG-14."""
    maker, taker = client(venue, "TRADER1"), client(venue, "TRADER2")
    before = free(maker, "USDT"), free(maker, "BTC")
    placed = maker.order("m1", "BUY", "50000.00", "0.02")
    assert (placed["status"], placed["clientOrderId"], placed["fills"]) == ("NEW", "m1", [])
    assert [order["clientOrderId"] for order in maker.signed("GET", "openOrders", symbol="BTCUSDT")] == ["m1"]
    assert free(maker, "USDT") == before[0] - 1000
    sold = taker.order("t1", "SELL", "50000.00", "0.005")
    assert (sold["status"], [fill["qty"] for fill in sold["fills"]]) == ("FILLED", ["0.00500000"])
    order = maker.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="m1")
    assert (order["status"], order["executedQty"]) == ("PARTIALLY_FILLED", "0.00500000")
    (fill,) = maker.signed("GET", "myTrades", symbol="BTCUSDT")
    assert (fill["id"], fill["isMaker"], fill["isBuyer"]) == (sold["fills"][0]["tradeId"], True, True)
    assert free(maker, "BTC") == before[1] + Decimal(fill["qty"]) - Decimal(fill["commission"])
    less = {"symbol": "BTCUSDT", "orderId": placed["orderId"], "newQty": "0.01", "newClientOrderId": "m2"}
    amended = maker.signed("PUT", "order/amend/keepPriority", **less)["amendedOrder"]
    assert (amended["clientOrderId"], amended["qty"]) == ("m2", "0.01000000")
    ended = maker.signed("DELETE", "order", symbol="BTCUSDT", orderId=placed["orderId"])
    assert (ended["status"], ended["origClientOrderId"]) == ("CANCELED", "m2")
    assert maker.signed("GET", "openOrders") == []
    with refused(-2011, "Unknown order sent"):
        maker.signed("DELETE", "order", symbol="BTCUSDT", orderId=placed["orderId"])


def test_what_comes_again_is_the_same_order(venue: RunningVenue) -> None:
    trader = client(venue, "TRADER1")
    trader.order("once", "BUY", "40000.00", "0.01")
    with refused(-2010, "Duplicate order sent"):
        trader.order("once", "BUY", "40000.00", "0.01")
    # A proxy that repeats a request whose client gave no id repeats its signature.
    query = trader.query(symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", price="39000", quantity="0.01")
    trader.send("POST", "/api/v3/order", query)
    with refused(-2010, "Duplicate order sent"):
        client(venue, "TRADER1").send("POST", "/api/v3/order", query, in_body=True)
    # Nor does it count again with its signature's digits in upper case.
    text, signature = query.split("&signature=")
    with refused(-2010, "Duplicate order sent"):
        trader.send("POST", "/api/v3/order", f"{text}&signature={signature.upper()}")
    assert len(trader.signed("GET", "openOrders", symbol="BTCUSDT")) == 2
    assert len(trader.signed("DELETE", "openOrders", symbol="BTCUSDT")) == 2


def test_a_signature_changes_state_once(venue: RunningVenue) -> None:
    """A proxy that repeats a cancel of all cancels nothing that was placed meanwhile."""
    trader = client(venue, "TRADER1")
    trader.order("before", "BUY", "38000.00", "0.01")
    query = trader.query(symbol="BTCUSDT")
    assert len(trader.send("DELETE", "/api/v3/openOrders", query)) == 1
    trader.order("meanwhile", "BUY", "38000.00", "0.01")
    with refused(-2011, "Duplicate order sent"):
        trader.send("DELETE", "/api/v3/openOrders", query)
    assert [order["clientOrderId"] for order in trader.signed("GET", "openOrders")] == ["meanwhile"]
    terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "37000"}
    again = {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrigClientOrderId": "meanwhile", "quantity": "0.01"}
    query = trader.query(**terms, **again)
    placed = trader.send("POST", "/api/v3/order/cancelReplace", query)["newOrderResponse"]
    with refused(-2022, "Order cancel-replace failed"):
        trader.send("POST", "/api/v3/order/cancelReplace", query)
    assert [order["orderId"] for order in trader.signed("DELETE", "openOrders", symbol="BTCUSDT")] == [
        placed["orderId"]
    ]


def test_a_wrong_signature_key_or_account_gets_nothing(venue: RunningVenue) -> None:
    trader, other = client(venue, "TRADER1"), client(venue, "TRADER2")
    query = trader.query(symbol="BTCUSDT")
    with refused(-1022, "Signature for this request is not valid"):
        trader.send("GET", "/api/v3/openOrders", query[:-1] + ("0" if query[-1] != "0" else "1"))
    with refused(-1022, "Signature for this request is not valid"):
        other.send("GET", "/api/v3/openOrders", query)
    trader.key = "nobody"
    with refused(-2015, "Invalid API-key, IP, or permissions for action"):
        trader.send("GET", "/api/v3/openOrders", query)
    late = other.sign("timestamp=1600000000000")
    with refused(-1021, "Timestamp for this request is outside of the recvWindow"):
        other.send("GET", "/api/v3/account", late)


def test_an_ed25519_key_signs_as_well(venue: RunningVenue) -> None:
    trader = client(venue, "TRADER3")
    trader.key = "TRADER3-demo-ed25519"
    query = f"timestamp={time.time_ns() // 10**6}"
    signature = base64.b64encode(seed_of("TRADER3").sign(query.encode())).decode()
    assert trader.send("GET", "/api/v3/account", f"{query}&signature={quote(signature, safe='')}")["canTrade"] is True


def test_a_fix_session_hears_of_its_own_orders_only_and_a_user_stream_of_all(venue: RunningVenue) -> None:
    by_fix, by_api = venue.client("TRADER4"), client(venue, "TRADER4")
    by_fix.connect()
    with connect(f"ws://127.0.0.1:{venue.api_port}/ws-api/v3") as stream:
        ask(stream, 1, "userDataStream.subscribe.signature", by_api.ws_params())
        by_api.order("a1", "BUY", "100.00", "1", "SOLUSDT")
        assert report(stream, "NEW")["c"] == "a1"
        by_fix.order("f1", "buy", "99.00", "1", symbol="SOLUSDT")
        by_fix.await_report("f1", "0")
        assert report(stream, "NEW")["c"] == "f1"
        assert {row["clientOrderId"] for row in by_api.signed("GET", "openOrders", symbol="SOLUSDT")} == {"a1", "f1"}
        by_api.signed("DELETE", "openOrders", symbol="SOLUSDT")  # a cancel reaches all
        assert by_fix.await_report("f1", "4")[39] == "4"
        assert {report(stream, "CANCELED")["C"] or "", report(stream, "CANCELED")["C"] or ""} <= {"a1", "f1", ""}
        assert ask(stream, 2, "session.subscriptions", {})["result"] == [{"subscriptionId": 0}]
        stream.send(json.dumps({"id": 3, "method": "userDataStream.unsubscribe"}))
        assert event(stream, "eventStreamTerminated").keys() == {"e", "E"}
        assert ask(stream, 4, "session.subscriptions", {})["result"] == []
    assert not [message for message in by_fix.received if message.get(11) == "a1"]


def test_a_list_is_told_of_and_found_until_both_of_its_orders_are_done(venue: RunningVenue) -> None:
    account, other = client(venue, "TRADER8"), client(venue, "TRADER7")
    waits = {"pendingType": "LIMIT", "pendingSide": "SELL", "pendingPrice": "4100", "pendingQuantity": "0.1"}
    works = {"workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "4000", "workingQuantity": "0.1"}
    gtc = {"pendingTimeInForce": "GTC", "workingTimeInForce": "GTC"}
    with connect(f"ws://127.0.0.1:{venue.api_port}/ws-api/v3") as stream:
        ask(stream, 1, "userDataStream.subscribe.signature", account.ws_params())
        placed = account.signed("POST", "orderList/oto", symbol="ETHUSDT", **works, **waits, **gtc)
        number = placed["orderListId"]
        told = event(stream, "listStatus")
        assert (told["g"], told["c"], told["L"]) == (number, "OTO", "EXECUTING")
        assert [order["i"] for order in told["O"]] == [order["orderId"] for order in placed["orders"]]
        found = account.signed("GET", "orderList", orderListId=number)
        assert found == {key: placed[key] for key in found} | {"listClientOrderId": told["C"]}
        other.order("l1", "SELL", "4000", "0.1", "ETHUSDT")
        assert account.signed("GET", "openOrderList") == [found]  # one of its orders is open yet
        other.order("l2", "BUY", "4100", "0.1", "ETHUSDT")
        done = found | {"listStatusType": "ALL_DONE", "listOrderStatus": "ALL_DONE"}
        assert event(stream, "listStatus")["L"] == "ALL_DONE"
    assert account.signed("GET", "openOrderList") == []
    assert account.signed("GET", "allOrderList", fromId=number) == [done]
    assert account.signed("GET", "orderList", origClientOrderId=told["C"]) == done
    for missing in ({"orderListId": number - 1}, {"origClientOrderId": "none"}):
        with refused(-2013, "Order does not exist"):
            account.signed("GET", "orderList", **missing)
    assert other.signed("GET", "allOrderList") == []


def test_the_websocket_api_takes_many_orders_at_once_in_their_order(venue: RunningVenue) -> None:
    trader = client(venue, "TRADER5")
    terms = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1"}
    with connect(f"ws://127.0.0.1:{venue.api_port}/ws-api/v3") as socket:
        for i in range(50):
            params = trader.ws_params(**terms, price="1000.00", newClientOrderId=f"w{i}")
            socket.send(json.dumps({"id": i, "method": "order.place", "params": params}))
        answers = [json.loads(socket.recv(timeout=30)) for _ in range(50)]
        assert {answer["status"] for answer in answers} == {200}
        ids = [answer["result"]["orderId"] for answer in sorted(answers, key=lambda answer: answer["id"])]
        assert ids == sorted(ids)
        cancelled = ask(socket, "all", "openOrders.cancelAll", trader.ws_params(symbol="ETHUSDT"))
        assert len(cancelled["result"]) == 50


def test_market_data_is_served_on_the_same_port(venue: RunningVenue) -> None:
    maker, taker = client(venue, "TRADER6"), client(venue, "TRADER7")
    with connect(f"ws://127.0.0.1:{venue.api_port}/ws/solusdt@trade") as stream:
        maker.order("s1", "SELL", "120.00", "2", "SOLUSDT")
        deadline = time.monotonic() + BACK_S
        while not (asks := maker.open("depth", symbol="SOLUSDT")["asks"]):
            assert time.monotonic() < deadline  # the publisher is a process of its own: it may have the order later
        assert asks[0] == ["120.00000000", "2.00000000"]
        taker.order("b1", "BUY", "120.00", "0.5", "SOLUSDT")
        trade = json.loads(stream.recv(timeout=30))
        assert (Decimal(trade["p"]), Decimal(trade["q"])) == (Decimal(120), Decimal("0.5"))
    assert Decimal(maker.open("ticker/price", symbol="SOLUSDT")["price"]) == 120
    assert Decimal(maker.open("klines", symbol="SOLUSDT", interval="1m")[-1][4]) == 120
    assert maker.open("trades", symbol="SOLUSDT")[-1]["id"] == trade["t"]
    assert maker.open("historicalTrades", symbol="SOLUSDT", fromId=trade["t"])[0]["id"] == trade["t"]
    for window in ({"windowSize": "7d"}, {"windowSize": "1m", "type": "MINI"}):
        assert maker.open("ticker", symbol="SOLUSDT", **window)["lastId"] == trade["t"]
    (day,) = maker.open("ticker/tradingDay", symbols='["SOLUSDT"]', timeZone="-3:30")
    assert (day["lastPrice"], day["lastId"]) == ("120.00000000", trade["t"])
    assert (day["openTime"] - 3_600_000 * 7 // 2) % 86_400_000 == 0
    with refused(-1121, "Invalid symbol"):
        maker.open("depth", symbol="NOPE")
    maker.signed("DELETE", "openOrders", symbol="SOLUSDT")


def test_a_killed_api_loses_and_doubles_nothing(venue: RunningVenue) -> None:
    trader = client(venue, "TRADER8")
    sent: dict[str, bool] = {}  # by client id: whether its answer came
    over = threading.Event()

    def trade() -> None:
        i = 0
        while not over.is_set():
            i += 1
            name = f"k{i}"
            sent[name] = False
            while not over.is_set():
                try:
                    trader.order(name, "BUY", "30000.00", "0.001")
                except RefusedError as answer:
                    if answer.code != -2010:  # which it answers where it was taken before, and the answer lost
                        continue
                except (OSError, http.client.HTTPException):
                    continue  # it may have been taken: the same id is asked for again
                sent[name] = True
                break

    trading = threading.Thread(target=trade)
    trading.start()
    await_more(sent, 0)
    for _ in range(2):
        before = venue.pids()
        os.kill(before["api"], signal.SIGKILL)
        await_more(sent, len(sent))
        assert {name for name, pid in venue.pids().items() if pid != before[name]} == {"api"}
    over.set()
    trading.join()
    answered = {name for name, was in sent.items() if was}
    there = {order["clientOrderId"] for order in trader.signed("GET", "openOrders", symbol="BTCUSDT")}
    assert answered <= there <= set(sent)
    assert len(trader.signed("DELETE", "openOrders", symbol="BTCUSDT")) == len(there)


def test_a_lists_name_outlives_the_api(venue: RunningVenue) -> None:
    """Killed with two open lists, the api finds both by their names, over REST and WebSocket; the database has them."""
    trader = client(venue, "TRADER8")
    terms = {
        "symbol": "ETHUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "900",
        "workingQuantity": "0.1", "workingTimeInForce": "GTC", "pendingType": "LIMIT", "pendingSide": "SELL",
        "pendingPrice": "9000", "pendingQuantity": "0.1", "pendingTimeInForce": "GTC",
    }  # fmt: skip
    url = f"ws://127.0.0.1:{venue.api_port}/ws-api/v3"
    by_rest = trader.signed("POST", "orderList/oto", **terms, listClientOrderId="by-rest")
    unnamed = trader.signed("POST", "orderList/oto", **terms, workingClientOrderId="unnamed")
    with connect(url) as socket:
        long = trader.ws_params(**terms, listClientOrderId="n" * 36)
        by_socket = ask(socket, 1, "orderList.place.oto", long)["result"]
    names = {by_rest["orderListId"]: "by-rest", unnamed["orderListId"]: "unnamed", by_socket["orderListId"]: "n" * 36}
    before = venue.pids()["api"]
    os.kill(before, signal.SIGKILL)
    within(lambda: venue.pids().get("api", before) != before and is_back(venue), "the api is not back", BACK_S)
    trader = client(venue, "TRADER8")  # on a connection to the new one
    rows = trader.signed("GET", "openOrderList")
    assert {row["orderListId"]: row["listClientOrderId"] for row in rows} == names
    rows = trader.signed("GET", "allOrderList", fromId=min(names))
    assert {row["orderListId"]: row["listClientOrderId"] for row in rows} == names
    with connect(url) as socket:
        ask(socket, 1, "userDataStream.subscribe.signature", trader.ws_params())
        for number, name in names.items():
            found = ask(socket, number, "orderList.status", trader.ws_params(origClientOrderId=name))["result"]
            assert (found["orderListId"], found["listClientOrderId"]) == (number, name)
            ended = trader.signed("DELETE", "orderList", symbol="ETHUSDT", listClientOrderId=name)
            assert (ended["orderListId"], ended["listClientOrderId"]) == (number, name)
            assert event(socket, "listStatus")["C"] == name
    with psycopg.connect(Embedded(venue.data).url, autocommit=True) as connection:
        query = "SELECT list_name, count(*) FROM orders WHERE order_id = ANY(%s) GROUP BY list_name"
        ids = [order["orderId"] for placed in (by_rest, unnamed, by_socket) for order in placed["orders"]]
        told = {"by-rest": 2, "n" * 36: 2, None: 2}
        within(lambda: dict(connection.execute(query, [ids]).fetchall()) == told, "names are missing", BACK_S)


def test_an_api_that_stops_says_goodbye(venue: RunningVenue) -> None:
    with connect(f"ws://127.0.0.1:{venue.api_port}/ws-api/v3") as idle:
        os.kill(venue.pids()["api"], signal.SIGTERM)
        last = json.loads(idle.recv(timeout=30))["event"]
        assert (last["e"], last["E"] > 0) == ("serverShutdown", True)
        with pytest.raises(ConnectionClosed):
            idle.recv(timeout=30)
    within(lambda: is_back(venue), "the api is not back", BACK_S)


def is_back(venue: RunningVenue) -> bool:
    try:
        client(venue, "TRADER1").send("GET", "/api/v3/ping")
    except (OSError, http.client.HTTPException):
        return False
    return True


def await_more(sent: dict[str, bool], count: int) -> None:
    """Wait until ten more orders than `count` are answered."""
    deadline = time.monotonic() + BACK_S
    while sum(sent.values()) < count + 10:
        assert time.monotonic() < deadline, f"{sum(sent.values())} of {len(sent)} orders are answered"
        time.sleep(0.01)  # the other thread's progress is all there is to see


def ask(socket: ClientConnection, request_id: object, method: str, params: dict[str, object]) -> dict[str, Any]:
    """The answer to a request; events in between are dropped."""
    socket.send(json.dumps({"id": request_id, "method": method, "params": params}))
    while True:
        answer: dict[str, Any] = json.loads(socket.recv(timeout=30))
        if answer.get("id") == request_id:
            assert answer["status"] == 200, answer
            return answer


def event(stream: ClientConnection, kind: str) -> dict[str, Any]:
    """The next event of a kind."""
    while True:
        told: dict[str, Any] = json.loads(stream.recv(timeout=30))["event"]
        if told["e"] == kind:
            return told


def report(stream: ClientConnection, execution: str) -> dict[str, Any]:
    """The next execution report of a kind."""
    while (told := event(stream, "executionReport"))["x"] != execution:
        continue
    return told
