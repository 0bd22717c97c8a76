"""Whether a node may lead after what the other one answers (LOG-21), and who is told that it does not any more."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time
from pathlib import Path
from typing import Literal

import pytest

from lockstep.config.schema import (
    AlertsSection,
    Config,
    InstrumentSection,
    JournalSection,
    ReplicationSection,
    VenueSection,
)
from lockstep.core.cluster.roles import Roles, objection_to
from lockstep.core.venue import first_journal, node
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.replicator import certificates
from lockstep.procs.replicator.asking import Answer
from lockstep.procs.replicator.certificates import Credentials
from lockstep.procs.replicator.handshake import Hello, Promote, Refusal
from lockstep.procs.replicator.transport import Acceptor
from lockstep.procs.supervisor.alerts import Alerts
from lockstep.procs.supervisor.children import Children
from lockstep.procs.supervisor.run import Run
from lockstep.procs.supervisor.supervisor import command_of
from lockstep.shm.board import Handover, Word

OWN = Hello("demo", "a", b"j" * 16, 4, 100, 1, 1)


@pytest.mark.parametrize("refusal", [None, Refusal.AHEAD, Refusal.DIVERGED, Refusal.SEGMENTS_GONE])
def test_it_does_not_lead_where_the_other_one_does(refusal: Refusal | None) -> None:
    said = objection_to(OWN, Answer(True, 5, 0, "", refusal), "b:9900")
    assert said == "the other node (b:9900) leads: lockstep rejoin makes this one its secondary"


@pytest.mark.parametrize(("epoch", "last_seq"), [(4, 90), (4, 100), (4, 170), (3, 400)])
def test_it_leads_where_the_other_one_follows_no_later_epoch(epoch: int, last_seq: int) -> None:
    """A longer log of its own epoch is taken first."""
    assert objection_to(OWN, Answer(False, epoch, last_seq, "", Refusal.NOT_LEADING), "b:9900") == ""


def test_a_later_epoch_is_another_history() -> None:
    said = objection_to(OWN, Answer(False, 5, 120, "", Refusal.NOT_LEADING), "b:9900")
    assert "up to 120 of epoch 5, and this one up to 100 of epoch 4: lockstep failover there" in said


@pytest.mark.parametrize("refusal", [Refusal.OTHER_VOIDS, Refusal.WRONG_JOURNAL, Refusal.OLD_EPOCH])
def test_what_the_other_one_refuses_is_told_in_its_words(refusal: Refusal) -> None:
    """It says nothing of who leads: to rejoin could demote the right node."""
    said = objection_to(OWN, Answer(True, 4, 0, "said by the peer: void.json differs", refusal), "b:9900")
    assert said == "the other node (b:9900) refuses this one: said by the peer: void.json differs"


@pytest.mark.parametrize("refusal", sorted(set(Refusal) - {Refusal.NOT_LEADING, Refusal.NOT_READY}))
def test_a_peer_that_is_not_known_to_follow_ends_the_start(refusal: Refusal) -> None:
    assert objection_to(OWN, Answer(True, 0, 0, "why", refusal), "b:9900")


class Lines:
    """A console that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def line(self, text: str) -> None:
        self.said.append(text)


INSTRUMENT = InstrumentSection(symbol="X", base="A", quote="B", tick="1", lot="1")


@pytest.mark.parametrize(
    ("was", "now", "ends", "told"),
    [
        ("primary", "primary", True, ["fenced"]),  # another node was told to lead
        ("primary", "secondary", False, ["fenced"]),  # it has handed over
        ("secondary", "secondary", False, []),  # it begins again without what lockstep void took out
    ],
)
def test_who_leads_no_more_tells_the_person_on_duty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was: str, now: str, ends: bool, told: list[str]
) -> None:
    events: list[str] = []
    monkeypatch.setattr(Alerts, "tell", lambda _self, event, _message: events.append(event))
    config = Config(
        venue=VenueSection(data=str(tmp_path)), instruments=[INSTRUMENT], replication=ReplicationSection(node="a")
    )
    node.save(tmp_path, Node("primary" if now == "primary" else "secondary"))
    known = Node("primary" if was == "primary" else "secondary")
    console = Lines()

    async def over() -> bool:
        alerts = Alerts(AlertsSection(), "mine", tmp_path / "alerts.json", print)
        roles = Roles(config, console.line, alerts.tell, lambda: False, lambda: None)
        children = Children(tmp_path / "children.json")
        return roles.is_over(Run(config, derive(config), children, command_of, print, lambda: None, known))

    assert asyncio.run(over()) == ends
    assert events == told
    assert len(console.said) == 1


def test_a_venue_does_not_start_on_what_is_half_in_its_place(tmp_path: Path) -> None:
    config = Config(
        venue=VenueSection(data=str(tmp_path)), instruments=[INSTRUMENT], replication=ReplicationSection(node="b")
    )
    node.save(tmp_path, Node("secondary", journal_id="0" * 32))
    alerts = Alerts(AlertsSection(), "mine", tmp_path / "alerts.json", print)
    roles = Roles(config, Lines().line, alerts.tell, lambda: False, lambda: None)
    assert roles.load().is_secondary
    (node.folder_of(tmp_path) / node.JOINING).write_text("{}")
    with pytest.raises(node.RoleError, match=r"join\.json: lockstep join was interrupted. Give it again, then start"):
        roles.load()


def test_a_peer_that_does_not_know_this_node_ends_the_start(tmp_path: Path) -> None:
    """Either is there, and the certificate is another's: it is not known to follow."""
    names = ("a", "b", "c")
    keys = {name: certificates.make(name) for name in names}
    for name, peer in (("a", "b"), ("c", "a")):
        folder = node.made_folder(tmp_path / name)
        (folder / certificates.KEY).write_bytes(b"".join(keys[name]))
        (folder / certificates.PEER).write_bytes(keys[peer][1])
    stranger = Acceptor("127.0.0.1:0", Credentials(node.folder_of(tmp_path / "c")))
    config = Config(
        venue=VenueSection(data=str(tmp_path / "a")),
        journal=JournalSection(segment_bytes=65536),
        instruments=[INSTRUMENT],
        replication=ReplicationSection(node="a", peer_port=stranger.port),
    )
    first_journal.begin(config)
    console, is_over = Lines(), threading.Event()
    alerts = Alerts(AlertsSection(), "mine", tmp_path / "alerts.json", print)

    def answer() -> None:
        while not is_over.is_set():
            stranger.poll(time.monotonic_ns())
            is_over.wait(0.001)

    answering = threading.Thread(target=answer)
    answering.start()
    try:
        roles = Roles(config, console.line, alerts.tell, lambda: False, lambda: None)
        assert not asyncio.run(roles.may_run(Node(members=("a",))))
    finally:
        is_over.set()
        answering.join()
        stranger.close()
    assert "the other node answers, and is not known to follow" in console.said[-1]


def test_an_emptied_journal_waits_for_the_peer(tmp_path: Path) -> None:
    """Commits waited for the peer, so there were some: the journal is a copy of its beginning."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = Config(
            venue=VenueSection(data=str(tmp_path), durability="replicated"),
            journal=JournalSection(segment_bytes=65536),
            instruments=[INSTRUMENT],
            replication=ReplicationSection(node="a", peer_port=silent.getsockname()[1]),
        )
    first_journal.begin(config)
    node.save(tmp_path, Node("primary", ("a", "b")))
    console = Lines()
    alerts = Alerts(AlertsSection(), "mine", tmp_path / "alerts.json", print)
    roles = Roles(config, console.line, alerts.tell, lambda: bool(console.said), lambda: None)
    assert not asyncio.run(roles.may_run(roles.load()))
    assert "may have more than this one: waiting for it" in console.said[0]


def test_a_damaged_role_changes_nothing_and_is_said(tmp_path: Path) -> None:
    """The operator's signal to look at it must not end the supervisor."""
    config = Config(
        venue=VenueSection(data=str(tmp_path)), instruments=[INSTRUMENT], replication=ReplicationSection(node="a")
    )
    folder = node.folder_of(tmp_path)
    folder.mkdir()
    (folder / node.ROLE).write_bytes(b'{"role":')
    console = Lines()

    async def promote() -> None:
        alerts = Alerts(AlertsSection(), "mine", tmp_path / "alerts.json", print)
        roles = Roles(config, console.line, alerts.tell, lambda: False, lambda: None)
        children = Children(tmp_path / "children.json")
        run = Run(config, derive(config), children, command_of, print, lambda: None, Node("secondary"))
        run.venue = Venue.private(derive(config, follows=True), config, tmp_path, node=Node("secondary"))
        roles.look()
        assert not await roles.change(run)
        assert run.follows

    asyncio.run(promote())
    assert len(console.said) == 1
    assert console.said[0].startswith(f"the role stays as it is: {folder / node.ROLE} can't be read")


@pytest.mark.parametrize("why", ["can't be read", "No space left"])
def test_a_primary_that_cant_write_that_it_follows_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """It had logged its clients out for the other node, and would end with nobody leading."""
    config = Config(
        venue=VenueSection(data=str(tmp_path)), instruments=[INSTRUMENT], replication=ReplicationSection(node="a")
    )
    known, console = Node("primary", ("a", "b")), Lines()
    taken_up: list[Run] = []
    node.save(tmp_path, known)

    async def handed_over(_: Run) -> bool:
        return True

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Run, "hand_over", handed_over)
    monkeypatch.setattr(Run, "take_up_again", lambda run: taken_up.append(run))
    if why == "can't be read":
        (node.folder_of(tmp_path) / node.ROLE).write_bytes(b"{")
    else:
        monkeypatch.setattr(node, "save", full)

    async def ask() -> int:
        alerts = Alerts(AlertsSection(), "mine", tmp_path / "alerts.json", print)
        roles = Roles(config, console.line, alerts.tell, lambda: False, lambda: None)
        children = Children(tmp_path / "children.json")
        run = Run(config, derive(config), children, command_of, print, lambda: None, known)
        run.venue = Venue.private(derive(config), config, tmp_path, node=known)
        run.venue.board.set(Word.EPOCH, 1)
        run.venue.board.set(Word.HANDOVER, Handover.ASKED)
        assert not await roles.change(run)
        assert not run.venue.board.get(Word.FENCED)
        return run.venue.board.get(Word.HANDOVER)

    assert asyncio.run(ask()) == Handover.NO
    assert len(taken_up) == 1
    assert why in console.said[-1]


@pytest.mark.parametrize("role", ["secondary", "successor"])
def test_a_successor_that_begins_again_still_asks_to_lead(
    tmp_path: Path, role: Literal["secondary", "successor"]
) -> None:
    """The board of before its restart had the wish; the command that waits for it would wait in vain."""
    config = Config(
        venue=VenueSection(data=str(tmp_path)), instruments=[INSTRUMENT], replication=ReplicationSection(node="a")
    )
    known = Node(role)
    node.save(tmp_path, known)

    async def begin() -> int:
        alerts = Alerts(AlertsSection(), "mine", tmp_path / "alerts.json", print)
        roles = Roles(config, Lines().line, alerts.tell, lambda: False, lambda: None)
        children = Children(tmp_path / "children.json")
        assert await roles.may_run(known)
        run = Run(config, derive(config), children, command_of, print, lambda: None, known)
        run.venue = Venue.private(derive(config, follows=True), config, tmp_path, node=known)
        assert not await roles.change(run)
        return run.venue.board.get(Word.PROMOTE)

    assert asyncio.run(begin()) == (Promote.ORDERLY if role == "successor" else Promote.NO)
