"""Trading on the page: orders, refusals, what is lost on the way, and sessions that end."""

from __future__ import annotations

import os
import signal
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect

from tests.passwords import PASSWORD
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.person import Person
from tests.web.conftest import Watched
from tests.web.test_market import client, place

OPEN = "open-orders"


def log_in(page: Page, name: str, symbol: str = "BTCUSDT") -> None:
    page.goto(f"/trade/{symbol}")
    page.get_by_test_id("login-open").click()
    page.get_by_test_id("login-name").fill(name)
    page.get_by_test_id("login-password").fill(PASSWORD)
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("who")).to_have_text(name)
    expect(page.get_by_test_id("login-submit")).to_have_count(0)


def order(page: Page, side: str, price: str, quantity: str) -> None:
    page.get_by_test_id(f"ticket-{side}").click()
    page.get_by_test_id("ticket-type").select_option("LIMIT")
    page.get_by_test_id("ticket-price").fill(price)
    page.get_by_test_id("ticket-quantity").fill(quantity)
    page.get_by_test_id("ticket-submit").click()


def test_an_order_rests_trades_and_is_in_fills_and_balances(venue: RunningVenue, page: Page) -> None:
    log_in(page, "TRADER1")
    order(page, "buy", "50000", "0.25")
    expect(page.get_by_test_id("ticket-message")).to_have_text("It rests in the book.")
    row = page.get_by_test_id(OPEN).locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row.first).to_contain_text("0.2500")
    place(client(venue, 2), "BTCUSDT", "SELL", "50000.00", "0.1")
    expect(row.first).to_contain_text("0.1000")
    expect(page.get_by_test_id("balances")).to_contain_text("7\u202f500.00")  # held for the rest
    expect(page.get_by_test_id("fills").locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Cancel buy of").click()
    expect(row).to_have_count(0)


def test_a_refusal_stands_beside_its_field_and_nothing_is_sent_that_is_wrong(watched: tuple[Page, Watched]) -> None:
    page, seen = watched
    seen.allow("status of 400")
    log_in(page, "TRADER3")
    order(page, "buy", "50,000", "0.00001")
    expect(page.get_by_text("Is the comma a decimal point")).to_be_visible()
    expect(page.get_by_text("At most 4 decimals.")).to_be_visible()
    expect(page.get_by_test_id("ticket-message")).to_be_empty()
    order(page, "sell", "50000", "5000")
    expect(page.get_by_test_id("ticket-message")).to_contain_text("balance")
    expect(page.get_by_test_id(OPEN).locator("tbody tr")).to_have_count(0)


def test_a_double_click_and_lost_answers_are_one_order(venue: RunningVenue, watched: tuple[Page, Watched]) -> None:
    page, seen = watched
    seen.allow("ERR_FAILED", "status of 400", "status of 404")
    log_in(page, "TRADER4", "ETHUSDT")
    sent = []

    def lose(route: Route) -> None:
        if route.request.method == "POST":
            body: Any = route.request.post_data_json
            sent.append(body["client_order_id"])
            if len(sent) <= 2:
                if len(sent) == 2:
                    route.fetch()  # it reaches the venue, and its answer is lost
                route.abort()
                return
        route.continue_()

    page.route("**/v1/orders", lose)
    page.get_by_test_id("ticket-price").fill("2000")
    page.get_by_test_id("ticket-quantity").fill("1")
    page.get_by_test_id("ticket-submit").dblclick()
    expect(page.get_by_test_id("ticket-message")).to_have_text("It rests in the book.")
    assert len(set(sent)) == 1
    open_orders = client(venue, 4).signed("GET", "openOrders", symbol="ETHUSDT")
    assert [each["clientOrderId"] for each in open_orders] == sent[:1]


def test_two_browsers_trade_with_each_other(browser: Browser, venue: RunningVenue, page: Page) -> None:
    log_in(page, "TRADER5", "SOLUSDT")
    other = browser.new_context(base_url=f"http://127.0.0.1:{venue.api_port}").new_page()
    log_in(other, "TRADER6", "SOLUSDT")
    order(page, "sell", "150", "2")
    expect(other.get_by_test_id("ladder-ask-0")).to_contain_text("150.00")
    other.get_by_test_id("ladder-ask-0").get_by_role("button").click()
    expect(other.get_by_test_id("ticket-price")).to_have_value("150.00")
    other.get_by_test_id("ticket-quantity").fill("2")
    other.get_by_test_id("ticket-submit").click()
    expect(other.get_by_test_id("ticket-message")).to_contain_text("filled")
    for each in (page, other):
        expect(each.get_by_test_id("fills").locator("tbody tr")).to_have_count(1)
    other.context.close()


def test_a_session_that_ends_elsewhere_ends_here_and_the_form_stays(
    venue: RunningVenue, watched: tuple[Page, Watched]
) -> None:
    page, seen = watched
    seen.allow("ERR_FAILED")
    page.route("**/v1/fills?*", lambda route: route.abort())
    log_in(page, "TRADER7")
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    page.unroute("**/v1/fills?*")
    page.get_by_test_id("ticket-price").fill("43210")
    assert venue.api_port is not None
    person = Person(venue.api_port)
    person.log_in("TRADER7", PASSWORD)
    person.end_other_sessions()
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    page.get_by_test_id("login-password").fill(PASSWORD)
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("login-submit")).to_have_count(0)
    expect(page.get_by_test_id("ticket-price")).to_have_value("43210")
    expect(page.get_by_text("Nothing was traded yet.")).to_be_visible()  # asked again, though it failed before
    expect(again).to_have_count(0)


def test_somebody_else_of_another_tab_gets_nothing_of_what_was_here(venue: RunningVenue, page: Page) -> None:
    """Tabs share a cookie: what one of them began as one person, the other's must not carry out, nor see."""
    assert venue.api_port is not None
    person, other = Person(venue.api_port), Person(venue.api_port)
    person.log_in("TRADER6", PASSWORD)
    other.log_in("TRADER5", PASSWORD)

    def become(name: str, of: Person) -> None:
        """Another tab logs somebody in, and the session that was here is over."""
        page.context.request.post("/v1/auth/login", data={"name": name, "password": PASSWORD})
        of.end_other_sessions()

    log_in(page, "TRADER6", "SOLUSDT")
    order(page, "buy", "100", "1")
    rows = page.get_by_test_id(OPEN).locator("tbody tr")
    expect(rows).to_have_count(1)
    become("TRADER5", person)
    expect(page.get_by_test_id("who")).to_have_text("TRADER5")
    expect(page.get_by_text("not up to date")).to_have_count(0)
    expect(rows).to_have_count(0)
    person.delete("/orders")

    page.route_web_socket("**/v1/stream", lambda _: None)  # a line that tells nothing: as of a tab that slept
    page.reload()
    expect(page.get_by_test_id("who")).to_have_text("TRADER5")
    become("TRADER6", other)
    order(page, "buy", "101", "1")
    expect(page.get_by_test_id("ticket-message")).to_contain_text("It was not sent again")
    expect(page.get_by_test_id("who")).to_have_text("TRADER6")
    assert person.get("/orders/open") == []


def test_the_api_dies_and_comes_back_and_the_page_agrees_with_it(
    venue: RunningVenue, watched: tuple[Page, Watched]
) -> None:
    page, seen = watched
    seen.allow("WebSocket connection", "ERR_CONNECTION", "status of 503", "ERR_EMPTY_RESPONSE")
    log_in(page, "TRADER8")
    order(page, "buy", "41000", "0.5")
    row = page.get_by_test_id(OPEN).locator("tbody tr")
    expect(row).to_have_count(1)
    os.kill(venue.pids()["api"], signal.SIGKILL)
    fix = venue.client("TRADER8")
    fix.connect()
    fix.order("w1", "buy", "41001.00", "0.5")
    expect(row).to_have_count(2)
    expect(page.get_by_text("not up to date")).to_have_count(0)
    fix.close()
