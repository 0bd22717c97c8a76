"""The embedded server comes back from whatever ends it, and migrations run once however many try."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from msgspec import convert

from lockstep.config.schema import Config
from lockstep.core.venue import database_url
from lockstep.procs.batcher import database as database_module
from lockstep.procs.batcher import rebuild
from lockstep.procs.batcher.database import Embedded, Remote, UnavailableError, migrate, server
from tests.prepared_database import prepare

PATIENCE_S = 60.0


@pytest.fixture
def own(data: Path) -> Embedded:
    """One that has run before, and does not."""
    prepare(data)
    return Embedded(data)


def postmaster(embedded: Embedded) -> int:
    return int((embedded.folder / "postmaster.pid").read_text().splitlines()[0])


def has_ended(pid: int) -> bool:
    """Whether a process, not always our child, has ended or does so while patience lasts."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], PATIENCE_S)[0])
    finally:
        os.close(pidfd)


def test_starting_twice_starts_once_and_stopping_keeps_rows(own: Embedded) -> None:
    assert own.start()
    try:
        assert not Embedded(own.folder.parent).start()
        with psycopg.connect(own.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        own.stop()
        own.stop()
        assert not own.is_running()
        assert own.start()
        with psycopg.connect(own.url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    finally:
        own.stop()


def test_a_server_without_a_connection_left_is_stopped(own: Embedded) -> None:
    own.start()
    pid = postmaster(own)
    with contextlib.ExitStack() as stack:

        def take_all() -> None:
            for _ in range(1000):
                stack.enter_context(contextlib.closing(psycopg.connect(own.url)))

        try:
            with pytest.raises(psycopg.OperationalError, match="too many clients"):
                take_all()
        finally:
            own.stop()
        assert has_ended(pid)


def test_a_file_that_was_left_ends_no_server_of_another_folder(own: Embedded, tmp_path: Path) -> None:
    own.start()
    try:
        left = Embedded(tmp_path / "left")
        left.start()
        left.stop()
        shutil.copy(own.folder / "postmaster.pid", left.folder)
        owner = left.folder.stat()
        os.chown(left.folder / "postmaster.pid", owner.st_uid, owner.st_gid)
        left.stop()
        assert not left.is_running()
        assert own.is_running()
        assert left.start()  # nor does it keep one from starting
        assert postmaster(left) != postmaster(own)
        left.stop()
        assert own.is_running()
    finally:
        own.stop()


def test_a_server_that_is_shutting_down_is_waited_for(own: Embedded) -> None:
    own.start()
    try:
        pid = postmaster(own)
        with psycopg.connect(own.url) as connection:
            connection.execute("CREATE TABLE much AS SELECT generate_series(1, 300000)")
        os.kill(pid, signal.SIGINT)  # as pg_ctl's stop does, without waiting
        assert own.start()
        assert postmaster(own) != pid
    finally:
        own.stop()


def test_a_killed_server_is_started_again(own: Embedded) -> None:
    own.start()
    try:
        pid = postmaster(own)
        os.kill(pid, signal.SIGKILL)
        assert has_ended(pid)
        for _ in range(100):
            # Its children notice within moments; until then a new server is refused the data folder.
            try:
                started = own.start()
                break
            except UnavailableError:
                time.sleep(0.1)  # they are not our children: only trying again tells
        assert started
        assert postmaster(own) != pid
    finally:
        own.stop()


def test_the_server_outlives_its_starter_and_is_found(own: Embedded) -> None:
    program = (
        "import os, sys, pathlib; from lockstep.procs.batcher.database import Embedded;"
        "Embedded(pathlib.Path(sys.argv[1])).start(); os.kill(os.getpid(), 9)"
    )
    try:
        result = subprocess.run([sys.executable, "-c", program, str(own.folder.parent)], check=False, timeout=60)
        assert result.returncode == -signal.SIGKILL
        assert own.is_running()
        assert not own.start()
    finally:
        own.stop()


def test_a_folder_with_a_long_path_gets_its_socket_elsewhere(data: Path) -> None:
    deep = data / ("d" * 60) / ("e" * 60)
    prepare(deep)
    embedded = Embedded(deep)
    embedded.start()
    try:
        assert embedded.socket_folder != embedded.folder
        assert Embedded(deep).is_running()
    finally:
        embedded.stop()
        embedded.socket_folder.rmdir()


def test_an_interrupted_first_start_begins_anew(data: Path) -> None:
    own = Embedded(data)
    leftover = own.folder.with_name("postgres.new")
    leftover.mkdir(parents=True)
    (leftover / "PG_VERSION").write_text("18\n")
    assert own.start()
    try:
        with psycopg.connect(own.url) as connection:
            assert connection.execute("SELECT to_regclass('writer')").fetchone() == (None,)
    finally:
        own.stop()
    assert not leftover.exists()


def test_a_configured_url_is_used_as_it_is(tmp_path: Path) -> None:
    config = convert({"database": {"url": "postgresql://me@db.example:5432/venue"}}, Config)
    assert database_url.of(config, tmp_path) == "postgresql://me@db.example:5432/venue"
    assert isinstance(server(config, tmp_path), Remote)
    assert database_url.of(Config(), tmp_path) == Embedded(tmp_path).url


@pytest.fixture
def next_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a later version adds to ours; its name."""
    folder = shutil.copytree(database_module.MIGRATIONS, tmp_path / "migrations")
    (folder / "0002-next.sql").write_text("-- depends: 0001-tables\n\nALTER TABLE trades ADD COLUMN taker_type text;\n")
    monkeypatch.setattr(database_module, "MIGRATIONS", folder)
    return "0002-next"


def columns(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {column.name for column in connection.execute("SELECT * FROM trades").description or ()}


def test_migrations_run_once(empty_database: str) -> None:
    assert migrate(empty_database) == ["0001-tables"]
    assert migrate(empty_database) == []


def test_a_database_gets_the_migrations_that_it_lacks(database: str, next_migration: str) -> None:
    assert "taker_type" not in columns(database)
    assert migrate(database) == [next_migration]
    assert migrate(database) == []
    assert "taker_type" in columns(database)


def test_tables_that_a_later_version_has_changed_are_refused(
    database: str, next_migration: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = database_module.MIGRATIONS
    migrate(database)
    monkeypatch.undo()
    assert later != database_module.MIGRATIONS
    with pytest.raises(UnavailableError, match=rf"a later version .* \({next_migration}\): start"):
        migrate(database)
    with rebuild.begun(database, 0, replace=True) as made:
        made.swap()
    assert migrate(database) == []
    assert "taker_type" not in columns(database)


def test_what_ends_a_migrator_before_it_notes_a_migration_leaves_nothing_of_it(
    database: str, next_migration: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"
        )
        connection.execute("CREATE TRIGGER die BEFORE INSERT ON _yoyo_migration FOR EACH ROW EXECUTE FUNCTION die()")
        with pytest.raises(psycopg.Error):
            migrate(database)
        connection.execute("DROP TRIGGER die ON _yoyo_migration")
    assert "taker_type" not in columns(database)
    assert migrate(database) == [next_migration]


def test_concurrent_migrators_take_turns(empty_database: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        applied = list(pool.map(migrate, [empty_database] * 3))
    assert sorted(map(len, applied)) == [0, 0, 1]


def test_the_lock_of_a_killed_migrator_is_broken(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
    assert migrate(database) == []
