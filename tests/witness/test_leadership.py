"""Who leads by a real etcd: no two nodes release at once, and none leads that may lack what was acknowledged."""

from __future__ import annotations

import asyncio
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockstep.core.venue import node
from lockstep.core.venue.node import Node
from lockstep.procs.replicator.handshake import LinkState
from lockstep.procs.witness import leadership, record
from lockstep.procs.witness.etcd import Etcd
from lockstep.procs.witness.report import boottime_ns
from lockstep.shm.board import Word
from tests.witness.cluster import ETCD, MISSING, Server
from tests.witness.stand import LEASE_S, Stand, venue_name

Nodes = tuple[Stand, Stand]


class Killed(BaseException):
    """The process dies here."""


def expire(primary: Stand) -> None:
    """Wait until etcd has no leader any more, and so must this node have stopped releasing before."""
    deadline = time.monotonic() + 60
    while primary.view().leader is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)  # etcd's clock
    assert primary.is_("closed")


def test_a_primary_releases_with_the_lease_and_stops_before_it_ends(nodes: Nodes) -> None:
    a, _ = nodes
    asked_ns = boottime_ns()
    a.turn()
    assert a.is_("open")
    left_ns = a.board.get(Word.LEASE_UNTIL) - asked_ns
    assert left_ns <= (1 - leadership.MARGIN) * LEASE_S * 1e9 + 300e6
    while a.is_("open"):
        assert a.view().leader is not None
    assert a.view().leader is not None
    assert a.board.release_position() == 0
    expire(a)


def test_a_node_without_the_lease_releases_nothing_from_its_beginning(tmp_path: Path, etcd: Server) -> None:
    a = Stand(tmp_path, "a", etcd.url, venue_name(), Node())
    assert a.board.is_closed()
    a.beat()
    a.turn()
    assert a.view().leader is None
    assert a.is_("closed")
    assert a.said.trouble == ""
    a.leads()
    a.turn()
    assert a.is_("open")
    assert a.members() == ("a",)
    a.close()


@pytest.mark.parametrize("hangs", ["heartbeat", "figures"])
def test_a_core_that_hangs_loses_the_lease_and_the_secondary_leads(nodes: Nodes, hangs: str) -> None:
    a, b = nodes
    if hangs == "figures":
        a.board.set(Word.LOG_END, 101)  # a record that its matchers do not take
    a.until("closed", beats=hangs == "figures")
    assert a.view().state == b.state
    while b.role.is_secondary:
        b.turn()
        a.turn(beats=hangs == "figures")
        assert not (a.is_("open") and b.is_("open"))
    assert b.is_("open")
    assert (b.role.members, b.signals) == (("b",), 1)
    assert b.role.statement == ""
    a.show(101)
    a.turn()
    assert a.is_("fenced")
    assert a.board.release_position() == 0
    a.turn()
    b.board.set(Word.EPOCH, 2)
    b.turn()
    assert b.is_("open")


def test_a_core_that_waits_for_the_other_node_gets_on(nodes: Nodes) -> None:
    a, _ = nodes
    a.show(200)
    a.board.set(Word.ROUTER_DONE, 150)
    deadline = time.monotonic() + 1.5 * LEASE_S
    while time.monotonic() < deadline:
        a.turn()
        assert a.is_("open")


def test_a_secondary_that_may_lack_something_never_leads(nodes: Nodes) -> None:
    a, b = nodes
    b.board.set(Word.DIFFERS, 7)
    expire(a)
    b.until("the two nodes differ")
    b.board.set(Word.DIFFERS, 0)
    b.board.set(Word.LINK, LinkState.REFUSED)
    b.until("the two nodes differ")
    b.board.set(Word.LINK, LinkState.ALONE)
    b.begin()
    b.board.set(Word.PEER_SEQ, 0)  # as after a start of the whole node
    b.until("since its start it has not had all")
    b.board.set(Word.PEER_SEQ, 101)
    b.until("since its start it has not had all")
    assert b.role.is_secondary
    assert a.state.owner == "a"
    b.board.set(Word.LOG_END, 101)
    b.show(101)
    b.turn()
    assert not b.role.is_secondary


def test_members_are_both_only_once_all_is_acknowledged(tmp_path: Path, etcd: Server) -> None:
    a = Stand(tmp_path, "a", etcd.url, venue_name(), Node())
    a.leads()
    a.turn()
    a.paired(99)
    a.turn(3)
    assert a.members() == ("a",)
    a.board.set(Word.ACKED_SEQ, 100)
    a.turn()
    assert a.members() == ("a", "b")
    a.board.set(Word.COMMIT_BY, 0)  # whoever does that: nothing is released before etcd has it
    a.board.set(Word.LEASE_UNTIL, 1)
    a.turn()
    assert (a.members(), a.is_("closed")) == (("a",), True)
    a.turn()
    assert a.is_("open")
    a.close()


def test_a_primary_goes_on_alone_only_after_etcd_has_it(tmp_path: Path, etcd: Server) -> None:
    name = venue_name()
    a = Stand(tmp_path, "a", etcd.url, name, Node(), alone_after_s=0.3)
    b = Stand(tmp_path, "b", etcd.url, name, Node("secondary"))
    a.leads()
    a.turn()
    a.paired()
    a.turn(3)
    b.follows()
    b.turn()
    a.show(120)  # nobody acknowledges it
    while not a.signals:
        a.turn()
        if a.role.members == ("a",):
            assert a.members() == ("a",)
    assert a.board.get(Word.COMMIT_BY) == Word.ACKED_SEQ  # the supervisor's to change, with the journaler
    a.board.set(Word.COMMIT_BY, 0)
    a.turn()
    assert a.is_("open")
    b.turn()
    expire(a)
    b.until("node a went on without it")
    assert b.role.is_secondary
    a.turn()
    assert a.is_("open")
    for each in (a, b):
        each.close()


def test_of_two_that_are_sure_to_lead_one_releases(nodes: Nodes) -> None:
    """I9: the operator has said that node a is off, and it is not."""
    a, b = nodes
    node.save(b.venue.data, Node("primary", ("b",), "Ada thought so"))
    b.leads()
    b.board.set(Word.LEASE_UNTIL, 1)
    for _ in range(20):
        a.turn()
        b.turn()
        assert a.is_("open")
        assert b.is_("closed")
    assert b.is_("node a (")
    assert b.is_("leads by its lease")
    expire(a)
    b.turn()
    assert b.is_("open")
    assert (b.state.owner, b.members()) == ("b", ("b",))
    a.turn()
    assert a.is_("fenced")


def test_both_take_the_lease_at_once_and_one_has_it(nodes: Nodes) -> None:
    a, b = nodes
    expire(a)
    view = a.view()
    taken = [each.runner.run(each.leadership._take(view, (each.name,))) for each in (a, b)]
    assert taken == [True, False]
    assert b.is_("closed")


def test_a_node_that_is_fenced_gives_the_lease_back_at_once(nodes: Nodes) -> None:
    a, b = nodes
    a.board.set(Word.FENCED, 2)
    a.turn()
    assert a.view().leader is None
    b.turn()
    assert b.is_("open")


def test_a_node_that_handed_over_waits_for_the_other_one(nodes: Nodes) -> None:
    a, b = nodes
    expire(a)
    node.save(a.venue.data, Node("secondary"))
    a.turn(5)
    assert a.role.is_secondary
    node.save(b.venue.data, Node("primary", ("b",)))
    b.leads()
    b.turn()
    assert b.is_("open")
    a.follows()
    a.turn(3)
    assert a.role.is_secondary
    assert record.seen(a.venue.data).owner == "b"


def test_etcd_that_hangs_or_is_away_ends_the_release_and_nobody_takes_over(nodes: Nodes, etcd: Server) -> None:
    a, b = nodes
    etcd.hang()
    try:
        a.until("closed")
        assert a.is_("does not answer within")
        b.turn()
        assert b.is_("does not answer within")
    finally:
        etcd.go_on()
    a.until("open")
    etcd.stop()
    try:
        a.until("closed")
        a.turn()
        assert a.is_("can't be reached")
        assert b.role.is_secondary
    finally:
        etcd.start()
    a.until("open")
    assert a.said.trouble == ""


def test_an_answer_that_comes_late_counts_from_its_request(nodes: Nodes, etcd: Server) -> None:
    a, _ = nodes
    a.beat()
    a.life.look(time.monotonic_ns())
    etcd.hang()
    begun_ns = boottime_ns()
    timer = threading.Timer(0.4, etcd.go_on)
    timer.start()
    a.runner.run(a.leadership.turn())
    timer.join()
    assert boottime_ns() - begun_ns > 400e6
    assert a.board.get(Word.LEASE_UNTIL) < begun_ns + 300e6 + (1 - leadership.MARGIN) * LEASE_S * 1e9


def test_a_wall_clock_an_hour_off_changes_nothing(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = nodes
    real, real_ns = time.time, time.time_ns
    for off_s in (3600, -3600):
        monkeypatch.setattr(time, "time", lambda off_s=off_s: real() + off_s)
        monkeypatch.setattr(time, "time_ns", lambda off_s=off_s: real_ns() + off_s * 10**9)
        asked_ns = boottime_ns()
        a.turn()
        assert a.is_("open")
        assert abs(a.board.get(Word.LEASE_UNTIL) - asked_ns - (1 - leadership.MARGIN) * LEASE_S * 1e9) < 300e6
        b.turn()
        assert b.role.is_secondary


def test_an_etcd_of_an_old_backup_is_refused_by_both(tmp_path: Path) -> None:
    if ETCD is None:
        pytest.skip(MISSING)
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server")
    server.start()
    name = venue_name()
    a = Stand(tmp_path, "a", server.url, name, Node())
    b = Stand(tmp_path, "b", server.url, name, Node("secondary"))
    try:
        a.leads()
        a.turn()
        a.paired()
        a.turn(3)
        b.follows()
        server.back_up()  # members are both in it
        a.until("open")
        a.board.set(Word.COMMIT_BY, 0)
        a.turn(2)
        b.turn()
        assert a.members() == ("a",)
        server.restore()
        for each in (a, b):
            each.until("restored from an old backup")
        a.until("closed")
        b.turn(5)
        assert b.role.is_secondary
        assert a.members() == ("a", "b")
        a.begin()  # a start of it finds the same
        a.until("restored from an old backup")
        assert a.is_("closed")
    finally:
        server.stop()
        for each in (a, b):
            each.close()


def test_another_venue_of_the_same_name_is_no_venue_of_this_node(nodes: Nodes) -> None:
    a, b = nodes
    b.journal = "2e" * 16
    expire(a)
    b.until("another venue called")
    assert b.role.is_secondary


@contextmanager
def other_server() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_address_of_something_else_is_named(tmp_path: Path) -> None:
    with other_server() as url:
        a = Stand(tmp_path, "a", url, venue_name(), Node())
        a.leads()
        a.turn()
        assert a.said.trouble.startswith(f"{url}: is no etcd of version 3")
        assert a.is_("closed")
        a.close()


STEPS = ("keep before", "keep after", "write before", "write after", "save before", "save after")


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_of_taking_over_is_gone_on_from(
    nodes: Nodes, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = nodes
    expire(a)
    what, when = step.split()
    where = {"keep": (record, "keep"), "write": (Etcd, "write"), "save": (node, "save")}[what]
    with monkeypatch.context() as patch:
        patch.setattr(*where, dies(getattr(*where), when))
        with pytest.raises(Killed):
            b.turn()
    b.runner.close()
    b.runner = asyncio.Runner()
    b.begin()
    b.until("open")
    if not b.role.is_secondary:  # what the supervisor does of it
        b.board.set(Word.EPOCH, 2)
    b.turn(2)
    assert (b.role.role, b.state.owner, b.members()) == ("primary", "b", ("b",))
    a.turn()
    assert a.is_("fenced")


def dies(real: Callable[..., object], when: str) -> Callable[..., object]:
    """`real`, at whose beginning or end its process dies."""

    def call(*arguments: object) -> object:
        if when == "after":
            result = real(*arguments)
            if asyncio.iscoroutine(result):
                return after(result)
        raise Killed

    async def after(result: object) -> None:
        await result  # type: ignore[misc]
        raise Killed

    return call
