"""When a snapshot is due: by the schedule, but never so often that the venue is busy with nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec import structs

from lockstep.config import load
from lockstep.config.schema import SnapshotsSection
from lockstep.core.recovery import snapshot_catalog
from lockstep.core.venue.topology import derive
from lockstep.procs.supervisor.snapshots import FULL, RESTS, TAKEN_S, Coordinator
from lockstep.shm.board import Board, Word
from tests.pipeline.conftest import DEMO
from tests.recovery.test_snapshot_catalog import MARKS, save, write_journal


class Run:
    """A coordinator at second 0 of a run, and what it sees of the venue."""

    def __init__(self, data: Path, settings: SnapshotsSection) -> None:
        config = load(DEMO)
        config = structs.replace(config, snapshots=settings)
        self.data = data
        self.topology = derive(config)
        self.board = Board.private()
        self.reports: list[str] = []
        self.coordinator = Coordinator(self.board, data, config, self.topology, self.reports.append, 0.0)
        write_journal(data)

    def asked(self, now_s: float) -> int:
        """How many snapshots the router has been asked for once it is `now_s`."""
        self.coordinator.tick(now_s)
        return self.board.get(Word.SNAPSHOT_ASKED)

    def taken(self, seq: int, now_s: float) -> None:
        """The router has written the mark and all stages their parts; what follows is over at `now_s`."""
        save(self.data, seq, self.topology.savers)
        self.board.set(Word.SNAPSHOT_SEQ, seq)
        self.board.set(Word.DURABLE_SEQ, seq)

        async def finish() -> None:
            self.coordinator.tick(now_s)
            await self.coordinator.close()
            self.coordinator.tick(now_s)

        asyncio.run(finish())
        assert self.reports == []
        assert snapshot_catalog.entries(self.data)[-1].seq == seq


@pytest.fixture
def by_commands(tmp_path: Path) -> Run:
    return Run(tmp_path, SnapshotsSection(interval_s=0, commands=10))


def test_one_is_due_after_so_many_commands(by_commands: Run) -> None:
    by_commands.board.set(Word.LOG_END, 9)
    assert by_commands.asked(1000.0) == 0
    by_commands.board.set(Word.LOG_END, 10)
    assert by_commands.asked(1000.1) == 1


def test_one_is_due_after_so_long_where_anything_has_happened(tmp_path: Path) -> None:
    run = Run(tmp_path, SnapshotsSection(interval_s=60, commands=0))
    assert run.asked(1000.0) == 0
    run.board.set(Word.LOG_END, 1)
    assert run.asked(1000.1) == 1


def test_the_schedule_rests_in_proportion_to_what_the_last_one_took(by_commands: Run) -> None:
    run = by_commands
    run.board.set(Word.LOG_END, MARKS[0])
    assert run.asked(100.0) == 1
    run.taken(MARKS[0], 103.0)
    run.board.set(Word.LOG_END, MARKS[-1])
    assert run.asked(103.0 + RESTS * 3.0 - 0.1) == 1
    assert run.asked(103.0 + RESTS * 3.0 + 0.1) == 2


def test_one_that_is_asked_for_waits_for_no_rest(by_commands: Run) -> None:
    run = by_commands
    run.board.set(Word.LOG_END, MARKS[0])
    assert run.asked(100.0) == 1
    run.taken(MARKS[0], 103.0)
    run.coordinator.ask()
    assert run.asked(103.1) == 2


def test_what_comes_to_nothing_is_given_up_and_costs_a_rest_too(by_commands: Run) -> None:
    run = by_commands
    run.board.set(Word.LOG_END, MARKS[0])
    assert run.asked(100.0) == 1
    given_up_s = 100.0 + TAKEN_S + 0.5
    assert run.asked(given_up_s) == 1
    assert run.reports == [f"a snapshot was given up: the router has not come to rest within {TAKEN_S:g} s"]
    rest_s = RESTS * (TAKEN_S + 0.5)
    assert run.asked(given_up_s + rest_s - 0.1) == 1
    assert run.asked(given_up_s + rest_s + 0.1) == 2


def test_none_is_taken_while_the_disk_is_nearly_full(by_commands: Run) -> None:
    run = by_commands
    run.board.set(Word.LOG_END, MARKS[0])
    run.board.set(Word.JOURNAL_FULL, 1)
    assert run.asked(100.0) == 0
    assert run.reports == []
    run.coordinator.ask()
    assert run.asked(100.1) == 0
    assert run.reports == [f"a snapshot was given up: {FULL}"]
    run.board.set(Word.JOURNAL_FULL, 0)
    assert run.asked(100.2) == 1


def test_one_that_is_under_way_makes_room_at_once_when_the_disk_fills(by_commands: Run) -> None:
    run = by_commands
    run.board.set(Word.LOG_END, MARKS[0])
    assert run.asked(100.0) == 1
    save(run.data, MARKS[0], run.topology.savers[:1])
    run.board.set(Word.SNAPSHOT_SEQ, MARKS[0])
    run.board.set(Word.JOURNAL_FULL, 1)
    assert run.asked(100.1) == 1
    assert run.reports == [f"a snapshot was given up: {FULL}"]
    assert list((run.data / "snapshots").iterdir()) == []
