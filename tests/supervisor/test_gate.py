"""Who is taken out of the gate: who only tells and keeps a ring full, for as long as it was really looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.config.schema import Config, FixSection, InstrumentSection, ProcessesSection, RingsSection
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.supervisor.gate import BURST_S, FULL_S, HUNG_S, LOOK_S, Gate, Stall

INSTRUMENT = InstrumentSection(symbol="AB", base="A", quote="B", tick="0.01", lot="0.01")
RING = "events.matcher.1"
LOOKS = round(FULL_S / LOOK_S)
HUNG_LOOKS = round(HUNG_S / LOOK_S)


class Looked:
    """A venue of which one event ring is filled, and the gate that looks at it."""

    def __init__(self, folder: Path, gateways: int = 1, **processes: object) -> None:
        config = Config(
            fix=FixSection(gateways=gateways),
            instruments=[INSTRUMENT],
            rings=RingsSection(events=64),
            processes=ProcessesSection(**processes),  # type: ignore[arg-type]
        )
        topology = derive(config)
        self.venue = Venue.private(topology, config, folder)
        self.ring = self.venue.ring(RING)
        self.producer = self.ring.producer()
        self.consumers = {name: self.ring.consumer(name) for name in self.ring.cursors()}
        self.gate = Gate(topology)
        self.now_s = 100.0

    def fill(self) -> None:
        while self.producer.room():
            self.producer.put(bytes(120))

    def take(self, *names: str, count: int = 64) -> None:
        for name in names:
            self.consumers[name].take(count)

    def look(self, times: int, every_s: float = LOOK_S) -> list[Stall]:
        found: list[Stall] = []
        for _ in range(times):
            self.now_s += every_s
            found = self.gate.look(self.venue, self.now_s)
        return found


@pytest.fixture
def looked(tmp_path: Path) -> Looked:
    return Looked(tmp_path)


def test_who_keeps_a_ring_full_is_found_in_time_and_nobody_else(looked: Looked) -> None:
    looked.fill()
    looked.take("router", "gateway.1", "batcher")
    assert looked.look(LOOKS) == []
    (stall,) = looked.look(2)
    assert (stall.host.name, stall.ring) == ("publisher", RING)


def test_both_can_be_the_reason(looked: Looked) -> None:
    looked.fill()
    looked.take("router", "gateway.1")
    assert {stall.host.name for stall in looked.look(LOOKS + 2)} == {"publisher", "batcher"}


def test_who_empties_its_ring_now_and_then_stays(looked: Looked) -> None:
    for _ in range(5):
        looked.fill()
        looked.take("router", "gateway.1", "batcher")
        assert looked.look(LOOKS) == []
        looked.take("publisher")
        assert looked.look(1) == []


@pytest.mark.parametrize(("taken", "stays_s"), [(1, FULL_S), (8, BURST_S + FULL_S)])
def test_downstream_edge_has_longer_while_it_empties_a_burst(looked: Looked, taken: int, stays_s: float) -> None:
    """One that takes half the ring in less than FULL_S is not found before BURST_S; a slow one is, after FULL_S."""
    looks = 0
    while not looks or not looked.look(1):
        looks += 1
        looked.take("publisher", count=taken)
        looked.fill()
        looked.take("router", "gateway.1", "batcher")
    assert stays_s - LOOK_S <= looks * LOOK_S <= stays_s + 2 * LOOK_S


@pytest.mark.parametrize("needed", ["router", "gateway.1"])
def test_nobody_is_ended_for_a_ring_that_waits_for_who_is_needed(looked: Looked, needed: str) -> None:
    looked.fill()
    looked.take(*({"router", "gateway.1"} - {needed}))
    assert looked.look(10 * LOOKS) == []


def test_time_in_which_nobody_looked_does_not_count(looked: Looked) -> None:
    looked.fill()
    looked.take("router", "gateway.1", "batcher")
    assert looked.look(4, every_s=60.0) == [], "the machine slept, and so did the publisher"
    assert looked.look(2, every_s=60.0) != []


def test_who_is_out_already_is_not_found_again(looked: Looked) -> None:
    looked.venue.take_out("publisher", 1)
    for _ in range(2):
        looked.fill()
        looked.take("router", "gateway.1", "batcher")
    assert looked.look(10 * LOOKS) == []


def test_a_host_that_trading_needs_is_never_found(tmp_path: Path) -> None:
    looked = Looked(tmp_path, hosts={"edges": ["publisher", "batcher", "gateway.1"]})
    looked.fill()
    looked.take("router", "gateway.1")
    assert looked.look(10 * LOOKS) == []


def test_one_of_several_gateways_is_found_when_it_takes_nothing_for_long(tmp_path: Path) -> None:
    looked = Looked(tmp_path, gateways=2)
    looked.fill()
    looked.take("router", "gateway.1", "publisher", "batcher")
    assert looked.look(HUNG_LOOKS) == []
    (stall,) = looked.look(2)
    assert (stall.host.name, stall.ring) == ("gateway.2", RING)


def test_one_of_several_gateways_that_reads_on_is_no_worse_than_a_single_one(tmp_path: Path) -> None:
    """The slowest stage of a venue at its limit keeps its rings full all the time, and holds who waits there too."""
    looked = Looked(tmp_path, gateways=2)
    for _ in range(3):
        looked.fill()
        looked.take("router", "gateway.1")
        assert looked.look(HUNG_LOOKS - 1) == []
        looked.take("gateway.2", count=1)
    assert looked.look(HUNG_LOOKS - 1) == []
    assert {stall.host.name for stall in looked.look(2)} == {"gateway.2"}
