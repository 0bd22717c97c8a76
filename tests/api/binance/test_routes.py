"""The table of routes: who may ask for what, what it weighs; and the pages that list it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from lockstep.procs.api.binance.account import Account
from lockstep.procs.api.binance.account_terms import AccountTerms
from lockstep.procs.api.binance.listen_keys import ListenKeys
from lockstep.procs.api.binance.lists import Lists
from lockstep.procs.api.binance.market import Market
from lockstep.procs.api.binance.order_history import OrderHistory
from lockstep.procs.api.binance.parameters import of_request
from lockstep.procs.api.binance.routes import REST, ROUTES, WS, Scope, Security, weight_of
from lockstep.procs.api.binance.trading import Trading
from lockstep.procs.api.binance.ws_api import Connection

DOCS = Path(__file__).parents[3] / "docs" / "protocols"


def test_whatever_can_be_asked_is_answered() -> None:
    rooms = (Account, AccountTerms, ListenKeys, Lists, Market, OrderHistory, Trading)
    unanswered = {name for name in ROUTES if not any(hasattr(room, name) for room in rooms)}
    assert {name for name in unanswered if not hasattr(Connection, f"_{name}")} == set()


def test_what_changes_something_needs_a_key_that_trades() -> None:
    for (method, path), route in REST.items():
        if method != "GET" and not path.endswith("userDataStream"):
            assert (route.security, route.scope) == (Security.SIGNED, Scope.TRADE), (method, path)
    for method, route in WS.items():
        if method.startswith(("order.place", "order.cancel", "order.amend.", "orderList.place", "orderList.cancel")):
            assert (route.security, route.scope) == (Security.SIGNED, Scope.TRADE), method


def test_all_that_is_an_accounts_own_is_signed() -> None:
    for name in ("account", "open_orders", "all_orders", "my_trades", "order_status", "commission", "trade_fee",
                 "currencies", "key_restrictions", "order_limits", "my_prevented_matches", "amendments",
                 "user_subscribe_signed"):  # fmt: skip
        assert (ROUTES[name].security, ROUTES[name].scope) == (Security.SIGNED, Scope.READ)


def test_signed_routes_read_what_signs_them_and_no_key_from_a_payload() -> None:
    for route in REST.values():
        assert (route.security is Security.SIGNED) == (b"timestamp" in route.parameters)
        assert b"apiKey" not in route.parameters
        assert b"signature" not in route.parameters
    for route in WS.values():
        assert b"apiKey" in route.parameters


def test_orders_are_counted_where_they_are_new() -> None:
    assert {name: route.orders for name, route in ROUTES.items() if route.orders} == {
        "order_place": 1, "cancel_replace": 1, "oco_place": 2, "old_oco_place": 2, "oto_place": 2
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "query", "weight"),
    [
        ("ping", "", 1),
        ("depth", "symbol=A", 5),
        ("depth", "symbol=A&limit=100", 5),
        ("depth", "symbol=A&limit=101", 25),
        ("depth", "symbol=A&limit=1000", 50),
        ("depth", "symbol=A&limit=5000", 250),
        ("ticker_24hr", "symbol=A", 2),
        ("ticker_24hr", "", 80),
        ("ticker_24hr", "symbols=" + quote(str(["A"] * 21).replace("'", '"')), 40),
        ("ticker_price", "symbol=A", 2),
        ("ticker_price", "", 4),
        ("ticker", "symbols=" + quote('["A","B"]'), 8),
        ("ticker", "symbols=" + quote(str(["A"] * 90).replace("'", '"')), 200),
        ("open_orders", "symbol=A", 6),
        ("open_orders", "", 80),
        ("my_trades", "symbol=A", 20),
        ("my_trades", "symbol=A&orderId=1", 5),
        ("order_test", "symbol=A", 1),
        ("order_test", "symbol=A&computeCommissionRates=true", 20),
    ],
)
def test_weights_are_binances(name: str, query: str, weight: int) -> None:
    assert weight_of(ROUTES[name], of_request(query.encode(), b"")) == weight


def test_the_pages_list_every_endpoint_and_method() -> None:
    rest, ws_api = ((DOCS / name).read_text() for name in ("rest.md", "ws-api.md"))
    for method, path in REST:
        rows = [line for line in rest.splitlines() if f"`{path}`" in line and line.startswith("| ")]
        assert rows, path
        assert any(method in row.split(f"`{path}`")[0] for row in rows), (method, path)
    for name in WS:
        assert f"`{name}`" in ws_api, name
