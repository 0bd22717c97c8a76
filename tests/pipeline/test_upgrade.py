"""Two real nodes that change to another version one after the other, while clients trade; and back."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockstep.cli.nodes.upgrade import running_code
from lockstep.core.journal.end import end_of
from lockstep.core.journal.select import select
from lockstep.core.recovery.snapshot_catalog import entries
from lockstep.core.schema.commands import Epoch
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import CommandType
from lockstep.core.venue import node
from lockstep.procs.replicator.link import RULES
from lockstep.procs.supervisor.supervisor import EXIT_MUST_NOT
from tests.pipeline.client import FixClient
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.pair import Pair, within
from tests.pipeline.versions import ROOT, Version

pytestmark = pytest.mark.soak
OURS = ROOT / ".venv" / "bin" / "lockstep"
_names = itertools.count(1)


class Trader(threading.Thread):
    """A client that sends one order after the other, each acknowledged, until it is told to stop."""

    def __init__(self, venue: RunningVenue, name: str) -> None:
        super().__init__(daemon=True)
        self.client = venue.client(name)
        self.client.connect(reset=True)
        self.count = 0
        self.longest_s = 0.0
        self.failure: Exception | None = None
        self._is_over = threading.Event()
        self.start()

    def run(self) -> None:
        try:
            while not self._is_over.is_set():
                begun_s = time.monotonic()
                self.client.order(f"{self.name}-{self.count}", "buy", "1.00", "0.01")
                self.client.await_report(f"{self.name}-{self.count}", "0")
                self.longest_s = max(self.longest_s, time.monotonic() - begun_s)
                self.count += 1
        except Exception as error:  # told where the thread is joined
            self.failure = error

    def stop(self) -> None:
        self._is_over.set()
        self.join()
        self.client.close()
        assert self.failure is None, self.failure
        print(f"{self.count} orders, the longest acknowledged after {self.longest_s:.3f} s")


class Upgrade:
    """`lockstep upgrade --to` of one node, given by the version that it runs; a test starts the node when told to."""

    def __init__(self, venue: RunningVenue, program: Path, to: Version, *options: str) -> None:
        self.venue = venue
        self.to = to
        self._command = [str(program), "upgrade", str(venue.config), "--to", str(to.program), *options]
        self.said: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    def begin(self) -> None:
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )

    def lines(self) -> Iterator[str]:
        """What it says, without the times, as it says it."""
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.strip())
            yield line.partition(" s  ")[2].strip() or line.strip()

    def start_node(self) -> None:
        assert self.venue.process is None or self.venue.process.wait(60) == 0
        self.venue.python = str(self.to.python)
        self.venue.start()

    def kill(self) -> None:
        """It, and the version that it has do the rest."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> int:
        assert self.process is not None
        return self.process.wait(120)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    nodes = Pair(tmp_path)
    nodes.start()
    yield nodes
    nodes.stop()


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Version, Version]:
    folder = tmp_path_factory.mktemp("versions")
    return Version(folder / "one", "0.1.1"), Version(folder / "two", "0.2.0")


def order(client: FixClient) -> str:
    """An order that rests, and is acknowledged."""
    name = f"u{next(_names)}"
    client.order(name, "buy", "100.00", "0.01")
    client.await_report(name, "0")
    return name


def await_members(leads: RunningVenue) -> None:
    within(lambda: len(node.load(leads.data).members) == 2, "commits do not wait for both nodes")


def snapshot(leads: RunningVenue, follows: RunningVenue, program: Path) -> None:
    """One of which both nodes have the states."""
    answer = subprocess.run([program, "snapshot", leads.config], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    seqs = {entry.seq for entry in entries(leads.data)}
    within(lambda: seqs <= {entry.seq for entry in entries(follows.data)}, "the secondary has no such snapshot")


def test_both_nodes_change_their_version_and_no_order_waits_for_that(
    pair: Pair, versions: tuple[Version, Version]
) -> None:
    one, two = versions
    client = pair.a.client("TRADER1")
    client.connect()
    names = [order(client) for _ in range(20)]
    leads, follows, of_leads, of_follows = pair.a, pair.b, OURS, OURS
    for to, options in ((two, ["--switchover"]), (two, []), (one, [])):  # the last one is the way back
        snapshot(leads, follows, of_leads)
        change = Upgrade(follows, of_follows, to, *options)
        trader = Trader(leads, "TRADER2")
        change.begin()
        for line in change.lines():
            if line.startswith("at the next snapshot"):
                trader.stop()  # its next order might be the one that the switchover logs out
            if line.startswith("both nodes have the same state"):
                break  # next the primary logs its clients out, if so
            names.append(order(client))
            if line.startswith("start it in version"):
                assert len(node.load(leads.data).members) == 1
                change.start_node()
                names += [order(client) for _ in range(5)]
            if line.startswith("at the next snapshot"):
                snapshot(leads, follows, of_leads)
        list(change.lines())
        assert change.end() == 0, change.said
        assert running_code(follows.data) == str(to.code)
        if options:
            leads, follows, of_leads = pair.b, pair.a, two.program
            client.port = leads.fix_port
            client.connect()
            pair.await_link(follows)
        of_follows = OURS if running_code(follows.data) == str(ROOT) else two.program
        await_members(leads)
    for name in names:
        client.cancel(f"c{name}", name, "buy")
        client.await_report(f"c{name}", "4")
    client.close()


def test_whatever_kills_it_another_one_does_the_rest(pair: Pair, versions: tuple[Version, Version]) -> None:
    two = versions[1]
    client = pair.a.client("TRADER1")
    client.connect()
    names = [order(client) for _ in range(5)]
    snapshot(pair.a, pair.b, OURS)
    known: set[str] = set()
    code = -9
    while code == -9:
        change = Upgrade(pair.b, OURS, two, "--switchover")
        change.begin()
        for line in change.lines():
            if line.startswith("start it in version"):
                change.start_node()
            if line.startswith("at the next snapshot"):
                snapshot(pair.a, pair.b, OURS)
            step = " ".join(line.split()[:4])
            if step not in known:
                known.add(step)
                change.kill()
                break
        code = change.end()
    assert code == 0, change.said
    assert len(known) > 8
    client.port = pair.b.fix_port
    client.connect()
    for name in names:
        client.cancel(f"c{name}", name, "buy")
        client.await_report(f"c{name}", "4")
    client.close()


def test_the_rules_change_when_both_nodes_know_them_and_not_before(
    pair: Pair, versions: tuple[Version, Version], tmp_path: Path
) -> None:
    """LOG-23: until then either node may go back, and after that none."""
    newer = Version(tmp_path / "newer", "0.3.0", RULES + 1)
    client = pair.a.client("TRADER1")
    client.connect()
    order(client)
    snapshot(pair.a, pair.b, OURS)
    change_node(pair.b, pair.a, OURS, OURS, newer, "--switchover")
    client.port = pair.b.fix_port
    client.connect()
    order(client)
    assert rules_of(pair.b) == [RULES]
    again = given(OURS, pair.b, "--to", str(newer.program), "--json")
    assert (again.returncode, json.loads(again.stdout)["outcome"]) == (0, "leads"), again.stdout + again.stderr
    pair.await_link(pair.a)  # which runs the version before, and follows
    answer = given(newer.program, pair.b, "--new-rules", "--yes")
    assert answer.returncode == 1
    assert f"the other node's version knows rules version {RULES}, and this one's {RULES + 1}" in answer.stderr
    snapshot(pair.b, pair.a, newer.program)
    change_node(pair.a, pair.b, OURS, newer.program, newer)
    answer = given(newer.program, pair.b, "--new-rules", "--yes")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert rules_of(pair.b) == [RULES, RULES + 1]
    order(client)
    snapshot(pair.b, pair.a, newer.program)
    answer = given(newer.program, pair.a, "--to", str(versions[0].program))
    assert answer.returncode == 1
    assert "there is no way back to it" in answer.stderr
    assert pair.a.stop() == 0
    pair.a.python = str(versions[0].python)
    with pytest.raises(AssertionError, match=f"this code has versions 1 to {RULES}"):
        pair.a.start()
    assert pair.a.process is not None
    assert pair.a.process.wait(60) == EXIT_MUST_NOT
    pair.a.python = str(newer.python)
    pair.a.start()
    await_members(pair.b)
    order(client)
    client.close()


def change_node(
    follows: RunningVenue, leads: RunningVenue, program: Path, of_leads: Path, to: Version, *options: str
) -> None:
    """Upgrade the node that follows, as an operator does who starts it when told to."""
    change = Upgrade(follows, program, to, *options)
    change.begin()
    for line in change.lines():
        if line.startswith("start it in version"):
            change.start_node()
        if line.startswith("at the next snapshot"):
            snapshot(leads, follows, of_leads)
    assert change.end() == 0, change.said


def given(program: Path, venue: RunningVenue, *options: str) -> subprocess.CompletedProcess[str]:
    """`lockstep upgrade` of a version, on a node."""
    command = [str(program), "upgrade", str(venue.config), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rules_of(venue: RunningVenue) -> list[int]:
    """By which rules the log has gone."""
    records = map(
        unpack_command, select(venue.data / "journal", 1, end_of(venue.data / "journal").seq, [CommandType.EPOCH])
    )
    return list(dict.fromkeys(each.rules_version for each in records if isinstance(each, Epoch)))
