"""A replay says what the venue said: the same state, the same events, from the beginning or from a snapshot."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from msgspec import structs

from lockstep import config
from lockstep.config.schema import Config, RingsSection
from lockstep.core.recovery.edge_catch_up import NEAR, Catching, catch_up
from lockstep.core.recovery.replay import CoreReplayError, ReplayedCore
from lockstep.core.venue.snapshot_parts import Start
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Consumer
from tests.router.random_driver import rested, write_journal
from tests.router.rig import Rig

DEMO = config.load(Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml")
GENESIS = Start.genesis()


@pytest.fixture(scope="module")
def rig() -> Rig:
    return rested()


@pytest.fixture(scope="module")
def data(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the core's journal."""
    folder = tmp_path_factory.mktemp("data")
    write_journal(rig, folder / "journal")
    return folder


@pytest.fixture
def small() -> Config:
    """The demo's configuration with rings that are full again and again."""
    return structs.replace(DEMO, rings=RingsSection(ingress=256, log=256, events=1024))


def run(replay: ReplayedCore) -> dict[int, list[bytes]]:
    events: dict[int, list[bytes]] = {ring: [] for ring in replay.rings}
    while replay.step() or not replay.is_complete or any(each.pending() for each in replay.consumers.values()):
        for ring, consumer in replay.consumers.items():
            events[ring] += consumer.take()
    return events


def test_it_comes_to_the_same_state_with_the_same_events(rig: Rig, data: Path, small: Config) -> None:
    replay = ReplayedCore(small, data, GENESIS, len(rig.log))
    events = run(replay)
    assert replay.position == len(rig.log)
    assert replay.router.core.state_hash() == rig.core.state_hash()
    assert events == rig.events
    replay.check()


def test_without_a_reader_it_runs_by_itself(rig: Rig, data: Path, small: Config) -> None:
    replay = ReplayedCore(small, data, GENESIS, len(rig.log), reader=False)
    replay.run()
    assert replay.router.core.state_hash() == rig.core.state_hash()


def test_it_ends_at_the_record_it_is_told(rig: Rig, data: Path, small: Config) -> None:
    last = len(rig.log) // 2
    events = run(ReplayedCore(small, data, GENESIS, last))
    for ring, found in events.items():
        expected = [record for record in rig.events[ring] if cause(record) <= last]
        assert [record for record in found if cause(record) <= last] == expected


def test_what_lies_before_its_start_is_refused(data: Path, small: Config) -> None:
    with pytest.raises(CoreReplayError, match="lies before the snapshot at 9"):
        ReplayedCore(small, data, structs.replace(GENESIS, seq=9), 8)


class Recorder:
    """An edge that notes what it handles, and asserts that the complete position was true."""

    def __init__(self, truth: dict[int, list[bytes]]) -> None:
        self.truth = truth
        self.events: dict[int, list[bytes]] = {ring: [] for ring in truth}
        self.consumers: dict[int, Consumer] = {}
        self.boards: list[Board] = []

    def attach(self, consumers: dict[int, Consumer], board: Board) -> None:
        self.consumers = consumers
        self.boards.append(board)

    def poll(self, now_ns: int) -> int:
        assert now_ns
        board, work = self.boards[-1], 0
        assert board.get(Word.EPOCH) == 0
        released = board.release_position()
        for ring, consumer in sorted(self.consumers.items()):
            taken = consumer.take(7)
            self.events[ring] += taken
            work += len(taken)
            assert all(cause(record) <= released for record in taken)
            if ring and not consumer.pending():
                following = self.truth[ring][len(self.events[ring]) :]
                assert not following or cause(following[0]) > board.get(Word.MATCHER_DONE + ring - 1)
        return work


@pytest.mark.parametrize("seed", range(6))
def test_an_edge_that_restarts_alone_is_brought_to_where_it_was(rig: Rig, data: Path, small: Config, seed: int) -> None:
    venue = Venue.private(derive(DEMO), small, data)
    draw = random.Random(seed)
    handled = {}
    for ring, records in rig.events.items():
        producer = venue.producer(ring_of(ring))
        for record in records:
            producer.put(record)
        handled[ring] = draw.choice((0, len(records), draw.randrange(len(records))))
        venue.consumer(ring_of(ring), "publisher").take(handled[ring])
    venue.board.set(Word.DURABLE_SEQ, len(rig.log))
    edge = Recorder(rig.events)
    beats: list[float] = []
    catch_up(venue, "publisher", edge, lambda: beats.append(time.monotonic()))
    assert bool(beats) == any(handled.values())
    assert edge.events == {ring: rig.events[ring][:count] for ring, count in handled.items()}
    assert edge.boards[-1] is venue.board
    assert {ring: consumer.next - 1 for ring, consumer in edge.consumers.items()} == handled
    assert edge.consumers[1].ring is venue.ring("events.matcher.1")


def test_an_edge_that_was_further_than_the_journal_is_an_error(rig: Rig, data: Path, small: Config) -> None:
    venue = Venue.private(derive(DEMO), small, data)
    for record in rig.events[1]:
        venue.producer("events.matcher.1").put(record)
    venue.consumer("events.matcher.1", "publisher").take()
    venue.board.set(Word.DURABLE_SEQ, len(rig.log) // 2)
    with pytest.raises(CoreReplayError, match="publisher does not get to where it was"):
        catch_up(venue, "publisher", Recorder(rig.events), lambda: None)


@pytest.mark.parametrize("seed", range(4))
def test_an_edge_that_was_taken_out_follows_the_journal_and_comes_in_near_the_present(
    rig: Rig, data: Path, seed: int
) -> None:
    """The venue goes on meanwhile: its rings are full of what the edge lacks, and its journal grows."""
    small = structs.replace(DEMO, rings=RingsSection(ingress=256, log=256, events=256))
    venue = Venue.private(derive(small), small, data)
    draw = random.Random(seed)
    ends = {ring: venue.producer(ring_of(ring)) for ring in rig.events}
    others = {ring: venue.ring(ring_of(ring)).cursors().keys() - {"publisher"} for ring in rig.events}
    readers = {ring: [venue.consumer(ring_of(ring), name) for name in names] for ring, names in others.items()}
    told = dict.fromkeys(rig.events, 0)
    done = 0

    def trade(commands: int) -> None:
        """So many more commands, of which not all is committed at once; the others take all that comes of them."""
        nonlocal done
        committed, done = done, min(done + commands, len(rig.log))
        for ring, records in rig.events.items():
            while told[ring] < len(records) and cause(records[told[ring]]) <= done:
                ends[ring].put(records[told[ring]])
                told[ring] += 1
                for reader in readers[ring]:
                    reader.take()
            if ring:
                venue.board.set(Word.MATCHER_DONE + ring - 1, done)
        venue.board.set(Word.ROUTER_DONE, done)
        venue.board.set(Word.DURABLE_SEQ, committed if done < len(rig.log) else done)

    venue.take_out("publisher", 1)
    trade(len(rig.log) * draw.randint(1, 3) // 4)
    assert venue.is_late("publisher")
    edge = Recorder(rig.events)
    catching = Catching(venue, "publisher", edge)
    while not catching.is_over:
        if not catching.step() or draw.random() < 0.1:
            trade(draw.randint(1, 9))
    behind = {ring: told[ring] - len(events) for ring, events in edge.events.items()}
    assert max(behind.values()) <= 256 // NEAR, "it holds the venue up from near the present on"
    assert venue.left() == {}
    assert edge.boards[-1] is venue.board
    for ring, events in edge.events.items():
        assert events == rig.events[ring][: len(events)]
        assert edge.consumers[ring].next - 1 <= len(events)


def test_an_edge_comes_into_the_gate_of_the_generation_that_began_meanwhile(
    rig: Rig, data: Path, small: Config
) -> None:
    venue = Venue.private(derive(DEMO), small, data)
    venue.take_out("publisher", 1)
    edge = Recorder(rig.events)
    for word in (Word.DURABLE_SEQ, Word.ROUTER_DONE, Word.MATCHER_DONE, Word.MATCHER_DONE + 1):
        venue.board.set(word, len(rig.log) // 2)
    for ring, records in rig.events.items():
        for record in records[: small.rings.events]:
            venue.producer(ring_of(ring)).put(record)
    catching = Catching(venue, "publisher", edge)
    for _ in range(3):
        catching.step()
    assert not catching.is_over
    renewed = []

    def renew() -> None:
        """As a supervisor that knew of none out of the gate has made it: everybody gates from the beginning."""
        again = Venue.private(derive(DEMO), small, data)
        venue._rings |= again._rings
        venue.generation += 1
        renewed.append(venue.generation)

    venue.renew = renew  # type: ignore[method-assign]
    venue.board.set(Word.GENERATION, venue.generation + 1)
    while not catching.is_over:
        catching.step()
    assert renewed
    assert all(consumer.gates and consumer.next == 1 for consumer in edge.consumers.values())


def ring_of(ring: int) -> str:
    return f"events.matcher.{ring}" if ring else "events.router"


def cause(record: bytes) -> int:
    return int.from_bytes(record[8:16], "little")
