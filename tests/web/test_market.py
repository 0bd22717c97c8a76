"""The market page: what a newcomer sees, without logging in."""

from __future__ import annotations

import itertools
import os
import re
import signal
from decimal import Decimal

from playwright.sync_api import Page, Worker, expect

from tests.pipeline.api_client import ApiClient
from tests.pipeline.conftest import RunningVenue
from tests.web.conftest import Watched

NUMBERS = itertools.count(1)


def client(venue: RunningVenue, number: int) -> ApiClient:
    assert venue.api_port is not None
    return ApiClient(venue.api_port, f"TRADER{number}")


def place(who: ApiClient, symbol: str, side: str, price: str, quantity: str) -> None:
    who.order(f"m{next(NUMBERS)}", side, price, quantity, symbol)


def test_a_newcomer_sees_the_market_move(venue: RunningVenue, page: Page) -> None:
    page.goto("/")
    expect(page.get_by_test_id("status")).to_contain_text("this market is quiet")
    expect(page.get_by_test_id("last-price")).to_have_text("no trade yet")
    maker, taker = client(venue, 1), client(venue, 2)
    place(maker, "BTCUSDT", "SELL", "60000.10", "0.5")
    place(maker, "BTCUSDT", "BUY", "59999.90", "0.7")
    expect(page.get_by_test_id("ladder-ask-0")).to_contain_text("000.10")
    expect(page.get_by_test_id("ladder-bid-0")).to_contain_text("999.90")
    place(taker, "BTCUSDT", "BUY", "60000.10", "0.2")
    expect(page.get_by_test_id("last-price")).to_contain_text("000.10")
    expect(page.get_by_test_id("status")).to_contain_text("live")
    expect(page.get_by_test_id("tape").locator("tbody tr")).to_have_count(1)
    expect(page.locator(".chart canvas").first).to_be_visible()
    page.get_by_role("button", name="Depth").click()
    expect(page.locator(".chart canvas").first).to_be_visible()


def test_another_symbol_is_found_by_its_name(page: Page) -> None:
    page.goto("/trade/BTCUSDT")
    search = page.get_by_label("Market: type a symbol")
    search.fill("ethusdt")
    expect(page).to_have_url(re.compile("/trade/ETHUSDT$"))
    expect(page).to_have_title("ETHUSDT · Lockstep")
    page.go_back()
    expect(page).to_have_title("BTCUSDT · Lockstep")


def test_a_symbol_that_is_not_listed_is_said_as_text(page: Page) -> None:
    page.goto("/trade/%3Cimg%20src=x%20onerror=alert(1)%3E")
    expect(page.get_by_role("alert")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("main img").count() == 0


def test_the_book_is_that_of_the_venue_after_all_that_moved_it(venue: RunningVenue, page: Page) -> None:
    page.goto("/trade/SOLUSDT")
    maker = client(venue, 3)
    for i in range(30):
        place(maker, "SOLUSDT", "BUY", f"{100 + i / 100:.2f}", f"{1 + i}")
        place(maker, "SOLUSDT", "SELL", f"{200 - i / 100:.2f}", f"{1 + i}")
    expect(page.get_by_test_id("ladder-bid-0")).to_contain_text("100.29")
    expect(page.get_by_test_id("ladder-ask-0")).to_contain_text("199.71")
    shown = [Decimal(re.sub("[^0-9.]", "", page.get_by_test_id(f"ladder-bid-{i}").inner_text())) for i in range(11)]
    depth = maker.open("depth", symbol="SOLUSDT", limit=11)
    assert shown == [Decimal(price) for price, _ in depth["bids"]]


def test_what_a_line_missed_is_there_when_it_is_back(venue: RunningVenue, watched: tuple[Page, Watched]) -> None:
    page, seen = watched
    seen.allow("503", "WebSocket connection", "ERR_INTERNET_DISCONNECTED", "ERR_CONNECTION")
    page.goto("/trade/ETHUSDT")
    maker = client(venue, 4)
    place(maker, "ETHUSDT", "BUY", "3000.00", "1")
    expect(page.get_by_test_id("ladder-bid-0")).to_contain_text("000.00")
    page.context.set_offline(True)
    os.kill(venue.pids()["publisher"], signal.SIGKILL)
    place(maker, "ETHUSDT", "BUY", "3001.00", "1")
    expect(page.get_by_test_id("status")).to_contain_text("reconnecting")
    page.context.set_offline(False)
    expect(page.get_by_test_id("ladder-bid-0")).to_contain_text("001.00")
    expect(page.get_by_test_id("status")).not_to_contain_text("reconnecting")


def test_a_page_that_stands_still_takes_all_that_came_meanwhile(venue: RunningVenue, page: Page) -> None:
    lines: list[Worker] = []
    page.on("worker", lambda line: lines.append(line))
    page.goto("/trade/ETHUSDT")
    maker = client(venue, 5)
    expect(page.get_by_test_id("status")).to_contain_text(re.compile("live|quiet"))
    page.evaluate("""() => setTimeout(() => {
        const until = performance.now() + 3000;
        while (performance.now() < until) continue;
        window.stoodStill = true;
    })""")
    for number in range(1, 41):
        place(maker, "ETHUSDT", "SELL", f"{3100 + number}.00", "0.1")
        place(maker, "ETHUSDT", "BUY", f"{3100 + number}.00", "0.1")
    page.wait_for_function("window.stoodStill")
    rows = page.get_by_test_id("tape").locator("tbody tr")
    expect(rows.first).to_contain_text(re.compile("3.?140.00"))
    assert [re.sub("[^0-9.]", "", text)[:7] for text in rows.all_inner_texts()[:30]] == [
        f"{3100 + number}.00" for number in range(40, 10, -1)
    ]
    assert len(lines) == 1  # and by the same line


def test_a_computer_whose_clock_is_wrong_is_told_so(page: Page) -> None:
    page.clock.install(time=1_000_000_000_000)  # in 2001
    page.goto("/trade/BTCUSDT")
    expect(page.get_by_text("clock is wrong")).to_be_visible()
    expect(page.get_by_test_id("status")).not_to_contain_text("behind")
