"""What clients can ask for: each endpoint of the REST API and each method of the WebSocket API, in one table.

A route says who may ask, what it weighs and which parameters it reads; what answers it has the same name for both
interfaces. It looks nothing up and answers nothing.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from lockstep.procs.api.binance.parameters import Parameters


class Security(Enum):
    NONE = "none"
    KEY = "key"  # X-MBX-APIKEY alone
    SIGNED = "signed"  # key, timestamp and signature; on the WebSocket API a session that is logged on


class Scope(Enum):
    """What a key must be good for."""

    NONE = "none"
    READ = "read"
    TRADE = "trade"


class Weight(Enum):
    """Weights that depend on the parameters; all others are numbers."""

    DEPTH = "depth"  # by limit
    DAY_TICKERS = "day tickers"  # by how many symbols
    TICKERS = "tickers"  # the same, of the lighter ones
    PER_SYMBOL = "per symbol"
    RULES = "rules"  # per symbol, or of all
    OPEN_ORDERS = "open orders"  # of one symbol or of all
    MY_TRADES = "my trades"  # of one order or of all
    PREVENTED = "prevented matches"  # one, or those of an order
    ORDER_TEST = "order test"  # with commission rates or without


class Route(msgspec.Struct, frozen=True):
    """One endpoint. `orders` is how many new orders it counts as; `name` is what answers it."""

    name: str
    security: Security
    scope: Scope
    weight: int | Weight
    parameters: frozenset[bytes]
    orders: int = 0


MOST_PER_SYMBOL = 50  # symbols that are weighed one by one
DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50))
DEEPEST_WEIGHT = 250

SIGNATURE = "timestamp recvWindow"
SYMBOLS = "symbol symbols symbolStatus"
PAGE = "symbol startTime endTime limit"
PEG = "pegPriceType pegOffsetType pegOffsetValue"
ORDER = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId strategyType stopPrice "
    f"trailingDelta icebergQty newOrderRespType selfTradePreventionMode {PEG}"
)
CANCEL = "symbol orderId origClientOrderId newClientOrderId cancelRestrictions"
CANCEL_REPLACE = (
    f"{ORDER} cancelReplaceMode cancelNewClientOrderId cancelOrigClientOrderId cancelOrderId cancelRestrictions "
    "orderRateLimitExceededMode"
)
LIST = "symbol listClientOrderId newOrderRespType selfTradePreventionMode"
LEG = (
    "Type ClientOrderId Price StopPrice TrailingDelta TimeInForce IcebergQty StrategyId StrategyType "
    "PegPriceType PegOffsetType PegOffsetValue"
)


def legs(*prefixes: str, more: str = "") -> str:
    return " ".join(prefix + term for prefix in prefixes for term in f"{LEG} {more}".split())


OCO = f"{LIST} side quantity {legs('above', 'below')}"
OTO = f"{LIST} {legs('working', 'pending', more='Side Quantity')}"
OLD_OCO = (
    f"{LIST} side quantity price limitClientOrderId limitIcebergQty limitStrategyId limitStrategyType stopPrice "
    "stopClientOrderId stopLimitPrice stopIcebergQty stopStrategyId stopStrategyType stopLimitTimeInForce trailingDelta"
)
TRANSFERS = "coin status startTime endTime offset limit txId"
WITHDRAWAL = "coin withdrawOrderId network address addressTag amount transactionFeeFlag name walletType"
KLINES = "symbol interval startTime endTime timeZone limit"
EXCHANGE_INFO = "symbol symbols permissions showPermissionSets symbolStatus"


def open_to_all(name: str, weight: int | Weight, parameters: str = "") -> Route:
    return Route(name, Security.NONE, Scope.NONE, weight, known(parameters))


def keyed(name: str, weight: int, parameters: str = "") -> Route:
    return Route(name, Security.KEY, Scope.READ, weight, known(parameters))


def reads(name: str, weight: int | Weight, parameters: str = "") -> Route:
    return Route(name, Security.SIGNED, Scope.READ, weight, known(f"{parameters} {SIGNATURE}"))


def trades(name: str, weight: int | Weight, parameters: str, orders: int = 0) -> Route:
    return Route(name, Security.SIGNED, Scope.TRADE, weight, known(f"{parameters} {SIGNATURE}"), orders)


def known(parameters: str) -> frozenset[bytes]:
    return frozenset(name.encode() for name in parameters.split())


# Answers, with what they weigh and read. The name is the handler's, for REST and the WebSocket API alike.
ROUTES = {
    route.name: route
    for route in (
        open_to_all("ping", 1),
        open_to_all("time", 1),
        open_to_all("exchange_info", 20, EXCHANGE_INFO),
        open_to_all("depth", Weight.DEPTH, "symbol limit symbolStatus"),
        open_to_all("trades", 25, "symbol limit"),
        open_to_all("historical_trades", 25, "symbol limit fromId"),
        open_to_all("agg_trades", 4, f"{PAGE} fromId"),
        open_to_all("klines", 2, KLINES),
        open_to_all("ui_klines", 2, KLINES),
        open_to_all("avg_price", 2, "symbol"),
        open_to_all("ticker_24hr", Weight.DAY_TICKERS, f"{SYMBOLS} type"),
        open_to_all("ticker_trading_day", Weight.PER_SYMBOL, f"{SYMBOLS} timeZone type"),
        open_to_all("ticker", Weight.PER_SYMBOL, f"{SYMBOLS} windowSize type"),
        open_to_all("ticker_price", Weight.TICKERS, SYMBOLS),
        open_to_all("ticker_book", Weight.TICKERS, SYMBOLS),
        open_to_all("system_status", 1),
        open_to_all("futures_info", 1),
        trades("order_place", 1, ORDER, 1),
        trades("order_test", Weight.ORDER_TEST, f"{ORDER} computeCommissionRates"),
        trades("order_cancel", 1, CANCEL),
        trades("open_orders_cancel", 1, "symbol"),
        trades("cancel_replace", 1, CANCEL_REPLACE, 1),
        trades("amend", 4, "symbol orderId origClientOrderId newClientOrderId newQty"),
        trades("oco_place", 1, OCO, 2),
        trades("old_oco_place", 1, OLD_OCO, 2),
        trades("oto_place", 1, OTO, 2),
        trades("list_cancel", 1, "symbol orderListId listClientOrderId newClientOrderId"),
        reads("margin_pairs", 1, "symbol"),
        reads("order_status", 4, "symbol orderId origClientOrderId"),
        reads("open_orders", Weight.OPEN_ORDERS, "symbol"),
        reads("all_orders", 20, f"{PAGE} orderId"),
        reads("list_status", 4, "orderListId origClientOrderId listClientOrderId"),
        reads("all_lists", 20, "fromId startTime endTime limit"),
        reads("open_lists", 6),
        reads("account", 20, "omitZeroBalances"),
        reads("commission", 20, "symbol"),
        reads("my_trades", Weight.MY_TRADES, f"{PAGE} orderId fromId"),
        reads("amendments", 4, "symbol orderId fromExecutionId limit"),
        reads("my_prevented_matches", Weight.PREVENTED, "symbol preventedMatchId orderId fromPreventedMatchId limit"),
        reads("order_limits", 40),
        reads("my_filters", 40, "symbol"),
        open_to_all("execution_rules", Weight.RULES, SYMBOLS),
        open_to_all("reference_price", 2, "symbol"),
        reads("trade_fee", 1, "symbol"),
        reads("deposits", 1, f"{TRANSFERS} includeSource"),
        reads("withdrawals", 18, f"{TRANSFERS} withdrawOrderId idList"),
        trades("withdraw", 600, WITHDRAWAL),
        reads("currencies", 10),
        reads("key_restrictions", 1),
        keyed("listen_key_create", 2),
        keyed("listen_key_keep", 2, "listenKey"),
        keyed("listen_key_close", 2, "listenKey"),
        reads("session_logon", 2),
        open_to_all("session_status", 2),
        open_to_all("session_logout", 2),
        open_to_all("session_subscriptions", 2),
        open_to_all("user_subscribe", 2),
        reads("user_subscribe_signed", 2),
        open_to_all("user_unsubscribe", 2, "subscriptionId"),
    )
}

_REST = {
    "GET /api/v3/ping": "ping",
    "GET /api/v3/time": "time",
    "GET /api/v3/exchangeInfo": "exchange_info",
    "GET /api/v3/depth": "depth",
    "GET /api/v3/trades": "trades",
    "GET /api/v3/historicalTrades": "historical_trades",
    "GET /api/v3/aggTrades": "agg_trades",
    "GET /api/v3/klines": "klines",
    "GET /api/v3/uiKlines": "ui_klines",
    "GET /api/v3/avgPrice": "avg_price",
    "GET /api/v3/ticker/24hr": "ticker_24hr",
    "GET /api/v3/ticker/tradingDay": "ticker_trading_day",
    "GET /api/v3/ticker/price": "ticker_price",
    "GET /api/v3/ticker/bookTicker": "ticker_book",
    "GET /api/v3/ticker": "ticker",
    "POST /api/v3/order": "order_place",
    "POST /api/v3/order/test": "order_test",
    "GET /api/v3/order": "order_status",
    "DELETE /api/v3/order": "order_cancel",
    "POST /api/v3/order/cancelReplace": "cancel_replace",
    "PUT /api/v3/order/amend/keepPriority": "amend",
    "POST /api/v3/order/amend/keepPriority": "amend",  # as the first clients of it did
    "GET /api/v3/order/amendments": "amendments",
    "DELETE /api/v3/openOrders": "open_orders_cancel",
    "GET /api/v3/openOrders": "open_orders",
    "GET /api/v3/allOrders": "all_orders",
    "POST /api/v3/order/oco": "old_oco_place",
    "POST /api/v3/orderList/oco": "oco_place",
    "POST /api/v3/orderList/oto": "oto_place",
    "DELETE /api/v3/orderList": "list_cancel",
    "GET /api/v3/orderList": "list_status",
    "GET /api/v3/allOrderList": "all_lists",
    "GET /api/v3/openOrderList": "open_lists",
    "GET /api/v3/account": "account",
    "GET /api/v3/account/commission": "commission",
    "GET /api/v3/myTrades": "my_trades",
    "GET /api/v3/rateLimit/order": "order_limits",
    "GET /api/v3/myPreventedMatches": "my_prevented_matches",
    "GET /api/v3/myFilters": "my_filters",
    "GET /api/v3/executionRules": "execution_rules",
    "GET /api/v3/referencePrice": "reference_price",
    "POST /api/v3/userDataStream": "listen_key_create",
    "PUT /api/v3/userDataStream": "listen_key_keep",
    "DELETE /api/v3/userDataStream": "listen_key_close",
    "GET /sapi/v1/system/status": "system_status",
    "GET /sapi/v1/asset/tradeFee": "trade_fee",
    "GET /sapi/v1/capital/config/getall": "currencies",
    "GET /sapi/v1/capital/deposit/hisrec": "deposits",
    "GET /sapi/v1/capital/withdraw/history": "withdrawals",
    "POST /sapi/v1/capital/withdraw/apply": "withdraw",
    "GET /sapi/v1/account/apiRestrictions": "key_restrictions",
    "GET /sapi/v1/margin/allPairs": "margin_pairs",
    "GET /sapi/v1/margin/isolated/allPairs": "margin_pairs",
    "GET /fapi/v1/ping": "ping",
    "GET /fapi/v1/exchangeInfo": "futures_info",
    "GET /dapi/v1/ping": "ping",
    "GET /dapi/v1/exchangeInfo": "futures_info",
}
_WS = {
    "ping": "ping",
    "time": "time",
    "exchangeInfo": "exchange_info",
    "depth": "depth",
    "trades.recent": "trades",
    "trades.historical": "historical_trades",
    "trades.aggregate": "agg_trades",
    "klines": "klines",
    "uiKlines": "ui_klines",
    "avgPrice": "avg_price",
    "ticker.24hr": "ticker_24hr",
    "ticker.tradingDay": "ticker_trading_day",
    "ticker.price": "ticker_price",
    "ticker.book": "ticker_book",
    "ticker": "ticker",
    "order.place": "order_place",
    "order.test": "order_test",
    "order.status": "order_status",
    "order.cancel": "order_cancel",
    "order.cancelReplace": "cancel_replace",
    "order.amend.keepPriority": "amend",
    "order.amendments": "amendments",
    "openOrders.status": "open_orders",
    "openOrders.cancelAll": "open_orders_cancel",
    "orderList.place": "old_oco_place",
    "orderList.place.oco": "oco_place",
    "orderList.place.oto": "oto_place",
    "orderList.cancel": "list_cancel",
    "orderList.status": "list_status",
    "openOrderLists.status": "open_lists",
    "allOrderLists": "all_lists",
    "allOrders": "all_orders",
    "myTrades": "my_trades",
    "myPreventedMatches": "my_prevented_matches",
    "account.status": "account",
    "account.commission": "commission",
    "account.rateLimits.orders": "order_limits",
    "myFilters": "my_filters",
    "executionRules": "execution_rules",
    "referencePrice": "reference_price",
    "session.logon": "session_logon",
    "session.status": "session_status",
    "session.logout": "session_logout",
    "session.subscriptions": "session_subscriptions",
    "userDataStream.start": "listen_key_create",
    "userDataStream.ping": "listen_key_keep",
    "userDataStream.stop": "listen_key_close",
    "userDataStream.subscribe": "user_subscribe",
    "userDataStream.subscribe.signature": "user_subscribe_signed",
    "userDataStream.unsubscribe": "user_unsubscribe",
}
# (method, path) → route, and WebSocket method → route. On the WebSocket API a key is a parameter.
_ALWAYS = frozenset((b"apiKey", b"returnRateLimits"))
# What ccxt.pro sends besides: its own name for the stop price.
_ALSO = {"order.place": frozenset((b"stopLossPrice",))}
REST = {tuple(key.split(" ")): ROUTES[name] for key, name in _REST.items()}
WS = {
    method: msgspec.structs.replace(
        ROUTES[name], parameters=ROUTES[name].parameters | _ALWAYS | _ALSO.get(method, frozenset())
    )
    for method, name in _WS.items()
}


def weight_of(route: Route, sent: Parameters) -> int:
    """What a request weighs against the limit of its address."""
    if isinstance(route.weight, int):
        return route.weight
    count = symbols_of(sent)
    match route.weight:
        case Weight.DEPTH:
            limit = sent.integer(b"limit", 0, 2**63) or 100
            return next((weight for most, weight in DEPTH_WEIGHTS if limit <= most), DEEPEST_WEIGHT)
        case Weight.DAY_TICKERS:
            return 80 if count == 0 or count > 100 else 40 if count > 20 else 2
        case Weight.TICKERS:
            return 2 if count == 1 else 4
        case Weight.PER_SYMBOL:
            return 4 * min(max(count, 1), MOST_PER_SYMBOL)
        case Weight.RULES:
            return 2 * count if 0 < count <= 20 else 40
        case Weight.OPEN_ORDERS:
            return 6 if count else 80
        case Weight.MY_TRADES:
            return 5 if b"orderId" in sent.values else 20
        case Weight.PREVENTED:
            return 20 if b"orderId" in sent.values else 2
        case Weight.ORDER_TEST:
            return 20 if sent.get(b"computeCommissionRates") == b"true" else 1


def symbols_of(sent: Parameters) -> int:
    """How many symbols a request names; 0 is all."""
    if b"symbol" in sent.values:
        return 1
    return (sent.get(b"symbols") or b"").count(b'"') // 2
