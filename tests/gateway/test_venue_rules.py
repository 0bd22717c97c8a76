"""Orders of every kind over real sockets, through a real router and matcher: what both sides receive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lockstep.core.intake.codes import text_of
from lockstep.core.schema.records import Code
from tests.gateway.harness import Harness, Trader, venue
from tests.gateway.test_entry import STOP_ENTRY, entry
from tests.gateway.test_reports import some
from tests.gateway.test_restart import everything

Play = Callable[[Harness, Trader, Trader], Awaitable[None]]


def run(data: Path, play: Play) -> None:
    async def scenario() -> None:
        async with venue(data) as harness:
            alice, bob = Trader("ALICE"), Trader("BOB", "FIX.4.2")
            await alice.logon(harness)
            await bob.logon(harness)
            await play(harness, alice, bob)

    asyncio.run(scenario())


async def trade(alice: Trader, bob: Trader, price: str) -> None:
    """Have one lot of Bob's trade at a price with one of Alice's."""
    alice.order(f"make {price}", t38="0.0001", t44=price)
    await alice.receive()
    bob.order(f"take {price}", t54="2", t38="0.0001", t44=price)
    for _ in range(2):
        await bob.receive()
    assert (await alice.receive())[39] == "2"


def test_a_stop_waits_for_its_price_and_then_trades(tmp_path: Path) -> None:
    async def play(_harness: Harness, alice: Trader, bob: Trader) -> None:
        await trade(alice, bob, "100")
        bob.order("stop", t40="3", t44=None, t99="110", t59="0")
        report = await bob.receive()
        assert some(report, 150, 39, 40, 99, 59, 151, 44) == ("0", "0", "3", "110", "0", "1", None)
        alice.order("ask", t54="2", t44="112", t38="2")
        await alice.receive()
        await trade(alice, bob, "110")
        triggered, fill = await bob.receive(), await bob.receive()
        assert some(triggered, 150, 39, 378, 11) == ("D", "0", "4", "stop")
        assert some(fill, 150, 39, 31, 32, 151, 14) == ("2", "2", "112", "1", "0", "1")
        assert some(await alice.receive(), 11, 39, 31, 851) == ("ask", "1", "112", "1")

    run(tmp_path, play)


def test_a_stop_is_replaced_and_cancelled_while_it_waits(tmp_path: Path) -> None:
    async def play(_harness: Harness, alice: Trader, bob: Trader) -> None:
        await trade(alice, bob, "100")
        alice.order("one", t40="4", t44="111", t99="110")
        await alice.receive()
        alice.replace("two", "one", t40="4", t44="113", t99="112")
        assert some(await alice.receive(), 150, 11, 41, 99, 44, 636) == ("5", "two", "one", "112", "113", "N")
        alice.replace("three", "two", t40="2", t44="113", t111="0.2")
        assert (await alice.receive())[35] in ("8", "9")
        alice.cancel("four", alice.got[-1][11] if alice.got[-1][35] == "8" else "two")
        assert some(await alice.receive(), 150, 39, 151) == ("4", "4", "0")

    run(tmp_path, play)


def test_an_iceberg_trades_part_by_part_and_its_owner_sees_the_whole(tmp_path: Path) -> None:
    async def play(_harness: Harness, alice: Trader, bob: Trader) -> None:
        alice.order("ice", t38="1", t111="0.4")
        assert some(await alice.receive(), 150, 38, 111, 151) == ("0", "1", "0.4", "1")
        bob.order("ask", t54="2", t38="0.7")
        assert [(await bob.receive())[151] for _ in range(3)] == ["0.7", "0.3", "0"]
        fills = [await alice.receive() for _ in range(2)]
        assert [some(fill, 32, 151, 14, 111) for fill in fills] == [
            ("0.4", "0.6", "0.4", "0.4"),
            ("0.3", "0.3", "0.7", "0.4"),
        ]

    run(tmp_path, play)


def test_one_of_a_list_cancels_the_other(tmp_path: Path) -> None:
    async def play(_harness: Harness, alice: Trader, bob: Trader) -> None:
        await trade(alice, bob, "100")
        alice.send_list("L1", "1", [*entry("limit", 1, t44="90"), *entry("stop", 2, **STOP_ENTRY)])
        assert some(await alice.receive(), 11, 150, 40) == ("limit", "0", "2")
        assert some(await alice.receive(), 11, 150, 40, 99, 636) == ("stop", "0", "3", "110", "N")
        bob.order("ask", t54="2", t44="90", t38="0.3")
        got = {message[11]: message for message in [await alice.receive(), await alice.receive()]}
        assert some(got["stop"], 150, 39, 41, 151) == ("4", "4", None, "0")
        assert "list" in got["stop"][58]
        assert some(got["limit"], 150, 39, 14, 151) == ("F", "1", "0.3", "0.7")

    run(tmp_path, play)


def test_the_first_of_a_list_triggers_the_second(tmp_path: Path) -> None:
    async def play(harness: Harness, alice: Trader, bob: Trader) -> None:
        alice.send_list("L1", "2", [*entry("buy", 1), *entry("sell", 2, t54="2", t44="120")])
        await alice.receive()
        assert some(await alice.receive(), 11, 150, 636) == ("sell", "0", "N")
        bob.order("ask", t54="2")
        assert some(await alice.receive(), 11, 39) == ("buy", "2")
        assert some(await alice.receive(), 11, 150, 39, 636, 151) == ("sell", "D", "0", "Y", "1")
        assert harness.gateway.port

    run(tmp_path, play)


def test_a_list_that_the_router_refuses_has_a_report_for_each_order(tmp_path: Path) -> None:
    async def play(_harness: Harness, alice: Trader, _bob: Trader) -> None:
        alice.order("used")
        await alice.receive()
        alice.send_list("L1", "2", [*entry("new", 1), *entry("used", 2, t54="2", t44="120")])
        got = {message[11]: message for message in [await alice.receive(), await alice.receive()]}
        assert all(message[39] == "8" for message in got.values())
        assert {message[58] for message in got.values()} == {text_of(Code.DUPLICATE_CLIENT_ID)}

    run(tmp_path, play)


def test_a_mass_cancel_takes_off_what_it_names(tmp_path: Path) -> None:
    async def play(_harness: Harness, alice: Trader, bob: Trader) -> None:
        alice.order("buy")
        alice.order("sell", t54="2", t44="120")
        alice.order("stop", t40="3", t44=None, t99="130")
        bob.order("other", t44="99")
        for _ in range(3):
            await alice.receive()
        await bob.receive()
        alice.send("q", {11: "m1", 530: "1", 55: "BTCUSDT", 54: "2", 60: "20260101-00:00:00"})
        assert some(await alice.receive(), 35, 11, 531) == ("r", "m1", "1")
        assert some(await alice.receive(), 35, 11, 39, 41) == ("8", "sell", "4", None)
        alice.send("q", {11: "m2", 530: "7", 60: "20260101-00:00:00"})
        got = [await alice.receive() for _ in range(3)]
        assert {message.get(11) for message in got} == {"m2", "buy", "stop"}
        assert [message[58] for message in got if message[35] == "8"] == ["mass cancel"] * 2
        bob.send("H", {11: "other", 55: "BTCUSDT", 54: "1"})
        assert some(await bob.receive(), 39, 151) == ("0", "1")

    run(tmp_path, play)


def test_a_budget_is_spent_and_the_rest_cancelled(tmp_path: Path) -> None:
    async def play(_harness: Harness, alice: Trader, bob: Trader) -> None:
        bob.order("ask", t54="2", t44="100")
        await bob.receive()
        alice.order("spend", t40="1", t44=None, t38=None, t152="250.5", t59="3")
        refused = await alice.receive()
        assert some(refused, 39, 58) == ("8", text_of(Code.NO_REFERENCE_PRICE))
        await trade(alice, bob, "100")
        alice.order("spend 2", t40="1", t44=None, t38=None, t152="50.005", t59="3")
        got = [await alice.receive() for _ in range(3)]
        assert [some(message, 39, 152, 151, 14) for message in got] == [
            ("0", "50.005", "50.005", "0"),
            ("1", "50.005", "0.005", "0.5"),
            ("4", "50.005", "0", "0.5"),
        ]

    run(tmp_path, play)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"t18": "6", "t44": "101"}, Code.WOULD_TAKE),
        ({"t59": "6", "t126": "20200101-00:00:00"}, Code.EXPIRE_TIME_PASSED),
    ],
)
def test_what_only_the_log_can_judge_is_refused_there(tmp_path: Path, changes: dict[str, str], code: Code) -> None:
    async def play(_harness: Harness, alice: Trader, bob: Trader) -> None:
        bob.order("ask", t54="2", t44="101")
        await bob.receive()
        alice.order("one", **changes)
        report = await alice.receive()
        assert some(report, 150, 39, 58) == ("8", "8", text_of(code))
        assert report[37] != "NONE"

    run(tmp_path, play)


def test_a_post_only_order_slides_and_an_own_order_is_not_met(tmp_path: Path) -> None:
    async def play(_harness: Harness, alice: Trader, bob: Trader) -> None:
        bob.order("ask", t54="2", t44="101")
        await bob.receive()
        alice.order("slide", t18="6", t9479="P", t44="105")
        assert some(await alice.receive(), 150, 44, 18, 9479) == ("0", "105", "6", "P")
        assert some(await alice.receive(), 150, 378, 44) == ("D", "3", "100.99")
        bob.order("own", t44="102", t38="0.4", t2964="101")
        assert some(await bob.receive(), 150, 11) == ("0", "own")
        got = {message[11]: message for message in [await bob.receive(), await bob.receive()]}
        assert some(got["ask"], 150, 378, 38, 151) == ("D", "5", "0.6", "0.6")
        assert some(got["own"], 150, 39, 151) == ("4", "4", "0")

    run(tmp_path, play)


def test_a_restart_repeats_and_misses_nothing_of_all_this(tmp_path: Path) -> None:
    async def scenario() -> None:
        alice, bob = Trader("ALICE"), Trader("BOB")
        async with venue(tmp_path) as harness:
            await alice.logon(harness)
            await bob.logon(harness)
            await trade(alice, bob, "100")
            alice.send_list("L1", "1", [*entry("limit", 1, t44="90"), *entry("stop", 2, **STOP_ENTRY)])
            alice.order("ice", t44="95", t111="0.1")
            for _ in range(3):
                await alice.receive()
            bob.order("ask", t54="2", t44="90", t38="1.5")
            for _ in range(3):  # one trade with the iceberg, the cancelled stop, the rest from the limit order
                await alice.receive()
        before = {message[17]: message for message in alice.got if message[35] == "8"}
        async with venue(tmp_path) as harness:
            await alice.logon(harness)
            again = {message[17]: message for message in (await everything(alice)).values()}
            assert set(again) >= set(before)
            changing = {8, 9, 10, 34, 43, 52, 122}
            for exec_id, message in before.items():
                for tag in message.keys() - changing:
                    assert again[exec_id][tag] == message[tag]
            alice.send("H", {11: "stop", 55: "BTCUSDT", 54: "1"})
            assert some(await alice.receive(), 39, 99) == ("4", "110")

    asyncio.run(scenario())
