"""The reader of released events: what it lets through, in which order, and where it waits."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import pytest

from lockstep.core.edge.released_events import EventHandler
from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import AssetDefined, EventType
from lockstep.procs.witness.report import boottime_ns
from lockstep.shm.bell import Reason
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Consumer
from tests.event_feed import CAUSE_AT, NUMBER_AT, ROUTER, EventFeed, History, cause_of, number_of

NAME = "edge"
SLOTS = 8192
RINGS = 3  # of a router and two matchers
DEFINITION, CORRECTION, MARK = EventType.INSTRUMENT_DEFINED, EventType.CORRECTED, EventType.SNAPSHOT
TYPE_AT = 4

Seen = tuple[int, int]  # a ring, and the number of its event


def record_of(kind: EventType, number: int, cause: int) -> bytes:
    """An event of which only the head is filled."""
    record = bytearray(120)
    record[TYPE_AT] = kind
    record[NUMBER_AT : NUMBER_AT + 8] = number.to_bytes(8, "little")
    record[CAUSE_AT : CAUSE_AT + 8] = cause.to_bytes(8, "little")
    return bytes(record)


@dataclass
class Bench:
    """A board and the rings of a router and two matchers, with a reader behind them; `seen` is what it applied."""

    seen: list[Seen] = field(default_factory=list)
    room: int = 2**62

    def __post_init__(self) -> None:
        self.history: History = {ring: [] for ring in range(RINGS)}
        self.board = Board.private()
        self.reader = EventHandler(self.take, self.new_rings(), self.board)

    def new_rings(self, *behind: int) -> dict[int, Consumer]:
        """Rings that begin after these numbers, with all of the history from there."""
        self.feed = EventFeed(self.history, NAME, slots=SLOTS, behind=behind, board=self.board)
        self.feed.publish()
        return self.feed.consumers

    def take(self, ring: int, record: bytes) -> bool:
        if len(self.seen) >= self.room:
            return False
        self.seen.append((ring, number_of(record)))
        return True

    def emit(self, ring: int, cause: int, kind: EventType | None = None) -> int:
        """An event that says nothing, or the router's that says something; returns its number."""
        kind = kind or (EventType.ASSET_DEFINED if ring == ROUTER else EventType.EXT_CLIENT_ID)
        self.history[ring].append(record_of(kind, len(self.history[ring]) + 1, cause))
        assert self.feed.publish_to(ring)
        return len(self.history[ring])

    def start_again(self, draw: random.Random) -> None:
        """The core starts again, behind some snapshot: what the reader has had comes again in other rings."""
        behind = [draw.randint(0, self.reader.position(ring)) for ring in range(RINGS)]
        self.reader.attach(self.new_rings(*behind), self.board)

    def cause_of(self, ring: int, number: int) -> int:
        return cause_of(self.history[ring][number - 1])

    def release(self, seq: int) -> None:
        self.feed.release(seq)

    def done(self, *seqs: int) -> None:
        self.feed.done(*seqs)

    def poll(self) -> list[Seen]:
        """What a poll applies; it returns how many."""
        before = len(self.seen)
        work = self.reader.poll()
        assert work == len(self.seen) - before
        return self.seen[before:]


def test_the_head_that_the_tests_write_is_that_of_events() -> None:
    event = unpack_event(record_of(EventType.ASSET_DEFINED, 7, 9))
    assert isinstance(event, AssetDefined)
    assert (event.number, event.cause) == (7, 9)


def test_nothing_is_looked_at_that_is_not_committed_or_that_the_router_has_not_done() -> None:
    bench = Bench()
    bench.emit(1, 5)
    assert bench.poll() == []
    bench.board.set(Word.DURABLE_SEQ, 5)
    assert bench.poll() == []
    assert bench.reader.wants() == Reason.COMMIT
    bench.board.set(Word.ROUTER_DONE, 4)
    assert bench.poll() == []
    bench.board.set(Word.ROUTER_DONE, 5)
    assert bench.poll() == [(1, 1)]
    assert bench.reader.wants() == Reason.EVENTS


def test_the_routers_ring_comes_first() -> None:
    bench = Bench()
    bench.emit(1, 5)
    bench.emit(ROUTER, 9)
    bench.release(9)
    assert bench.poll() == [(ROUTER, 1), (1, 1)]


def test_a_matchers_event_waits_for_what_a_batch_leaves_of_the_routers() -> None:
    bench = Bench()
    for cause in range(1, 5001):
        bench.emit(ROUTER, cause)
    bench.emit(1, 4096)
    bench.emit(1, 4097)
    bench.release(5000)
    assert bench.poll()[-1] == (1, 1)
    assert bench.reader.is_behind
    assert bench.poll()[-1] == (1, 2)
    assert not bench.reader.is_behind


def test_a_definition_waits_for_all_that_matchers_did_before_it_and_holds_up_all_behind_it() -> None:
    bench = Bench()
    bench.emit(1, 4)
    bench.emit(1, 6)
    bench.emit(ROUTER, 5, DEFINITION)
    bench.emit(ROUTER, 6)
    bench.release(9)
    bench.done(6, 3)
    assert bench.poll() == [(1, 1)]
    assert bench.poll() == [], "matcher 2 may have more to say of command 4"
    assert bench.reader.wants() == Reason.EVENTS | Reason.COMMIT
    bench.emit(2, 4)
    bench.emit(2, 6)
    bench.done(6, 6)
    assert bench.poll() == [(2, 1)]
    assert bench.poll() == [(ROUTER, 1), (ROUTER, 2), (1, 2), (2, 2)]


def test_a_definition_is_applied_once_all_before_it_is() -> None:
    bench = Bench()
    bench.emit(1, 4)
    bench.emit(1, 5)
    bench.emit(ROUTER, 5, DEFINITION)
    bench.emit(2, 6)
    bench.release(9)
    bench.done(9, 9)
    assert bench.poll() == [(1, 1)]
    assert bench.poll() == [(ROUTER, 1), (1, 2), (2, 1)]


def test_it_stands_still_at_a_mark_that_is_wanted() -> None:
    bench = Bench()
    bench.board.set(Word.SNAPSHOT_SEQ, 5)
    bench.emit(1, 4)
    bench.emit(ROUTER, 5, MARK)
    bench.emit(ROUTER, 6)
    bench.emit(1, 6)
    bench.release(9)
    bench.done(9, 9)
    assert bench.poll() == [(1, 1)]
    assert bench.reader.at_mark == 0
    assert bench.poll() == [(ROUTER, 1)]
    assert bench.reader.at_mark == 5
    assert bench.poll() == []
    bench.reader.pass_mark()
    assert bench.poll() == [(ROUTER, 2), (1, 2)]
    assert bench.reader.at_mark == 0


def test_a_mark_that_is_not_wanted_is_an_event_like_any_other() -> None:
    bench = Bench()
    bench.emit(1, 4)
    bench.emit(ROUTER, 5, MARK)
    bench.emit(1, 6)
    bench.release(9)
    assert bench.poll() == [(ROUTER, 1), (1, 1), (1, 2)]
    assert bench.reader.at_mark == 0


def test_what_comes_again_is_passed_over() -> None:
    bench = Bench()
    for cause in (3, 5):
        bench.emit(ROUTER, cause)
        bench.emit(1, cause)
    bench.release(4)
    assert bench.poll() == [(ROUTER, 1), (1, 1)]
    bench.start_again(random.Random(1))
    bench.release(9)
    del bench.seen[:]
    bench.reader.poll()
    assert bench.seen == [(ROUTER, 2), (1, 2)]
    assert [bench.reader.position(ring) for ring in range(RINGS)] == [2, 2, 0]


def test_a_ring_that_begins_behind_what_comes_next_is_refused() -> None:
    bench = Bench()
    bench.reader.attach(bench.new_rings(0, 1, 0), bench.board)
    with pytest.raises(RuntimeError, match="ring 1 goes on with event 2, where 0 was the last handled"):
        bench.reader.poll()


def test_the_router_has_to_have_a_ring() -> None:
    bench = Bench()
    rings = bench.new_rings()
    rings.pop(0)
    with pytest.raises(ValueError, match="numbered 0, which has to be there"):
        bench.reader.attach(rings, bench.board)


def test_a_board_that_speaks_of_later_rings_is_not_believed() -> None:
    bench = Bench()
    bench.emit(1, 5)
    bench.release(9)
    bench.board.set(Word.GENERATION, 2)
    assert bench.poll() == []
    assert bench.reader.is_behind
    bench.board.set(Word.GENERATION, 1)
    assert bench.poll() == [(1, 1)]


def test_what_there_is_no_room_for_comes_again() -> None:
    bench = Bench()
    bench.room = 2
    for cause in range(1, 4):
        bench.emit(1, cause)
    bench.emit(ROUTER, 2)
    bench.emit(2, 3)
    bench.release(9)
    assert bench.poll() == [(ROUTER, 1), (1, 1)]
    assert bench.reader.is_behind
    assert bench.poll() == []
    bench.room = 2**62
    assert bench.poll() == [(1, 2), (1, 3), (2, 1)]


def test_a_mark_that_there_is_no_room_for_is_not_reached() -> None:
    bench = Bench()
    bench.board.set(Word.SNAPSHOT_SEQ, 5)
    bench.emit(ROUTER, 5, MARK)
    bench.emit(1, 6)
    bench.release(9)
    bench.done(9, 9)
    bench.room = 0
    assert bench.poll() == []
    assert bench.reader.at_mark == 0
    bench.room = 2**62
    assert bench.poll() == [(ROUTER, 1)]
    assert bench.reader.at_mark == 5


@dataclass
class Command:
    """What a command of the random test makes: which events of which rings, the router's first."""

    cause: int
    barrier: EventType | None
    events: list[int]  # rings


def model_order(commands: list[Command]) -> list[set[Seen]]:
    """Groups of events: those of a group come in any order of rings, all of it before the next one."""
    numbers = [itertools.count(1) for _ in range(RINGS)]
    groups: list[set[Seen]] = [set()]
    for command in commands:
        if command.barrier is not None:
            groups += [{(ROUTER, next(numbers[ROUTER]))}, set()]
        for ring in command.events:
            groups[-1].add((ring, next(numbers[ring])))
    return groups


def check_order(seen: list[Seen], commands: list[Command]) -> None:
    """Each ring's events in the order of their numbers, once; barriers between all before and all behind them."""
    for ring in range(RINGS):
        numbers = [number for of, number in seen if of == ring]
        assert numbers == list(range(1, len(numbers) + 1))
    at = 0
    for group in model_order(commands):
        assert set(seen[at : at + len(group)]) == group
        at += len(group)
    assert at == len(seen)


@pytest.mark.parametrize("seed", range(40))
def test_random_venues_are_applied_in_the_order_of_the_model(seed: int) -> None:
    """Rings fill, commits come and snapshots are wanted at random; the core starts again in the middle."""
    draw = random.Random(seed)
    bench = Bench()
    commands: list[Command] = []
    published = [0, 0, 0]  # by ring: commands whose events are in it
    released = passed = 0
    for cause in range(1, draw.randint(20, 200)):
        barrier = draw.choices((None, DEFINITION, CORRECTION, MARK), (16, 1, 1, 2))[0]
        events = [] if barrier else sorted(draw.choices(range(RINGS), k=draw.randrange(5)))
        commands.append(Command(cause, barrier, events))
    while len(bench.seen) < sum(len(group) for group in model_order(commands)):
        ring = draw.randrange(RINGS)
        for command in commands[published[ring] : published[ring] + draw.randrange(20)]:
            if ring == ROUTER and command.barrier is MARK:
                if passed < bench.board.get(Word.SNAPSHOT_SEQ):
                    break  # no snapshot is asked for before the one before it is there
                bench.board.set(Word.SNAPSHOT_SEQ, command.cause)
            if ring == ROUTER and command.barrier is not None:
                bench.emit(ROUTER, command.cause, command.barrier)
            for _ in range(command.events.count(ring)):
                bench.emit(ring, command.cause)
            published[ring] += 1
        released = max(released, draw.randint(0, len(commands)))
        bench.board.set(Word.DURABLE_SEQ, released)
        bench.board.set(Word.ROUTER_DONE, published[ROUTER])
        bench.done(published[1], published[2])
        if draw.random() < 0.05:
            bench.start_again(draw)
        bench.reader.poll()
        limit = min(released, published[ROUTER])
        assert all(bench.cause_of(of, number) <= limit for of, number in bench.seen)
        if mark := bench.reader.at_mark:
            assert sum(len(group) for group in model_order(commands[:mark])) == len(bench.seen)
            bench.reader.pass_mark()
            passed = mark
    check_order(bench.seen, commands)


def test_nothing_is_taken_without_the_lease_and_nothing_is_lost_by_it() -> None:
    """A position that went back to 0 meanwhile would say that less is complete than was."""
    bench = Bench()
    bench.board.set(Word.EPOCH, 1)
    bench.emit(ROUTER, 3)
    bench.release(9)
    bench.done(9, 9)
    assert bench.poll() == [(ROUTER, 1)]
    bench.emit(1, 5)
    bench.emit(ROUTER, 6)
    for word, shut, free in ((Word.LEASE_UNTIL, 1, boottime_ns() + 10**12), (Word.FENCED, 2, 0)):
        bench.board.set(word, shut)
        assert bench.board.is_closed()
        assert bench.poll() == []
        assert bench.reader.position(ROUTER) == 1
        bench.board.set(word, free)
    assert not bench.board.is_closed()
    assert sorted(bench.poll()) == [(ROUTER, 2), (1, 1)]


def test_what_a_core_repeats_is_taken_without_the_lease() -> None:
    """LOG-13: it gets none before it leads, and rings that nobody reads would be full before that."""
    bench = Bench()
    bench.board.set(Word.LEASE_UNTIL, 1)
    bench.emit(ROUTER, 3)
    bench.release(3)
    bench.done(3, 3)
    assert bench.poll() == [(ROUTER, 1)]
    bench.emit(ROUTER, 4)
    bench.release(4)
    bench.done(4, 4)
    for word in (Word.EPOCH, Word.FENCED):
        bench.board.set(word, 1)
        assert bench.poll() == []
        bench.board.set(word, 0)
    assert bench.poll() == [(ROUTER, 2)]
