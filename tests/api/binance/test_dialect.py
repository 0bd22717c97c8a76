"""What the dialect answers where bots lose money, or lose track, if it differs: a whole venue, request by request."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from lockstep.core.operations.directory import DEFAULT_MAX_OPEN_ORDERS
from lockstep.core.schema.records import PositionLimit
from tests.api.binance.served import FREE, ListenSocket, Refused, Served, Socket, serving
from tests.publisher.harness import run
from tests.router.test_refusals import account_limits, by

Question = Callable[[Served], Coroutine[Any, Any, None]]
OTO = {
    "symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "90", "workingQuantity": "1",
    "workingTimeInForce": "GTC", "pendingType": "LIMIT", "pendingSide": "SELL", "pendingQuantity": "1",
    "pendingPrice": "120", "pendingTimeInForce": "GTC",
}  # fmt: skip
BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "90"}
OCO = {
    "symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": "120",
    "belowType": "STOP_LOSS", "belowStopPrice": "80",
}  # fmt: skip


def asked(question: Question, **config: Any) -> None:
    async def answered() -> None:
        async with serving(**config) as venue:
            await question(venue)

    run(answered())


async def refusal(venue: Served, account: int | None, method: str, path: str, **sent: object) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        await venue.ask(account, method, path, **sent)
    return refused.value.code, refused.value.text


def test_a_pending_order_is_pending_new_and_takes_its_list_along() -> None:
    async def question(venue: Served) -> None:
        placed = await venue.ask(1, "POST", "orderList/oto", **OTO, pendingClientOrderId="waits")
        assert [order["status"] for order in placed["orderReports"]] == ["NEW", "PENDING_NEW"]
        status = await venue.ask(1, "GET", "order", symbol="BTCUSDT", origClientOrderId="waits")
        assert (status["status"], status["isWorking"]) == ("PENDING_NEW", False)
        ended = await venue.ask(1, "DELETE", "order", symbol="BTCUSDT", origClientOrderId="waits")
        assert (ended["origClientOrderId"], ended["status"]) == ("waits", "CANCELED")
        assert await venue.ask(1, "GET", "openOrders") == []
        again = await venue.ask(1, "POST", "orderList/oto", **OTO, pendingClientOrderId="works")
        assert again["orderListId"] != placed["orderListId"]
        await venue.order(2, "SELL", "90", "1")
        working = await venue.ask(1, "GET", "order", symbol="BTCUSDT", origClientOrderId="works")
        assert (working["status"], working["isWorking"]) == ("NEW", True)

    asked(question)


def test_the_name_of_a_list_is_kept() -> None:
    async def question(venue: Served) -> None:
        socket = Socket(venue)
        await socket.ask("userDataStream.subscribe.signature", account=1)
        placed = await venue.ask(1, "POST", "orderList/oto", **OTO, listClientOrderId="mine")
        assert placed["listClientOrderId"] == (await socket.event("listStatus"))["C"] == "mine"
        found = await venue.ask(1, "GET", "orderList", origClientOrderId="mine")
        assert (found["orderListId"], found["listClientOrderId"]) == (placed["orderListId"], "mine")
        assert [row["listClientOrderId"] for row in await venue.ask(1, "GET", "openOrderList")] == ["mine"]
        other = await venue.ask(1, "POST", "orderList/oco", **OCO)
        ended = await venue.ask(1, "DELETE", "orderList", symbol="BTCUSDT", listClientOrderId="mine")
        assert (ended["orderListId"], ended["listClientOrderId"]) == (placed["orderListId"], "mine")
        assert [order["status"] for order in ended["orderReports"]] == ["CANCELED", "CANCELED"]
        assert ended["contingencyType"] == "OTO"
        mismatch = {"orderListId": other["orderListId"], "listClientOrderId": "mine"}
        assert (await refusal(venue, 1, "DELETE", "orderList", symbol="BTCUSDT", **mismatch))[0] == -2011
        await socket.leave()

    asked(question)


def test_a_name_that_is_given_again_means_the_newest_list() -> None:
    async def question(venue: Served) -> None:
        mine = {"symbol": "BTCUSDT", "listClientOrderId": "mine"}
        first = await venue.ask(1, "POST", "orderList/oto", **OTO, listClientOrderId="mine")
        second = await venue.ask(1, "POST", "orderList/oto", **(OTO | {"workingPrice": "91"}), listClientOrderId="mine")
        other = await venue.ask(1, "POST", "orderList/oto", **OTO, listClientOrderId="n" * 36)
        theirs = await venue.ask(2, "POST", "orderList/oto", **OTO, listClientOrderId="mine")
        found = await venue.ask(1, "GET", "orderList", listClientOrderId="mine")
        assert found["orderListId"] == second["orderListId"]
        for expected in (second, first):
            own = {"newClientOrderId": f"end-{expected['orderListId']}"}
            ended = await venue.ask(1, "DELETE", "orderList", **mine, **own)
            assert (ended["orderListId"], ended["listClientOrderId"]) == (expected["orderListId"], "mine")
        assert (await refusal(venue, 1, "DELETE", "orderList", **mine))[0] == -2011
        rows = await venue.ask(1, "GET", "allOrderList")
        assert [row["listClientOrderId"] for row in rows] == ["mine", "mine", "n" * 36]
        for account, name, placed in ((1, "n" * 36, other), (2, "mine", theirs)):
            found = await venue.ask(account, "GET", "orderList", listClientOrderId=name)
            assert found["orderListId"] == placed["orderListId"]

    asked(question)


@pytest.mark.parametrize("name", ["n" * 37, ""])
def test_a_name_that_no_list_can_have_is_refused(name: str) -> None:
    async def question(venue: Served) -> None:
        assert (await refusal(venue, 1, "POST", "orderList/oto", **OTO, listClientOrderId=name))[0] in (-1100, -1105)
        assert await venue.ask(1, "GET", "openOrders") == []

    asked(question)


def test_a_list_without_a_name_is_called_by_its_first_order() -> None:
    async def question(venue: Served) -> None:
        await venue.ask(1, "POST", "orderList/oto", **OTO, listClientOrderId="mine")
        placed = await venue.ask(1, "POST", "orderList/oto", **OTO, workingClientOrderId="works")
        assert placed["listClientOrderId"] == "works"
        found = await venue.ask(1, "GET", "orderList", listClientOrderId="works")
        assert (found["orderListId"], found["listClientOrderId"]) == (placed["orderListId"], "works")
        ended = await venue.ask(1, "DELETE", "orderList", symbol="BTCUSDT", listClientOrderId="works")
        assert ended["orderListId"] == placed["orderListId"]

    asked(question)


def test_an_id_and_another_orders_client_id_name_no_order() -> None:
    async def question(venue: Served) -> None:
        first = await venue.order(1, "BUY", "90", "1", newClientOrderId="first")
        await venue.order(1, "BUY", "91", "1", newClientOrderId="second")
        both = {"symbol": "BTCUSDT", "orderId": first["orderId"], "origClientOrderId": "second"}
        assert (await refusal(venue, 1, "GET", "order", **both))[0] == -2013
        assert (await refusal(venue, 1, "DELETE", "order", **both))[0] == -2011
        assert (await refusal(venue, 1, "PUT", "order/amend/keepPriority", **both, newQty="0.5"))[0] == -2038
        unknown = both | {"orderId": 10**9, "origClientOrderId": "first"}
        assert (await refusal(venue, 1, "DELETE", "order", **unknown))[0] == -2011
        assert len(await venue.ask(1, "GET", "openOrders")) == 2
        assert (await venue.ask(1, "GET", "order", **(both | {"origClientOrderId": "first"})))["status"] == "NEW"

    asked(question)


def test_a_stop_that_is_past_its_price_is_refused() -> None:
    async def question(venue: Served) -> None:
        stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "1", "stopPrice": "100"}
        assert (await venue.ask(1, "POST", "order", **stop))["orderId"]  # nothing has traded
        await venue.order(2, "SELL", "100", "1")
        await venue.order(3, "BUY", "100", "1")
        for number, limit in enumerate(({}, {"type": "STOP_LOSS_LIMIT", "price": "90", "timeInForce": "GTC"})):
            limit |= {"newClientOrderId": f"late-{number}"}
            told = await refusal(venue, 1, "POST", "order", **(stop | limit))
            assert told == (-2010, "Stop price would trigger immediately.")
        bought = stop | {"side": "BUY", "stopPrice": "99"}
        assert (await refusal(venue, 1, "POST", "order", **bought))[0] == -2010
        told = await refusal(venue, 1, "POST", "orderList/oco", **(OCO | {"belowStopPrice": "100"}))
        assert told == (-2010, "The relationship of the prices for the orders is not correct.")
        assert await venue.ask(1, "GET", "openOrders") == []  # the first stop has triggered, and found no bid
        waits = await venue.ask(1, "POST", "order", **(stop | {"stopPrice": "99"}))
        assert (await venue.ask(1, "POST", "orderList/oco", **OCO))["listOrderStatus"] == "EXECUTING"
        await venue.order(3, "BUY", "99", "5")
        await venue.order(2, "SELL", "99", "1")
        sold = await venue.ask(1, "GET", "order", symbol="BTCUSDT", orderId=waits["orderId"])
        assert (sold["status"], sold["type"]) == ("FILLED", "STOP_LOSS")

    asked(question)


@pytest.mark.parametrize(
    ("mode", "taker", "maker"),
    [
        ("EXPIRE_TAKER", "EXPIRED_IN_MATCH", "NEW"),
        ("EXPIRE_MAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ("DECREMENT", "EXPIRED_IN_MATCH", "NEW"),
    ],
)
def test_what_self_trade_prevention_ends_has_expired_in_match(mode: str, taker: str, maker: str) -> None:
    async def question(venue: Served) -> None:
        socket = Socket(venue)
        resting = await venue.order(1, "BUY", "90", "2", newClientOrderId="maker")
        await socket.ask("userDataStream.subscribe.signature", account=1)
        sold = await venue.order(1, "SELL", "90", "1", newClientOrderId="taker", selfTradePreventionMode=mode)
        assert sold["status"] == taker
        rests = await venue.ask(1, "GET", "order", symbol="BTCUSDT", origClientOrderId="maker")
        assert rests["status"] == maker
        prevented = {"EXPIRE_TAKER": (1, 0), "EXPIRE_MAKER": (0, 2), "EXPIRE_BOTH": (1, 2), "DECREMENT": (1, 1)}[mode]
        assert tuple(float(order.get("preventedQuantity", 0)) for order in (sold, rests)) == prevented
        losing = [(order, lost) for order, lost in zip((rests, sold), prevented[::-1], strict=True) if lost]
        for order, lost in losing:
            report = await socket.next(lambda message: message.get("event", {}).get("x") == "TRADE_PREVENTION")
            told = report["event"]
            other = resting if order is sold else sold
            assert (told["i"], told["U"], told["Cs"]) == (order["orderId"], other["orderId"], "BTCUSDT")
            assert (told["X"], told["v"]) == (order["status"], order["preventedMatchId"])
            assert [float(told[name]) for name in ("A", "B", "pl", "pL", "pY")] == [lost, lost, 1, 90, 90]
            assert told["u"] == -1
        assert len({order["preventedMatchId"] for order, _ in losing}) == 1
        assert ["preventedMatchId" in order for order in (sold, rests)] == [bool(lost) for lost in prevented]
        await socket.leave()

    asked(question)


def test_codes_and_texts_are_binances() -> None:
    async def question(venue: Served) -> None:
        placed = await venue.order(1, "BUY", "90", "1")
        amend = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
        unchanged = await refusal(venue, 1, "PUT", "order/amend/keepPriority", **amend, newQty="1")
        assert unchanged == (-2038, "The requested action would change no state; rejecting.")
        more = await refusal(venue, 1, "PUT", "order/amend/keepPriority", **amend, newQty="2")
        assert more == (-2038, "Order amend (quantity increase) is not supported.")
        assert (await refusal(venue, None, "GET", "ticker/24hr", type="SOME"))[0] == -1139
        assert (await refusal(venue, None, "GET", "ticker/24hr", symbols='["BTCUSDT","BTCUSDT"]'))[0] == -1151
        for path in ("allOrders", "myTrades"):
            span = {"symbol": "BTCUSDT", "startTime": 1, "endTime": 86_400_002}
            assert (await refusal(venue, 1, "GET", path, **span))[0] == -1127
            assert await venue.ask(1, "GET", path, **(span | {"endTime": 86_400_001})) == []

    asked(question)


def test_symbols_are_chosen_by_status_and_permission() -> None:
    async def question(venue: Served) -> None:
        info = await venue.ask(None, "GET", "exchangeInfo", symbolStatus="TRADING", showPermissionSets="false")
        assert [(row["symbol"], row["permissionSets"]) for row in info["symbols"]] == [("BTCUSDT", []), ("ETHUSDT", [])]
        assert (await venue.ask(None, "GET", "exchangeInfo", symbolStatus="HALT"))["symbols"] == []
        assert len((await venue.ask(None, "GET", "exchangeInfo", permissions='["SPOT","MARGIN"]'))["symbols"]) == 2
        assert (await venue.ask(None, "GET", "exchangeInfo", permissions="MARGIN"))["symbols"] == []
        assert (await refusal(venue, None, "GET", "exchangeInfo", symbolStatus="OPEN"))[0] == -1122
        named = {"symbol": "BTCUSDT", "symbolStatus": "TRADING"}
        assert (await refusal(venue, None, "GET", "exchangeInfo", **named))[0] == -1128
        assert (await venue.ask(None, "GET", "ticker/price", **named))["symbol"] == "BTCUSDT"
        for path in ("ticker/price", "ticker/bookTicker", "ticker/24hr", "ticker/tradingDay", "ticker", "depth"):
            halted = {"symbol": "BTCUSDT", "symbolStatus": "HALT"}
            assert (await refusal(venue, None, "GET", path, **halted))[0] == -1220, path
        assert await venue.ask(None, "GET", "ticker/price", symbolStatus="BREAK") == []

    asked(question)


def test_what_the_venue_does_not_have_is_answered_as_for_none() -> None:
    async def question(venue: Served) -> None:
        coins = await venue.ask(1, "GET", "/sapi/v1/capital/config/getall")
        assert [coin["coin"] for coin in coins] == ["BTC", "ETH", "USDT"]
        assert await venue.ask(1, "GET", "/sapi/v1/capital/deposit/hisrec", coin="BTC") == []
        assert await venue.ask(1, "GET", "/sapi/v1/capital/withdraw/history") == []
        away = {"coin": "BTC", "address": "somewhere", "amount": "1"}
        assert (await refusal(venue, 1, "POST", "/sapi/v1/capital/withdraw/apply", **away))[0] == -4019
        rules = await venue.ask(None, "GET", "executionRules", symbol="BTCUSDT")
        assert rules == {"symbolRules": [{"symbol": "BTCUSDT", "rules": []}]}
        assert (await venue.ask(None, "GET", "referencePrice", symbol="BTCUSDT"))["referencePrice"] == "100.00000000"
        filters = (await venue.ask(1, "GET", "myFilters", symbol="BTCUSDT"))["symbolFilters"]
        assert "LOT_SIZE" in [row["filterType"] for row in filters]

    asked(question)


def test_a_websocket_takes_any_id_and_the_terms_of_its_url() -> None:
    async def question(venue: Served) -> None:
        socket = Socket(venue, b"timeUnit=microsecond&returnRateLimits=false")
        for number in ("a b:c/d", "\u20ac" * 36, -5, None, ""):
            socket.send(json.dumps({"id": number, "method": "time"}))
            answer = await socket.next()
            assert (answer["id"], answer["status"]) == (number, 200)
            assert answer["result"]["serverTime"] > 10**15
            assert "rateLimits" not in answer
        strange: tuple[object, ...] = ("x" * 37, 1.5, True, [], {})
        for other in strange:
            socket.send(json.dumps({"id": other, "method": "time"}))
            assert (await socket.next())["error"]["code"] == -1100
        asked_for = await socket.ask("time", {"returnRateLimits": True})
        assert [row["rateLimitType"] for row in asked_for["rateLimits"]] == ["REQUEST_WEIGHT"]
        assert (await socket.ask("session.status"))["result"]["returnRateLimits"] is False
        await socket.leave()
        refused = Socket(venue, b"timeUnit=HOUR")
        await venue.until(lambda: refused.closed is not None)

    asked(question)


def test_a_websocket_tells_what_orders_count_and_when_to_try_again() -> None:
    async def question(venue: Served) -> None:
        socket = Socket(venue)
        terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "90"}
        placed = await socket.ask("order.place", terms | {"quantity": "1"}, 1)
        rows = {(row["rateLimitType"], row["interval"]): row["count"] for row in placed["rateLimits"]}
        assert rows.keys() == {("ORDERS", "SECOND"), ("ORDERS", "DAY"), ("REQUEST_WEIGHT", "MINUTE")}
        assert rows["ORDERS", "DAY"] == 1
        refused = await socket.ask("order.place", terms | {"quantity": "2"}, 1)
        assert refused["status"] == 429
        now_ms = venue.rig.now // 10**6
        assert now_ms < refused["error"]["data"]["retryAfter"] <= now_ms + 86_401_000
        await socket.leave()

    asked(question, orders_per_day=1)


def test_an_accounts_filters_have_its_own_limits() -> None:
    async def question(venue: Served) -> None:
        async def filters(account: int, symbol: str = "BTCUSDT") -> Any:
            return await venue.ask(account, "GET", "myFilters", symbol=symbol)

        def most_orders(count: int) -> list[dict[str, Any]]:
            return [{"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": count}]

        plain = await filters(1)
        assert plain["exchangeFilters"] == most_orders(DEFAULT_MAX_OPEN_ORDERS)
        assert plain["assetFilters"] == []
        assert venue.operate(account_limits(max_open_orders=1)) == 0
        assert venue.operate(PositionLimit(**by(key=b"P"), target=1, asset=1, max_units=FREE + 10**8)) == 0
        limited = await filters(1)
        assert limited["exchangeFilters"] == most_orders(1)
        most = {"filterType": "MAX_POSITION", "maxPosition": f"{FREE // 10**8 + 1}.00000000"}
        assert limited["symbolFilters"] == [*plain["symbolFilters"], most]
        assert await filters(2) == plain, "they are the account's own"
        assert (await filters(1, "ETHUSDT"))["symbolFilters"] == plain["symbolFilters"], "they are the base asset's"
        assert (await venue.order(1, "BUY", "90", "1"))["status"] == "NEW"
        refused = await refusal(venue, 1, "POST", "order", **BUY, quantity="0.5")
        assert refused == (-1013, f"Filter failure: {most_orders(1)[0]['filterType']}")
        assert venue.operate(account_limits(max_open_orders=0, cl_ord_id=b"M")) == 0
        assert (await filters(1))["exchangeFilters"] == []
        refused = await refusal(venue, 1, "POST", "order", **BUY, quantity="0.6")
        assert refused == (-1013, f"Filter failure: {most['filterType']}")

    asked(question)


def test_a_websocket_gets_the_shutdown_event() -> None:
    async def question(venue: Served) -> None:
        milliseconds, microseconds = Socket(venue), Socket(venue, b"timeUnit=MICROSECOND")
        by_key = [ListenSocket(venue, await listen_key(venue), combined=combined) for combined in (False, True)]
        sockets = [milliseconds, microseconds]
        for socket in sockets:
            await socket.ask("ping")
        await venue.until(lambda: all(stream.is_accepted for stream in by_key))
        venue.ws_api.say_goodbye()
        now = venue.rig.now // 10**6
        for socket, time in ((milliseconds, now), (microseconds, venue.rig.now // 1000)):
            assert await socket.next() == {"event": {"e": "serverShutdown", "E": time}}
        event = {"e": "serverShutdown", "E": now}
        assert await by_key[0].next() == event
        assert await by_key[1].next() == {"stream": "!serverShutdown", "data": event}
        for socket in (*sockets, *by_key):
            await socket.leave()
        venue.ws_api.say_goodbye()
        assert not any(socket.got for socket in (*sockets, *by_key)), "a client that has left gets nothing"

    asked(question)


async def listen_key(venue: Served) -> bytes:
    venue.key_of(1)
    status, body, _ = await venue.raw("POST", "/api/v3/userDataStream", "", 1)
    assert status == 200
    return str(json.loads(body)["listenKey"]).encode()
