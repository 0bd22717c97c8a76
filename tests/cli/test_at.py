"""`lockstep at`: the command in words, what it came to, the figures of a refusal, and the venue around it."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from lockstep.__main__ import command_line
from lockstep.cli.errors import UsageError
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.operations.formatting import InstrumentUnits, Names, of_event
from lockstep.core.schema.client_ids import own_id
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import Code, Command, CommandType, Corrected
from tests.cli.conftest import SEGMENT_BYTES
from tests.pipeline.conftest import DEMO
from tests.router.random_driver import Everything
from tests.router.requests import cancel, order
from tests.router.rig import NOW, Rig

LONG_ID = "gone-and-too-long-to-be-with-another"


class Past:
    """A venue that has stopped: its core as it ended, and its journal on disk."""

    def __init__(self, folder: Path) -> None:
        self.rig = Rig().lead()
        rig = self.rig
        rig.ask(order(1, "rests", side=1, price_ticks=99, quantity_lots=40))
        rig.ask(order(2, "sells", side=2, price_ticks=99, quantity_lots=15))
        self.poor = rig.ask(order(3, "poor", side=1, price_ticks=100_000, quantity_lots=100_000))
        rig.ask(order(1, "rests", side=1, price_ticks=50, quantity_lots=1))
        rig.ask(*cancel(1, "gone", "never"))
        rig.ask(*cancel(1, LONG_ID, "never"))
        rig.ask(order(4, "post", side=2, price_ticks=99, quantity_lots=5, flags=4))
        everything = Everything(rig, random.Random(3))
        for _ in range(200):
            everything.step()
        rig.run()
        rig.tick()
        self.data = folder / "data"
        with JournalWriter(self.data / "journal", "none", SEGMENT_BYTES) as writer:
            for at in range(0, len(rig.log), 256):
                writer.append(rig.log[at : at + 256])
        self.config = folder / "venue.toml"
        self.config.write_text(re.sub(r"^data = .*$", f'data = "{self.data}"', DEMO.read_text(), flags=re.MULTILINE))

    def record(self, text: str, kind: CommandType = CommandType.NEW_ORDER, number: int = 0) -> Command:
        """The record of the log that has this client order id."""
        found = [each for each in self.rig.commands() if each.type == kind]
        return [each for each in found if own_id(each) == text.encode()][number]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return Past(tmp_path_factory.mktemp("past"))


def at(past: Past, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    command = ["at", *arguments, str(past.config), "--json"]
    assert command_line(command)(command, exit_on_error=False) == 0
    return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]


def test_an_order_is_shown_with_its_book_balances_and_open_orders(
    past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    seq = past.record("rests").seq
    view = at(past, capsys, str(seq))
    assert view["command"]["words"] == "T1 buys 40 I1 at 99: LIMIT GTC (rests)"
    assert (view["command"]["seq"], view["command"]["verdict"]) == (seq, "OK")
    assert f"order {seq} is accepted" in view["events"][0]
    assert view["books"][0]["bids"] == [{"price": "99", "quantity": "40", "shown": "40", "orders": 1}]
    assert view["orders"][0]["order_id"] == seq
    held = {each["asset"]: each["held"] for each in view["balances"]}
    assert held["A3"] == f"{99 * 40 * 7 / 100:.2f}"


def test_a_trade_is_settled_in_what_is_shown(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    view = at(past, capsys, "--order", str(past.record("sells").seq), "--account", "T1")
    assert any("T2 sells to T1 15 at 99" in event for event in view["events"])
    assert view["books"][0]["bids"][0]["quantity"] == "25"
    assert {order["account"]: order["open"] for order in view["orders"]} == {"T1": "25"}


def test_a_refusal_says_what_was_needed_and_what_was_free(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    assert past.poor == Code.INSUFFICIENT_BALANCE
    refusal = at(past, capsys, "--client-id", "T3", "poor")["refusal"]
    assert (refusal["by"], refusal["code"]) == ("the router", "INSUFFICIENT_BALANCE")
    assert refusal["figures"]["free"] == "100000.00 A3"
    assert refusal["figures"]["needed"] == "700000000.00 A3"


def test_a_repeated_client_id_names_the_record_that_used_it(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    first, again = past.record("rests").seq, past.record("rests", number=1).seq
    figures = at(past, capsys, str(again))["refusal"]["figures"]
    assert figures == {"client id": "rests", "used before by record": str(first)}
    view = at(past, capsys, "--client-id", "T1", "rests")
    assert view["command"]["seq"] == first
    assert view["notes"] == [f"the same client order id is in record {again}, too"]


def test_an_extension_stands_for_its_command(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    main = past.record(LONG_ID, CommandType.CANCEL).seq
    view = at(past, capsys, str(main - 1))
    assert view["command"]["seq"] == main
    assert view["refusal"]["code"] == "UNKNOWN_ORDER"
    assert view["refusal"]["figures"]["means"] == "never"


@pytest.mark.parametrize("text", ["gone", LONG_ID])
def test_a_cancel_is_found_by_its_own_id_and_says_which_it_means(
    past: Past, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    view = at(past, capsys, "--client-id", "T1", text)
    assert view["command"]["seq"] == past.record(text, CommandType.CANCEL).seq
    assert view["command"]["words"] == f"T1 cancels never of I1 ({text})"


def test_a_matchers_refusal_shows_the_best_prices(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    refusal = at(past, capsys, str(past.record("post").seq))["refusal"]
    assert (refusal["by"], refusal["code"]) == ("matcher 1", "WOULD_TAKE")
    assert refusal["figures"]["best bid"] == "99"


def test_every_command_of_a_busy_log_can_be_looked_at(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    seen = set()
    for record in past.rig.log:
        command = unpack_command(record)
        verdict = getattr(command, "verdict", 0)
        if command.type >= CommandType.EXT_CLIENT_ID or (command.type, verdict) in seen:
            continue
        seen.add((command.type, verdict))
        view = at(past, capsys, str(command.seq))
        assert view["command"]["words"]
        if view["command"]["seq"] == command.seq and verdict:
            assert view["refusal"]["number"] == verdict
    assert len(seen) > 15


def test_a_time_means_the_last_command_until_then(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    command = past.record("sells")
    seconds, rest = divmod(command.time_ns, 10**9)
    assert seconds == NOW // 10**9
    assert at(past, capsys, f"2023-11-14T22:13:20.{rest:09}Z")["command"]["seq"] == command.seq
    assert at(past, capsys, f"2023-11-14T23:13:20.{rest + 1:09}+01:00")["command"]["seq"] == command.seq


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("999999",), r"record 999,999 is not there yet: [\d,]+ is the journal's last"),
        (("0",), "record 0 is no longer there"),
        (("2023-11-14T22:13:20",), "add Z for UTC, or an offset"),
        (("2020-01-01T00:00:00Z",), "lies before the journal, which begins at 2023-11-14"),
        (("2040-01-01T00:00:00Z",), "lies behind the journal, which ends at 2023-11-14"),
        (("2023-14-14T22:13:20Z",), "is no time"),
        (("yesterday",), "neither a sequence of the log nor a time"),
        (("--order", "1"), "there is no order 1"),
        (("--client-id", "T1", "nothing"), "T1 has sent no order, cancel or replace with client order id nothing"),
        (("--client-id", "T99", "x"), "there is no account T99"),
        (("50", "--order", "3"), "name one command"),
        (("50", "--symbol", "XYZ"), "there was no instrument XYZ then"),
    ],
)
def test_what_is_meant_by_nothing_is_explained(past: Past, arguments: tuple[str, ...], says: str) -> None:
    command = ["at", *arguments, str(past.config)]
    with pytest.raises(UsageError, match=says):
        command_line(command)(command, exit_on_error=False)


def test_people_get_it_as_text(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["at", str(past.record("poor").seq), str(past.config)]
    assert command_line(command)(command, exit_on_error=False) == 0
    said = capsys.readouterr().out
    assert "refused by the router: INSUFFICIENT_BALANCE (102)" in said
    assert "needed: 700000000.00 A3" in said
    assert "\nopen orders" not in said


RAW = ("_bps=", "_asset=", "_mantissa=", "time_of_day_s=", "_ticks=", "entries=")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (CommandType.SCHEDULE, r"gives I\d .*(from \d+:\d\d:\d\d UTC|no schedule any more)"),
        (CommandType.INSTRUMENT, r"lists I\d: A\d for A\d, tick [\d.]+, lot [\d.]+, on matcher \d, .*collar \d+ bps"),
        (CommandType.LIMITS, r"limits I\d: .*DAY orders end at \d+:\d\d:\d\d UTC"),
        (CommandType.FEE_TIER, r"sets the rates of fee tier \d+: maker -?\d+, taker -?\d+ millionths"),
        (CommandType.ASSET, r"lists A\d, with \d+ decimals"),
    ],
)
def test_what_operators_say_is_in_words(
    past: Past, capsys: pytest.CaptureFixture[str], kind: CommandType, says: str
) -> None:
    found = [each.seq for each in past.rig.commands() if each.type == kind and not getattr(each, "verdict", 0)]
    for seq in found[:3]:
        words = at(past, capsys, str(seq))["command"]["words"]
        assert re.search(says, words), words
        assert not any(raw in words for raw in RAW), words
    assert found


def test_a_correction_says_what_became_of_its_trade() -> None:
    listed = InstrumentUnits("I1", 1, 1, 2, 5, 2, 1, 0, 5, 1)
    event = Corrected(instrument=1, trade_id=7, price_ticks=3, quantity_lots=1, new_price_ticks=0, buyer=1, seller=2,
                      buyer_fee=0, seller_fee=0, matcher=1)  # fmt: skip
    assert of_event(event, Names({}, {}, {1: listed})) == "trade 7 of I1 is undone"
    priced = structs.replace(event, new_price_ticks=21)
    assert of_event(priced, Names({}, {}, {1: listed})) == "trade 7 of I1 gets the price 1.05"
