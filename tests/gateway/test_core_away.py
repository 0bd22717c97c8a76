"""A core stands still, or starts again: clients stay connected, and what it shows meanwhile decides nothing."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from msgspec import structs

from lockstep.core.schema import records as r
from lockstep.shm.board import Word
from tests.compiled import set_session_in, write_balance
from tests.gateway.harness import Trader, config_for, venue, with_fix
from tests.gateway.stage import ALICE, MATCHER, Stage, accepted, on_stage, stage

CORE = {"router", "matcher.1", "journaler"}
AWAY_S = 5.0
INTERVAL_S = 1  # of heartbeats: a client that is not heard for 2.4 of them is cut off
SLOTS = 64
ROOM = 5  # slots that one message may take


class Listener:
    """Reads all that a client gets, says that it is alive, and notes the longest silence of the gateway."""

    def __init__(self, trader: Trader) -> None:
        self.trader = trader
        self.longest_s = 0.0
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        heard = said = time.monotonic()
        while True:
            message = await self.trader.receive()
            now = time.monotonic()
            self.longest_s = max(self.longest_s, now - heard)
            heard = now
            if message[35] == "1":
                self.trader.send("0", {112: message[112]})
            elif now - said >= INTERVAL_S / 2:
                self.trader.send("0", {})
                said = now

    def count(self, cl_ord_id: str) -> int:
        return sum(message.get(11) == cl_ord_id for message in self.trader.got)

    async def stop(self) -> None:
        assert not self.task.done() or self.task.result()
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task


def test_a_core_that_is_away_for_seconds_loses_no_client(tmp_path: Path) -> None:
    """One is idle, one sends more than the ring takes, one comes back while it is full."""

    async def scenario() -> None:
        config = with_fix(config_for(names=("ALICE", "BOB", "CAROL")), min_heartbeat_s=INTERVAL_S)
        config = structs.replace(config, rings=structs.replace(config.rings, ingress=SLOTS))
        async with venue(tmp_path, config) as harness:
            idle, busy, late = (Trader(name) for name in ("ALICE", "BOB", "CAROL"))
            for trader in (idle, busy, late):
                await trader.logon(harness, t108=str(INTERVAL_S))
            await late.close()
            listeners = [Listener(idle), Listener(busy)]
            harness.stalled |= CORE
            began = time.monotonic()
            for number in range(2 * SLOTS):
                busy.order(f"o{number}", t44="1")
            ring = harness.venue.ring("ingress.gateway.1")
            await harness.until(lambda: ring.published - ring.cursors()["router"] > SLOTS - ROOM)
            await late.logon(harness, t108=str(INTERVAL_S))
            listeners.append(Listener(late))
            late.order("late", t44="1")
            await asyncio.sleep(began + AWAY_S - time.monotonic())
            assert len(harness.gateway.engine.clients) == 3
            harness.stalled -= CORE
            await harness.until(lambda: ring.cursors()["router"] == ring.published)
            late.order("after", t44="1")
            await harness.until(lambda: all(client.name for client in harness.gateway.engine.clients))
            await harness.until(lambda: listeners[2].count("after") == 1)
            await harness.until(lambda: sum(message[35] in "8j" for message in busy.got) == 2 * SLOTS)
            for listener in listeners:
                await listener.stop()
                assert listener.longest_s < 2 * INTERVAL_S
            answers = [message for message in busy.got if message[35] in "8j"]
            taken = [message for message in answers if message[35] == "8"]
            assert SLOTS - ROOM <= len(taken) <= SLOTS
            refused = [message for message in late.got if message[35] == "j"]
            assert [message[380] for message in refused] == ["4"]

    asyncio.run(scenario())


def test_a_first_logon_waits_for_a_core_that_replays(tmp_path: Path) -> None:
    """Until it leads, the board shows numbers of long ago as the session's last."""

    async def scenario() -> None:
        async with stage(tmp_path) as running:
            running.venue.board.set(Word.EPOCH, 0)
            set_session_in(running.venue.board, ALICE, 3)
            trader = Trader()
            trader.next_out = 42
            logon = asyncio.create_task(trader.logon(running))
            await asyncio.sleep(0.1)  # a wrong gateway would answer meanwhile
            assert not logon.done()
            set_session_in(running.venue.board, ALICE, 41)
            running.venue.board.set(Word.EPOCH, 2)
            assert (await logon)[35] == "A"
            trader.order("one")
            (command,) = await running.commands(1)
            assert command.msg_seq_num == 43
            assert [message[35] for message in trader.got] == ["A"]

    asyncio.run(scenario())


def test_one_who_gives_up_before_the_core_leads_is_forgotten(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as running:
            running.venue.board.set(Word.EPOCH, 0)
            gone = Trader()
            await gone.connect(running)
            gone.send("A", {98: "0", 108: "30", 553: "ALICE", 554: "demo"})
            await asyncio.sleep(0.1)  # the password's check is over, and the Logon waits for the core
            await gone.close()
            await asyncio.sleep(0.05)  # the gateway sees the end
            running.venue.board.set(Word.EPOCH, 2)
            await on_stage(running)

    asyncio.run(scenario())


def test_who_is_logged_on_stays_so_and_orders_wait_while_the_core_begins_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as running:
            trader = await on_stage(running)
            trader.order("before")
            await running.commands(1)
            running.tell(accepted(10, "before"))
            assert (await trader.receive())[11] == "before"
            running.venue.board.set(Word.EPOCH, 0)
            running.venue.board.set(Word.READY_EVENT, 0)
            trader.order("meanwhile")
            trader.send("1", {112: "alive"})
            assert (await trader.receive())[112] == "alive"
            running.venue.board.set(Word.EPOCH, 2)
            running.venue.board.set(Word.READY_EVENT, 100)
            (command,) = await running.commands(1)
            assert (command.cl_ord_id, command.msg_seq_num) == (b"meanwhile", 3)
            trader.send("1", {112: "still"})
            assert (await trader.receive())[112] == "still"

    asyncio.run(scenario())


def test_a_ledger_that_is_behind_again_gives_no_hint(tmp_path: Path) -> None:
    """What it had settled is set back with the core: until it has caught up, only the router refuses for balance."""

    async def scenario() -> None:
        async with stage(tmp_path) as running:
            trader = await on_stage(running)
            board = running.venue.board
            write_balance(board, ALICE, 2, 0, 0)
            number = running.tell(accepted(10, "before"), ring=MATCHER)
            assert (await trader.receive())[11] == "before"
            board.set(Word.SETTLED, number)
            trader.order("hopeless")
            refusal = await trader.receive()
            assert (refusal[11], refusal[150], refusal[37]) == ("hopeless", "8", "NONE")
            board.set(Word.SETTLED, 0)
            trader.order("who knows")
            (command,) = await running.commands(1)
            assert isinstance(command, r.NewOrder)
            assert command.cl_ord_id == b"who knows"

    asyncio.run(scenario())


def test_the_port_opens_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        running = Stage(tmp_path)
        await running.start()
        port = running.gateway.port
        for epoch in (0, 2, 0, 3):
            running.venue.board.set(Word.EPOCH, epoch)
            await asyncio.sleep(0.01)  # each epoch is seen: ten polls or more
        assert running.gateway.port == port
        await running.kill()

    asyncio.run(scenario())
