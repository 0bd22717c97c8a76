"""A run of a secondary without a process: what commands look at before they change anything."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from lockstep.config.schema import Config, InstrumentSection, ReplicationSection, VenueSection
from lockstep.core.cluster import failover, switchover
from lockstep.core.cluster.steps import FailedOver, Instruction
from lockstep.core.files import atomic_file
from lockstep.core.venue import node
from lockstep.core.venue import venue as ground
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.replicator.handshake import LinkState
from lockstep.shm.board import Word
from lockstep.shm.segment import RoleLock
from tests.models import journal


class Secondary:
    """A run of a secondary: its shared memory, its lock and role, held by this process, and no stage."""

    def __init__(self, data: Path) -> None:
        instrument = InstrumentSection(symbol="AB", base="A", quote="B", tick="0.01", lot="0.01")
        venue = VenueSection(data=str(data), durability="replicated")
        self.data = data
        self.config = Config(venue=venue, replication=ReplicationSection(node="b"), instruments=[instrument])
        self.signals: list[int] = []
        (data / "run").mkdir(parents=True)
        node.save(data, Node("secondary", journal_id="0" * 32, peer="a"))

    @contextmanager
    def runs(self) -> Iterator[None]:
        lock = RoleLock(self.data / "venue.lock")
        lock.acquire()
        topology = derive(self.config, follows=True)
        manifest = ground.create(topology, self.config, self.data, os.urandom(16).hex(), node=node.load(self.data))
        atomic_file.replace(ground.manifest_of(self.data), msgspec.json.encode(manifest))
        self.venue = Venue.attach(manifest)
        self.board = self.venue.board
        producer = self.venue.ring("log").producer()
        for record in journal.records(1, 700):
            producer.put(record)
        self.board.set(Word.LOG_END, 700)
        self.board.set(Word.PEER_SEQ, 710)
        self.board.set(Word.LINK, LinkState.IN_STEP)
        self.board.set(Word.WHOLE_NS, self.venue.now_ns())
        self.board.set(Word.WAITED_FOR, 1)
        before = signal.signal(signal.SIGUSR2, lambda number, _: self.signals.append(number))
        try:
            yield
        finally:
            signal.signal(signal.SIGUSR2, before)
            ground.manifest_of(self.data).unlink()
            ground.destroy(manifest)
            lock.release()

    def fail_over(
        self, statement: str = "", *, dry_run: bool = False, accepted: str = "", clock: bool = False
    ) -> FailedOver:
        given = Instruction(statement, accepted, clock, dry_run)
        return failover.carry_out(self.config, self.data, given, lambda _: None)

    def switch_over(self, *, dry_run: bool = False, clock: bool = False) -> FailedOver:
        return switchover.carry_out(self.data, Instruction(clock=clock, dry_run=dry_run), lambda _: None)
