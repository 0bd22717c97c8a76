"""Bad input, code by code: each has exactly one answer, and what the gateway refuses never reaches the log."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lockstep.core.intake.codes import text_of
from lockstep.core.schema.records import Code
from tests.compiled import BadNumber, set_released, steps
from tests.gateway.harness import Harness, Trader, config_for, venue

LOT = "0.0001"
HUGE = "9" * 18


def stateless(harness: Harness) -> int:
    """How much the router has been given."""
    return harness.venue.ring("ingress.gateway.1").published


ORDERS: list[tuple[str, dict[str, str | None], Code, str, str]] = [
    ("unknown symbol", {"t55": "DOGEUSDT"}, Code.UNKNOWN_SYMBOL, "1", "DOGEUSDT"),
    ("off tick", {"t44": "100.005"}, Code.PRICE_OFF_TICK, "99", "100.005"),
    ("off lot", {"t38": "0.00015"}, Code.QUANTITY_OFF_LOT, "13", "0.00015"),
    ("price of zero", {"t44": "0"}, Code.PRICE_NOT_POSITIVE, "99", "0"),
    ("negative price", {"t44": "-1"}, Code.PRICE_NOT_POSITIVE, "99", "-1"),
    ("quantity of zero", {"t38": "0.0000"}, Code.QUANTITY_NOT_POSITIVE, "13", "0.0000"),
    ("negative quantity", {"t38": "-5"}, Code.QUANTITY_NOT_POSITIVE, "13", "-5"),
    ("too many decimals", {"t44": "1.000000001"}, Code.TOO_MANY_DECIMALS, "99", "1.000000001"),
    ("price beyond 63 bits", {"t44": "9" * 40}, Code.NUMBER_TOO_LARGE, "99", "9" * 40),
    ("quantity beyond 63 bits", {"t38": HUGE}, Code.NUMBER_TOO_LARGE, "99", HUGE),
    ("price times quantity", {"t44": "9000000000", "t38": "90000000"}, Code.NOTIONAL_OVERFLOW, "3", "90000000"),
    ("market on close", {"t40": "5"}, Code.UNSUPPORTED_ORDER_TYPE, "11", "5"),
    ("pegged, but not as a trailing stop", {"t40": "P", "t18": "R"}, Code.UNSUPPORTED_ORDER_TYPE, "11", "P"),
    ("good till crossing", {"t59": "5"}, Code.UNSUPPORTED_TIME_IN_FORCE, "11", "5"),
    ("short sale", {"t54": "5"}, Code.UNSUPPORTED_SIDE, "11", "5"),
    ("limit without a price", {"t44": None}, Code.PRICE_MISSING, "99", ""),
    ("market with a price", {"t40": "1", "t59": None}, Code.PRICE_NOT_ALLOWED, "99", "100"),
    ("no chance of balance", {"t38": "100000000"}, Code.NO_CHANCE_OF_BALANCE, "3", "100000000"),
]


# What it should have kept to: mantissa and scale of the tick, or of the lot.
STEPS = {Code.PRICE_OFF_TICK: (1, 2), Code.QUANTITY_OFF_LOT: (1, 4), Code.TOO_MANY_DECIMALS: (1, 2)}


def test_every_refused_order_has_its_code_and_changes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.order("fine")
            await trader.receive()
            before = stateless(harness)
            for number, (name, changes, code, reason, sent) in enumerate(ORDERS):
                trader.order(f"bad{number}", **changes)
                answer = await trader.receive()
                assert (answer[35], answer[150], answer[39], answer[37]) == ("8", "8", "8", "NONE"), name
                assert (answer[11], answer.get(103)) == (f"bad{number}", reason), name
                assert answer[58] == text_of(code, sent.encode(), STEPS.get(code, (0, 0))), name
                assert (answer[151], answer[14], answer[6]) == ("0", "0", "0"), name
            assert stateless(harness) == before

    asyncio.run(scenario())


def test_an_id_of_37_bytes_is_too_long_and_one_of_36_is_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.order("x" * 37)
            answer = await trader.receive()
            assert answer[58].startswith("CLIENT_ID_TOO_LONG: ")
            assert answer[11] == "x" * 37
            trader.order("x" * 36)
            assert (await trader.receive())[150] == "0"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("tag", "value", "reason"),
    [("t44", "1e400", "6"), ("t44", "NaN", "6"), ("t38", "abc", "6"), ("t11", None, "1"), ("t55", None, "1")],
)
def test_what_is_no_field_of_its_format_is_rejected_by_the_session(
    tmp_path: Path, tag: str, value: str | None, reason: str
) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.order("one", **{tag: value})
            answer = await trader.receive()
            assert (answer[35], answer[373], answer[371]) == ("3", reason, tag[1:])

    asyncio.run(scenario())


def test_a_cancel_of_an_unknown_order_and_one_of_an_unknown_symbol(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.cancel("c1", "nothing")
            answer = await trader.receive()
            assert (answer[35], answer[37], answer[39], answer[434], answer[102]) == ("9", "NONE", "8", "1", "1")
            assert (answer[11], answer[41]) == ("c1", "nothing")
            assert answer[58] == text_of(Code.UNKNOWN_ORDER)
            trader.order("one")
            order_id = (await trader.receive())[37]
            trader.cancel("c2", "one", t55="DOGEUSDT")
            answer = await trader.receive()
            assert (answer[35], answer[37], answer[39], answer[102]) == ("9", order_id, "0", "99")
            assert answer[58] == text_of(Code.UNKNOWN_SYMBOL, b"DOGEUSDT")
            trader.replace("r1", "one", t40="1")
            answer = await trader.receive()
            assert (answer[35], answer[37], answer[434]) == ("9", order_id, "2")
            assert answer[58] == text_of(Code.UNSUPPORTED_ORDER_TYPE, b"1")

    asyncio.run(scenario())


def test_a_duplicate_id_is_refused_by_the_router_without_an_order_id(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.order("one")
            await trader.receive()
            trader.order("one", t44="99")
            answer = await trader.receive()
            assert (answer[150], answer[37], answer[103]) == ("8", "NONE", "6")
            assert answer[58] == text_of(Code.DUPLICATE_CLIENT_ID)

    asyncio.run(scenario())


def test_an_id_refused_for_balance_stays_refused_also_after_a_restart(tmp_path: Path) -> None:
    config = config_for(deposits={"USDT": "1000", "BTC": "1"})

    async def scenario() -> None:
        trader = Trader()
        async with venue(tmp_path, config) as harness:
            await trader.logon(harness)
            trader.order("poor", t38="11")
            assert (await trader.receive())[58] == text_of(Code.NO_CHANCE_OF_BALANCE, b"11")
            trader.order("poor", t38="1")
            assert (await trader.receive())[58] == text_of(Code.DUPLICATE_CLIENT_ID, b"poor")
        async with venue(tmp_path, config) as harness:
            await trader.logon(harness)
            trader.order("poor", t38="1")
            answer = await trader.receive()
            while answer[35] != "8":
                answer = await trader.receive()
            assert answer[103] == "6"
            trader.order("rich", t38="1")
            assert (await trader.receive())[150] == "0"

    asyncio.run(scenario())


def test_balance_is_not_refused_early_while_the_ledger_lags_behind_what_was_released(tmp_path: Path) -> None:
    """LOG-12: the gateway's look at a balance is an economy."""
    config = config_for(deposits={"USDT": "1000", "BTC": "1"})

    async def scenario() -> None:
        async with venue(tmp_path, config) as harness:
            trader = Trader()
            await trader.logon(harness)
            set_released(harness.venue.board, 7, 1, 1_000_000)  # as another gateway that is far ahead
            trader.order("poor", t38="11")
            answer = await trader.receive()
            assert answer[58] == text_of(Code.INSUFFICIENT_BALANCE)
            assert answer[37] != "NONE"

    asyncio.run(scenario())


def test_a_full_ingress_ring_delays_and_then_says_busy(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path, config_for(max_messages_per_second=0)) as harness:
            trader = Trader()
            await trader.logon(harness)
            harness.stalled.add("router")
            capacity = harness.venue.ring("ingress.gateway.1").capacity
            for number in range(capacity + 10):
                trader.order(f"o{number}", t38=LOT, t44="1")
            await asyncio.sleep(0)
            answer = await trader.receive()
            assert (answer[35], answer[380], answer[372]) == ("j", "4", "D")
            assert answer[58] == text_of(Code.VENUE_BUSY)
            harness.stalled.remove("router")
            confirmed = 0
            while confirmed < capacity - 4:
                answer = await trader.receive()
                confirmed += answer[35] == "8"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("text", "fault"),
    [(b"", 1), (b".", 1), (b"-", 1), (b"1.1.1", 1), (b"1e5", 1), (b"+1", 1), (b"9223372036854775808", 2),
     (b"1.000000001", 3), (b"0.0000000000000000000000001", 3), (b"0", 4), (b"-0.01", 4), (b"0.005", 5)],
)  # fmt: skip
def test_a_bad_number_has_one_fault(text: bytes, fault: int) -> None:
    with pytest.raises(BadNumber) as error:
        steps(text, 2, 1, 8)
    assert error.value.fault == fault


@pytest.mark.parametrize(
    ("text", "found"), [(b"1", 100), (b"1.", 100), (b".5", 50), (b"007.10", 710), (b"1.00000000000000000000000", 100)]
)
def test_a_good_number_is_exact(text: bytes, found: int) -> None:
    assert steps(text, 2, 1, 8) == found


def test_a_number_is_counted_in_steps_of_the_grid() -> None:
    assert steps(b"1.25", 2, 25, 8) == 5
    with pytest.raises(BadNumber):
        steps(b"1.26", 2, 25, 8)


ROUTED = [(116, "a")] * 118
DATA_BEFORE_AN_ID = [(354, "300"), (11, "\x01" * 300), (21, "1"), (55, "BTCUSDT"), (54, "1")]


@pytest.mark.parametrize(
    ("msg_type", "fields"),
    [("H", ROUTED), ("H", [(115, "a" * 16285)]), ("D", DATA_BEFORE_AN_ID)],
    ids=["routing repeated", "routing as long as a message", "an id cut as data"],
)
def test_what_a_message_makes_us_answer_can_be_resent(
    tmp_path: Path, msg_type: str, fields: list[tuple[int, str]]
) -> None:
    """An answer that repeated too much of its cause could not be parsed again: one client's resend ended the venue."""

    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.send(msg_type, fields)
            trader.send("2", {7: "1", 16: "0"})
            await asyncio.sleep(0.1)  # all of it is read: none of it ends the gateway
            bob = Trader("BOB")
            assert (await bob.logon(harness))[35] == "A"
            bob.order("after")
            assert (await bob.receive())[150] == "0"

    asyncio.run(scenario())
