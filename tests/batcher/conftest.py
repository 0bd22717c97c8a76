"""One embedded PostgreSQL for the batcher's tests, an empty database of it for each test that asks, and a journal."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from procs.batcher.database import Embedded, migrate
from tests.router.random_driver import rested, write_journal
from tests.router.rig import Rig

_serial = itertools.count(1)


@pytest.fixture
def data() -> Iterator[Path]:
    """A venue's data folder. Not pytest's own: that is closed to the user as whom a server runs when we are root."""
    with tempfile.TemporaryDirectory(prefix="lockstep-test-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def server() -> Iterator[Embedded]:
    with tempfile.TemporaryDirectory(prefix="lockstep-test-") as folder:
        embedded = Embedded(Path(folder))
        embedded.start()
        yield embedded
        embedded.stop()


@pytest.fixture
def empty_database(server: Embedded) -> str:
    """The URL of a database without tables."""
    name = f"test_{next(_serial)}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.url.replace("/lockstep?", f"/{name}?")


@pytest.fixture
def database(empty_database: str) -> str:
    """The URL of a database with the venue's tables."""
    migrate(empty_database)
    return empty_database


@pytest.fixture(scope="module")
def rig() -> Rig:
    return rested()


@pytest.fixture(scope="module")
def journal(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the core's journal."""
    folder = tmp_path_factory.mktemp("data")
    write_journal(rig, folder / "journal")
    return folder
