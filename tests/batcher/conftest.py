"""One embedded PostgreSQL for the batcher's tests, an empty database of it for each test that asks, and a journal."""

from __future__ import annotations

import itertools
import os
import select
import signal
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest

from lockstep.procs.batcher.database import Embedded, migrate
from tests.prepared_database import prepare
from tests.router.random_driver import rested, write_journal
from tests.router.rig import Rig

PATIENCE_S = 60.0
_serial = itertools.count(1)


@pytest.fixture
def data() -> Iterator[Path]:
    """A venue's data folder. Not pytest's own: that is closed to the user as whom a server runs when we are root."""
    with tempfile.TemporaryDirectory(prefix="lockstep-test-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def server() -> Iterator[Embedded]:
    with tempfile.TemporaryDirectory(prefix="lockstep-test-") as folder:
        prepare(Path(folder))
        with (Path(folder) / "postgres" / "postgresql.auto.conf").open("a") as settings:
            # No worker for each test's database, again and again; and nobody pulls the plug.
            settings.write("autovacuum = off\nfsync = off\n")
        embedded = Embedded(Path(folder))
        embedded.start()
        yield embedded
        end_at_once(embedded)


def end_at_once(embedded: Embedded) -> None:
    """In order it would write all that it has to a folder that is removed."""
    postmaster = os.pidfd_open(int((embedded.folder / "postmaster.pid").read_text().splitlines()[0]))
    signal.pidfd_send_signal(postmaster, signal.SIGQUIT)
    assert select.select([postmaster], [], [], PATIENCE_S)[0], "the server has not ended"
    os.close(postmaster)


@pytest.fixture
def empty_database(server: Embedded) -> str:
    """The URL of a database without tables."""
    return created(server.url, "template0")


@pytest.fixture
def database(server: Embedded) -> str:
    """The URL of a database with the venue's tables."""
    return created(server.url, migrated(server.url))


@cache
def migrated(url: str) -> str:
    """The name of a database of that server with the venue's tables: copies cost less than migrations."""
    made = created(url, "template0")
    migrate(made)
    return made.partition("?")[0].rpartition("/")[2]


def created(url: str, template: str) -> str:
    """The URL of a new database, a copy of `template`, beside the one in `url`."""
    name = f"test_{next(_serial)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return url.replace("/lockstep?", f"/{name}?")


@pytest.fixture(scope="module")
def rig() -> Rig:
    return rested(seed=8)


@pytest.fixture(scope="module")
def journal(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the core's journal."""
    folder = tmp_path_factory.mktemp("data")
    write_journal(rig, folder / "journal")
    return folder
