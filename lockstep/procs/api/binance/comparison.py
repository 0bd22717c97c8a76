"""Binance Spot's endpoints, and how each compares here: the table that the page shows, and that a test holds to.

`python -m lockstep.procs.api.binance.comparison` writes the table of docs/protocols/rest.md again. It answers no
request.
"""

from __future__ import annotations

from pathlib import Path

from lockstep.procs.api.binance.routes import REST, WS, Route, Scope, Security, Weight

PAGE = Path(__file__).parents[4] / "docs" / "protocols" / "rest.md"
BEGIN, END = "<!-- table of endpoints: generated -->", "<!-- end of the table -->"
EQUAL = "equal"
CANCELLED_LIST = "a list's orders come as single orders"
STATUS = "see [Orders](#orders)"

# Where an answer or what is taken is not Binance's. All other endpoints are equal.
DIFFERS = {
    "GET /api/v3/exchangeInfo": "no limits of accounts among the filters; `sors` is empty",
    "GET /api/v3/uiKlines": "the same as `klines`",
    "POST /api/v3/order": "no TAKE_PROFIT, no `trailingDelta`, no pegged prices; strategies are not kept",
    "POST /api/v3/order/test": "as `order`; it tells the instrument's fees, also for an account with a fee tier",
    "GET /api/v3/order": STATUS,
    "POST /api/v3/order/cancelReplace": "as `order`",
    "PUT /api/v3/order/amend/keepPriority": "`executionId` is the command's number in the log",
    "POST /api/v3/order/amend/keepPriority": "as PUT: the first clients sent it so",
    "GET /api/v3/order/amendments": "replaces by FIX and `/v1` count if only the quantity became smaller",
    "DELETE /api/v3/openOrders": CANCELLED_LIST,
    "GET /api/v3/allOrders": "refused orders are in no list; " + STATUS,
    "POST /api/v3/order/oco": "as `orderList/oco`",
    "POST /api/v3/orderList/oco": "one order is a LIMIT_MAKER, the other a STOP_LOSS or STOP_LOSS_LIMIT",
    "POST /api/v3/orderList/oto": "the working order rests",
    "GET /api/v3/allOrderList": "only lists whose first order the API has in memory",
    "GET /api/v3/account": "fees are those of most instruments, also for an account with a fee tier",
    "GET /api/v3/myTrades": "`orderListId` is always -1",
    "GET /api/v3/executionRules": "there are none: `rules` is empty",
    "POST /api/v3/userDataStream": "still served; Binance has ended it",
    "PUT /api/v3/userDataStream": "still served; Binance has ended it",
    "DELETE /api/v3/userDataStream": "still served; Binance has ended it",
    "GET /sapi/v1/capital/config/getall": "no asset has networks: `networkList` is empty",
    "GET /sapi/v1/capital/deposit/hisrec": "empty: deposits are in the statements of `/v1`",
    "GET /sapi/v1/capital/withdraw/history": "empty: withdrawals are listed by `/v1`",
    "POST /sapi/v1/capital/withdraw/apply": "always -4019: withdrawals are asked for by `/v1`",
    "GET /sapi/v1/margin/allPairs": "empty: there is no margin",
    "GET /sapi/v1/margin/isolated/allPairs": "empty: there is no margin",
    "GET /fapi/v1/exchangeInfo": "empty: there are no futures",
    "GET /dapi/v1/exchangeInfo": "empty: there are no futures",
}
# What Binance has and this venue has not, and why.
ABSENT = {
    "GET /api/v3/myAllocations": "there is no smart order routing",
    "POST /api/v3/sor/order": "there is no smart order routing",
    "POST /api/v3/sor/order/test": "there is no smart order routing",
    "POST /api/v3/orderList/otoco": "a list has two orders",
    "POST /api/v3/orderList/opo": "a pending order has a quantity of its own",
    "POST /api/v3/orderList/opoco": "a list has two orders",
    "GET /api/v3/referencePrice/calculation": "reference prices are set by the operator and by auctions",
    "GET /sapi/v1/capital/deposit/address": "no asset has networks",
}


def _who(route: Route) -> str:
    if route.security is Security.NONE:
        return "anybody"
    if route.security is Security.KEY:
        return "key"
    return "signed, trade" if route.scope is Scope.TRADE else "signed, read"


_WEIGHTS = {
    Weight.DEPTH: "5 to 250", Weight.DAY_TICKERS: "2 to 80", Weight.TICKERS: "2, 4", Weight.PER_SYMBOL: "4 a symbol",
    Weight.RULES: "2 a symbol, 40", Weight.OPEN_ORDERS: "6, 80", Weight.MY_TRADES: "5, 20", Weight.PREVENTED: "2, 20",
    Weight.ORDER_TEST: "1, 20",
}  # fmt: skip


def table() -> str:
    """Return the table of endpoints: callers, weights, WebSocket methods, and how each compares to Binance."""
    lines = ["| Endpoint | WebSocket API | Who | Weight | Compared with Binance |", "| --- | --- | --- | --- | --- |"]
    for (method, path), route in REST.items():
        weight = str(route.weight) if isinstance(route.weight, int) else _WEIGHTS[route.weight]
        methods = ", ".join(f"`{name}`" for name, other in WS.items() if other.name == route.name) or "–"
        how = DIFFERS.get(f"{method} {path}")
        told = EQUAL if how is None else f"differs: {how}"
        lines.append(f"| {method} `{path}` | {methods} | {_who(route)} | {weight} | {told} |")
    for endpoint, why in ABSENT.items():
        method, path = endpoint.split(" ")
        lines.append(f"| {method} `{path}` | – | – | – | absent: {why} |")
    return "\n".join(lines)


def shown(page: str) -> str:
    """The table as a page has it."""
    return page.partition(f"{BEGIN}\n\n")[2].partition(f"\n\n{END}")[0]


if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}")
