"""While its secondary is away a primary's journal has more than is committed: no command takes the rest for certain."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from lockstep.cli import state
from lockstep.cli.at import moment
from lockstep.cli.running import attach
from lockstep.cli.verify import Verdict, replayed
from lockstep.config.schema import Config
from lockstep.core.files import atomic_file
from lockstep.core.journal.end import chain_at, end_before, end_of
from lockstep.core.journal.journal import JournalError, JournalReader, segment_seqs, verify
from lockstep.core.operations import directory
from lockstep.core.venue import venue as ground
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.batcher import rebuild
from lockstep.shm.board import Board, Word
from lockstep.shm.segment import RoleLock
from tests.cli.backup.backups import Backups
from tests.cli.test_verify import Busy


@contextmanager
def waiting(config: Config, data: Path, durable: int, acknowledged: int) -> Iterator[Board]:
    """The run of a primary whose commits wait for its secondary."""
    (data / "run").mkdir(exist_ok=True)
    lock = RoleLock(data / "venue.lock")
    lock.acquire()
    manifest = ground.create(derive(config), config, data, os.urandom(16).hex(), node=Node(members=("a", "b")))
    try:
        atomic_file.replace(ground.manifest_of(data), msgspec.json.encode(manifest))
        board = Venue.attach(manifest).board
        board.set(Word.COMMIT_BY, Word.ACKED_SEQ)
        board.set(Word.DURABLE_SEQ, durable)
        board.set(Word.ACKED_SEQ, acknowledged)
        yield board
    finally:
        ground.manifest_of(data).unlink()
        ground.destroy(manifest)
        lock.release()


@pytest.fixture
def backups(tmp_path: Path) -> Backups:
    return Backups(tmp_path)


@pytest.fixture
def busy(tmp_path: Path) -> Busy:
    return Busy(tmp_path)


def test_commands_go_by_what_is_committed(busy: Busy) -> None:
    last = len(busy.rig.log)
    committed = busy.marks[1]
    with waiting(busy.config, busy.data, last, committed):
        assert moment.retained(busy.data).last == committed
        assert state.current(busy.config, busy.data).position == committed
        assert rebuild.last_seq(busy.data) == committed
        found = Verdict([])
        replayed(busy.config, busy.data, found).close()
        assert (found.committed, found.problems) == (committed, [])
        running = attach(busy.data)
        assert running is not None
        assert directory.read(running).position == committed


def test_before_the_first_acknowledgement_they_say_what_is_waited_for(busy: Busy) -> None:
    with waiting(busy.config, busy.data, len(busy.rig.log), 0):
        for look in (moment.retained, rebuild.last_seq):
            with pytest.raises(JournalError, match="commits wait for the other node"):
                look(busy.data)


@pytest.mark.parametrize("back", [0, 1, 20, 49, 50, 51, 130])
def test_a_backup_has_nothing_that_a_failover_could_take_back(backups: Backups, back: int) -> None:
    """Also where the last command that counts is in the middle of a batch, and where a snapshot is ahead of it."""
    last, (first, _, newest) = len(backups.busy.rig.log), backups.busy.marks
    committed = last - back
    for mark in (first, newest):
        backups.busy.save(mark, backups.busy.core_at(mark))
    with waiting(backups.busy.config, backups.data, last, committed) as board:
        point, _ = backups.take()
        assert (point.seq, point.chain) == (committed, chain_at(backups.data / "journal", committed))
        assert point.snapshot == (newest if newest <= committed else first)
        backups.restore()
        report = verify(backups.restored / "journal")
        assert (report.corruption, report.last_seq, report.chain) == (None, committed, point.chain)
        board.set(Word.ACKED_SEQ, last)
        assert backups.take()[0].seq == last
    assert backups.prove().problems == []


def test_the_last_whole_batch_before_any_record(busy: Busy) -> None:
    journal = busy.data / "journal"
    begins = segment_seqs(journal)
    for seq in range(1, len(busy.rig.log) + 1):
        before = end_before(journal, seq)
        assert before.segment == max(begin for begin in begins if begin <= seq)
        assert seq - 50 < before.seq <= seq
        assert before.chain == chain_at(journal, before.seq)
        if before.seq >= before.segment:
            assert before == end_of(journal, before.seq)
        else:
            assert before.offset == 4096
    reader = JournalReader(journal)
    assert sum(1 for _ in reader) == len(busy.rig.log)
    with pytest.raises(JournalError, match="the journal ends at"):
        end_before(journal, len(busy.rig.log) + 1)
