"""A foreign database that refuses the venue: both consoles say so in one line, with what mends it; rows follow then."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from lockstep.procs.batcher.database import Embedded
from tests.pipeline.conftest import FEW, RunningVenue
from tests.pipeline.test_accept_loss import trade
from tests.pipeline.test_database import await_database

PATIENCE_S = 60.0
PASSWORD = "r@i/g:h t%#?&+"
URL_PASSWORD = quote(PASSWORD, safe="")


class Strict:
    """A foreign server that asks role `clerk` for a password."""

    def __init__(self, server: Embedded) -> None:
        self._server = server
        self.url = f"postgresql://clerk:{URL_PASSWORD}@/rows?host={server.socket_folder}"
        admission = server.folder / "pg_hba.conf"
        admission.write_text(f"local all clerk scram-sha-256\n{admission.read_text()}")
        self.run("SELECT pg_reload_conf()")
        self.run("CREATE ROLE clerk LOGIN PASSWORD 'another'")

    def run(self, query: str, database: str = "postgres") -> None:
        url = self._server.url.replace("/lockstep?", f"/{database}?")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(query.encode())


@pytest.fixture
def strict() -> Iterator[Strict]:
    with tempfile.TemporaryDirectory(prefix="lockstep-test-") as folder:
        server = Embedded(Path(folder))
        server.start()
        try:
            yield Strict(server)
        finally:
            server.stop()


@pytest.fixture
def venue(tmp_path: Path, strict: Strict) -> Iterator[RunningVenue]:
    running = RunningVenue(tmp_path, hosts=FEW)
    running.configure(r"^url = .*$", f'url = "{strict.url}"')
    running.start()
    yield running
    if running.process is not None:
        running.stop()


def told(venue: RunningVenue, *words: str) -> None:
    """The console of `run` has one more line than before, which has these words, and so has `status`; rows wait."""
    deadline = time.monotonic() + PATIENCE_S
    while not (lines := [line for line in venue.log.read_text().splitlines() if words[0] in line]):
        assert time.monotonic() < deadline, venue.log.read_text()
        time.sleep(0.05)  # its only word is its output
    shown = venue.command("status")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    (line,) = [line for line in shown.stdout.splitlines() if "the database takes no rows since" in line]
    assert len(lines) == 1, lines
    assert "the database takes no rows: " in lines[0]
    for word in words:
        assert word in lines[0]
        assert word in line
    for secret in (PASSWORD, URL_PASSWORD):
        assert secret not in venue.log.read_text()
        assert secret not in shown.stdout


def told_again(venue: RunningVenue, times: int) -> None:
    """The console of `run` has said so often that rows are taken again: it looks a moment after they are."""
    deadline = time.monotonic() + PATIENCE_S
    while (said := venue.log.read_text().count("the database takes rows again")) < times:
        assert time.monotonic() < deadline, venue.log.read_text()
        time.sleep(0.05)  # its only word is its output
    assert said == times


def test_each_refusal_is_told_with_its_remedy_and_rows_follow_once_it_is_mended(
    venue: RunningVenue, strict: Strict
) -> None:
    trade(venue, "1")
    told(venue, 'password authentication failed for user "clerk"', "ALTER ROLE … PASSWORD", "database.url")

    strict.run(f"ALTER ROLE clerk PASSWORD '{PASSWORD}'")
    told(venue, 'database "rows" does not exist', "createdb --owner")
    trade(venue, "2")

    strict.run("CREATE DATABASE rows")
    told(venue, "permission denied for schema public", "own the database")
    unready = venue.command("check")
    assert unready.returncode == 1
    assert "permission denied for schema public" in unready.stdout
    trade(venue, "3")
    assert venue.status()["database"] == 0

    strict.run("ALTER DATABASE rows OWNER TO clerk")
    await_database(venue)
    told_again(venue, 1)

    strict.run("REVOKE INSERT ON trades FROM clerk", "rows")
    trade(venue, "4")
    told(venue, "permission denied for table trades", "own the database")
    strict.run("GRANT INSERT ON trades TO clerk", "rows")
    await_database(venue)
    told_again(venue, 2)
    status = venue.status()
    assert (status["refused_rows"], status["loader_problem"]) == (0, "")
    assert not venue.restarted_whole
    assert venue.stop() == 0
    venue.verify()
