"""A gateway that follows another node's: it tells nobody anything, and once its node leads it goes on in place."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from lockstep.cli.fix_log import Wanted, find
from lockstep.client.fix.message import Message
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.schema import records as r
from lockstep.core.venue.node import Node
from lockstep.procs.gateway import seq_num_file
from lockstep.shm.board import Word
from tests.gateway.harness import Trader, abandon
from tests.gateway.stage import ALICE, AT_NS, FAR_AHEAD, ROUTER, Stage, accepted, on_stage
from tests.gateway.store_entries import generation
from tests.gateway.test_reservations import reserved
from tests.models.journal import record

BLOCK = 16
SECONDARY = Node("secondary")
SECOND_NS = 1_000_000_000


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seq_num_file, "BLOCK", BLOCK)


def following(data: Path, homes: dict[str, int] | None = None) -> Stage:
    """A gateway that follows, on a node whose primary commits all."""
    stage = Stage(data, node=SECONDARY, homes=homes)
    for word in (Word.DURABLE_SEQ, Word.ROUTER_DONE, Word.PRIMARY_COMMIT):
        stage.venue.board.set(word, FAR_AHEAD)
    stage.define()
    return stage


def reserve(stage: Stage, seq: int, end: int, at_s: int = 0, generation: int = 0, session: int = ALICE) -> None:
    """The primary's gateway has the log's word for a session's numbers."""
    stage.tell(
        r.Reserved(
            cause=seq, session=session, generation=generation, first=max(1, end - BLOCK), end=end, fix_version=44,
            time_ns=AT_NS + at_s * SECOND_NS,
        ),
        ring=ROUTER,
    )  # fmt: skip


def step(stage: Stage, now_ns: int = AT_NS + SECOND_NS) -> None:
    for turn in range(4):
        stage.gateway.poll(now_ns + turn * SECOND_NS)


def promote(stage: Stage) -> None:
    """The router leads; nothing but this node's journal decides what is committed."""
    stage.venue.board.set(Word.COMMIT_BY, 0)
    stage.venue.board.set(Word.EPOCH, 2)


async def all_of(trader: Trader, last: str) -> list[Message]:
    """What a client gets that asks for everything, up to its order `last`."""
    trader.send("2", {7: "1", 16: "0"})
    while trader.got[-1].get(11) != last:
        await trader.receive()
    return trader.got[1:]


def test_it_opens_in_place_and_repeats_what_may_be_untold(tmp_path: Path) -> None:
    async def scenario() -> None:
        stage = following(tmp_path)
        reserve(stage, 5, 18)
        for number in range(3):
            stage.tell(accepted(10 + number, f"order {number}", cause=6 + number))
        step(stage)
        assert stage.gateway.port == 0
        assert not list(find(tmp_path, Wanted()))  # nothing was sent
        promote(stage)
        await stage.open()
        trader = Trader()
        answer = await trader.logon(stage)
        assert (answer[35], answer[34]) == ("A", "21")  # behind all that the other host may have given
        gap, *repeated = await all_of(trader, "order 2")
        assert (gap[35], gap[34], gap[36]) == ("4", "1", "18")
        assert [message[34] for message in repeated] == ["18", "19", "20"]
        assert {message[97] for message in repeated} == {"Y"}
        assert len({message[17] for message in repeated}) == 3
        stage.tell(accepted(20, "fresh", cause=50))
        while trader.got[-1].get(11) != "fresh":
            await trader.receive()
        assert (trader.got[-1].get(97), trader.got[-1].get(43)) == (None, None)
        await stage.kill()

    asyncio.run(scenario())


def test_it_repeats_nothing_from_before_the_border(tmp_path: Path) -> None:
    """Of three reservations, each ten seconds behind the other, what came before the second was told long ago."""

    async def scenario() -> None:
        stage = following(tmp_path)
        reserve(stage, 5, 18)
        stage.tell(accepted(10, "told", cause=6))
        step(stage)
        reserve(stage, 20, 30, at_s=11)
        stage.tell(accepted(11, "perhaps", cause=21))
        step(stage)
        reserve(stage, 30, 40, at_s=22)
        stage.tell(accepted(12, "last", cause=31))
        step(stage)
        promote(stage)
        await stage.open()
        trader = await on_stage(stage)
        got = await all_of(trader, "last")
        assert [message[11] for message in got if message[35] == "8"] == ["perhaps", "last"]
        await stage.kill()

    asyncio.run(scenario())


def test_what_is_repeated_may_be_more_than_a_page_of_the_store(tmp_path: Path) -> None:
    async def scenario() -> None:
        stage = following(tmp_path)
        reserve(stage, 5, 18)
        for number in range(60):
            stage.tell(accepted(10 + number, f"order {number}", cause=6 + number))
            if number % 20 == 19:
                step(stage)
                reserve(stage, 6 + number, 18 + number)
        step(stage)
        promote(stage)
        await stage.open()
        trader = await on_stage(stage)
        got = await all_of(trader, "order 59")
        assert [message[11] for message in got if message[35] == "8"] == [f"order {number}" for number in range(60)]
        await stage.kill()

    asyncio.run(scenario())


def test_a_reset_at_the_primary_leaves_nothing_to_repeat(tmp_path: Path) -> None:
    async def scenario() -> None:
        stage = following(tmp_path)
        reserve(stage, 5, 18)
        stage.tell(accepted(10, "before", cause=6))
        step(stage)
        reserve(stage, 20, 18, at_s=1, generation=1)
        stage.tell(accepted(11, "behind", cause=21))
        step(stage)
        promote(stage)
        await stage.open()
        trader = await on_stage(stage)
        got = await all_of(trader, "behind")
        assert [message[11] for message in got if message[35] == "8"] == ["behind"]
        assert generation(stage.gateway.engine.store, ALICE) == 1
        await stage.kill()

    asyncio.run(scenario())


@pytest.mark.parametrize("is_written", [False, True], ids=["lost", "written"])
def test_one_that_dies_while_it_follows_keeps_each_report_once(tmp_path: Path, is_written: bool) -> None:
    async def scenario() -> None:
        for time in range(2):
            stage = following(tmp_path)
            reserve(stage, 5, 18)
            for number in range(3 + time):
                stage.tell(accepted(10 + number, f"order {number}", cause=6 + number))
            if is_written or time:
                step(stage)
            else:
                stage.gateway.poll(0)  # too early for it to write
            if not time:
                abandon(stage.gateway)
        promote(stage)
        await stage.open()
        trader = await on_stage(stage)
        got = await all_of(trader, "order 3")
        assert [message[11] for message in got if message[35] == "8"] == [f"order {number}" for number in range(4)]
        await stage.kill()

    asyncio.run(scenario())


def test_it_does_not_open_before_the_epoch_is_committed(tmp_path: Path) -> None:
    async def scenario() -> None:
        stage = following(tmp_path)
        stage.tell(accepted(10, "order", cause=6))
        step(stage)
        board = stage.venue.board
        board.set(Word.DURABLE_SEQ, 49)
        board.set(Word.LOG_END, 50)
        promote(stage)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await stage.open()
        assert stage.gateway.engine.store.follows
        board.set(Word.DURABLE_SEQ, 50)
        await stage.open()
        await stage.kill()

    asyncio.run(scenario())


def test_killed_at_any_step_of_the_change_a_start_tells_the_rest_once(tmp_path: Path) -> None:
    """Whatever part of what it repeats is on the disk; and a start behind that repeats nothing more."""

    async def scenario() -> None:
        data = tmp_path / "whole"
        data.mkdir()
        stage = following(data)
        reserve(stage, 2, 18)
        for number in range(3):
            stage.tell(accepted(10 + number, f"order {number}", cause=3 + number))
        step(stage)
        (file,) = (data / "gateway.1").glob("*.fix")
        before = len(file.read_bytes().rstrip(b"\0"))
        promote(stage)
        stage.gateway.poll(AT_NS + 9 * SECOND_NS)  # the change itself; the port is not open yet
        assert not stage.gateway.engine.store.follows
        stage.tell(accepted(13, "order 3", cause=50))
        stage.gateway.poll(AT_NS + 10 * SECOND_NS)
        abandon(stage.gateway)
        shutil.copytree(data, tmp_path / "killed")
        whole = file.read_bytes()
        end = len(whole.rstrip(b"\0"))
        assert end > before + 4 * 100
        for cut in range(before, end + 8, 40):
            await check_start(tmp_path / "killed", tmp_path / f"cut {cut}", file.name, whole[:cut])

    async def check_start(whole: Path, data: Path, name: str, store: bytes) -> None:
        shutil.copytree(whole, data)
        (data / "gateway.1" / name).write_bytes(store)
        with JournalWriter(data / "journal", "none", 64 * 4096) as journal:
            journal.append([record(1), reserved(2, 2, 18)])
        trader = Trader()
        for _ in range(2):
            stage = Stage(data)
            stage.define()
            for number in range(4):
                stage.tell(accepted(10 + number, f"order {number}", cause=3 + number))
            stage.venue.board.set(Word.DURABLE_SEQ, FAR_AHEAD)
            stage.venue.board.set(Word.ROUTER_DONE, FAR_AHEAD)
            stage.venue.board.set(Word.EPOCH, 2)
            await stage.open()
            trader.got.clear()
            await trader.logon(stage)
            got = await all_of(trader, "order 3")
            told = [message for message in got if message[35] == "8"]
            assert [message[11] for message in told] == [f"order {number}" for number in range(4)]
            assert min(int(message[34]) for message in told) >= 18
            assert {message[97] for message in told} == {"Y"}
            await trader.close()
            await stage.kill()

    asyncio.run(scenario())
