"""Two real nodes and a real etcd: the secondary leads by itself when the primary dies or hangs, and only one releases.

One pair of nodes and one etcd serve all tests of this file, which leave both running and in step. Node a has a value
of its own for every key of the configuration: each section and each kind of process is started here.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from lockstep import config
from lockstep.cli.running import attach
from lockstep.config.schema import Config
from lockstep.config.writer import text_of
from lockstep.core.cluster import release
from lockstep.core.cluster.steps import Steps
from lockstep.core.venue import node
from lockstep.core.venue.topology import CARRIED_ROLES, EDGE_ROLES, role_of
from lockstep.procs.replicator.handshake import Fence
from lockstep.procs.supervisor.supervisor import EXIT_MUST_NOT
from lockstep.procs.witness import report
from lockstep.shm.board import Word
from tests.pages import ROOT
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.every_setting import KEY, PEM, PROVED_ELSEWHERE, certificate, every_key, keys_at_their_default
from tests.pipeline.pair import WAIT_S, Pair, within
from tests.pipeline.section_checks import CHECKS, Node
from tests.pipeline.test_two_nodes import cancelled, rest, taken
from tests.supervisor.test_alerts import Receiver
from tests.witness.cluster import ETCD, MISSING, Server

LEASE_S = 2
# From the death to the first new acknowledgement: the lease, etcd's own half a second, and a start of gateways on a
# machine that does much else. docs/operations.md has what it takes on a quiet one.
MOST_S = 60


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    if ETCD is None:
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("witness")
    server = Server(folder, quick=False, tls=certificate(folder))
    server.start()
    nodes = Pair(folder)
    for own in (nodes.a, nodes.b):
        own.configure(r"^urls = \[\].*$", f'urls = ["{server.url}"]')
        own.configure(r"^lease_s = .*$", f"lease_s = {LEASE_S}")
        own.configure(r"^alone_after_s = .*$", "alone_after_s = 3")
        own.configure(r'^name = "lockstep".*$', 'name = "every-setting"')
        secure = "".join(
            f'{key} = "{folder / file}"\n' for key, file in (("ca", PEM), ("certificate", PEM), ("key", KEY))
        )
        own.configure(r"^ca = (.*\n)*?key = .*$", secure)
    receiver = Receiver()
    said = config.load(nodes.b.config)
    nodes.b.config.write_text(text_of(every_key(said, folder, receiver.url)))
    try:
        nodes.start()
        await_members(nodes.a, nodes.b)
        yield nodes
    finally:
        nodes.stop()
        receiver.server.shutdown()
        receiver.server.server_close()
        server.stop()


@pytest.fixture(scope="module")
def every(pair: Pair) -> Node:
    """Node b, which leads from the first test on."""
    return Node(pair.b, pair.b.folder.parent / "alert.json")


def await_members(leads: RunningVenue, follows: RunningVenue) -> None:
    """Wait until both nodes know that either may lead."""
    for each in (leads, follows):
        within(lambda each=each: len(report.of(each.data).members) == 2, "the nodes are no members")  # type: ignore[misc]


def goes_over(client_of: str, leads: RunningVenue, begun_s: float) -> float:
    """How long it takes from then on until `leads` acknowledges a new order."""
    client = leads.client(client_of)
    deadline = begun_s + MOST_S
    while True:
        try:
            client.connect(reset=True)
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.01)  # as a client that tries one address after the other
    while not taken(client):
        assert time.monotonic() < deadline
        time.sleep(0.02)  # each try is an order
    took_s = time.monotonic() - begun_s
    client.close()
    return took_s


def rejoin(old: RunningVenue, leads: RunningVenue) -> None:
    """Make a node that lost the lease the secondary of the other one."""
    answer = old.command("rejoin", "--yes")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    old.start()
    leads_pair = (leads, old)
    within(lambda: node.load(leads.data).members[1:], "commits do not wait for the old primary")
    await_members(*leads_pair)


def test_the_secondary_leads_by_itself_when_the_primary_dies(pair: Pair) -> None:
    client = pair.a.client("TRADER1")
    client.connect()
    names = rest(client, 100)
    assert "lease: node a" in pair.a.command("status").stdout
    begun_s = time.monotonic()
    pair.a.kill_all()
    client.close()
    took_s = goes_over("TRADER2", pair.b, begun_s)
    print(f"{took_s:.2f} s from the death to the first new acknowledgement")
    assert took_s > LEASE_S / 2  # it had to wait for the lease's end
    client.port = pair.b.fix_port
    client.connect()
    assert cancelled(client, names) == names
    client.close()
    assert node.load(pair.b.data).statement == ""  # no operator has said anything
    with pytest.raises(AssertionError, match="lockstep rejoin makes this one its secondary"):
        pair.a.start()
    assert pair.a.process is not None
    assert pair.a.process.wait(10) == EXIT_MUST_NOT
    pair.a.process = None
    rejoin(pair.a, pair.b)


def test_every_key_of_the_schema_is_said_or_proved_elsewhere(pair: Pair) -> None:
    assert keys_at_their_default(config.load(pair.b.config)) == PROVED_ELSEWHERE.keys()
    assert all((ROOT / test).exists() for test in PROVED_ELSEWHERE.values())


def test_every_kind_of_process_runs(pair: Pair) -> None:
    agents = {role_of(stage["name"]) for stage in pair.b.status()["agents"]}
    assert agents == {*CARRIED_ROLES, *EDGE_ROLES}
    assert pair.b.metrics_port()


@pytest.mark.parametrize("section", Config.__struct_fields__)
def test_every_section_has_its_effect(every: Node, section: str) -> None:
    CHECKS[section](every)


def test_a_node_that_wakes_after_its_lease_releases_nothing(pair: Pair) -> None:
    """All of its processes are stopped with orders on their way, as a host that hangs."""
    client = pair.b.client("TRADER3")
    client.connect()
    names = rest(client, 20)
    told = client.await_report
    pair.stopped(pair.b)
    client.order("late", "buy", "100.00", "0.01")
    goes_over("TRADER2", pair.a, time.monotonic())
    pair.go_on(pair.b)
    assert pair.b.process is not None
    assert pair.b.process.wait(WAIT_S) == EXIT_MUST_NOT
    pair.b.process = None
    with pytest.raises((TimeoutError, ConnectionError)):
        told("late", "0", 2)
    assert "another node has begun to lead: this one ends" in pair.b.log.read_text()
    client.close()
    client.port = pair.a.fix_port
    client.connect()
    assert cancelled(client, names) == names
    client.close()
    rejoin(pair.b, pair.a)


def test_a_core_that_hangs_gives_the_venue_to_the_other_node(pair: Pair) -> None:
    """The old primary finds that out, and ends with all of its processes."""
    os.kill(pair.a.pids()["core"], signal.SIGSTOP)
    goes_over("TRADER4", pair.b, time.monotonic())
    assert pair.a.process is not None
    assert pair.a.process.wait(WAIT_S) == EXIT_MUST_NOT
    pair.a.process = None
    rejoin(pair.a, pair.b)


def test_the_primary_goes_on_alone_when_the_secondary_dies(pair: Pair) -> None:
    client = pair.b.client("TRADER5")
    client.connect()
    names = rest(client, 20)
    pair.a.kill_all()
    client.order("waits", "buy", "100.00", "0.01")
    client.await_report("waits", "0")
    assert report.of(pair.b.data).members == ("b",)
    within(lambda: taken(client), "orders are not taken again")
    pair.a.start()
    await_members(pair.b, pair.a)
    assert cancelled(client, names) == names
    client.close()
    pair.switch(pair.a)
    await_members(pair.a, pair.b)
    assert report.of(pair.a.data).leader == "a"


def test_a_secondary_that_leaves_is_no_member_before_commits_wait_no_more(pair: Pair) -> None:
    client = pair.a.client("TRADER6")
    client.connect()
    release.leave(pair.b.data, Steps(lambda _: None))
    assert report.of(pair.a.data).members == ("a",)
    pair.stopped(pair.b)
    names = rest(client, 10)
    pair.go_on(pair.b)
    venue = attach(pair.b.data)
    assert venue is not None
    venue.board.set(Word.HANDOVER, Fence.NO)  # it was not stopped
    await_members(pair.a, pair.b)
    assert cancelled(client, names) == names
    client.close()
