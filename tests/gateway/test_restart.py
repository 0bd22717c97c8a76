"""The venue dies and starts again: no client gets a report twice, misses one, or is asked for too much."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lockstep.procs.gateway.resend import Resend
from tests.gateway.harness import Harness, Trader, config_for, venue
from tests.gateway.store_entries import next_out

OUT_APP = 5


async def everything(trader: Trader) -> dict[int, dict[int, str]]:
    """All application messages that the session has, by number, as a resend returns them."""
    trader.send("2", {7: "1", 16: "0"})
    trader.send("1", {112: "end"})
    found: dict[int, dict[int, str]] = {}
    while True:
        message = await trader.receive()
        if message.get(112) == "end":
            return found
        if message[35] == "8":
            found[int(message[34])] = message


async def trade(harness: Harness, maker: Trader, taker: Trader) -> dict[int, str]:
    """Both log on, and a part of the maker's order "bid" trades; its first report."""
    await maker.logon(harness)
    await taker.logon(harness)
    maker.order("bid")
    accepted = await maker.receive()
    taker.order("ask", t54="2", t38="0.25")
    for client in (taker, taker, maker):
        await client.receive()
    return accepted


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        maker, taker = Trader("ALICE"), Trader("BOB")
        async with venue(tmp_path) as harness:
            first = await trade(harness, maker, taker)
        async with venue(tmp_path) as harness:
            answer = await maker.logon(harness)
            assert answer[34] == "4"
            maker.replace("bid 2", "bid", t44="101")
            answer = await maker.receive()
            assert (answer[37], answer[150], answer[14], answer[34]) == (first[37], "5", "0.25", "5")
            before = {message[17]: message for message in maker.got if message[35] == "8"}
            again = await everything(maker)
            assert {message[17] for message in again.values()} == set(before)
            assert all(message[34] == before[message[17]][34] for message in again.values())

    asyncio.run(scenario())


def test_a_gateway_that_has_its_reserved_numbers_alone_tells_all_again_as_possibly_sent(tmp_path: Path) -> None:
    """From the journal and the file of numbers, which are small to carry to another host: no message is left."""

    async def scenario() -> None:
        maker, taker = Trader("ALICE"), Trader("BOB")
        async with venue(tmp_path) as harness:
            await trade(harness, maker, taker)
        sent = {message[17]: message for message in maker.got if message[35] == "8"}
        for path in (tmp_path / "gateway.1").glob("*"):
            if path.name != "numbers":
                path.unlink()
        async with venue(tmp_path) as harness:
            answer = await maker.logon(harness)
            assert (answer[35], int(answer[34]) > 4) == ("A", True)  # behind all that had been given
            maker.send("2", {7: "4", 16: "0"})
            maker.send("1", {112: "end"})
            again = []
            while (message := await maker.receive()).get(112) != "end":
                again.append(message)
            assert (again[0][35], again[0][34], again[0][43]) == ("4", "4", "Y")  # a gap fill below them
            reports = [message for message in again if message[35] == "8"]
            assert [message[17] for message in reports] == list(sent)
            assert all(message[97] == "Y" for message in reports)
            assert all(int(message[34]) > 4 for message in reports)
            for message in reports:
                assert {tag: message[tag] for tag in (11, 37, 150, 39, 14, 151)} == {
                    tag: sent[message[17]][tag] for tag in (11, 37, 150, 39, 14, 151)
                }
            maker.order("bid")  # as one whose answer was lost would send it: it counts once
            answer = await maker.receive()
            assert (answer[11], answer[150]) == ("bid", "8")
            maker.replace("bid 2", "bid", t44="101")
            answer = await maker.receive()
            assert (answer[150], answer[14], answer.get(97)) == ("5", "0.25", None)

    asyncio.run(scenario())


def test_reports_of_events_that_were_never_sent_are_sent_once_after_the_restart(tmp_path: Path) -> None:
    """The gateway dies before it sees the outcome of orders that are in the log."""

    async def scenario() -> None:
        trader = Trader()
        async with venue(tmp_path) as harness:
            await trader.logon(harness)
            trader.order("one")
            await trader.receive()
            harness.stalled.add("matcher.1")
            for number in range(20):
                trader.order(f"lost {number}", t44="1")
            before = harness.venue.ring("log").published
            await harness.until(lambda: harness.venue.ring("log").published >= before + 20)
            await harness.until(lambda: harness.venue.board.release_position() >= before + 20)
        for _ in range(2):
            async with venue(tmp_path) as harness:
                await trader.logon(harness)
                again = await everything(trader)
                ids = [message[11] for message in again.values()]
                assert ids == ["one", *(f"lost {number}" for number in range(20))]
                assert len({message[17] for message in again.values()}) == 21

    asyncio.run(scenario())


def test_the_client_is_asked_for_exactly_what_the_log_lost(tmp_path: Path) -> None:
    """The gateway stored orders that no router took."""

    async def scenario() -> None:
        trader = Trader()
        async with venue(tmp_path) as harness:
            await trader.logon(harness)
            trader.order("taken")
            await trader.receive()
            harness.stalled.add("router")
            first_lost = trader.next_out
            for number in range(5):
                trader.order(f"lost {number}", t44="1")
            ingress = harness.venue.ring("ingress.gateway.1")
            await harness.until(lambda: ingress.published >= ingress.cursors()["router"] + 5)
        async with venue(tmp_path) as harness:
            await trader.logon(harness)
            request = await trader.receive()
            assert (request[35], request[7]) == ("2", str(first_lost))

    asyncio.run(scenario())


def resend_order(trader: Trader, msg_seq_num: int, cl_ord_id: str, price: str) -> None:
    fields = {43: "Y", 122: "20260101-00:00:00.000", 11: cl_ord_id, 55: "BTCUSDT", 54: "1", 59: "1"}
    trader.send("D", fields | {60: "20260101-00:00:00.000", 38: "1", 40: "2", 44: price}, msg_seq_num)


def test_what_was_answered_before_the_restart_is_not_answered_again(tmp_path: Path) -> None:
    """Orders that were refused here lie among orders that the log lost: the client is asked for all of them."""
    prices = {"good 1": "1", "bad 1": "1.005", "good 2": "1", "bad 2": "1.005"}

    async def scenario() -> None:
        trader = Trader()
        async with venue(tmp_path) as harness:
            await trader.logon(harness)
            harness.stalled.add("router")
            first_lost = trader.next_out
            for name, price in prices.items():
                trader.order(name, t44=price)
            assert {(await trader.receive())[11] for _ in range(2)} == {"bad 1", "bad 2"}
        for _ in range(2):  # the second time, none of it is lost any more
            async with venue(tmp_path) as harness:
                await trader.logon(harness)
                for number, (name, price) in enumerate(prices.items(), first_lost):
                    resend_order(trader, number, name, price)
                trader.send("4", {43: "Y", 122: "20260101-00:00:00.000", 123: "Y", 36: str(trader.next_out)}, 6)
                trader.order(f"after {trader.next_out}", t44="1")
                while trader.got[-1].get(11) != f"after {trader.next_out - 1}":
                    await trader.receive()
        answers = [(message[11], message[150]) for message in trader.got if message[35] == "8"]
        assert sorted(answers) == [
            ("after 7", "0"), ("after 9", "0"), ("bad 1", "8"), ("bad 2", "8"), ("good 1", "0"), ("good 2", "0"),
        ]  # fmt: skip

    asyncio.run(scenario())


def test_what_is_on_its_way_to_the_log_is_not_asked_for_after_a_reconnect(tmp_path: Path) -> None:
    async def scenario() -> None:
        trader = Trader()
        async with venue(tmp_path) as harness:
            await trader.logon(harness)
            harness.stalled.add("router")
            ingress = harness.venue.ring("ingress.gateway.1")
            before = ingress.published
            trader.order("on its way", t44="1")
            await harness.until(lambda: ingress.published > before)
            await trader.close()
            await harness.until(lambda: not harness.gateway.engine.clients)
            await trader.logon(harness)
            harness.stalled.clear()
            assert (await trader.receive())[11] == "on its way"

    asyncio.run(scenario())


@pytest.mark.parametrize("cut", [1, 7, 33, 60, 100, 180, 260, 340])
def test_a_store_torn_anywhere_in_its_tail_misses_and_repeats_nothing(tmp_path: Path, cut: int) -> None:
    """I7: sessions miss nothing."""

    async def scenario() -> None:
        config = config_for()
        maker, taker = Trader("ALICE"), Trader("BOB")
        async with venue(tmp_path, config) as harness:
            await trade(harness, maker, taker)
        before = {message[17]: message for trader in (maker, taker) for message in trader.got if message[35] == "8"}
        segment = max((tmp_path / "gateway.1").glob("*.fix"))
        with segment.open("r+b") as file:
            file.truncate(segment.stat().st_size - cut)
        async with venue(tmp_path, config) as harness:
            store = harness.gateway.engine.store
            assert (next_out(store, 1), next_out(store, 2)) == (4, 4)
            for number in (1, 2):
                resend = Resend(store, number, 1, 99)
                while (entry := resend.read()) is not None:
                    kind, msg_seq_num, message = entry
                    if kind == OUT_APP:
                        exec_id = message.split(b"\x0117=")[1].split(b"\x01")[0].decode()
                        assert before.pop(exec_id)[34] == str(msg_seq_num)
            assert not before

    asyncio.run(scenario())
