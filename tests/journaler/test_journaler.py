"""The journaler on a ring of its own: order of commit, publication and release, replay, restart."""

from __future__ import annotations

import os
import select
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockstep.core.journal.journal import JournalCorrupt, JournalError, JournalReader, segment_seqs, verify
from lockstep.core.journal.writer import MIN_SEGMENT_BYTES, JournalWriter
from lockstep.procs.journaler.journaler import Journaler
from lockstep.shm import segment as memory
from lockstep.shm.bell import Bells, Reason, Sleeper
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Consumer, Producer, Ring
from tests.models import journal as model

SEGMENT_BYTES = 16 * 4096


class Bench:
    """A log ring, a board and a journaler over the journal in `folder`."""

    def __init__(
        self, folder: Path, capacity: int = 64, durability: str = "local", segment: int = SEGMENT_BYTES,
        bells: Bells | None = None, *, eases: bool = False,
    ) -> None:  # fmt: skip
        self.ring = Ring.private(capacity, ["journaler"], bells or Bells.private())
        self.producer: Producer = self.ring.producer()
        self.board = Board.private()
        self.writer = JournalWriter(folder, durability, segment)
        self.journaler = Journaler(self.ring.consumer("journaler"), self.writer, self.board, eases=eases)

    def publish(self, records: list[bytes]) -> None:
        for record in records:
            self.producer.put(record)

    def drain(self) -> int:
        total = 0
        while work := self.journaler.step(0):
            total += work
        return total

    def durable(self) -> int:
        return self.board.get(Word.DURABLE_SEQ)

    def freed(self) -> int:
        return self.ring.cursors()["journaler"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def bell() -> Iterator[Sleeper]:
    """A bell that can be polled, of bells in shared memory."""
    name = f"/lockstep-test-{uuid.uuid4().hex[:12]}"
    Bells.format(memory.create(name, 4096), name, {5})
    yield Sleeper(Bells(memory.attach(name), name), 5)
    memory.remove_leftovers(name)
    Bells.remove(name)


def test_a_commit_wakes_who_waits_to_release(folder: Path, bell: Sleeper) -> None:
    """LOG-13: else what is committed waits until its releaser looks again by itself."""
    bench = Bench(folder, bells=bell.bells)
    poll = select.epoll()
    poll.register(bell.fd, select.EPOLLIN)
    bell.prepare(Reason.COMMIT)
    bench.publish(model.records(1, 3))
    assert not poll.poll(0)
    bench.drain()
    assert poll.poll(0)


def test_is_ready_with_an_empty_journal(folder: Path) -> None:
    bench = Bench(folder)
    assert bench.board.get(Word.JOURNAL_READY) == 1
    assert bench.durable() == 0
    assert bench.journaler.step(0) == 0


@pytest.mark.parametrize("durability", ["none", "local"])
def test_commits_all_that_is_there_in_one_batch(folder: Path, durability: str) -> None:
    bench = Bench(folder, durability=durability)
    bench.publish(model.records(1, 50))
    assert bench.journaler.step(0) == 50
    assert (bench.durable(), bench.freed()) == (50, 50)
    assert bench.journaler.step(0) == 0
    reader = JournalReader(folder, limit=50)
    assert list(reader) == model.records(1, 50)
    assert reader.batches == 1


def test_spans_that_wrap_are_written_in_order(folder: Path) -> None:
    bench = Bench(folder, capacity=64)
    seq = 1
    for size in (40, 40, 63, 64, 1, 64, 33):
        bench.publish(model.records(seq, size))
        assert bench.drain() == size
        seq += size
    assert list(JournalReader(folder, limit=seq - 1)) == model.records(1, seq - 1)


def test_a_batch_is_bounded_by_the_segment(folder: Path) -> None:
    bench = Bench(folder, segment=MIN_SEGMENT_BYTES)
    bench.publish(model.records(1, 64))
    assert bench.journaler.step(0) == bench.writer.max_batch == 31
    assert bench.durable() == 31
    assert bench.drain() == 33
    assert list(JournalReader(folder, limit=64)) == model.records(1, 64)


@pytest.mark.parametrize("eases", [True, False])
def test_syncs_until_commits_wait_for_the_other_node(folder: Path, eases: bool) -> None:
    """Decision 0038: a venue in mode replicated begins solo, and waits for its disk until it is paired."""
    bench = Bench(folder, eases=eases)
    null = os.open("/dev/null", os.O_RDWR)  # takes writes, and can't be synced
    bench.publish(model.records(1, 3))
    bench.drain()
    os.dup2(null, bench.writer.fileno())
    os.close(null)
    bench.board.set(Word.COMMIT_BY, Word.ACKED_SEQ)
    bench.publish(model.records(4, 3))
    if eases:
        assert bench.drain() == 3
        assert bench.durable() == 6
    else:
        with pytest.raises(OSError, match="can't sync"):
            bench.journaler.step(0)


def test_nothing_is_published_or_freed_when_the_sync_fails(folder: Path) -> None:
    """LOG-20: the journaler syncs, then says so, then frees; a failed sync is never tried again."""
    bench = Bench(folder)
    bench.publish(model.records(1, 3))
    bench.drain()
    null = os.open("/dev/null", os.O_RDWR)  # takes writes, and can't be synced
    os.dup2(null, bench.writer.fileno())
    os.close(null)
    bench.publish(model.records(4, 3))
    with pytest.raises(OSError, match="can't sync"):
        bench.journaler.step(0)
    assert (bench.durable(), bench.freed()) == (3, 3)
    with pytest.raises(JournalError, match="the writer failed"):
        bench.journaler.step(0)


def restarted(folder: Path, count: int) -> Bench:
    first = Bench(folder)
    for seq in range(1, count + 1, 50):
        first.publish(model.records(seq, min(50, count + 1 - seq)))
        first.drain()
    first.writer.close()
    return Bench(folder)


def test_a_restart_frees_what_is_replayed_and_writes_what_is_new(folder: Path) -> None:
    bench = restarted(folder, 100)
    assert bench.durable() == 100
    for seq in range(1, 150, 30):
        bench.publish(model.records(seq, 30))
        assert bench.drain() == 30
        assert bench.freed() == seq + 29
        assert bench.durable() == max(100, seq + 29)
    bench.writer.close()
    assert list(JournalReader(folder)) == model.records(1, 150)


def test_a_replay_that_differs_is_refused(folder: Path) -> None:
    bench = restarted(folder, 40)
    bench.publish([*model.records(1, 20), model.record(21, amount=2), *model.records(22, 19)])
    with pytest.raises(JournalError, match="not what the journal holds"):
        bench.drain()
    assert bench.freed() == 0


def test_a_replay_out_of_sequence_is_refused(folder: Path) -> None:
    bench = restarted(folder, 40)
    bench.publish([*model.records(1, 10), model.record(12)])
    with pytest.raises(JournalError, match="replays sequence 12 where 11 belongs"):
        bench.drain()


def test_a_record_with_a_wrong_checksum_does_not_become_history(folder: Path) -> None:
    bench = Bench(folder)
    bench.publish([model.record(1), model.record(2)[:-1] + b"\1"])
    with pytest.raises(JournalError, match="wrong sequence, epoch or checksum"):
        bench.journaler.step(0)
    assert (bench.durable(), bench.freed()) == (0, 0)
    bench.writer.close()
    assert list(JournalReader(folder)) == []


def taken_over(folder: Path, bench: Bench, trusted: int) -> Bench:
    """A journaler that restarts alone: the ring and the board are as its predecessor left them."""
    bench.writer.close()
    successor = object.__new__(Bench)
    successor.ring, successor.producer, successor.board = bench.ring, bench.producer, bench.board
    successor.writer = JournalWriter(folder, "local", SEGMENT_BYTES, trusted_seq=trusted)
    successor.journaler = Journaler(bench.ring.consumer("journaler"), successor.writer, bench.board)
    return successor


def test_a_successor_goes_on_where_the_ring_was_freed(folder: Path) -> None:
    bench = Bench(folder)
    bench.publish(model.records(1, 40))
    bench.drain()
    bench.publish(model.records(41, 20))
    bench = taken_over(folder, bench, bench.durable())
    assert (bench.durable(), bench.freed()) == (40, 40)
    assert bench.drain() == 20
    assert list(JournalReader(folder, limit=60)) == model.records(1, 60)


def test_a_successor_of_one_that_died_before_it_freed_compares_and_frees(folder: Path) -> None:
    bench = Bench(folder)
    bench.publish(model.records(1, 30))
    bench.drain()
    bench.publish(model.records(31, 9))
    bench.writer.append(model.records(31, 9))
    bench.board.set(Word.DURABLE_SEQ, 39)
    bench = taken_over(folder, bench, 39)
    assert bench.freed() == 30
    assert bench.drain() == 9
    assert (bench.durable(), bench.freed()) == (39, 39)


def test_a_successor_believes_nothing_that_was_not_reported(folder: Path) -> None:
    """LOG-20: the journaler syncs, then says so, then frees; a failed sync is never tried again."""
    bench = Bench(folder)
    bench.publish(model.records(1, 30))
    bench.drain()
    bench.publish(model.records(31, 9))
    bench.writer.append(model.records(31, 9))  # on the disk, perhaps: its sync failed, or was not reported
    bench = taken_over(folder, bench, 30)
    assert (bench.durable(), bench.writer.torn is None) == (30, False)
    assert segment_seqs(folder) == [1, 31]
    assert bench.drain() == 9
    assert list(JournalReader(folder, limit=39)) == model.records(1, 39)
    assert verify(folder).corruption is None


def test_a_successor_refuses_a_ring_that_has_not_what_the_journal_lacks(folder: Path) -> None:
    bench = Bench(folder)
    bench.publish(model.records(1, 30))
    bench.drain()
    with pytest.raises(JournalError, match="lacks records 1 to 30"):
        taken_over(folder / "empty", bench, 0)


class Generations(Bench):
    """A journaler whose core dies and comes again: each generation has a ring, which begins behind record `start`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.generation = 1
        self.folder = folder
        self.replace(None)

    def next_generation(self, start: int) -> None:
        """What the supervisor does when the core has died; the journaler learns it from the board."""
        self.old_ring = self.ring
        self.ring = Ring.private(64, ["journaler"], Bells.private(), first_seq=start + 1)
        self.producer = self.ring.producer()
        self.generation += 1
        self.board.set(Word.JOURNAL_READY, 0)
        self.board.set(Word.GENERATION, self.generation)

    def renew(self) -> tuple[int, Consumer]:
        return self.generation, self.ring.consumer("journaler")

    def replace(self, ring: Ring | None) -> None:
        """Another journaler in place of this one, at the ring that its predecessor had not read to its end."""
        trusted = None if ring is None else max(self.durable(), ring.cursors()["journaler"])
        self.writer.close()
        self.writer = JournalWriter(self.folder, "local", SEGMENT_BYTES, trusted_seq=trusted)
        generation = self.generation if ring is None else self.generation - 1
        consumer = (ring or self.ring).consumer("journaler")
        self.journaler = Journaler(consumer, self.writer, self.board, generation, self.renew)


@pytest.fixture
def generations(folder: Path) -> Iterator[Generations]:
    """Closed in the end: a journal that is left open prepares its next segment while its folder is removed."""
    bench = Generations(folder)
    yield bench
    bench.writer.close()


@pytest.mark.parametrize("died_too", [False, True], ids=["alive", "died too"])
def test_all_that_a_dead_core_published_is_written_before_its_successor_is_heard(
    folder: Path, generations: Generations, died_too: bool
) -> None:
    """LOG-16: the core restarts together, from snapshot and journal."""
    bench = generations
    bench.publish(model.records(1, 30))
    bench.drain()
    bench.publish(model.records(31, 9))
    bench.next_generation(20)
    if died_too:
        bench.replace(bench.old_ring)
        assert bench.board.get(Word.JOURNAL_READY) == 0
    bench.journaler.step(0)
    assert (bench.durable(), bench.board.get(Word.JOURNAL_READY)) == (39, 0)
    bench.journaler.step(0)
    assert (bench.board.get(Word.JOURNAL_READY), bench.journaler.generation) == (2, 2)
    bench.publish(model.records(21, 25))
    bench.drain()
    assert (bench.freed(), bench.durable()) == (45, 45)
    bench.writer.close()
    assert list(JournalReader(folder)) == model.records(1, 45)


def test_a_core_that_died_before_it_published_anything_is_followed_too(generations: Generations) -> None:
    bench = generations
    bench.publish(model.records(1, 30))
    bench.drain()
    bench.next_generation(30)
    bench.next_generation(20)
    bench.drain()
    assert bench.board.get(Word.JOURNAL_READY) == 3
    bench.publish(model.records(21, 12))
    bench.drain()
    assert (bench.freed(), bench.durable()) == (32, 32)


def test_a_second_core_that_replays_otherwise_is_refused(generations: Generations) -> None:
    bench = generations
    bench.publish(model.records(1, 30))
    bench.drain()
    bench.next_generation(20)
    bench.drain()
    bench.publish([model.record(21, amount=7), *model.records(22, 9)])
    with pytest.raises(JournalError, match="not what the journal holds"):
        bench.drain()


def test_a_core_that_begins_behind_the_journal_is_refused(generations: Generations) -> None:
    bench = generations
    bench.publish(model.records(1, 30))
    bench.drain()
    bench.next_generation(31)
    with pytest.raises(JournalError, match="lacks records 31 to 31"):
        bench.drain()


def test_a_journal_that_ends_before_what_others_know_is_refused(folder: Path) -> None:
    restarted(folder, 40).writer.close()
    with pytest.raises(JournalCorrupt, match="the journal ends at 40, and a snapshot knows record 41 to be durable"):
        JournalWriter(folder, segment_bytes=SEGMENT_BYTES, at_least=41)
    JournalWriter(folder, segment_bytes=SEGMENT_BYTES, at_least=40).close()
