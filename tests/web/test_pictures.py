"""The demo as a newcomer has it: a market that moves, an order that trades, the venue at work. It takes pictures of it.

They land in the test's folder, or in the folder that PICTURES names, after its market has lived for two minutes: `make
pictures` keeps those of docs/ so.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.passwords import PASSWORD
from tests.pipeline.conftest import RunningVenue
from tests.web.test_trade import log_in, order

FOLDER = os.environ.get("PICTURES")
LIVED_MS = 120_000 if FOLDER else 0
SEED = "20"
LEAST_BYTES = 20_000  # a page of one colour is compressed to less
PHONE: ViewportSize = {"width": 390, "height": 844}
STOP_S = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(FOLDER).resolve() if FOLDER else tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def living(venue: RunningVenue) -> Iterator[RunningVenue]:
    """The venue, and a population that trades there."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "lockstep", "demo", str(venue.config), "--seed", SEED],
        env=os.environ | {"LOCKSTEP_OPERATOR_PASSWORD": PASSWORD},
    )
    yield venue
    demo.send_signal(signal.SIGINT)
    assert demo.wait(STOP_S) == 0


def picture(page: Page, folder: Path, name: str) -> None:
    path = folder / f"{name}.png"
    page.screenshot(path=path)
    assert path.stat().st_size > LEAST_BYTES, f"{path} shows nothing"


def theme(page: Page, name: str) -> None:
    page.get_by_label("Colours").select_option(name)


def moves(page: Page) -> None:
    """The market moves before one's eyes."""
    expect(page.get_by_test_id("status")).to_contain_text("live")
    expect(page.get_by_test_id("ladder-bid-0").get_by_role("button")).to_be_visible()
    expect(page.get_by_test_id("ladder-ask-0").get_by_role("button")).to_be_visible()
    last = page.get_by_test_id("last-price")
    for _ in range(2):
        expect(last).not_to_have_text(last.inner_text())


@pytest.mark.usefixtures("living")
def test_a_newcomer_sees_a_market_that_lives(page: Page, folder: Path) -> None:
    for symbol in ("ETHUSDT", "SOLUSDT", "BTCUSDT"):
        page.goto(f"/trade/{symbol}")
        moves(page)
    page.get_by_role("button", name="Leave the tour").click()
    page.wait_for_timeout(LIVED_MS)  # only for docs/: charts fill as time passes
    theme(page, "light")
    picture(page, folder, "market-light")
    theme(page, "dark")
    page.set_viewport_size(PHONE)
    moves(page)
    picture(page, folder, "market-phone")


@pytest.mark.usefixtures("living")
def test_a_trader_rests_trades_and_has_a_portfolio(page: Page, folder: Path) -> None:
    log_in(page, "TRADER1")
    moves(page)
    page.get_by_role("button", name="Leave the tour").click()
    order(page, "buy", "40000", "0.5")
    expect(page.get_by_test_id("open-orders").locator("tbody tr")).to_have_count(1)
    page.get_by_test_id("ticket-type").select_option("MARKET")
    page.get_by_test_id("ticket-quantity").fill("0.01")
    page.get_by_test_id("ticket-submit").click()
    expect(page.get_by_test_id("ticket-message")).to_contain_text("filled")
    theme(page, "dark")
    picture(page, folder, "trade")
    page.get_by_role("link", name="Portfolio").click()
    expect(page.get_by_test_id("positions")).to_contain_text("BTCUSDT")
    picture(page, folder, "portfolio")


@pytest.mark.usefixtures("living")
def test_an_operator_sees_the_venue_at_work(page: Page, folder: Path) -> None:
    log_in(page, "OPERATOR1")
    page.get_by_role("link", name="Operate").click()
    expect(page.get_by_test_id("instrument-BTCUSDT").get_by_test_id("phase")).to_have_text("continuous")
    page.get_by_test_id("section-status").click()
    expect(page.get_by_role("region", name="Stages").first).to_contain_text("matcher.1")
    expect(page.get_by_role("region", name="Rates and lags").locator("dd").first).to_have_text(re.compile("[1-9]"))
    theme(page, "light")
    page.wait_for_timeout(LIVED_MS // 3)  # likewise
    picture(page, folder, "operator")
