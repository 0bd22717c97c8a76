"""The page's table of endpoints is the code's, and each endpoint does what its row says, with all of its parameters."""

from __future__ import annotations

import json
import re
from typing import Any

from lockstep.procs.api.binance.comparison import ABSENT, DIFFERS, PAGE, shown, table
from lockstep.procs.api.binance.routes import REST, WS, Route, Security
from tests.api.binance.served import Served, Socket, serving
from tests.api.binance.test_others import ASKED, SYMBOL
from tests.publisher.harness import run

CELL = r" ([^|]+) \|"
ROW = re.compile(rf"\| (GET|POST|PUT|DELETE) `([^`]+)` \|{CELL * 3} (equal|differs|absent)(?:: .+)? \|")
NOT_READ, TAKEN_TWICE = -1104, -1101
# A value of each parameter that is right in itself; all others are numbers.
VALUES: dict[str, object] = {
    "symbol": SYMBOL, "symbols": '["BTCUSDT"]', "symbolStatus": "TRADING", "interval": "1m", "timeZone": "0",
    "windowSize": "1d", "type": "LIMIT", "side": "BUY", "timeInForce": "GTC", "price": "90", "quantity": "1",
    "quoteOrderQty": "10", "newOrderRespType": "FULL", "selfTradePreventionMode": "NONE", "strategyType": 1_000_000,
    "cancelRestrictions": "ONLY_NEW", "cancelReplaceMode": "STOP_ON_FAILURE", "permissions": "SPOT",
    "showPermissionSets": "true", "orderRateLimitExceededMode": "DO_NOTHING", "computeCommissionRates": "true",
    "omitZeroBalances": "true", "listenKey": "none", "coin": "BTC", "amount": "1", "address": "here",
}  # fmt: skip

# What Binance documents: each endpoint that is not absent takes all of it, whatever comes of a value.
SYMBOLS, PAGE_OF = "symbol symbols symbolStatus", "symbol startTime endTime limit"
ORDER = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId strategyType stopPrice "
    "trailingDelta icebergQty newOrderRespType selfTradePreventionMode pegPriceType pegOffsetValue pegOffsetType"
)
DOCUMENTED = {
    "GET /api/v3/exchangeInfo": "symbol symbols permissions showPermissionSets symbolStatus",
    "GET /api/v3/depth": "symbol limit symbolStatus",
    "GET /api/v3/trades": "symbol limit",
    "GET /api/v3/historicalTrades": "symbol limit fromId",
    "GET /api/v3/aggTrades": f"{PAGE_OF} fromId",
    "GET /api/v3/klines": f"{PAGE_OF} interval timeZone",
    "GET /api/v3/uiKlines": f"{PAGE_OF} interval timeZone",
    "GET /api/v3/avgPrice": "symbol",
    "GET /api/v3/ticker/24hr": f"{SYMBOLS} type",
    "GET /api/v3/ticker/tradingDay": f"{SYMBOLS} timeZone type",
    "GET /api/v3/ticker/price": SYMBOLS,
    "GET /api/v3/ticker/bookTicker": SYMBOLS,
    "GET /api/v3/ticker": f"{SYMBOLS} windowSize type",
    "GET /api/v3/referencePrice": "symbol",
    "GET /api/v3/executionRules": SYMBOLS,
    "POST /api/v3/order": ORDER,
    "POST /api/v3/order/test": f"{ORDER} computeCommissionRates",
    "DELETE /api/v3/order": "symbol orderId origClientOrderId newClientOrderId cancelRestrictions",
    "GET /api/v3/order": "symbol orderId origClientOrderId",
    "DELETE /api/v3/openOrders": "symbol",
    "POST /api/v3/order/cancelReplace": (
        f"{ORDER} cancelReplaceMode cancelNewClientOrderId cancelOrigClientOrderId cancelOrderId cancelRestrictions "
        "orderRateLimitExceededMode"
    ),
    "PUT /api/v3/order/amend/keepPriority": "symbol orderId origClientOrderId newClientOrderId newQty",
    "GET /api/v3/openOrders": "symbol",
    "GET /api/v3/allOrders": f"{PAGE_OF} orderId",
    "DELETE /api/v3/orderList": "symbol orderListId listClientOrderId newClientOrderId",
    "GET /api/v3/orderList": "orderListId origClientOrderId",
    "GET /api/v3/allOrderList": "fromId startTime endTime limit",
    "GET /api/v3/account": "omitZeroBalances",
    "GET /api/v3/myTrades": f"{PAGE_OF} orderId fromId",
    "GET /api/v3/account/commission": "symbol",
    "GET /api/v3/order/amendments": "symbol orderId fromExecutionId limit",
    "GET /api/v3/myPreventedMatches": "symbol preventedMatchId orderId fromPreventedMatchId limit",
    "GET /api/v3/myFilters": "symbol",
}  # fmt: skip


def rows() -> dict[tuple[str, str], str]:
    """What the page says of each endpoint."""
    found = {}
    for line in shown(PAGE.read_text()).splitlines()[2:]:
        row = ROW.fullmatch(line)
        assert row is not None, line
        found[row[1], row[2]] = row[6]
    return found


def test_every_documented_parameter_is_read() -> None:
    for endpoint, names in DOCUMENTED.items():
        method, path = endpoint.split(" ")
        assert set(names.split()) <= {name.decode() for name in REST[method, path].parameters}, endpoint


def test_the_page_has_the_table_of_the_code() -> None:
    assert shown(PAGE.read_text()) == table(), "run: python -m lockstep.procs.api.binance.comparison"
    assert {tuple(name.split(" ")) for name in DIFFERS} <= REST.keys()
    assert not {tuple(name.split(" ")) for name in ABSENT} & REST.keys()


def value_of(name: str) -> object:
    return VALUES.get(name, "here-1" if name.lower().endswith(("clientorderid", "id")) else "1")


def requests_of(route: Route) -> list[dict[str, Any]]:
    """The endpoint's plain request with each of its parameters, one at a time, and with one that it does not have."""
    plain = ASKED.get(route.name, [{}])[0]
    own = [name.decode() for name in sorted(route.parameters)]
    names = [name for name in own if name not in ("timestamp", "apiKey", "recvWindow", "returnRateLimits")]
    return [plain, *[plain | {name: value_of(name)} for name in names], plain | {"recvWindow": "5000"}]


async def told(venue: Served, method: str, path: str, route: Route, sent: dict[str, Any]) -> tuple[int, Any]:
    account = None if route.security is Security.NONE else 1
    if route.security is not Security.SIGNED:
        sent = {name: value for name, value in sent.items() if name != "recvWindow"}
    query = venue.query(1, **sent) if route.security is Security.SIGNED else venue.form(**sent)
    status, body, _ = await venue.raw(method, path, query, account)
    return status, json.loads(body)


def test_each_endpoint_reads_all_of_its_parameters_and_no_other() -> None:
    async def asked() -> None:
        async with serving() as venue:
            venue.key_of(1)
            await venue.order(2, "SELL", "100", "5")
            for (method, path), state in rows().items():
                route = venue.rest.route(method, path)
                if state == "absent":
                    assert route is None
                    assert (await venue.raw(method, path))[0] == 404
                    continue
                assert route is not None
                answers = [await told(venue, method, path, route, sent) for sent in requests_of(route)]
                for (status, body), sent in zip(answers, requests_of(route), strict=True):
                    assert status < 500, (path, sent, body)
                    if status != 200:
                        assert body["code"] not in (NOT_READ, TAKEN_TWICE), (path, sent, body)
                status, body = await told(venue, method, path, route, ASKED.get(route.name, [{}])[0] | {"nothing": "1"})
                assert (status, body["code"]) == (400, NOT_READ), path

    run(asked())


def test_each_method_of_the_websocket_api_answers_as_its_endpoint() -> None:
    async def asked() -> None:
        async with serving() as venue:
            venue.key_of(1)
            socket = Socket(venue)
            for method, route in WS.items():
                account = 1 if route.security is Security.SIGNED else None
                key = {"apiKey": "key-1"} if route.security is Security.KEY else {}
                for sent in requests_of(route):
                    known = {name: value for name, value in sent.items() if name != "recvWindow"}
                    answer = await socket.ask(method, known | key, account)
                    assert answer["status"] < 500, (method, sent, answer)
                    if answer["status"] != 200:
                        assert answer["error"]["code"] not in (NOT_READ, TAKEN_TWICE), (method, sent, answer)
            await socket.leave()

    run(asked())
