"""Numbers in the log: none is sent that it does not cover, and another host goes on behind it with an empty store."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from lockstep.client.fix.message import Message
from lockstep.core.intake.refused_ids import RefusedIds
from lockstep.core.journal.select import select_whole
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.schema import records as r
from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.schema.records import CommandType, Reservation
from lockstep.core.tables.saved import Loader, Saver
from lockstep.procs.gateway import seq_num_file
from lockstep.procs.gateway.opening import Past
from lockstep.procs.gateway.store import Store
from tests.compiled import set_session_in
from tests.gateway.harness import REPLY_S, STEP_S, Harness, Trader, venue
from tests.gateway.stage import ALICE, Stage, accepted, on_stage, stage, traded
from tests.gateway.store_entries import add, generation, next_out, write_out
from tests.models.journal import record, stamp

BLOCK = 16
TRADES = 40_000  # of one session with itself: some 22 MB of reports
SECOND_NS = 1_000_000_000
FIRST_NS = 1_796_000_000_000_000_000
OUT_APP, RESET = 5, 6


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seq_num_file, "BLOCK", BLOCK)


def reserved(seq: int, first: int, end: int, generation: int = 0, at_s: int = 0, **more: Any) -> bytes:
    """A record of the log, about Alice's numbers."""
    record = Reservation(
        account=ALICE, session=ALICE, seq=seq, generation=generation, first=first, end=end, fix_version=42,
        time_ns=FIRST_NS + at_s * SECOND_NS, epoch=1, **more,
    )  # fmt: skip
    return stamp(pack(record))


def store_in(folder: Path, *records: bytes) -> Store:
    return Store(folder / "gateway.1", RefusedIds(), Past(reserved=records))


def send(store: Store, count: int) -> None:
    first = next_out(store, ALICE)
    for number in range(first, first + count):
        add(store, OUT_APP, ALICE, number, b"8=FIX.4.2\x01 report")
    write_out(store)


async def silent(trader: Trader) -> None:
    """Nothing comes."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(trader.receive(), 0.05)


async def asked_of(running: Stage, before: int = 0) -> Reservation:
    """What the gateway asks for Alice, after so many times before."""
    async with asyncio.timeout(REPLY_S):
        while not (asked := [each for each in running.reservations if each.session == ALICE][before:]):
            await asyncio.sleep(STEP_S)
    (found,) = asked
    return found


# ── What is sent ──


def test_a_first_message_waits_for_the_log_and_holds_up_nobody_else(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as running:
            other = await on_stage(running, "BOB")
            running.reserves = False
            trader = Trader()
            logon = asyncio.create_task(trader.logon(running))
            for number in range(3):
                other.send("1", {112: f"there {number}"})
                assert (await other.receive())[112] == f"there {number}"
            asked = await asked_of(running)
            assert not logon.done()
            assert (asked.generation, asked.first, asked.end, asked.fix_version) == (0, 2, 2 + BLOCK, 44)
            running.reserve(asked)
            assert (await logon)[34] == "1"

    asyncio.run(scenario())


def test_what_is_said_with_the_last_message_of_a_connection_waits_too(tmp_path: Path) -> None:
    """A Logout says why; without the log's word it is not sent, and with it not lost."""

    async def scenario() -> None:
        async with stage(tmp_path) as running:
            running.reserves = False
            set_session_in(running.venue.board, ALICE, 41)
            trader = Trader()
            logon = asyncio.create_task(trader.logon(running))
            asked = await asked_of(running)
            assert not logon.done()
            running.reserve(asked)
            answer = await logon
            assert (answer[35], answer[34]) == ("5", "1")
            assert "MsgSeqNum" in answer[58]
            await trader.closed()

    asyncio.run(scenario())


def test_who_has_too_much_waiting_is_disconnected_and_told_after_the_next_logon(tmp_path: Path) -> None:
    """The log's word may lie behind more than memory is there for, as behind a sweep: no gateway ends of that."""

    async def scenario() -> None:
        async with stage(tmp_path) as running:
            trader, other = await on_stage(running), await on_stage(running, "BOB")
            running.reserves = False
            running.tell(accepted(quantity_lots=TRADES))
            running.tell(accepted(11, "two", quantity_lots=TRADES, side=r.Side.SELL))
            for number in range(TRADES):
                running.tell(traded(10, 11, 1, 10_000, TRADES - number, TRADES - number, taker_account=ALICE))
                if number % 4096 == 0:
                    await asyncio.sleep(STEP_S)  # the rings are as large as a venue's
            async with asyncio.timeout(REPLY_S):
                sent = await trader.reader.read()  # until it is closed
            assert b"\x0134=2\x01" in sent
            assert b"\x0134=%d\x01" % (2 + BLOCK) not in sent
            other.send("1", {112: "still there"})
            assert (await other.receive())[112] == "still there"
            running.reserves = True
            for asked in running.reservations:
                running.reserve(asked)
            again = Trader()
            again.next_out = trader.next_out
            assert int((await again.logon(running))[34]) == 4 + 2 * TRADES

    asyncio.run(scenario())


def test_numbers_beyond_the_block_wait_and_go_out_in_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as running:
            trader = await on_stage(running)
            running.reserves = False
            for number in range(BLOCK + 4):
                if number == BLOCK:
                    got = [await trader.receive() for _ in range(BLOCK)]
                    assert [int(message[34]) for message in got] == list(range(2, 2 + BLOCK))
                running.tell(accepted(10 + number, f"order {number}"))
            await silent(trader)
            trader.send("2", {7: "1", 16: "0"})  # a resend too would go on with what is stored
            await silent(trader)
            asked = await asked_of(running, 1)
            assert asked.end == asked.first + BLOCK
            running.reserve(asked)
            seen: list[Message] = []
            while not seen or int(seen[-1][34]) < 5 + BLOCK:
                seen.append(await trader.receive())
            fresh = [int(message[34]) for message in seen if message.get(43) != "Y"]
            assert fresh == list(range(2 + BLOCK, 6 + BLOCK))

    asyncio.run(scenario())


@pytest.mark.parametrize("inside", [False, True], ids=["at a logon", "in a session"])
def test_the_answer_to_a_reset_waits_for_the_log(tmp_path: Path, inside: bool) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as running:
            trader = await on_stage(running)
            if not inside:
                await trader.close()
            running.reserves = False
            known = len(running.reservations)
            trader.next_out = 1
            if inside:
                trader.send("A", {98: "0", 108: "30", 141: "Y"})
                answer = asyncio.create_task(trader.receive())
            else:
                answer = asyncio.create_task(trader.logon(running, t141="Y"))
            asked = await asked_of(running, known)
            assert not answer.done()
            assert (asked.generation, asked.first) == (1, 2)
            running.reserve(running.reservations[0])  # of the numbers before: these cover no others
            await asyncio.sleep(0.02)
            assert not answer.done()
            running.reserve(asked)
            assert (await answer)[34] == "1"

    asyncio.run(scenario())


def test_the_log_knows_when_a_session_comes_and_goes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.order("one")
            await trader.receive()
            await trader.close()
            await harness.until(lambda: not harness.gateway.engine.clients)
            await harness.until(lambda: [each.up for each in logged(tmp_path, CommandType.SESSION)] == [1, 0])
            assert [each.next_msg_seq_num for each in logged(tmp_path, CommandType.SESSION)] == [2, 3]
            await trader.logon(harness)
            await harness.until(lambda: len(logged(tmp_path, CommandType.SESSION)) == 3)

    asyncio.run(scenario())


def logged(data: Path, kind: CommandType) -> list[Any]:
    records = select_whole(data / "journal", 1, (kind,), lambda: None)
    return [unpack_command(record) for record in records]


# ── What another host makes of it ──


def test_an_empty_store_goes_on_at_the_reservation(tmp_path: Path) -> None:
    store = store_in(tmp_path, reserved(10, 2, 18), reserved(40, 11, 27))
    assert (next_out(store, ALICE), generation(store, ALICE)) == (27, 0)
    assert next_out(store, 2) == 1
    assert store.other_boot
    assert store.is_emptied


def test_a_reset_made_elsewhere_counts_as_one_entry(tmp_path: Path) -> None:
    records = (reserved(10, 2, 18), reserved(20, 2, 18, generation=5000))
    for _ in range(2):
        store = store_in(tmp_path, *records)
        assert generation(store, ALICE) == 5000
        assert next_out(store, ALICE) >= 18
    assert sum(path.stat().st_size for path in (tmp_path / "gateway.1").glob("*.fix")) < 300
    add(store, RESET, ALICE, 0, b"")
    assert generation(store, ALICE) == 5001


def test_a_refused_reservation_says_nothing(tmp_path: Path) -> None:
    store = store_in(tmp_path, reserved(10, 2, 18), reserved(20, 2, 500, verdict=109))
    assert next_out(store, ALICE) == 18


@pytest.mark.parametrize(
    ("records", "goes_on_at"),
    [
        ([], 6),
        ([(2, 18, 0)], 22),  # which it did not ask for: behind that, and behind what its own file has
        ([(2, 18, 0), (19, 35, 0)], 35),
        ([(2, 18, 0), (2, 20, 1)], 20),  # and the numbers were reset
    ],
)
def test_a_store_that_was_away_gives_way_to_who_went_on(
    tmp_path: Path, records: list[tuple[int, int, int]], goes_on_at: int
) -> None:
    """A node that leads again has its messages of the time before."""
    send(store_in(tmp_path), 5)
    log = [
        reserved(10 * place, first, end, generation) for place, (first, end, generation) in enumerate(records, start=1)
    ]
    store = store_in(tmp_path, *log)
    assert next_out(store, ALICE) == goes_on_at
    assert store.other_boot == (goes_on_at > 6)
    assert not store.is_emptied
    store.check()
    store.recovered()
    again = store_in(tmp_path, *log)  # what was left to others stays so, and is no news
    assert (next_out(again, ALICE), again.other_boot) == (goes_on_at, False)


def test_a_part_of_a_snapshot_has_what_the_log_said_before_it(tmp_path: Path) -> None:
    """Nothing behind the snapshot says it again; another host has the part and not one message."""
    store = store_in(tmp_path / "a")
    send(store, 3)
    store.reservations.learn([reserved(10, 2, 18)])
    part = os.memfd_create("part")
    saver = Saver(part)
    store.save(saver)
    saver.finish()
    for _ in range(2):
        found = Store(tmp_path / "b" / "gateway.1", RefusedIds(), Past(Loader(part), ()))
        assert (next_out(found, ALICE), found.other_boot) == (18, True)
    found.recovered()
    again = Store(tmp_path / "b" / "gateway.1", RefusedIds(), Past(Loader(part), ()))
    assert (next_out(again, ALICE), again.other_boot) == (18, False)


def test_what_a_gateway_that_follows_learns_raises_no_number(tmp_path: Path) -> None:
    """Its node's primary uses them; when it leads, it goes on behind all that were reserved by then."""
    log = [reserved(10, 2, 18), reserved(20, 11, 27)]
    following = Store(tmp_path / "gateway.1", RefusedIds())
    assert next_out(following, ALICE) == 1
    store = store_in(tmp_path, *log)
    assert next_out(store, ALICE) == 27


def test_nothing_is_given_twice_however_often_a_start_is_killed(tmp_path: Path) -> None:
    log = [reserved(10, 2, 18)]
    last = 17
    for _ in range(3):
        store = store_in(tmp_path, *log)
        assert next_out(store, ALICE) > last
        assert store.other_boot
    send(store, 1)
    last = next_out(store, ALICE) - 1
    store.recovered()
    again = store_in(tmp_path, *log)
    assert (next_out(again, ALICE), again.other_boot) == (last + 1, False)


async def trade(trader: Trader, count: int) -> list[Message]:
    for number in range(count):
        trader.order(f"{trader.next_out} {number}", t44="1")
    return [await trader.receive() for _ in range(count)]


def lose_store(data: Path) -> None:
    (data / "gateway.1").rename(data / "lost")  # a thread of the killed gateway may be making a file there


def test_a_host_with_an_empty_store_goes_on_for_its_clients(tmp_path: Path) -> None:
    async def scenario() -> None:
        trader = Trader()
        async with venue(tmp_path) as harness:
            await trader.logon(harness)
            told = await trade(trader, 3 * BLOCK)
            last = int(told[-1][34])
        end = logged(tmp_path, CommandType.RESERVATION)[-1].end
        assert last < end <= last + 2 * BLOCK
        lose_store(tmp_path)
        async with venue(tmp_path) as harness:
            answer = await trader.logon(harness)
            assert (answer[35], int(answer[34])) == ("A", end + 3 * BLOCK)  # it goes on behind what it repeats
            trader.send("2", {7: "1", 16: "0"})
            again = [await trader.receive() for _ in range(3 * BLOCK + 1)]
            gap, *repeated = again
            assert (gap[35], gap[34], int(gap[36])) == ("4", "1", end)  # nothing below is known any more
            assert [message[17] for message in repeated] == [message[17] for message in told]
            assert {message[97] for message in repeated} == {"Y"}
            assert [int(message[34]) for message in repeated] == list(range(end, end + 3 * BLOCK))
            fresh = await trade(trader, 1)
            assert fresh[0].get(97) is None
            await harness.until(lambda: trader.got[-1] is fresh[0])

    asyncio.run(scenario())


async def numbers_from(harness: Harness, trader: Trader, count: int) -> list[int]:
    """Log on, and have that many orders answered: under which numbers anything came for the first time."""
    before, first = len(trader.got), str(trader.next_out)
    await trader.logon(harness)
    for number in range(count):
        trader.order(f"{trader.next_out} {number}", t44="1")
    while sum(message[35] in "8j" and message.get(97) != "Y" for message in trader.got[before:]) < count:
        message = await trader.receive()
        if message[35] == "2":  # what the log has lost
            fill = {43: "Y", 122: "20260101-00:00:00.000", 123: "Y", 36: first}
            trader.send("4", fill, seq=int(message[7]))
    return [int(message[34]) for message in trader.got[before:] if message.get(43) != "Y"]


@pytest.mark.parametrize("stalled", [set(), {"router"}, {"journaler"}], ids=["at rest", "asked", "sequenced"])
@pytest.mark.parametrize("is_lost", [False, True], ids=["the gateway dies", "the host is lost"])
def test_no_number_is_seen_twice_wherever_it_dies(tmp_path: Path, stalled: set[str], is_lost: bool) -> None:
    """With a reservation in the ring, in the log, or on the disk."""

    async def scenario() -> None:
        trader = Trader()
        seen: list[int] = []
        async with venue(tmp_path) as harness:
            seen += await numbers_from(harness, trader, BLOCK // 2 - 3)
            harness.stalled |= stalled
            for number in range(8):
                trader.order(f"wrong {number}", t44="1.005")  # which the gateway answers by itself
            with contextlib.suppress(TimeoutError):
                while True:
                    seen.append(int((await asyncio.wait_for(trader.receive(), 0.1))[34]))
            assert max(seen) <= 1 + BLOCK
            if not is_lost:
                harness.kill_gateway()
                await asyncio.sleep(0)
                harness.stalled.discard("router")
                harness.stalled.discard("journaler")
                await harness.start_gateway()
                seen += await numbers_from(harness, trader, 2 * BLOCK)
        if is_lost:
            lose_store(tmp_path)
            async with venue(tmp_path) as harness:
                seen += await numbers_from(harness, trader, 2 * BLOCK)
        assert len(seen) == len(set(seen))
        assert seen == sorted(seen)

    asyncio.run(scenario())


def test_two_hosts_in_turn_never_give_the_same_number(tmp_path: Path) -> None:
    """Each keeps its store, which knows nothing of what the other one sent."""

    async def scenario() -> None:
        trader = Trader()
        seen: list[int] = []
        stores = tmp_path / "a", tmp_path / "b"
        for turn, count in enumerate((3, BLOCK, 1, 2 * BLOCK)):
            mine = stores[turn % 2]
            if mine.exists():
                mine.rename(tmp_path / "venue" / "gateway.1")
            async with venue(tmp_path / "venue") as harness:
                trader.got.clear()
                seen += await numbers_from(harness, trader, count)
            (tmp_path / "venue" / "gateway.1").rename(mine)
        assert len(seen) == len(set(seen))

    asyncio.run(scenario())


def test_what_was_told_long_before_is_not_repeated(tmp_path: Path) -> None:
    """Between are two reservations, ten seconds apart: the earlier one's cause is the border."""

    async def scenario() -> None:
        with JournalWriter(tmp_path / "journal", "none", 64 * 4096) as journal:
            journal.append(
                [record(1), reserved(2, 2, 18), record(3), reserved(4, 10, 26, at_s=11), reserved(5, 18, 34, at_s=12)]
            )
        running = Stage(tmp_path)
        running.tell(accepted(10, "told", cause=2))
        running.tell(accepted(11, "perhaps", cause=3))
        await running.start()
        trader = await on_stage(running)
        trader.send("2", {7: "1", 16: "0"})
        while trader.got[-1].get(11) != "perhaps":
            await trader.receive()
        assert [message[11] for message in trader.got if message[35] == "8"] == ["perhaps"]
        await trader.close()
        await running.kill()
        store = store_in(tmp_path)  # and not either when it starts again
        assert not store.is_emptied
        assert store.last_events[1] == 2

    asyncio.run(scenario())


@pytest.mark.parametrize("is_refused", [True, False], ids=["refused", "voided"])
def test_numbers_that_the_log_did_not_give_are_asked_for_again(tmp_path: Path, is_refused: bool) -> None:
    """A record that was taken out with `lockstep void` is never answered."""

    async def scenario() -> None:
        async with stage(tmp_path) as running:
            running.reserves = False
            trader = Trader()
            logon = asyncio.create_task(trader.logon(running))
            asked = await asked_of(running)
            if is_refused:
                running.tell(
                    r.Rejected(
                        order_id=0, price_ticks=0, quantity_lots=0, account=ALICE, session=ALICE, cl_ord_id=b"", side=0,
                        command=CommandType.RESERVATION, code=r.Code.INVALID_DEFINITION,
                    ),
                    ring=0,
                )  # fmt: skip
            again = await asked_of(running, 1)
            assert (again.first, again.end) == (asked.first, asked.end)
            assert not logon.done()
            running.reserve(again)
            assert (await logon)[34] == "1"
            await asyncio.sleep(1.2)  # what is answered is not asked for again
            assert len(running.reservations) == 2

    asyncio.run(scenario())
