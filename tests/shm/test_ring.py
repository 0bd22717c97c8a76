"""The ring: order, gating, backpressure and torn reads, in one process and between several real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bench import traffic
from lockstep.shm import segment
from lockstep.shm.ring import NO_BELL, Ring, SchemaMismatch

ACTORS = """
import sys, time
from bench import traffic
from lockstep.shm import segment
from lockstep.shm.ring import Ring
name, role, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
ring = Ring(segment.attach(name))
print("ready", flush=True)
if role == "produce":
    traffic.produce(ring.producer(), count, 7)
elif role == "abandon":
    producer = ring.producer()
    traffic.produce(producer, count, 7)
    traffic.abandon(producer, 5)
    print("half-way", flush=True)
    time.sleep(60)  # until it is killed
elif role == "observe":
    print(*traffic.observe(ring.observer(), count), flush=True)
else:
    print(traffic.consume(ring.consumer(role), count, 16), flush=True)
"""


class Actor:
    """A real process that does one thing to a shared ring."""

    def __init__(self, name: str, role: str, count: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", ACTORS, name, role, str(count)], stdout=subprocess.PIPE, text=True
        )
        assert self.line() == "ready"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def shared() -> Iterator[str]:
    """The name of a shared ring of 64 slots with the gating consumers a and b."""
    name = f"/lockstep-test-{uuid.uuid4().hex[:12]}"
    memory = segment.create(name, Ring.size_for(64))
    Ring.format(memory, 64, [("a", NO_BELL), ("b", NO_BELL)])
    yield name
    segment.remove_leftovers(name)


def record(number: int) -> bytes:
    return number.to_bytes(8, "little") * 15


class RingAgainstModel(RuleBasedStateMachine):
    """A ring of four slots and two consumers does what a list and two indexes do."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = Ring.private(4, ["a", "b"])
        self.producer = self.ring.producer()
        self.consumers = {name: self.ring.consumer(name) for name in "ab"}
        self.said: list[bytes] = []
        self.read = {"a": 0, "b": 0}
        self.left: set[str] = set()

    def room(self) -> int:
        gating = [seq for name, seq in self.read.items() if name not in self.left]
        return 4 - (len(self.said) - min(gating, default=len(self.said)))

    @precondition(lambda self: self.room() > 0)
    @rule()
    def put(self) -> None:
        assert self.producer.put(record(len(self.said))) == len(self.said) + 1
        self.said.append(record(len(self.said)))

    @precondition(lambda self: self.room() == 0)
    @rule()
    def put_into_full(self) -> None:
        with pytest.raises(BufferError):
            self.producer.put(record(0))

    @rule(name=st.sampled_from("ab"))
    def take_out(self, name: str) -> None:
        self.ring.take_out(name, len(self.said))
        self.left.add(name)

    @rule(name=st.sampled_from("ab"))
    def come_back(self, name: str) -> None:
        if name in self.left:
            self.consumers[name] = self.ring.consumer(name)
            assert self.consumers[name].enter() == len(self.said)
            self.read[name] = len(self.said)
            self.left.remove(name)

    @rule(name=st.sampled_from("ab"), most=st.integers(1, 4))
    def take(self, name: str, most: int) -> None:
        if name in self.left:
            return
        start = self.read[name]
        taken = self.consumers[name].take(most)
        assert taken == self.said[start : start + most]
        self.read[name] += len(taken)

    @precondition(lambda self: self.room() > 0)
    @rule(count=st.integers(1, 4))
    def claim_and_die(self, count: int) -> None:
        traffic.abandon(self.producer, min(count, self.room()))
        self.producer = self.ring.producer()

    @rule(name=st.sampled_from("ab"))
    def consumer_returns(self, name: str) -> None:
        self.consumers[name] = self.ring.consumer(name)

    @rule(back=st.integers(0, 9))
    def observe(self, back: int) -> None:
        seq = len(self.said) - back
        if seq < 1:
            return
        if len(self.said) - seq >= 4:
            with pytest.raises(LookupError):
                self.ring.observer().read(seq)
            return
        try:
            assert self.ring.observer().read(seq) == self.said[seq - 1]
        except LookupError:
            # Its slot has been claimed for the next lap by a producer that died.
            assert self.room() > 0

    @invariant()
    def counts_agree(self) -> None:
        assert self.producer.room() == self.room()
        assert self.ring.published == len(self.said)
        assert self.ring.cursors() == self.read
        assert self.ring.left().keys() == self.left
        assert {name for name in "ab" if not self.consumers[name].gates} == self.left


TestRingAgainstModel = RingAgainstModel.TestCase


def test_should_refuse_a_capacity_that_is_no_power_of_two() -> None:
    with pytest.raises(ValueError, match="power of two"):
        Ring.size_for(100)


def test_should_refuse_memory_that_holds_no_ring() -> None:
    with pytest.raises(SchemaMismatch, match="not formatted"):
        Ring(bytearray(8192))


def test_should_refuse_a_ring_of_another_schema() -> None:
    memory = bytearray(Ring.size_for(4))
    Ring.format(memory, 4, [])
    memory[8] ^= 1
    with pytest.raises(SchemaMismatch, match="one version of the code"):
        Ring(memory)


def test_should_name_the_consumers_it_has() -> None:
    with pytest.raises(KeyError, match="it has a, b"):
        Ring.private(4, ["a", "b"]).consumer("c")


def test_should_begin_at_any_sequence() -> None:
    ring = Ring.private(4, ["a"], first_seq=1000)
    assert ring.producer().put(record(1)) == 1000
    assert ring.consumer("a").take() == [record(1)]


def test_damaged_records_are_counted() -> None:
    ring = Ring.private(16, ["a"])
    producer = ring.producer()
    traffic.produce(producer, 5, 5)
    producer.put(record(0))
    assert traffic.consume(ring.consumer("a"), 6, 16) == 1


def test_should_carry_every_record_whole_to_two_processes(shared: str) -> None:
    readers = [Actor(shared, role, 300_000) for role in "ab"]
    traffic.produce(Ring(segment.attach(shared)).producer(), 300_000, 5)
    assert [reader.line() for reader in readers] == ["0", "0"]
    for reader in readers:
        reader.process.wait()


def test_an_observer_never_takes_a_torn_record_for_whole(shared: str) -> None:
    observer = Actor(shared, "observe", 300_000)
    readers = [Actor(shared, role, 300_000) for role in "ab"]
    traffic.produce(Ring(segment.attach(shared)).producer(), 300_000, 64)
    whole, torn, overrun = map(int, observer.line().split())
    assert torn == 0
    assert whole + overrun == 300_000
    for actor in (observer, *readers):
        actor.process.wait()


def test_an_overrun_is_noticed() -> None:
    ring = Ring.private(8, [])
    traffic.produce(ring.producer(), 20, 1)
    assert traffic.observe(ring.observer(), 20) == (8, 0, 12)


def test_a_killed_consumer_holds_the_ring_and_its_successor_goes_on(shared: str) -> None:
    ring = Ring(segment.attach(shared))
    healthy = Actor(shared, "a", 1_000_000)
    victim = Actor(shared, "b", 1_000_000)
    producer = Actor(shared, "produce", 1_000_000)
    while ring.cursors()["b"] < 1000:
        os.sched_yield()
    victim.kill()
    reached = ring.cursors()["b"]
    while ring.published < reached + 64:
        os.sched_yield()
    assert ring.published == reached + 64  # full: nothing that it has not read is overwritten
    successor = Actor(shared, "b", 1_000_000)
    assert successor.line() == "0"
    assert healthy.line() == "0"
    for actor in (healthy, successor, producer):
        actor.process.wait()


def test_what_a_killed_producer_left_half_written_is_never_read(shared: str) -> None:
    readers = [Actor(shared, role, 2_000) for role in "ab"]
    victim = Actor(shared, "abandon", 1_000)
    assert victim.line() == "half-way"
    victim.kill()
    ring = Ring(segment.attach(shared))
    assert ring.published == 1_000
    assert ring.observer().read(1_001) is None
    traffic.produce(ring.producer(), 1_000, 3)
    assert [reader.line() for reader in readers] == ["0", "0"]
    for reader in readers:
        reader.process.wait()


def test_who_was_taken_out_holds_nobody_up_and_comes_back_behind_what_is_published(shared: str) -> None:
    """Again and again while another thread produces: a consumer in the gate reads only whole records."""
    count = 500_000
    ring = Ring(segment.attach(shared))
    steady, producer = ring.consumer("a"), ring.producer()
    threads = [
        threading.Thread(target=traffic.consume, args=(steady, count, 16)),
        threading.Thread(target=traffic.produce, args=(producer, count, 7)),
    ]
    for thread in threads:
        thread.start()
    while ring.published < count:
        ring.take_out("b", 1)
        comer = ring.consumer("b")
        first = comer.enter()
        assert traffic.consume(comer, min(count, first + 1000), 16) == 0
    ring.take_out("b", 1)
    for thread in threads:
        thread.join()
    assert ring.cursors()["a"] == count


def test_a_producer_that_looked_before_can_not_overwrite_what_a_comer_has_to_read() -> None:
    """It may fill the slots that it saw as free; so a new consumer begins after all that was published by then."""
    ring = Ring.private(8, ["a", "b"])
    producer, steady = ring.producer(), ring.consumer("a")
    for seq in range(1, 9):
        producer.put(record(seq))
    steady.take()
    ring.take_out("b", 7)
    assert producer.room() == 8  # it has looked: all eight are free
    assert ring.left() == {"b": 7}
    comer = ring.consumer("b")
    assert not comer.gates
    assert comer.enter() == 8
    assert ring.left() == {}
    for seq in range(9, 17):
        producer.put(record(seq))
    steady.take()
    assert producer.room() == 0
    assert comer.take() == [record(seq) for seq in range(9, 17)]
