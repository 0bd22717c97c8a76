"""QuickFIX, the engine that most FIX users run, against a real demo venue: with its own data dictionary checking us."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.interop.trader import Trader
from tests.pipeline.conftest import RunningVenue

pytestmark = pytest.mark.interop


def numbers(report: dict[int, str], *tags: int) -> tuple[Decimal, ...]:
    return tuple(Decimal(report[tag]) for tag in tags)


@pytest.fixture
def traders(venue: RunningVenue, tmp_path: Path, version: str) -> Iterator[tuple[Trader, Trader]]:
    pair = tuple(Trader(tmp_path, name, version, venue.fix_port) for name in ("TRADER1", "TRADER2"))
    try:
        for trader in pair:
            trader.start()
        yield pair  # type: ignore[misc]
    finally:
        for trader in pair:
            trader.stop()


@pytest.mark.parametrize("version", ["FIX.4.2", "FIX.4.4"])
def test_quickfix_rests_trades_replaces_cancels_and_reconnects(traders: tuple[Trader, Trader], version: str) -> None:
    maker, taker = traders
    fill_type = {"FIX.4.2": "2", "FIX.4.4": "F"}[version]
    partial_type = {"FIX.4.2": "1", "FIX.4.4": "F"}[version]

    maker.order("q1", "2", "2000.00", "3")
    order_id = maker.await_report("q1", "0")[37]
    taker.order("q2", "1", "2001.00", "1")
    fill = taker.await_report("q2", fill_type)
    assert (*numbers(fill, 31, 32, 151), fill[39]) == (2000, 1, 0, "2")
    passive = maker.await_report("q1", partial_type)
    assert (passive[37], *numbers(passive, 14), passive[39]) == (order_id, 1, "1")

    maker.send(
        "G", (11, "q3"), (41, "q1"), (21, "1"), (55, "ETHUSDT"), (54, "2"), (38, "2"), (40, "2"), (44, "2000.00")
    )
    replaced = maker.await_report("q3", "5")
    assert (replaced[41], *numbers(replaced, 38, 151)) == ("q1", 2, 1)

    maker.stop()
    taker.order("q4", "1", "2000.00", "0.25")
    taker.await_report("q4", fill_type)
    maker.start()
    missed = maker.await_report("q3", partial_type)
    assert numbers(missed, 14) == (Decimal("1.25"),)

    maker.send("F", (11, "q5"), (41, "q3"), (55, "ETHUSDT"), (54, "2"), (38, "2"))
    cancelled = maker.await_report("q5", "4")
    assert (cancelled[41], *numbers(cancelled, 151)) == ("q3", 0)
    maker.send("F", (11, "q6"), (41, "q3"), (55, "ETHUSDT"), (54, "2"), (38, "2"))
    refused = maker.take()
    assert (refused[11], refused[41], refused[434]) == ("q6", "q3", "1")
    assert maker.application.rejects == taker.application.rejects == []


@pytest.mark.parametrize("version", ["FIX.4.4"])
def test_quickfix_goes_on_with_its_numbers_after_the_venue_was_killed(
    traders: tuple[Trader, Trader], venue: RunningVenue, version: str
) -> None:
    assert version == "FIX.4.4"
    maker, taker = traders
    maker.order("v1", "1", "1500.00", "1")
    maker.await_report("v1", "0")
    venue.kill()
    venue.start()
    for trader in traders:  # each attempt to connect meanwhile was a logout too
        while trader.take() != "logon":
            continue
    taker.order("v2", "2", "1500.00", "1")
    taker.await_report("v2", "F")
    assert maker.await_report("v1", "F")[39] == "2"
    assert maker.application.rejects == taker.application.rejects == []


@pytest.mark.parametrize("version", ["FIX.4.2", "FIX.4.4"])
def test_quickfix_takes_every_report_of_stops_icebergs_lists_and_budgets(
    traders: tuple[Trader, Trader], version: str
) -> None:
    maker, taker = traders
    fill_type = {"FIX.4.2": "2", "FIX.4.4": "F"}[version]
    name = version[-1]
    symbol = ((21, "1"), (55, "SOLUSDT"))

    def limit(cl_ord_id: str, side: str, price: str, quantity: str) -> tuple[tuple[int, str], ...]:
        return ((11, cl_ord_id + name), *symbol, (54, side), (38, quantity), (40, "2"), (44, price), (59, "1"))

    maker.send("D", *limit("ice", "2", "150", "2"), (111, "0.5"))
    shown = maker.await_report("ice" + name, "0")
    assert numbers(shown, 111, 38) == (Decimal("0.5"), Decimal(2))
    taker.send("D", *limit("hit", "1", "150", "1"))
    taker.await_report("hit" + name, fill_type)
    taker.send("D", (11, "stop" + name), *symbol, (54, "1"), (38, "0.1"), (40, "3"), (99, "160"))
    stop = taker.await_report("stop" + name, "0")
    assert (stop.get(636), numbers(stop, 99)) == ({"FIX.4.2": None, "FIX.4.4": "N"}[version], (Decimal(160),))
    taker.send("D", (11, "trail" + name), *symbol, (54, "2"), (38, "0.1"), (40, "P"), (18, "a"), (211, "5"))
    assert numbers(taker.await_report("trail" + name, "0"), 211) == (Decimal(5),)
    taker.send("D", (11, "spend" + name), *symbol, (54, "1"), (152, "31"), (40, "1"), (59, "3"))
    spent = numbers(taker.await_report("spend" + name, "4"), 152, 14, 151)
    assert spent == (Decimal(31), Decimal("0.2066"), Decimal(0))
    maker.send_list("2", limit("first", "1", "100", "0.1"), limit("then", "2", "170", "0.1"))
    maker.await_report("first" + name, "0")
    maker.await_report("then" + name, "0")
    maker.send("F", (11, "off" + name), (41, "first" + name), *symbol[1:], (54, "1"))
    assert maker.await_report("then" + name, "4")[39] == "4"
    taker.send("D", *limit("last", "1", "160", "5"))
    maker.send("D", *limit("up", "2", "160", "0.1"))
    assert taker.await_report("stop" + name, "D")[378] == {"FIX.4.2": "4", "FIX.4.4": "8"}[version]
    if version == "FIX.4.4":
        for trader in traders:
            trader.send("q", (11, trader.application.name), (530, "7"))
            while (report := trader.take()).get(531) is None:
                assert report[11]
            assert report[531] == "7"
    assert maker.application.rejects == taker.application.rejects == []
