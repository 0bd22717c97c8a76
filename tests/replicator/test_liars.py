"""A peer with the right certificate that lies: no node dies of it, and none takes for done what was not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from msgspec import structs

from lockstep.core.journal.journal import verify
from lockstep.core.venue import node
from lockstep.core.venue.topology import LOG
from lockstep.procs.replicator.filling import Filling
from lockstep.procs.replicator.greeting import greeting_of
from lockstep.procs.replicator.handshake import Hello, LinkState
from lockstep.procs.replicator.transport import Dialer
from lockstep.shm.board import Handover, Word
from tests.replicator.liar import (
    DIGESTS,
    EQUAL,
    FENCE,
    HANDOVER,
    HELLO,
    REFUSED,
    WELCOME,
    Liar,
    greeting_in,
)
from tests.replicator.test_comparison import TABLES, leave
from tests.replicator.test_faults import TURN_NS, Nodes

CONNECTIONS = 150
FRAMES = 12
LIES: tuple[dict[str, object], ...] = (
    {}, {}, {}, {}, {"venue": "other"}, {"node": ""}, {"node": "a"}, {"node": "b\x1b[2J"}, {"node": "../b"},
    {"epoch": 0}, {"epoch": 2**32 - 1}, {"journal_id": bytes(16)}, {"last_seq": 2**64 - 1}, {"last_seq": 0},
    {"chain": 1}, {"voids": 1}, {"slots": 0}, {"slots": 2**32 - 1}, {"schema_hash": 1}, {"nonce": 0},
)  # fmt: skip


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    """Two in step; nobody supervises them."""
    monkeypatch.setattr(node, "tell_supervisor", lambda: None)
    with (
        TemporaryDirectory(dir="/dev/shm", prefix="liars-test-", ignore_cleanup_errors=True) as name,
        closing(Nodes(Path(name), 1, secure=False)) as made,
    ):
        made.turn(orders=20)
        made.until(made.is_equal)
        yield made


def turns(nodes: Nodes, filling: Filling | None = None, count: int = 2) -> None:
    """Of the primary alone, or of a secondary that another primary than that has."""
    for _ in range(count):
        nodes.now_ns += TURN_NS
        if filling is None:
            nodes.shipping.poll(nodes.now_ns)
        else:
            filling.poll(nodes.now_ns)
            nodes.b.journal(1)
            nodes.b.follow()


def as_secondary(nodes: Nodes, seed: int) -> tuple[Liar, Hello]:
    """A liar at the primary's port, and what would be its true greeting."""
    connected = Liar(socket.create_connection(("127.0.0.1", nodes.proxy.to)), seed)
    own = greeting_of(nodes.b.venue.config, nodes.b.venue.data, nodes.b.durable)
    return connected, structs.replace(own, slots=128)


def greet(nodes: Nodes, said: Liar, own: Hello, count: int = 0) -> bool:
    """Whether the primary has taken the greeting."""
    said.say(HELLO, own.pack(), count=count)
    said.nonce = own.nonce
    turns(nodes, count=4)
    for kind, payload in said.hear():
        if kind == WELCOME:
            said.agree(own, greeting_in(payload))
            return True
    return False


def test_a_primary_outlives_a_secondary_that_lies(nodes: Nodes) -> None:
    nodes.proxy.cut(politely=True)
    nodes.proxy.is_mute = True
    turns(nodes, count=4)
    welcomed = 0
    for seed in range(CONNECTIONS):
        end = nodes.log.next - 1
        said, own = as_secondary(nodes, seed)
        own = structs.replace(own, **said.draw.choice(LIES))
        welcomed += greet(nodes, said, own, said.draw.choice((0, 0, 0, 1, 2)))
        for _ in range(FRAMES):
            said.say_anything(end)
            turns(nodes)
        said.close()
        turns(nodes, count=4)
        board = nodes.a.board
        assert board.get(Word.ACKED_SEQ) <= end
        assert board.get(Word.COMPARED) == 0
        assert not board.get(Word.FENCED) or FENCE in said.said
        assert not board.get(Word.HANDOVER) or HANDOVER in said.said
        assert set(node.load(nodes.a.venue.data).members) <= {"a", "b"}
        for word in (Word.FENCED, Word.HANDOVER):
            board.set(word, Handover.NO)
    assert welcomed > CONNECTIONS // 4
    nodes.proxy.is_mute = False
    nodes.turn(orders=20)
    nodes.until(nodes.is_equal)
    nodes.check_equal()


def test_a_long_reason_is_cut_and_shown_as_one(nodes: Nodes) -> None:
    nodes.proxy.cut(politely=True)
    nodes.proxy.is_mute = True
    turns(nodes, count=4)
    said, own = as_secondary(nodes, 1)
    assert greet(nodes, said, own)
    said.say(REFUSED, b"x" * 100_000, count=10)
    turns(nodes, count=4)
    said.close()
    assert nodes.a.states[-1][0] is LinkState.REFUSED
    assert len(nodes.a.states[-1][1]) < 1200


def test_what_was_never_told_is_not_found_equal(nodes: Nodes) -> None:
    nodes.proxy.cut(politely=True)
    nodes.proxy.is_mute = True
    turns(nodes, count=4)
    said, own = as_secondary(nodes, 1)
    assert greet(nodes, said, own)
    said.say(EQUAL, position=3, epoch=1)
    turns(nodes, count=4)
    said.close()
    assert nodes.a.board.get(Word.COMPARED) == 0
    assert "the states at 3 are equal, and were never told" in nodes.a.states[-1][1]


def test_digests_of_thousands_of_instruments_are_compared(nodes: Nodes) -> None:
    """More than a batch's bytes."""
    many = {f"instrument {number}": 2**64 - number for number in range(4096)}
    for side in (nodes.a, nodes.b):
        leave(
            side.venue.data, 12, dict.fromkeys(side.venue.topology.core_agents, TABLES["router"]) | {"matcher.1": many}
        )
    nodes.until(lambda: nodes.a.board.get(Word.COMPARED) == 12)
    assert nodes.proxy.connections == 1


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def as_primary(nodes: Nodes, listener: socket.socket, seed: int) -> tuple[Liar, Filling, Hello, Hello]:
    """A liar whom the secondary dials, that secondary's agent, its greeting, and what would be the true answer."""
    dialer = Dialer(f"127.0.0.1:{listener.getsockname()[1]}", None)
    filling = Filling(nodes.b.venue, dialer, nodes.b.tell)
    turns(nodes, filling, 4)
    said = Liar(listener.accept()[0], seed)
    turns(nodes, filling, 4)
    own = greeting_in(said.hear()[0][1])
    return said, filling, own, greeting_of(nodes.a.venue.config, nodes.a.venue.data, nodes.a.durable)


def welcome(nodes: Nodes, said: Liar, filling: Filling, own: Hello, primary: Hello) -> None:
    said.nonce = own.nonce
    said.say(WELCOME, primary.pack())
    said.agree(own, primary)
    turns(nodes, filling, 4)


def test_a_secondary_outlives_a_primary_that_lies(nodes: Nodes, listener: socket.socket) -> None:
    nodes.filling.close()
    log = nodes.b.venue.ring(LOG)
    for seed in range(CONNECTIONS):
        end = log.published
        said, filling, own, primary = as_primary(nodes, listener, seed)
        welcome(nodes, said, filling, own, structs.replace(primary, **said.draw.choice(LIES)))
        for _ in range(FRAMES):
            said.say_anything(end)
            turns(nodes, filling)
        filling.close()
        said.close()
        assert log.published == end
        assert not nodes.b.board.get(Word.HANDOVER)
        assert not nodes.b.board.get(Word.COMPARED)
    assert verify(nodes.b.venue.data / "journal").corruption is None


def test_digests_that_are_none_end_the_connection_with_the_reason(nodes: Nodes, listener: socket.socket) -> None:
    agents = nodes.b.venue.topology.core_agents
    leave(nodes.b.venue.data, 12, dict.fromkeys(agents, TABLES["router"]))
    nodes.filling.close()
    for payload in (b"{", b'{"router": {"\xff": 1}}', b'{"router": 1}'):
        said, filling, own, primary = as_primary(nodes, listener, 1)
        welcome(nodes, said, filling, own, primary)
        said.say(DIGESTS, payload, position=12, epoch=1)
        turns(nodes, filling, 4)
        assert nodes.b.states[-1][0] is LinkState.REFUSED
        assert "DAMAGED: the digests at record 12 can't be read" in nodes.b.states[-1][1]
        filling.close()
        said.close()
    assert not nodes.b.board.get(Word.DIFFERS)
