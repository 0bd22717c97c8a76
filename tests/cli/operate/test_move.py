"""An instrument moves from one matcher's process to another's."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.operate.commands import operate, phases
from tests.pipeline.conftest import RunningVenue


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_OPERATOR_PASSWORD", "demo")


def test_an_instrument_moves_between_processes(tmp_path: Path) -> None:
    venue = RunningVenue(tmp_path, profile="spread", durability="none")
    venue.start()
    try:
        maker, taker = venue.client("TRADER1"), venue.client("TRADER2")
        maker.connect()
        taker.connect()
        for number in range(100):
            maker.order(f"p{number}", "sell", f"{150 + number % 10}", "0.01", "SOLUSDT")
        maker.await_report("p99", "0")
        operate(venue, "halt", "SOLUSDT")
        operate(venue, "move", "SOLUSDT", "1")
        operate(venue, "resume", "SOLUSDT")
        taker.order("q1", "buy", "152", "0.3", "SOLUSDT")
        filled = [taker.await_report("q1", "F")[31] for _ in range(30)]
        assert [Decimal(price) for price in filled] == [Decimal(150)] * 10 + [Decimal(151)] * 10 + [Decimal(152)] * 10
        assert operate(venue, "cancel", "--symbol", "SOLUSDT")["details"] == {"cancelled": 70}
        assert phases(venue)["SOLUSDT"] == "CONTINUOUS"
        venue.verify()
    finally:
        venue.stop()
