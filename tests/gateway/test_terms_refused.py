"""Every code that refuses what a message says in itself: one clear answer, and nothing for the router."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lockstep.core.intake.codes import text_of
from lockstep.core.schema.records import Code
from tests.compiled import reasons_of
from tests.gateway.harness import Trader
from tests.gateway.stage import Stage, on_stage, stage
from tests.gateway.test_entry import STOP_ENTRY, entry, run

STOP: dict[str, str | None] = {"t40": "3", "t44": None, "t99": "110"}
TRAILING: dict[str, str | None] = {"t40": "P", "t18": "a", "t44": None, "t211": "1"}
MARKET: dict[str, str | None] = {"t40": "1", "t44": None}

# Changes to a GTC limit order to buy 1 BTC at 100.00, the code, and the value that the answer repeats.
ORDERS: list[tuple[dict[str, str | None], Code, str]] = [
    ({"t40": "5"}, Code.UNSUPPORTED_ORDER_TYPE, "5"),
    ({"t40": "P", "t44": None, "t211": "1"}, Code.UNSUPPORTED_ORDER_TYPE, "P"),
    (TRAILING | {"t836": "1"}, Code.UNSUPPORTED_ORDER_TYPE, "P"),
    ({"t59": "5"}, Code.UNSUPPORTED_TIME_IN_FORCE, "5"),
    (STOP | {"t44": "100"}, Code.PRICE_NOT_ALLOWED, "100"),
    (TRAILING | {"t44": "100"}, Code.PRICE_NOT_ALLOWED, "100"),
    (MARKET | {"t44": "100"}, Code.PRICE_NOT_ALLOWED, "100"),
    ({"t40": "4", "t99": "90", "t44": None}, Code.PRICE_MISSING, ""),
    ({"t38": None}, Code.QUANTITY_NOT_POSITIVE, ""),
    (STOP | {"t99": None}, Code.STOP_PRICE_MISSING, ""),
    ({"t40": "4"}, Code.STOP_PRICE_MISSING, ""),
    ({"t99": "90"}, Code.STOP_PRICE_NOT_ALLOWED, "90"),
    (TRAILING | {"t99": "90"}, Code.STOP_PRICE_NOT_ALLOWED, "90"),
    (STOP | {"t99": "0"}, Code.TERM_NEGATIVE, "0"),
    (STOP | {"t99": "90.005"}, Code.PRICE_OFF_TICK, "90.005"),
    (STOP | {"t99": "90000000000000000", "t38": "900"}, Code.NOTIONAL_OVERFLOW, "900"),
    (TRAILING | {"t211": None}, Code.TRAIL_MISSING, ""),
    (TRAILING | {"t211": "-1"}, Code.TERM_NEGATIVE, "-1"),
    ({"t211": "1"}, Code.TRAIL_NOT_ALLOWED, "1"),
    (STOP | {"t211": "1"}, Code.TRAIL_NOT_ALLOWED, "1"),
    (MARKET | {"t111": "0.1"}, Code.DISPLAY_NOT_ALLOWED, "0.1"),
    (STOP | {"t111": "0.1"}, Code.DISPLAY_NOT_ALLOWED, "0.1"),
    (TRAILING | {"t111": "0.1"}, Code.DISPLAY_NOT_ALLOWED, "0.1"),
    ({"t59": "3", "t111": "0.1"}, Code.DISPLAY_NOT_ALLOWED, "0.1"),
    ({"t59": "2", "t111": "0.1"}, Code.DISPLAY_NOT_ALLOWED, "0.1"),
    ({"t111": "1.1"}, Code.DISPLAY_TOO_LARGE, "1.1"),
    ({"t111": "0"}, Code.TERM_NEGATIVE, "0"),
    ({"t1138": "0.00005"}, Code.QUANTITY_OFF_LOT, "0.00005"),
    ({"t59": "4", "t110": "0.1"}, Code.MINIMUM_NOT_ALLOWED, "0.1"),
    ({"t59": "7", "t110": "0.1"}, Code.MINIMUM_NOT_ALLOWED, "0.1"),
    ({"t18": "6", "t110": "0.1"}, Code.MINIMUM_NOT_ALLOWED, "0.1"),
    (STOP | {"t110": "0.1"}, Code.MINIMUM_NOT_ALLOWED, "0.1"),
    (MARKET | {"t38": None, "t152": "5", "t110": "0.1"}, Code.MINIMUM_NOT_ALLOWED, "0.1"),
    ({"t110": "2"}, Code.MINIMUM_TOO_LARGE, "2"),
    ({"t110": "-2"}, Code.TERM_NEGATIVE, "-2"),
    ({"t59": "6"}, Code.EXPIRE_TIME_MISSING, ""),
    ({"t126": "20300101-00:00:00"}, Code.EXPIRE_TIME_NOT_ALLOWED, "20300101-00:00:00"),
    ({"t59": "0", "t432": "20300101"}, Code.EXPIRE_TIME_NOT_ALLOWED, "20300101"),
    ({"t59": "6", "t432": "20301301"}, Code.EXPIRE_TIME_MALFORMED, "20301301"),
    ({"t59": "6", "t432": "99991231"}, Code.EXPIRE_TIME_MALFORMED, "99991231"),
    ({"t59": "6", "t432": "tomorrow"}, Code.EXPIRE_TIME_MALFORMED, "tomorrow"),
    ({"t59": "6", "t126": "19700101-00:00:00"}, Code.EXPIRE_TIME_MALFORMED, "19700101-00:00:00"),
    ({"t59": "3", "t18": "6"}, Code.POST_ONLY_NOT_ALLOWED, "6"),
    (MARKET | {"t18": "6"}, Code.POST_ONLY_NOT_ALLOWED, "6"),
    (STOP | {"t18": "6", "t9479": "P"}, Code.SLIDE_WITHOUT_POST_ONLY, "P"),
    ({"t9479": "P"}, Code.SLIDE_WITHOUT_POST_ONLY, "P"),
    ({"t38": None, "t152": "5"}, Code.BUDGET_NOT_ALLOWED, "5"),
    (MARKET | {"t38": None, "t152": "5", "t59": "4"}, Code.BUDGET_NOT_ALLOWED, "5"),
    (MARKET | {"t38": None, "t152": "5", "t59": "2"}, Code.BUDGET_NOT_ALLOWED, "5"),
    (MARKET | {"t152": "5"}, Code.BUDGET_AND_QUANTITY, "5"),
    (MARKET | {"t38": None, "t152": "0"}, Code.QUANTITY_NOT_POSITIVE, "0"),
    (MARKET | {"t38": None, "t152": "0.000000001"}, Code.TOO_MANY_DECIMALS, "0.000000001"),
    (MARKET | {"t59": "6", "t126": "20300101-00:00:00"}, Code.TIME_IN_FORCE_NOT_ALLOWED, "6"),
    (STOP | {"t59": "3"}, Code.TIME_IN_FORCE_NOT_ALLOWED, "3"),
    (TRAILING | {"t59": "2"}, Code.TIME_IN_FORCE_NOT_ALLOWED, "2"),
    ({"t40": "4", "t99": "90", "t59": "4"}, Code.TIME_IN_FORCE_NOT_ALLOWED, "4"),
    ({"t2964": "4"}, Code.UNSUPPORTED_SELF_TRADE, "4"),
]

REPLACES: list[tuple[dict[str, str], Code, str]] = [
    ({"t40": "1"}, Code.UNSUPPORTED_ORDER_TYPE, "1"),
    ({"t40": "3"}, Code.PRICE_NOT_ALLOWED, "100"),
    ({"t99": "90"}, Code.STOP_PRICE_NOT_ALLOWED, "90"),
    ({"t211": "1"}, Code.TRAIL_NOT_ALLOWED, "1"),
    ({"t40": "4", "t99": "-90"}, Code.TERM_NEGATIVE, "-90"),
    ({"t111": "2"}, Code.DISPLAY_TOO_LARGE, "2"),
    ({"t152": "2"}, Code.BUDGET_NOT_ALLOWED, "2"),
    ({"t432": "never"}, Code.EXPIRE_TIME_MALFORMED, "never"),
]

TWO = [*entry("a", 1), *entry("b", 2, **STOP_ENTRY)]
# ContingencyType, the orders, how many there are said to be, the code, and the value that the answer repeats.
LISTS: list[tuple[str, list[tuple[int, str]], int, Code, str]] = [
    ("1", entry("a", 1), 1, Code.LIST_NOT_TWO, "1"),
    ("1", [*TWO, *entry("c", 3)], 3, Code.LIST_NOT_TWO, "3"),
    ("3", TWO, 2, Code.UNSUPPORTED_LIST, "3"),
    ("2", [*entry("a", 1), *entry("a", 2)], 2, Code.LIST_IDS_EQUAL, "2"),
    ("1", [*entry("a", 1), *entry("b", 2, t54="2", **STOP_ENTRY)], 2, Code.LIST_SIDES_DIFFER, "1"),
    ("1", [*entry("a", 1), *entry("b", 2, t38="2", **STOP_ENTRY)], 2, Code.LIST_QUANTITIES_DIFFER, "1"),
    ("1", [*entry("a", 1), *entry("b", 2)], 2, Code.LIST_TYPES_NOT_ALLOWED, "1"),
    ("1", [*entry("a", 1, t59="3"), *entry("b", 2, **STOP_ENTRY)], 2, Code.LIST_TYPES_NOT_ALLOWED, "1"),
    ("2", [*entry("a", 1, **STOP_ENTRY), *entry("b", 2)], 2, Code.LIST_TYPES_NOT_ALLOWED, "2"),
    ("2", [*entry("a", 1), *entry("b", 2, t59="7")], 2, Code.LIST_TYPES_NOT_ALLOWED, "2"),
    ("2", [*entry("a", 1), *entry("b", 2, t40="1", t44=None, t38=None, t152="5")], 2,
     Code.LIST_TYPES_NOT_ALLOWED, "2"),
    ("1", [*entry("a", 1, t44=None), *entry("b", 2, **STOP_ENTRY)], 2, Code.PRICE_MISSING, ""),
    ("1", [*entry("a", 1), *entry("b", 2, t40="3", t44=None)], 2, Code.STOP_PRICE_MISSING, ""),
    ("2", [*entry("a", 1), *entry("b", 2, t55="DOGEUSDT")], 2, Code.UNKNOWN_SYMBOL, "DOGEUSDT"),
]  # fmt: skip

MASS: list[tuple[dict[int, str], Code, str, str]] = [
    ({530: "6"}, Code.UNSUPPORTED_MASS_CANCEL, "6", "0"),
    ({530: "1"}, Code.UNSUPPORTED_MASS_CANCEL, "1", "0"),
    ({530: "7", 55: "BTCUSDT"}, Code.UNSUPPORTED_MASS_CANCEL, "BTCUSDT", "0"),
    ({530: "1", 55: "DOGEUSDT"}, Code.UNKNOWN_SYMBOL, "DOGEUSDT", "1"),
    ({530: "7", 54: "5"}, Code.UNSUPPORTED_SIDE, "5", "99"),
    ({530: "7", 11: "x" * 37}, Code.CLIENT_ID_TOO_LONG, "x" * 37, "99"),
]


# What it should have kept to: mantissa and scale of the tick, the lot, or the smallest unit of a budget.
STEPS = {Code.PRICE_OFF_TICK: (1, 2), Code.QUANTITY_OFF_LOT: (1, 4), Code.TOO_MANY_DECIMALS: (1, 8)}


def test_an_order_is_refused_with_the_code_of_what_is_wrong_with_it(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        for number, (changes, code, sent) in enumerate(ORDERS):
            trader.order(f"bad{number}", **changes)
            answer = await trader.receive()
            assert (answer[35], answer[150], answer[39], answer[37]) == ("8", "8", "8", "NONE"), (code, answer)
            assert answer[58] == text_of(code, sent.encode(), STEPS.get(code, (0, 0))), changes
            assert (answer[11], answer[103]) == (f"bad{number}", str(reasons_of(code, fix42=False)[0]))
        assert running.nothing()

    run(tmp_path, play)


def test_a_replace_is_refused_for_what_no_order_can_be_changed_to(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        for number, (changes, code, sent) in enumerate(REPLACES):
            trader.replace(f"bad{number}", "one", **changes)
            answer = await trader.receive()
            assert (answer[35], answer[434], answer[11], answer[41]) == ("9", "2", f"bad{number}", "one"), answer
            assert answer[58] == text_of(code, sent.encode(), STEPS.get(code, (0, 0))), changes
        assert running.nothing()

    run(tmp_path, play)


@pytest.mark.parametrize("version", ["FIX.4.2", "FIX.4.4"])
def test_a_list_is_refused_as_a_whole_by_one_list_status(tmp_path: Path, version: str) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        for number, (kind, entries, orders, code, sent) in enumerate(LISTS):
            trader.send_list(f"L{number}", kind, entries, orders)
            answer = await trader.receive()
            assert (answer[35], answer[66], answer[429], answer[431]) == ("N", f"L{number}", "2", "7"), answer
            assert answer[444] == text_of(code, sent.encode()), (kind, entries)
            assert (answer[68], answer[73]) == (str(orders), str(min(orders, 2)))
            assert (answer[39], answer[151], answer[84]) == ("8", "0", "0")
            assert answer[103] == str(reasons_of(code, fix42=version == "FIX.4.2")[0])
        assert running.nothing()

    run(tmp_path, play, version)


def test_a_mass_cancel_is_refused_by_its_report(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        for number, (fields, code, sent, reason) in enumerate(MASS):
            trader.send("q", {11: f"m{number}", 60: "20260101-00:00:00"} | fields)
            answer = await trader.receive()
            assert (answer[35], answer[37], answer[531], answer[532]) == ("r", "NONE", "0", reason), answer
            assert (answer[530], answer[58]) == (fields[530], text_of(code, sent.encode()))
        assert running.nothing()

    run(tmp_path, play)


@pytest.mark.parametrize(
    ("msg_type", "fields", "reason", "tag"),
    [
        ("D", {"t9479": "X"}, "5", "9479"),
        ("D", {"t1138": "much"}, "6", "1138"),
        ("D", {"t2964": "x"}, "6", "2964"),
        ("D", {"t1385": "1"}, "2", "1385"),
        ("D", {"t126": "tomorrow"}, "6", "126"),
        ("D", {"t126": "99991231-00:00:00"}, "6", "126"),
    ],
)
def test_a_field_of_a_wrong_format_is_rejected_by_the_session(
    tmp_path: Path, msg_type: str, fields: dict[str, str], reason: str, tag: str
) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        trader.order("one", **fields)
        answer = await trader.receive()
        assert (answer[35], answer[372], answer[373], answer[371]) == ("3", msg_type, reason, tag)
        assert running.nothing()

    run(tmp_path, play)


def test_mass_cancels_are_not_of_version_42(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as running:
            trader = await on_stage(running, version="FIX.4.2")
            trader.send("q", {11: "m", 530: "7", 60: "20260101-00:00:00"})
            answer = await trader.receive()
            assert (answer[35], answer[373]) == ("3", "11")

    asyncio.run(scenario())


def test_a_group_that_is_not_as_long_as_it_says_is_rejected_by_the_session(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        trader.send_list("L", "1", TWO, 3)
        answer = await trader.receive()
        assert (answer[35], answer[373], answer[371]) == ("3", "16", "73")
        trader.send_list("L", "1", [*entry("a", 1), (11, "b"), (38, "1"), (38, "2")])
        answer = await trader.receive()
        assert (answer[35], answer[373], answer[371]) == ("3", "13", "38")
        assert running.nothing()

    run(tmp_path, play)
