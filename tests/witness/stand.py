"""A node before a real etcd: its board and its files as they are, and what its core would show, shown by the test."""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path

from lockstep.config.schema import Config, InstrumentSection, ReplicationSection, VenueSection, WitnessSection
from lockstep.core.venue import node
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import LAPSED, Venue
from lockstep.procs.replicator.handshake import LinkState
from lockstep.procs.witness import record, report
from lockstep.procs.witness.etcd import Etcd
from lockstep.procs.witness.leadership import Leadership
from lockstep.procs.witness.life import Life
from lockstep.procs.witness.record import State, View
from lockstep.shm.board import Word

LEASE_S = 2  # a process may wait for a processor for some tenths of that
SECOND_NS = 1_000_000_000
JOURNAL = "1f" * 16
INSTRUMENT = InstrumentSection(symbol="AB", base="A", quote="B", tick="0.01", lot="0.01")
_venues = itertools.count(1)


def venue_name() -> str:
    return f"v{next(_venues)}"


class Stand:
    """Node `name` of a venue, whose board says that its core gets on: it leads as a primary, or follows in step."""

    def __init__(self, folder: Path, name: str, url: str, venue: str, role: Node, *, alone_after_s: float = 0) -> None:
        data = folder / name
        data.mkdir(exist_ok=True)
        (data / "run").mkdir(exist_ok=True)
        node.save(data, role)
        witness = WitnessSection(urls=[url], lease_s=LEASE_S, alone_after_s=alone_after_s)
        config = Config(
            venue=VenueSection(name=venue, data=str(data), durability="replicated"), instruments=[INSTRUMENT],
            replication=ReplicationSection(node=name), witness=witness,
        )  # fmt: skip
        self.name = name
        self.journal = JOURNAL
        self.venue = Venue.private(derive(config, follows=role.is_secondary), config, data, node=role)
        self.board = self.venue.board
        self.signals = 0
        self.runner = asyncio.Runner()
        self.begin()

    def begin(self) -> None:
        """A new process of the witness, in the same run."""
        settings = self.venue.config.witness
        self.etcd = Etcd(settings.urls, LEASE_S / 4)
        self.life = Life(self.venue, LEASE_S * SECOND_NS // 2, LEASE_S * SECOND_NS // 2)
        self.leadership = Leadership(self.venue, self.etcd, self.life, lambda: self.journal, self._signalled)

    def _signalled(self) -> None:
        self.signals += 1

    def close(self) -> None:
        self.etcd.close()
        self.runner.close()

    def leads(self, log_end: int = 100) -> None:
        """Its router leads, and all is done and durable."""
        self.show(log_end)
        self.board.set(Word.EPOCH, 1)

    def follows(self, log_end: int = 100) -> None:
        """It has all of the primary's log."""
        self.show(log_end)
        self.board.set(Word.LINK, LinkState.IN_STEP)
        self.board.set(Word.PEER_SEQ, log_end)

    def show(self, log_end: int) -> None:
        words = (
            Word.LOG_END,
            Word.DURABLE_SEQ,
            Word.ROUTER_DONE,
            *(Word.MATCHER_DONE + n - 1 for n in self.venue.matchers),
        )
        for word in words:
            self.board.set(word, log_end)

    def beat(self) -> None:
        """Its core's processes turn."""
        shown = dict.fromkeys(("pid", "work", "rounds", "started_ns", "blocked"), 1) | {"state": 2}
        for slot in range(len(self.venue.topology.agents)):
            self.board.show_health(slot, shown | {"heartbeat_ns": time.monotonic_ns()})

    def turn(self, times: int = 1, *, beats: bool = True) -> None:
        for _ in range(times):
            if beats:
                self.beat()
            self.life.look(time.monotonic_ns())
            self.runner.run(self.leadership.turn())

    def until(self, condition: str, *, beats: bool = True, timeout_s: float = 10) -> None:
        """Take turns until that is so: `open`, `closed`, `fenced`, or a part of what it says is wrong."""
        deadline = time.monotonic() + timeout_s
        while not self.is_(condition):
            assert time.monotonic() < deadline, f"{self.name} is not {condition}: {self.said}"
            self.turn(beats=beats)
            time.sleep(0.01)  # as often as it looks

    def is_(self, condition: str) -> bool:
        if condition == "fenced":
            return self.board.get(Word.FENCED) != 0
        if condition in ("open", "closed"):
            is_open = self.board.get(Word.LEASE_UNTIL) > LAPSED and not self.board.is_closed()
            return is_open is (condition == "open")
        return condition in self.said.trouble

    @property
    def said(self) -> report.Report:
        return report.of(self.venue.data)

    @property
    def role(self) -> Node:
        return node.load(self.venue.data)

    def view(self) -> View:
        """What etcd has."""
        return record.view(self.runner.run(self.etcd.read(record.keys(self.venue.config.venue.name))))

    @property
    def state(self) -> State:
        state = self.view().state
        assert state is not None
        return state

    def members(self) -> tuple[str, ...]:
        """Who may lead, as etcd has it."""
        return self.state.members

    def paired(self, log_end: int = 100) -> None:
        """As Shipping pairs: the role first, then the word; and the other node has acknowledged all."""
        node.save(self.venue.data, Node("primary", ("a", "b")))
        self.board.set(Word.COMMIT_BY, Word.ACKED_SEQ)
        self.board.set(Word.LINK, LinkState.IN_STEP)
        self.board.set(Word.ACKED_SEQ, log_end)
