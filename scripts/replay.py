"""Replays a venue's journal with the real router and matchers, on rings in this process's own memory.

It changes nothing of the venue, which may run meanwhile: what is replayed ends where its journal is committed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from msgspec import structs

from config.schema import Config
from procs.matcher.__main__ import build as build_matcher
from procs.router import router
from procs.router.__main__ import build as build_router
from procs.router.ledger import SettlementError
from procs.supervisor.topology import RingSpec, Topology, derive, role_of
from procs.venue import Venue
from shm.board import Word
from shm.layout import unpack_command, unpack_event
from shm.records import RECORD_SIZE, Adjustment, Balance, Code, CommandType, Deposit, EventType, Withdrawal
from shm.ring import Consumer

READER = "verify"  # the name under which events are read, in place of gateways, publisher and batcher
JOURNALER = "journaler"
READ_BYTES = RECORD_SIZE * 8192
MONEY = (CommandType.DEPOSIT, CommandType.WITHDRAWAL, CommandType.ADJUSTMENT)
IDLE_ROUNDS = 100_000  # of all agents without any work: the replay is stuck, which is a bug


class ReplayError(RuntimeError):
    """The journal does not replay; the message says where it stopped and why."""


class Replay:
    """The events of the journal up to `last_seq`, ring by ring, in temporary files of `folder`."""

    def __init__(self, config: Config, data: Path, last_seq: int) -> None:
        self.last_seq = last_seq
        self.orders_resting = 0
        self._files: dict[int, IO[bytes]] = {}
        self._venue = Venue.private(_bystander(derive(config)), config, data)
        self._brought: dict[int, int] = {}
        self._proposed: dict[int, tuple[int, int]] = {}
        try:
            self._run(data)
        except (router.ReplayError, SettlementError) as error:
            raise ReplayError(f"it does not replay: {error}") from error

    def events(self, ring: int) -> Iterator[bytes]:
        """The packed events of the router's ring (0) or of matcher `ring`'s, from number 1 on."""
        file = self._files.get(ring)
        if file is None:
            return
        file.seek(0)
        while data := file.read(READ_BYTES):
            for offset in range(0, len(data), RECORD_SIZE):
                yield data[offset : offset + RECORD_SIZE]

    def money(self) -> dict[int, tuple[int, int]]:
        """Of each asset: what the log brought in, less what it took out, and what all accounts hold by events (I1)."""
        held: dict[tuple[int, int], int] = {}
        for record in self.events(0):
            if record[4] == EventType.BALANCE:
                event = unpack_event(record)
                assert isinstance(event, Balance)
                held[event.account, event.asset] = event.free + event.held
        totals = dict.fromkeys(self._brought, 0)
        for (_, asset), units in held.items():
            totals[asset] = totals.get(asset, 0) + units
        return {asset: (self._brought.get(asset, 0), total) for asset, total in totals.items()}

    def close(self) -> None:
        """Give the temporary files back."""
        for file in self._files.values():
            file.close()

    def _run(self, data: Path) -> None:
        """Let router and matchers do what they do at a start, until the router would lead."""
        venue = self._venue
        venue.board.set(Word.DURABLE_SEQ, self.last_seq)
        venue.board.set(Word.JOURNAL_READY, 1)
        matchers = [build_matcher(venue, f"matcher.{number}") for number in venue.matchers]
        sequencer = build_router(venue, "router")
        readers = {0: venue.consumer("events.router", READER)}
        readers |= {number: venue.consumer(f"events.matcher.{number}", READER) for number in venue.matchers}
        self._files = {ring: tempfile.TemporaryFile(dir=data) for ring in readers}  # noqa: SIM115
        log = venue.consumer("log", JOURNALER)
        idle = 0
        while not venue.board.get(Word.EPOCH):
            now_ns = time.time_ns()
            work = sequencer.step(now_ns) + sum(matcher.step(now_ns) for matcher in matchers)
            for ring, reader in readers.items():
                self._keep(ring, reader)
            self._count_money(log)
            idle = 0 if work else idle + 1
            if idle > IDLE_ROUNDS:
                raise ReplayError(f"the replay is stuck at record {venue.board.get(Word.LOG_END)} of {self.last_seq}")
        sequencer.core.ledger.check()
        for matcher in matchers:
            matcher.book.check()
            self.orders_resting += matcher.book.resting

    def _keep(self, ring: int, reader: Consumer) -> None:
        """File what a ring has brought. What the router says about leading is no part of the journal."""
        records = [record for record in reader.take() if _cause(record) <= self.last_seq]
        self._files[ring].write(b"".join(records))

    def _count_money(self, log: Consumer) -> None:
        for record in log.take():
            if record[4] not in MONEY:
                continue
            command = unpack_command(record)
            if command.seq > self.last_seq or getattr(command, "verdict", Code.OK) != Code.OK:
                continue
            match command:
                case Deposit():
                    self._bring(command.asset, command.amount)
                case Withdrawal():
                    self._bring(command.asset, -command.amount)
                case Adjustment(proposal=0):
                    self._proposed[command.seq] = command.asset, command.amount
                case Adjustment():
                    self._bring(*self._proposed.pop(command.proposal))

    def _bring(self, asset: int, amount: int) -> None:
        self._brought[asset] = self._brought.get(asset, 0) + amount


def _bystander(topology: Topology) -> Topology:
    """The topology without its edges: one reader of events takes the place of gateways, publisher and batcher."""
    return structs.replace(topology, rings=tuple(_without_edges(ring) for ring in topology.rings))


def _without_edges(ring: RingSpec) -> RingSpec:
    if not ring.name.startswith("events."):
        return ring
    settling = tuple(agent for agent in ring.consumers if role_of(agent) == "router")
    return structs.replace(ring, consumers=(*settling, READER))


def _cause(record: bytes) -> int:
    return int.from_bytes(record[8:16], "little")
