"""What is read of two nodes on one of them, also where its files are damaged or a clock is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from lockstep.cli import status
from lockstep.config.schema import ReplicationSection
from lockstep.core.files import atomic_file
from lockstep.core.operations.status import NodeStatus, Status
from lockstep.core.venue import node
from lockstep.core.venue import venue as ground
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue, manifest_of
from lockstep.procs.monitor.__main__ import pages
from lockstep.procs.monitor.exporter import Exporter
from lockstep.procs.monitor.observer import Observer
from lockstep.procs.monitor.reading import read
from lockstep.procs.replicator.handshake import LinkState
from lockstep.shm.board import Word
from tests.monitor.test_observer import CONFIG

SECOND_NS = 1_000_000_000
TWO = structs.replace(CONFIG, replication=ReplicationSection(node="a", peer_port=9951))


class Run:
    """The run of node `a`, as its processes would have left the board."""

    def __init__(self, data: Path, known: Node) -> None:
        (data / "run").mkdir()
        node.save(data, known)
        topology = derive(TWO, follows=known.is_secondary)
        self.manifest = ground.create(topology, TWO, data, os.urandom(16).hex(), node=known)
        atomic_file.replace(manifest_of(data), msgspec.json.encode(self.manifest))
        self.venue = Venue.attach(self.manifest)
        self.board = self.venue.board
        self.link(LinkState.IN_STEP, "b")
        for word, value in ((Word.LOG_END, 120), (Word.DURABLE_SEQ, 119), (Word.PEER_SEQ, 120), (Word.ACKED_SEQ, 120)):
            self.board.set(word, value)

    def link(self, state: LinkState, peer: str, why: str = "", epoch: int = 0) -> None:
        self.board.set(Word.LINK, state)
        report = {"state": state.name.lower(), "why": why, "peer": peer, "epoch": epoch}
        (self.venue.data / "run" / "link.json").write_bytes(msgspec.json.encode(report))

    def node(self) -> NodeStatus:
        found = read(self.venue).node
        assert found is not None
        return found

    def shown(self, capsys: pytest.CaptureFixture[str]) -> list[str]:
        """The lines of `lockstep status` that are about the nodes."""
        found = Status(**structs.asdict(read(self.venue)))
        capsys.readouterr()
        status._print(found)
        lines = capsys.readouterr().out.splitlines()
        return lines[1 : next(i for i, line in enumerate(lines) if line.startswith("log "))]


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path, Node(members=("a", "b")))
    made.board.set(Word.EPOCH, 5)
    made.board.set(Word.COMMIT_BY, Word.ACKED_SEQ)
    yield made
    ground.destroy(made.manifest)


@pytest.fixture
def secondary(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path, Node("secondary", journal_id="0" * 32))
    made.link(LinkState.IN_STEP, "b", epoch=5)
    yield made
    ground.destroy(made.manifest)


def test_a_primary_shows_both_nodes_and_their_link(primary: Run, capsys: pytest.CaptureFixture[str]) -> None:
    primary.board.set(Word.COMPARED, 1000)
    assert primary.shown(capsys) == [
        "this node   a, primary of epoch 5, commits wait for b",
        "other node  b, secondary, at 127.0.0.1:9951",
        "link        in step, the secondary is 0 records and 0 ms behind, same state at record 1,000",
    ]


def test_a_secondary_shows_both_nodes_and_their_link(secondary: Run, capsys: pytest.CaptureFixture[str]) -> None:
    secondary.board.set(Word.PEER_SEQ, 121)
    secondary.board.set(Word.WHOLE_NS, secondary.venue.now_ns() - 90 * SECOND_NS)
    secondary.link(LinkState.ALONE, "b", "127.0.0.1:9951: connection refused", 5)
    lines = secondary.shown(capsys)
    assert lines[:2] == ["this node   a, secondary", "other node  b, primary of epoch 5, at 127.0.0.1:9951"]
    assert lines[2].startswith("link        alone, the secondary is 1 record and 90,")
    assert lines[2].endswith(" ms behind, states not compared yet")
    assert lines[3:] == ["  127.0.0.1:9951: connection refused"]


def test_a_node_that_was_never_heard_of_has_no_lag(primary: Run, capsys: pytest.CaptureFixture[str]) -> None:
    node.save(primary.venue.data, Node())
    primary.board.set(Word.COMMIT_BY, 0)
    primary.board.set(Word.ACKED_SEQ, 0)
    primary.link(LinkState.ALONE, "", "the other node has not been here yet")
    assert primary.shown(capsys) == [
        "this node   a, primary of epoch 5, solo",
        "other node  it has not said yet who it is, at 127.0.0.1:9951",
        "link        alone",
        "  the other node has not been here yet",
    ]
    assert primary.node().behind_ms is None


@pytest.mark.parametrize("content", [b"", b'{"role":"prim', b'{"role":"leader"}', b"\xff\0"])
def test_a_damaged_role_is_one_line_and_the_monitor_goes_on(
    primary: Run, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    file = node.folder_of(primary.venue.data) / node.ROLE
    file.write_bytes(content)
    assert primary.node().role == "primary", "what the run began as"
    lines = primary.shown(capsys)
    assert len(lines) == 4
    assert lines[3].startswith(f"  {file} can't be read")
    answer = pages(Observer(primary.venue.data), Exporter())["/metrics"]()
    assert answer.status == 200
    assert b"\nlockstep_primary 1.0\n" in answer.body


@pytest.mark.parametrize("content", [b"", b'{"state":"in_', b'{"state":7}', b"[]"])
def test_a_damaged_report_of_the_link_costs_its_words_only(primary: Run, content: bytes) -> None:
    (primary.venue.data / "run" / "link.json").write_bytes(content)
    found = primary.node()
    assert (found.link, found.why, found.peer.name, found.behind_ms) == ("in_step", "", "b", 0)


def test_no_clock_makes_a_lag_negative(secondary: Run) -> None:
    """Not even one that was an hour ahead when the moment was noted."""
    secondary.board.set(Word.PEER_SEQ, 500)
    secondary.board.set(Word.WHOLE_NS, secondary.venue.now_ns() + 3600 * SECOND_NS)
    assert (secondary.node().behind, secondary.node().behind_ms) == (380, 0)


@pytest.mark.parametrize(("acked", "peer"), [(2**63, 2**63), (500, 0), (0, 2**64 - 1)])
def test_a_peer_that_says_nonsense_breaks_nothing(primary: Run, acked: int, peer: int) -> None:
    primary.board.set(Word.ACKED_SEQ, acked)
    primary.board.set(Word.PEER_SEQ, peer)
    assert primary.node().behind >= 0
    assert pages(Observer(primary.venue.data), Exporter())["/metrics"]().status == 200


def test_a_difference_says_whose_state_it_is(
    primary: Run, secondary_lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    primary.board.set(Word.DIFFERS, 90)
    primary.board.set(Word.FENCED, 6)
    assert primary.shown(capsys)[3:] == [
        "  another node is to lead: nothing is released here any more",
        "  the secondary's state differs at record 90: it must not lead",
    ]
    assert secondary_lines == ["  its state differs at record 90: it must not lead"]


@pytest.fixture
def secondary_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    (tmp_path / "b").mkdir()
    made = Run(tmp_path / "b", Node("secondary", journal_id="0" * 32))
    try:
        made.board.set(Word.DIFFERS, 90)
        return made.shown(capsys)[3:]
    finally:
        ground.destroy(made.manifest)
