"""`lockstep check`: what stands in a start's way, found without starting anything."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import structs

from lockstep import config
from lockstep.cli import check
from lockstep.cli.doctor import Check
from lockstep.config.schema import Config
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.venue import node
from lockstep.procs.replicator.certificates import KEY, PEER, make
from tests.models.journal import records
from tests.ports import free_port

DEMO = Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml"


@pytest.fixture
def demo(tmp_path: Path) -> Config:
    """The demo, stopped, with ports and a folder of its own."""
    loaded = config.load(DEMO)
    return structs.replace(
        loaded,
        venue=structs.replace(loaded.venue, data=str(tmp_path)),
        fix=structs.replace(loaded.fix, port=free_port()),
        market_data=structs.replace(loaded.market_data, port=free_port()),
        api=structs.replace(loaded.api, port=free_port()),
        metrics=structs.replace(loaded.metrics, port=free_port()),
        replication=structs.replace(loaded.replication, node="a", port=free_port()),
    )


def found(loaded: Config, name: str) -> Check:
    (one,) = [each for each in check.examine(loaded).checks if each.name == name]
    return one


@contextmanager
def taken(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("fix.port", lambda c: c.fix.port),
        ("market_data.port", lambda c: c.market_data.port),
        ("api.port", lambda c: c.api.port),
        ("metrics.port", lambda c: c.metrics.port),
        ("replication.port", lambda c: c.replication.port),
    ],
)
def test_a_port_that_is_taken_is_named(demo: Config, name: str, port: Callable[[Config], int]) -> None:
    assert found(demo, name).level == "ok"
    with taken(port(demo)):
        one = found(demo, name)
    assert one.level == "fail"
    assert one.found == f"127.0.0.1:{port(demo)}: Address already in use"


def test_a_certificate_of_the_api_that_cant_be_used_is_named(demo: Config, tmp_path: Path) -> None:
    certificate, key = tmp_path / "api.pem", tmp_path / "api.key"
    secure = structs.replace(demo, api=structs.replace(demo.api, certificate=str(certificate), key=str(key)))
    assert f"api.certificate {certificate}, api.key {key}: no such file" in found(secure, "api.certificate").found
    private, public = make("api")
    certificate.write_bytes(public)
    key.write_bytes(private)
    assert found(secure, "api.certificate").level == "ok"
    key.write_text("no key")
    assert found(secure, "api.certificate").level == "fail"


def test_a_role_or_certificate_that_is_damaged_is_named(demo: Config, tmp_path: Path) -> None:
    assert found(demo, "node").found == "a, primary, without certificates: the other node is on this machine"
    folder = node.made_folder(tmp_path)
    for name in (KEY, PEER):
        (folder / name).write_text("no certificate")
    assert found(demo, "node").level == "fail"
    assert str(folder) in found(demo, "node").found
    (folder / node.ROLE).write_text("{")
    assert "role.json can't be read" in found(demo, "node").found


def test_a_journal_is_read_through(demo: Config, tmp_path: Path) -> None:
    """A start would read its last segments alone."""
    folder = tmp_path / "journal"
    folder.mkdir()
    with JournalWriter(folder, segment_bytes=65536) as writer:
        for first in range(1, 1001, 100):
            writer.append(records(first, 100))
    assert found(demo, "journal").found.startswith("whole, 1,000 records in ")
    with min(folder.glob("*")).open("r+b") as file:
        file.seek(10_000)
        file.write(b"damage")
    one = found(demo, "journal")
    assert one.level == "fail"
    assert " at offset " in one.found
    assert one.advice == "lockstep repair-journal --from COPY"
