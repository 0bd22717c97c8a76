"""One's own below the market: orders that are changed and cancelled, what was before, how a newcomer comes to it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.cli.operate.commands import OTHER, operate
from tests.passwords import PASSWORD
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.test_operating import known
from tests.web.conftest import Watched
from tests.web.test_access import findings
from tests.web.test_account import GOOD, register
from tests.web.test_market import client, place
from tests.web.test_ticket import confirm, fill_in, send
from tests.web.test_trade import log_in

MANY = 10_000
A_PAGE = 100


def test_an_empty_market_says_how_it_is_brought_to_life(venue: RunningVenue, page: Page) -> None:
    page.goto("/trade/SOLUSDT")
    expect(page.get_by_test_id("asleep")).to_contain_text("make demo")
    place(client(venue, 1), "SOLUSDT", "BUY", "149.00", "1")
    expect(page.get_by_test_id("asleep")).to_have_count(0)


def test_an_order_is_changed_and_what_is_wrong_with_that_is_said(
    venue: RunningVenue, watched: tuple[Page, Watched]
) -> None:
    page, seen = watched
    seen.allow("status of 400", "ERR_FAILED", "status of 404")
    log_in(page, "TRADER1")
    place(client(venue, 2), "BTCUSDT", "SELL", "61000.00", "1")
    fill_in(page, price="50000", quantity="0.25", post_only=True)
    expect(send(page)).to_have_text("It rests in the book.")
    rows = page.get_by_test_id("open-orders").locator("tbody tr")
    place(client(venue, 2), "BTCUSDT", "SELL", "50000.00", "0.1")
    expect(rows.first).to_contain_text("0.1000")
    expect(page.get_by_test_id("ladder-bid-0")).to_contain_text("yours: 0.15")
    rows.first.get_by_role("button", name="Change").click()
    assert findings(page) == []
    price, quantity = page.get_by_test_id("change-price"), page.get_by_test_id("change-quantity")
    submit, message = page.get_by_test_id("change-submit"), page.get_by_test_id("change-message")
    submit.click()
    expect(page.get_by_text("Nothing is other than it was.")).to_be_visible()
    quantity.fill("0.1")
    submit.click()
    expect(page.get_by_text("It counts what is filled: more than 0.1000")).to_be_visible()
    quantity.fill("0.2")
    price.fill("61000")
    submit.click()
    expect(page.get_by_test_id("price-check")).to_contain_text("22.0 % above the market")
    confirm(page, "61000")
    expect(message).to_contain_text("A post-only order would trade at once")
    expect(price).to_have_attribute("aria-invalid", "true")
    page.route("**/v1/orders/*", lambda route: route.abort(), times=1)  # the first one never reaches the venue
    price.fill("50000.5")
    submit.click()
    expect(submit).to_have_count(0)
    expect(rows.first).to_contain_text("000.50")
    expect(page.get_by_test_id("ladder-bid-0")).to_contain_text("yours: 0.1")
    (told,) = known(venue, "TRADER1").get("/orders/open?symbol=BTCUSDT")
    assert (told["price"], told["quantity"]) == ("50000.50", "0.2000")
    place(client(venue, 1), "BTCUSDT", "BUY", "49000.00", "0.3")
    expect(rows).to_have_count(2)
    held: list[Route] = []
    page.route("**/v1/orders/*", lambda route: held.append(route), times=1)
    rows.last.get_by_role("button", name="Change").click()
    quantity.fill("0.15")
    with page.expect_request("**/v1/orders/*"):
        submit.click()
    page.keyboard.press("Escape")
    rows.first.get_by_role("button", name="Change").click()
    quantity.fill("0.25")
    with page.expect_response("**/v1/orders/*"):
        held[0].continue_()
    expect(rows.last).to_contain_text("0.1500")
    submit.click()  # what came of the other one has not closed this
    expect(submit).to_have_count(0)
    expect(rows.first).to_contain_text("0.2500")
    page.get_by_role("button", name="Cancel all in BTCUSDT").click()
    expect(rows).to_have_count(0)


def test_a_correction_is_struck_out_and_fills_go_back_to_the_first(
    venue: RunningVenue, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKSTEP_OPERATOR_PASSWORD", PASSWORD)
    three, four = client(venue, 3), client(venue, 4)
    for turn in range(A_PAGE + 30):
        place(four, "ETHUSDT", "SELL", f"{2000 + turn}.00", "0.01")
        place(three, "ETHUSDT", "BUY", f"{2000 + turn}.00", "0.01")
    log_in(page, "TRADER3", "ETHUSDT")
    fills = page.get_by_test_id("fills")
    expect(fills.locator("tbody tr").first).to_contain_text("129.00")
    expect(fills).to_have_attribute("aria-rowcount", str(A_PAGE + 1))
    assert fills.locator("tbody tr").count() < A_PAGE  # of many only those that can be seen
    page.get_by_role("region", name="Fills", exact=True).evaluate("box => box.scrollTo(0, box.scrollHeight)")
    expect(fills).to_have_attribute("aria-rowcount", str(A_PAGE + 31))
    page.get_by_role("region", name="Fills", exact=True).evaluate("box => box.scrollTo(0, box.scrollHeight)")
    expect(fills.locator("tbody tr").last).to_contain_text("2\u202f000.00")
    page.get_by_role("region", name="Fills", exact=True).evaluate("box => box.scrollTo(0, 0)")
    last, before = reversed(known(venue, "TRADER3").get("/fills?symbol=ETHUSDT&limit=2"))
    for kind, fill, price in (("bust", last, ()), ("correct", before, ("--price", "1998"))):
        proposal = operate(venue, kind, "propose", "ETHUSDT", str(fill["trade_id"]), *price)["details"]["proposal"]
        operate(venue, kind, "approve", str(proposal), by=OTHER)
    expect(fills.locator("tbody tr").first.locator("s").first).to_contain_text("129.00")
    expect(fills.locator("tbody tr").first).to_contain_text("undone")
    expect(fills.locator("tbody tr").nth(1)).to_contain_text("2\u202f128.00 1\u202f998.00")
    tape = page.get_by_test_id("tape").locator("tbody tr")
    expect(tape.first).to_contain_text("129.00 undone")
    expect(tape.nth(1)).to_contain_text("2\u202f128.00 1\u202f998.00")
    page.get_by_role("button", name="Order history").click()
    history = page.get_by_test_id("order-history")
    expect(history.locator("tbody tr").first).to_contain_text("filled")
    page.get_by_role("region", name="Orders in ETHUSDT").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    expect(history).to_have_attribute("aria-rowcount", str(A_PAGE + 31))
    for row in (tape.first, tape.nth(1)):  # nothing lies on the quantity beside it
        assert row.locator("td").first.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
    page.reload()  # trades come with their new prices now, and the last correction is told again
    expect(tape.first).to_contain_text("2\u202f128.00 1\u202f998.00")
    expect(tape.nth(1)).to_contain_text("127.00")


def test_ten_thousand_open_orders_are_no_burden(venue: RunningVenue, page: Page) -> None:
    fix = venue.client("TRADER5")
    fix.connect(reset=True)
    for turn in range(MANY):
        fix.order(f"n{turn}", "buy", f"{100 + turn // 10}.{turn % 10}0", "0.0001")
    fix.await_report(f"n{MANY - 1}", "0", 120)
    place(client(venue, 3), "BTCUSDT", "BUY", "2000.00", "0.1")  # the market is where the next order is
    place(client(venue, 2), "BTCUSDT", "SELL", "2000.00", "0.1")
    log_in(page, "TRADER5")
    expect(page.get_by_role("button", name=f"Open orders ({MANY})")).to_be_visible()
    orders = page.get_by_test_id("open-orders")
    expect(orders).to_have_attribute("aria-rowcount", str(MANY + 1))
    assert orders.locator("tbody tr").count() < A_PAGE
    page.get_by_role("region", name="Open orders").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    expect(orders.locator("tbody tr").filter(has_text="buy100.00")).to_be_visible()
    page.evaluate(
        "() => { window.longest = 0; new PerformanceObserver(list => { for (const each of list.getEntries())"
        " window.longest = Math.max(window.longest, each.duration) }).observe({ entryTypes: ['longtask'] }) }"
    )
    fill_in(page, price="2000", quantity="0.0001")
    expect(send(page)).to_have_text("It rests in the book.")
    for turn in range(200):
        fix.order(f"m{turn}", "buy", "1999.00", "0.0001")
    fix.await_report("m199", "0", 60)
    expect(page.get_by_role("button", name=f"Open orders ({MANY + 201})")).to_be_visible()
    print(f"longest task with {MANY} open orders: {page.evaluate('window.longest')} ms")
    page.get_by_role("button", name="Cancel all in BTCUSDT").click()
    expect(page.get_by_text("No order is open in BTCUSDT.")).to_be_visible(timeout=60_000)
    assert known(venue, "TRADER5").get("/orders/open") == []
    fix.close()


def test_a_newcomer_is_funded_trades_with_a_fix_session_and_reads_the_statement(
    venue: RunningVenue, watched: tuple[Page, Watched]
) -> None:
    page, seen = watched
    seen.allow("status of 400", "status of 403")
    register(page, "newcomer", GOOD)
    expect(page.get_by_test_id("who")).to_have_text("newcomer")
    page.goto("/trade/SOLUSDT")
    expect(page.get_by_test_id("balances")).to_contain_text("100\u202f000.00")  # the welcome
    known(venue, "OPERATOR1").post("/operator/deposits", account="newcomer", asset="SOL", amount="5")
    expect(page.get_by_test_id("balances")).to_contain_text("5.00")
    fill_in(page, price="160", quantity="2")
    expect(send(page, "sell")).to_have_text("It rests in the book.")
    fix = venue.client("TRADER6")
    fix.connect(reset=True)
    fix.order("f1", "buy", "160.00", "2", symbol="SOLUSDT")
    fix.await_report("f1", "F")
    fix.close()
    expect(page.get_by_test_id("open-orders").locator("tbody tr")).to_have_count(0)
    expect(page.get_by_test_id("fills").locator("tbody tr")).to_have_count(1)
    expect(page.get_by_test_id("balances")).to_contain_text("100\u202f320.00")
    page.get_by_role("link", name="Portfolio").click()
    expect(page.get_by_test_id("statement")).to_contain_text("100\u202f320.00")
    expect(page.get_by_test_id("statement-lines")).to_contain_text("sell 2.0000 SOLUSDT at 160.00")


def test_the_kill_switch_asks_for_the_name_and_stops_all(watched: tuple[Page, Watched]) -> None:
    page, seen = watched
    seen.allow("status of 400")
    log_in(page, "TRADER7")
    fill_in(page, price="2000", quantity="1")
    expect(send(page)).to_have_text("It rests in the book.")
    for theme in ("light", "dark"):
        page.get_by_label("Colours").select_option(theme)
        page.get_by_role("button", name="Kill switch").click()
        assert findings(page) == []
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Kill switch").click()
    submit = page.get_by_test_id("kill-submit")
    expect(submit).to_be_disabled()
    page.get_by_test_id("kill-name").fill("TRADER")
    expect(submit).to_be_disabled()
    page.get_by_test_id("kill-name").fill("TRADER7")
    submit.click()
    expect(page.get_by_text("It is on. 1 order was cancelled.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("open-orders").locator("tbody tr")).to_have_count(0)
    expect(send(page)).to_contain_text("kill switch is on")
    expect(page.get_by_test_id("ticket-message")).to_contain_text("An operator takes it off")
