"""Everybody can use it: axe finds nothing serious in either theme, 320 px are enough, and so is the keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.pipeline.conftest import RunningVenue
from tests.web.conftest import held
from tests.web.test_market import client, place
from tests.web.test_trade import log_in

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def findings(page: Page) -> list[str]:
    """What axe finds serious or worse, with where it is."""
    page.evaluate(AXE.read_text())
    found: Any = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{each['id']}: {each['help']}: {[node['target'] for node in each['nodes']][:3]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_is_found(venue: RunningVenue, page: Page, theme: str) -> None:
    maker = client(venue, 1)
    place(maker, "BTCUSDT", "SELL", "60000.10", "0.5")
    place(maker, "BTCUSDT", "BUY", "59999.90", "0.7")
    place(maker, "BTCUSDT", "BUY", "60000.10", "0.1")
    log_in(page, "TRADER1")
    page.get_by_label("Colours").select_option(theme)
    expect(page.get_by_test_id("open-orders").locator("tbody tr").first).to_be_visible()
    assert findings(page) == []
    page.get_by_text("Further terms").click()
    page.get_by_role("button", name="Depth").click()
    assert findings(page) == []
    page.get_by_test_id("logout").click()
    page.get_by_test_id("login-open").click()
    assert findings(page) == []
    page.goto("/about")
    assert findings(page) == []


def test_a_narrow_screen_has_all_of_it_and_scrolls_one_way(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto("/trade/BTCUSDT")
    expect(page.get_by_test_id("status")).to_be_visible()
    expect(page.get_by_test_id("ticket-submit")).to_be_attached()
    log_in(page, "TRADER3")
    expect(page.get_by_test_id("balances").locator("tbody tr").first).to_be_visible()
    page.get_by_role("button", name="OTO").click()
    wide: Any = page.evaluate(
        "() => [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 321"
        " && !e.closest('.within')).map(e => e.outerHTML.slice(0, 100))"
    )
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_keyboard_is_enough_to_trade(page: Page) -> None:
    page.goto("/trade/ETHUSDT")
    expect(page.get_by_test_id("status")).to_be_visible()
    page.get_by_test_id("login-open").focus()
    page.keyboard.press("Enter")
    page.get_by_test_id("login-name").wait_for()
    page.keyboard.type("TRADER2")
    page.keyboard.press("Tab")
    page.keyboard.type("demo")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("who")).to_have_text("TRADER2")
    page.get_by_test_id("ticket-price").focus()
    page.keyboard.type("1000")
    page.keyboard.press("Tab")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("ticket-message")).to_have_text("It rests in the book.")


def test_what_comes_later_moves_no_button_away_from_the_pointer(page: Page) -> None:
    late: list[Route] = []
    page.route("**/v1/venue", lambda route: late.append(route))
    page.goto("/trade/BTCUSDT")
    page.get_by_test_id("login-open").click()
    asked = held(page, late)
    before = page.get_by_test_id("login-submit").bounding_box()
    asked.continue_()
    expect(page.get_by_role("button", name="I am new here")).to_be_visible()
    assert page.get_by_test_id("login-submit").bounding_box() == before
