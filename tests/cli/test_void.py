"""`lockstep void`: what is asked before, what is refused, and what a replay makes of it."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from lockstep import config
from lockstep.__main__ import command_line
from lockstep.cli import throwaway
from lockstep.cli.errors import UsageError
from lockstep.cli.void import Outcome, keep_told, pass_over, take_out
from lockstep.config.schema import Config, ReplicationSection, VenueSection
from lockstep.core.cluster import shared_voids
from lockstep.core.journal.format import JournalError
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.recovery.snapshot_catalog import MANIFEST, SavedSnapshot
from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import RECORD_SIZE, Cancelled, CancelReason, CommandType
from lockstep.core.venue import node, voided_commands
from lockstep.core.venue.node import Node
from lockstep.core.venue.snapshot_parts import Start, folder_of
from lockstep.core.venue.voided_commands import Position, Voids
from lockstep.procs.supervisor import poison
from lockstep.shm.ring import Ring
from lockstep.shm.segment import RoleLock
from tests.cli.conftest import SEGMENT_BYTES
from tests.pipeline.conftest import DEMO
from tests.pipeline.poisoned import careful_command
from tests.router.requests import order
from tests.router.rig import Rig


@pytest.fixture(scope="module")
def rig() -> Rig:
    made = Rig().lead()
    made.ask(order(1, "first", price_ticks=99))
    made.ask(order(1, "first", price_ticks=99))
    made.ask(order(1, "POISON", price_ticks=98))
    made.ask(order(1, "last", price_ticks=97))
    return made


@pytest.fixture
def venue(rig: Rig, tmp_path: Path) -> Config:
    """The configuration of a stopped venue with the rig's journal."""
    with JournalWriter(tmp_path / "data" / "journal", "none", SEGMENT_BYTES) as writer:
        writer.append(rig.log)
    file = tmp_path / "venue.toml"
    file.write_text(re.sub(r"^data = .*$", f'data = "{tmp_path / "data"}"', DEMO.read_text(), flags=re.MULTILINE))
    return config.load(file)


def record(rig: Rig, text: str, number: int = 0) -> int:
    """The sequence of the order with this client id."""
    found = [each.seq for each in rig.commands() if getattr(each, "cl_ord_id", b"") == text.encode()]
    return found[number]


def take(venue: Config, seq: int, *, yes: bool = True, untried: bool = False) -> Outcome:
    """By careful replays that die of the order called POISON."""
    return take_out(venue, seq, 0, yes=yes, untried=untried, careful=careful_command)


def test_a_voided_order_is_cancelled_by_every_replay(rig: Rig, venue: Config, tmp_path: Path) -> None:
    seq = record(rig, "POISON")
    done = take(venue, seq)
    assert (done.outcome, done.seq) == ("voided", seq), done.says
    assert done.words == "T1 buys 5 I1 at 98: LIMIT GTC (POISON)"
    assert voided_commands.load(tmp_path / "data") == Voids({seq: 0})
    replay = ReplayedCore(venue, tmp_path / "data", Start.genesis(), len(rig.log))
    events = []
    while not replay.is_complete or any(each.pending() for each in replay.consumers.values()):
        replay.step()
        events += [unpack_event(each) for consumer in replay.consumers.values() for each in consumer.take()]
    ended = [event for event in events if event.cause == seq and isinstance(event, Cancelled)]
    assert [event.reason for event in ended] == [CancelReason.VOIDED]
    assert take(venue, seq).outcome == "already"


def test_nothing_is_done_unconfirmed(rig: Rig, venue: Config, tmp_path: Path) -> None:
    unsure = take(venue, record(rig, "POISON"), yes=False)
    assert (unsure.outcome, "--yes confirms" in unsure.says) == ("refused", True)
    assert not (tmp_path / "data" / voided_commands.FILE).exists()


@pytest.mark.parametrize("untried", [False, True])
@pytest.mark.parametrize("text", ["first", "last"])
def test_a_healthy_order_is_not_voided_beside_a_poison(
    rig: Rig, venue: Config, tmp_path: Path, text: str, untried: bool
) -> None:
    refused = take(venue, record(rig, text), untried=untried)
    assert refused.outcome == "refused"
    assert f"a replay dies at record {record(rig, 'POISON')}, not of record {record(rig, text)}" in refused.says
    assert not (tmp_path / "data" / voided_commands.FILE).exists()


@pytest.mark.parametrize("untried", [False, True])
def test_of_a_journal_that_replays_nothing_is_voided(rig: Rig, venue: Config, tmp_path: Path, untried: bool) -> None:
    """By the careful replay as it is, which survives the POISON of tests."""
    refused = take_out(venue, record(rig, "POISON"), 0, yes=True, untried=untried)
    assert (refused.outcome, "is survived" in refused.says) == ("refused", True)
    assert not (tmp_path / "data" / voided_commands.FILE).exists()


def test_a_replay_that_somebody_kills_once_proves_nothing(rig: Rig, venue: Config, tmp_path: Path) -> None:
    """The first careful replay dies, the second survives."""
    trials = iter((careful_command, poison.command_of))

    def careful(manifest: Path, note: Path) -> Sequence[str]:
        return next(trials)(manifest, note)

    refused = take_out(venue, record(rig, "POISON"), 0, yes=True, careful=careful)
    assert (refused.outcome, "is survived" in refused.says) == ("refused", True)
    assert not (tmp_path / "data" / voided_commands.FILE).exists()


def test_what_was_refused_or_is_built_on_is_not_voided(rig: Rig, venue: Config) -> None:
    assert "DUPLICATE_CLIENT_ID" in take(venue, record(rig, "first", 1)).says
    instrument = next(each.seq for each in rig.commands() if each.type == CommandType.INSTRUMENT)
    assert "is INSTRUMENT: what comes behind it is built on it" in take(venue, instrument).says


def test_what_came_before_the_newest_snapshot_was_survived(rig: Rig, venue: Config, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "data", len(rig.log))
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_bytes(msgspec.json.encode(SavedSnapshot(len(rig.log), (0,) * 9, 0, 1, 0, 0, {}, 0)))
    assert "lies before the newest snapshot" in take(venue, record(rig, "last")).says


def test_a_running_venue_is_not_touched(rig: Rig, venue: Config, tmp_path: Path) -> None:
    lock = RoleLock(tmp_path / "data" / "venue.lock")
    lock.acquire()
    with pytest.raises(UsageError, match="the venue runs: stop it first"):
        take(venue, record(rig, "last"))
    lock.release()


def alone(data: Path) -> Config:
    """Of a venue of one node in this folder."""
    return Config(venue=VenueSection(data=str(data)))


def test_a_request_that_is_not_in_the_log_is_named_by_its_ring(tmp_path: Path) -> None:
    ring = ingress(taken=1)
    assert pass_over(alone(tmp_path), "1:1:2", yes=True, ring_of=lambda *_: ring, patience_s=0.0).outcome == "voided"
    assert voided_commands.load(tmp_path).positions == {(1, 1, 2)}
    assert pass_over(alone(tmp_path), "1:1:2", yes=True).outcome == "already"
    assert voided_commands.load(tmp_path).ingress == (Position(1, 1, 2),)
    with pytest.raises(UsageError, match="is not RING:INCARNATION:SEQUENCE"):
        pass_over(alone(tmp_path), "1:7", yes=True)


def ingress(taken: int) -> Ring:
    """An ingress ring of three requests, of which the router has taken this many."""
    ring = Ring.private(64, ["router"])
    for _ in range(3):
        ring.producer().put(bytes(RECORD_SIZE))
    ring.consumer("router").take(taken)
    return ring


def test_only_a_request_that_waits_is_passed_over(tmp_path: Path) -> None:
    ring = ingress(taken=1)
    for text, why in (
        ("1:7:2", "of incarnation 1 now"), ("1:1:1", "the requests 2 to 3 wait"), ("1:1:4", "the requests 2 to 3 wait"),
    ):  # fmt: skip
        refused = pass_over(alone(tmp_path), text, yes=True, ring_of=lambda *_: ring, patience_s=0.0)
        assert (refused.outcome, why in refused.says) == ("refused", True), refused
    assert "the venue does not run" in pass_over(alone(tmp_path), "1:1:2", yes=True).says
    assert not voided_commands.load(tmp_path).ingress


def test_a_request_that_the_router_takes_is_not_passed_over(tmp_path: Path) -> None:
    ring = ingress(taken=1)
    consumer = ring.consumer("router")
    taking = threading.Timer(0.1, lambda: consumer.take(1))
    taking.start()
    refused = pass_over(alone(tmp_path), "1:1:3", yes=True, ring_of=lambda *_: ring, patience_s=30.0)
    taking.join()
    assert (refused.outcome, "the router takes requests" in refused.says) == ("refused", True), refused


def test_a_damaged_file_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / voided_commands.FILE).write_text("{")
    with pytest.raises(JournalError, match="is damaged"):
        voided_commands.load(tmp_path)


def test_programs_get_it_as_json(rig: Rig, venue: Config, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["void", str(record(rig, "last")), str(Path(venue.venue.data).parent / "venue.toml"), "--json"]
    assert command_line(command)(command, exit_on_error=False) == 1
    assert json.loads(capsys.readouterr().out)["outcome"] == "refused"


@pytest.fixture
def paired(venue: Config) -> tuple[Config, Config]:
    """The same venue as two nodes: the one that led, and its stopped secondary with the same journal."""
    data = Path(venue.venue.data)
    shutil.copytree(data, data.with_name("other"))
    ports = [throwaway.free_port() for _ in range(2)]
    own = ReplicationSection(node="a", port=ports[0], peer_port=ports[1])
    other = ReplicationSection(node="b", port=ports[1], peer_port=ports[0])
    node.save(data.with_name("other"), Node("secondary"))
    section = structs.replace(venue.venue, data=str(data.with_name("other")))
    return structs.replace(venue, replication=own), structs.replace(venue, replication=other, venue=section)


def test_of_two_nodes_the_secondary_has_it_before_it_counts(rig: Rig, paired: tuple[Config, Config]) -> None:
    seq = record(rig, "POISON")
    leading, following = paired
    kept: list[Outcome] = []
    waiting = threading.Thread(target=lambda: kept.append(keep_told(following)))
    waiting.start()
    assert take(leading, seq).outcome == "voided"
    waiting.join()
    assert [each.seq for each in kept] == [seq]
    for each in paired:
        assert voided_commands.load(Path(each.venue.data)) == Voids({seq: 0})


def test_while_the_secondary_is_away_nothing_counts_but_by_the_operators_word(
    rig: Rig, paired: tuple[Config, Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_voids, "TELL_S", 0.1)
    seq = record(rig, "POISON")
    leading, _ = paired
    data = Path(leading.venue.data)
    refused = take(leading, seq)
    assert refused.outcome == "refused"
    assert "has not taken it out" in refused.says
    assert "lockstep void --accept" in refused.says
    assert voided_commands.load(data) == Voids()
    said = "ann pulled its plug"
    assert take_out(leading, seq, 0, yes=True, careful=careful_command, peer_is_off=said).outcome == "voided"
    assert voided_commands.load(data) == Voids({seq: 0})
    assert node.load(data).statement == said
    again = take(leading, seq)
    assert (again.outcome, "but the other node" in again.says) == ("refused", True)


def test_a_secondary_takes_nothing_out_by_itself(rig: Rig, paired: tuple[Config, Config]) -> None:
    _, following = paired
    refused = take(following, record(rig, "POISON"))
    assert (refused.outcome, "this node follows" in refused.says) == ("refused", True)
    assert voided_commands.load(Path(following.venue.data)) == Voids()
    with pytest.raises(UsageError, match="--accept is for the secondary of a pair"):
        keep_told(paired[0])
