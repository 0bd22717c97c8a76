"""The gateway on a full disk: orders are refused, all else passes, and nothing is sent before it is stored."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable

import pytest

from lockstep.core.files import space
from lockstep.core.intake.refused_ids import RefusedIds
from lockstep.procs.gateway.opening import Room
from lockstep.procs.gateway.store import Store
from lockstep.shm.board import Word
from tests.gateway.harness import Harness, Trader, venue
from tests.gateway.store_entries import add, write_out
from tests.gateway.test_store import IN_ANSWERED, IN_LOGGED, OUT_APP, everything, resent
from tests.small_disk import PAGE, SmallDisk

MIB = 2**20
SPARE = 64 * 1024
BODY = b"8=FIX.4.4\x01" + b"x" * 190
Make = Callable[[int], SmallDisk]


@pytest.fixture(autouse=True)
def little_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "SPARE_BYTES", SPARE)


def test_a_store_writes_what_it_owns_then_keeps_the_rest_until_there_is_space(small_disk: Make) -> None:
    disk = small_disk(4 * MIB)
    store = Store(disk.folder / "store", RefusedIds(), room=Room(spare_bytes=SPARE))
    add(store, IN_LOGGED, 1, 1, BODY)
    write_out(store)
    disk.fill()
    stored = 1
    while not store.is_full:
        stored += 1
        add(store, OUT_APP, 1, stored, BODY)
        with contextlib.suppress(OSError):
            write_out(store)
    assert stored > SPARE // (len(BODY) + 64)
    # The file is whole: opening it finds no torn entry.
    before = len(everything(disk.folder / "store"))
    assert before == stored - 1
    assert store.segment.is_short
    for number in range(stored + 1, stored + 100):
        add(store, OUT_APP, 1, number, BODY)
    disk.empty()
    write_out(store)
    assert not store.is_full
    store.segment.tend()
    assert not store.segment.is_short
    assert len(everything(disk.folder / "store")) == stored + 99
    assert [number for _, number, _ in resent(store, 1, 2, 0x7FFFFFFE)] == list(range(2, stored + 100))


def test_of_a_batch_that_does_not_fit_nothing_is_there(small_disk: Make) -> None:
    """A message without its answer would never be answered: the next start asks for it again."""
    batch = 8
    disk = small_disk(4 * MIB)
    store = Store(disk.folder / "store", RefusedIds(), room=Room(spare_bytes=SPARE))
    disk.fill()
    number = 0
    while not store.is_full:
        for _ in range(batch // 2):
            number += 1
            add(store, IN_ANSWERED, 1, number, BODY)
            add(store, OUT_APP, 1, number, BODY)
        with contextlib.suppress(OSError):
            write_out(store)
    found = everything(disk.folder / "store")
    assert found
    assert len(found) % batch == 0
    del store
    again = Store(disk.folder / "store", RefusedIds(), room=Room(spare_bytes=SPARE))
    assert again.expected_in(1, 0) == (len(found) // 2 + 1, set())


def test_a_store_that_opens_on_a_full_disk_has_what_its_predecessor_owned(small_disk: Make) -> None:
    disk = small_disk(4 * MIB)
    Store(disk.folder / "store", RefusedIds(), room=Room(spare_bytes=SPARE)).sync()
    disk.fill()
    store = Store(disk.folder / "store", RefusedIds(), room=Room(spare_bytes=SPARE))
    add(store, IN_LOGGED, 1, 1, BODY)
    write_out(store)
    assert not store.is_full


def test_a_segment_without_a_successor_goes_on(small_disk: Make) -> None:
    disk = small_disk(4 * MIB)
    store = Store(disk.folder / "store", RefusedIds(), room=Room(4 * PAGE, SPARE))
    disk.fill()
    for number in range(1, 150):
        add(store, IN_LOGGED, 1, number, BODY)
        write_out(store)
    assert not store.is_full
    assert len(list((disk.folder / "store").glob("*.fix"))) == 1
    disk.empty()
    store.segment.tend()
    add(store, IN_LOGGED, 1, 150, BODY)
    write_out(store)
    assert len(list((disk.folder / "store").glob("*.fix"))) == 2
    assert len(everything(disk.folder / "store")) == 150


async def probe(harness: Harness, trader: Trader, state: str) -> None:
    """Send orders until one is answered with this state: "8" by the gateway itself, not by way of the log."""
    for number in itertools.count():
        end = harness.venue.board.get(Word.LOG_END)
        trader.order(f"probe-{state}-{number}")
        answer = await trader.receive()
        if answer[150] == state and (state == "0" or harness.venue.board.get(Word.LOG_END) == end):
            return
        await asyncio.sleep(0.01)  # it looks at the disk ten times a second


def test_orders_are_refused_at_the_door_and_all_else_passes(small_disk: Make) -> None:
    async def scenario() -> None:
        disk = small_disk(8 * MIB)
        async with venue(disk.folder) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.order("one")
            assert (await trader.receive())[150] == "0"
            disk.fill()
            await probe(harness, trader, "8")
            end = harness.venue.board.get(Word.LOG_END)
            trader.order("two")
            report = await trader.receive()
            assert (report[35], report[150], report[11]) == ("8", "8", "two")
            assert report[58].startswith("JOURNAL_FULL")
            trader.replace("three", "one")
            assert (await trader.receive())[35] == "9"
            assert harness.venue.board.get(Word.LOG_END) == end  # neither took room in the log
            trader.send("1", {112: "alive"})
            assert (await trader.receive())[112] == "alive"
            trader.cancel("four", "one")
            assert (await trader.receive())[150] == "4"
            disk.empty()
            await probe(harness, trader, "0")
            trader.order("two")  # the log never had it
            assert (await trader.receive())[150] == "0"

    asyncio.run(scenario())


def test_a_store_without_space_silences_the_gateway_and_nothing_is_lost(small_disk: Make) -> None:
    async def scenario() -> None:
        disk = small_disk(8 * MIB)
        async with venue(disk.folder) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.order("one")
            await trader.receive()
            disk.fill()
            await probe(harness, trader, "8")
            begun = len(trader.got)
            count = 0
            while not harness.gateway.engine.store.is_full:
                for _ in range(20):
                    count += 1
                    trader.order(f"refused-{count}")
                await asyncio.sleep(0.01)
            trader.cancel("last", "one")
            disk.empty()
            numbers: list[int] = []
            while not numbers or trader.got[-1].get(150) != "4":
                message = await trader.receive()
                numbers.append(int(message[34]))
            assert numbers == list(range(begun + 1, begun + 2 + count))
            assert [message[11] for message in trader.got[begun:-1]] == [f"refused-{i}" for i in range(1, count + 1)]

    asyncio.run(scenario())
