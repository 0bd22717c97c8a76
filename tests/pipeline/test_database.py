"""A database that lost rows, or all of them: the journal gives them back, to a running venue or on command."""

from __future__ import annotations

import json
import shutil
import time

import psycopg
import pytest

from procs.batcher.database import Embedded
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.stream import Stream, await_progress, finish

PATIENCE_S = 60.0


def trade(venue: RunningVenue, name: str) -> None:
    stream = Stream(venue.client(name))
    stream.start()
    await_progress(stream, time.monotonic())
    finish(stream)


def statement(venue: RunningVenue, query: bytes, *, maintenance: bool = False) -> None:
    """Let the stopped venue's server do something to its database behind the batcher's back."""
    server = Embedded(venue.folder / "data")
    server.start()
    try:
        url = server.url.replace("/lockstep?", "/postgres?") if maintenance else server.url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(query)
    finally:
        server.stop()


def await_database(venue: RunningVenue) -> None:
    """Wait until the database has everything that is committed."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        status = venue.status()
        if status["database"] >= status["commit"] > 0:
            return
        assert time.monotonic() < deadline, status
        time.sleep(0.2)  # between looks


@pytest.mark.parametrize("spool", ["kept", "erased"])
def test_an_emptied_database_is_filled_by_the_venue_that_starts(venue: RunningVenue, spool: str) -> None:
    trade(venue, "TRADER1")
    trade(venue, "TRADER2")
    assert venue.stop() == 0
    statement(venue, b"DROP DATABASE lockstep", maintenance=True)
    if spool == "erased":
        shutil.rmtree(venue.folder / "data" / "spool")
    venue.start()
    trade(venue, "TRADER3")
    await_database(venue)
    assert venue.stop() == 0
    venue.verify()


def test_a_database_is_made_anew_on_command(venue: RunningVenue) -> None:
    trade(venue, "TRADER1")
    busy = venue.command("rebuild-db", "--yes")
    assert busy.returncode == 2
    assert "the venue runs: stop it first" in busy.stderr
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
    assert venue.stop() == 0
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
    assert venue.stop() == 0
    venue.verify()
