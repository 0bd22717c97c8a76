"""The replicator on an event loop: what wakes it, and what leaves it alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lockstep.core.journal.end import segment_header
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import LOG
from lockstep.procs.replicator import replicator as module
from lockstep.procs.replicator.replicator import Replicator
from lockstep.procs.replicator.shipping import Shipping
from lockstep.procs.replicator.transport import Acceptor, Dialer
from lockstep.shm.board import Word
from tests.replicator.test_faults import Side, config, record

RECORDS = 6_000  # more than the secondary's ring and the link's buffer take
TURNS = 200  # of an event loop
PATIENCE_S = 60.0


class Follower:
    """A secondary's replicator, polled only when it is woken, and a primary that ships all it can."""

    def __init__(self, folder: Path) -> None:
        self.primary = Side(config(folder, "a", "disk"), Node())
        journal_id = segment_header(folder / "a" / "journal", 1).journal_id.hex()
        self.secondary = Side(config(folder, "b", "disk"), Node("secondary", journal_id=journal_id))
        (folder / "b" / "run").mkdir()
        self.log = self.secondary.venue.ring(LOG)
        self.trade()
        acceptor = Acceptor("127.0.0.1:0", None)
        self.shipping = Shipping(self.primary.venue, acceptor, self.primary.tell)
        dialer = Dialer(f"127.0.0.1:{acceptor.port}", None)
        self.replicator = Replicator(self.secondary.venue, Acceptor("127.0.0.1:0", None), dialer)
        self.replicator.kick = self.kick
        self.is_kicked = True

    def trade(self) -> None:
        """RECORDS that are on the primary's disk."""
        self.primary.board.set(Word.EPOCH, 1)
        producer = self.primary.venue.producer(LOG)
        for seq in range(1, RECORDS + 1):
            producer.put(record(seq))
            if not producer.room() or seq == RECORDS:
                self.primary.journal(4)
                self.primary.follow()
        self.primary.board.set(Word.LOG_END, RECORDS)

    def kick(self) -> None:
        self.is_kicked = True

    async def turn(self, *, always: bool = False) -> None:
        """Let the primary ship, and the replicator poll if it is woken."""
        self.shipping.poll(time.monotonic_ns())
        if self.is_kicked or always:
            self.is_kicked = self.replicator.poll(time.monotonic_ns()) > 0
        self.secondary.journal(1)
        await asyncio.sleep(0)

    async def until(self, is_done: Callable[[], bool], *, reads: bool, always: bool) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not is_done():
            assert time.monotonic() < end_s, (self.log.published, self.secondary.states)
            await self.turn(always=always)
            if reads:
                self.secondary.follow()

    async def close(self) -> None:
        await self.replicator.stop()
        self.shipping.close()
        self.primary.close()
        self.secondary.close()


@pytest.fixture
def follower(tmp_path: Path) -> Follower:
    return Follower(tmp_path)


def test_a_full_ring_leaves_the_socket_alone(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a secondary that catches up would spin on bytes that it can't take, on a core that its stages need."""
    monkeypatch.setattr(module, "ROOM_S", PATIENCE_S)

    async def run() -> None:
        await follower.until(lambda: follower.log.published == follower.log.capacity, reads=False, always=True)
        for _ in range(TURNS):
            await follower.turn(always=True)  # bytes come until they fill the link, and then the socket
        follower.is_kicked = False
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert not follower.is_kicked
        await follower.close()

    asyncio.run(run())


def test_it_goes_on_by_itself_when_there_is_room(follower: Follower) -> None:
    async def run() -> None:
        await follower.until(lambda: follower.secondary.board.get(Word.LINK) > 1, reads=False, always=True)
        await follower.until(lambda: follower.log.published == RECORDS, reads=True, always=False)
        await follower.close()

    asyncio.run(run())
