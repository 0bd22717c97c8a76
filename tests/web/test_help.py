"""A first look, the keys, and how one finds one's way: none of it stands before anything else."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.web.test_access import findings
from tests.web.test_trade import log_in

TOUR = "tour"


def focused(page: Page) -> str:
    """What has the focus: its name for scripts, or its id."""
    found: str = page.evaluate("document.activeElement.dataset.testid ?? document.activeElement.id")
    return found


def test_the_tour_is_shown_once_covers_nothing_and_is_left_at_any_step(page: Page) -> None:
    page.goto("/")
    tour = page.get_by_test_id(TOUR)
    expect(tour).to_contain_text("1 of 5")
    expect(page.get_by_test_id("status")).to_be_visible()
    for size in ({"width": 320, "height": 640}, {"width": 1440, "height": 900}):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        boxes = [page.locator(each).bounding_box() for each in (".top", ".tour", "main")]
        tops = [box["y"] for box in boxes if box is not None]
        ends = [box["y"] + box["height"] for box in boxes if box is not None]
        assert ends[0] <= tops[1] < ends[1] <= tops[2]
        for testid in ("ticket-sell", "ticket-buy", "login-open", "help-open"):
            page.get_by_test_id(testid).click(trial=True, timeout=5000)
    page.get_by_test_id("tour-next").click()
    expect(tour).to_contain_text("2 of 5")
    expect(page.locator(":root[data-tour=ticket]")).to_have_count(1)
    page.get_by_test_id("ticket-price").fill("1")
    page.keyboard.press("Escape")  # it is the field's
    expect(tour).to_be_visible()
    page.get_by_test_id("ticket-buy").focus()
    page.keyboard.press("Escape")
    expect(tour).to_have_count(0)
    assert focused(page) == "main"
    page.reload()
    expect(page.get_by_test_id("status")).to_be_visible()
    expect(tour).to_have_count(0)
    page.goto("/about")
    page.keyboard.press("?")
    page.get_by_test_id("tour-again").click()
    expect(tour).to_contain_text("1 of 5")
    expect(tour).to_be_focused()
    for _ in range(4):
        page.get_by_test_id("tour-next").click()
    page.get_by_role("button", name="Back").click()
    expect(tour).to_contain_text("4 of 5")
    page.get_by_test_id("tour-leave").click()
    expect(tour).to_have_count(0)


def test_keys_do_what_their_list_says_and_nothing_where_one_types(page: Page) -> None:
    page.goto("/trade/BTCUSDT")
    expect(page.get_by_test_id("status")).to_be_visible()
    sell, price = page.get_by_test_id("ticket-sell"), page.get_by_test_id("ticket-price")
    page.keyboard.press("s")
    expect(sell).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("b")
    expect(sell).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("p")
    expect(price).to_be_focused()
    page.keyboard.type("s?q/gp")
    expect(price).to_have_value("s?q/gp")
    expect(sell).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_test_id("keys")).to_have_count(0)
    page.get_by_test_id("help-open").focus()
    page.keyboard.press("q")
    expect(page.get_by_test_id("ticket-quantity")).to_be_focused()
    expect(page.get_by_test_id("ticket-quantity")).to_have_value("")
    for keys, path in (("ga", "account"), ("gp", "portfolio"), ("go", "operator"), ("gm", "")):
        page.get_by_test_id("help-open").focus()
        page.keyboard.type(keys)
        expect(page).to_have_url(f"{page.url.split('/')[0]}//{page.url.split('/')[2]}/{path}")
    page.goto("/about")
    page.keyboard.press("/")
    expect(page.get_by_test_id("symbol-search")).to_be_focused()
    page.keyboard.type("solusdt")
    expect(page).to_have_title("SOLUSDT · Lockstep")
    page.keyboard.press("?")
    expect(page.get_by_test_id("keys").locator("tr")).to_have_count(11)
    page.keyboard.press("s")
    expect(sell).to_have_attribute("aria-pressed", "false")
    page.get_by_test_id("keys-on").uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("keys")).to_have_count(0)
    for _ in range(2):
        page.keyboard.type("s/?gp")
        expect(sell).to_have_attribute("aria-pressed", "false")
        expect(page.get_by_test_id("keys")).to_have_count(0)
        page.reload()
        expect(page.get_by_test_id("status")).to_be_visible()
    page.get_by_test_id("help-open").click()
    page.get_by_test_id("keys-on").check()
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(sell).to_have_attribute("aria-pressed", "true")


def test_each_place_has_its_title_and_takes_the_focus_and_a_way_past_the_head(page: Page) -> None:
    log_in(page, "TRADER1", "ETHUSDT")
    expect(page).to_have_title("ETHUSDT · Lockstep")
    for name, title in (("Portfolio", "Portfolio"), ("Account", "Account"), ("About", "About"), ("Markets", "BTCUSDT")):
        page.get_by_role("navigation", name="Main").get_by_role("link", name=name).press("Enter")
        expect(page).to_have_title(f"{title} · Lockstep")
        expect(page.locator("main")).to_be_focused()
        expect(page.locator("main h1")).to_have_count(1)
    page.go_back()
    expect(page).to_have_title("About · Lockstep")
    page.reload()
    expect(page.locator("main h1")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_themes_follow_the_system_or_the_person_and_all_can_use_the_help(page: Page, theme: str) -> None:
    other = "dark" if theme == "light" else "light"
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.goto("/")
    ground = "getComputedStyle(document.body).backgroundColor"
    by_system = page.evaluate(ground)
    page.get_by_label("Colours").select_option(other)
    chosen = page.evaluate(ground)
    assert chosen != by_system
    page.reload()
    assert page.evaluate(ground) == chosen
    page.get_by_label("Colours").select_option("system")
    assert page.evaluate(ground) == by_system
    moving = "() => document.getAnimations().length"
    expect(page.get_by_test_id(TOUR)).to_be_visible()
    assert findings(page) == []
    page.get_by_test_id("help-open").click()
    expect(page.get_by_test_id("keys")).to_be_visible()
    assert page.evaluate(moving) == 0
    assert findings(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1440, "height": 900})
