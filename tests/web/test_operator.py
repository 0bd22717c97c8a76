"""/operator in real browsers: what operators do there happens, auditors only read, and traders see nothing of it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.passwords import PASSWORD
from tests.pipeline.api_client import RefusedError
from tests.pipeline.conftest import RunningVenue, one_for_all
from tests.pipeline.person import Person
from tests.pipeline.test_looking import until
from tests.pipeline.test_operating import MORE, by_two, known
from tests.pipeline.test_people import refused
from tests.web.conftest import Watched
from tests.web.test_access import findings
from tests.web.test_market import client, place

Open = Callable[[str, str], Page]


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    with one_for_all(tmp_path_factory, lambda text: text + MORE) as running:
        yield running


@pytest.fixture
def opened(browser: Browser, venue: RunningVenue) -> Iterator[Open]:
    """Opens a browser of somebody's own at a place; what the venue refuses there is no error."""
    with contextlib.ExitStack() as stack:

        def open_as(name: str, at: str) -> Page:
            context = browser.new_context(
                base_url=f"http://127.0.0.1:{venue.api_port}", viewport={"width": 1280, "height": 900}
            )
            stack.callback(context.close)
            seen = Watched(context, venue)
            seen.allow("status of 403", "status of 400", "status of 422", "status of 404", "ERR_FAILED")
            stack.callback(seen.check)
            page = context.new_page()
            page.goto(at)
            page.get_by_test_id("login-open").click()
            page.get_by_test_id("login-name").fill(name)
            page.get_by_test_id("login-password").fill(PASSWORD)
            page.get_by_test_id("login-submit").click()
            expect(page.get_by_test_id("who")).to_have_text(name)
            return page

        yield open_as


def prove(page: Page) -> None:
    """The venue asks for it once in five minutes."""
    page.get_by_test_id("stepup-secret").fill(PASSWORD)
    page.get_by_test_id("stepup-submit").click()


def do(page: Page, button: Locator, typed: str = "", *, proves: bool = False, **fields: str) -> None:
    """Have a command carried out, and wait until the page says what came of it."""
    if page.get_by_role("button", name="Dismiss").count():
        page.get_by_role("button", name="Dismiss").click()
    button.click()
    for name, text in fields.items():
        field = page.get_by_test_id(f"field-{name}")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(text)
        else:
            field.fill(text)
    if typed:
        page.get_by_test_id("confirm-text").fill(typed)
    page.get_by_test_id("confirm-submit").click()
    if proves:
        prove(page)
    expect(page.get_by_test_id("operate-result")).not_to_be_empty()
    expect(page.get_by_role("dialog")).to_have_count(0)


def result(page: Page) -> Locator:
    return page.get_by_test_id("operate-result")


def test_an_operator_halts_auctions_and_resumes_and_a_trader_sees_it(venue: RunningVenue, opened: Open) -> None:
    trader = opened("TRADER1", "/trade/BTCUSDT")
    page = opened("OPERATOR1", "/operator")
    row = page.get_by_test_id("instrument-BTCUSDT")
    row.get_by_test_id("halt").click()
    page.get_by_test_id("confirm-text").fill("BTCUSD")
    page.get_by_test_id("confirm-submit").click()
    expect(page.get_by_text("Type exactly BTCUSDT.")).to_be_visible()
    page.get_by_test_id("confirm-text").fill("BTCUSDT")
    page.get_by_test_id("confirm-submit").click()
    page.get_by_test_id("stepup-secret").wait_for()
    page.keyboard.press("Escape")  # who does not prove it sends nothing
    expect(page.get_by_text("Nothing was sent")).to_be_visible()
    page.get_by_test_id("confirm-submit").click()
    prove(page)
    expect(result(page)).to_contain_text("Halt BTCUSDT: Done.")
    expect(row.get_by_test_id("phase")).to_have_text("halt")
    expect(trader.get_by_text("halt", exact=True)).to_be_visible()
    with pytest.raises(RefusedError, match="Market is closed"):
        place(client(venue, 2), "BTCUSDT", "BUY", "100.00", "1")

    result(page).get_by_role("link").click()
    expect(page.get_by_test_id("then-command")).to_contain_text("BTCUSDT")
    page.goto("/operator/instruments/BTCUSDT")  # a section, and one thing in it, come back by their address
    do(page, page.get_by_test_id("begin-phase"), "BTCUSDT", phase="opening_auction")
    expect(trader.get_by_text("opening auction", exact=True)).to_be_visible()
    place(client(venue, 2), "BTCUSDT", "BUY", "60001.00", "0.5")
    place(client(venue, 3), "BTCUSDT", "SELL", "60001.00", "0.5")
    do(page, page.get_by_test_id("resume"), "BTCUSDT")
    expect(page.get_by_test_id("phase")).to_have_text("continuous")
    expect(trader.get_by_test_id("last-price")).to_contain_text("001.00")

    page.get_by_test_id("schedule").click()
    page.get_by_test_id("field-entries").fill("08:00 continuous\n25:00 halt")
    page.get_by_test_id("confirm-submit").click()
    expect(page.get_by_text("Line 2: begin with a time")).to_be_visible()
    page.get_by_test_id("field-entries").fill("08:00 continuous mon tue\n22:00 continuous")
    page.get_by_test_id("confirm-submit").click()
    expect(page.get_by_text("mon tue")).to_be_visible()
    page.get_by_test_id("limits").click()
    page.get_by_test_id("field-max_quantity").fill("0.00000001")
    page.get_by_test_id("confirm-submit").click()
    expect(page.get_by_role("dialog").get_by_text(re.compile("lot|multiple|step", re.I))).to_be_visible()


def test_money_takes_two_operators_each_in_a_browser_of_his_own(venue: RunningVenue, opened: Open) -> None:
    known(venue, "ADMIN1").put("/operator/deposit-limits/BTC", amount="2")
    first = opened("OPERATOR1", "/operator/money")
    second = opened("OPERATOR2", "/operator/money")
    asked = {"account": "TRADER4", "asset": "BTC", "amount": "2.5"}
    first.get_by_test_id("propose-deposits").click()
    first.get_by_test_id("field-amount").fill("2,5")
    first.get_by_test_id("confirm-submit").click()
    expect(first.get_by_text("Is the comma a decimal point")).to_be_visible()
    first.get_by_test_id("confirm-leave").click()
    do(first, first.get_by_test_id("propose-deposits"), "TRADER4", proves=True, **asked)
    expect(result(first)).to_contain_text("another operator approves")
    own = first.get_by_test_id("deposits").get_by_role("row").nth(1)
    expect(own.get_by_test_id("approve")).to_be_disabled()
    expect(own).to_contain_text("You proposed it")

    second.get_by_role("button", name="Look again").nth(1).click()
    approve = second.get_by_test_id("deposits").get_by_test_id("approve")
    approve.click()
    for name, text in (asked | {"amount": "2.6"}).items():
        second.get_by_test_id(f"field-{name}").fill(text)
    second.get_by_test_id("confirm-text").fill("TRADER4")
    second.get_by_test_id("confirm-submit").click()
    prove(second)
    expect(second.get_by_role("dialog").get_by_role("alert")).to_be_visible()  # it is not what was proposed
    second.get_by_test_id("field-amount").fill("2.5")
    second.get_by_test_id("confirm-submit").click()
    expect(result(second)).to_contain_text("Approve deposit")
    expect(second.get_by_text("No deposit waits.")).to_be_visible()

    owner = known(venue, "TRADER4")
    number = owner.post("/withdrawals", asset="BTC", amount="1", destination="<b>vault</b> 7")["number"]
    row = f"withdrawal-{number}"
    first.get_by_role("button", name="Look again").first.click()
    expect(first.get_by_test_id(row)).to_contain_text("<b>vault</b> 7")  # as text
    do(first, first.get_by_test_id(row).get_by_test_id("approve"), "TRADER4")
    expect(first.get_by_test_id(row).get_by_test_id("approve")).to_be_disabled()
    expect(first.get_by_test_id(row)).to_contain_text("You approved it")
    second.get_by_role("button", name="Look again").first.click()
    do(second, second.get_by_test_id(row).get_by_test_id("approve"), "TRADER4")
    do(second, second.get_by_test_id(row).get_by_test_id("paid"), "TRADER4")
    expect(second.get_by_test_id(row)).to_have_count(0)
    found = next(each for each in owner.get("/account/balances") if each["asset"] == "BTC")
    assert (float(found["free"]), float(found["held"])) == (1001.5, 0)


def test_a_trade_is_undone_by_two_and_a_refusal_is_explained(venue: RunningVenue, opened: Open) -> None:
    place(client(venue, 7), "SOLUSDT", "SELL", "150.00", "2")
    place(client(venue, 8), "SOLUSDT", "BUY", "150.00", "2")
    one = known(venue, "TRADER7")
    trade = one.get("/fills?symbol=SOLUSDT")[0]["trade_id"]
    first = opened("OPERATOR1", "/operator/trades")
    latest = "/operator/trades?symbol=SOLUSDT&limit=1"
    watcher = known(venue, "OPERATOR1")
    until(lambda: [row["trade"] for row in watcher.get(latest)] == [trade])  # the database has it later
    first.get_by_test_id("trades-symbol").fill("SOLUSDT")
    first.get_by_test_id("trades-account").fill("TRADER7")
    first.get_by_test_id("trades-show").click()
    made = first.get_by_test_id("trades").get_by_role("row").nth(1)  # found by symbol and account
    expect(made).to_contain_text(str(trade))
    do(first, made.get_by_test_id("correct"), proves=True)
    own = first.get_by_test_id("corrections").get_by_role("row").nth(1)
    do(first, own.get_by_test_id("dismiss"))
    expect(first.get_by_text("No correction waits.")).to_be_visible()
    do(first, first.get_by_test_id("propose-correction"), symbol="SOLUSDT", trade=str(trade))
    expect(own).to_contain_text("undone")
    expect(own.get_by_test_id("approve")).to_be_disabled()
    second = opened("OPERATOR2", "/operator/trades")
    do(second, second.get_by_test_id("corrections").get_by_test_id("approve"), "SOLUSDT", proves=True)
    expect(second.get_by_text("No correction waits.")).to_be_visible()
    second.get_by_test_id("section-commands").click()
    given = second.get_by_test_id("commands").get_by_role("row")
    expect(given.nth(1)).to_contain_text("OPERATOR2")
    expect(second.get_by_test_id("commands")).to_contain_text("dismisses proposal")
    assert next(each for each in one.get("/account/balances") if each["asset"] == "SOL")["free"].startswith("100000.")

    auditor = known(venue, "AUDITOR1")
    known(venue, "OPERATOR1").put("/operator/accounts/TRADER7/position-limits/SOL", most="7.5")
    with refused(400, "POSITION_LIMIT"):
        one.post("/orders", symbol="SOLUSDT", side="buy", type="limit", price="1", quantity="1")
    last = auditor.get("/operator/status")["commit"]
    second.get_by_test_id("section-look-back").click()
    second.get_by_test_id("look-which").fill("soon")
    second.get_by_test_id("look-submit").click()
    expect(second.get_by_text("Write a whole number")).to_be_visible()
    second.get_by_test_id("look-which").fill(str(last))
    second.get_by_test_id("look-submit").click()
    expect(second).to_have_url(re.compile(rf"look-back\?seq={last}$"))
    expect(second.get_by_test_id("then-refusal")).to_contain_text("POSITION_LIMIT")
    second.reload()
    expect(second.get_by_test_id("then-refusal")).to_contain_text("7.5")
    second.goto("/operator/look-back?seq=99999999")
    expect(second.get_by_role("alert")).to_be_visible()


def test_an_account_is_blocked_its_orders_are_cancelled_and_its_password_is_reset(
    venue: RunningVenue, opened: Open
) -> None:
    owner = known(venue, "TRADER5")
    owner.post(
        "/orders", symbol="ETHUSDT", side="buy", type="limit", price="100", quantity="1", client_order_id="<b>x</b>"
    )
    page = opened("OPERATOR1", "/operator/accounts")
    page.get_by_test_id("account-search").fill("trader5")
    expect(page.get_by_test_id("accounts").locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="TRADER5").click()
    expect(page.get_by_test_id("account-orders")).to_contain_text("<b>x</b>")
    expect(page.get_by_test_id("account-keys")).to_contain_text("An admin does this.")
    do(page, page.get_by_test_id("kill-switch"), "TRADER5", proves=True)
    expect(page.get_by_test_id("account-blocked")).to_contain_text("new orders are refused")
    owner = known(venue, "TRADER5")  # its sessions have ended
    with refused(400, "KILL_SWITCH"):
        owner.post("/orders", symbol="ETHUSDT", side="buy", type="limit", price="100", quantity="1")
    do(page, page.get_by_test_id("cancel-all"), "TRADER5")
    expect(result(page)).to_contain_text("1 order was cancelled")
    expect(page.get_by_text("It has no open orders.")).to_be_visible()
    do(page, page.get_by_test_id("kill-switch"))
    expect(page.get_by_test_id("account-blocked")).to_have_text("not blocked")

    page.get_by_test_id("account-limits").click()
    page.get_by_test_id("field-max_orders").fill("5")
    page.get_by_test_id("confirm-submit").click()
    wrong = page.get_by_test_id("field-max_orders")
    expect(wrong).to_have_attribute("aria-invalid", "true")  # the venue names the field
    page.get_by_test_id("field-window_ms").fill("60000")
    page.get_by_test_id("confirm-submit").click()
    expect(page.get_by_text("5 in 60000 ms")).to_be_visible()

    page.get_by_test_id("position-limit").click()
    page.get_by_test_id("field-asset").fill("BTC")
    known(venue, "OPERATOR1").end_other_sessions()
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    page.get_by_test_id("login-password").fill(PASSWORD)
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("login-submit")).to_have_count(0)  # until then nothing behind it takes the keyboard
    expect(page.get_by_test_id("field-asset")).to_have_value("BTC")
    page.get_by_test_id("field-most").fill("3")
    page.get_by_test_id("confirm-submit").click()
    prove(page)
    expect(page.get_by_test_id("position-limits")).to_contain_text("BTC")

    do(page, page.get_by_test_id("reset-password"))
    code = page.get_by_test_id("reset-code").inner_text()
    page.goto("/operator/accounts")
    expect(page.get_by_test_id("resets").get_by_test_id("approve-reset")).to_be_disabled()
    other = opened("OPERATOR2", "/operator/accounts")
    do(other, other.get_by_test_id("approve-reset"), "TRADER5", proves=True)
    assert venue.api_port is not None
    Person(venue.api_port).post("/auth/reset-by-code", name="TRADER5", code=code, password="seven-grey-herons")


def test_an_auditor_reads_and_a_trader_sees_nothing_of_it(venue: RunningVenue, opened: Open) -> None:
    auditor = opened("AUDITOR1", "/operator")
    expect(auditor.get_by_text("You are an auditor")).to_be_visible()
    for section, shown in (
        ("instruments", "instrument-BTCUSDT"), ("accounts", "accounts"), ("money", "withdrawals"),
        ("trades", "corrections"), ("status", "stage-router"), ("audit", "audit"),
    ):  # fmt: skip
        auditor.get_by_test_id(f"section-{section}").click()
        expect(auditor.get_by_test_id(shown)).to_be_visible()
        assert auditor.locator(".act").count() == 0
    expect(auditor.get_by_test_id("audit")).to_contain_text("looked at accounts")
    known(venue, "AUDITOR1").put("/account/profile", language="de", time_zone="Asia/Tokyo")
    auditor.reload()
    expect(auditor.get_by_test_id("audit").locator("td").first).to_have_text(re.compile(r"^\d\d\.\d\d\.20\d\d, "))

    trader = opened("TRADER6", "/operator/accounts/TRADER1")
    asked: list[str] = []
    trader.on("request", lambda request: asked.append(request.url))
    trader.reload()
    expect(trader.get_by_role("alert")).to_contain_text("for operators and auditors")
    assert trader.get_by_role("link", name="Operate").count() == 0
    assert not [url for url in asked if "/v1/operator" in url]


def test_who_may_look_no_longer_sees_it_at_once(venue: RunningVenue, opened: Open) -> None:
    page = opened("AUDITOR1", "/operator/status")
    expect(page.get_by_test_id("venue-state")).to_contain_text("all stages run")
    by_two(known(venue, "ADMIN1"), known(venue, "OPERATOR1"), "/operator/accounts/AUDITOR1/role", role="trader")
    expect(page.get_by_text("Your session has ended.")).to_be_visible()
    page = opened("AUDITOR1", "/operator/status")
    expect(page.get_by_role("alert")).to_contain_text("for operators and auditors")
    by_two(known(venue, "ADMIN1"), known(venue, "OPERATOR1"), "/operator/accounts/AUDITOR1/role", role="auditor")
    page = opened("AUDITOR1", "/operator/status")
    expect(page.get_by_test_id("venue-state")).to_contain_text("all stages run")


def test_status_is_asked_for_again_and_again_while_somebody_sees_it(opened: Open) -> None:
    page = opened("OPERATOR2", "/operator")
    page.clock.install()
    page.goto("/operator/status")
    expect(page.get_by_test_id("venue-state")).to_contain_text("all stages run")
    expect(page.get_by_test_id("rate-commands")).not_to_have_text("–")
    with page.expect_response("**/v1/operator/status"):
        pass
    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", { value: true, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    page.get_by_test_id("show-sessions").click()  # a question that was on its way is answered before this one
    expect(page.get_by_test_id("sessions")).to_contain_text("TRADER1")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(3):
        page.clock.fast_forward(60_000)
    assert not [url for url in asked if url.endswith("/v1/operator/status")]
    with page.expect_response("**/v1/operator/status"):
        page.evaluate("() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange')) }")


SECTIONS = {
    "instruments": "instrument-BTCUSDT", "instruments/BTCUSDT": "halt", "accounts": "accounts",
    "accounts/TRADER1": "role", "money": "withdrawals", "trades": "corrections", "status": "stage-router",
    "audit": "audit", "look-back?seq=40": "then-command",
}  # fmt: skip


def test_everybody_can_use_each_section_in_both_themes_and_at_320_pixels(opened: Open) -> None:
    page = opened("OPERATOR1", "/operator")
    themes = page.get_by_label("Colours")
    for section, shown in SECTIONS.items():
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(f"/operator/{section}")
        expect(page.get_by_test_id(shown)).to_be_visible()
        for theme in ("light", "dark"):
            themes.select_option(theme)
            assert findings(page) == [], (section, theme)
        page.set_viewport_size({"width": 320, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, section
    page.goto("/operator/instruments/BTCUSDT")
    page.get_by_test_id("begin-phase").click()
    page.get_by_test_id("confirm-submit").click()
    expect(page.get_by_text("Type exactly BTCUSDT.")).to_be_visible()
    assert findings(page) == []
    box = page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320


def test_the_keyboard_is_enough_to_halt_and_a_lost_answer_is_one_command(opened: Open) -> None:
    page = opened("OPERATOR2", "/operator")
    row = page.get_by_test_id("instrument-ETHUSDT")
    row.get_by_test_id("halt").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("confirm-text")).to_be_focused()
    page.keyboard.type("ETHUSDT")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stepup-secret")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(row.get_by_test_id("phase")).to_have_text("halt")
    sent = []

    def lose(route: Route) -> None:
        sent.append(route.request.post_data_json)
        if len(sent) == 1:
            route.fetch()  # it is carried out, and nobody hears of it
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/operator/instruments/ETHUSDT/phase", lose)
    row.get_by_test_id("resume").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("confirm-text")).to_be_focused()
    page.keyboard.type("ETHUSDT")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("it is carried out once")
    expect(page.get_by_test_id("confirm-text")).to_be_disabled()
    page.get_by_test_id("confirm-submit").click()
    expect(result(page)).to_contain_text("It had reached the venue before")
    expect(row.get_by_test_id("phase")).to_have_text("continuous")
    assert sent[0] == sent[1]


def test_a_command_whose_answer_was_lost_is_not_sent_again_by_somebody_else(venue: RunningVenue, opened: Open) -> None:
    """Its id is his who sent it: of another it would be a second deposit."""
    person = known(venue, "OPERATOR2")
    page = opened("OPERATOR2", "/operator/money")
    sent = []

    def lose(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        answer = route.fetch()
        sent.append(answer.status)
        if answer.status == 201:
            route.abort()  # it is carried out, and nobody hears of it
        else:
            route.fulfill(response=answer)

    page.route("**/v1/operator/deposits", lose)
    page.get_by_test_id("propose-deposits").click()
    for name, text in {"account": "TRADER4", "asset": "USDT", "amount": "7"}.items():
        page.get_by_test_id(f"field-{name}").fill(text)
    page.get_by_test_id("confirm-text").fill("TRADER4")
    page.get_by_test_id("confirm-submit").click()
    prove(page)
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("it is carried out once")
    person.end_other_sessions()
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    page.get_by_test_id("login-name").fill("OPERATOR1")
    page.get_by_test_id("login-password").fill(PASSWORD)
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("who")).to_have_text("OPERATOR1")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert sent.count(201) == 1
