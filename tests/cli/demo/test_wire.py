"""The population's words over FIX: written as the venue reads them, read as the venue writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest
import simplefix
from hypothesis import given
from hypothesis import strategies as st

from lockstep import VenueError
from lockstep.cli.demo.fix_orders import FixOrders
from lockstep.cli.demo.population.words import (
    Accepted,
    Cancel,
    Ended,
    Event,
    Filled,
    Kept,
    Kind,
    Move,
    Moved,
    Place,
    Request,
)
from lockstep.cli.demo.steps import Step, Steps
from lockstep.client.fix.message import Reader, encoded, utc_text
from lockstep.procs.gateway.fix.message import Message as VenueMessage

BTC = Steps("BTCUSDT", "BTC", "USDT", Step.of("0.0100"), Step.of("0.00010000"))
ASK = Place("MAKER1", "BTCUSDT", 7, Kind.QUOTE, False, 6_000_000, 25)
NOW = "20260101-00:00:00.000"
TAGS = {"kind": 35, "id": 11, "of": 41, "exec": 150, "status": 39, "lots": 32, "symbol": 55, "text": 58, "about": 379}


def orders(*requests: Request) -> FixOrders:
    made = FixOrders("MAKER1", "run", {"BTCUSDT": BTC})
    for request in requests:
        made.message(request, NOW, 0.0)
    return made


def heard(made: FixOrders, **fields: str) -> list[Event]:
    return list(made.events({TAGS[name]: value for name, value in fields.items()}))


@pytest.mark.parametrize(
    ("text", "step"), [("0.0100", Step(1, 2)), ("5", Step(5, 0)), ("0.25000000", Step(25, 2)), ("100.00", Step(100, 0))]
)
def test_a_step_is_read_as_the_venue_writes_it(text: str, step: Step) -> None:
    assert Step.of(text) == step


@given(st.integers(1, 10**6), st.integers(0, 18), st.integers(0, 10**15))
def test_steps_are_written_and_read_exactly(units: int, scale: int, count: int) -> None:
    step = Step(units, scale)
    assert Decimal(step.text(count)) == Decimal(units * count).scaleb(-scale)
    assert step.count(step.text(count)) == count


@given(st.lists(st.integers(1, 60), max_size=20))
def test_messages_are_read_however_they_are_cut(sizes: list[int]) -> None:
    fields = [(35, "8"), (34, 5), (58, "höher"), (150, "F")]
    stream = encoded("FIX.4.4", fields) * 3
    reader, found = Reader(), []
    for size in [*sizes, len(stream)]:
        reader.add(stream[:size])
        found += list(reader.all())
        stream = stream[size:]
    assert found == [{8: "FIX.4.4", 9: found[0][9], 35: "8", 34: "5", 58: "höher", 150: "F", 10: found[0][10]}] * 3


def test_what_is_no_fix_is_found_out() -> None:
    reader = Reader()
    reader.add(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(VenueError, match="GARBLED"):
        reader.next()


def test_the_venue_reads_what_is_written() -> None:
    data = encoded(
        "FIX.4.4", [(35, "D"), (49, "MAKER1"), (56, "LOCKSTEP"), (34, 2), (52, utc_text(1_700_000_000_123_456_789))]
    )
    message = VenueMessage()
    assert message.read(data) == len(data)
    assert message.get(52) == b"20231114-22:13:20.123"
    reader, stranger = Reader(), simplefix.FixParser()
    reader.add(data)
    stranger.append_buffer(data)
    parsed = stranger.get_message()
    framed = {tag: parsed.get(tag).decode() for tag in (9, 10)}
    assert reader.next() == {int(tag): value.decode() for tag, value in message.pairs()} | {8: "FIX.4.4"} | framed


@pytest.mark.parametrize(
    ("request_", "kind", "fields"),
    [
        (ASK, "D", {54: 2, 38: "0.0025", 40: 2, 44: "60000.00", 59: 1, 18: 6}),
        (Place("MAKER1", "BTCUSDT", 8, Kind.TAKING, True, 6_000_001, 1), "D", {54: 1, 40: 2, 44: "60000.01", 59: 3}),
        (Place("MAKER1", "BTCUSDT", 8, Kind.MARKET, True, 0, 10_000), "D", {38: "1.0000", 40: 1, 59: 3}),
        (Place("MAKER1", "BTCUSDT", 8, Kind.STOP, False, 5_999_900, 1), "D", {40: 3, 99: "59999.00", 59: 1}),
        (Place("MAKER1", "BTCUSDT", 8, Kind.RESTING, True, 100, 50, 5), "D", {38: "0.0050", 1138: "0.0005", 59: 1}),
        (Move("MAKER1", "BTCUSDT", 8, 7, False, 6_000_100, 30), "G", {11: "run-8", 41: "run-7", 44: "60001.00"}),
        (Cancel("MAKER1", "BTCUSDT", 8, 7, False), "F", {11: "run-8", 41: "run-7", 54: 2}),
    ],
)
def test_requests_are_written_as_fix_has_them(request_: Request, kind: str, fields: dict[int, object]) -> None:
    said, written = orders().message(request_, NOW, 0.0)
    assert said == kind
    assert fields.items() <= dict(written).items()
    assert {11: f"run-{request_.number}", 55: "BTCUSDT", 60: NOW}.items() <= dict(written).items()


def test_what_reports_say_is_heard() -> None:
    made = orders(ASK)
    assert list(made.waiting) == [7]
    assert heard(made, kind="8", id="run-7", exec="0", status="0") == [Accepted("MAKER1", 7)]
    assert not made.waiting
    filled = {"kind": "8", "id": "run-7", "exec": "F", "symbol": "BTCUSDT"}
    assert heard(made, **filled, status="1", lots="0.0020") == [Filled("MAKER1", 7, 20)]
    assert heard(made, **filled, status="2", lots="0.0005") == [Filled("MAKER1", 7, 5), Ended("MAKER1", 7)]
    assert heard(made, kind="8", id="run-9", exec="4", status="4") == [Ended("MAKER1", 9)]
    assert heard(made, kind="8", id="other-9", exec="4", status="4") == []


def test_a_refusal_is_one_unless_the_market_had_only_moved() -> None:
    refused = {"kind": "8", "exec": "8", "status": "8"}
    made = orders(ASK, Place("MAKER1", "BTCUSDT", 8, Kind.MARKET, True, 0, 1))
    assert heard(made, **refused, id="run-7", text="WOULD_TAKE: …") == [Ended("MAKER1", 7)]
    assert heard(made, **refused, id="run-8", text="INSUFFICIENT_BALANCE") == [Ended("MAKER1", 8, refused=True)]


def test_moves_and_cancels_are_heard_of_the_order_that_they_are_about() -> None:
    move, cancel = Move("MAKER1", "BTCUSDT", 8, 7, False, 6_000_100, 30), Cancel("MAKER1", "BTCUSDT", 9, 7, False)
    moved = {"kind": "8", "id": "run-8", "of": "run-7", "exec": "5", "status": "0"}
    assert heard(orders(move), **moved) == [Moved("MAKER1", 7, 8)]
    cancelled = {"kind": "8", "id": "run-9", "of": "run-7", "exec": "4", "status": "4"}
    assert heard(orders(cancel), **cancelled) == [Ended("MAKER1", 7)]
    kept = {"kind": "9", "id": "run-8", "of": "run-7"}
    assert heard(orders(move), **kept, status="0", text="HALTED") == [Kept("MAKER1", 7, refused=True)]
    assert heard(orders(move), **kept, status="0", text="WOULD_TAKE") == [Kept("MAKER1", 7)]
    assert heard(orders(move), **kept, status="2", text="ORDER_CLOSED") == [Ended("MAKER1", 7)]
    busy = {"kind": "j", "text": "busy"}
    assert heard(orders(move), **busy, about="run-8") == [Kept("MAKER1", 7, refused=True)]
    assert heard(orders(ASK), **busy, about="run-7") == [Ended("MAKER1", 7, refused=True)]
