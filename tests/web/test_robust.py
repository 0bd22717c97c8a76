"""What goes wrong beside the page: processes die, a tab sleeps, the API fails, symbols have names that none should."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, Response, Route, expect

from tests.passwords import PASSWORD
from tests.pipeline.conftest import RunningVenue, one_for_all
from tests.web.conftest import Watched
from tests.web.test_market import client, place
from tests.web.test_trade import OPEN, log_in, order

LISTED = 100
AWAY = ("503", "502", "500", "404", "400", "WebSocket", "ERR_")  # what a browser notes when a venue's parts are away


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    more = "".join(
        f'\n[[assets]]\nname = "A{i}"\nscale = 8\n'
        f'\n[[instruments]]\nsymbol = "A{i}USDT"\nbase = "A{i}"\nquote = "USDT"\ntick = "0.01"\nlot = "0.0001"\n'
        for i in range(3, LISTED)
    )
    with one_for_all(tmp_path_factory, lambda config: config + more) as running:
        yield running


def in_journal(venue: RunningVenue, account: str) -> set[str]:
    """The prices of an account's open orders, as a replay of the log has them."""
    moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    shown = json.loads(venue.command("at", moment, "--account", account, "--json").stdout)
    return {row["price"] for row in shown["orders"] if row["account"] == account}


def shown_prices(page: Page) -> set[str]:
    """Those of the page's open orders."""
    rows = page.get_by_test_id(OPEN).locator("tbody tr").all_inner_texts()
    return {price.replace("\u202f", "") for row in rows for price in re.findall("4\\d\u202f\\d{3}\\.\\d\\d", row)}


def rest(page: Page, price: str) -> None:
    """One order: given again only where the venue has said that it did not take it."""
    said = page.get_by_test_id("ticket-message")
    for _ in range(10):
        order(page, "buy", price, "0.1")
        expect(said).to_contain_text(re.compile("rests|has not taken"), timeout=60_000)
        if "rests" in said.inner_text():
            return
    pytest.fail("the venue stayed busy")


def test_each_process_dies_and_page_api_and_journal_agree(venue: RunningVenue, watched: tuple[Page, Watched]) -> None:
    page, seen = watched
    seen.allow(*AWAY)
    log_in(page, "TRADER1")
    rows = page.get_by_test_id(OPEN).locator("tbody tr")
    one = client(venue, 1)
    expected: set[str] = set()
    for name in sorted(venue.pids()):
        before = venue.pids()[name]
        os.kill(before, signal.SIGKILL)
        price = f"{40000 + len(expected)}.00"
        rest(page, price)
        expected.add(price)
        expect(rows, name).to_have_count(len(expected), timeout=60_000)
        expect(page.get_by_test_id("status")).to_contain_text(re.compile("live|quiet"), timeout=60_000)
        expect(page.get_by_text("not up to date")).to_have_count(0)
        expect(page.get_by_text("Trying again")).to_have_count(0)
        expect(page.get_by_test_id("ladder-bid-0")).to_contain_text(price[2:])
        assert venue.pids()[name] != before, name
        assert shown_prices(page) == expected, name
        assert {each["price"].rstrip("0") for each in one.signed("GET", "openOrders")} == {
            each.rstrip("0") for each in expected
        }
        assert in_journal(venue, "TRADER1") == expected, name
    page.get_by_role("button", name="Cancel all").click()
    expect(rows).to_have_count(0)
    expect(page.get_by_test_id("ladder-bid-0")).not_to_contain_text("000")
    assert one.signed("GET", "openOrders") == []
    assert in_journal(venue, "TRADER1") == set()


def test_a_tab_that_slept_has_what_it_missed(venue: RunningVenue, watched: tuple[Page, Watched]) -> None:
    page, seen = watched
    seen.allow(*AWAY)
    page.goto("/trade/ETHUSDT")
    maker = client(venue, 2)
    place(maker, "ETHUSDT", "SELL", "3000.00", "1")
    place(maker, "ETHUSDT", "BUY", "3000.00", "0.5")
    expect(page.get_by_test_id("last-price")).to_contain_text("000.00")
    devtools = page.context.new_cdp_session(page)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    os.kill(venue.pids()["publisher"], signal.SIGKILL)
    place(maker, "ETHUSDT", "BUY", "3001.00", "0.5")
    place(maker, "ETHUSDT", "SELL", "3005.00", "1")
    place(maker, "ETHUSDT", "BUY", "3005.00", "0.25")

    def has_all(answer: Response) -> bool:
        return "/klines" in answer.url and answer.ok and float(answer.json()[-1][2]) == 3005

    with page.expect_response(has_all, timeout=60_000):  # one that was on the way before it slept has not
        devtools.send("Page.setWebLifecycleState", {"state": "active"})
    expect(page.get_by_test_id("last-price")).to_contain_text("005.00")
    expect(page.get_by_test_id("tape").locator("tbody tr")).to_have_count(3)
    expect(page.get_by_test_id("ladder-ask-0")).to_contain_text("005.00")


def test_a_slow_network_is_waited_for(page: Page) -> None:
    page.clock.install()
    page.goto("/trade/SOLUSDT")
    expect(page.get_by_test_id("status")).to_contain_text(re.compile("live|quiet"))
    page.clock.run_for(60_000)  # the page is no new one: nothing was heard on a line of one's own for that long
    devtools = page.context.new_cdp_session(page)
    far = {"offline": False, "latency": 2_000, "downloadThroughput": -1, "uploadThroughput": -1}
    devtools.send("Network.emulateNetworkConditions", far)
    page.get_by_test_id("login-open").click()
    page.get_by_test_id("login-name").fill("TRADER4")
    page.get_by_test_id("login-password").fill(PASSWORD)
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("balances").locator("tbody tr")).not_to_have_count(0)


@pytest.mark.parametrize("what", ["500", "nothing"])
def test_an_api_that_fails_is_said_and_the_page_goes_on(watched: tuple[Page, Watched], what: str) -> None:
    page, seen = watched
    seen.allow(*AWAY)
    failing = {"instruments", "depth", "klines", "trades"}

    def fail(route: Route) -> None:
        if not any(name in route.request.url for name in failing):
            route.fallback()
        elif what == "nothing":
            route.abort()
        else:
            route.fulfill(status=500, content_type="text/html", body="<h1>Oh no</h1>")

    page.route(re.compile("/(v1/instruments|api/v3/(depth|klines|trades))"), fail)
    said = "does not answer" if what == "nothing" else "can't be read (status 500)"
    page.goto("/trade/BTCUSDT")
    expect(page.get_by_role("alert")).to_contain_text(said)
    assert page.locator("main h1").count() == 0
    failing.remove("instruments")
    expect(page.get_by_test_id("status")).to_contain_text("loading the book")
    failing.remove("depth")
    expect(page.get_by_test_id("status")).to_contain_text(re.compile("live|quiet"))
    expect(page.get_by_role("alert")).to_contain_text("Trying again")  # candles and trades still fail
    failing.clear()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_hundred_symbols_and_names_that_no_venue_should_have(watched: tuple[Page, Watched]) -> None:
    page, _ = watched
    names = ("<img src=x onerror=document.title='hit'>", "\u202eTDSU\u202c", "X" * 10_000)

    def add(route: Route) -> None:
        listed: Any = route.fetch().json()
        assert len(listed) == LISTED
        route.fulfill(json=[*listed, *({**listed[0], "symbol": name, "base": name} for name in names)])

    page.route("**/v1/instruments", add)
    page.goto("/trade/BTCUSDT")
    page.get_by_label("Market: type a symbol").fill("a99usdt")
    expect(page).to_have_url(re.compile("/trade/A99USDT$"))
    assert page.locator("#symbols option").count() == LISTED + len(names)
    page.evaluate(
        "history.pushState(null, '', '/trade/' + 'Y'.repeat(10000)); dispatchEvent(new PopStateEvent('popstate'))"
    )
    expect(page.get_by_role("alert")).to_contain_text("Y" * 40)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("main img").count() == 0
    assert page.title() != "hit"


def test_two_tabs_are_one_person(page: Page) -> None:
    log_in(page, "TRADER3", "SOLUSDT")
    other = page.context.new_page()
    other.goto("/trade/SOLUSDT")
    expect(other.get_by_test_id("who")).to_have_text("TRADER3")
    order(page, "buy", "100", "1")
    order(other, "buy", "101", "1")
    for tab in (page, other):
        expect(tab.get_by_test_id(OPEN).locator("tbody tr")).to_have_count(2)
    other.get_by_role("button", name="Cancel all").click()
    for tab in (page, other):
        expect(tab.get_by_test_id(OPEN).locator("tbody tr")).to_have_count(0)
    page.get_by_test_id("logout").click()
    expect(page.get_by_test_id("login-open")).to_be_visible()
    expect(other.get_by_text("Your session has ended")).to_be_visible()
