"""What an account has, what it is worth and what became of it, at a real venue's `/v1`, held against the log."""

from __future__ import annotations

import csv
import http.client
import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.cli.operate.commands import BY, OTHER, operate
from tests.passwords import PASSWORD
from tests.pipeline.conftest import RunningVenue, one_for_all
from tests.pipeline.person import Person, ProblemError
from tests.pipeline.test_looking import until


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_OPERATOR_PASSWORD", PASSWORD)


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    with one_for_all(tmp_path_factory) as running:
        yield running


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


SUMS = ("deposits", "adjustments", "corrections", "bought")
LESS = ("withdrawals", "sold", "fees")


def now_ms(who: Person) -> int:
    """A moment between what was done before and what is done next: statements' times are whole milliseconds."""
    time.sleep(0.002)  # so that one lies on each side
    found = who.get("/venue")["time"]
    time.sleep(0.002)  # likewise
    return int(found)


def replayed(venue: RunningVenue, account: str, before_ms: int) -> dict[str, Decimal]:
    """What an account had then, as a replay of the journal has it."""
    moment = datetime.fromtimestamp((before_ms - 1) / 1000, UTC).isoformat().replace("+00:00", "Z")
    shown = json.loads(venue.command("at", moment, "--account", account, "--json").stdout)
    rows = [row for row in shown["balances"] if row["account"] == account]
    return {row["asset"]: Decimal(row["free"]) + Decimal(row["held"]) for row in rows}


def test_statements_are_the_ledgers_at_their_ends(venue: RunningVenue) -> None:
    one, two = person(venue, "TRADER3", proved=True), person(venue, "TRADER4")
    marks = [now_ms(one)]
    for turn in range(5):
        trade(one, two, "ETHUSDT", f"{2000 + turn}", "0.3")
        trade(two, one, "BTCUSDT", "50000.01", "0.0777")
        trade(one, one, "ETHUSDT", "1999", "0.01")
    marks.append(now_ms(one))
    operate(venue, "deposit", "TRADER3", "BTC", "1.5")
    told = operate(venue, "adjust", "propose", "TRADER3", "ETH", "-0.25")
    operate(venue, "adjust", "approve", str(told["details"]["proposal"]), by=OTHER)
    asked = one.post("/withdrawals", asset="USDT", amount="12.5", destination="the bank", id="=out")
    for by in (BY, OTHER):
        operate(venue, "withdrawal", "approve", str(asked["number"]), by=by)
    operate(venue, "withdrawal", "paid", str(asked["number"]))
    fills = one.get("/fills?symbol=ETHUSDT")
    for kind, fill, price in (("bust", fills[0], ()), ("correct", fills[-1], ("--price", "1998"))):
        proposal = operate(venue, kind, "propose", "ETHUSDT", str(fill["trade_id"]), *price)["details"]["proposal"]
        operate(venue, kind, "approve", str(proposal), by=OTHER)
    one.post("/orders", symbol="ETHUSDT", side="buy", type="limit", price="1", quantity="1")
    marks.append(now_ms(one))
    for who, name in ((one, "TRADER3"), (two, "TRADER4")):
        balances = {row["asset"]: Decimal(row["total"]) for row in who.get("/account/balances")}
        whole = statement(who, 0)
        assert {asset: row["closing"] for asset, row in whole.items()} == balances
        for begin, end in ((0, 1), (1, 2), (0, 2)):
            made = statement(who, marks[begin], marks[end])
            opening, closing = (replayed(venue, name, marks[each]) for each in (begin, end))
            assert {asset: row["opening"] for asset, row in made.items()} == opening
            assert {asset: row["closing"] for asset, row in made.items()} == closing
    made = statement(one, marks[1], marks[2])
    assert (made["BTC"]["deposits"], made["ETH"]["adjustments"]) == (Decimal("1.5"), Decimal("-0.25"))
    assert (made["USDT"]["withdrawals"], made["USDT"]["bought"]) == (Decimal("12.5"), Decimal(0))
    assert made["ETH"]["corrections"] < 0 < made["USDT"]["corrections"]


def statement(who: Person, since: int, until: int | None = None) -> dict[str, dict[str, Decimal]]:
    """One that adds up, and is what its lines and its CSV are."""
    span = f"from={since}" + (f"&to={until}" if until else "")
    made = who.get(f"/statements?{span}")
    found = {}
    for row in made["assets"]:
        asset = row.pop("asset")
        sums = found[asset] = {name: Decimal(amount) for name, amount in row.items()}
        assert sums["opening"] + sum(sums[name] for name in SUMS) - sum(sums[name] for name in LESS) == sums["closing"]
    lines: list[dict[str, Any]] = []
    after = ""
    while True:
        page = who.get(f"/statements/lines?{span}&limit=3{after}")
        lines += page["lines"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    for asset, sums in found.items():
        moved = sum(Decimal(line["amount"]) - Decimal(line["fee"]) for line in lines if line["asset"] == asset)
        assert moved == sums["closing"] - sums["opening"]
    assert [line["seq"] for line in lines] == sorted(line["seq"] for line in lines)
    table = downloaded(who, f"/statements.csv?{span}")
    assert {row["asset"]: row["closing"] for row in table} == {
        row: f"{sums['closing']:.8f}" for row, sums in found.items()
    }
    listed = downloaded(who, f"/statements/lines.csv?{span}")
    assert [row["amount"] for row in listed] == [line["amount"] for line in lines]
    for row, line in zip(listed, lines, strict=True):
        assert row["reference"] == {None: "", "=out": "'=out"}.get(line["reference"], line["reference"])
    return found


def downloaded(who: Person, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw(who, path).decode())))


def raw(who: Person, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", who.port, timeout=30)
    connection.request("GET", f"/v1{path}", headers={"Authorization": f"Bearer {who.token}"} if who.token else {})
    answer = connection.getresponse()
    found = answer.read()
    connection.close()
    assert (answer.status, answer.getheader("content-type")) == (200, "text/csv; charset=utf-8"), found
    return found


def test_trades_and_candles_are_downloaded_by_anybody(venue: RunningVenue) -> None:
    one, two = person(venue, "TRADER5"), person(venue, "TRADER6")
    made = [trade(one, two, "SOLUSDT", f"{100 + turn}", "2")["fills"][0] for turn in range(5)]
    one.get("/statements?from=0")  # so the database has them
    nobody = Person(one.port)
    rows = downloaded(nobody, "/instruments/SOLUSDT/trades.csv")
    assert [(int(row["trade_id"]), Decimal(row["price"])) for row in rows] == [
        (fill["trade_id"], Decimal(fill["price"])) for fill in made
    ]
    span = f"from={made[1]['time']}&to={made[3]['time'] + 1}"
    times = [datetime.fromisoformat(row["time"]).timestamp() * 1000 for row in rows]
    some = downloaded(nobody, f"/instruments/SOLUSDT/trades.csv?{span}")
    assert len(some) == sum(made[1]["time"] <= int(each) <= made[3]["time"] for each in times)
    candles = downloaded(nobody, "/instruments/SOLUSDT/candles.csv?interval=1s")
    assert sum(Decimal(row["volume"]) for row in candles) == 10
    assert (candles[0]["open"], candles[-1]["close"]) == ("100.00", "104.00")
    for interval in ("1s", "1w", "1M"):
        for far in ("to=253402300799999", "from=253402300799998&to=253402300799999", "from=253402300799999"):
            for row in downloaded(nobody, f"/instruments/SOLUSDT/candles.csv?interval={interval}&{far}"):
                assert Decimal(row["volume"]) <= 10
    for path, status, code in (
        ("NONE/trades.csv", 404, "NOT_FOUND"),
        ("SOLUSDT/candles.csv?interval=2m", 422, "INVALID"),
        ("SOLUSDT/trades.csv?from=5&to=5", 422, "INVALID"),
        ("SOLUSDT/trades.csv?from=x", 422, "INVALID"),
        ("SOLUSDT/trades.csv?from=9999999999999999", 422, "INVALID"),
    ):
        with refused(status, code):
            nobody.get(f"/instruments/{path}")


def test_what_a_portfolio_was_worth_is_told_for_ends_of_minutes(venue: RunningVenue) -> None:
    """What it had then is its statement's; each asset's price is that of the last trade before."""
    one, two = person(venue, "TRADER5"), person(venue, "TRADER6")
    for symbol, price in (("BTCUSDT", "50000"), ("ETHUSDT", "2000"), ("SOLUSDT", "104")):
        trade(one, two, symbol, price, "0.1")
    now = one.get("/venue")["time"]
    minute = now // 60_000 * 60_000
    told = one.get(f"/portfolio/history?from={minute - 120_000}&interval=1m&quote=USDT")
    assert (told["quote"], told["interval"]) == ("USDT", "1m")
    assert [each["time"] for each in told["values"][:3]] == [minute - 120_000, minute - 60_000, minute]
    for each in told["values"]:
        then = one.get(f"/statements?from=0&to={each['time']}")["assets"]
        had = {row["asset"]: Decimal(row["closing"]) for row in then if Decimal(row["closing"])}
        prices = {"USDT": Decimal(1)}
        for asset in had.keys() - prices.keys():
            before = downloaded(one, f"/instruments/{asset}USDT/trades.csv?from=0&to={each['time']}")
            if before:
                prices[asset] = Decimal(before[-1]["price"])
        assert each["unpriced"] == sorted(had.keys() - prices.keys())
        if each["unpriced"]:
            assert each["value"] is None
        else:
            assert Decimal(each["value"]) == sum(prices[asset] * total for asset, total in had.items())
    days = one.get(f"/portfolio/history?from={now - 86_400_000 * 399}")["values"]
    assert len(days) == 399
    assert (days[0]["value"], days[0]["unpriced"]) == ("0.00000000", [])  # it had nothing
    assert one.get(f"/portfolio/history?from={now + 60_000}&to={now + 120_000}")["values"] == []
    for wrong in ("?from=0", f"?from={now}&interval=2h", f"?from={now}&quote=NONE", "?from=-1", ""):
        with refused(422, "INVALID"):
            one.get(f"/portfolio/history{wrong}")
    with refused(401, "NOT_AUTHENTICATED"):
        Person(one.port).get("/portfolio/history?from=0")


WRONG_SPANS = ("", "?from=-1", "?from=2&to=1", "?from=x")


def test_what_is_no_span_or_page_is_said(venue: RunningVenue) -> None:
    one = person(venue, "TRADER5")
    for wrong in WRONG_SPANS:
        with refused(422, "INVALID"):
            one.get(f"/statements{wrong}")
    for wrong in ("0.0.0", "x", "1.1.1.2", f"1.{10**19}.1.1", "9" * 80):
        with refused(422, "INVALID"):
            one.get(f"/statements/lines?from=0&after={wrong}")
    with refused(401, "NOT_AUTHENTICATED"):
        Person(one.port).get("/statements?from=0")


def test_an_owner_asks_for_a_withdrawal_and_cancels_it(venue: RunningVenue) -> None:
    """LOG-32."""
    owner, other = person(venue, "TRADER7"), person(venue, "TRADER8")
    wanted: dict[str, Any] = {"asset": "BTC", "amount": "2.5", "destination": r"bc1q\x41 of \ me", "id": "w1"}
    with refused(403, "PROOF_NEEDED"):
        owner.post("/withdrawals", **wanted)
    owner.prove(PASSWORD)
    before = {row["asset"]: row for row in owner.get("/account/balances")}["BTC"]
    made = owner.post("/withdrawals", **wanted)
    assert (made["state"], made["amount"], made["destination"]) == ("requested", "2.50000000", wanted["destination"])
    assert owner.get("/withdrawals") == [made]
    after = {row["asset"]: row for row in owner.get("/account/balances")}["BTC"]
    assert Decimal(after["held"]) - Decimal(before["held"]) == Decimal("2.5")
    assert after["total"] == before["total"]
    with refused(400, "DUPLICATE_CLIENT_ID"):
        owner.post("/withdrawals", **wanted)
    for name, value, status in (
        ("amount", "0", 400), ("amount", "1e9", 422), ("amount", "0.000000001", 422), ("amount", "9" * 19, 400),
        ("asset", "NONE", 422), ("destination", "", 422), ("destination", "x" * 73, 422), ("destination", "a\nb", 422),
        ("id", " ", 422), ("more", "1", 422),
    ):  # fmt: skip
        with pytest.raises(ProblemError, match=f"^{status} "):
            owner.post("/withdrawals", **(wanted | {"id": "w2"} | {name: value}))
    with refused(400, "UNKNOWN_WITHDRAWAL"):
        other.delete(f"/withdrawals/{made['number']}")
    assert other.get("/withdrawals") == []
    operate(venue, "withdrawal", "approve", str(made["number"]))
    until(lambda: owner.get("/withdrawals")[0]["state"] != "requested")  # the api was not who gave the command
    (seen,) = owner.get("/withdrawals")
    assert (seen["state"], seen["first_approved"] >= seen["requested"]) == ("approved_once", True)
    cancelled = owner.delete(f"/withdrawals/{made['number']}")
    assert (cancelled["state"], cancelled["ended"] >= cancelled["first_approved"]) == ("cancelled", True)
    assert {row["asset"]: row for row in owner.get("/account/balances")}["BTC"] == before
    second = owner.post("/withdrawals", **(wanted | {"id": "w3", "amount": "0.1"}))
    assert [each["number"] for each in owner.get("/withdrawals")] == [second["number"], made["number"]]
    assert [each["number"] for each in owner.get(f"/withdrawals?before={second['number']}")] == [made["number"]]
    with refused(400, "UNKNOWN_WITHDRAWAL"):
        owner.delete(f"/withdrawals/{made['number']}")


def test_a_profile_is_ones_own_and_bounded(venue: RunningVenue) -> None:
    one, two = person(venue, "TRADER7"), person(venue, "TRADER8")
    empty = dict.fromkeys(("display_name", "email", "language", "time_zone", "theme"), "")
    assert one.get("/account/profile") == empty
    said = {
        "display_name": "Zoë Müller 李", "email": "zoe+venue@example.org", "language": "pt-BR",
        "time_zone": "America/Argentina/Buenos_Aires", "theme": "dark",
    }  # fmt: skip
    assert one.put("/account/profile", **said) == said
    assert one.get("/account/profile") == said
    assert two.get("/account/profile") == empty
    for name, wrong in (
        ("display_name", "a\u0000b"), ("display_name", "a\u009fb"), ("display_name", "x" * 101), ("email", "nobody"),
        ("email", "a@b@c"), ("language", "deutsch!"), ("time_zone", "../etc/passwd"), ("theme", "loud"), ("more", "x"),
    ):  # fmt: skip
        with refused(422, "INVALID"):
            one.put("/account/profile", **(said | {name: wrong}))
    assert one.put("/account/profile", theme="light") == empty | {"theme": "light"}
    assert one.get("/account/profile") == empty | {"theme": "light"}
