"""The ticket: every type, time in force and list that the venue takes, and every refusal beside its field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.pipeline.conftest import RunningVenue, one_for_all
from tests.pipeline.test_operating import known
from tests.web.conftest import Watched
from tests.web.test_access import findings
from tests.web.test_market import client, place
from tests.web.test_trade import log_in

TYPES = ["LIMIT", "MARKET", "STOP", "STOP_LIMIT", "TRAILING_STOP"]
FAR = "2031-01-01T00:00"


def stricter(config: str) -> str:
    """ETHUSDT has a coarser tick and no reference price, SOLUSDT a price band and a greatest quantity."""
    config = config.replace('symbol = "ETHUSDT"\nbase = "ETH"\nquote = "USDT"\ntick = "0.01"',
                            'symbol = "ETHUSDT"\nbase = "ETH"\nquote = "USDT"\ntick = "0.05"')  # fmt: skip
    config = config.replace('reference_price = "3000"\n', "")
    return config.replace(
        'reference_price = "150"', 'reference_price = "150"\nstatic_band_bps = 1000\nmax_quantity = "500"'
    )


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    with one_for_all(tmp_path_factory, stricter) as running:
        yield running


def fill_in(page: Page, **fields: str | bool) -> None:
    """Fill in the ticket: by their test ids what is typed and chosen, by their labels what is ticked."""
    page.evaluate("for (const each of document.querySelectorAll('.ticket details')) each.open = true")
    for name, value in fields.items():
        field = page.get_by_test_id(f"ticket-{name.replace('_', '-')}")
        if isinstance(value, bool):
            page.get_by_label("post-only" if name == "post_only" else name).first.set_checked(value)
        elif name.removeprefix("second_") in ("type", "time", "self_trade"):
            field.select_option(value)
        else:
            field.fill(value)


def send(page: Page, side: str = "buy") -> Locator:
    """Send it, and what is said of it."""
    page.get_by_test_id(f"ticket-{side}").click()
    page.get_by_test_id("ticket-submit").click()
    return page.get_by_test_id("ticket-message")


def confirm(page: Page, *prices: str) -> None:
    """Type the prices that the page asks for because they are far from the market, and confirm them."""
    for i, price in enumerate(prices):
        page.get_by_test_id(f"price-check-{i}").fill(price)
    page.get_by_test_id("price-check-submit").click()


def wrong(page: Page, field: str) -> Locator:
    """What stands beside a field, and is read out with it."""
    element = page.get_by_test_id(f"ticket-{field}")
    expect(element).to_have_attribute("aria-invalid", "true")
    return page.locator(f"[id='{element.get_attribute('aria-describedby')}']")


def test_every_type_and_time_is_taken(venue: RunningVenue, page: Page) -> None:
    log_in(page, "TRADER1")
    place(client(venue, 2), "BTCUSDT", "SELL", "60000.00", "9")
    values: Any = page.get_by_test_id("ticket-type").evaluate("list => [...list.options].map(each => each.value)")
    assert values == TYPES
    rests, waits = "It rests in the book.", "It waits for its price."
    filled = "It is filled: 0.2000."
    for fields, said in (
        ({"type": "LIMIT", "price": "50000", "quantity": "0.1", "time": "gtc", "display": "0.05"}, rests),
        ({"display": "", "time": "day"}, rests),
        ({"time": "gtd", "expires": FAR, "self_trade": "cancel_oldest"}, rests),
        ({"time": "at_the_open"}, "It waits for its auction."),
        ({"time": "at_the_close"}, "It waits for its auction."),
        ({"time": "gtc", "post_only": True}, rests),
        ({"slide": True, "price": "60000"}, rests),
        ({"slide": False, "post_only": False, "time": "ioc", "quantity": "0.2", "minimum": "0.1"}, filled),
        ({"minimum": "", "time": "fok"}, filled),
        ({"quantity": "99"}, "Nothing was traded: it could not be filled at once and whole (FOK)."),
        ({"time": "ioc"}, "8.6000 was traded; the rest is cancelled (ioc remainder)."),
        ({"type": "STOP", "stop": "61000", "quantity": "0.1"}, waits),
        ({"type": "STOP_LIMIT", "price": "61500"}, waits),
        ({"type": "TRAILING_STOP", "trail": "100"}, waits),
        ({"type": "MARKET"}, "Nothing was traded: it is cancelled (market remainder)."),
    ):  # fmt: skip
        fill_in(page, **fields)
        expect(send(page)).to_contain_text(said)
    place(client(venue, 2), "BTCUSDT", "SELL", "60000.00", "1")
    fill_in(page, quantity="", budget="600")
    expect(send(page)).to_contain_text("It is filled: 0.0100.")
    told = known(venue, "TRADER1").get("/orders/open")
    assert [(each["type"], each["time_in_force"]) for each in told] == [
        ("limit", "gtc"), ("limit", "day"), ("limit", "gtd"), ("limit", "at_the_open"), ("limit", "at_the_close"),
        ("limit", "gtc"), ("limit", "gtc"), ("stop", "gtc"), ("stop_limit", "gtc"), ("trailing_stop", "gtc"),
    ]  # fmt: skip
    assert (told[0]["display"], told[2]["self_trade"], told[2]["expires"] > 0) == ("0.0500", "cancel_oldest", True)
    assert [(each["post_only"], each["slide"]) for each in told[5:7]] == [(True, False), (True, True)]
    assert told[6]["price"] == "59999.99"


def test_what_is_wrong_stands_beside_its_field_and_is_not_sent(watched: tuple[Page, Watched]) -> None:
    page, _ = watched
    log_in(page, "TRADER3", "ETHUSDT")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    fill_in(page, type="LIMIT", price="2,000", quantity="")
    send(page)
    expect(wrong(page, "price")).to_contain_text("Is the comma a decimal point or a thousands separator?")
    expect(wrong(page, "quantity")).to_have_text("Enter a number.")
    for field, typed, said in (
        ("price", "2000.001", "At most 2 decimals."),
        ("price", "2000.01", "Must be a multiple of 0.05."),
        ("price", "0", "Must be more than 0."),
        ("price", "1e3", "Write digits with at most one point"),
        ("quantity", "0.00001", "At most 4 decimals."),
        ("quantity", "9" * 50, "too large"),
        ("display", "-1", "Write digits"),
    ):
        fill_in(page, **{"price": "2000", "quantity": "1", "display": "", field: typed})
        send(page)
        expect(wrong(page, field)).to_contain_text(said)
    fill_in(page, price="2000", quantity="1", display="", time="gtd", expires="2020-01-01T00:00")
    send(page)
    expect(wrong(page, "expires")).to_have_text("This moment has passed.")
    assert sent == []


def test_what_the_venue_refuses_stands_beside_its_field_with_what_to_do(
    venue: RunningVenue, watched: tuple[Page, Watched]
) -> None:
    page, seen = watched
    seen.allow("status of 400")
    place(client(venue, 5), "SOLUSDT", "SELL", "151.00", "1")
    log_in(page, "TRADER4", "SOLUSDT")
    limit: dict[str, str | bool] = {
        "type": "LIMIT",
        "time": "gtc",
        "price": "150",
        "quantity": "1",
        "display": "",
        "minimum": "",
        "post_only": False,
    }
    for fields, field, said in (
        ({"price": "166"}, "price", "The price is outside the static price band. Send one inside."),
        ({"quantity": "501"}, "quantity", "Send less."),
        ({"price": "151", "post_only": True}, "price", "A post-only order would trade at once"),
        ({"post_only": True, "time": "ioc"}, "time", "can be post-only"),
        ({"display": "2"}, "display", "Send less, or leave it out."),
        ({"minimum": "2"}, "minimum", "Send less, or leave it out."),
    ):  # fmt: skip
        fill_in(page, **(limit | fields))
        message = send(page)
        if fields == {"price": "166"}:  # far above what is quoted
            confirm(page, "166")
        expect(wrong(page, field)).to_contain_text(said)
        expect(message).to_contain_text(said)
    page.goto("/trade/ETHUSDT")
    fill_in(page, type="MARKET", quantity="1")
    send(page)
    expect(wrong(page, "type")).to_contain_text("Send a limit order.")
    fill_in(page, **limit | {"price": "1000000", "quantity": "1000"})
    send(page)
    expect(wrong(page, "quantity")).to_contain_text("Deposit, cancel or send less")
    used: list[str] = []

    def repeat(route: Route) -> None:
        """The same client order id each time."""
        body: Any = route.request.post_data_json
        used.append(body["client_order_id"])
        route.continue_(post_data=json.dumps(body | {"client_order_id": used[0]}))

    page.route("**/v1/orders", repeat)
    fill_in(page, price="1000", quantity="1")
    expect(send(page)).to_have_text("It rests in the book.")
    expect(send(page)).to_contain_text("The client order id has been used before by this account.")
    assert len(set(used)) == 2
    page.unroute("**/v1/orders")


def test_a_phase_is_shown_and_its_refusals_are_not_sent(venue: RunningVenue, page: Page) -> None:
    operator = known(venue, "OPERATOR1")
    log_in(page, "TRADER4", "ETHUSDT")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/v1/orders") else None)
    notice = page.get_by_test_id("phase-notice")
    expect(page.get_by_test_id("status")).to_have_text(re.compile("live|quiet"))
    expect(notice).to_have_count(0)
    fill_in(page, type="LIMIT", price="1000", quantity="1", time="gtc")
    for phase, said in (
        ("halt", "Trading is halted."),
        ("closed", "The market is closed."),
        ("cancel_only", "The market takes cancellations only."),
    ):
        operator.put("/operator/instruments/ETHUSDT/phase", phase=phase)
        expect(notice).to_contain_text(said)
        expect(send(page)).to_contain_text(said)
    operator.put("/operator/instruments/ETHUSDT/phase", phase="opening_auction")
    expect(notice).to_contain_text("orders are collected")
    fill_in(page, time="fok")
    send(page)
    expect(wrong(page, "time")).to_contain_text("in its opening auction: it takes only orders that can rest")
    assert sent == []
    page.reload()  # the phase is known to a page that comes later, too
    expect(notice).to_contain_text("Opening auction")
    operator.put("/operator/instruments/ETHUSDT/phase", phase="continuous")
    expect(notice).to_have_count(0)


def test_a_price_far_from_the_market_is_typed_again(venue: RunningVenue, page: Page) -> None:
    place(client(venue, 2), "ETHUSDT", "SELL", "3000.00", "1")
    place(client(venue, 3), "ETHUSDT", "BUY", "3000.00", "1")
    log_in(page, "TRADER8", "ETHUSDT")
    expect(page.get_by_test_id("last-price")).to_have_text("3\u202f000.00")
    fill_in(page, type="LIMIT", price="3200", quantity="1", time="gtc")
    send(page)
    check = page.get_by_test_id("price-check")
    said = "The price to buy, 3\u202f200.00 USDT, is 6.6 % above the market (3\u202f000.00 USDT)."
    expect(check).to_contain_text(said)
    assert findings(page) == []
    confirm(page, "320")
    expect(check).to_contain_text("Type 3200.00, or go back and correct the price.")
    check.get_by_role("button", name="Go back").click()
    expect(page.get_by_test_id("ticket-message")).to_be_empty()
    send(page)
    confirm(page, "3200")
    expect(page.get_by_test_id("ticket-message")).to_contain_text("It rests in the book.")
    (order,) = known(venue, "TRADER8").get("/orders/open")
    assert order["price"] == "3200.00"
    fill_in(page, price="2990")
    expect(send(page, "sell")).to_contain_text("It is filled")  # near the market: nothing is asked


def test_lists_are_two_orders_once_whatever_is_lost(venue: RunningVenue, watched: tuple[Page, Watched]) -> None:
    page, seen = watched
    seen.allow("ERR_FAILED", "status of 400", "status of 404")
    log_in(page, "TRADER6")
    page.get_by_role("button", name="OCO").click()
    expect(page.get_by_test_id("ticket-second-quantity")).to_have_count(0)
    fill_in(page, price="70000", quantity="0.5", second_type="STOP_LIMIT", second_stop="55,000", second_price="54000")
    send(page, "sell")
    expect(wrong(page, "second-stop")).to_contain_text("Is the comma")
    fill_in(page, second_stop="55000", second_display="2")
    send(page, "sell")
    expect(wrong(page, "second-display")).to_contain_text("Send less, or leave it out.")
    fill_in(page, second_display="")
    sent = []

    def lose(route: Route) -> None:
        body: Any = route.request.post_data_json
        sent.append(tuple(each["client_order_id"] for each in body["orders"]))
        if len(sent) == 2:
            route.fetch()  # it reaches the venue, and its answer is lost
        if len(sent) <= 2:
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/order-lists", lose)
    page.get_by_test_id("ticket-submit").dblclick()
    expect(page.get_by_test_id("ticket-message")).to_have_text(
        "Both are in: the first rests in the book, the other waits."
    )
    assert len(set(sent)) == 1
    rows = page.get_by_test_id("open-orders").locator("tbody tr")
    expect(rows).to_have_count(2)
    told = known(venue, "TRADER6").get("/orders/open")
    assert tuple(each["client_order_id"] for each in told) == sent[0]
    assert {each["list_id"] for each in told} == {told[0]["order_id"]}
    expect(rows.first).to_contain_text(str(told[0]["list_id"]))
    expect(rows.first.get_by_role("button", name="Change")).to_be_disabled()
    rows.first.get_by_role("button", name="Cancel").click()
    expect(rows).to_have_count(0)
    page.get_by_role("button", name="OTO").click()
    fill_in(page, price="60100", quantity="0.5", second_type="LIMIT", second_price="59000", second_quantity="0.4")
    page.get_by_test_id("ticket-second-buy").click()
    expect(send(page, "sell")).to_contain_text("Both are in")
    expect(page.get_by_title("Yours: 0.5")).to_be_visible()
    expect(page.get_by_title("Yours: 0.4")).to_have_count(0)  # it waits
    place(client(venue, 7), "BTCUSDT", "BUY", "60100.00", "9")
    expect(rows).to_have_count(1)
    expect(page.get_by_title("Yours: 0.4")).to_be_visible()
