"""One embedded PostgreSQL for the batcher's tests, and an empty database of it for each test that asks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import psycopg
import pytest

from procs.batcher.database import Embedded, migrate

_serial = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    embedded = Embedded(tmp_path_factory.mktemp("server"))
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
