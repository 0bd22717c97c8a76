"""A gateway without the lease tells nobody anything, and goes on where it was when it has it again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lockstep.core.schema.client_ids import own_id
from lockstep.procs.witness.report import boottime_ns
from lockstep.shm.board import Word
from tests.gateway.stage import Stage, accepted, on_stage, stage

LAPSED = 1
QUIET_S = 0.1  # a wrong gateway would say something meanwhile


def test_nothing_is_sent_without_the_lease_and_all_of_it_after(tmp_path: Path) -> None:
    """LOG-13, where it counts: at the socket."""

    async def scenario() -> None:
        async with stage(tmp_path) as running:
            trader = await on_stage(running)
            board = running.venue.board
            board.set(Word.LEASE_UNTIL, boottime_ns() + 10**12)
            trader.order("one")
            await running.commands(1)
            before = len(trader.got)
            board.set(Word.LEASE_UNTIL, LAPSED)
            running.tell(accepted(10, "one"))
            trader.send("1", {112: "alive?"})
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(QUIET_S):
                    await trader.receive()
            assert len(trader.got) == before
            board.set(Word.LEASE_UNTIL, boottime_ns() + 10**12)
            answers = [await trader.receive() for _ in range(2)]
            assert [message[112] for message in answers if message[35] == "0"] == ["alive?"]
            assert [message[11] for message in answers if message[35] == "8"] == ["one"]

    asyncio.run(scenario())


def test_orders_are_refused_meanwhile_and_cancels_pass(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as running:
            trader = await on_stage(running)
            board = running.venue.board
            trader.order("before")
            await running.commands(1)
            running.tell(accepted(10, "before"))
            await trader.receive()
            board.set(Word.LEASE_UNTIL, LAPSED)
            await asyncio.sleep(QUIET_S)
            trader.order("meanwhile")
            trader.cancel("c", "before")
            (command,) = await running.commands(1)
            assert own_id(command) == b"c"
            board.set(Word.LEASE_UNTIL, 0)
            assert (await trader.receive())[379] == "meanwhile"

    asyncio.run(scenario())


def test_the_port_opens_with_the_lease(tmp_path: Path) -> None:
    async def scenario() -> None:
        running = Stage(tmp_path)
        running.venue.board.set(Word.LEASE_UNTIL, LAPSED)
        starting = asyncio.create_task(running.start())
        await asyncio.sleep(QUIET_S)
        assert running.gateway.port == 0
        running.venue.board.set(Word.LEASE_UNTIL, boottime_ns() + 10**12)
        await starting
        assert running.gateway.port
        await running.kill()

    asyncio.run(scenario())
