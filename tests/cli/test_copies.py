"""`lockstep verify` says how far each copy is, and fails where one stands still, is empty, or leaves rows out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from msgspec import structs

from lockstep import config
from lockstep.cli import copies
from lockstep.cli.copies import Copies
from lockstep.cli.verify import Verdict, examine
from lockstep.config.schema import Config, DatabaseSection
from lockstep.core.schema.layout import unpack_command
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.backfill import fill
from lockstep.procs.batcher.database import Remote
from lockstep.procs.batcher.extent import extent, note_loaded
from lockstep.procs.batcher.loader import Loader, Loading
from lockstep.procs.batcher.spool import Spool
from lockstep.shm.board import Word
from tests.batcher.conftest import database, empty_database, server
from tests.batcher.events import Stream
from tests.batcher.feed import Feed, no_journal
from tests.batcher.test_spool import spool_all
from tests.pipeline.conftest import DEMO
from tests.router.random_driver import rested, write_journal
from tests.router.rig import Rig

__all__ = ["database", "empty_database", "server"]
STUCK_S = 1.0  # after which a loader that has not moved counts as stuck, where it is
PATIENCE_S = 60.0  # where it is not


@pytest.fixture(scope="module")
def rig() -> Rig:
    return rested()


@pytest.fixture
def venue(rig: Rig, tmp_path: Path, database: str) -> Config:
    """A stopped venue, whose database has its tables."""
    write_journal(rig, tmp_path / "journal")
    loaded = config.load(DEMO)
    section = structs.replace(loaded.venue, data=str(tmp_path))
    return structs.replace(loaded, venue=section, database=DatabaseSection(url=database))


def filled(venue: Config, rig: Rig, last_seq: int, author: Author = Author()) -> None:  # noqa: B008
    fill(venue, Path(venue.venue.data), author, unpack_command(rig.log[0]).time_ns, last_seq)


def verdict(venue: Config) -> Verdict:
    return examine(venue, Path(venue.venue.data))


def test_a_stopped_venue_whose_copies_are_whole(venue: Config, rig: Rig) -> None:
    filled(venue, rig, len(rig.log))
    found = verdict(venue)
    # A corrected trade's positions are added up again after the batch that has it.
    assert (found.problems, [note for note in found.notes if "being made again" not in note]) == ([], [])
    assert (found.copies.committed, found.copies.database, found.copies.refused_rows) == (len(rig.log), len(rig.log), 0)


@pytest.mark.parametrize("has_tables", [True, False])
def test_an_empty_database_is_filled_by_the_next_start(venue: Config, empty_database: str, has_tables: bool) -> None:
    """That of a restored folder is, or has no tables at all: verify explains it, and finds no problem."""
    found = verdict(venue if has_tables else structs.replace(venue, database=DatabaseSection(url=empty_database)))
    assert found.problems == []
    assert [note for note in found.notes if "it is empty" in note and "fills it from the journal" in note]
    assert found.copies.database == 0


def test_what_the_next_start_loads_is_explained(venue: Config, rig: Rig) -> None:
    filled(venue, rig, len(rig.log) // 2)
    found = verdict(venue)
    assert found.problems == []
    assert "the next start loads the rest from the journal" in found.notes[0]


def test_a_database_that_had_more_once_is_a_problem(venue: Config, rig: Rig) -> None:
    filled(venue, rig, len(rig.log) // 2)
    spool = Spool(Path(venue.venue.data) / "spool", 1)
    spool_all(Stream().define().steps(2000), spool)
    spool.discard(spool.end)
    found = verdict(venue)
    assert any("had more once" in problem for problem in found.problems), (found.problems, found.notes)


def test_an_emptied_database_is_told_from_one_that_was_not_reached_yet(venue: Config) -> None:
    """A venue may be stopped before its PostgreSQL has ever come up: all that it will get is in the spool."""
    folder = Path(venue.venue.data) / "spool"
    spool = Spool(folder)
    spool_all(Stream().define(), spool)
    found = verdict(venue)
    assert found.problems == []
    assert "the next start loads the rest" in found.notes[0]
    note_loaded(folder, spool.born_ns, 3)
    assert "had more once" in verdict(venue).problems[0]


def test_rows_that_are_set_aside_are_a_problem(venue: Config, rig: Rig) -> None:
    with psycopg.connect(venue.database.url) as connection:
        connection.execute("ALTER TABLE orders ADD CONSTRAINT odd CHECK (order_id % 3 <> 0) NOT VALID")
    filled(venue, rig, len(rig.log))
    found = verdict(venue)
    assert found.copies.refused_rows > 0
    assert f"{found.copies.refused_rows:,} rows were refused" in found.problems[0]
    assert any('violates check constraint "odd"' in problem for problem in found.problems)


def test_a_server_that_is_away_is_a_problem(venue: Config) -> None:
    found = verdict(structs.replace(venue, database=DatabaseSection(url="postgresql://127.0.0.1:1/none")))
    assert len(found.problems) == 1
    assert "database: it can't be compared" in found.problems[0]
    assert found.copies.database is None


def test_a_database_ahead_of_the_journal_is_a_problem(venue: Config, rig: Rig) -> None:
    filled(venue, rig, len(rig.log))
    with psycopg.connect(venue.database.url) as connection:
        connection.execute("UPDATE writer SET complete_seq = complete_seq + 5")
    assert any(f"the journal ends at record {len(rig.log):,}" in problem for problem in verdict(venue).problems)


def test_a_database_that_a_later_epoch_wrote_is_a_problem(venue: Config, rig: Rig) -> None:
    filled(venue, rig, len(rig.log) // 2, Author(9, "b0", "b"))
    (problem,) = verdict(venue).problems
    assert "OLD_EPOCH: node b (start b0) wrote to this database in epoch 9" in problem
    assert "lockstep rejoin" in problem
    assert "lockstep rebuild-db" in problem


@contextmanager
def loading(url: str, spool: Spool) -> Iterator[Loader]:
    loader = Loader(spool, Loading(Remote(url), 1000, no_journal), lambda: Author(1))
    loader.start()
    try:
        yield loader
    finally:
        loader.stop(30, 30)


def looked(url: str, data: Path, feed: Feed, patience_s: float) -> tuple[list[str], Copies]:
    found = Copies(feed.board.get(Word.DURABLE_SEQ))
    return copies.judge_running(url, data, feed.board, found, patience_s), found


def test_a_running_loader_that_moves_is_well_and_one_that_is_stuck_is_not(database: str, tmp_path: Path) -> None:
    """Somebody locks a table; the loader waits for it, and goes on when it is free."""
    stream = Stream().define().steps(100)
    spool = Spool(tmp_path)
    feed = spool_all(stream, spool)
    (tmp_path / "journal").mkdir()
    with psycopg.connect(database) as other:
        other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        with loading(database, spool):
            known = extent(tmp_path)
            assert known is not None
            assert known.loaded == 0
            problems, found = looked(database, tmp_path, feed, STUCK_S)
            assert (found.database, len(problems)) == (0, 1)
            assert f"up to record 0 of {stream.seq:,}, and has not moved" in problems[0]
            other.rollback()
            while True:
                problems, found = looked(database, tmp_path, feed, PATIENCE_S)
                assert problems == []
                if found.database == stream.seq:
                    break
    known = extent(tmp_path)
    assert known is not None
    assert known.loaded == stream.seq
