"""`lockstep upgrade`: what it refuses, and what it waits for, on runs of no process."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from lockstep.cli.errors import UsageError
from lockstep.cli.nodes import upgrade
from lockstep.cli.nodes.upgrade import Upgraded
from lockstep.cli.service import plan
from lockstep.core.cluster import log_rules, release
from lockstep.core.cluster.log_rules import NewRules
from lockstep.core.cluster.steps import Refused, Steps
from lockstep.core.cluster.trial import NO_SNAPSHOT, Trial
from lockstep.core.files import atomic_file
from lockstep.core.venue import node
from lockstep.core.venue.node import Node
from lockstep.core.venue.venue import CODE, Manifest, manifest_of
from lockstep.procs.replicator import comparison, link_report
from lockstep.procs.replicator.comparison import Difference
from lockstep.procs.replicator.handshake import Fence, LinkState
from lockstep.procs.replicator.link_report import LinkReport
from lockstep.procs.router.sequencer import RULES
from lockstep.shm.board import Word
from tests import console
from tests.cli.nodes.parted import epoch, write
from tests.cli.nodes.secondary import Secondary
from tests.pipeline.conftest import DEMO

TARGET = Trial("0.2.0", "/opt/lockstep-2", RULES)


def quiet(_: str) -> None:
    pass


@pytest.fixture
def secondary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Secondary:
    """Nobody answers here: what waits for an answer waits for a moment only."""
    monkeypatch.setattr(release, "LEAVE_S", 0.05)
    return Secondary(tmp_path / "data")


def says_of_itself(secondary: Secondary, code: str, pid: int | None = None) -> None:
    """The run is of a version whose code is elsewhere."""
    file = manifest_of(secondary.data)
    known = structs.replace(Manifest.load(file), code=code, pid=os.getpid() if pid is None else pid)
    atomic_file.replace(file, msgspec.json.encode(known))


def program(folder: Path, answer: str) -> Path:
    """A version that answers a trial with this."""
    file = folder / "lockstep"
    file.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
    file.chmod(0o755)
    return file


def change(secondary: Secondary, to: Path, *, dry_run: bool = False) -> Upgraded:
    file = secondary.data.parent / "b.toml"
    return upgrade.carry_out(secondary.config, file, to, 0.05, dry_run=dry_run, say=quiet)


def test_a_node_that_leads_is_the_second_one(secondary: Secondary) -> None:
    node.save(secondary.data, Node("primary"))
    with secondary.runs(), pytest.raises(Refused, match="this node leads: upgrade the other one first"):
        change(secondary, Path("/bin/true"))


def test_a_secondary_that_lacks_something_stays(secondary: Secondary) -> None:
    with secondary.runs():
        secondary.board.set(Word.LINK, LinkState.ALONE)
        with pytest.raises(Refused, match="there is no link to the primary"):
            change(secondary, Path("/bin/true"))
        secondary.board.set(Word.LINK, LinkState.CATCHING_UP)
        with pytest.raises(Refused, match="wait until it has caught up"):
            change(secondary, Path("/bin/true"))
        secondary.board.set(Word.DIFFERS, 650)
        with pytest.raises(Refused, match="its state differs"):
            change(secondary, Path("/bin/true"))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "it says nothing: it is no `lockstep`, or has no `lockstep upgrade` yet"),
        (
            '{"error": {"reason": "venue.name is missing", "exit_code": 2}}',
            "can't try this node: venue.name is missing",
        ),
        (
            '{"version": "0.2.0", "code": "/opt/two", "rules": 4, "problem": "another state"}',
            r"version 0.2.0 \(/opt/two\) can't take this node over: another state",
        ),
    ],
)
def test_a_version_that_can_not_take_the_node_over_changes_nothing(
    secondary: Secondary, tmp_path: Path, answer: str, why: str
) -> None:
    with secondary.runs():
        with pytest.raises(Refused, match=why):
            change(secondary, program(tmp_path, answer))
        assert secondary.board.get(Word.HANDOVER) == Fence.NO


def test_what_is_no_program_is_a_wrong_command_line(secondary: Secondary, tmp_path: Path) -> None:
    with secondary.runs():
        for to in (tmp_path, tmp_path / "nothing"):
            with pytest.raises(UsageError, match="which is no program"):
                change(secondary, to)


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(secondary: Secondary, tmp_path: Path) -> None:
    to = program(tmp_path, msgspec.json.encode(TARGET).decode())
    with secondary.runs():
        done = change(secondary, to, dry_run=True)
        assert secondary.board.get(Word.HANDOVER) == Fence.NO
    assert (done.outcome, done.version) == ("would upgrade", "0.2.0")
    assert done.says.endswith(f"To start it in version 0.2.0: {to} run {tmp_path / 'b.toml'}")


def test_a_primary_that_does_not_answer_keeps_its_secondary(secondary: Secondary, tmp_path: Path) -> None:
    to = program(tmp_path, msgspec.json.encode(TARGET).decode())
    with secondary.runs():
        with pytest.raises(Refused, match="did not say in time that it goes on alone: nothing has changed"):
            change(secondary, to)
        assert secondary.board.get(Word.HANDOVER) == Fence.NO
        secondary.board.set(Word.HANDOVER, Fence.LEFT)  # a command that was killed there has been answered
        release.leave(secondary.data, Steps(quiet))
        assert secondary.board.get(Word.HANDOVER) == Fence.LEFT


def test_a_node_that_nobody_starts_is_waited_for_and_then_named(secondary: Secondary, tmp_path: Path) -> None:
    to = program(tmp_path, msgspec.json.encode(TARGET).decode())
    with pytest.raises(
        Refused, match=r"has not been started within 0.05 s. Start it, then repeat this command: .* run "
    ):
        change(secondary, to)
    with secondary.runs():
        says_of_itself(secondary, "/opt/lockstep-3")
        with pytest.raises(Refused, match="it was started with the code in /opt/lockstep-3"):
            upgrade._await_start(secondary.data, TARGET, "lockstep run", 0.05, Steps(quiet))
        with pytest.raises(Refused, match=r"runs the code in /opt/lockstep-3, and this command is of .*: give it by"):
            change(secondary, to)
        says_of_itself(secondary, TARGET.code, pid=1)  # left by a run that was killed
        assert upgrade.running_code(secondary.data) is None
        says_of_itself(secondary, TARGET.code)
        upgrade._await_start(secondary.data, TARGET, "lockstep run", 0.05, Steps(quiet))
        assert change(secondary, to).outcome == upgrade.STARTED  # given again once it runs


def test_the_version_that_runs_waits_until_the_states_are_equal(secondary: Secondary) -> None:
    def follow(*, dry_run: bool = False) -> Upgraded:
        return upgrade.follow(secondary.data, 0.05, lead=False, dry_run=dry_run, say=quiet)

    with pytest.raises(Refused, match="this node runs not, and this command is of"):
        follow()
    with secondary.runs():
        secondary.board.set(Word.LINK, LinkState.CATCHING_UP)
        with pytest.raises(Refused, match="it does not catch up yet"):
            follow()
        secondary.board.set(Word.LINK, LinkState.IN_STEP)
        with pytest.raises(Refused, match="it does not compare yet"):
            follow()
        assert follow(dry_run=True).outcome == "would upgrade"
        secondary.board.set(Word.COMPARED, 700)
        done = follow()
        assert (done.outcome, done.compared, done.code) == ("upgraded", 700, str(CODE))
        secondary.board.set(Word.EPOCH, 3)
        assert follow().outcome == "leads"
        secondary.board.set(Word.EPOCH, 0)
        comparison.keep(secondary.data, Difference(710, "router", "accounts"))
        with pytest.raises(Refused, match=r"at record 710: accounts\. This node must not lead"):
            follow()
        says_of_itself(secondary, "/opt/lockstep-3")
        with pytest.raises(Refused, match="this node runs the code in /opt/lockstep-3"):
            follow()


def test_a_service_is_started_by_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "CONFIGURATIONS", tmp_path)
    monkeypatch.setattr(plan, "WANTED", tmp_path / "wants")
    to = Path("/opt/lockstep-2/bin/lockstep")
    assert upgrade.start_command(tmp_path / "main.toml", to) == f"{to} run {tmp_path}/main.toml"
    (tmp_path / "wants").mkdir()
    (tmp_path / "wants" / "lockstep@main.service").symlink_to("/nowhere")
    assert upgrade.start_command(tmp_path / "main.toml", to) == (
        f"sudo {to} install main --yes && sudo systemctl start lockstep@main"
    )


def test_new_rules_want_two_nodes_that_know_them(secondary: Secondary, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = RULES + 1
    monkeypatch.setattr(log_rules, "RULES", newer)

    def raise_rules(statement: str = "", *, yes: bool = True, dry_run: bool = False) -> NewRules:
        return upgrade.raise_rules(secondary.data, statement, dry_run=dry_run, yes=yes, say=quiet)

    write(secondary.data / "journal", [epoch(1, 1)])
    with secondary.runs():
        with pytest.raises(Refused, match="this node does not lead"):
            raise_rules()
        node.save(secondary.data, Node("primary", ("b", "a")))
        for word, value in ((Word.EPOCH, 1), (Word.DURABLE_SEQ, 1), (Word.COMMIT_BY, 0)):
            secondary.board.set(word, value)
        with pytest.raises(Refused, match="the other node does not follow now"):
            raise_rules()
        secondary.board.set(Word.LINK, LinkState.ALONE)
        alone = raise_rules("Ada has sold host a", dry_run=True)
        assert alone.steps[-1].says.endswith("the other one is off: Ada has sold host a")
        secondary.board.set(Word.LINK, LinkState.IN_STEP)
        link_report.write(secondary.data, LinkReport("in_step", "", "a", 0, RULES))
        with pytest.raises(Refused, match=f"other node's version knows rules version {RULES}, and this one's {newer}"):
            raise_rules("Ada has sold host a")
        link_report.write(secondary.data, LinkReport("in_step", "", "a", 0, newer))
        assert raise_rules(dry_run=True).outcome == "would change"
        with pytest.raises(Refused, match="not confirmed"):
            raise_rules(yes=False)
        assert node.load(secondary.data).rules == 0
        with pytest.raises(Refused, match=r"core does not run now\. The next epoch goes by the new rules"):
            raise_rules()
        assert node.load(secondary.data) == Node("primary", ("b", "a"), rules=newer)


def test_what_excludes_each_other_and_a_venue_of_one_node_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "venue.toml"
    text = DEMO.read_text().replace('data = "lockstep-data"', f'data = "{tmp_path / "data"}"')
    file.write_text(text)
    answer = console.lockstep("upgrade", file, "--trial", "--new-rules")
    assert (answer.returncode, "exclude each other" in answer.stderr) == (2, True)
    answer = console.lockstep("upgrade", file, "--new-rules", "--json")
    assert answer.returncode == 2
    assert "this venue has one node" in json.loads(answer.stdout)["error"]["reason"]
    file.write_text(text.replace('# node = "a"', 'node = "a"'))
    answer = console.lockstep("upgrade", file, "--trial")
    assert (answer.returncode, NO_SNAPSHOT in answer.stderr) == (1, True)
