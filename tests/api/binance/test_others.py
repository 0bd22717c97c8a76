"""No answer depends on other accounts: one account asks everything, in two venues that differ in all of another one,
of the account that takes fees and of an operator."""

from __future__ import annotations

import json
import os
import random
import re
from typing import Any

import pytest

from lockstep.core.schema.enums import Code, KeyScope
from lockstep.core.schema.records import Deposit, FeeTier, KillScope, KillSwitch, PositionLimit, Withdrawal
from lockstep.procs.api.binance.routes import REST, WS, Security
from tests.api.binance.served import FREE, Served, Socket, serving
from tests.publisher.harness import run
from tests.router.requests import order
from tests.router.rig import OPERATORS
from tests.router.test_refusals import account_limits, by, with_terms

OURS, MAKER, OTHER = 1, 2, 3
FEES = 0
NONE = 10**6  # an order that there is not
# Numbers that count what the whole venue has done: only which are equal means something. Of moments nothing does.
COUNTED = {"orderId": "order", "orderListId": "order", "executionId": "command", "lastUpdateId": "event"}
COUNTED |= dict.fromkeys(("id", "tradeId", "firstId", "lastId", "preventedMatchId", "a", "f", "l"), "event")
MOMENTS = {
    "transactTime", "transactionTime", "time", "updateTime", "workingTime", "serverTime", "closeTime", "openTime",
    "createTime", "connectedSince", "authorizedSince", "T", "count",
}  # fmt: skip
GENERATED = re.compile("v[A-Za-z0-9_-]{21}")  # a client id of the venue's, which follows from a signature
SYMBOL = "BTCUSDT"
THEIRS = "the number of an order of the other account"
LIMIT = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "90", "quantity": "1"}
DEAR = LIMIT | {"price": "100", "quantity": "9000"}
OCO = {
    "symbol": SYMBOL, "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": "120",
    "belowType": "STOP_LOSS", "belowStopPrice": "80",
}  # fmt: skip
OTO = {
    "symbol": SYMBOL, "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "80", "workingQuantity": "1",
    "workingTimeInForce": "GTC", "pendingType": "MARKET", "pendingSide": "SELL", "pendingQuantity": "1",
}  # fmt: skip
OLD_OCO = {"symbol": SYMBOL, "side": "SELL", "quantity": "1", "price": "120", "stopPrice": "80"}
KLINES = {"symbol": SYMBOL, "interval": "1m"}
# The values of each parameter of a route: each once, or several times.
ASKED: dict[str, list[dict[str, Any]]] = {
    "order_place": [LIMIT | {"newClientOrderId": "same"}, DEAR, LIMIT | {"side": "SELL", "price": "100"}],
    "order_test": [LIMIT, DEAR, LIMIT | {"side": "SELL", "price": "200"}, LIMIT | {"computeCommissionRates": "true"}],
    "cancel_replace": [
        LIMIT | {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "same", "price": "91"},
        DEAR | {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrigClientOrderId": "none"},
    ],
    "order_cancel": [{"symbol": SYMBOL, "origClientOrderId": "none"}, {"symbol": SYMBOL, "orderId": THEIRS}],
    "amend": [{"symbol": SYMBOL, "origClientOrderId": "theirs", "newQty": "0.1"}],
    "oco_place": [OCO], "oto_place": [OTO], "old_oco_place": [OLD_OCO],
    "order_status": [
        {"symbol": SYMBOL, "origClientOrderId": "same"}, {"symbol": SYMBOL, "origClientOrderId": "theirs"},
        {"symbol": SYMBOL, "orderId": THEIRS},
    ],
    "list_status": [{"orderListId": THEIRS}, {"origClientOrderId": "theirs"}],
    "list_cancel": [{"symbol": SYMBOL, "listClientOrderId": "theirs"}],
    "open_orders": [{"symbol": SYMBOL}, {}],
    "all_orders": [{"symbol": SYMBOL}], "open_orders_cancel": [{"symbol": SYMBOL}], "my_trades": [{"symbol": SYMBOL}],
    "commission": [{"symbol": SYMBOL}], "depth": [{"symbol": SYMBOL}], "trades": [{"symbol": SYMBOL}],
    "historical_trades": [{"symbol": SYMBOL}], "agg_trades": [{"symbol": SYMBOL}], "avg_price": [{"symbol": SYMBOL}],
    "amendments": [{"symbol": SYMBOL, "orderId": 1}],
    "my_prevented_matches": [{"symbol": SYMBOL, "orderId": 1}, {"symbol": SYMBOL, "preventedMatchId": 1}],
    "my_filters": [{"symbol": SYMBOL}], "reference_price": [{"symbol": SYMBOL}],
    "withdraw": [{"coin": "BTC", "address": "x", "amount": "1"}],
    "klines": [KLINES], "ui_klines": [KLINES],
    "ticker": [{"symbol": SYMBOL}], "ticker_trading_day": [{"symbol": SYMBOL}], "ticker_24hr": [{"symbol": SYMBOL}],
    "ticker_price": [{"symbol": SYMBOL}], "ticker_book": [{"symbol": SYMBOL}],
}  # fmt: skip
LAST = ("open_orders_cancel", "session_logout")  # what takes away what others are asked about


def change_others(venue: Served, draw: random.Random) -> int:
    """Give another account, the account of fees and an operator something of everything; the number of its order."""
    rig = venue.rig

    def do(*records: Any) -> None:
        assert venue.operate(*records) == 0, records

    venue.key_of(OTHER, draw.choice((KeyScope.READ, KeyScope.READ | KeyScope.TRADE)))
    # Stops wait, so that no book shows them. What trades does so in the other market; its fees are for account 0.
    for number in range(draw.randrange(1, 4)):
        placed = len(rig.log) + 2  # behind its terms
        name = "theirs" if number == 0 else f"theirs-{number}"
        terms = {"side": 2, "ord_type": 4, "price_ticks": 1, "quantity_lots": draw.randrange(1, 100)}
        do(*with_terms(order(OTHER, name, **terms), stop_price_ticks=1))
    for side in (2, 1):
        do(
            order(
                OTHER,
                f"ours-{side}",
                instrument=2,
                side=side,
                price_ticks=10_000,
                quantity_lots=draw.choice((1, 10**7)),
                stp=1,
            )
        )
    asset, tier = draw.randrange(1, 4), draw.randrange(500)
    do(FeeTier(**by(key=b"T"), tier=1, maker_fee_ppm=0, taker_fee_ppm=tier))
    do(account_limits(target=OTHER, max_open_orders=draw.randrange(9), self_trade=draw.randrange(1, 5), fee_tier=1))
    do(PositionLimit(**by(key=b"P"), target=OTHER, asset=asset, max_units=draw.randrange(1, 10**12)))
    paid: dict[str, Any] = {
        "session": OPERATORS[1],
        "asset": asset,
        "amount": draw.randrange(1, FREE),
    }
    do(Deposit(account=OPERATORS[0], cl_ord_id=b"D", **paid))
    for asset in (1, 2, 3):
        free, _ = rig.core.ledger.balance(OTHER, asset) or (0, 0)
        taken = draw.randrange(1, free)
        paid |= {"account": OTHER, "asset": asset, "amount": draw.choice((taken, free))}
        assert venue.operate(Withdrawal(cl_ord_id=b"w%d" % asset, **paid)) == Code.SECOND_NEEDED
        proposal = len(rig.log)
        do(Withdrawal(cl_ord_id=b"a%d" % asset, **paid | {"session": OPERATORS[0], "proposal": proposal}))
    if draw.random() < 0.5:
        do(KillSwitch(**by(key=b"K"), target=OTHER, scope=KillScope.ACCOUNT, is_on=1))
    assert (rig.core.ledger.balance(FEES, 3) or (0, 0))[0] > 0
    return placed


def same(told: Any, seen: dict[Any, int]) -> Any:
    """An answer without what counts what all have done: each such number is the place of its first appearance."""
    if isinstance(told, dict):
        rows = {}
        for name, value in told.items():
            if isinstance(value, str) and GENERATED.fullmatch(value) is not None:
                rows[name] = seen.setdefault(value, len(seen))
            elif name in COUNTED and isinstance(value, int) and value > 0:
                rows[name] = seen.setdefault((COUNTED[name], value), len(seen))
            elif name not in MOMENTS:
                rows[name] = same(value, seen)
        return rows
    if isinstance(told, list):
        return [same(each, seen) for each in told if not _is_others(each)]
    return told


def _is_others(row: Any) -> bool:
    """A row of the market in which others trade, where all markets are asked for."""
    return (
        isinstance(row, dict)
        and row.get("symbol") == "ETHUSDT"
        and "filters" not in row
        and "makerCommission" not in row
    )


def requests() -> list[tuple[str, str, dict[str, Any]]]:
    """(interface, endpoint, parameters), in an order in which each finds what it asks about."""
    found = []
    for names, interface in (({" ".join(key): route for key, route in REST.items()}, "REST"), (WS, "WS")):
        for endpoint, route in names.items():
            found += [(interface, endpoint, sent) for sent in ASKED.get(route.name, [{}])]
    return sorted(found, key=lambda each: (is_last(each), each[0]))


def is_last(request: tuple[str, str, dict[str, Any]]) -> bool:
    interface, endpoint, _ = request
    route = WS[endpoint] if interface == "WS" else REST[endpoint.split(" ")[0], endpoint.split(" ")[1]]
    return route.name in LAST


async def answers(seed: int, draw: random.Random | None) -> list[tuple[Any, ...]]:
    """Every answer to one account, in a venue where others have done nothing, or what `draw` makes them do."""
    told: list[tuple[Any, ...]] = []
    seen: dict[Any, int] = {}
    async with serving() as venue:
        venue.key_of(OURS)
        venue.key_of(MAKER)
        theirs = NONE if draw is None else change_others(venue, draw)
        await venue.order(MAKER, "SELL", "100", "5")
        await venue.order(OURS, "BUY", "100", "0.5", newClientOrderId="bought")
        chance = random.Random(seed)
        asked = requests()
        middle = [each for each in asked if not is_last(each)]
        chance.shuffle(middle)
        socket = Socket(venue)
        listen_key = json.loads((await venue.raw("POST", "/api/v3/userDataStream", account=OURS))[1])["listenKey"]
        for interface, endpoint, sent in [*middle, *[each for each in asked if is_last(each)]]:
            route = WS[endpoint] if interface == "WS" else REST[endpoint.split(" ")[0], endpoint.split(" ")[1]]
            parameters = {name: theirs if value is THEIRS else value for name, value in sent.items()}
            parameters |= {"listenKey": listen_key} if b"listenKey" in route.parameters else {}
            account = None if route.security is Security.NONE else OURS
            if interface == "WS":
                if route.security is Security.KEY:
                    account, parameters = None, parameters | {"apiKey": f"key-{OURS}"}
                answer = await socket.ask(endpoint, parameters, account)
                body, status = answer.get("result", answer.get("error")), answer["status"]
            else:
                method, path = endpoint.split(" ")
                query = (
                    venue.query(OURS, **parameters) if route.security is Security.SIGNED else venue.form(**parameters)
                )
                status, text, _ = await venue.raw(method, path, query, account)
                body = json.loads(text)
            assert status < 500, (endpoint, sent, body)
            told.append((interface, endpoint, sent, status, same(body, seen)))
        await socket.leave()
    return told


def hold(seed: int) -> None:
    """With a seed, both venues tell the account the same."""
    print(f"seed {seed}")

    async def both() -> None:
        alone, among_others = await answers(seed, None), await answers(seed, random.Random(seed))
        for here, there in zip(alone, among_others, strict=True):
            assert here == there

    run(both())


def test_answers_do_not_depend_on_other_accounts() -> None:
    hold(int(os.environ.get("LOCKSTEP_SEED") or random.randrange(2**32)))


@pytest.mark.soak
def test_answers_do_not_depend_on_other_accounts_for_long() -> None:
    for _ in range(200):
        hold(random.randrange(2**32))
