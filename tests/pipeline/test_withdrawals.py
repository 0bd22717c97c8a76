"""A real venue pays out: the api asks, two operators decide by the command line, and PostgreSQL has every step."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lockstep import config
from lockstep.cli.running import attach
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    API_SESSION,
    Code,
    ExtDestination,
    WithdrawalDecision,
    WithdrawalRequest,
    WithdrawalStep,
)
from lockstep.core.venue import database_url
from tests.cli.operate.commands import BY, OTHER, REFUSED, operate
from tests.pipeline.conftest import RunningVenue, one_for_all

RING = "ingress.api"
WHERE = b"DE89 3704 0044 0532 0130 00"
UNITS = 10**8
TRADER = 1  # the demo's first account


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_OPERATOR_PASSWORD", "demo")


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    def limited(text: str) -> str:
        return text.replace('deposit_limit = "100000000"', 'deposit_limit = "5"', 1)

    with one_for_all(tmp_path_factory, limited) as running:
        yield running


def by_api(venue: RunningVenue, *records: Any) -> None:
    """As the api sends it, which has no client in this venue and writes nothing itself."""
    found = attach(venue.data)
    assert found is not None
    producer = found.producer(RING)
    for record in records:
        producer.put(pack(type(record)(**({name: getattr(record, name) for name in record.__struct_fields__} | {
            "account": TRADER, "session": API_SESSION, "time_ns": found.now_ns()
        }))))  # fmt: skip


def request(venue: RunningVenue, id: bytes, units: int, asset: int = 1) -> dict[str, Any]:
    """The new withdrawal, as operators see it."""
    known = {each["withdrawal"] for each in waiting(venue)}
    by_api(venue, ExtDestination(destination=WHERE), WithdrawalRequest(cl_ord_id=id, asset=asset, amount=units))
    (made,) = until(lambda: [each for each in waiting(venue) if each["withdrawal"] not in known])
    assert isinstance(made, dict)
    return made


def waiting(venue: RunningVenue) -> list[dict[str, Any]]:
    return json.loads(venue.command("withdrawals", "--json").stdout)  # type: ignore[no-any-return]


def until(look: Any) -> Any:
    deadline = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.1)  # only asking again tells
    return found


def rows(venue: RunningVenue, query: str, *values: Any) -> list[tuple[Any, ...]]:
    loaded = config.load(venue.config)
    with (
        contextlib.suppress(psycopg.OperationalError),
        psycopg.connect(database_url.of(loaded, Path(loaded.venue.data))) as connection,
    ):
        return connection.execute(query, values).fetchall()  # type: ignore[arg-type,unused-ignore]
    return []


def balance(venue: RunningVenue, asset: str = "BTC") -> tuple[Decimal, Decimal]:
    query = "SELECT free, held FROM balances WHERE user_id = %s AND asset = %s"
    return until(lambda: venue.status()["database_lag"] == 0 and rows(venue, query, TRADER, asset))[0]  # type: ignore[no-any-return]


def test_a_withdrawal_is_requested_approved_by_two_and_paid(venue: RunningVenue) -> None:
    """LOG-32."""
    free, held = balance(venue)
    made = request(venue, b"out-1", 2 * UNITS)
    number = str(made["withdrawal"])
    assert (made["account"], made["amount"], made["asset"]) == ("TRADER1", "2.00000000", "BTC")
    assert (made["destination"], made["state"], made["approved_by"]) == (WHERE.decode(), "REQUESTED", [])
    assert balance(venue) == (free - 2, held + 2)
    assert operate(venue, "withdrawal", "paid", number, code=REFUSED)["code"] == "WITHDRAWAL_STATE"
    told = operate(venue, "withdrawal", "approve", number, "--key", "yes-1")
    assert (told["details"]["state"], "another operator approves it" in told["says"]) == ("APPROVED_ONCE", True)
    assert "done before" in operate(venue, "withdrawal", "approve", number, "--key", "yes-1")["says"]
    assert operate(venue, "withdrawal", "approve", number, code=REFUSED)["code"] == "SAME_OPERATOR"
    assert operate(venue, "withdrawal", "approve", number, by=OTHER)["details"]["state"] == "APPROVED"
    assert [each["approved_by"] for each in waiting(venue)] == [["OPERATOR1", "OPERATOR2"]]
    assert operate(venue, "withdrawal", "paid", number, by=OTHER)["details"]["state"] == "PAID"
    assert waiting(venue) == []
    assert balance(venue) == (free - 2, held)
    query = "SELECT user_id, state, amount, destination, first_approved < second_approved, second_approved < ended"
    assert rows(venue, f"{query} FROM withdrawals WHERE withdrawal = %s", int(number)) == [
        (TRADER, "PAID", Decimal(2), WHERE.decode(), True, True)
    ]


def test_what_waits_outlives_a_restart_and_is_given_back(venue: RunningVenue) -> None:
    free, held = balance(venue, "ETH")
    rejected = str(request(venue, b"out-2", 3 * UNITS, asset=2)["withdrawal"])
    cancelled = request(venue, b"out-3", 4 * UNITS, asset=2)["withdrawal"]
    operate(venue, "withdrawal", "approve", rejected)
    assert venue.stop() == 0
    venue.start()
    assert [each["state"] for each in waiting(venue)] == ["APPROVED_ONCE", "REQUESTED"]
    assert balance(venue, "ETH") == (free - 7, held + 7)
    operate(venue, "withdrawal", "reject", rejected, by=OTHER)
    by_api(venue, WithdrawalDecision(cl_ord_id=b"no-3", step=WithdrawalStep.CANCEL, withdrawal=cancelled))
    until(lambda: waiting(venue) == [])
    assert balance(venue, "ETH") == (free, held)
    states = rows(venue, "SELECT state FROM withdrawals WHERE asset = 'ETH' ORDER BY withdrawal")
    assert states == [("REJECTED",), ("CANCELLED",)]


def test_a_deposit_above_the_limit_takes_two_operators(venue: RunningVenue) -> None:
    free, held = balance(venue)
    told = operate(venue, "deposit", "TRADER1", "BTC", "5")
    assert told["details"]["free"] == f"{free + 5:.8f}"
    told = operate(venue, "deposit", "TRADER1", "BTC", "5.1")
    proposal = str(told["details"]["proposal"])
    assert f"--approves {proposal}" in told["says"]
    shown = json.loads(venue.command("deposits", "--json").stdout)
    assert shown == [{"proposal": int(proposal), "by": "OPERATOR1", "deposit": "5.10000000 BTC for TRADER1"}]
    approval = ("deposit", "TRADER1", "BTC", "5.1", "--approves", proposal)
    assert operate(venue, *approval, code=REFUSED)["code"] == Code.SAME_OPERATOR.name
    other = ("deposit", "TRADER1", "BTC", "5.2", "--approves", proposal)
    assert operate(venue, *other, by=OTHER, code=REFUSED)["code"] == Code.UNKNOWN_PROPOSAL.name
    assert operate(venue, *approval, by=OTHER)["details"]["free"] == f"{free + Decimal('10.1'):.8f}"
    assert json.loads(venue.command("deposits", "--json").stdout) == []
    assert balance(venue) == (free + Decimal("10.1"), held)
    found = rows(venue, "SELECT proposed_by, approved_by FROM proposals WHERE request = 'DEPOSIT_PROPOSAL'")
    assert len(found) == 1
    assert found[0][0] != found[0][1] is not None
    assert operate(venue, "deposit-limit", "BTC", "0", code=REFUSED, by=BY)["code"] == Code.ROLE_NOT_ALLOWED.name
