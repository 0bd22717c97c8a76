"""Orders over real sockets through gateway, router and matcher: what each client receives, message by message."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.gateway.harness import Trader, venue


def some(message: dict[int, str], *tags: int) -> tuple[str | None, ...]:
    return tuple(message.get(tag) for tag in tags)


async def rest_an_order(version: str, data: Path) -> None:
    async with venue(data) as harness:
        trader = Trader(version=version)
        logon = await trader.logon(harness)
        assert some(logon, 35, 34, 49, 56, 108) == ("A", "1", "LOCKSTEP", "ALICE", "30")
        trader.order("one", t38="0.5", t44="100.25")
        report = await trader.receive()
        assert some(report, 35, 34, 11, 150, 39) == ("8", "2", "one", "0", "0")
        assert some(report, 55, 54, 38, 40, 44, 59) == ("BTCUSDT", "1", "0.5", "2", "100.25", "1")
        assert some(report, 151, 14, 6, 17) == ("0.5", "0", "0", "1-1-B")
        assert report.get(20) == ("0" if version == "FIX.4.2" else None)


def test_a_resting_order_is_confirmed_in_44(tmp_path: Path) -> None:
    asyncio.run(rest_an_order("FIX.4.4", tmp_path))


def test_a_resting_order_is_confirmed_in_42(tmp_path: Path) -> None:
    asyncio.run(rest_an_order("FIX.4.2", tmp_path))


def test_both_sides_of_a_trade_are_told_each_in_its_version(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            buyer, seller = Trader("ALICE"), Trader("BOB", "FIX.4.2")
            await buyer.logon(harness)
            await seller.logon(harness)
            buyer.order("bid", t38="1", t44="101")
            await buyer.receive()
            seller.order("ask", t54="2", t38="0.4", t44="99")
            assert some(await seller.receive(), 150, 39) == ("0", "0")
            fill = await seller.receive()
            assert some(fill, 20, 150, 39, 32, 31, 151, 14, 6) == ("0", "2", "2", "0.4", "101", "0", "0.4", "101")
            assert some(fill, 12, 13, 479) == ("0.0404", "3", None)
            fill = await buyer.receive()
            assert some(fill, 150, 39, 32, 31, 151, 14, 6, 12) == ("F", "1", "0.4", "101", "0.6", "0.4", "101", None)
            seller.order("ask 2", t54="2", t38="0.6", t44="101")
            await seller.receive()
            await seller.receive()
            assert some(await buyer.receive(), 150, 39, 151, 14) == ("F", "2", "0", "1")

    asyncio.run(scenario())


def test_the_average_price_is_over_all_fills(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            maker, taker = Trader("ALICE"), Trader("BOB")
            await maker.logon(harness)
            await taker.logon(harness)
            maker.order("a", t44="100", t38="1")
            maker.order("b", t44="99", t38="2")
            taker.order("s", t54="2", t44="99", t38="3")
            got = [await taker.receive() for _ in range(3)]
            assert some(got[1], 6, 14) == ("100", "1")
            assert some(got[2], 6, 14) == ("99.3333333333", "3")

    asyncio.run(scenario())


def test_replace_then_cancel_follows_the_chain_of_ids(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.order("one")
            order_id = (await trader.receive())[37]
            trader.replace("two", "one", t44="101", t38="2")
            replaced = await trader.receive()
            assert some(replaced, 37, 11, 41, 150, 39, 38, 44, 151) == (
                order_id, "two", "one", "5", "0", "2", "101", "2",
            )  # fmt: skip
            trader.cancel("three", "two")
            cancelled = await trader.receive()
            assert some(cancelled, 37, 11, 41, 150, 39, 151) == (order_id, "three", "two", "4", "4", "0")

    asyncio.run(scenario())


def test_with_as_many_orders_as_it_has_room_for_a_gateway_refuses_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            harness.gateway.engine.orders.most = 2
            for name in ("one", "two"):
                trader.order(name)
                assert (await trader.receive())[150] == "0"
            trader.order("three")
            refused = await trader.receive()
            assert (refused[150], refused[58].partition(":")[0]) == ("8", "LIMIT_REACHED")
            trader.replace("four", "one", t44="99")
            assert (await trader.receive())[150] == "5"
            trader.cancel("five", "two")
            assert (await trader.receive())[150] == "4"
            harness.gateway.engine.orders.most = 3
            trader.order("three")
            assert (await trader.receive())[150] == "0"

    asyncio.run(scenario())


def test_a_replaced_order_of_42_is_in_state_replaced(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader(version="FIX.4.2")
            await trader.logon(harness)
            trader.order("one")
            await trader.receive()
            trader.replace("two", "one", t44="101")
            assert some(await trader.receive(), 20, 150, 39) == ("0", "5", "5")

    asyncio.run(scenario())


def test_the_rest_of_an_ioc_and_of_a_market_order_is_cancelled_with_a_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            maker, taker = Trader("ALICE"), Trader("BOB")
            await maker.logon(harness)
            await taker.logon(harness)
            maker.order("bid", t38="2")
            taker.order("ioc", t54="2", t38="1.5", t59="3")
            got = [await taker.receive() for _ in range(2)]
            assert some(got[1], 150, 39, 14) == ("F", "2", "1.5")
            taker.order("market", t54="2", t38="1", t40="1", t44=None, t59=None)
            got = [await taker.receive() for _ in range(3)]
            assert some(got[2], 150, 39, 14, 151, 44, 59) == ("4", "4", "0.5", "0", None, "0")
            assert got[2][58].startswith("market order")

    asyncio.run(scenario())


def test_a_resend_repeats_reports_and_fills_the_gaps_of_session_messages(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.order("one")
            first = await trader.receive()
            trader.send("1", {112: "ping"})
            await trader.receive()
            trader.send("2", {7: "1", 16: "0"})
            fill = await trader.receive()
            assert some(fill, 35, 34, 43, 36) == ("4", "1", "Y", "2")
            again = await trader.receive()
            assert some(again, 34, 43, 122, 17, 11) == (first[34], "Y", first[52], first[17], first[11])
            assert some(await trader.receive(), 35, 34, 36) == ("4", "3", "4")

    asyncio.run(scenario())


def test_a_long_resend_goes_on_while_new_reports_arrive(tmp_path: Path) -> None:
    async def scenario() -> None:
        count = 4000
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            for number in range(count):
                trader.order(f"o{number}", t38="0.01", t44="1")
            for _ in range(count):
                await trader.receive()
            trader.send("2", {7: "1", 16: "0"})
            for number in range(50):
                trader.order(f"late{number}", t38="0.01", t44="1")
            got = [await trader.receive() for _ in range(1 + count + 50)]
            assert got[0][35] == "4"
            assert [message[11] for message in got[1 : count + 1]] == [f"o{number}" for number in range(count)]
            assert all(message[43] == "Y" for message in got[1 : count + 1])
            assert [int(message[34]) for message in got[count + 1 :]] == list(range(count + 2, count + 52))
            assert all(43 not in message for message in got[count + 1 :])

    asyncio.run(scenario())


def test_what_happens_while_a_client_is_away_is_resent_at_its_logon(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            maker, taker = Trader("ALICE"), Trader("BOB")
            await maker.logon(harness)
            await taker.logon(harness)
            maker.order("bid")
            await maker.receive()
            maker.send("5", {})
            assert (await maker.receive())[35] == "5"
            await maker.close()
            taker.order("ask", t54="2")
            await taker.receive()
            await taker.receive()
            again = await maker.logon(harness)
            assert some(again, 35, 34) == ("A", "5")
            maker.send("2", {7: "4", 16: "0"})
            assert some(await maker.receive(), 34, 11, 150, 39) == ("4", "bid", "F", "2")

    asyncio.run(scenario())


@pytest.mark.parametrize(("version", "kind"), [("FIX.4.4", {150: "I"}), ("FIX.4.2", {150: "0", 20: "3"})])
def test_poss_resend_of_a_known_order_is_answered_with_its_status(
    tmp_path: Path, version: str, kind: dict[int, str]
) -> None:
    """LOG-24: who doesn't know an order's fate asks, then repeats the same id."""

    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader(version=version)
            await trader.logon(harness)
            trader.order("one")
            order_id = (await trader.receive())[37]
            trader.send(
                "D",
                {
                    97: "Y",
                    11: "one",
                    21: "1",
                    55: "BTCUSDT",
                    54: "1",
                    60: "20260101-00:00:00",
                    38: "1",
                    40: "2",
                    44: "100",
                },
            )
            answer = await trader.receive()
            assert some(answer, 37, 39, 11) == (order_id, "0", "one")
            assert {tag: answer.get(tag) for tag in (150, 20)} == {150: None, 20: None} | kind

    asyncio.run(scenario())
