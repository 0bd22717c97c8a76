"""Two real nodes: what a client was told stays true when either dies, and the other goes on (LOG-13, LOG-16, LOG-21).

One pair of nodes serves all tests of this file, which leave both running and in step.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockstep.cli.running import attach
from lockstep.core.cluster import release
from lockstep.core.cluster.steps import Steps
from lockstep.core.journal.cut import cut
from lockstep.core.journal.end import end_of
from lockstep.core.journal.journal import JournalReader, segment_seqs
from lockstep.core.recovery.snapshot_catalog import entries
from lockstep.core.schema.commands import Epoch
from lockstep.core.schema.layout import unpack_command
from lockstep.core.venue import node
from lockstep.core.venue.venue import Venue
from lockstep.procs.monitor import reading
from lockstep.procs.monitor.health import against_leading, against_readiness
from lockstep.procs.replicator.handshake import Fence
from lockstep.procs.supervisor.supervisor import EXIT_MUST_NOT
from lockstep.shm.board import Word
from tests.passwords import PASSWORD
from tests.pipeline.campaign import SEED
from tests.pipeline.changes import Changes
from tests.pipeline.client import FixClient
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.pair import Pair, within
from tests.replicator.proxy import ALL

AT_SPEED = 8  # rounds of clients that trade while nodes change, each time that somebody waits for their progress

FEES = ("list-instrument", "SOLUSDT", "--base", "SOL", "--quote", "USDT", "--tick", "0.01", "--lot", "0.0001")
DAY = (
    ("list-asset", "DOGE", "8"),
    ("list-instrument", "DOGEUSDT", "--base", "DOGE", "--quote", "USDT", "--tick", "0.00001", "--lot", "1"),
    (*FEES, "--taker-fee-ppm", "900"),
    ("limits", "SOLUSDT", "--static-band-bps", "1000", "--band-action", "reject"),
    ("halt", "SOLUSDT"),
    ("move", "SOLUSDT", "1"),
    ("resume", "SOLUSDT"),
    ("delist", "DOGEUSDT"),
    ("limits", "SOLUSDT", "--static-band-bps", "0"),
)

_names = itertools.count(1)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    nodes = Pair(tmp_path_factory.mktemp("nodes"))
    nodes.start()
    yield nodes
    nodes.stop()


def rest(client: FixClient, count: int) -> list[str]:
    """Orders that rest, each acknowledged."""
    names = [f"r{next(_names)}" for _ in range(count)]
    for name in names:
        client.order(name, "buy", "100.00", "0.01")
    for name in names:
        client.await_report(name, "0")
    return names


def taken(client: FixClient) -> bool:
    """Whether a new order is taken; if so it rests."""
    name = f"t{next(_names)}"
    client.order(name, "buy", "100.00", "0.01")
    return client.await_message(lambda m: name in (m.get(11), m.get(379)))[35] == "8"


def cancelled(client: FixClient, names: list[str]) -> list[str]:
    """Those of `names` that the venue knows, and now has cancelled."""
    for name in names:
        client.cancel(f"c{name}", name, "buy")
    found = []
    for name in names:
        answer = client.await_message(lambda m, name=name: m.get(11) == f"c{name}" and m[35] in "89")  # type: ignore[misc]
        if answer[35] == "8" and answer[150] == "4":
            found.append(name)
    return found


def operate(venue: RunningVenue, operator: str, *words: str) -> dict[str, Any]:
    """What `lockstep WORDS --json` says, given by an operator, who is sure."""
    answer = venue.command(*words, "--json", "--yes", "--operator", operator)
    assert answer.returncode == 0, (words, answer.stdout, answer.stderr)
    return json.loads(answer.stdout)  # type: ignore[no-any-return]


def not_ready(venue: Venue) -> list[str]:
    """What /health/ready says against a node."""
    return list(against_readiness(reading.read(venue, {}), 10_000))


def leads_not(venue: Venue) -> list[str]:
    """What /health/leader says against a node."""
    return list(against_leading(reading.read(venue, {}), 10_000))


def last_epoch(data: Path) -> Epoch:
    """The last record in a node's journal that begins an epoch."""
    reader = JournalReader(data / "journal", segment_seqs(data / "journal")[0])
    found = [each for each in map(unpack_command, reader) if isinstance(each, Epoch)]
    reader.close()
    return found[-1]


def test_commits_wait_for_the_secondary_once_it_has_all(pair: Pair) -> None:
    assert node.load(pair.a.data).members == ("a", "b")
    client = pair.a.client("TRADER1")
    client.connect()
    names = rest(client, 20)
    assert pair.b.process is not None
    pair.stopped(pair.b)
    client.order("waits", "buy", "100.00", "0.01")
    with pytest.raises(TimeoutError):
        client.await_report("waits", "0", 2)  # longer than a venue waits before it answers busy
    client.order("late", "buy", "100.00", "0.01")
    assert client.await_message(lambda m: m[35] == "j")[379] == "late"
    pair.go_on(pair.b)
    client.await_report("waits", "0")
    within(lambda: taken(client), "orders are not taken again")
    assert cancelled(client, names) == names
    client.close()


@pytest.mark.parametrize("host", ["replicator", "core", "journal"])
@pytest.mark.parametrize("side", ["a", "b"])
def test_any_process_of_either_node_may_die(pair: Pair, side: str, host: str) -> None:
    client = pair.a.client("TRADER4")
    client.connect(reset=True)
    node_of = pair.a if side == "a" else pair.b
    before = node_of.pids()[host]
    names = rest(client, 10)
    os.kill(before, signal.SIGKILL)
    within(lambda: node_of.pids().get(host, before) != before, f"{host} does not start again")
    pair.await_link(pair.a)
    pair.await_link(pair.b)
    within(lambda: taken(client), "orders are not taken again")
    assert cancelled(client, names) == names
    client.close()


@pytest.mark.parametrize("politely", [True, False])
def test_a_link_that_is_cut_comes_back_and_loses_nothing(pair: Pair, politely: bool) -> None:
    client = pair.a.client("TRADER4")
    client.connect(reset=True)
    names = []
    for _ in range(3):
        with pair.to_a.lock:
            before = pair.to_a.proxy.connections
            pair.to_a.proxy.cut(politely=politely)
        names += rest(client, 20)
        assert pair.to_a.proxy.connections > before
    within(lambda: taken(client), "orders are not taken again")
    assert cancelled(client, names) == names
    client.close()


def test_nothing_is_acknowledged_over_a_link_that_is_silent(pair: Pair) -> None:
    """No packet says so: both nodes find out by the other one's silence."""
    client = pair.a.client("TRADER4")
    client.connect(reset=True)
    names = rest(client, 5)
    pair.to_a.proxy.is_mute = True
    client.order("silent", "buy", "100.00", "0.01")
    pair.await_link(pair.a, "alone")
    pair.await_link(pair.b, "alone")
    with pytest.raises(TimeoutError):
        client.await_report("silent", "0", 0.1)
    pair.to_a.proxy.is_mute = False
    client.await_report("silent", "0")
    within(lambda: taken(client), "orders are not taken again")
    assert cancelled(client, [*names, "silent"]) == [*names, "silent"]
    client.close()


def test_a_primary_continues_without_a_secondary_that_hangs(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """I9, LOG-13: one command on the primary that runs; clients stay, the log has it, and the secondary comes back."""
    client = pair.a.client("TRADER4")
    client.connect(reset=True)
    names = rest(client, 5)
    venue = attach(pair.a.data)
    assert venue is not None
    follows = pair.a.command("failover", "--peer-is-off", "no check was made")
    assert follows.returncode == 1
    assert "there is nothing to release" in follows.stderr
    epoch = venue.board.get(Word.EPOCH)
    monkeypatch.setattr(release, "QUIET_S", 2.5)
    pair.stopped(pair.b)
    client.order("held", "buy", "100.00", "0.01")
    within(lambda: not_ready(venue), "health does not say that nothing is acknowledged")
    assert any(
        "commits wait for node b" in each and "lockstep failover --peer-is-off" in each for each in not_ready(venue)
    )
    assert "no order has been acknowledged for" in pair.a.command("status").stdout
    refused = pair.a.command("failover")
    assert refused.returncode == 1
    assert "whose link is down" in refused.stdout
    assert refused.stderr.startswith("this node leads, and does not continue without the other one: no order is")
    assert "continue without it: lockstep failover --peer-is-off" in refused.stderr
    released = pair.a.command("failover", "--peer-is-off", "the test has stopped it")
    assert released.returncode == 0, released.stdout + released.stderr
    assert f"this node continues without the other one, epoch {epoch + 1}" in released.stdout
    client.await_report("held", "0")  # over the connection that it had
    names += ["held", *rest(client, 10)]
    assert not not_ready(venue)
    assert node.load(pair.a.data).members == ("a",)
    begun = last_epoch(pair.a.data)
    assert begun.epoch == epoch + 1 == venue.board.get(Word.EPOCH)
    assert begun.members & node.STATED
    again = pair.a.command("failover", "--peer-is-off", "the test has stopped it")
    assert again.returncode == 0
    assert "leads already" in again.stdout
    pair.go_on(pair.b)
    within(lambda: node.load(pair.a.data).members == ("a", "b"), "commits do not wait for the secondary again")
    assert node.load(pair.a.data).statement == ""
    within(lambda: last_epoch(pair.b.data) == begun, "the secondary has no record of it")
    within(lambda: taken(client), "no order is accepted")
    assert cancelled(client, names) == names
    client.close()


def test_a_slow_link_takes_its_time_and_nothing_else(pair: Pair) -> None:
    client = pair.a.client("TRADER4")
    client.connect(reset=True)
    pair.to_a.proxy.rate = 512
    names = rest(client, 20)
    pair.to_a.proxy.rate = ALL
    assert cancelled(client, names) == names
    client.close()


def test_status_shows_each_nodes_role_and_link(pair: Pair) -> None:
    primary, secondary = pair.a.command("status"), pair.b.command("status")
    assert (primary.returncode, secondary.returncode) == (0, 0)
    to_a, to_b = pair.to_a.proxy.port, pair.to_b.proxy.port
    assert "this node   a, primary of epoch " in primary.stdout
    assert f", commits wait for b\nother node  b, secondary, at 127.0.0.1:{to_b}\n" in primary.stdout
    assert "link        in step, the secondary is 0 records and 0 ms behind, " in primary.stdout
    assert "this node   b, secondary\nother node  a, primary of epoch " in secondary.stdout
    assert (
        f", at 127.0.0.1:{to_a}\nlink        in step, the secondary is 0 records and 0 ms behind, " in secondary.stdout
    )
    said = pair.b.log.read_text()
    assert f"node b, a secondary that follows the node at 127.0.0.1:{to_a}, and takes no orders" in said
    assert "TargetCompID" not in said, "it has no address for orders"
    assert "TargetCompID" in pair.a.log.read_text()


def test_both_nodes_keep_a_snapshot(pair: Pair) -> None:
    assert pair.a.command("snapshot").returncode == 0
    within(lambda: {entry.seq for entry in entries(pair.a.data)} == {entry.seq for entry in entries(pair.b.data)},
           "the secondary has other snapshots")  # fmt: skip
    assert entries(pair.a.data)
    told = pair.b.data / "log" / "replicator.log"
    within(lambda: "states_equal" in told.read_text(), "the nodes have not compared their states")
    within(lambda: "same state at record" in pair.a.command("status").stdout, "the primary does not know that")


def test_secondary_repeats_what_operators_did_between_orders(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no snapshot: what it catches up with has definitions, fees, limits and a bust between orders."""
    monkeypatch.setenv("LOCKSTEP_OPERATOR_PASSWORD", PASSWORD)
    client, other = pair.a.client("TRADER4"), pair.a.client("TRADER3")
    client.connect(reset=True)
    other.connect()
    client.order("busted", "sell", "59000.00", "0.01")
    client.await_report("busted", "0")
    other.order("buys", "buy", "59000.00", "0.01")
    trade = other.await_report("buys", "F")[17].split("-")[-2]
    for words in DAY:
        operate(pair.a, "OPERATOR1", *words)
        rest(client, 2)
    proposal = operate(pair.a, "OPERATOR1", "bust", "propose", "BTCUSDT", trade)["details"]["proposal"]
    rest(client, 2)
    operate(pair.a, "OPERATOR2", "bust", "approve", str(proposal))
    rest(client, 2)
    pair.b.kill_all()
    shutil.rmtree(pair.b.data / "snapshots", ignore_errors=True)
    pair.b.start()
    pair.await_link(pair.a)
    assert "ended with" not in pair.b.log.read_text()
    rest(client, 2)
    client.close()
    other.close()


def test_a_secondary_that_leaves_holds_up_nobody(pair: Pair) -> None:
    client = pair.a.client("TRADER4")
    client.connect(reset=True)
    release.leave(pair.b.data, Steps(lambda _: None))
    pair.stopped(pair.b)
    names = rest(client, 10)
    assert node.load(pair.a.data).members == ("a",)
    pair.go_on(pair.b)
    venue = attach(pair.b.data)
    assert venue is not None
    venue.board.set(Word.HANDOVER, Fence.NO)  # it was not stopped
    within(lambda: node.load(pair.a.data).members == ("a", "b"), "commits do not wait for the secondary again")
    assert cancelled(client, names) == names
    client.close()


def test_a_secondary_that_is_stopped_by_any_means_holds_up_nobody(pair: Pair) -> None:
    client = pair.a.client("TRADER4")
    client.connect(reset=True)
    refused = pair.a.command("stop", "--leave")
    assert refused.returncode == 1
    assert "it is no secondary" in refused.stderr
    stopped = pair.b.command("stop")  # commits wait for it
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    assert "goes on alone" in stopped.stdout
    names = rest(client, 10)
    assert node.load(pair.a.data).members == ("a",)
    pair.b.start()
    within(lambda: node.load(pair.a.data).members == ("a", "b"), "commits do not wait for the secondary again")
    assert cancelled(client, names) == names
    pair.await_link(pair.b)
    assert pair.b.stop() == 0  # by a signal, as systemd does
    assert "the primary has not confirmed" not in pair.b.log.read_text()
    names = rest(client, 10)
    assert node.load(pair.a.data).members == ("a",)
    pair.b.start()
    within(lambda: node.load(pair.a.data).members == ("a", "b"), "commits do not wait for the secondary again")
    assert cancelled(client, names) == names
    client.close()


def test_a_primary_that_lost_the_end_of_its_journal_takes_it_from_the_secondary(pair: Pair) -> None:
    client = pair.a.client("TRADER5")
    client.connect()
    names = rest(client, 50)
    pair.a.kill_all()
    journal = pair.a.data / "journal"
    cut(journal, end_of(journal).seq - 30)
    pair.a.start()
    assert "that this one lacks: taking them" in pair.a.log.read_text()
    client.connect()
    assert cancelled(client, names) == names
    client.close()


def test_the_secondary_leads_once_the_primary_has_handed_over(pair: Pair) -> None:
    client = pair.a.client("TRADER2")
    client.connect()
    names = rest(client, 50)
    pair.switch(pair.b)
    client.port = pair.b.fix_port
    client.connect()
    assert cancelled(client, names) == names
    assert node.load(pair.a.data).role == "secondary"

    def says_where_orders_go() -> bool:
        said = pair.b.log.read_text().partition("this node is to lead")[2].partition("node b, which leads")
        return "TargetCompID" in said[2]

    within(says_where_orders_go, "it does not say that it leads")
    within(lambda: node.load(pair.b.data).members == ("b", "a"), "commits do not wait for the old primary")
    client.close()


def test_what_was_acknowledged_outlives_the_primary(pair: Pair) -> None:
    client = pair.b.client("TRADER3")
    client.connect(reset=True)
    names = rest(client, 200)
    pair.b.kill_all()
    client.close()
    pair.promote(pair.a)
    client.port = pair.a.fix_port
    client.connect()
    assert cancelled(client, names) == names
    client.close()
    within(lambda: pair.a.command("verify").returncode == 0, "verify finds something wrong")


def test_an_old_primary_does_not_lead_again(pair: Pair) -> None:
    """I9."""
    with pytest.raises(AssertionError, match="leads: lockstep rejoin makes this one its secondary"):
        pair.b.start()
    assert pair.b.process is not None
    assert pair.b.process.wait(10) == EXIT_MUST_NOT
    pair.b.process = None


def test_the_old_primary_rejoins_and_everything_of_it_follows(pair: Pair) -> None:
    """What it alone had, with replicated commits nothing that a client was told of, is cut, kept and listed."""
    answer = pair.b.command("rejoin", "--yes", "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    done = json.loads(answer.stdout)
    assert done["outcome"] == "rejoined"
    assert not any(each["told"] for each in (*done["undoing"]["orders"], *done["undoing"]["requests"]))
    pair.b.start()
    pair.await_link(pair.a)
    client = pair.a.client("TRADER6")
    client.connect()
    names = rest(client, 20)
    answer = pair.b.command("failover")  # the other node can be told, and needs no statement
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "the other node releases nothing more, and all that it has is here" in answer.stdout
    client.port = pair.b.fix_port
    client.connect()
    assert cancelled(client, names) == names
    client.close()
    within(lambda: pair.b.command("verify").returncode == 0, "verify finds something wrong")


def test_a_primary_that_wakes_up_steps_down(pair: Pair) -> None:
    """I9: stopped as a whole, it finds at once that it may release nothing, and then that the other node leads."""
    assert pair.a.process is not None
    pair.a.process.wait(60)  # it was told that the other one leads
    pair.a.process = None
    assert pair.a.command("rejoin", "--yes").returncode == 0
    pair.a.start()
    within(lambda: node.load(pair.b.data).members == ("b", "a"), "commits do not wait for the secondary")
    asleep, follower = attach(pair.b.data), attach(pair.a.data)
    assert asleep is not None
    assert follower is not None
    assert not leads_not(asleep)
    epoch = asleep.board.get(Word.EPOCH)
    pair.stopped(pair.b)
    pair.promote(pair.a)
    assert follower.board.get(Word.EPOCH) > epoch
    within(asleep.board.is_closed, "it may still release")
    assert any("stopped for a while" in each for each in leads_not(asleep))
    pair.go_on(pair.b)
    process, pair.b.process = pair.b.process, None
    assert process is not None
    said: list[list[str]] = []

    def has_ended() -> bool:
        said.append(leads_not(asleep))
        return process.poll() is not None

    within(has_ended, "it does not end")
    assert all(said), "its health said that it leads"
    assert process.returncode == EXIT_MUST_NOT
    assert "another node has begun to lead: this one ends" in pair.b.log.read_text()
    client = pair.a.client("TRADER6")
    client.connect(reset=True)
    within(lambda: taken(client), "no order is accepted")
    client.close()


def test_whoever_leads_nothing_is_lost_and_nothing_is_doubled(pair: Pair) -> None:
    """I2, I3, I7: in three of the ways in which a primary goes, drawn from LOCKSTEP_FAULTS_SEED, under load."""
    print(f"LOCKSTEP_FAULTS_SEED={SEED}")
    changes = Changes(pair, pair.a, AT_SPEED)
    changes.rejoin()
    changes.start()
    for way in changes.drawn(3):
        changes.run(way)
    changes.settle()
    print(changes.report())
