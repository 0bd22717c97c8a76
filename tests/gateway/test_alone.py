"""The gateway dies alone, the venue goes on: its successor tells each client all that it missed, once, in order."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from tests.gateway.harness import Harness, Trader, venue
from tests.gateway.store_entries import add, write_out

IN_LOGGED = 2
SEED = int(os.environ.get("LOCKSTEP_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
INGRESS = "ingress.gateway.1"


class Keeper(Trader):
    """A client that keeps its numbers over connections: it answers resend requests, and asks for what it missed."""

    def __init__(self, name: str = "ALICE") -> None:
        super().__init__(name)
        self.next_in = 1
        self.sent: dict[int, tuple[str, dict[int, str]]] = {}
        self.reports: dict[int, dict[int, str]] = {}
        self.asked: list[int] = []  # what the gateway wanted again, from which number on

    async def enter(self, harness: Harness) -> None:
        """Log on, and settle with the gateway what either side missed."""
        answer = await self.logon(harness)
        assert answer[35] == "A"
        self.note(answer)
        if self.next_in <= int(answer[34]):
            self.send("2", {7: str(self.next_in), 16: "0"})
        await self.settle()

    def buy(self, cl_ord_id: str) -> None:
        self.sent[self.next_out] = ("D", {11: cl_ord_id})
        self.order(cl_ord_id, t44="1")

    async def settle(self) -> None:
        """Read until the gateway has answered all that was sent up to now."""
        self.send("1", {112: f"seen {self.next_out}"})
        wanted = f"seen {self.next_out - 1}"
        while (await self.take()).get(112) != wanted:
            pass

    async def take(self) -> dict[int, str]:
        message = await self.receive()
        self.note(message)
        if message[35] == "2":
            self.asked.append(int(message[7]))
            self.repeat(int(message[7]))
        return message

    def note(self, message: dict[int, str]) -> None:
        number = int(message[34])
        if message[35] == "8":
            before = self.reports.setdefault(number, message)
            assert (before[17], before[11], before[150]) == (message[17], message[11], message[150])
        if number == self.next_in:
            self.next_in = int(message[36]) if message[35] == "4" else number + 1

    def repeat(self, begin: int) -> None:
        original = "20260101-00:00:00.000"
        for number in range(begin, self.next_out):
            if number in self.sent:
                _, fields = self.sent[number]
                again = {43: "Y", 122: original, 21: "1", 55: "BTCUSDT", 54: "1", 60: original, 38: "1", 40: "2"}
                self.send("D", again | {44: "1", 59: "1"} | fields, number)
            else:
                self.send("4", {43: "Y", 122: original, 123: "Y", 36: str(number + 1)}, number)

    def check(self, orders: list[str]) -> None:
        """Every order has been accepted once, and no report number is missing or said in two ways."""
        assert sorted(report[11] for report in self.reports.values()) == sorted(orders)
        assert {report[150] for report in self.reports.values()} <= {"0"}
        assert len({report[17] for report in self.reports.values()}) == len(orders)


def published(harness: Harness) -> int:
    return int(harness.venue.ring(INGRESS).published)


async def take_all(keeper: Keeper, orders: list[str]) -> None:
    while len(keeper.reports) < len(orders):
        await keeper.take()


def test_the_next_one_goes_on_where_it_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        keeper = Keeper()
        async with venue(tmp_path) as harness:
            await keeper.enter(harness)
            for round_number in range(3):
                keeper.buy(f"o{round_number}")
                await keeper.settle()
                harness.kill_gateway()
                await harness.start_gateway()
                await keeper.enter(harness)
            keeper.replace("moved", "o0", t44="2")
            while keeper.got[-1].get(11) != "moved":
                await keeper.receive()
            assert (keeper.got[-1][150], keeper.got[-1][41], keeper.got[-1][44]) == ("5", "o0", "2")
            assert keeper.asked == []
            harness.gateway.engine.orders.check()

    asyncio.run(scenario())


def test_what_happens_while_nobody_is_there_is_told_by_the_next_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        keeper = Keeper()
        orders = [f"o{number}" for number in range(20)]
        async with venue(tmp_path) as harness:
            await keeper.enter(harness)
            before = published(harness)
            harness.stalled.add("matcher.1")
            for cl_ord_id in orders:
                keeper.buy(cl_ord_id)
            await harness.until(lambda: published(harness) == before + len(orders))
            harness.kill_gateway()
            harness.stalled.discard("matcher.1")
            await harness.until(lambda: harness.venue.ring("events.matcher.1").published == len(orders))
            await harness.start_gateway()
            await keeper.enter(harness)
            await take_all(keeper, orders)
            keeper.check(orders)
            assert keeper.asked == []

    asyncio.run(scenario())


def test_killed_between_store_and_ring_it_is_asked_again_for_what_no_router_saw(tmp_path: Path) -> None:
    async def scenario() -> None:
        keeper = Keeper()
        async with venue(tmp_path) as harness:
            await keeper.enter(harness)
            keeper.buy("seen")
            await keeper.settle()
            first_lost = keeper.next_out
            harness.kill_gateway()
            store = harness.gateway.engine.store
            for cl_ord_id in ("lost 1", "lost 2"):
                keeper.sent[keeper.next_out] = ("D", {11: cl_ord_id})
                add(store, IN_LOGGED, 1, keeper.next_out, b"8=FIX.4.4\x01")
                keeper.next_out += 1
            write_out(store)
            await harness.start_gateway()
            await keeper.enter(harness)
            await take_all(keeper, ["seen", "lost 1", "lost 2"])
            keeper.check(["seen", "lost 1", "lost 2"])
            assert keeper.asked == [first_lost]

    asyncio.run(scenario())


def test_killed_before_its_orders_are_in_the_log_it_waits_for_them_and_asks_for_nothing(tmp_path: Path) -> None:
    """LOG-24: who doesn't know an order's fate asks, then repeats the same id."""

    async def scenario() -> None:
        keeper = Keeper()
        orders = [f"o{number}" for number in range(5)]
        async with venue(tmp_path) as harness:
            await keeper.enter(harness)
            await harness.until(lambda: harness.venue.ring(INGRESS).cursors()["router"] == published(harness))
            before = published(harness)
            harness.stalled.add("router")
            for cl_ord_id in orders:
                keeper.buy(cl_ord_id)
            await harness.until(lambda: published(harness) == before + len(orders))
            harness.kill_gateway()
            harness.build_gateway()
            await asyncio.sleep(0.1)  # a wrong gateway would open meanwhile
            assert harness.gateway.port == 0
            harness.stalled.discard("router")
            await harness.until(lambda: harness.gateway.port != 0)
            await keeper.enter(harness)
            await take_all(keeper, orders)
            keeper.check(orders)
            assert keeper.asked == []

    asyncio.run(scenario())


def test_answers_of_its_own_are_not_given_again(tmp_path: Path) -> None:
    """An order that is refused here lies behind one that no router saw: both are asked for, one is answered."""

    async def scenario() -> None:
        keeper = Keeper()
        async with venue(tmp_path) as harness:
            await keeper.enter(harness)
            harness.kill_gateway()
            store = harness.gateway.engine.store
            for kind, cl_ord_id in ((IN_LOGGED, "lost"), (3, "answered")):
                keeper.sent[keeper.next_out] = ("D", {11: cl_ord_id})
                add(store, kind, 1, keeper.next_out, b"8=FIX.4.4\x01")
                keeper.next_out += 1
            write_out(store)
            await harness.start_gateway()
            await keeper.enter(harness)
            await take_all(keeper, ["lost"])
            keeper.check(["lost"])

    asyncio.run(scenario())


@pytest.mark.parametrize("round_number", range(3))
def test_killed_with_any_part_of_its_last_reports_written_it_tells_them_all_once(
    tmp_path: Path, round_number: int
) -> None:
    """LOG-15: its cursors may be ahead of its store; what they passed and the store lacks is in the journal."""
    draw = random.Random(SEED + round_number)

    async def scenario() -> None:
        keepers = [Keeper("ALICE"), Keeper("BOB")]
        orders: dict[str, list[str]] = {"ALICE": [], "BOB": []}
        async with venue(tmp_path) as harness:
            for life in range(4):
                for keeper in keepers:
                    await keeper.enter(harness)
                before = published(harness)
                harness.stalled.add("router")
                for number in range(8):
                    keeper = draw.choice(keepers)
                    orders[keeper.name].append(f"{keeper.name} {life} {number}")
                    keeper.buy(orders[keeper.name][-1])
                await harness.until(lambda before=before: published(harness) == before + 8)  # type: ignore[misc]
                for keeper in keepers:
                    await keeper.close()
                await harness.until(lambda: not harness.gateway.engine.clients)
                write_out(harness.gateway.engine.store)
                (segment,) = (tmp_path / "gateway.1").glob("*.fix")
                size = segment.stat().st_size
                harness.stalled.discard("router")
                for _ in range(draw.randrange(60)):
                    await asyncio.sleep(0)
                harness.kill_gateway()
                os.truncate(segment, draw.randint(size, segment.stat().st_size))
                await harness.start_gateway()
            for keeper in keepers:
                await keeper.enter(harness)
                await take_all(keeper, orders[keeper.name])
                keeper.check(orders[keeper.name])
                assert keeper.asked == []

    asyncio.run(scenario())
