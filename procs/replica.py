"""A second router and second matchers on rings of their own: what the journal says, from a snapshot up to one record.

It is for those who need the venue's state or events and must not disturb it: a stage that restarts alone, verification,
and looking back. It writes nothing, and reads no record behind the last one that it was given.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from msgspec import structs

from config.schema import Config
from procs.handover import HandOver
from procs.matcher.__main__ import build as build_matcher
from procs.router import router
from procs.router.__main__ import build as build_router
from procs.router.ledger import SettlementError
from procs.snapshots import Start
from procs.supervisor.topology import LOG, RingSpec, Topology, derive, role_of
from procs.venue import Venue
from shm.board import Board, Word
from shm.ring import Consumer, Ring

READER = "reader"  # the name under which events are read, in place of gateways, publisher and batcher
ROUNDS_A_BEAT = 64  # a round is some thousand records at most
IDLE_ROUNDS = 100_000  # of everybody without any work: it is stuck, which is a bug
HANDOVER_SLOTS = 8192
SETTLING = 3  # the router's state before it goes on to lead


class ReplicaError(RuntimeError):
    """The journal does not lead to where it must; the message says where that ended, and why."""


class Edge(Protocol):
    """What a stage must be able to do to be brought up to date."""

    def poll(self, now_ns: int) -> int: ...
    def attach(self, consumers: dict[int, Consumer], board: Board) -> None: ...


class Replica:
    """Router and matchers of `config`, as they are once record `last_seq` of the journal in `data` is done and settled.

    They begin with the parts of the snapshot that `start` stands for, or with nothing. With `reader`, all events of all
    rings can be taken from `consumers`, which hold the replay up until that is done; without, nobody sees them.
    """

    def __init__(self, config: Config, data: Path, start: Start, last_seq: int, *, reader: bool = True) -> None:
        if last_seq < start.seq:
            raise ReplicaError(f"record {last_seq} lies before the snapshot at {start.seq}")
        self.start = start
        self.last_seq = last_seq
        self.venue = Venue.private(_bystander(derive(config), reader=reader), config, data, start)
        board = self.venue.board
        board.set(Word.DURABLE_SEQ, last_seq)
        board.set(Word.JOURNAL_READY, self.venue.generation)
        self.matchers = {number: build_matcher(self.venue, f"matcher.{number}") for number in self.venue.matchers}
        self.router = build_router(self.venue, "router")
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

    def step(self) -> int:
        """Poll everybody once; returns how much work that was. ReplicaError where it can't go on."""
        if self.is_complete:
            return 0
        now_ns = time.time_ns()
        try:
            work = self.router.step(now_ns) + sum(matcher.step(now_ns) for matcher in self.matchers.values())
        except (router.ReplayError, SettlementError) as error:
            raise ReplicaError(f"the journal does not replay: {error}") from error
        self._idle = 0 if work else self._idle + 1
        if self._idle > IDLE_ROUNDS:
            raise ReplicaError(f"the replay is stuck at record {self.position} of {self.last_seq}")
        return work

    def run(self) -> None:
        """Step until complete, of a replica without `reader`."""
        while not self.is_complete:
            self.step()

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
        """Raise AssertionError or ValueError where a structure contradicts itself (a test of ours, of I1 and I4)."""
        self.router.core.ledger.check()
        for matcher in self.matchers.values():
            matcher.book.check()


def catch_up(venue: Venue, name: str, edge: Edge, beat: Callable[[], None]) -> None:
    """Bring an edge that restarted alone to where its predecessor was, then let it go on with the venue's rings.

    `edge` has loaded its part of `venue.snapshots.start`. It gets the events behind that up to its cursors in the real
    rings from a replay of its own; side effects that its store already has it leaves out, as ever. `beat` is called
    again and again meanwhile. ReplicaError where the journal does not lead there.
    """
    real = venue.events(name)
    until = {ring: consumer.next - 1 for ring, consumer in real.items()}
    if any(number > venue.snapshots.start.numbers[ring] for ring, number in until.items()):
        _Catching(venue, name, edge, until).run(beat)
    edge.attach(real, venue.board)


class _Catching:
    """One catching up: a replica, the rings by which its events are handed over, and the edge behind them."""

    def __init__(self, venue: Venue, name: str, edge: Edge, until: dict[int, int]) -> None:
        self._edge = edge
        self._until = until
        start = venue.snapshots.start
        self._replica = Replica(venue.config, venue.data, start, venue.board.get(Word.DURABLE_SEQ))
        self._rings = {ring: Ring.private(HANDOVER_SLOTS, [name], first_seq=start.numbers[ring] + 1) for ring in until}
        self._hands = {
            ring: HandOver(self._replica.consumers[ring], made.producer(), until[ring])
            for ring, made in self._rings.items()
        }
        self._name = name
        # No epoch: as far as the edge can see, nobody leads yet, so that it opens nothing.
        self._board = Board.private()
        edge.attach({ring: made.consumer(name) for ring, made in self._rings.items()}, self._board)

    def run(self, beat: Callable[[], None]) -> None:
        idle = 0
        for rounds in itertools.count():
            if self._is_over():
                return
            if rounds % ROUNDS_A_BEAT == 0:
                beat()
            work = self._replica.step() + self._hand_over() + self._edge.poll(time.time_ns())
            idle = 0 if work else idle + 1
            if idle > IDLE_ROUNDS:
                raise ReplicaError(f"{self._name} does not get to where it was: it is at {self._cursors()}, "
                                   f"and was at {self._until}")  # fmt: skip

    def _hand_over(self) -> int:
        """Copy what there is; then say how far each ring is complete, having looked before (rule 19)."""
        done = {ring: self._replica.done_of(ring) for ring in self._hands}
        work = sum(hand.step() for hand in self._hands.values())
        for ring, hand in self._hands.items():
            if ring:
                self._board.set(Word.MATCHER_DONE + ring - 1, hand.done_of(done[ring]))
        # All of the router's ring that the edge will get is all that it waits for.
        router_done = done[0] if self._hands[0].is_over else self._hands[0].done_of(done[0])
        self._board.set(Word.ROUTER_DONE, router_done)
        self._board.set(Word.DURABLE_SEQ, router_done)
        return work

    def _is_over(self) -> bool:
        return self._cursors() == self._until

    def _cursors(self) -> dict[int, int]:
        return {ring: made.cursors()[self._name] for ring, made in self._rings.items()}


def _bystander(topology: Topology, *, reader: bool) -> Topology:
    """The topology without its edges: one reader of events, or nobody, takes their place."""
    return structs.replace(topology, rings=tuple(_without_edges(ring, reader=reader) for ring in topology.rings))


def _without_edges(ring: RingSpec, *, reader: bool) -> RingSpec:
    if ring.name == LOG:
        return structs.replace(ring, consumers=tuple(agent for agent in ring.consumers if role_of(agent) == "matcher"))
    if ring.events_of is None:
        return ring
    settling = tuple(agent for agent in ring.consumers if role_of(agent) == "router")
    return structs.replace(ring, consumers=(*settling, *((READER,) if reader else ())))
