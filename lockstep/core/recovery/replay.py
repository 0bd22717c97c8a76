"""A second router and second matchers on rings of their own: what the journal says, from a snapshot up to one record.

It serves whatever needs the venue's state or events and must not disturb it: a stage that restarts alone, verification,
and looking back. It writes nothing, and reads no record after the last one that it was given.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import structs

from lockstep.config.schema import Config
from lockstep.core.venue.snapshot_parts import Start
from lockstep.core.venue.topology import LOG, RingSpec, Topology, derive, role_of
from lockstep.core.venue.venue import Venue
from lockstep.procs.matcher.__main__ import build as build_matcher
from lockstep.procs.router import router
from lockstep.procs.router.__main__ import build as build_router
from lockstep.procs.router.ledger import SettlementError
from lockstep.shm.board import Word

READER = "reader"  # the name under which events are read, in place of gateways, publisher and batcher
IDLE_ROUNDS = 100_000  # in which no agent had work: it is stuck, which is a bug
SETTLING = 3  # the router's state before it goes on to lead


class CoreReplayError(RuntimeError):
    """The journal does not lead to where it must; the message says where that ended, and why."""


class ReplayedCore:
    """Router and matchers of `config`, as they are once record `last_seq` of the journal in `data` is done and settled.

    They begin with the parts of the snapshot that `start` stands for, or with nothing. With `reader`, all events of all
    rings must be taken from `consumers`, or the replay waits; without, events are dropped. One
    that `follows` a journal which is being written goes on when `extend` says how far that is; it is never complete.
    """

    def __init__(
        self, config: Config, data: Path, start: Start, last_seq: int, *, reader: bool = True, follows: bool = False
    ) -> None:
        if last_seq < start.seq:
            raise CoreReplayError(f"record {last_seq} lies before the snapshot at {start.seq}")
        self.start = start
        self.last_seq = last_seq
        self.venue = Venue.private(_bystander(derive(config), reader=reader), config, data, start)
        board = self.venue.board
        board.set(Word.DURABLE_SEQ, last_seq)
        board.set(Word.JOURNAL_READY, self.venue.generation)
        self.matchers = {number: build_matcher(self.venue, f"matcher.{number}") for number in self.venue.matchers}
        self.router = build_router(self.venue, "router")
        self._journal = self.router.source
        self._journal.is_followed = follows
        self.consumers = self.venue.events(READER) if reader else {}
        self._idle = 0

    @property
    def rings(self) -> tuple[int, ...]:
        """The numbers of the event rings: the router's, 0, and each matcher's."""
        return (0, *self.venue.matchers)

    @property
    def position(self) -> int:
        """The last record that the router has sequenced."""
        return self.venue.board.get(Word.ROUTER_DONE)

    @property
    def is_complete(self) -> bool:
        """Whether all is done, and all that came of it is settled. Events may still wait in `consumers`."""
        return self.router.state > SETTLING

    @property
    def is_at_end(self) -> bool:
        """Whether the router has sequenced all that there is so far."""
        return self.position >= self.last_seq

    def extend(self, last_seq: int) -> None:
        """Go on to record `last_seq`, which the journal has by now; nothing happens where that was said before."""
        if last_seq > self.last_seq:
            self.last_seq = last_seq
            self.venue.board.set(Word.DURABLE_SEQ, last_seq)
            self._journal.extend(last_seq)

    def step(self) -> int:
        """Poll every agent once; returns how much work that was. CoreReplayError if it can't go on."""
        if self.is_complete:
            return 0
        now_ns = time.time_ns()
        try:
            work = self.router.step(now_ns) + sum(matcher.step(now_ns) for matcher in self.matchers.values())
        except (router.ReplayError, SettlementError) as error:
            raise CoreReplayError(f"the journal does not replay: {error}") from error
        self._idle = 0 if work or (self._journal.is_followed and self.is_at_end) else self._idle + 1
        if self._idle > IDLE_ROUNDS:
            raise CoreReplayError(f"the replay is stuck at record {self.position} of {self.last_seq}")
        return work

    def run(self, show: Callable[[int, int], None] = lambda _done, _total: None) -> None:
        """Step until complete, of a replay without `reader`. `show` is told how many records are done, of how many."""
        while not self.is_complete:
            self.step()
            show(self.position - self.start.seq, self.last_seq - self.start.seq)

    def lead(self) -> list[bytes]:
        """Go on as a start does that finds this journal: the records that it adds before it takes orders, which are an
        epoch and the configuration's changes. For a complete replay, which then stands for no state of the log.

        GenesisError if the configuration contradicts what is listed.
        """
        log = self.venue.ring(LOG).observer()
        added: list[bytes] = []
        while not self.router.leads:
            now_ns = time.time_ns()
            self.router.step(now_ns)
            for matcher in self.matchers.values():
                matcher.step(now_ns)
            while (record := log.read(self.last_seq + len(added) + 1)) is not None:
                added.append(record)
        return added

    def done_of(self, ring: int) -> int:
        """The record that a ring's producer has done, with all its events."""
        return self.venue.board.get(Word.ROUTER_DONE if ring == 0 else Word.MATCHER_DONE + ring - 1)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The number of each ring's last event so far, the router's ring first."""
        specs = (spec for spec in self.venue.topology.rings if spec.events_of is not None)
        published = {spec.events_of: self.venue.ring(spec.name).published for spec in specs}
        return tuple(published.get(ring, number) for ring, number in enumerate(self.start.numbers))

    def check(self) -> None:
        """Raise AssertionError or ValueError if a structure contradicts itself (a test of ours, of I1 and I4)."""
        self.router.core.ledger.check()
        for matcher in self.matchers.values():
            matcher.book.check()


def _bystander(topology: Topology, *, reader: bool) -> Topology:
    """The topology without its edges: one reader of events, or none, takes their place."""
    return structs.replace(topology, rings=tuple(_without_edges(ring, reader=reader) for ring in topology.rings))


def _without_edges(ring: RingSpec, *, reader: bool) -> RingSpec:
    if ring.name == LOG:
        return structs.replace(ring, consumers=tuple(agent for agent in ring.consumers if role_of(agent) == "matcher"))
    if ring.events_of is None:
        return ring
    settling = tuple(agent for agent in ring.consumers if role_of(agent) == "router")
    return structs.replace(ring, consumers=(*settling, *((READER,) if reader else ())))
