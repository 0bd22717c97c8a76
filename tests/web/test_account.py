"""One's account on the page: who registers, what proves who one is, keys for programs, and money that goes out."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from lockstep.procs.api.v1.auth import REGISTERED_BY_ADDRESS
from tests.passwords import PASSWORD
from tests.pipeline.api_client import ApiClient, RefusedError, seed_of
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.person import Person, ProblemError
from tests.pipeline.test_operating import by_two, known
from tests.web.conftest import Watched, held
from tests.web.test_access import findings
from tests.web.test_trade import log_in

GOOD = "quiet-lantern-under-snow"
BETTER = "seven-grey-herons-waiting"
MARKUP = "<img src=x onerror=alert(1)> \u202eevil"


def enter(page: Page, name: str, password: str, code: str = "") -> None:
    """Fill in the dialog and send it."""
    page.get_by_test_id("login-name").fill(name)
    page.get_by_test_id("login-password").fill(password)
    if code:
        page.get_by_test_id("login-code").fill(code)
    page.get_by_test_id("login-submit").click()


def register(page: Page, name: str, password: str = GOOD) -> None:
    page.goto("/account")
    page.get_by_test_id("login-open").click()
    page.get_by_role("button", name="I am new here").click()
    enter(page, name, password)


def account_of(page: Page, name: str) -> None:
    log_in(page, name)
    page.get_by_role("link", name="Account").click()
    expect(page.get_by_role("heading", name="API keys")).to_be_visible()


def prove(page: Page, secret: str = PASSWORD) -> None:
    page.get_by_test_id("stepup-secret").fill(secret)
    page.get_by_test_id("stepup-submit").click()


def confirm(page: Page, name: str, label: str) -> None:
    """Click a button that asks, and confirm."""
    page.get_by_role("button", name=name).click()
    page.get_by_role("dialog").get_by_role("button", name=label, exact=True).click()


def alert(page: Page) -> Locator:
    return page.get_by_role("dialog").get_by_role("alert")


def test_a_newcomer_gets_a_second_factor_and_by_codes_alone_comes_back(
    watched: tuple[Page, Watched], tmp_path: Path
) -> None:
    page, seen = watched
    seen.allow("status of 4")
    register(page, "TRADER1")
    expect(page.get_by_text("This name is taken")).to_be_visible()
    enter(page, "new.comer", "password1")
    expect(page.get_by_text("choose another password")).to_be_visible()
    enter(page, "new.comer", GOOD)
    expect(page.get_by_test_id("who")).to_have_text("new.comer")

    page.get_by_test_id("mfa-begin").click()
    prove(page, "wrong")
    expect(alert(page)).to_contain_text("wrong")
    prove(page, GOOD)
    expect(page.get_by_test_id("mfa-qr").locator("path")).to_have_attribute("d", re.compile("M4 4h7v1H4z"))
    totp = pyotp.TOTP(page.get_by_test_id("mfa-secret").inner_text().replace(" ", ""))
    page.get_by_test_id("mfa-code").fill("123456x")
    page.get_by_test_id("mfa-confirm").click()
    expect(page.get_by_text("is its clock right?")).to_be_visible()
    used = totp.now()
    page.get_by_test_id("mfa-code").fill(used)
    page.get_by_test_id("mfa-confirm").click()
    told = page.get_by_test_id("recovery-codes").locator("li")
    expect(told).to_have_count(10)
    codes = told.all_inner_texts()
    with page.expect_download() as kept:
        page.get_by_role("button", name="Keep as a file").click()
    kept.value.save_as(tmp_path / "codes")
    assert set(codes) <= set((tmp_path / "codes").read_text().splitlines())
    page.get_by_test_id("recovery-kept").click()
    expect(page.get_by_test_id("mfa-state")).to_contain_text("10 recovery codes")
    assert codes[0] not in page.content()

    page.get_by_test_id("logout").click()
    page.get_by_test_id("login-open").click()
    for code in ("", used, "123456"):
        enter(page, "new.comer", GOOD, code)
        expect(alert(page)).to_contain_text("Name, password or code is wrong")
        expect(page.get_by_test_id("login-submit")).to_be_enabled()
    expect(alert(page)).to_contain_text("up to 8 seconds")
    enter(page, "new.comer", GOOD, totp.at(int(time.time()) + 30))  # the next one: this one is used
    expect(page.get_by_test_id("who")).to_have_text("new.comer")

    confirm(page, "Turn it off", "Turn it off")
    prove(page, used)
    expect(alert(page)).to_contain_text("wrong")
    prove(page, codes[0])
    expect(page.get_by_test_id("mfa-state")).to_contain_text("Off")


def test_who_has_lost_the_password_gets_another_by_a_code(venue: RunningVenue, watched: tuple[Page, Watched]) -> None:
    page, seen = watched
    seen.allow("status of 4")
    register(page, "loser")
    expect(page.get_by_test_id("who")).to_have_text("loser")
    busy = {"status": 429, "code": "TOO_MANY_REQUESTS", "detail": "Later."}
    page.route("**/v1/auth/logout", lambda route: route.fulfill(status=429, json=busy), times=1)
    page.get_by_test_id("logout").click()
    expect(page.get_by_text("You may still be logged in. Later.")).to_be_visible()
    page.get_by_test_id("logout").click()
    expect(page.get_by_text("You may still be logged in.")).to_have_count(0)
    first, second = known(venue, "OPERATOR1"), known(venue, "OPERATOR2")
    proposed = first.post("/operator/accounts/loser/password-reset")
    page.get_by_test_id("login-open").click()
    page.get_by_role("button", name="I have lost my password").click()
    page.get_by_role("button", name="A code from operators").click()
    page.get_by_test_id("reset-name").fill("loser")
    page.get_by_test_id("reset-code").fill(proposed["code"])
    page.get_by_test_id("reset-password").fill(BETTER)
    page.get_by_test_id("reset-submit").click()
    expect(alert(page)).to_be_visible()  # nobody has approved it
    second.post(f"/operator/accounts/loser/password-reset/{proposed['proposal']}/approve")
    page.get_by_test_id("reset-submit").click()
    expect(page.get_by_text("Your password is new")).to_be_visible()
    expect(page.get_by_test_id("login-name")).to_have_value("loser")
    page.get_by_test_id("login-password").fill(GOOD)
    page.get_by_test_id("login-submit").click()
    expect(alert(page)).to_contain_text("wrong")
    page.get_by_test_id("login-password").fill(BETTER)
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("who")).to_have_text("loser")


def test_the_page_says_who_may_register(venue: RunningVenue, page: Page) -> None:
    admin = known(venue, "ADMIN1")
    by_two(admin, known(venue, "ADMIN2"), "/operator/registration", mode="approval")
    register(page, "waits")
    expect(page.get_by_text("An operator has to let you trade")).to_be_visible()
    page.get_by_test_id("login-password").fill(GOOD)
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("who")).to_have_text("waits")
    page.get_by_test_id("logout").click()
    admin.put("/operator/registration", mode="closed")
    page.get_by_test_id("login-open").click()
    expect(page.get_by_text("opened by this venue's operators")).to_be_visible()
    expect(page.get_by_role("button", name="I am new here")).to_have_count(0)
    by_two(admin, known(venue, "ADMIN2"), "/operator/registration", mode="open")


def test_a_key_of_the_page_trades_until_it_is_rotated_or_deleted(
    venue: RunningVenue, watched: tuple[Page, Watched]
) -> None:
    page, seen = watched
    seen.allow("status of 4")
    account_of(page, "TRADER1")
    keys = page.get_by_test_id("keys").locator("tbody tr")
    expect(keys).to_have_count(2)
    page.get_by_label("read:").uncheck()
    page.get_by_test_id("key-make").click()
    expect(page.get_by_text("Choose at least one.")).to_be_visible()
    page.get_by_label("read:").check()
    page.get_by_label("trade:").check()
    page.get_by_test_id("key-addresses").fill("here")
    page.get_by_test_id("key-make").click()
    prove(page)
    expect(page.get_by_text("an address such as 192.0.2.7")).to_be_visible()
    page.get_by_test_id("key-addresses").fill("127.0.0.0/8, ::1")
    page.get_by_test_id("key-expires").fill("2100-01-01")
    page.get_by_test_id("key-make").click()
    expect(page.get_by_role("heading", name="Your key is made")).to_be_focused()
    expect(keys).to_have_count(3)
    expect(keys.last).to_contain_text("127.0.0.0/8, ::1/128")
    expect(keys.last).to_contain_text("1 Jan 2100, 23:59:59")
    for client in ("ccxt", "python-binance", "freqtrade"):
        page.get_by_role("button", name=client, exact=True).click()
        expect(page.get_by_test_id("snippet")).to_contain_text(f"http://127.0.0.1:{venue.api_port}")
    first = shown(venue, page)
    assert first.order("k1", "BUY", "41000.00", "0.1")["status"] == "NEW"
    name, text = page.get_by_test_id("key-name").inner_text(), page.get_by_test_id("key-secret").inner_text()
    page.get_by_test_id("key-kept").click()
    assert text not in page.content()

    confirm(page, f"Rotate {name}", "Rotate")
    expect(page.get_by_test_id("key-name")).not_to_have_text(name)
    second = shown(venue, page)
    assert [each["clientOrderId"] for each in second.signed("GET", "openOrders", symbol="BTCUSDT")] == ["k1"]
    with pytest.raises(RefusedError, match="401"):
        first.signed("GET", "account")
    confirm(page, f"Delete {page.get_by_test_id('key-name').inner_text()}", "Delete")
    expect(keys).to_have_count(2)
    with pytest.raises(RefusedError, match="401"):
        second.signed("GET", "account")

    page.get_by_test_id("key-kind").select_option("own")
    page.get_by_test_id("key-public").fill("no key")
    page.get_by_test_id("key-make").click()
    expect(page.get_by_text("This is not a public key: send Ed25519")).to_be_visible()
    page.get_by_test_id("key-public").fill(b64encode(seed_of("TRADER9").public_key().public_bytes_raw()).decode())
    page.get_by_test_id("key-make").click()
    expect(page.get_by_test_id("snippet")).to_contain_text("private.pem")
    expect(page.get_by_test_id("key-secret")).to_have_count(0)


def shown(venue: RunningVenue, page: Page) -> ApiClient:
    """A client with the key that the page shows."""
    assert venue.api_port is not None
    key = page.get_by_test_id("key-name").inner_text(), page.get_by_test_id("key-secret").inner_text()
    return ApiClient(venue.api_port, "", key)


def test_money_is_asked_for_once_and_taken_back(venue: RunningVenue, watched: tuple[Page, Watched]) -> None:
    page, seen = watched
    seen.allow("status of 4", "ERR_FAILED")
    trader = known(venue, "TRADER2")
    trader.put("/orders/cancel-after", seconds=86_400)
    account_of(page, "TRADER2")
    page.get_by_role("button", name="Turn it off").click()
    expect(page.get_by_text("All your open orders are cancelled at")).to_have_count(0)
    assert trader.get("/orders/cancel-after")["due"] is None

    ask, rows = page.get_by_test_id("withdrawal-ask"), page.get_by_test_id("withdrawals").locator("tbody tr")
    page.get_by_test_id("withdrawal-asset").select_option("USDT")
    page.get_by_test_id("withdrawal-destination").fill("<b>bank</b> 12")
    page.get_by_test_id("withdrawal-amount").fill("1,5")
    ask.click()
    expect(page.get_by_text("Is the comma a decimal point")).to_be_visible()
    page.get_by_test_id("withdrawal-amount").fill("0.000000001")
    ask.click()
    expect(page.get_by_text("At most 8 decimals.")).to_be_visible()
    page.get_by_test_id("withdrawal-amount").fill("999999999")
    ask.click()
    prove(page)
    expect(page.get_by_role("alert")).to_contain_text("balance")

    page.get_by_test_id("withdrawal-amount").fill("1.5")
    page.route("**/v1/withdrawals", lambda route: (route.fetch(), route.abort()), times=1)  # the answer is lost
    ask.dblclick()
    expect(page.get_by_text("It is not known whether")).to_be_visible()
    busy = {"detail": "Too many requests.", "code": "TOO_MANY_REQUESTS"}
    page.route("**/v1/withdrawals", lambda route: route.fulfill(status=429, json=busy), times=1)
    ask.click()
    expect(page.get_by_text("Too many requests.")).to_be_visible()  # which says nothing of the first time
    ask.click()
    expect(page.get_by_test_id("withdrawal-amount")).to_have_value("")
    assert len(trader.get("/withdrawals")) == 1
    expect(rows).to_have_count(1)
    for text in ("1.50000000 USDT", "<b>bank</b> 12", "waits for operators"):
        expect(rows.first).to_contain_text(text)
    assert rows.locator("b").count() == 0
    number = rows.first.locator("td").first.inner_text()
    known(venue, "OPERATOR1").post(f"/operator/withdrawals/{number}/approve")
    expect(rows.first).to_contain_text("one operator has approved")  # told by the stream
    confirm(page, f"Cancel withdrawal {number}", "Cancel")
    expect(rows.first).to_contain_text("cancelled")
    expect(page.get_by_role("button", name=f"Cancel withdrawal {number}")).to_have_count(0)


def test_sessions_end_one_by_one_and_all_with_another_password(
    browser: Browser, venue: RunningVenue, watched: tuple[Page, Watched]
) -> None:
    page, seen = watched
    seen.allow("status of 4")
    register(page, "owner")
    expect(page.get_by_test_id("who")).to_have_text("owner")
    other = browser.new_context(base_url=f"http://127.0.0.1:{venue.api_port}", user_agent=f"{MARKUP}{500 * 'x'}")
    theirs = other.new_page()
    theirs.goto("/account")
    theirs.get_by_test_id("login-open").click()
    enter(theirs, "owner", GOOD)
    theirs.get_by_test_id("profile-name").fill(MARKUP)

    rows = page.get_by_test_id("sessions").locator("tbody tr")
    cookies: Any = page.context.cookies()
    page.reload()
    expect(rows).to_have_count(2)
    page.context.add_cookies(cookies)  # as if that answer had got lost
    page.reload()
    expect(rows).to_have_count(2)
    expect(page.get_by_test_id("sessions")).to_contain_text("<img src=x onerror=alert(1)>")
    rows.filter(has=page.get_by_role("button", name="End the session")).get_by_role("button").click()
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("this one")
    expect(theirs.get_by_text("Your session has ended")).to_be_visible()
    theirs.get_by_test_id("login-password").fill(GOOD)
    theirs.get_by_test_id("login-submit").click()
    expect(theirs.get_by_test_id("login-submit")).to_have_count(0)
    expect(theirs.get_by_test_id("profile-name")).to_have_value(MARKUP)
    theirs.get_by_test_id("profile-name").fill("<b>Own</b>er")
    theirs.get_by_test_id("profile-zone").fill("Asia/Tokyo")
    theirs.get_by_test_id("profile-theme").select_option("dark")
    theirs.get_by_role("button", name="Save").click()
    expect(theirs.get_by_text("Saved.")).to_be_visible()
    expect(theirs.get_by_test_id("sessions")).to_be_visible()
    expect(theirs.locator("dd", has_text="Asia/Tokyo")).to_be_visible()
    expect(theirs.locator("html")).to_have_attribute("data-theme", "dark")

    theirs.get_by_test_id("mfa-begin").click()
    expect(theirs.get_by_test_id("stepup-secret")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="End all others").click()
    expect(rows).to_have_count(1)
    expect(theirs.get_by_text("Your session has ended")).to_be_visible()
    theirs.get_by_test_id("login-password").fill(GOOD)
    theirs.get_by_test_id("login-submit").click()
    prove(theirs, GOOD)  # what was wanted when the session ended
    expect(theirs.get_by_test_id("mfa-qr")).to_be_visible()

    page.get_by_test_id("password-current").fill("not it at all")
    page.get_by_test_id("password-new").fill(BETTER)
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("This is not the account's password.")).to_be_visible()
    page.get_by_test_id("password-current").fill(GOOD)
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("Your password is new.")).to_be_visible()
    expect(theirs.get_by_text("Your session has ended")).to_be_visible()
    page.get_by_test_id("logout").click()
    page.get_by_test_id("login-open").click()
    enter(page, "owner", BETTER)
    expect(page.get_by_test_id("profile-name")).to_have_value("<b>Own</b>er")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")  # the profile's, in a browser that had none
    other.close()


def test_a_tab_proves_who_one_is_after_another_tab_has(watched: tuple[Page, Watched]) -> None:
    """A proof gives the session another token. A tab that was not told so fetches it, and proves it with that."""
    page, seen = watched
    seen.allow("status of 4", "WebSocket")
    page.route_web_socket("**/v1/stream", lambda line: line.close())
    account_of(page, "TRADER4")
    page.get_by_test_id("mfa-begin").click()
    expect(page.get_by_test_id("stepup-secret")).to_be_visible()
    other = page.context.new_page()
    other.goto("/account")
    late: list[Route] = []
    other.route("**/v1/auth/step-up", lambda route: late.append(route), times=1)
    other.get_by_test_id("mfa-begin").click()
    prove(other)
    asked = held(other, late)
    other.get_by_role("button", name="Close").click()
    other.get_by_test_id("mfa-begin").click()
    expect(other.get_by_test_id("stepup-secret")).to_have_value("")
    asked.continue_()  # a proof that comes late counts for what wants one by then
    expect(other.get_by_test_id("mfa-qr")).to_be_visible()
    prove(page)
    expect(page.get_by_test_id("mfa-qr")).to_be_visible()


def test_all_of_it_is_for_everybody(watched: tuple[Page, Watched]) -> None:
    """In both themes, at 320 px, by the keyboard."""
    page, seen = watched
    seen.allow("status of 403")
    page.goto("/account")
    expect(page.get_by_test_id("login-open")).to_be_enabled()
    page.get_by_test_id("login-open").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("login-name")).to_be_focused()
    page.keyboard.type("TRADER3")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("who")).to_have_text("TRADER3")
    page.get_by_test_id("mfa-begin").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stepup-secret")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("mfa-qr")).to_be_visible()
    page.get_by_test_id("key-make").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your key is made")).to_be_focused()
    for theme in ("light", "dark"):
        page.get_by_role("banner").get_by_label("Colours").select_option(theme)
        assert findings(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_role("button", name="Delete TRADER3-demo-key").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert findings(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete TRADER3-demo-key")).to_be_focused()


def register_until_refused(stranger: Person) -> None:
    """Each hour has a budget of its own, and one may begin during the test."""
    for number in range(2 * REGISTERED_BY_ADDRESS + 1):
        stranger.post("/auth/register", name=f"many{number}", password=GOOD)


def test_who_registers_too_often_is_told_how_long_to_wait(venue: RunningVenue, watched: tuple[Page, Watched]) -> None:
    """The last of this file: nobody registers from here for an hour."""
    page, seen = watched
    seen.allow("status of 4")
    assert venue.api_port is not None
    stranger = Person(venue.api_port)
    with pytest.raises(ProblemError, match="TOO_MANY_REQUESTS"):
        register_until_refused(stranger)
    register(page, "late")
    expect(alert(page)).to_have_text(re.compile(r"Too many accounts .* Wait \d+ minutes\."))
