"""A database that lost rows, or all of them: the journal gives them back, to a running venue or on command."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lockstep.core.venue.venue import Manifest, Venue, manifest_of
from lockstep.procs.batcher.database import Embedded
from lockstep.shm.board import Word
from tests.pipeline.conftest import FEW, RunningVenue
from tests.pipeline.stream import Stream, await_progress, finish

PATIENCE_S = 60.0
_thousands = itertools.count(step=1_000_000)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    running = RunningVenue(tmp_path_factory.mktemp("venue"), hosts=FEW)
    yield running
    if running.process is not None:
        assert running.stop() == 0
    running.verify()


@pytest.fixture
def venue(shared: RunningVenue) -> RunningVenue:
    """One venue for all tests, in any order; it runs."""
    if shared.process is None:
        shared.start()
    return shared


def trade(venue: RunningVenue, name: str) -> None:
    """Some rounds of orders, with new ids."""
    client = venue.client(name)
    client.connect(reset=True)
    stream = Stream(client, next(_thousands))
    stream.start()
    await_progress(stream, time.monotonic())
    finish(stream)
    client.close()


@contextlib.contextmanager
def server_of(venue: RunningVenue) -> Iterator[Embedded]:
    """The stopped venue's server, which runs until the block ends."""
    server = Embedded(venue.folder / "data")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def statement(venue: RunningVenue, query: bytes, *, maintenance: bool = False) -> None:
    """Have the stopped venue's server change its database behind the batcher's back."""
    with server_of(venue) as server:
        url = server.url.replace("/lockstep?", "/postgres?") if maintenance else server.url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(query)


def statement_of_a_running(venue: RunningVenue, query: bytes) -> None:
    with psycopg.connect(Embedded(venue.folder / "data").url, autocommit=True) as connection:
        connection.execute(query)


def await_database(venue: RunningVenue) -> None:
    """Wait until the database has everything that is committed."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        board = Venue.attach(Manifest.load(manifest_of(venue.data))).board
        if board.get(Word.DATABASE_SEQ) >= board.commit_position() > 0:
            return
        assert time.monotonic() < deadline, venue.status()
        time.sleep(0.05)  # between looks


def save(venue: RunningVenue) -> None:
    """Take a snapshot: what starts later goes on from there."""
    answer = venue.command("snapshot")
    assert answer.returncode == 0, answer.stdout + answer.stderr


@contextlib.contextmanager
def away(venue: RunningVenue) -> Iterator[None]:
    """The database answers no one until the block ends."""
    server = venue.postgres()
    processes = [server, *map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):  # one that was about to end: the server has reaped it
                os.kill(process, signal.SIGCONT)


@pytest.mark.parametrize("spool", ["kept", "erased"])
def test_an_emptied_database_is_filled_by_the_venue_that_starts(venue: RunningVenue, spool: str) -> None:
    trade(venue, "TRADER1")
    save(venue)
    trade(venue, "TRADER2")
    assert venue.stop() == 0
    statement(venue, b"DROP DATABASE lockstep", maintenance=True)
    if spool == "erased":
        shutil.rmtree(venue.folder / "data" / "spool")
    venue.start()
    trade(venue, "TRADER3")
    await_database(venue)
    venue.verify()


def test_a_batcher_goes_on_from_a_snapshot_of_when_the_database_was_away(venue: RunningVenue) -> None:
    trade(venue, "TRADER1")
    await_database(venue)
    with away(venue):
        trade(venue, "TRADER2")
        save(venue)
        trade(venue, "TRADER3")
        ready = venue.readies()
        os.kill(venue.pids()["batcher"], signal.SIGKILL)
        venue.await_ready(ready + 1, PATIENCE_S)
        trade(venue, "TRADER4")
        status = venue.status()
        assert status["database"] < status["commit"]
    await_database(venue)
    assert not venue.restarted_whole
    venue.verify()


def test_a_killed_rebuild_leaves_the_database_and_another_one_makes_it_anew(venue: RunningVenue) -> None:
    trade(venue, "TRADER1")
    assert venue.stop() == 0
    venue.configure(r"^batch_rows = .*$", "batch_rows = 100")
    command = [sys.executable, "-m", "lockstep", "rebuild-db", "--yes", str(venue.config)]
    with server_of(venue) as server, psycopg.connect(server.url, autocommit=True) as connection:
        whole = _complete(connection)
        with subprocess.Popen(command) as process:
            while not 0 < _complete(connection, "lockstep_rebuild.writer") < whole:
                assert process.poll() is None
            process.kill()
        assert _complete(connection) == whole
        venue.verify()
        done = venue.command("rebuild-db", "--yes", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["complete"] >= whole
        assert _complete(connection, "lockstep_rebuild.writer") == 0
    venue.verify()


def _complete(connection: psycopg.Connection[Any], table: str = "writer") -> int:
    """The record up to which a database has everything; 0 if there is none."""
    try:
        row = connection.execute(f"SELECT complete_seq FROM {table}").fetchone()
    except psycopg.errors.UndefinedTable:
        return 0
    return int(row[0]) if row else 0


def test_a_database_is_made_anew_on_command(venue: RunningVenue) -> None:
    trade(venue, "TRADER1")
    busy = venue.command("rebuild-db", "--yes")
    assert busy.returncode == 2
    assert "the venue runs: stop it first" in busy.stderr
    await_database(venue)
    statement_of_a_running(venue, b"ALTER TABLE orders ADD CONSTRAINT odd CHECK (order_id % 2 = 0) NOT VALID")
    trade(venue, "TRADER3")
    await_database(venue)
    status = venue.status()
    assert status["refused_rows"] > 0
    assert "orders" in {each["relation"] for each in status["refused"]}
    failed = venue.command("verify")
    assert failed.returncode == 1
    assert "rows were refused, and are set aside" in failed.stdout
    statement_of_a_running(venue, b"ALTER TABLE orders DROP CONSTRAINT odd")
    loaded = venue.command("load-refused")
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    venue.verify()
    assert venue.stop() == 0
    statement(venue, b"DELETE FROM trades; UPDATE balances SET free = free + 1; UPDATE orders SET state = 'NEW'")
    assert venue.command("verify").returncode == 1
    assert venue.command("rebuild-db").returncode == 2
    assert venue.command("verify").returncode == 1
    done = venue.command("rebuild-db", "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["complete"] > 0
    venue.verify()
    venue.start()
    trade(venue, "TRADER2")
    await_database(venue)
    venue.verify()


def test_another_database_is_filled_while_the_venue_runs(venue: RunningVenue) -> None:
    trade(venue, "TRADER1")
    await_database(venue)
    server = Embedded(venue.folder / "data")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE other")
    other = server.url.replace("/lockstep?", "/other?")
    own = venue.command("rebuild-db", "--into", server.url)
    assert own.returncode == 1
    assert "a batcher is connected" in own.stdout
    done = venue.command("rebuild-db", "--into", other)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM trades), (SELECT count(*) FROM balances)"
    with psycopg.connect(server.url) as ours, psycopg.connect(other) as theirs:
        assert ours.execute(counts).fetchone() == theirs.execute(counts).fetchone()
    venue.verify()
