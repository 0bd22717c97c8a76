"""A venue's journal is begun by one command, once, and never by a start (LOG-21)."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from lockstep.config.schema import Config, InstrumentSection, JournalSection, ReplicationSection, VenueSection
from lockstep.core.journal.end import end_of, segment_header
from lockstep.core.journal.journal import segment_seqs
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.venue import first_journal, node
from lockstep.core.venue.first_journal import BegunError
from lockstep.core.venue.node import Node
from tests import forked
from tests.console import lockstep
from tests.models import journal as model

CONFIG = """
[venue]
data = "data"
[fix]
port = 0
[market_data]
port = 0
[journal]
segment_bytes = 65536
[[assets]]
name = "A"
scale = 2
[[assets]]
name = "B"
scale = 4
[[instruments]]
symbol = "AB"
base = "A"
quote = "B"
tick = "0.01"
lot = "0.01"
"""
TWO = '\n[replication]\nnode = "a"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "venue.toml"
    file.write_text(CONFIG)
    return file


def config_of(data: Path) -> Config:
    return Config(
        venue=VenueSection(data=str(data)),
        journal=JournalSection(segment_bytes=65536),
        instruments=[InstrumentSection(symbol="X", base="A", quote="B", tick="1", lot="1")],
    )


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize(("more", "says"), [("", "lockstep begin, once"), (TWO, "lockstep pair begins the journal")])
def test_a_start_begins_no_journal(file: Path, exists: bool, more: str, says: str) -> None:
    """Of a mount that is missing the folder is there, empty."""
    file.write_text(CONFIG + more)
    data = file.parent / "data"
    if exists:
        data.mkdir()
    answer = forked.lockstep("run", file)
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"{file}: there is no journal in {data}, and a start never begins one")
    assert says in answer.stderr
    assert sorted(path.name for path in file.parent.rglob("*")) == (["data"] if exists else []) + ["venue.toml"]


def test_a_journal_that_is_gone_is_not_begun_again(file: Path) -> None:
    assert lockstep("begin", file).returncode == 0
    data = file.parent / "data"
    (data / "journal").rename(file.parent / "unmounted")
    answer = forked.lockstep("run", file)
    assert (answer.returncode, list(data.iterdir())) == (2, [])


def test_a_venue_is_begun_once(file: Path) -> None:
    """Again until it has a record: a first start may have been refused for another reason."""
    journal = file.parent / "data" / "journal"
    for _ in range(2):
        assert lockstep("begin", file).returncode == 0
        assert (segment_seqs(journal), end_of(journal).seq) == ([1], 0)
    with JournalWriter(journal, segment_bytes=65536) as writer:
        writer.append([model.record(1)])
    answer = lockstep("begin", file)
    assert (answer.returncode, f"{journal} has a journal already" in answer.stderr) == (2, True)
    assert lockstep("begin", file, "--if-none").returncode == 0
    assert end_of(journal).seq == 1


def test_one_of_two_nodes_is_begun_by_pairing(file: Path) -> None:
    file.write_text(CONFIG + TWO)
    answer = lockstep("begin", file)
    assert (answer.returncode, "lockstep pair begins the journal" in answer.stderr) == (2, True)
    assert not (file.parent / "data").exists()


def test_one_of_two_nodes_leads_no_empty_journal(file: Path) -> None:
    """It may lead only where `lockstep pair` has found no other log, even if the other node does not answer."""
    assert lockstep("begin", file).returncode == 0
    before = sorted(file.parent.rglob("*"))
    file.write_text(CONFIG + TWO)
    for answer in (forked.lockstep("run", file), lockstep("check", file)):
        said = " ".join((answer.stdout + answer.stderr).split())
        assert answer.returncode
        assert f"the journal in {file.parent / 'data' / 'journal'} is empty, and this node is not paired" in said
    assert sorted(file.parent.rglob("*")) == before


def test_another_venues_folder_is_refused(file: Path) -> None:
    """LOG-21: a wrong mount, or a backup restored on the wrong machine. Both names are said, nothing is changed."""
    assert lockstep("begin", file).returncode == 0
    file.write_text(CONFIG.replace("[venue]", '[venue]\nname = "other"') + TWO)
    before = {path: path.stat().st_mtime_ns for path in file.parent.rglob("*")}
    for command in ("run", "check", "pair", "rebuild-db"):
        answer = forked.lockstep(command, file)
        said = " ".join((answer.stdout + answer.stderr).split())
        assert answer.returncode, command
        assert "is of venue lockstep, and the configuration is of venue other (venue.name)" in said, command
    assert {path: path.stat().st_mtime_ns for path in file.parent.rglob("*")} == before


def test_check_says_what_a_start_would(file: Path) -> None:
    answer = lockstep("check", file)
    assert (answer.returncode, "and a start never begins one" in " ".join(answer.stdout.split())) == (1, True)
    assert lockstep("begin", file).returncode == 0
    assert lockstep("check", file).returncode == 0


def test_only_a_paired_secondary_may_start_without_a_journal(tmp_path: Path) -> None:
    two = structs.replace(config_of(tmp_path), replication=ReplicationSection(node="b"))
    assert first_journal.objection(two, tmp_path, Node("secondary", journal_id="0" * 32)) == ""
    for role in (Node(), Node("primary", ("a",), journal_id="0" * 32), Node("secondary")):
        assert "lockstep join" in first_journal.objection(two, tmp_path, role)
    first_journal.begin(two, bytes(16))
    assert first_journal.objection(two, tmp_path, Node("primary", ("a",))) == ""
    assert "this node is not paired" in first_journal.objection(two, tmp_path, Node())
    assert segment_header(tmp_path / "journal", 1).journal_id == bytes(16)
    with JournalWriter(tmp_path / "journal", segment_bytes=65536) as writer:
        writer.append([model.record(1)])
    assert first_journal.objection(two, tmp_path, Node()) == ""
    first_journal.ensure(two)
    with pytest.raises(BegunError):
        first_journal.begin(two)


@pytest.mark.parametrize(
    ("role", "needs"),
    [(Node(), True), (Node(members=("a",)), False), (Node(members=("a", "b")), True)],
)
def test_a_primary_needs_its_peer_where_it_is_not_known_to_be_alone(tmp_path: Path, role: Node, needs: bool) -> None:
    one = config_of(tmp_path)
    assert not node.needs_peer(one, role)
    venue = structs.replace(one.venue, durability="replicated")
    two = structs.replace(one, venue=venue, replication=ReplicationSection(node="a"))
    assert node.needs_peer(two, role) == needs
