"""What an account has, what it is worth and what became of it, at a real venue's `/v1`, held against the log."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.passwords import PASSWORD
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.person import Person, ProblemError
from tests.ports import free_port


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    """One venue for all tests, each with traders of its own; what they leave is verified at the end."""
    running = RunningVenue(tmp_path_factory.mktemp("venue"), api_port=free_port())
    running.start()
    yield running
    assert running.stop() == 0
    running.verify()


def person(venue: RunningVenue, name: str, *, proved: bool = False) -> Person:
    assert venue.api_port is not None
    made = Person(venue.api_port)
    made.log_in(name, PASSWORD)
    if proved:
        made.prove(PASSWORD)
    return made


def refused(status: int, code: str) -> Any:
    return pytest.raises(ProblemError, match=rf"^{status} .*'code': '{code}'")


def order(who: Person, symbol: str, side: str, price: str, quantity: str) -> Any:
    return who.post("/orders", symbol=symbol, side=side, type="limit", price=price, quantity=quantity)


def trade(buyer: Person, seller: Person, symbol: str, price: str, quantity: str) -> Any:
    order(seller, symbol, "sell", price, quantity)
    return order(buyer, symbol, "buy", price, quantity)


def test_a_portfolio_has_what_the_last_answer_told(venue: RunningVenue) -> None:
    one, two = person(venue, "TRADER1"), person(venue, "TRADER2")
    assert one.get("/positions") == []
    empty = one.get("/portfolio")
    assert (empty["quote"], empty["unpriced"]) == ("USDT", ["BTC", "ETH", "SOL"])
    for turn in range(1, 21):
        placed = trade(one, two, "BTCUSDT", f"{50_000 + turn}", "0.1")
        assert placed["fills"]
        (position,) = one.get("/positions?symbol=BTCUSDT")
        assert position["fills"] == turn
        assert Decimal(position["quantity"]) == sum(_received(fill) for fill in one.get("/fills?symbol=BTCUSDT"))
    sold = trade(two, one, "BTCUSDT", "51000", "0.5")["fills"][0]
    portfolio = one.get("/portfolio?quote=USDT")
    (position,) = portfolio["positions"]
    quantity, cost, realised = (Decimal(position[name]) for name in ("quantity", "cost", "realised"))
    assert quantity == sum(_received(fill) for fill in one.get("/fills?symbol=BTCUSDT"))
    paid = sum(_paid(fill) for fill in one.get("/fills?symbol=BTCUSDT"))
    assert cost - realised == paid
    assert realised > 0
    last = position["price"]
    assert (last["price"], last["trade_id"]) == ("51000.00000000", sold["trade_id"])
    assert abs(Decimal(position["value"]) - quantity * 51_000) < Decimal("0.00000001")
    assert Decimal(position["unrealised"]) == Decimal(position["value"]) - cost
    assert portfolio["profits"] == [
        {"quote": "USDT", "realised": position["realised"], "unrealised": position["unrealised"]}
    ]
    held = {row["asset"]: row for row in portfolio["balances"]}
    assert [
        {name: row[name] for name in ("asset", "free", "held", "total")} for row in portfolio["balances"]
    ] == one.get("/account/balances")
    assert (held["USDT"]["value"], held["USDT"]["price"]) == (held["USDT"]["total"], None)
    assert held["BTC"]["price"] == last
    assert portfolio["unpriced"] == ["ETH", "SOL"]
    assert Decimal(portfolio["value"]) == Decimal(held["BTC"]["value"]) + Decimal(held["USDT"]["value"])
    in_btc = one.get("/portfolio?quote=BTC")
    usdt = next(row for row in in_btc["balances"] if row["asset"] == "USDT")
    assert 0 <= Decimal(usdt["total"]) / 51_000 - Decimal(usdt["value"]) < Decimal("0.00000001")
    with refused(422, "INVALID"):
        one.get("/portfolio?quote=NONE")
    with refused(400, "UNKNOWN_SYMBOL"):
        one.get("/positions?symbol=NONE")


def _received(fill: dict[str, Any]) -> Decimal:
    bought = Decimal(fill["quantity"]) - Decimal(fill["fee"])
    return bought if fill["side"] == "buy" else -Decimal(fill["quantity"])


def _paid(fill: dict[str, Any]) -> Decimal:
    value = Decimal(fill["value"])
    return value if fill["side"] == "buy" else Decimal(fill["fee"]) - value
