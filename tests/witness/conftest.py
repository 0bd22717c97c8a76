"""One etcd for all tests of this folder that leave it running, each with a venue of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lockstep.core.venue.node import Node
from tests.witness.cluster import ETCD, MISSING, Server
from tests.witness.stand import Stand, venue_name


@pytest.fixture(scope="session")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if ETCD is None:
        pytest.skip(MISSING)
    server = Server(tmp_path_factory.mktemp("etcd"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def nodes(tmp_path: Path, etcd: Server) -> Iterator[tuple[Stand, Stand]]:
    """A primary that has the lease, and its secondary, which has all: both are members."""
    name = venue_name()
    a = Stand(tmp_path, "a", etcd.url, name, Node())
    b = Stand(tmp_path, "b", etcd.url, name, Node("secondary"))
    a.leads()
    a.turn()
    a.paired()
    a.turn(3)
    b.follows()
    b.turn()
    assert a.members() == ("a", "b")
    yield a, b
    for each in (a, b):
        each.close()
