"""A secondary made of a copy that comes over the link, where the primary's journal no longer has its beginning.

The tests follow each other: first the secondary has nothing, then it leads, and the other one joins it.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from lockstep.cli.nodes import joining
from lockstep.core.journal.end import first_header
from lockstep.core.journal.journal import segment_seqs
from lockstep.core.recovery import snapshot_catalog
from lockstep.core.venue import node
from lockstep.core.venue.node import Node
from tests.console import lockstep
from tests.pipeline.client import FixClient
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.pair import Pair, within
from tests.replicator.proxy import ALL
from tests.small_disk import SmallDisk

SLOW = 60_000  # bytes in a turn of the cable: a copy takes some seconds
BATCH = 50
TABLES = ("orders", "trades", "balances", "users")
_names = itertools.count(1)


class Joining(threading.Thread):
    """`lockstep join` in a process of its own, and what it says."""

    def __init__(self, venue: RunningVenue) -> None:
        super().__init__(daemon=True)
        self.stage = venue.data / joining.STAGE
        command = [sys.executable, "-m", "lockstep", "join", str(venue.config)]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.said = ""
        self.start()

    def run(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line

    def await_part(self, tries: int = 1) -> None:
        """Until some of the copy is there that it has begun at last."""

        def is_there() -> bool:
            assert self.process.poll() is None, self.said
            return self.said.count("asking") == tries and any(self.stage.glob("snapshots/*/*"))

        within(is_there, "nothing comes")

    def await_end(self) -> int:
        code = self.process.wait(60)
        self.join()
        return code


def rest(client: FixClient, count: int = BATCH) -> list[str]:
    names = [f"j{next(_names)}" for _ in range(count)]
    for name in names:
        client.order(name, "buy", "100.00", "0.01")
    for name in names:
        client.await_report(name, "0")
    return names


def first_seq(venue: RunningVenue) -> int:
    return min(segment_seqs(venue.data / "journal"))


def rows(venue: RunningVenue) -> list[object]:
    """How many rows each table has, and up to which record; nothing while they are not there."""
    try:
        with psycopg.connect(venue.command("db", "url").stdout.strip()) as asked:
            counts = [asked.execute(f"SELECT count(*) FROM {name}").fetchone() for name in TABLES]
            return [*counts, asked.execute("SELECT complete_seq FROM writer").fetchone()]
    except psycopg.Error:
        return []


def lead(pair: Pair, client: FixClient) -> None:
    """Start the secondary, which has joined: it comes to the primary's state, and leads."""
    pair.b._finds_database = False
    pair.b.start()
    pair.await_link(pair.a)
    within(lambda: rows(pair.a) == rows(pair.b) != [], "the secondary has other rows")
    assert pair.a.command("snapshot").returncode == 0
    within(lambda: "same state at record" in pair.a.command("status").stdout, "the states are not compared")
    pair.switch(pair.b)
    client.port = pair.b.fix_port
    client.connect()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A primary that trades, and whose journal has lost its beginning; its secondary has nothing."""
    nodes = Pair(tmp_path_factory.mktemp("nodes"))
    for each in (nodes.a, nodes.b):
        each.configure(r"^segment_bytes = .*$", "segment_bytes = 65536")
        each.configure(r"^retention = .*$", 'retention = "snapshots"')
    nodes.start_first()
    yield nodes
    nodes.stop()


@pytest.fixture(scope="module")
def client(pair: Pair) -> Iterator[FixClient]:
    found = pair.a.client("TRADER1")
    found.connect()

    def is_cut() -> bool:
        rest(found, 200)
        assert pair.a.command("snapshot").returncode == 0
        return first_seq(pair.a) > 1

    within(is_cut, "no segment is removed")
    first = first_header(pair.a.data / "journal")
    assert first is not None
    node.save(pair.b.data, Node("secondary", journal_id=first.journal_id.hex()))
    yield found
    found.close()


def test_a_copy_for_which_the_disk_has_no_room_leaves_nothing(
    pair: Pair, client: FixClient, small_disk: Callable[[int], SmallDisk]
) -> None:
    disk = small_disk(2**22)
    node.save(disk.folder, node.load(pair.b.data))
    other = pair.b.config.with_name("small.toml")
    other.write_text(pair.b.config.read_text().replace(str(pair.b.data), str(disk.folder)))
    told = lockstep("join", other)
    assert told.returncode == 1, told.stdout + told.stderr
    assert f"the disk of {disk.folder} has no room for the copy: free space, and repeat" in told.stderr
    assert sorted(path.name for path in disk.folder.iterdir()) == ["node", "venue.lock"]
    rest(client)


def test_a_join_that_is_killed_changes_nothing(pair: Pair, client: FixClient) -> None:
    pair.to_a.proxy.rate = SLOW
    killed = Joining(pair.b)
    killed.await_part()
    killed.process.kill()
    killed.await_end()
    assert not (pair.b.data / "journal").exists()
    assert not (node.folder_of(pair.b.data) / node.JOINING).exists()
    pair.await_link(pair.a, "alone")
    rest(client)


def test_a_copy_comes_to_its_end_whatever_happens_meanwhile(pair: Pair, client: FixClient) -> None:
    """A byte too many comes, then the primary's replicator dies; then it trades, and its snapshots are replaced."""
    joined = Joining(pair.b)
    joined.await_part()
    with pair.to_a.lock:
        pair.to_a.proxy.carried[-1][1].held += b"?"
    within(lambda: joined.said.count("once more, from its beginning") == 1, "no second try")
    assert "(DAMAGED: frame " in joined.said
    joined.await_part(2)
    os.kill(pair.a.pids()["replicator"], signal.SIGKILL)
    within(lambda: joined.said.count("once more, from its beginning") == 2, "no third try")
    joined.await_part(3)
    pair.to_a.proxy.is_mute = True  # longer than another link would bear
    copied = max(entry.seq for entry in snapshot_catalog.entries(pair.a.data))
    names = []
    for _ in range(3):
        names += rest(client)
        assert pair.a.command("snapshot").returncode == 0
    assert joined.process.poll() is None, joined.said
    pair.to_a.proxy.is_mute, pair.to_a.proxy.rate = False, ALL
    assert joined.await_end() == 0, joined.said
    assert f"and the snapshot {copied:,}" in joined.said
    lead(pair, client)
    client.cancel("c1", names[0], "buy")
    client.await_report("c1", "4")


@pytest.mark.soak
def test_a_node_that_joins_keeps_what_it_had(pair: Pair, client: FixClient) -> None:
    if pair.b.process is None:  # where this test runs alone
        assert pair.b.command("join").returncode == 0
        lead(pair, client)
    names = rest(client)
    refused = pair.b.command("join")
    assert refused.returncode == 2
    assert "is no secondary" in refused.stderr
    assert pair.a.command("join").returncode == 2, "it runs"
    assert pair.a.command("stop", "--leave").returncode == 0
    had = sorted(path.name for path in (pair.a.data / "journal").iterdir())
    names += rest(client)
    done = pair.a.command("join", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    aside = Path(json.loads(done.stdout)["set_aside"])
    assert sorted(path.name for path in (aside / "journal").iterdir()) == had
    assert {"snapshots", "spool", "postgres", "gateway.1"} <= {path.name for path in aside.iterdir()}
    shutil.rmtree(aside)
    pair.a.start()
    pair.await_link(pair.b)
    within(lambda: rows(pair.a) == rows(pair.b) != [], "the secondary has other rows")
    pair.switch(pair.a)
    client.port = pair.a.fix_port
    client.connect()
    client.cancel("c2", names[-1], "buy")
    client.await_report("c2", "4")
