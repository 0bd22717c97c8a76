"""`lockstep failover` and `switchover`: what they refuse and say before anything is changed, on runs of no process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from lockstep.cli import doctor
from lockstep.config.schema import WitnessSection
from lockstep.core.cluster import doubt, failover, release, steps, switchover
from lockstep.core.cluster.steps import Refused, Steps
from lockstep.core.files import atomic_file
from lockstep.core.journal.writer import MIN_SEGMENT_BYTES, JournalWriter
from lockstep.core.venue import clock, node
from lockstep.core.venue.node import Node
from lockstep.procs.replicator.handshake import Fence, LinkState
from lockstep.procs.witness import report
from lockstep.procs.witness.report import Report
from lockstep.shm.board import Word
from lockstep.shm.segment import RoleLock
from tests import console
from tests.cli.nodes.secondary import Secondary
from tests.models import journal

STATEMENT = "Ada pulled the plug"
CONFIG = """
[venue]
data = "{data}"

[replication]
{node_line}

[[assets]]
name = "A"
scale = 8

[[assets]]
name = "B"
scale = 8

[[instruments]]
symbol = "AB"
base = "A"
quote = "B"
tick = "0.01"
lot = "0.01"
"""


@pytest.fixture
def secondary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Secondary:
    """Nobody answers here: what waits for an answer waits for a moment only."""
    monkeypatch.setattr(failover, "FENCE_S", 0.05)
    monkeypatch.setattr(steps, "LEAD_S", 0.05)
    monkeypatch.setattr(switchover, "TIMEOUT_S", 0.05)
    return Secondary(tmp_path / "data")


def test_a_node_that_does_not_run_is_to_be_started(secondary: Secondary) -> None:
    with pytest.raises(Refused, match="it does not run"):
        secondary.fail_over()
    with pytest.raises(Refused, match="it does not run"):
        secondary.switch_over()
    assert node.load(secondary.data).role == "secondary"


def test_a_configuration_of_the_other_node_changes_nothing_here(secondary: Secondary, tmp_path: Path) -> None:
    """Its file was copied, with a wrong venue.data: this node would lead under the other one's name."""
    file = tmp_path / "a.toml"
    for node_line in ('node = "a"', ""):
        file.write_text(CONFIG.format(data=secondary.data, node_line=node_line))
        with secondary.runs():
            secondary.board.set(Word.HANDOVER, Fence.ANSWERED)
            for command in (("failover",), ("switchover",), ("upgrade", "--to", "/bin/true"), ("stop", "--leave")):
                answer = console.lockstep(*command, file)
                assert answer.returncode == 2, answer
                assert ("node b of venue lockstep runs" if node_line else "this venue has one node") in answer.stderr
        assert (node.load(secondary.data).role, secondary.signals) == ("secondary", [])


def test_a_node_of_other_state_never_leads(secondary: Secondary) -> None:
    with secondary.runs():
        secondary.board.set(Word.DIFFERS, 650)
        with pytest.raises(Refused, match="its state differs from the other node's at record 650"):
            secondary.switch_over()
        with pytest.raises(Refused, match="its state differs from the other node's at record 650"):
            secondary.fail_over(STATEMENT)
    assert (node.load(secondary.data).role, secondary.signals) == ("secondary", [])


@pytest.mark.parametrize(
    ("peer_s", "end_s", "says"),
    [
        (303, 0, "5 min 3 s behind the other node's. One of the two is wrong"),
        (-3600, 0, "1 h 0 min ahead of the other node's. One of the two is wrong"),
        (None, 61, "1 min 0 s before its log's last record"),
        (None, -40 * 86_400, "40 d 0 h after its log's last record"),
    ],
)
def test_a_node_with_another_clock_leads_only_by_its_operators_word(
    secondary: Secondary, peer_s: int | None, end_s: int, says: str
) -> None:
    """LOG-4: the log's time would be wrong for good."""
    with secondary.runs():
        now_ns = secondary.venue.now_ns()
        with JournalWriter(secondary.data / "journal", segment_bytes=MIN_SEGMENT_BYTES) as writer:
            writer.append([journal.record(1, time_ns=now_ns + end_s * clock.SECOND_NS)])
        secondary.board.set(Word.DURABLE_SEQ, 1)
        if peer_s is not None:
            secondary.board.set(Word.PEER_ANCHOR_NS, secondary.venue.anchor_ns + peer_s * clock.SECOND_NS)
        for command in (partial(secondary.fail_over, STATEMENT), secondary.switch_over):
            with pytest.raises(Refused, match=f"{says}.*--accept-clock"):
                command(dry_run=True)
            assert command(dry_run=True, clock=True).outcome == "would lead"
        log = doctor.log_clock(secondary.data)
        assert log.level == ("ok" if peer_s is None else "warn"), log
    assert (node.load(secondary.data).role, secondary.signals) == ("secondary", [])


@pytest.mark.parametrize("link", [LinkState.ALONE, LinkState.REFUSED, LinkState.IN_STEP])
def test_without_an_answer_or_a_statement_nothing_changes(secondary: Secondary, link: LinkState) -> None:
    with secondary.runs():
        secondary.board.set(Word.LINK, link)
        with pytest.raises(Refused, match="two nodes would lead: make sure that it is off"):
            secondary.fail_over()
        assert secondary.board.get(Word.HANDOVER) == Fence.NO
    assert (node.load(secondary.data).role, secondary.signals) == ("secondary", [])


def test_a_dry_run_says_how_far_the_node_is_and_changes_nothing(secondary: Secondary) -> None:
    with secondary.runs():
        for done in (secondary.fail_over(dry_run=True), secondary.switch_over(dry_run=True)):
            assert (done.outcome, done.seq, done.behind) == ("would lead", 700, 10)
            assert "the other node had 10 records more" in done.steps[0].says
        secondary.board.set(Word.LINK, LinkState.ALONE)
        with pytest.raises(Refused, match="make sure that it is off"):
            secondary.fail_over(dry_run=True)
        assert "said of it: " + STATEMENT in secondary.fail_over(STATEMENT, dry_run=True).steps[-1].says
    assert (node.load(secondary.data).role, secondary.signals) == ("secondary", [])


def test_once_the_other_node_has_answered_the_role_is_written_and_the_supervisor_told(secondary: Secondary) -> None:
    with secondary.runs():
        secondary.board.set(Word.HANDOVER, Fence.ANSWERED)
        with pytest.raises(Refused, match="it does not lead yet"):  # no supervisor is there to promote it
            secondary.fail_over()
        assert secondary.signals == [signal.SIGUSR2]
        assert node.load(secondary.data) == Node("primary", ("b",), "", "0" * 32, peer="a")
        with pytest.raises(Refused, match="it does not lead yet"):  # killed there, and given again
            secondary.fail_over()
        assert secondary.signals == [signal.SIGUSR2] * 2
        secondary.board.set(Word.EPOCH, 3)
        again = secondary.fail_over()
    assert (again.outcome, again.epoch, again.says) == ("leads", 3, "this node leads already, epoch 3")


def test_the_statement_is_kept(secondary: Secondary) -> None:
    with secondary.runs():
        secondary.board.set(Word.LINK, LinkState.ALONE)
        with pytest.raises(Refused, match="it does not lead yet"):
            secondary.fail_over(STATEMENT)
    assert node.load(secondary.data) == Node("primary", ("b",), STATEMENT, "0" * 32, peer="a")


def test_a_node_that_has_the_lease_is_not_off(secondary: Secondary) -> None:
    """Else this one would lead, release nothing, and follow no more."""
    secondary.config = structs.replace(secondary.config, witness=WitnessSection(urls=["http://127.0.0.1:1"]))
    report.tell(secondary.data, Report("a", ("a", "b")))
    with secondary.runs():
        secondary.board.set(Word.LINK, LinkState.ALONE)
        with pytest.raises(Refused, match="node a has the lease of the witness: it is not off"):
            secondary.fail_over(STATEMENT)
        assert node.load(secondary.data).is_secondary
        report.tell(secondary.data, Report())
        with pytest.raises(Refused, match="it does not lead yet"):
            secondary.fail_over(STATEMENT)
    assert not node.load(secondary.data).is_secondary


def test_a_switchover_is_refused_while_the_node_is_behind(secondary: Secondary) -> None:
    with secondary.runs():
        secondary.board.set(Word.LINK, LinkState.CATCHING_UP)
        secondary.board.set(Word.PEER_SEQ, 100_700)
        with pytest.raises(Refused, match="it is 100,000 records behind"):
            secondary.switch_over()
        secondary.board.set(Word.LINK, LinkState.ALONE)
        with pytest.raises(Refused, match="there is no link to the primary"):
            secondary.switch_over()
    assert (node.load(secondary.data).role, secondary.signals) == ("secondary", [])


def test_a_primary_that_does_not_hand_over_in_time_goes_on(secondary: Secondary) -> None:
    with secondary.runs():
        with pytest.raises(Refused, match="the primary did not hand over in time, and goes on"):
            secondary.switch_over()
        assert node.load(secondary.data).role == "secondary"
        assert secondary.signals == [signal.SIGUSR2] * 2


def test_a_primary_that_waits_at_its_start_leads_alone_by_a_statement(secondary: Secondary) -> None:
    node.save(secondary.data, structs.replace(node.load(secondary.data), role="primary", members=("b", "a")))
    log(secondary, 3)
    lock = RoleLock(secondary.data / "venue.lock")
    lock.acquire()
    before = signal.signal(signal.SIGUSR2, lambda number, _: secondary.signals.append(number))
    try:
        with pytest.raises(Refused, match="make sure that it is off"):
            secondary.fail_over()
        since = r"ends with record 3 of epoch 1, 2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
        for accepted in ("", "c"):
            with pytest.raises(Refused, match=rf"node a may have led .* {since}.* --accept-loss-of a"):
                secondary.fail_over(STATEMENT, accepted=accepted)
        done = secondary.fail_over(STATEMENT, dry_run=True, accepted="a")
        assert (done.outcome, node.load(secondary.data).members) == ("would lead", ("b", "a"))
        with pytest.raises(Refused, match="it does not lead yet"):  # no supervisor is there to promote it
            secondary.fail_over(STATEMENT, accepted="a")
    finally:
        signal.signal(signal.SIGUSR2, before)
        lock.release()
    told = f"{STATEMENT}; the loss of what node a has acknowledged is accepted"
    assert node.load(secondary.data) == Node("primary", ("b",), told, "0" * 32, peer="a")


def log(secondary: Secondary, last: int) -> None:
    with JournalWriter(secondary.data / "journal", segment_bytes=1 << 18) as writer:
        for first in range(1, last + 1, 50):
            batch = range(first, min(first + 50, last + 1))
            writer.append([journal.record(seq, time_ns=time.time_ns()) for seq in batch])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            {Word.WHOLE_NS: 0},
            r"has not had all of node a's log since it was started. Its own ends with record 3 of epoch 1",
        ),
        (
            {Word.WAITED_FOR: 0},
            r"node a has not said that it waits for this node before it acknowledges. This node's log ends with",
        ),
        (
            {Word.PRIMARY_COMMIT: 701},
            r"node a has acknowledged records up to 701 alone. This node's log ends with record 3 of epoch 1",
        ),
    ],
)
def test_a_secondary_that_had_not_all_asks_for_another_word(
    secondary: Secondary, words: dict[Word, int], reason: str
) -> None:
    """It was off while the other node led, or that one continued without it."""
    log(secondary, 3)
    with secondary.runs():
        secondary.board.set(Word.LINK, LinkState.ALONE)
        secondary.board.set(Word.DURABLE_SEQ, 3)
        for word, value in words.items():
            secondary.board.set(word, value)
        with pytest.raises(Refused, match=reason):
            secondary.fail_over(STATEMENT)
        assert node.load(secondary.data).is_secondary
        with pytest.raises(Refused, match="it does not lead yet"):
            secondary.fail_over(STATEMENT, accepted="a")
    assert node.load(secondary.data).statement.endswith("the loss of what node a has acknowledged is accepted")


@pytest.mark.parametrize("end", [700, 701], ids=["in its ring", "in its journal"])
def test_a_secondary_whose_router_is_behind_leads_by_what_it_has(secondary: Secondary, end: int) -> None:
    """Its primary committed alone for a moment, and the link has brought all of that since."""
    log(secondary, 701)
    with secondary.runs():
        words = {Word.LINK: LinkState.ALONE, Word.PRIMARY_COMMIT: end, Word.PEER_SEQ: end, Word.LOG_END: 1}
        for word, value in {**words, Word.DURABLE_SEQ: end if end > 700 else 650}.items():
            secondary.board.set(word, value)
        with pytest.raises(Refused, match="it does not lead yet"):  # no supervisor is there to promote it
            secondary.fail_over(STATEMENT)
    assert not node.load(secondary.data).is_secondary


def test_a_secondary_that_heard_nothing_for_long_asks_for_another_word(secondary: Secondary) -> None:
    """I9: its primary may have been released from it."""
    log(secondary, 3)
    with secondary.runs():
        secondary.board.set(Word.LINK, LinkState.ALONE)
        secondary.board.set(Word.WHOLE_NS, secondary.venue.now_ns() - 21 * 10**9)
        with pytest.raises(
            Refused, match="heard nothing from node a for 21 s, and an operator may have had that continue"
        ):
            secondary.fail_over(STATEMENT)
        assert node.load(secondary.data).is_secondary


@pytest.mark.parametrize("before", ["orders wait", "nobody trades", "it never had the whole log"])
def test_a_primary_is_released_once_its_peer_would_ask(
    secondary: Secondary, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """I9: the peer asks for another word once it has heard nothing for less long, whatever came before."""
    assert release.QUIET_S > doubt.UNHEARD_S + 2 * 2  # each end hangs up after 2 s of silence
    monkeypatch.setattr(release, "QUIET_S", 0.2)
    monkeypatch.setattr(release, "AGAIN_S", 60)
    monkeypatch.setattr(steps, "LEAD_S", 0.05)
    node.save(secondary.data, Node("primary", ("b", "a"), peer="a"))
    with secondary.runs():
        for word, value in ((Word.EPOCH, 3), (Word.COMMIT_BY, Word.ACKED_SEQ), (Word.LINK, LinkState.IN_STEP)):
            secondary.board.set(word, value)
        with pytest.raises(Refused, match="there is nothing to release"):
            secondary.fail_over(STATEMENT)
        secondary.board.set(Word.LINK, LinkState.ALONE)
        begun_ns = time.monotonic_ns()
        whole_ns = 0 if before == "it never had the whole log" else secondary.venue.now_ns()
        secondary.board.set(Word.WHOLE_NS, whole_ns)
        secondary.board.set(Word.STALLED_NS, begun_ns if before == "orders wait" else 0)
        with pytest.raises(Refused, match="continue without it: lockstep failover --peer-is-off"):
            secondary.fail_over()
        with pytest.raises(Refused, match="does not continue without the other node yet"):
            secondary.fail_over(STATEMENT)
        assert time.monotonic_ns() - begun_ns >= 0.2e9
    assert node.load(secondary.data) == Node("primary", ("b",), STATEMENT, peer="a")


def test_a_primary_that_did_not_run_asks_for_another_word(secondary: Secondary) -> None:
    """Its machine was suspended, say: the other node may have led in the meantime, by a word that was true."""
    log(secondary, 3)
    with secondary.runs():
        node.save(secondary.data, structs.replace(node.load(secondary.data), role="primary", members=("b", "a")))
        words = {Word.EPOCH: 3, Word.COMMIT_BY: Word.ACKED_SEQ, Word.STALLED_NS: 1, Word.DURABLE_SEQ: 3}
        for word, value in words.items():
            secondary.board.set(word, value)
        assert secondary.fail_over(STATEMENT, dry_run=True).outcome == "would lead"
        secondary.board.set(Word.LEASE_UNTIL, 2)
        with pytest.raises(Refused, match=r"a may have led while this node did not run.* --accept-loss-of a"):
            secondary.fail_over(STATEMENT)
        assert secondary.fail_over(STATEMENT, dry_run=True, accepted="a").outcome == "would lead"


def test_only_the_other_node_is_named_as_lost(secondary: Secondary) -> None:
    with secondary.runs():
        secondary.board.set(Word.LINK, LinkState.ALONE)
        with pytest.raises(Refused, match="the other node is called a, not b"):
            secondary.fail_over(STATEMENT, accepted="b")


def test_whatever_kills_it_another_one_does_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "LEAD_S", 0.05)
    at, died = 0, True
    while died:
        at += 1
        secondary = Secondary(tmp_path / str(at))
        with secondary.runs():
            secondary.board.set(Word.HANDOVER, Fence.ANSWERED)
            child = os.fork()
            if not child:
                _fail_over_until(secondary, at)
            died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
            told_by_child = len(secondary.signals)
            assert node.load(secondary.data).role == "primary" or not told_by_child
            with pytest.raises(Refused, match="it does not lead yet"):  # no supervisor is there to promote it
                secondary.fail_over()
            assert node.load(secondary.data) == Node("primary", ("b",), "", "0" * 32, peer="a")
            assert len(secondary.signals) == told_by_child + 1
    assert at > 4


def _fail_over_until(secondary: Secondary, at: int) -> None:
    """Fail over, and end with 9 at the so-manieth step that is said or brought to the disk."""
    left = at

    def counted(done: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: object) -> Any:
            nonlocal left
            left -= 1
            if not left:
                os._exit(9)
            return done(*arguments)

        return count

    Steps.say = counted(Steps.say)  # type: ignore[method-assign]
    atomic_file.sync = counted(atomic_file.sync)
    try:
        secondary.fail_over()
    finally:
        os._exit(0 if left > 0 else 1)
