"""A database is rebuilt beside the old one, which stays until the new one is whole, whatever comes between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec import structs

from lockstep.cli.rebuild_db import make
from lockstep.config.schema import Config, DatabaseSection
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import Epoch
from lockstep.procs.batcher import rebuild
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.backfill import fill
from lockstep.procs.batcher.compare import compare
from lockstep.procs.batcher.position import objection, position
from lockstep.procs.batcher.rebuild import Outcome
from lockstep.procs.batcher.writer import RefusedError
from tests.batcher.test_backfill import DEMO, born_ns, commands_of, events_of
from tests.router.rig import Rig

LEFT = "SELECT FROM pg_namespace WHERE nspname = 'lockstep_rebuild'"


@pytest.fixture
def venue(rig: Rig, journal: Path, database: str) -> Config:
    """A venue whose database has half of the journal, and one row too many."""
    made = structs.replace(DEMO, database=DatabaseSection(url=database))
    fill(made, journal, Author(), unpack_command(rig.log[0]).time_ns, len(rig.log) // 2)
    run(database, "INSERT INTO balances VALUES (99, 'BTC', 1, 0, 1, 1)")
    return made


def run(database: str, *statements: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def made(venue: Config, journal: Path, **options: Any) -> Outcome:
    outcome = Outcome()
    make(venue, journal, "", outcome, **options)
    return outcome


def is_as_before(database: str, rig: Rig) -> bool:
    """Whether the old rows are there, and nothing of a new schema."""
    complete = ask(database, "SELECT complete_seq FROM writer")
    extra = ask(database, "SELECT total FROM balances WHERE user_id = 99")
    return complete == [(len(rig.log) // 2,)] and len(extra) == 1 and ask(database, LEFT) == []


def test_a_database_of_a_later_epoch_is_the_logs_again(rig: Rig, journal: Path, venue: Config, database: str) -> None:
    run(database, "UPDATE writer SET epoch = 1000, boot = 'b0', node = 'b'")
    with psycopg.connect(database) as connection:
        refused = objection(position(connection), journal / "journal", len(rig.log))
    assert (refused or "").startswith("OLD_EPOCH: node b (start b0)")
    assert not made(venue, journal).problem
    last = max((each for each in map(unpack_command, rig.log) if isinstance(each, Epoch)), key=lambda each: each.seq)
    assert ask(database, "SELECT epoch, boot, node FROM writer") == [(last.epoch, last.boot_id.hex(), "")]
    with psycopg.connect(database) as connection:
        assert objection(position(connection), journal / "journal", len(rig.log)) is None


def test_what_was_there_gives_way_and_rights_stay(rig: Rig, journal: Path, venue: Config, database: str) -> None:
    run(
        database,
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader",
        "GRANT SELECT ON trades, positions TO reader",
        "GRANT SELECT (id, username) ON users TO reader",
        "GRANT UPDATE ON balances TO reader WITH GRANT OPTION",
        "CREATE INDEX mine ON orders (price)",
        "CREATE TABLE theirs AS SELECT 1 AS one",
    )
    rights = (
        "SELECT relname, relacl::text FROM pg_class WHERE relname IN ('trades', 'positions', 'balances') ORDER BY 1"
    )
    before = ask(database, rights)
    outcome = made(venue, journal)
    assert (outcome.complete, outcome.lost) == (len(rig.log), ["index mine on orders"])
    assert compare(database, events_of(rig), commands_of(rig)).clean
    assert ask(database, rights) == before
    columns = "SELECT column_name FROM information_schema.column_privileges WHERE grantee = 'reader'"
    columns += " AND table_name = 'users'"
    assert sorted(ask(database, columns)) == [("id",), ("username",)]
    assert ask(database, LEFT) == []
    assert ask(database, "SELECT one FROM theirs") == [(1,)]
    assert ask(database, "SELECT count(*) > 0 FROM positions") == [(True,)]
    assert made(venue, journal).complete == len(rig.log)  # also in the place of one that was made like this
    fill(venue, journal, Author(), born_ns(rig), len(rig.log))
    assert compare(database, events_of(rig), commands_of(rig)).clean
    run(database, "DROP OWNED BY reader", "DROP ROLE reader")


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (
            "CREATE VIEW theirs AS SELECT user_id, count(*) FROM orders GROUP BY 1",
            "view theirs depends on table orders",
        ),
        ("CREATE VIEW theirs AS SELECT * FROM positions", "view theirs depends on view positions"),
        ("CREATE TABLE theirs (id integer REFERENCES users)", "theirs_id_fkey on table theirs"),
        ("CREATE TABLE trades_20200101 (LIKE trades)", "trades_20200101"),
    ],
)
def test_others_that_depend_on_it_are_named_before_anything_happens(
    rig: Rig, journal: Path, venue: Config, database: str, statement: str, named: str
) -> None:
    run(database, statement)
    with pytest.raises(RefusedError, match=named):
        made(venue, journal)
    assert is_as_before(database, rig)


def test_a_failure_at_the_end_leaves_the_old_one(
    rig: Rig, journal: Path, venue: Config, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(rebuild.Rebuild):
        def _drop(self) -> None:
            super()._drop()
            if ask(database, "SELECT complete_seq FROM lockstep_rebuild.writer") != [(0,)]:
                raise psycopg.OperationalError("the server ends")

    monkeypatch.setattr(rebuild, "Rebuild", Failing)
    with pytest.raises(psycopg.OperationalError):
        made(venue, journal)
    assert is_as_before(database, rig)


def test_a_killed_run_leaves_the_old_one_and_is_cleaned_up(
    rig: Rig, journal: Path, venue: Config, database: str
) -> None:
    run(database, "CREATE SCHEMA lockstep_rebuild", "CREATE TABLE lockstep_rebuild.orders (x integer)")
    assert ask(database, "SELECT complete_seq FROM writer") == [(len(rig.log) // 2,)]
    made(venue, journal)
    assert compare(database, events_of(rig), commands_of(rig)).clean
    assert ask(database, LEFT) == []


def test_two_runs_exclude_each_other(rig: Rig, venue: Config, journal: Path, database: str) -> None:
    with rebuild.begun(database, born_ns(rig), replace=False), pytest.raises(RefusedError, match="another"):
        made(venue, journal)
    assert is_as_before(database, rig)


def test_rows_of_another_journal_stay_unless_told_otherwise(
    rig: Rig, journal: Path, venue: Config, database: str
) -> None:
    run(database, "UPDATE writer SET journal_born_ns = 7")
    with pytest.raises(RefusedError, match="another journal"):
        made(venue, journal)
    assert is_as_before(database, rig)
    assert made(venue, journal, replace=True).complete == len(rig.log)
