"""Rows that only the database has go into a backup, and come back as they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from msgspec import structs

from lockstep.cli.backup import restoring, tables
from lockstep.cli.backup.pace import Pace
from lockstep.cli.backup.repository import Repository
from lockstep.cli.backup.taking import Taking
from lockstep.config.schema import Config, DatabaseSection
from lockstep.core.journal.retain import retain
from lockstep.core.recovery import snapshot_catalog
from lockstep.core.schema.layout import unpack_command
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.backfill import fill
from lockstep.procs.batcher.database import Embedded
from lockstep.procs.batcher.writer import RefusedError
from tests.batcher.conftest import database, empty_database, server
from tests.cli.test_verify import Busy

__all__ = ["database", "empty_database", "server"]


def rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}".encode()), key=str) for table in tables.TABLES
        }


def given_away(held: dict[str, list[tuple[object, ...]]]) -> dict[str, list[tuple[object, ...]]]:
    """These rows with no node as their author: whichever node they are restored for goes on with them."""
    ((*writer, node),) = held["writer"]
    assert node == "b"
    return held | {"writer": [(*writer, "")]}


@pytest.fixture
def other(server: Embedded) -> str:
    """The URL of one more database without tables."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS restored")
        connection.execute("CREATE DATABASE restored")
    return server.url.replace("/lockstep?", "/restored?")


@pytest.fixture
def filled(tmp_path: Path, database: str) -> tuple[Busy, Config]:
    """A venue whose database has all, some of it aside, and whose journal has lost its beginning."""
    busy = Busy(tmp_path)
    loaded = structs.replace(busy.config, database=DatabaseSection(url=database))
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE orders ADD CONSTRAINT odd CHECK (order_id % 7 <> 0) NOT VALID")
    fill(loaded, busy.data, Author(node="b"), unpack_command(busy.rig.log[0]).time_ns, busy.marks[1])
    for mark in busy.marks[:2]:
        busy.save(mark, busy.core_at(mark))
    snapshot_catalog.prune(busy.data, 1)
    assert retain(busy.data / "journal", busy.marks[1] + 1)
    return busy, loaded


def test_every_table_of_ours_is_in_a_backup(database: str) -> None:
    with psycopg.connect(database) as connection:
        ours = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        found = connection.execute(f"{ours} AND NOT relispartition AND relname !~ '^_?yoyo_'").fetchall()
    assert {name for (name,) in found} == set(tables.TABLES)


def test_rows_come_back_as_they_were(database: str, other: str, filled: tuple[Busy, Config]) -> None:
    busy, _ = filled
    held: dict[str, list[bytes]] = {}

    def keep(name: str, content: Iterator[bytes]) -> None:
        held[name] = list(content)

    assert tables.dump(database, keep) == busy.marks[1]
    before = rows(database)
    assert all(before[table] for table in ("orders", "trades", "balances", "refused_rows", "actions", "requests"))
    tables.load(other, ((name, iter(content)) for name, content in held.items()))
    assert rows(other) == given_away(before)
    with psycopg.connect(other) as connection:
        connection.execute(
            "INSERT INTO refused_rows (relation, is_change, key, seq, sqlstate, reason, fields)"
            " SELECT relation, is_change, key, seq, sqlstate, reason, fields FROM refused_rows LIMIT 1"
        )
    with pytest.raises(RefusedError, match="has rows already"):
        tables.load(other, ((name, iter(content)) for name, content in held.items()))


def test_a_venue_without_its_journals_beginning_is_restored_with_its_rows(
    other: str, filled: tuple[Busy, Config], tmp_path: Path
) -> None:
    busy, loaded = filled
    repository = Repository(tmp_path / "backup")
    lock = repository.lock()
    point = Taking(loaded, repository, Pace()).take()
    repository.publish(point)
    lock.release()
    assert point.first_seq > 1
    assert (point.snapshot, point.database_seq) == (busy.marks[1], busy.marks[1])
    to = tmp_path / "restored"
    to.mkdir()
    done = restoring.restore(repository, restoring.plan([point], None), to, other, Pace())
    assert f"up to record {busy.marks[1]:,}" in done.database
    assert rows(other) == given_away(rows(loaded.database.url))
    assert not (to / "database").exists()
