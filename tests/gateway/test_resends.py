"""ResendRequests: found without reading others' messages, answered in steps, and never more often than is of use."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockstep.core.intake.refused_ids import RefusedIds
from lockstep.procs.gateway.resend import Resend
from lockstep.procs.gateway.store import Store
from tests.gateway.fix.client import Client
from tests.gateway.harness import Harness, Trader, config_for, venue
from tests.gateway.store_entries import add, write_out

IN_ADMIN, IN_LOGGED, IN_ANSWERED, OUT_ADMIN, OUT_APP, RESET = range(1, 7)
ALICE, BOB = 1, 2
MINE = 500
A_STEP = 3 << 20  # bytes of the store that one turn may read: 256 entries of at most a page or two
FLOOD = 1300


def bytes_read() -> int:
    """What this process has asked the kernel to read so far."""
    return int(Path("/proc/self/io").read_text().split()[1])


def report(number: int) -> bytes:
    return Client().message("8", [(37, str(number)), (17, f"E{number}"), (58, "x" * 100)])


def write_store(folder: Path, foreign: int, *, every: int = 2, received: bool = False) -> None:
    """Messages to Alice, each of `every` one repeated, with `foreign` messages of another session between two."""
    store = Store(folder, RefusedIds())
    others = b"8=FIX.4.4\x01" + b"another's" * 20
    at = 0
    for number in range(1, MINE + 1):
        if received:
            add(store, IN_LOGGED if number % 3 else IN_ANSWERED, ALICE, number, b"8=FIX.4.4\x01mine")
        add(store, OUT_APP if number % every == 0 else OUT_ADMIN, ALICE, number, report(number))
        for _ in range(foreign):
            at += 1
            add(store, OUT_APP, BOB, at, others)
    store.sync()


@pytest.mark.parametrize("what", ["the first", "all", "the last", "what the log lacks"])
def test_a_session_costs_the_same_whatever_others_have_said(tmp_path: Path, what: str) -> None:
    ranges = {"the first": (1, 1), "all": (1, MINE), "the last": (MINE, MINE)}
    costs = []
    for foreign in (30, 1000):
        write_store(tmp_path / str(foreign), foreign, received=True)
        store = Store(tmp_path / str(foreign), RefusedIds())
        before = bytes_read()
        if what in ranges:
            begin, end = ranges[what]
            resend = Resend(store, ALICE, begin, end)
            found = []
            while (entry := resend.read()) is not None:
                found.append(entry[1])
            assert found == list(range(begin, end + 1))
        else:
            assert store.expected_in(ALICE, MINE - 100)[0] == MINE - 99
        costs.append(bytes_read() - before)
        assert costs[-1] < (2 * MINE + 64) * 4096
    assert costs[1] <= costs[0] * 1.05


@contextlib.contextmanager
def counted(harness: Harness) -> Iterator[list[int]]:
    """The bytes that each turn of the gateway reads."""
    turns = [0]
    poll = harness.gateway.poll

    def counting(now_ns: int) -> int:
        before = bytes_read()
        work = poll(now_ns)
        turns.append(bytes_read() - before)
        return work

    harness.gateway.poll = counting  # type: ignore[method-assign]
    yield turns
    harness.gateway.poll = poll  # type: ignore[method-assign]


async def until_answered(trader: Trader, wanted: str) -> list[dict[int, str]]:
    """All messages up to the answer of a TestRequest."""
    trader.send("1", {112: wanted})
    found = []
    while True:
        found.append(await trader.receive())
        if found[-1].get(112) == wanted:
            return found


def flood(folder: Path, foreign: int, requests: int) -> None:
    """Ask for everything this many times in one write, and see what it costs the gateway and another client."""
    write_store(folder / "gateway.1", foreign, every=100)

    async def scenario() -> None:
        flooder, other = Trader("ALICE"), Trader("BOB")
        async with venue(folder) as harness:
            for trader in (flooder, other):
                await trader.logon(harness)
            with counted(harness) as turns:
                flooder.writer.write(b"".join(flooder.message("2", (7, 1), (16, 0)) for _ in range(requests)))
                honest = asyncio.create_task(until_answered(other, "alive"))
                answers = await until_answered(flooder, "done")
                assert (await honest)[-1][112] == "alive"
            first = [answer for answer in answers if int(answer[34]) == 1]
            assert 1 <= len(first) < 10, "each request is carried out"
            assert {answer[36] for answer in first} == {"100"}
            assert max(turns) < A_STEP, "a turn reads what a request has no need of"
            again = {int(answer[34]) for answer in answers if answer[35] == "8"}
            assert again == set(range(100, MINE + 1, 100))

    asyncio.run(scenario())


def test_a_flood_of_requests_is_one_resend_and_others_have_their_turns(tmp_path: Path) -> None:
    """FIX-17: a slow reader is bounded."""
    flood(tmp_path, 430, FLOOD)  # 48 MB, of which little can be repeated


def test_ranges_that_touch_are_repeated_as_one(tmp_path: Path) -> None:
    write_store(tmp_path / "gateway.1", 1)

    async def scenario() -> None:
        trader = Trader("ALICE")
        async with venue(tmp_path) as harness:
            await trader.logon(harness)
            trader.writer.write(trader.message("2", (7, 10), (16, 20)) + trader.message("2", (7, 21), (16, 30)))
            answers = await until_answered(trader, "done")
            assert [int(answer[34]) for answer in answers if answer[35] == "8"] == list(range(10, 31, 2))
            assert int(answers[-2][36]) == 31 if answers[-2][35] == "4" else answers[-2][34] == "30"

    asyncio.run(scenario())


def test_a_request_takes_the_place_of_one_that_runs_and_live_messages_follow_in_order(tmp_path: Path) -> None:
    write_store(tmp_path / "gateway.1", 0, every=1)

    async def scenario() -> None:
        trader, other = Trader("ALICE"), Trader("BOB")
        async with venue(tmp_path, config_for()) as harness:
            await trader.logon(harness)
            await other.logon(harness)
            for number in range(20):
                trader.order(f"o{number}", t44="1")
                trader.send("2", {7: "1", 16: "0"})
                await asyncio.sleep(0)
            answers = await until_answered(trader, "done")
            while sum(answer[35] == "8" and 43 not in answer for answer in trader.got) < 20:
                answers.append(await trader.receive())
            live = [int(answer[34]) for answer in answers if 43 not in answer]
            assert live == sorted(live)
            assert len(live) == len(set(live))
            assert {int(answer[34]) for answer in answers if answer[35] == "8"} >= set(range(1, MINE + 1))

    asyncio.run(scenario())


def test_what_says_nothing_is_not_kept(tmp_path: Path) -> None:
    """A client that sends long TestRequests costs the store their numbers only."""

    async def scenario() -> None:
        trader = Trader("ALICE")
        async with venue(tmp_path) as harness:
            await trader.logon(harness)
            for number in range(100):
                trader.send("1", {112: f"{number} " + "x" * 200})
            await until_answered(trader, "done")
            write_out(harness.gateway.engine.store)
            (segment,) = (tmp_path / "gateway.1").glob("*.fix")
            assert segment.stat().st_size < 10_000

    asyncio.run(scenario())
