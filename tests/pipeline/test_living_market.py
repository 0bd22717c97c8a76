"""`lockstep demo` at a real venue: a market lives in every symbol, goes on when the venue was away, and leaves no order
however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockstep.cli.demo.accounts import MAKERS, NAMES, password_of
from lockstep.cli.demo.member import SWITCH_S
from tests.passwords import PASSWORD
from tests.pipeline.conftest import RunningVenue, one_for_all
from tests.pipeline.person import Person, ProblemError
from tests.pipeline.test_looking import until
from tests.pipeline.test_operating import known
from tests.ports import free_port
from tests.prepared_database import prepare

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
PATIENCE_S = 60


class Demo:
    """The command, run as a user runs it."""

    def __init__(self, venue: RunningVenue, *options: str, log: str = "demo.log") -> None:
        self.log = venue.folder / log
        with self.log.open("wb") as out:
            command = [sys.executable, "-m", "lockstep", "demo", str(venue.config), "--seed", "7", "--json", *options]
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)

    def end(self, by: int) -> int:
        self.process.send_signal(by)
        return self.process.wait(PATIENCE_S)

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    with one_for_all(tmp_path_factory) as running:
        yield running


@contextlib.contextmanager
def living(venue: RunningVenue, *options: str, log: str = "demo.log") -> Iterator[Demo]:
    demo = Demo(venue, *options, log=log)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()


def market(venue: RunningVenue, symbol: str) -> tuple[int, int, int]:
    """How many levels of bids and of asks there are, and the id of the last trade."""
    person = Person(venue.api_port or 0)
    book = person.get(f"/instruments/{symbol}/book")
    person._connection.request("GET", f"/api/v3/trades?symbol={symbol}&limit=1")
    trades = json.loads(person._connection.getresponse().read())
    return len(book["bids"]), len(book["asks"]), trades[-1]["id"] if trades else 0


def lives(venue: RunningVenue, after: dict[str, int] | None = None) -> bool:
    """Whether every symbol is quoted on both sides, several levels deep, and has traded after these trades."""
    after = after or dict.fromkeys(SYMBOLS, 0)
    try:
        found = {symbol: market(venue, symbol) for symbol in SYMBOLS}
    except (OSError, ProblemError):
        return False  # it restarts
    return all(min(bids, asks) > 5 and last > after[symbol] for symbol, (bids, asks, last) in found.items())


def open_orders(venue: RunningVenue) -> dict[str, int]:
    """How many orders each of its accounts has open."""
    operator = known(venue, "OPERATOR1")
    return {name: len(operator.get(f"/operator/accounts/{name}/orders/open")) for name in NAMES}


def test_a_stranger_with_one_of_its_names_is_given_nothing(venue: RunningVenue) -> None:
    stranger, theirs = Person(venue.api_port or 0), "a stranger's password"
    stranger.post("/auth/register", name="MAKER1", password=theirs)
    stranger.log_in("MAKER1", theirs)
    before = stranger.get("/account/balances")
    with living(venue) as demo:
        assert demo.process.wait(PATIENCE_S) == 1
        assert "MAKER1 can't log in" in demo.log.read_text()
    assert stranger.get("/account/balances") == before
    ours = password_of("MAKER1", PASSWORD)  # it is the market's from here on, as if two operators had reset it
    stranger.post("/auth/password", current=theirs, password=ours)


def test_it_lives_in_every_symbol_and_leaves_nothing(venue: RunningVenue) -> None:
    with living(venue) as demo:
        until(lambda: lives(venue), demo.log.read_text)
        assert min(open_orders(venue)[name] for name in MAKERS) > 10
        with living(venue, log="other.log") as other:
            assert other.process.wait(PATIENCE_S) == 1
            assert "another lockstep demo, which must end first" in other.log.read_text()
        assert lives(venue)
        known(venue, "OPERATOR1").put("/operator/instruments/SOLUSDT/phase", phase="halt")
        assert demo.end(signal.SIGINT) == 0, demo.log.read_text()
    assert sum(open_orders(venue).values()) == 0  # those of the instrument in halt, too
    maker = Person(venue.api_port or 0)
    maker.log_in("MAKER1", password_of("MAKER1", PASSWORD))
    assert maker.get("/orders/cancel-after") == {"due": None}
    known(venue, "OPERATOR1").put("/operator/instruments/SOLUSDT/phase", phase="continuous")
    assert [each["event"] for each in demo.said() if each["event"] != "goes on"] == ["begins", "ended"]


def test_killed_its_orders_are_cancelled_by_the_venue(venue: RunningVenue) -> None:
    """A second run, over the accounts of the first."""
    with living(venue) as demo:
        until(lambda: lives(venue), demo.log.read_text)
        assert demo.end(signal.SIGKILL) == -signal.SIGKILL
    assert sum(open_orders(venue).values()) > 30
    killed = time.monotonic()
    until(lambda: sum(open_orders(venue).values()) == 0)
    assert time.monotonic() - killed < SWITCH_S + 5


def test_it_goes_on_when_the_venue_has_been_away(venue: RunningVenue) -> None:
    with living(venue) as demo:
        for process in ("core", "gateway", "publisher", "api"):
            until(lambda: lives(venue), demo.log.read_text)
            before = {symbol: market(venue, symbol)[2] for symbol in SYMBOLS}
            os.kill(venue.pids()[process], signal.SIGKILL)
            until(lambda before=before: lives(venue, before), demo.log.read_text)  # type: ignore[misc]
        assert venue.stop() == 0
        venue.start()
        before = {symbol: market(venue, symbol)[2] for symbol in SYMBOLS}
        until(lambda: lives(venue, before), demo.log.read_text)
        assert demo.end(signal.SIGTERM) == 0, demo.log.read_text()
    assert sum(open_orders(venue).values()) == 0


def test_with_its_venue_it_starts_and_stops_as_one(tmp_path: Path) -> None:
    venue = RunningVenue(tmp_path, api_port=free_port())
    prepare(venue.data)
    with living(venue, "--run", "--symbols", "BTCUSDT,ETHUSDT") as demo:
        until(lambda: "venue ready" in demo.log.read_text(), demo.log.read_text)
        until(lambda: min(market(venue, symbol)[2] for symbol in SYMBOLS[:2]) > 0, demo.log.read_text)
        assert market(venue, "SOLUSDT") == (0, 0, 0)
        assert demo.end(signal.SIGINT) == 0, demo.log.read_text()
    assert demo.log.read_text().rstrip().endswith("stopped")
    venue.verify()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--symbols", "XYZ"), "XYZ is not listed here"),
        (("--operator", "TRADER1"), "TRADER1 can't set up the accounts"),
    ],
)
def test_it_says_why_it_can_not_join(venue: RunningVenue, options: tuple[str, ...], reason: str) -> None:
    with living(venue, *options) as demo:
        assert demo.process.wait(PATIENCE_S) == 1
        assert reason in demo.log.read_text()


def test_an_asset_of_which_the_venue_holds_too_little_is_named(venue: RunningVenue) -> None:
    operator = known(venue, "OPERATOR1")
    operator.post("/operator/assets", name="WEI", scale=18)
    terms = {"symbol": "WEIUSDT", "base": "WEI", "quote": "USDT", "tick": "0.01", "lot": "0.000001"}
    operator.post("/operator/instruments", **terms)
    paid = {"account": "TRADER1", "asset": "WEI", "amount": "1"}
    proposal = operator.post("/operator/deposits", **paid)["proposal"]  # a new asset has no limit for one operator
    known(venue, "OPERATOR2").post(f"/operator/deposits/{proposal}/approve", **paid)
    for name, side in (("TRADER1", "sell"), ("TRADER2", "buy")):  # once it has a price it is the market's, too
        trader = Person(venue.api_port or 0)
        trader.log_in(name, PASSWORD)
        trader.post("/orders", symbol="WEIUSDT", side=side, type="limit", price="3000", quantity="0.5")
    with living(venue) as demo:
        assert demo.process.wait(PATIENCE_S) == 1
        assert "leave out what trades WEI, by --symbols" in demo.log.read_text()


def test_without_a_venue_it_says_how_to_start_one(tmp_path: Path) -> None:
    with living(RunningVenue(tmp_path, api_port=free_port())) as demo:
        assert demo.process.wait(PATIENCE_S) == 1
        assert "start it by lockstep run" in demo.log.read_text()
