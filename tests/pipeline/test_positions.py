"""A journal behind its database, or another journal's: refused at the start, or reported if found later."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lockstep.core.venue import database_trouble
from lockstep.procs.batcher.database import Embedded
from tests.batcher.conftest import empty_database, server
from tests.pipeline.conftest import FEW, RunningVenue
from tests.pipeline.test_accept_loss import trade
from tests.pipeline.test_database import await_database
from tests.pipeline.test_refusals import refused

__all__ = ["empty_database", "server"]
PATIENCE_S = 60.0
FILES = ("journal", "spool", "gateway.1", "snapshots")


class Foreign:
    """A database of a server that the venue does not start; `leave` and `come` are its network."""

    def __init__(self, server: Embedded, url: str, way: Path) -> None:
        self._server = server
        self._way = way
        self.name = url.partition("?")[0].rpartition("/")[2]
        self.url = f"postgresql://clerk@/{self.name}?host={way}"

    def come(self) -> None:
        self._way.symlink_to(self._server.socket_folder)

    def leave(self) -> None:
        self._way.unlink()

    def run(self, query: str) -> None:
        with psycopg.connect(self._server.url, autocommit=True) as connection:
            connection.execute(query.encode())


@pytest.fixture
def foreign(server: Embedded, empty_database: str, tmp_path: Path) -> Iterator[Foreign]:
    found = Foreign(server, empty_database, tmp_path / "way")
    found.run("CREATE ROLE clerk LOGIN")
    found.run(f"ALTER DATABASE {found.name} OWNER TO clerk")
    found.come()
    yield found
    found.run(f"DROP DATABASE {found.name} WITH (FORCE)")
    found.run("DROP ROLE clerk")


@pytest.fixture
def venue(tmp_path: Path, foreign: Foreign) -> Iterator[RunningVenue]:
    """A venue that has traded into a foreign database."""
    running = RunningVenue(tmp_path, hosts=FEW)
    running.configure(r"^url = .*$", f'url = "{foreign.url}"')
    running.start()
    yield running
    if running.process is not None:
        running.stop()


def copy(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for name in FILES:
        shutil.rmtree(target / name, ignore_errors=True)
        if (source / name).exists():
            subprocess.run(["cp", "-a", "--sparse=always", source / name, target / name], check=True)


def await_trouble(venue: RunningVenue, words: str) -> None:
    """Wait until the batcher says this of its database, and the supervisor on the console."""
    deadline = time.monotonic() + PATIENCE_S
    while words not in database_trouble.of(venue.folder / "data").reason or words not in venue.log.read_text():
        assert time.monotonic() < deadline, venue.log.read_text()
        time.sleep(0.05)  # its only word to others is this file


def test_a_database_that_knows_more_than_the_journal(venue: RunningVenue, foreign: Foreign, tmp_path: Path) -> None:
    data = tmp_path / "data"
    trade(venue, "1")
    await_database(venue)
    copy(data, tmp_path / "live")
    trade(venue, "2")
    await_database(venue)
    has = venue.status()["database"]
    assert venue.stop() == 0

    # A copy of a running venue is restored beside the database.
    copy(tmp_path / "live", data)
    before = {path.name: path.read_bytes() for path in (data / "journal").glob("*.journal")}
    line = refused(venue)
    for words in ("the journal ends at record", "the database has everything up to record",
                  "repair-journal --from COPY", "repair-journal --accept-loss"):  # fmt: skip
        assert words in line, line
    assert {path.name: path.read_bytes() for path in (data / "journal").glob("*.journal")} == before

    # It is away at the start: the venue trades on, says so, and holds it against the journal when it is back.
    foreign.leave()
    venue.start()
    await_trouble(venue, "No such file")
    for name in ("3", "4"):
        trade(venue, name)
    status = venue.status()
    assert status["commit"] > has
    assert "No such file" in status["loader_problem"]
    assert status["loader_problem_since"]
    foreign.run("ALTER ROLE clerk NOLOGIN")
    foreign.come()
    await_trouble(venue, "not permitted to log in")
    foreign.run("ALTER ROLE clerk LOGIN")
    foreign.run(f"ALTER DATABASE {foreign.name} RENAME TO elsewhere")
    await_trouble(venue, "does not exist")
    foreign.run(f"ALTER DATABASE elsewhere RENAME TO {foreign.name}")
    await_trouble(venue, "is not the one of which the database has rows")
    verified = venue.command("verify")
    assert verified.returncode == 1
    assert "is not the one of which the database has rows" in verified.stdout
    assert venue.stop() == 0
    assert "is not the one of which the database has rows" in refused(venue)
    made = venue.command("rebuild-db", "--yes")
    assert made.returncode == 0, made.stdout + made.stderr
    venue.verify()

    # A new venue, and the database of the old one.
    for name in FILES:
        shutil.rmtree(data / name, ignore_errors=True)
    assert venue.command("begin").returncode == 0
    assert "the database has rows of another journal" in refused(venue)
