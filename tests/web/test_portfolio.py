"""What one owns on the page: the figures are the venue's, to the unit, and follow what happens."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pipeline.conftest import RunningVenue
from tests.pipeline.test_money import downloaded, now_ms, person, replayed, trade
from tests.web.conftest import Watched
from tests.web.test_access import findings
from tests.web.test_market import NUMBERS, client, place
from tests.web.test_trade import log_in

BALANCE = ("asset", "free", "held", "total")


def plain(text: str) -> str:
    """Without what sets thousands apart, and the sign of what is more than nothing."""
    return text.replace("\u202f", "").removeprefix("+")


def rows(page: Page, testid: str) -> list[list[str]]:
    cells: Any = page.get_by_test_id(testid).evaluate(
        "table => [...table.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return [[plain(cell) for cell in row] for row in cells]


def price_all(venue: RunningVenue) -> None:
    """Have each instrument traded, TRADER1 buying by FIX and TRADER2 selling by REST."""
    fix = venue.client("TRADER1")
    fix.connect(reset=True)
    for symbol, price in (("BTCUSDT", "50000.01"), ("ETHUSDT", "2000.03"), ("SOLUSDT", "100.07")):
        place(client(venue, 2), symbol, "SELL", price, "0.3")
        number = f"p{next(NUMBERS)}"
        fix.order(number, "buy", price, "0.3", symbol=symbol)
        fix.await_report(number, "F")  # what is on its way when a connection is dropped may be lost
    fix.close()


def test_figures_are_the_venues_and_follow_what_happens(venue: RunningVenue, page: Page) -> None:
    one = person(venue, "TRADER1")
    log_in(page, "TRADER1")
    page.get_by_role("link", name="Portfolio").click()
    expect(page.get_by_text("says what BTC, ETH, SOL would cost")).to_be_visible()
    expect(page.get_by_test_id("portfolio-summary")).to_contain_text("There is no value where")
    expect(page.get_by_test_id("positions").locator("tbody tr")).to_have_count(0)
    price_all(venue)
    expect(page.get_by_test_id("positions").locator("tbody tr")).to_have_count(3)
    place(client(venue, 2), "BTCUSDT", "BUY", "51000.00", "0.1")
    place(client(venue, 1), "BTCUSDT", "SELL", "51000.00", "0.1")
    told = one.get("/portfolio")
    expect(page.get_by_test_id("portfolio-value")).to_have_text(f"{grouped(Decimal(told['value']))} USDT")
    shown = rows(page, "balances")
    assert [row[:4] for row in shown] == [[row[name] for name in BALANCE] for row in told["balances"]]
    assert [row[5] for row in shown] == [row["value"] for row in told["balances"]]
    names = ("symbol", "quantity", "average_cost", "cost", "value", "unrealised", "realised", "quote", "fills")
    assert [row[:4] + row[5:] for row in rows(page, "positions")] == [
        [str(row[name]) for name in names] for row in told["positions"]
    ]
    assert {row[0]: Decimal(row[3]) for row in shown} == replayed(venue, "TRADER1", now_ms(one))
    page.get_by_text("As a table").click()
    assert rows(page, "portfolio-history")[0][1] == told["value"]


def test_statements_have_every_line_and_so_do_their_files(venue: RunningVenue, page: Page, tmp_path: Path) -> None:
    three, four = person(venue, "TRADER3"), person(venue, "TRADER4")
    for turn in range(210):  # more movements than a page of lines has
        trade(three, four, "ETHUSDT", f"{2000 + turn}.01", "0.0101")
    log_in(page, "TRADER3")
    page.goto("/portfolio")
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.get_by_test_id("statement-from")).to_have_value("1970-01-01T00:00")
    expect(page.get_by_test_id("statement-span")).to_contain_text("From 01/01/1970")
    names = ("opening", "deposits", "withdrawals", "adjustments", "corrections", "bought", "sold", "fees", "closing")
    told = three.get("/statements?from=0")["assets"]
    assert rows(page, "statement") == [[row["asset"], *(row[name] for name in names)] for row in told]
    lines = three.get("/statements/lines?from=0&limit=1000")["lines"]
    table = page.get_by_test_id("statement-lines")
    expect(table).to_have_attribute("aria-rowcount", "397")  # four deposits, two lines of 196 trades, and a head
    assert table.locator("tbody tr").count() < 100
    seen = {row[6] + row[2]: row[3] for row in rows(page, "statement-lines") if len(row) > 1}
    section = page.get_by_role("region", name="Lines of the statement")
    section.evaluate("box => box.scrollTo(0, box.scrollHeight)")
    expect(table).to_have_attribute("aria-rowcount", "425")
    section.evaluate("box => box.scrollTo(0, box.scrollHeight)")
    expect(table).to_contain_text("buy 0.0101 ETHUSDT at 2\u202f209.01")
    seen |= {row[6] + row[2]: row[3] for row in rows(page, "statement-lines") if len(row) > 1}
    by_key = {f"{line['seq']}{line['asset']}": line["amount"] for line in lines}
    assert seen.items() <= by_key.items()
    assert {f"{lines[0]['seq']}{lines[0]['asset']}", f"{lines[-1]['seq']}{lines[-1]['asset']}"} <= seen.keys()
    assert saved(page, "statement-csv", tmp_path) == downloaded(three, "/statements.csv?from=0")
    assert saved(page, "lines-csv", tmp_path) == downloaded(three, "/statements/lines.csv?from=0")
    page.get_by_test_id("statement-to").fill("1970-01-02T00:00:00")
    page.get_by_test_id("statement-show").click()
    expect(page.get_by_text("Nothing moved in this span.")).to_be_visible()


def saved(page: Page, button: str, folder: Path) -> list[dict[str, str]]:
    """The rows of the file that a button keeps."""
    with page.expect_download() as download:
        page.get_by_test_id(button).click()
    assert download.value.suggested_filename.endswith(".csv")
    download.value.save_as(folder / "file.csv")
    return list(csv.DictReader((folder / "file.csv").open()))


def test_what_is_wrong_is_said_and_asked_for_again(watched: tuple[Page, Watched]) -> None:
    page, seen = watched
    seen.allow("status of 500", "status of 422", "ERR_FAILED")
    log_in(page, "TRADER5")
    page.route("**/v1/portfolio?*", lambda route: route.fulfill(status=500, body="<html>"))
    page.route("**/v1/portfolio", lambda route: route.fulfill(status=500, body="<html>"))
    page.route("**/v1/statements/lines.csv*", lambda route: route.abort())
    page.goto("/portfolio")
    expect(page.get_by_role("alert")).to_contain_text("can't be read (status 500)")
    expect(page.get_by_test_id("statement").locator("tbody tr")).to_have_count(4)
    page.get_by_test_id("lines-csv").click()
    expect(page.get_by_text("The file did not come whole")).to_be_visible()
    page.get_by_test_id("statement-from").fill("2030-01-01T00:00:00")
    page.get_by_test_id("statement-show").click()
    expect(page.get_by_text("does not end before it begins")).to_be_visible()
    page.get_by_test_id("statement-from").fill("")
    page.get_by_test_id("statement-show").click()
    expect(page.get_by_text("Choose a moment.")).to_be_visible()
    page.unroute_all()
    expect(page.get_by_test_id("balances").locator("tbody tr")).to_have_count(4)
    expect(page.get_by_text("Asking again")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(venue: RunningVenue, page: Page, theme: str) -> None:
    price_all(venue)
    log_in(page, "TRADER1")
    page.get_by_label("Colours").select_option(theme)
    page.goto("/portfolio")
    page.get_by_text("As a table").click()
    expect(page.get_by_test_id("statement-lines").locator("tbody tr").first).to_be_visible()
    expect(page.locator(".value-chart canvas")).to_be_visible()
    assert findings(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def grouped(amount: Decimal) -> str:
    """As people read it: thousands set apart, no zeros at the end but those of cents."""
    whole, _, rest = f"{amount:,f}".replace(",", "\u202f").partition(".")
    return f"{whole}.{rest.rstrip('0').ljust(2, '0')}"
