"""How far behind the secondary is, in time, and whether both have the same state: known on both nodes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lockstep.procs.replicator.comparison import DifferenceError
from lockstep.procs.replicator.handshake import LinkState
from lockstep.procs.replicator.lag import Lag
from lockstep.shm.board import Board, Word
from tests.replicator.test_comparison import TABLES, leave
from tests.replicator.test_faults import SECOND, TURN_NS, Nodes, Side, folder

__all__ = ["folder"]
HEARTBEAT_NS = 200_000_000


@pytest.fixture
def nodes(folder: Path) -> Iterator[Nodes]:
    with closing(Nodes(folder, 1, secure=False)) as made:
        made.turn(orders=20)
        made.until(made.is_equal)
        made.turn()  # it is seen at the next look
        yield made


def lag_ns(nodes: Nodes, side: Side) -> int:
    return nodes.now_ns - side.board.get(Word.WHOLE_NS)


def test_the_log_is_whole_as_of_the_moment_that_the_secondary_has_come_to() -> None:
    board = Board.private()
    lag = Lag(board)
    steps = [  # what it has, where the log ends, the moment, and the moment of which it has all
        (5, 10, 100, 0),  # nothing is known before it has had all once
        (9, 12, 200, 0),
        (10, 15, 300, 100),
        (14, 19, 400, 100),
        (15, 20, 500, 300),  # it never has all, under load, and is not further behind for that
        (20, 24, 600, 500),
        (24, 24, 700, 700),
        (24, 24, 800, 800),
        (24, 25, 900, 800),
        (24, 25, 5000, 800),
        (25, 25, 5001, 5001),
    ]
    for has, end, now_ns, whole_ns in steps:
        lag.look(has, end, now_ns)
        assert board.get(Word.WHOLE_NS) == whole_ns, (has, end, now_ns)


def test_both_nodes_know_it_while_the_link_carries_the_log(nodes: Nodes) -> None:
    for _ in range(100):
        nodes.turn(orders=20)
        assert lag_ns(nodes, nodes.a) <= 20 * TURN_NS
        assert lag_ns(nodes, nodes.b) <= 20 * TURN_NS
    for _ in range(100):
        nodes.turn()  # nothing is traded: heartbeats say so
    assert lag_ns(nodes, nodes.a) == 0
    assert lag_ns(nodes, nodes.b) <= HEARTBEAT_NS + 2 * TURN_NS


def test_it_grows_from_the_last_word_that_was_heard(nodes: Nodes) -> None:
    nodes.proxy.is_mute = True
    for turns in range(1, 5 * SECOND // TURN_NS):
        nodes.turn(orders=1)
        for side in (nodes.a, nodes.b):
            assert lag_ns(nodes, side) >= turns * TURN_NS - HEARTBEAT_NS
    nodes.proxy.is_mute = False
    nodes.until(nodes.is_equal)
    nodes.turn()
    assert lag_ns(nodes, nodes.a) == 0


def test_equal_states_are_known_on_both_nodes(nodes: Nodes) -> None:
    agents = nodes.a.venue.topology.core_agents
    for side in (nodes.a, nodes.b):
        leave(side.venue.data, 12, dict.fromkeys(agents, TABLES["router"]))
    nodes.until(lambda: nodes.a.board.get(Word.COMPARED) == 12)
    assert nodes.b.board.get(Word.COMPARED) == 12
    assert (nodes.shipping.peer, nodes.filling.peer, nodes.filling.epoch) == ("b", "a", 1)


def test_a_difference_is_known_on_both_nodes(nodes: Nodes) -> None:
    agents = nodes.a.venue.topology.core_agents
    leave(nodes.a.venue.data, 12, dict.fromkeys(agents, TABLES["router"]))
    leave(nodes.b.venue.data, 12, {agent: {"orders": 1} for agent in agents})
    with pytest.raises(DifferenceError, match="at record 12"):
        nodes.until(lambda: False)
    while not nodes.a.board.get(Word.DIFFERS):
        nodes.proxy.turn()
        nodes.shipping.poll(nodes.now_ns)
    assert (nodes.a.board.get(Word.DIFFERS), nodes.b.board.get(Word.DIFFERS)) == (12, 12)
    state, why = nodes.a.states[-1]
    assert state is LinkState.REFUSED
    assert "DIFFERS: said by the peer: this node's" in why
