"""What is taken out of a venue of two nodes: the secondary has it on its disk first, whoever dies between two steps."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from lockstep.config.schema import AssetSection, Config, InstrumentSection, ReplicationSection, VenueSection
from lockstep.core.journal.writer import MIN_SEGMENT_BYTES, JournalWriter
from lockstep.core.venue import node, voided_commands
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.core.venue.voided_commands import Position, Voids
from lockstep.procs.replicator import voiding
from lockstep.procs.replicator.greeting import greeting_of, voids_of
from lockstep.procs.replicator.handshake import Hello, LinkError
from lockstep.procs.replicator.shipper import Shipper
from lockstep.procs.replicator.shipping import Shipping
from lockstep.procs.replicator.transport import Acceptor, Connection, Dialer
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Ring
from tests.models import journal as model

VOIDS = Voids({3: 0}, (Position(1, 1, 7),))
BOUND_S = 20.0


class Primary(threading.Thread):
    """`lockstep void` at the moment when it tells the node at `port`; `says` is what came of it."""

    def __init__(self, own: Hello, port: int, voids: Voids = VOIDS) -> None:
        super().__init__()
        self.says: str | None = None
        self._parts = Dialer(f"127.0.0.1:{port}", None), own, voids, BOUND_S
        self.start()

    def run(self) -> None:
        self.says = voiding.tell(*self._parts)


class Secondary:
    """A process of the secondary that answers one connection, step by step."""

    def __init__(self, acceptor: Acceptor, own: Hello, data: Path, *, follows: bool = True) -> None:
        self.data = data
        self.connection: Connection | None = None
        deadline_s = time.monotonic() + BOUND_S
        while self.connection is None:
            self.connection = acceptor.poll(time.monotonic_ns())
            assert time.monotonic() < deadline_s, acceptor.trouble
        ring = Ring.private(64, [])
        self.shipper = Shipper(ring, Board.private(), data / "journal", own, time.monotonic_ns(), follows=follows)

    def hear(self) -> None:
        assert self.connection is not None
        deadline_s = time.monotonic() + BOUND_S
        while self.shipper.voids is None:
            self.connection.pump(self.shipper)
            self.shipper.poll(time.monotonic_ns())
            assert time.monotonic() < deadline_s

    def keep(self) -> None:
        voiding.keep(self.data, self.shipper, time.monotonic_ns())

    def obey(self) -> None:
        self.hear()
        self.keep()

    def die(self) -> None:
        assert self.connection is not None
        self.connection.close()


class Two:
    """The folders and greetings of two nodes, and where the secondary listens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        identity = secrets.token_bytes(16)
        self.a, self.b = (self._made(folder / name, name, identity) for name in "ab")
        self.acceptor = Acceptor("127.0.0.1:0", None)

    def _made(self, data: Path, name: str, identity: bytes) -> tuple[Path, Hello]:
        with JournalWriter(data / "journal", "none", MIN_SEGMENT_BYTES, journal_id=identity) as writer:
            writer.append(model.records(1, 4))
        return data, greeting_of(self.config(name), data, 4)

    def config(self, name: str) -> Config:
        venue = VenueSection(data=str(self.folder / name))
        return Config(
            venue=venue,
            replication=ReplicationSection(node=name),
            assets=[AssetSection(name="BTC", scale=8), AssetSection(name="USDT", scale=8)],
            instruments=[InstrumentSection(symbol="BTCUSDT", base="BTC", quote="USDT", tick="0.01", lot="0.0001")],
        )

    def secondary(self, *, follows: bool = True) -> Secondary:
        return Secondary(self.acceptor, self.b[1], self.b[0], follows=follows)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    made = Two(tmp_path)
    yield made
    made.acceptor.close()


def test_the_secondary_has_it_before_it_counts(two: Two) -> None:
    primary = Primary(two.a[1], two.acceptor.port)
    kept = voiding.accept(two.acceptor, two.b[1], two.b[0], pytest.fail)
    primary.join()
    assert primary.says == ""
    assert kept == voided_commands.load(two.b[0]) == VOIDS


def test_a_secondary_that_dies_before_it_has_it_is_asked_again(two: Two) -> None:
    primary = Primary(two.a[1], two.acceptor.port)
    first = two.secondary()
    first.hear()
    first.die()
    assert voided_commands.load(two.b[0]) == Voids()
    assert primary.is_alive()
    voiding.accept(two.acceptor, two.b[1], two.b[0], pytest.fail)
    primary.join()
    assert primary.says == ""
    assert voided_commands.load(two.b[0]) == VOIDS


def test_a_secondary_that_dies_before_it_says_so_is_asked_again(two: Two) -> None:
    primary = Primary(two.a[1], two.acceptor.port)
    first = two.secondary()
    first.hear()
    first.keep()
    first.die()
    voiding.accept(two.acceptor, two.b[1], two.b[0], pytest.fail)
    primary.join()
    assert primary.says == ""
    assert voided_commands.load(two.b[0]) == VOIDS


def test_a_primary_that_dies_before_it_counts_is_noticed_and_tells_again(two: Two) -> None:
    """Its own file is as it was: the link is refused for that (OTHER_VOIDS), until the command is given again."""
    for _ in range(2):
        primary = Primary(two.a[1], two.acceptor.port)
        secondary = two.secondary()
        secondary.hear()
        secondary.keep()
        assert secondary.connection is not None
        secondary.connection.pump(secondary.shipper)
        primary.join()
        secondary.die()
        assert primary.says == ""
        assert voids_of(two.a[0]) != voids_of(two.b[0])
    voided_commands.save(two.a[0], VOIDS)
    assert voids_of(two.a[0]) == voids_of(two.b[0])


def answered(two: Two, own: Hello, *, follows: bool = True) -> str:
    """What the other node hears that tells one which refuses."""
    primary = Primary(own, two.acceptor.port)
    secondary = two.secondary(follows=follows)
    assert secondary.connection is not None
    with pytest.raises(LinkError) as refused:
        secondary.obey()
    secondary.connection.refuse(secondary.shipper, refused.value, time.monotonic_ns())
    primary.join()
    assert primary.says is not None
    return primary.says


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"venue": "other"}, "the peer is of venue 'other'"),
        ({"journal_id": bytes(16)}, "the two journals are not of one venue"),
        ({"node": "b"}, "both nodes are called 'b'"),
        ({"epoch": 0}, "this node has epoch 1"),
    ],
)
def test_only_the_venues_other_node_may_take_something_out(two: Two, change: dict[str, object], why: str) -> None:
    says = answered(two, structs.replace(two.a[1], **change))
    assert why in says
    assert voided_commands.load(two.b[0]) == Voids()


def test_a_secondary_lets_go_of_nothing(two: Two) -> None:
    voided_commands.save(two.b[0], Voids({2: 0}))
    says = answered(two, two.a[1])
    assert "has taken out what the other one has not" in says
    assert voided_commands.load(two.b[0]) == Voids({2: 0})


def test_a_node_that_is_away_keeps_it_from_counting(two: Two) -> None:
    port = two.acceptor.port
    two.acceptor.close()
    says = voiding.tell(Dialer(f"127.0.0.1:{port}", None), two.a[1], VOIDS, 0.2)
    assert "connection refused" in says


def test_a_node_that_leads_is_told_nothing(two: Two) -> None:
    assert "is no secondary" in answered(two, two.a[1], follows=False)


@pytest.mark.parametrize(
    ("voids", "restarts"), [(VOIDS, 1), (Voids(ingress=VOIDS.ingress), 0)], ids=["a record", "a request"]
)
def test_a_secondary_that_runs_keeps_it_too(two: Two, voids: Voids, restarts: int) -> None:
    """Its core has begun with a record: the node starts again (FENCED). Requests wait in the primary's rings."""
    config = two.config("b")
    node.save(two.b[0], Node("secondary"))
    venue = Venue.private(derive(config, follows=True), config, two.b[0], node=Node("secondary"))
    venue.board.set(Word.JOURNAL_READY, venue.generation)
    venue.board.set(Word.DURABLE_SEQ, 4)
    shipping = Shipping(venue, two.acceptor, lambda *_: None)
    primary = Primary(two.a[1], two.acceptor.port, voids)
    deadline_s = time.monotonic() + BOUND_S
    while primary.is_alive():
        shipping.poll(time.monotonic_ns())
        assert time.monotonic() < deadline_s
    assert primary.says == ""
    assert voided_commands.load(two.b[0]) == voids
    assert venue.board.get(Word.FENCED) == restarts
    shipping.close()
