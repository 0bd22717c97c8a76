"""Operators at the demo venue's own API: all that their commands do, what waits for a second one, what was and what is;
and nobody else does any of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import structs

from lockstep.cli.running import attach
from lockstep.core.operations.directory import read
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import API_SESSION, CommandType, ExtDestination, WithdrawalRequest
from lockstep.procs.api import directories
from lockstep.procs.api.directories import Directories, ReadingError
from tests.passwords import CHEAP_HASH, PASSWORD
from tests.pipeline.api_client import ApiClient
from tests.pipeline.conftest import RunningVenue, one_for_all
from tests.pipeline.person import Person, ProblemError
from tests.pipeline.test_looking import until
from tests.pipeline.test_people import GOOD, balance, person, refused
from tests.pipeline.working_day import add_rest, types_in

MORE = f"""
[[accounts]]
name = "AUDITOR1"
password_hash = "{CHEAP_HASH}"
role = "auditor"
"""


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    with one_for_all(tmp_path_factory, lambda text: text + MORE) as running:
        yield running


ADDED = """
[[instruments]]
symbol = "SOLETH"
base = "SOL"
quote = "ETH"
tick = "0.0001"
lot = "0.0001"
"""
KEPT = ("accounts", "instruments", "fee-tiers", "deposit-limits", "withdrawals", "adjustments", "corrections")


def known(venue: RunningVenue, name: str, password: str = PASSWORD) -> Person:
    """Somebody whom the configuration knows, who has just proved who he is."""
    made = person(venue)
    made.log_in(name, password)
    made.prove(password)
    return made


@pytest.fixture(scope="module")
def first(venue: RunningVenue) -> Person:
    return known(venue, "OPERATOR1")


@pytest.fixture(scope="module")
def second(venue: RunningVenue) -> Person:
    return known(venue, "OPERATOR2")


@pytest.fixture(scope="module")
def admin(venue: RunningVenue) -> Person:
    return known(venue, "ADMIN1")


@pytest.fixture(scope="module")
def other(venue: RunningVenue) -> Person:
    return known(venue, "ADMIN2")


def by_two(proposer: Person, approver: Person, path: str, **body: Any) -> None:
    """Have a command carried out that takes two."""
    proposal = proposer.put(path, **body)["proposal"]
    with refused(403, "SAME_OPERATOR"):
        proposer.post(f"/operator/proposals/{proposal}/approve")
    approver.post(f"/operator/proposals/{proposal}/approve")


READS = [
    "accounts", "accounts/TRADER1", "accounts/TRADER1/balances", "accounts/TRADER1/orders/open",
    "accounts/TRADER1/keys", "registrations", "assets", "instruments", "fee-tiers", "deposits", "deposit-limits",
    "withdrawals", "adjustments", "corrections", "registration", "status?sessions=true", "at?seq=1", "password-resets",
    "proposals", "fees", "commands", "trades?symbol=BTCUSDT",
]  # fmt: skip
PAYMENT = {"account": "TRADER1", "asset": "BTC", "amount": "1"}
COMMANDS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "accounts", {"name": "made", "password": GOOD}),
    ("PUT", "accounts/TRADER1/role", {"role": "operator"}),
    ("PUT", "accounts/TRADER1/kill-switch", {"is_on": False}),
    ("PUT", "accounts/TRADER1/limits", {"max_open_orders": 1}),
    ("PUT", "accounts/TRADER1/position-limits/BTC", {"most": "1"}),
    ("DELETE", "accounts/TRADER1/keys/TRADER1-demo-key", None),
    ("POST", "registrations/TRADER1/approve", None),
    ("POST", "assets", {"name": "DOGE", "scale": 8}),
    ("POST", "instruments", {"symbol": "SOLBTC", "base": "SOL", "quote": "BTC", "tick": "0.001", "lot": "1"}),
    ("PUT", "instruments/SOLUSDT", {"maker_fee_ppm": 1}),
    ("PUT", "instruments/SOLUSDT/limits", {"max_quantity": "5"}),
    ("PUT", "instruments/SOLUSDT/schedule", {"entries": []}),
    ("PUT", "instruments/SOLUSDT/phase", {"phase": "halt"}),
    ("POST", "instruments/SOLUSDT/delist", None),
    ("PUT", "instruments/SOLUSDT/matcher", {"matcher": 1}),
    ("PUT", "fee-tiers/9", {"maker_fee_ppm": 1, "taker_fee_ppm": 1}),
    ("POST", "deposits", PAYMENT),
    ("POST", "deposits/1/approve", PAYMENT),
    ("PUT", "deposit-limits/BTC", {"amount": "1"}),
    ("POST", "withdrawals", PAYMENT),
    ("POST", "withdrawals/1/approve", None),
    ("POST", "withdrawals/1/reject", None),
    ("POST", "withdrawals/1/paid", None),
    ("POST", "adjustments", {"account": "TRADER1", "asset": "BTC", "by": "1"}),
    ("POST", "adjustments/1/approve", None),
    ("POST", "fees/pay-out", {"asset": "BTC", "amount": "1"}),
    ("POST", "proposals/1/approve", None),
    ("POST", "proposals/1/dismiss", None),
    ("POST", "orders/cancel", {}),
    ("POST", "corrections", {"symbol": "SOLUSDT", "trade": 1}),
    ("POST", "corrections/1/approve", None),
    ("PUT", "registration", {"mode": "closed"}),
    ("PUT", "registration/welcome/BTC", {"amount": "1"}),
    ("POST", "sessions/TRADER1/disconnect", {"reason": "why"}),
    ("POST", "accounts/TRADER1/password-reset", None),
    ("POST", "accounts/TRADER1/password-reset/1/approve", None),
]
OF_ADMINS = {"accounts/TRADER1/keys/TRADER1-demo-key", "deposit-limits/BTC", "registration", "registration/welcome/BTC"}
EXAMPLES = {
    "name": "TRADER1", "asset": "BTC", "key": "TRADER1-demo-key", "symbol": "SOLUSDT", "tier": "9", "proposal": "1",
    "withdrawal": "1",
}  # fmt: skip


def test_each_request_of_operators_is_refused_to_all_others(venue: RunningVenue) -> None:
    """Whoever adds one adds it here: the description has no other."""
    operations = {
        (method.upper(), path.removeprefix("/v1/operator/").format(**EXAMPLES)): operation
        for path, methods in person(venue).get("/openapi.json")["paths"].items()
        if path.startswith("/v1/operator/")
        for method, operation in methods.items()
    }
    described = operations.keys()
    needs_none = {each for each in described if not operations[each].get("requestBody", {}).get("required")}
    assert {(method, path) for method, path, body in COMMANDS if body is None} == {
        each for each in needs_none if each[0] != "GET"
    }
    reads = {("GET", path.partition("?")[0]) for path in READS}
    assert described == reads | {(method, path) for method, path, _ in COMMANDS}
    trader, auditor = known(venue, "TRADER1"), known(venue, "AUDITOR1")
    for path in READS:
        with refused(403, "NOT_ALLOWED"):
            trader.get(f"/operator/{path}")
        auditor.get(f"/operator/{path}")
    hasty = person(venue)
    hasty.log_in("OPERATOR1", PASSWORD)
    hasty_admin = person(venue)
    hasty_admin.log_in("ADMIN1", PASSWORD)
    for method, path, body in COMMANDS:
        with refused(403, "PROOF_NEEDED"):
            hasty_admin.ask(method, f"/operator/{path}", body)
        for who in (trader, auditor):
            with refused(403, "NOT_ALLOWED"):
                who.ask(method, f"/operator/{path}", body)
        with refused(403, "NOT_ALLOWED" if path in OF_ADMINS else "PROOF_NEEDED"):
            hasty.ask(method, f"/operator/{path}", body)
    with refused(403, "NOT_ALLOWED"):
        trader.get("/operator/status")
    for path in ("accounts/NOBODY", "accounts/NOBODY/balances"):  # who may not look hears not who there is
        with refused(403, "NOT_ALLOWED"):
            trader.get(f"/operator/{path}")
    looked = {
        row["action"] for row in auditor.get("/account/audit?of_all=true&limit=500") if row["account"] == "AUDITOR1"
    }
    assert looked > {"looked at balances", "looked at withdrawals", "looked at the past", "looked at status"}


def test_what_accounts_may_do_is_set_and_shown(
    venue: RunningVenue, first: Person, admin: Person, other: Person
) -> None:
    path = "/operator/accounts/limited"
    assert first.post("/operator/accounts", name="limited", password=GOOD)["role"] == "trader"
    with refused(400, "NAME_USED"):
        first.post("/operator/accounts", name="limited", password=GOOD)
    with refused(422, "INVALID"):  # a role is proposed, and takes two
        admin.post("/operator/accounts", name="chief", password=GOOD, role="admin")
    admin.post("/operator/accounts", name="chief", password=GOOD)
    with refused(403, "ROLE_NOT_ALLOWED"):
        first.put("/operator/accounts/chief/role", role="admin")
    by_two(admin, other, "/operator/accounts/chief/role", role="admin")
    assert first.get("/operator/accounts/chief")["account"]["role"] == "admin"
    before = first.get(path)
    assert (before["registered"], before["account_blocked"]) == (None, False)
    assert before["limits"]["max_open_orders"] == 100_000
    first.put("/operator/fee-tiers/7", maker_fee_ppm=5, taker_fee_ppm=25)
    assert {"tier": 7, "maker_fee_ppm": 5, "taker_fee_ppm": 25} in first.get("/operator/fee-tiers")
    first.put(f"{path}/limits", max_orders=3, window_ms=60_000, fee_tier=7, self_trade="decrement")
    first.put(f"{path}/position-limits/SOL", most="2.5")
    limits = first.get(path)["limits"]
    assert limits == before["limits"] | {
        "max_orders": 3, "window_ms": 60_000, "fee_tier": 7, "self_trade": "decrement",
        "position_limits": {"SOL": f"2.5{'0' * 8}"[:len(limits["position_limits"]["SOL"])]},
    }  # fmt: skip
    owner = person(venue)
    owner.log_in("limited", GOOD)
    first.put("/operator/accounts/chief/position-limits/SOL", most="1")
    owner.prove(GOOD)
    made = owner.post("/keys", scopes=["read"])
    assert venue.api_port is not None
    client = ApiClient(venue.api_port, "limited", (made["key"]["name"], made["secret"]))
    filters = client.send("GET", "/api/v3/myFilters", client.query(symbol="SOLUSDT"))
    assert filters["exchangeFilters"] == [{"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 100_000}]
    assert filters["symbolFilters"][-1] == {"filterType": "MAX_POSITION", "maxPosition": "2.50000000"}
    fees = client.send("GET", "/api/v3/account/commission", client.query(symbol="SOLUSDT"))["standardCommission"]
    assert (fees["maker"], fees["taker"]) == ("0.00000500", "0.00002500")
    rows = client.send("GET", "/sapi/v1/asset/tradeFee", client.query())
    assert {(row["makerCommission"], row["takerCommission"]) for row in rows} == {("0.00000500", "0.00002500")}
    first.post("/operator/deposits", account="limited", asset="USDT", amount="1000")
    with refused(400, "POSITION_LIMIT"):
        owner.post("/orders", symbol="SOLUSDT", side="buy", type="limit", price="1", quantity="3")
    first.put(f"{path}/position-limits/SOL", most="0")
    assert first.get(path)["limits"]["position_limits"] == {}
    for wrong, field in (
        ({}, None), ({"max_orders": 5, "window_ms": 0}, "max_orders"), ({"fee_tier": 200}, "fee_tier"),
        ({"max_orders": -1}, "max_orders"), ({"max_orders": 2**32}, "max_orders"), ({"self_trade": "no"}, "self_trade"),
        ({"more": 1}, "data"),
    ):  # fmt: skip
        with pytest.raises(ProblemError) as found:
            first.put(f"{path}/limits", **wrong)
        assert (found.value.status, found.value.code, found.value.field) == (422, "INVALID", field), wrong
    with refused(422, "INVALID"):
        first.put(f"{path}/position-limits/NONE", most="1")
    first.put(f"{path}/kill-switch", is_on=True, scope="session")
    assert (first.get(path)["account_blocked"], first.get(path)["session_blocked"]) == (False, True)


def test_an_admin_ends_anothers_key(venue: RunningVenue, admin: Person, first: Person) -> None:
    somebody = person(venue, "loses")
    somebody.prove(GOOD)
    key = somebody.post("/keys", scopes=["read"])["key"]
    assert first.get("/operator/accounts/loses/keys") == [key]
    with refused(404, "NOT_FOUND"):
        admin.delete(f"/operator/accounts/TRADER1/keys/{key['name']}")
    assert admin.delete(f"/operator/accounts/loses/keys/{key['name']}")["seq"] > 0
    assert somebody.get("/keys") == []


def test_who_registers_waits_for_an_operator_where_that_is_the_rule(
    venue: RunningVenue, first: Person, admin: Person, other: Person
) -> None:
    was = first.get("/operator/registration")
    assert (was["mode"], float(was["welcome"]["USDT"])) == ("open", 100_000)
    by_two(admin, other, "/operator/registration", mode="approval")
    by_two(admin, other, "/operator/registration/welcome/SOL", amount="3")
    waits = person(venue)
    assert waits.post("/auth/register", name="waits", password=GOOD)["status"] == "approval"
    waits.log_in("waits", GOOD)
    assert balance(waits, "SOL") == (3, 0)
    with refused(400, "KILL_SWITCH"):
        waits.post("/orders", symbol="SOLUSDT", side="sell", type="limit", price="900", quantity="1")
    (row,) = first.get("/operator/registrations")
    assert row["name"] == "waits"
    assert abs(row["registered"] - 1000 * time.time()) < 600_000
    first.post("/operator/registrations/waits/approve")
    with refused(404, "NOT_FOUND"):
        first.post("/operator/registrations/waits/approve")
    assert first.get("/operator/registrations") == []
    waits.post("/orders", symbol="SOLUSDT", side="sell", type="limit", price="900", quantity="1")
    waits.post("/kill-switch")
    assert first.get("/operator/registrations") == []  # was let trade before, and has stopped himself
    assert person(venue).get("/venue")["registration"] == "approval"
    admin.put("/operator/registration", mode="closed")
    with refused(400, "REGISTRATION_CLOSED"):
        person(venue).post("/auth/register", name="late", password=GOOD)
    by_two(admin, other, "/operator/registration", mode="open")
    admin.put("/operator/registration/welcome/SOL", amount="0")
    assert first.get("/operator/registration") == was


def shown(who: Person, symbol: str) -> dict[str, Any]:
    return next(row for row in who.get("/operator/instruments") if row["symbol"] == symbol)


def test_an_instrument_is_listed_changed_planned_moved_and_delisted(venue: RunningVenue, first: Person) -> None:
    first.post("/operator/assets", name="DOGE", scale=8)
    with refused(422, "INVALID"):
        first.post("/operator/assets", name="DOGE", scale=8)
    terms = {"symbol": "DOGEUSDT", "base": "DOGE", "quote": "USDT", "tick": "0.00001", "lot": "1"}
    first.post("/operator/instruments", **terms, maker_fee_ppm=100)
    with refused(400, "NAME_USED"):
        first.post("/operator/instruments", **terms)
    path = "/operator/instruments/DOGEUSDT"
    first.put(path, taker_fee_ppm=200, collar_bps=300, reference_price="0.1")
    first.put(f"{path}/limits", max_quantity="500", static_band_bps=1000, band_action="reject", day_end="21:30")
    entries: list[dict[str, Any]] = [
        {"time": "08:00", "phase": "opening_auction", "days": ["mon", "tue"]},
        {"time": "22:00:01", "phase": "closed"},
    ]
    first.put(f"{path}/schedule", entries=entries, id="plan-1")
    with refused(400, "DUPLICATE_CLIENT_ID"):
        first.put(f"{path}/schedule", entries=entries, id="plan-1")
    found = shown(first, "DOGEUSDT")
    every = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    expected = terms | {
        "maker_fee_ppm": 100, "taker_fee_ppm": 200, "collar_bps": 300, "reference_price": "0.10000",
        "max_quantity": "500", "max_value": None, "static_band_bps": 1000, "dynamic_band_bps": None,
        "band_action": "reject", "phase": "continuous", "day_end": "21:30",
        "schedule": [entries[0], entries[1] | {"days": every}],
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    first.put(f"{path}/schedule", entries=[])
    assert shown(first, "DOGEUSDT")["schedule"] == []
    maker = person(venue)
    maker.log_in("TRADER2", PASSWORD)
    maker.post("/orders", symbol="DOGEUSDT", side="buy", type="limit", price="0.10001", quantity="7")
    with refused(400, "QUANTITY_TOO_LARGE"):
        maker.post("/orders", symbol="DOGEUSDT", side="buy", type="limit", price="0.1", quantity="501")
    with refused(400, "INVALID_DEFINITION"):
        first.put(f"{path}/matcher", matcher=2)
    first.put(f"{path}/phase", phase="halt")
    other = 3 - shown(first, "DOGEUSDT")["matcher"]
    first.put(f"{path}/matcher", matcher=other)
    with refused(422, "INVALID"):
        first.put(f"{path}/matcher", matcher=other)
    assert shown(first, "DOGEUSDT")["matcher"] == other
    first.put(f"{path}/phase", phase="continuous")
    first.post(f"{path}/delist")
    assert shown(first, "DOGEUSDT")["phase"] == "delisted"
    assert maker.get("/orders/open?symbol=DOGEUSDT") == []
    with refused(400, "DELISTED"):
        first.put(f"{path}/phase", phase="continuous")


def test_what_is_wrong_with_an_instrument_is_named(first: Person) -> None:
    good = {"symbol": "NEWUSDT", "base": "SOL", "quote": "USDT", "tick": "0.01", "lot": "1"}
    for wrong, field in (
        ({"base": "NONE"}, "base"), ({"tick": "0"}, "tick"), ({"symbol": "new"}, "symbol"), ({"matcher": 7}, "matcher"),
        ({"tick": "1e3"}, "tick"), ({"collar_bps": 0}, "collar_bps"),
    ):  # fmt: skip
        with pytest.raises(ProblemError) as found:
            first.post("/operator/instruments", **(good | wrong))
        assert (found.value.status, found.value.code, found.value.field) == (422, "INVALID", field), wrong
    for path, body in (
        ("limits", {}), ("limits", {"static_band_bps": 10_001}), ("limits", {"max_quantity": "0.0000001"}),
        ("limits", {"dynamic_band_bps": 5, "band_action": "auction", "volatility_auction_ms": 0}),
        ("schedule", {"entries": [{"time": "24:00", "phase": "closed"}]}),
        ("schedule", {"entries": [{"time": "23:00", "phase": "delisted"}]}),
        ("schedule", {"entries": [{"time": "23:00", "phase": "halt"}] * 33}),
    ):  # fmt: skip
        with refused(422, "INVALID"):
            first.put(f"/operator/instruments/SOLUSDT/{path}", **body)
    with refused(400, "UNKNOWN_SYMBOL"):
        first.put("/operator/instruments/NONE/limits", max_quantity="1")


def test_a_deposit_above_the_limit_takes_a_second_operator(
    venue: RunningVenue, first: Person, second: Person, admin: Person, other: Person
) -> None:
    somebody = person(venue, "rich")
    admin.put("/operator/deposit-limits/BTC", amount="2")
    assert float(first.get("/operator/deposit-limits")["BTC"]) == 2
    asked = {"account": "rich", "asset": "BTC", "amount": "2.5"}
    proposal = first.post("/operator/deposits", **asked)["proposal"]
    (row,) = second.get("/operator/deposits")
    assert (row["proposal"], row["by"], row["account"], float(row["amount"])) == (proposal, "OPERATOR1", "rich", 2.5)
    with refused(403, "SAME_OPERATOR"):
        first.post(f"/operator/deposits/{proposal}/approve", **asked)
    with refused(400, "UNKNOWN_PROPOSAL"):
        second.post(f"/operator/deposits/{proposal}/approve", **(asked | {"amount": "2.6"}))
    second.post(f"/operator/deposits/{proposal}/approve", **asked)
    assert second.get("/operator/deposits") == []
    assert first.post("/operator/deposits", account="rich", asset="BTC", amount="2")["proposal"] is None
    assert first.post("/operator/deposits", account="rich", asset="BTC", amount="1")["proposal"]  # of one day
    assert balance(somebody, "BTC") == (4.5, 0)
    by_two(admin, other, "/operator/deposit-limits/BTC", amount="100000000")


def test_proposals_wait_together_and_are_dismissed(first: Person, second: Person) -> None:
    asked = {"account": "TRADER5", "asset": "BTC", "amount": "1"}
    proposals = [
        first.post("/operator/withdrawals", **asked)["proposal"],
        first.post("/operator/adjustments", account="TRADER5", asset="BTC", by="-1")["proposal"],
        first.post("/operator/deposits", **(asked | {"account": "OPERATOR1"}))["proposal"],
    ]
    rows = {row["proposal"]: row for row in second.get("/operator/proposals")}
    assert [rows[each]["kind"] for each in proposals] == ["withdrawal", "adjustment", "deposit"]
    assert rows[proposals[0]]["what"] == "withdraw 1.00000000 BTC from TRADER5"
    before = first.get("/operator/accounts/TRADER5/balances")
    for by, proposal in zip((first, second, second), proposals, strict=True):
        by.post(f"/operator/proposals/{proposal}/dismiss")
        with refused(400, "UNKNOWN_PROPOSAL"):
            by.post(f"/operator/proposals/{proposal}/dismiss")
    assert not {*proposals} & {row["proposal"] for row in second.get("/operator/proposals")}
    assert first.get("/operator/accounts/TRADER5/balances") == before
    again = first.post("/operator/withdrawals", **asked)["proposal"]
    second.post(f"/operator/proposals/{again}/approve")
    assert first.get("/operator/accounts/TRADER5/balances") != before
    reset = first.post("/operator/accounts/TRADER5/password-reset")["proposal"]
    second.post(f"/operator/proposals/{reset}/dismiss")
    assert reset not in {row["proposal"] for row in second.get("/operator/password-resets")}
    (given,) = (row for row in first.get("/operator/commands?kind=dismissal&by=OPERATOR2&limit=1"))
    assert (given["by"], given["outcome"], given["what"]) == (
        "OPERATOR2",
        "OK",
        f"OPERATOR2 dismisses proposal {reset}",
    )
    found = first.get("/operator/commands?kind=withdrawal")
    assert [(row["by"], row["outcome"]) for row in found[:2]] == [("OPERATOR2", "OK"), ("OPERATOR1", "SECOND_NEEDED")]
    assert found[1]["record"] == again


def test_a_trade_is_undone_and_another_gets_another_price(venue: RunningVenue, first: Person, second: Person) -> None:
    one, other = person(venue), person(venue)
    one.log_in("TRADER7", PASSWORD)
    other.log_in("TRADER8", PASSWORD)
    before = balance(one, "SOL"), balance(other, "SOL")
    for price in ("150", "151"):
        one.post("/orders", symbol="SOLUSDT", side="sell", type="limit", price=price, quantity="1")
        other.post("/orders", symbol="SOLUSDT", side="buy", type="limit", price=price, quantity="1")
    undone, dear = (fill["trade_id"] for fill in sorted(one.get("/fills?symbol=SOLUSDT"), key=lambda row: row["time"]))
    latest = "/operator/trades?symbol=SOLUSDT&limit=2"
    until(lambda: [row["trade"] for row in first.get(latest)] == [dear, undone])  # the database has them later
    assert first.get("/operator/trades?symbol=SOLUSDT&account=TRADER1") == []
    proposals = [
        first.post("/operator/corrections", symbol="SOLUSDT", trade=undone)["proposal"],
        first.post("/operator/corrections", symbol="SOLUSDT", trade=dear, price="149.5")["proposal"],
    ]
    rows = {row["proposal"]: row for row in second.get("/operator/corrections")}
    assert [(rows[each]["trade"], rows[each]["new_price"]) for each in proposals] == [(undone, None), (dear, "149.50")]
    assert (rows[proposals[0]]["seller"], rows[proposals[0]]["buyer"]) == ("TRADER7", "TRADER8")
    with refused(403, "SAME_OPERATOR"):
        first.post(f"/operator/corrections/{proposals[0]}/approve")
    for each in proposals:
        assert second.post(f"/operator/corrections/{each}/approve")["seq"] > each
        with refused(400, "UNKNOWN_PROPOSAL"):
            second.post(f"/operator/corrections/{each}/approve")
    with refused(400, "ALREADY_CORRECTED"):
        first.post("/operator/corrections", symbol="SOLUSDT", trade=undone)
    assert balance(one, "SOL")[0] == before[0][0] - 1
    assert {fill["trade_id"]: fill["price"] for fill in one.get("/fills?symbol=SOLUSDT")}[dear] == "149.50"
    with refused(422, "INVALID"):
        first.post("/operator/corrections", symbol="SOLUSDT", trade=999_999)
    with refused(422, "INVALID"):
        first.post("/operator/corrections", symbol="SOLUSDT", trade=undone, price="149.505")


def test_an_operator_looks_back_at_a_command_a_moment_and_an_order(venue: RunningVenue, first: Person) -> None:
    trader = person(venue)
    trader.log_in("TRADER4", PASSWORD)
    placed = trader.post("/orders", symbol="ETHUSDT", side="buy", type="limit", price="1234", quantity="0.5")["order"]
    then = first.get(f"/operator/at?order={placed['order_id']}&symbol=BTCUSDT&account=TRADER5")
    assert (then["command"]["type"], then["command"]["seq"]) == ("NEW_ORDER", placed["order_id"])
    assert [book["symbol"] for book in then["books"]] == ["ETHUSDT", "BTCUSDT"]
    assert then["books"][0]["bids"][0]["price"] == "1234.00"
    assert {"TRADER4", "TRADER5"} == {row["account"] for row in then["balances"]}
    assert [row["order_id"] for row in then["orders"] if row["account"] == "TRADER4"] == [placed["order_id"]]
    trader.delete("/orders")
    again = first.get(f"/operator/at?seq={placed['order_id']}")
    assert again["orders"] == [row for row in then["orders"] if row["account"] == "TRADER4"]
    now = first.get(f"/operator/at?time={int(1000 * time.time()) - 1}&account=TRADER4")
    assert now["command"]["seq"] > placed["order_id"]
    for wrong in ("", "?seq=1&order=1", "?seq=0", "?seq=x", "?seq=1&depth=1001", "?seq=99999999", "?seq=1&symbol=NONE"):
        with pytest.raises(ProblemError) as found:
            first.get(f"/operator/at{wrong}")
        assert found.value.status in (400, 422), (wrong, found.value.said)


def test_status_is_what_the_command_shows(venue: RunningVenue, first: Person) -> None:
    fix = venue.client("TRADER6")
    fix.connect()
    shown = first.get("/operator/status?sessions=true")
    by_command = venue.status()
    assert set(shown) == set(by_command)
    assert shown["running"] is True
    assert [agent["name"] for agent in shown["agents"]] == [agent["name"] for agent in by_command["agents"]]
    assert "TRADER6" in {row["session"] for row in shown["sessions"] if row["address"]}
    done = first.post("/operator/sessions/TRADER6/disconnect", reason="for a test")
    assert done["was_connected"] is True
    assert "for a test" in fix.await_message(lambda message: message[35] == "5")[58]
    with refused(409, "NOT_CONNECTED"):
        first.post("/operator/sessions/TRADER6/disconnect", reason="for a test")


def test_what_is_set_is_read_on_from_where_it_was(
    venue: RunningVenue, first: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = attach(venue.data)
    assert found is not None
    reading = Directories(found)

    async def asked() -> None:
        with monkeypatch.context() as impatient:
            impatient.setattr(directories, "PATIENCE_S", 0)
            with pytest.raises(ReadingError):
                await reading.now()
        before = await reading.now()
        assert before is await reading.now()
        assert before is await reading.recent()
        await asyncio.to_thread(first.put, "/operator/fee-tiers/99", maker_fee_ppm=3, taker_fee_ppm=4)
        after = await reading.now()
        assert 99 in after.fee_tiers
        assert 99 not in before.fee_tiers
        assert after is await reading.recent()
        monkeypatch.setattr(directories, "RECENT_S", 0)
        await asyncio.to_thread(first.put, "/operator/fee-tiers/98", maker_fee_ppm=3, taker_fee_ppm=4)
        after = await reading.recent()
        assert 98 in after.fee_tiers
        whole = vars(read(found))
        known = vars(after)
        assert {name: known[name] for name in known if name not in ("records", "position")} == {
            name: whole[name] for name in whole if name not in ("records", "position")
        }

    asyncio.run(asked())


def ask_for_withdrawals(venue: RunningVenue, destination: bytes, *amounts: int) -> None:
    """Of TRADER3, as its api would ask: that is killed, since a ring has one producer, and starts again."""
    os.kill(venue.pids()["api"], signal.SIGKILL)
    found = attach(venue.data)
    assert found is not None
    producer = found.producer("ingress.api")
    for number, amount in enumerate(amounts):
        for record in (
            ExtDestination(destination=destination),
            WithdrawalRequest(cl_ord_id=b"out-%d" % number, asset=1, amount=amount),
        ):
            said = {"account": 3, "session": API_SESSION, "time_ns": found.now_ns()}
            producer.put(pack(structs.replace(record, **said)))


def await_two(who: Person) -> list[int]:
    """The withdrawals that wait, once the api is back and the router has taken both."""
    deadline = time.monotonic() + 20
    while True:
        try:
            rows = who.get("/operator/withdrawals")
            if len(rows) == 2:
                return [row["withdrawal"] for row in rows]
        except OSError:
            pass  # it is not there yet
        assert time.monotonic() < deadline
        time.sleep(0.05)  # nothing tells a client that a port is open again


def test_two_operators_and_a_payment_end_a_withdrawal(venue: RunningVenue, first: Person) -> None:
    """The last but one here: its venue's api is killed, and with it all connections."""
    ask_for_withdrawals(venue, b"vault 7", 150_000_000, 25_000_000)
    withdrawn = await_two(first)
    second = known(venue, "OPERATOR2")
    rows = {row["withdrawal"]: row for row in first.get("/operator/withdrawals")}
    assert first.get(f"/operator/withdrawals?after={withdrawn[0]}") == [rows[withdrawn[1]]]
    assert (rows[withdrawn[0]]["account"], rows[withdrawn[0]]["destination"]) == ("TRADER3", "vault 7")
    path = f"/operator/withdrawals/{withdrawn[0]}"
    with refused(400, "WITHDRAWAL_STATE"):
        first.post(f"{path}/paid")
    first.post(f"{path}/approve")
    with refused(403, "SAME_OPERATOR"):
        first.post(f"{path}/approve")
    (row,) = (row for row in first.get("/operator/withdrawals") if row["withdrawal"] == withdrawn[0])
    assert (row["state"], row["approved_by"]) == ("approved_once", ["OPERATOR1"])
    second.post(f"{path}/approve")
    second.post(f"{path}/paid")
    first.post(f"/operator/withdrawals/{withdrawn[1]}/reject")
    assert first.get("/operator/withdrawals") == []
    with refused(400, "UNKNOWN_WITHDRAWAL"):
        first.post(f"{path}/reject")


def test_venue_starts_again_from_all_that_operators_did(venue: RunningVenue) -> None:
    """The last one here: from the journal alone, and with an instrument that the configuration adds."""
    first, second = known(venue, "OPERATOR1"), known(venue, "OPERATOR2")
    first.put("/operator/instruments/SOLUSDT/phase", phase="continuous")
    add_rest(venue, first, second, person(venue, "member"), GOOD)
    lacking = {kind.name for kind in set(CommandType) - types_in(venue.data)}
    assert not lacking, f"nothing above brings these into the log: {lacking}"
    before = {path: first.get(f"/operator/{path}") for path in KEPT}
    for added in ("", ADDED):
        venue.kill_all()
        shutil.rmtree(venue.data / "snapshots", ignore_errors=True)
        venue.config.write_text(venue.config.read_text() + added)
        venue.start()
        assert "ended with" not in venue.log.read_text()
        after = {path: known(venue, "OPERATOR1").get(f"/operator/{path}") for path in KEPT}
        assert [row for row in after["instruments"] if row["symbol"] != "SOLETH"] == before["instruments"]
        assert after | {"instruments": []} == before | {"instruments": []}
    assert shown(known(venue, "OPERATOR1"), "SOLETH")["phase"] == "continuous"
