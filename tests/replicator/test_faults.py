"""The link as a whole behind a network that is slow, cut, half-open or lying: two nodes' agents over real sockets.

The clock is the test's own. Whatever the network does, the secondary's log is a beginning of the primary's, nothing is
acknowledged that is not on its disk, and when the network heals, the logs become equal.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest

from lockstep.config.schema import (
    AssetSection,
    Config,
    InstrumentSection,
    JournalSection,
    ReplicationSection,
    RingsSection,
    VenueSection,
)
from lockstep.core.journal.end import segment_header
from lockstep.core.journal.journal import JournalReader
from lockstep.core.schema.records import RECORD_SIZE
from lockstep.core.venue import node
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import LOG, derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.journaler.__main__ import build as build_journaler
from lockstep.procs.replicator import certificates, filling, link_report
from lockstep.procs.replicator.certificates import Credentials
from lockstep.procs.replicator.filling import Filling
from lockstep.procs.replicator.handshake import Fence, LinkState
from lockstep.procs.replicator.link_report import LinkReport
from lockstep.procs.replicator.shipping import Shipping
from lockstep.procs.replicator.transport import Acceptor, Dialer
from lockstep.shm.board import Word
from tests.models import journal as model
from tests.replicator.proxy import ALL, Proxy
from tests.small_disk import SmallDisk

TURN_NS = 5_000_000
SECOND = 1_000_000_000
SOAK_S = float(os.environ.get("SOAK_S", "60"))
HEALS_NS = 12 * SECOND  # a silence, a handshake that comes to nothing, a pause, each after the other


record = cache(model.record)  # its checksums are written out slowly


class Side:
    """A node's log ring, board and journaler, and what happened to its link."""

    def __init__(self, config: Config, known: Node) -> None:
        topology, data = derive(config, follows=known.is_secondary), Path(config.venue.data)
        self.venue = Venue.private(topology, config, data, node=known)
        self.board = self.venue.board
        self.journaler = build_journaler(self.venue)
        others = [name for name in self.venue.ring(LOG).cursors() if name != "journaler"]
        self.readers = [self.venue.consumer(LOG, name) for name in others]
        self.states: list[tuple[LinkState, str]] = []

    def tell(self, state: LinkState, why: str) -> None:
        self.board.set(Word.LINK, state)
        if not self.states or self.states[-1] != (state, why):
            self.states.append((state, why))

    def journal(self, batches: int) -> None:
        for _ in range(batches):
            self.journaler.step(0)

    def follow(self) -> None:
        for reader in self.readers:
            reader.take()

    @property
    def durable(self) -> int:
        return self.board.get(Word.DURABLE_SEQ)

    def records(self) -> list[bytes]:
        return list(JournalReader(self.venue.data / "journal", 1, self.durable))

    def close(self) -> None:
        self.journaler.journal.close()


class Nodes:
    """A primary `a`, its secondary `b`, and the proxy between them."""

    def __init__(
        self, folder: Path, seed: int, *, secure: bool, acknowledge: str = "disk", catch_up_mb_s: int = 1000
    ) -> None:
        self.draw = random.Random(seed)
        self.now_ns = SECOND
        for each in "ab":
            (folder / each).mkdir()
        self.a = Side(config(folder, "a", acknowledge, catch_up_mb_s), Node())
        journal_id = segment_header(folder / "a" / "journal", 1).journal_id.hex()
        self.b = Side(config(folder, "b", acknowledge), Node("secondary", journal_id=journal_id))
        self.a.board.set(Word.EPOCH, 1)
        self.log = self.a.venue.producer(LOG)
        keys = credentials(folder) if secure else (None, None)
        acceptor = Acceptor("127.0.0.1:0", keys[0])
        self.proxy = Proxy(acceptor.port)
        self.shipping = Shipping(self.a.venue, acceptor, self.a.tell)
        self.filling = Filling(self.b.venue, Dialer(f"127.0.0.1:{self.proxy.port}", keys[1]), self.b.tell)

    def turn(self, orders: int = 0, synced: int = 1) -> None:
        """Some orders at the primary, a step of everything, and so many batches synced at the secondary."""
        self.now_ns += TURN_NS
        for seq in range(self.log.next, self.log.next + orders) if self.log.room() >= orders else ():
            self.log.put(record(seq))
        self.a.board.set(Word.LOG_END, self.log.next - 1)
        self.a.journal(2)
        self.a.follow()
        self.shipping.poll(self.now_ns)
        self.proxy.turn()
        self.filling.poll(self.now_ns)
        self.b.journal(synced)
        self.b.follow()
        self.check()

    def check(self) -> None:
        """What holds at every moment."""
        assert self.a.board.get(Word.ACKED_SEQ) <= self.b.durable, "acknowledged what is not on the secondary's disk"
        assert self.b.board.get(Word.PRIMARY_COMMIT) <= self.a.durable
        assert self.b.venue.ring(LOG).published <= self.log.next - 1

    def is_equal(self) -> bool:
        return self.a.board.get(Word.ACKED_SEQ) == self.log.next - 1

    def until(self, done: Callable[[], bool], within_ns: int = HEALS_NS) -> None:
        end = self.now_ns + within_ns
        while not done():
            assert self.now_ns < end, (self.a.states[-3:], self.b.states[-3:])
            self.turn(synced=4)

    def check_equal(self) -> None:
        assert self.b.records() == self.a.records() == [record(seq) for seq in range(1, self.log.next)]

    def close(self) -> None:
        self.filling.close()
        self.shipping.close()
        self.proxy.close()
        for side in (self.a, self.b):
            side.close()


def config(folder: Path, name: str, acknowledge: str, catch_up_mb_s: int = 1000) -> Config:
    known: Literal["disk", "memory"] = "memory" if acknowledge == "memory" else "disk"
    return Config(
        venue=VenueSection(data=str(folder / name), durability="both"),
        replication=ReplicationSection(node=name, acknowledge=known, catch_up_mb_s=catch_up_mb_s),
        rings=RingsSection(log=512 if name == "a" else 128),  # small: much has to come from the journal
        journal=JournalSection(segment_bytes=65_536),
        assets=[AssetSection(name="BTC", scale=8), AssetSection(name="USDT", scale=8)],
        instruments=[InstrumentSection(symbol="BTCUSDT", base="BTC", quote="USDT", tick="0.01", lot="0.0001")],
    )


def credentials(folder: Path) -> tuple[Credentials, Credentials]:
    made = {name: certificates.make(name) for name in "ab"}
    for name, peer in ("ab", "ba"):
        place = node.folder_of(folder / name)
        place.mkdir(parents=True)
        (place / "key.pem").write_bytes(b"".join(made[name]))
        (place / "peer.pem").write_bytes(made[peer][1])
    return Credentials(node.folder_of(folder / "a")), Credentials(node.folder_of(folder / "b"))


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory: syncs to a disk are not what is tested here."""
    with TemporaryDirectory(dir="/dev/shm", prefix="link-test-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(params=["plain", "TLS"])
def nodes(request: pytest.FixtureRequest, folder: Path) -> Iterator[Nodes]:
    with closing(Nodes(folder, 1, secure=request.param == "TLS")) as made:
        made.turn(orders=20)
        made.until(made.is_equal)
        yield made


def test_a_healthy_network_carries_the_log_and_commits_begin_to_wait(nodes: Nodes) -> None:
    for _ in range(50):
        nodes.turn(orders=30)
    nodes.until(nodes.is_equal)
    nodes.check_equal()
    assert nodes.proxy.connections == 1
    assert node.load(nodes.a.venue.data).members == ("a", "b")
    assert nodes.a.board.get(Word.COMMIT_BY) == Word.ACKED_SEQ


def test_a_secondary_that_leaves_is_waited_for_no_more_until_it_comes_back(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its operator stops must not stop the trade; what dies or is cut off is waited for."""
    told: list[tuple[str, ...]] = []

    def go_alone() -> None:
        told.append(node.load(nodes.a.venue.data).members)
        nodes.a.board.set(Word.COMMIT_BY, 0)

    monkeypatch.setattr(node, "tell_supervisor", go_alone)
    nodes.b.board.set(Word.HANDOVER, Fence.LEAVES)
    nodes.until(lambda: nodes.b.board.get(Word.HANDOVER) == Fence.LEFT)
    assert told == [("a",)]  # on the disk before commits wait no more
    for _ in range(50):
        nodes.turn(orders=10)
    assert (nodes.a.board.get(Word.COMMIT_BY), node.load(nodes.a.venue.data).members) == (0, ("a",))
    nodes.b.board.set(Word.HANDOVER, Fence.NO)
    nodes.until(lambda: nodes.a.board.get(Word.COMMIT_BY) == Word.ACKED_SEQ)
    assert node.load(nodes.a.venue.data).members == ("a", "b")
    nodes.until(nodes.is_equal)
    nodes.check_equal()
    assert (len(told), nodes.proxy.connections) == (1, 2)


@pytest.mark.parametrize("is_cut", [True, False])
def test_a_secondary_that_has_left_and_is_not_stopped_comes_back(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch, is_cut: bool
) -> None:
    """The command was killed between the two: by the next connection, or after a while, it is waited for again."""
    monkeypatch.setattr(node, "tell_supervisor", lambda: nodes.a.board.set(Word.COMMIT_BY, 0))
    monkeypatch.setattr(filling, "STOP_NS", 10 * TURN_NS if not is_cut else filling.STOP_NS)
    nodes.b.board.set(Word.HANDOVER, Fence.LEAVES)
    nodes.until(lambda: nodes.b.board.get(Word.HANDOVER) == Fence.LEFT)
    if is_cut:
        nodes.proxy.cut(politely=True)
    nodes.until(lambda: nodes.a.board.get(Word.COMMIT_BY) == Word.ACKED_SEQ)
    assert nodes.b.board.get(Word.HANDOVER) == Fence.NO
    assert node.load(nodes.a.venue.data).members == ("a", "b")


def test_a_secondary_leaves_once_the_role_that_says_so_can_be_written(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role that can't be read is said once; commits wait for whom they waited, and the link goes on."""
    monkeypatch.setattr(node, "tell_supervisor", lambda: nodes.a.board.set(Word.COMMIT_BY, 0))
    role = node.folder_of(nodes.a.venue.data) / node.ROLE
    whole = role.read_bytes()
    role.write_bytes(b"{")
    nodes.b.board.set(Word.HANDOVER, Fence.LEAVES)
    nodes.until(lambda: "role.json can't be read" in nodes.a.states[-1][1])
    said = len(nodes.a.states)
    for _ in range(3 * SECOND // TURN_NS):
        nodes.turn(orders=1)
    assert (len(nodes.a.states), nodes.a.states[-1][0]) == (said, LinkState.IN_STEP)
    assert nodes.a.board.get(Word.COMMIT_BY) == Word.ACKED_SEQ
    assert nodes.b.board.get(Word.HANDOVER) == Fence.LEAVES
    role.write_bytes(whole)
    nodes.until(lambda: nodes.b.board.get(Word.HANDOVER) == Fence.LEFT)
    assert (nodes.a.board.get(Word.COMMIT_BY), node.load(nodes.a.venue.data).members) == (0, ("a",))
    assert nodes.proxy.connections == 1


def test_commits_begin_to_wait_once_the_disk_takes_the_role(
    folder: Path, small_disk: Callable[[int], SmallDisk]
) -> None:
    disk = small_disk(2**20)
    with closing(Nodes(folder, 1, secure=False)) as nodes:
        node.folder_of(nodes.a.venue.data).symlink_to(disk.folder)
        disk.fill()
        nodes.turn(orders=20)
        nodes.until(lambda: "role.json can't be written: No space left on device" in nodes.a.states[-1][1])
        for _ in range(3 * SECOND // TURN_NS):
            nodes.turn(orders=1)
        assert nodes.a.states[-1][0] == LinkState.IN_STEP
        assert (nodes.a.board.get(Word.COMMIT_BY), node.load(nodes.a.venue.data).members) == (0, ())
        disk.empty()
        nodes.until(lambda: nodes.a.board.get(Word.COMMIT_BY) == Word.ACKED_SEQ)
        assert node.load(nodes.a.venue.data).members == ("a", "b")
        nodes.until(lambda: nodes.a.states[-1] == (LinkState.IN_STEP, ""))
        assert nodes.proxy.connections == 1


def test_what_a_link_does_is_said_on_a_full_disk_too(small_disk: Callable[[int], SmallDisk]) -> None:
    disk = small_disk(2**20)
    (disk.folder / "run").mkdir()
    link_report.write(disk.folder, LinkReport("alone", ""))
    disk.fill()
    told = LinkReport("in_step", "role.json can't be written: No space left on device", "b", 3)
    link_report.write(disk.folder, told)
    assert link_report.read(disk.folder) == told


def test_a_catch_up_takes_no_more_than_its_share(folder: Path) -> None:
    """Of disk and link: at 1 MB a second 4,000 records of 120 bytes take some 0.5 s, whatever the network carries."""
    with closing(Nodes(folder, 1, secure=False, catch_up_mb_s=1)) as nodes:
        while nodes.log.next <= 4_000:
            nodes.proxy.cut(politely=True)
            nodes.turn(orders=100)
        begun_ns, missing = nodes.now_ns, nodes.log.next - 1 - nodes.b.venue.ring(LOG).published
        assert missing > 2_000
        nodes.until(nodes.is_equal)
        from_journal = missing - nodes.log.ring.capacity
        assert (nodes.now_ns - begun_ns) / SECOND >= from_journal * RECORD_SIZE / 1e6 - 0.02
        nodes.check_equal()


@pytest.mark.parametrize("politely", [False, True])
def test_a_connection_cut_again_and_again_is_gone_on_from(nodes: Nodes, politely: bool) -> None:
    for turn in range(400):
        nodes.turn(orders=10)
        if turn % 20 == 19:
            nodes.proxy.cut(politely=politely)
    nodes.until(nodes.is_equal)
    nodes.check_equal()
    assert nodes.proxy.connections > 5


def test_a_half_open_link_ends_by_silence_on_both_sides_and_begins_again(nodes: Nodes) -> None:
    nodes.proxy.is_mute = True
    for _ in range(2 * SECOND // TURN_NS + 200):
        nodes.turn(orders=2)
    for side in (nodes.a, nodes.b):
        assert any("the peer has said nothing for 2 s" in why for _, why in side.states)
        assert side.board.get(Word.LINK) == LinkState.ALONE
    nodes.proxy.is_mute = False
    nodes.until(nodes.is_equal)
    nodes.check_equal()


def test_a_slow_link_falls_behind_and_never_stops(nodes: Nodes) -> None:
    nodes.proxy.rate = 3000  # 600 KB/s, less than what is traded
    for _ in range(400):
        nodes.turn(orders=30)
    assert nodes.a.board.get(Word.ACKED_SEQ) < nodes.log.next - 1
    assert nodes.proxy.connections == 1
    nodes.proxy.rate = ALL
    nodes.until(nodes.is_equal)
    nodes.check_equal()


def test_a_secondary_counts_as_told_once_its_disk_has_the_primarys_log(nodes: Nodes) -> None:
    """With `local` the primary has told of records that are on no other disk: a promoted node may die at once."""
    nodes.b.board.set(Word.HANDOVER, Fence.ASKED)
    nodes.turn(orders=10, synced=0)
    for _ in range(20):
        nodes.turn(synced=0)
    assert nodes.a.board.get(Word.FENCED)
    assert nodes.b.venue.ring(LOG).published == nodes.log.next - 1 > nodes.b.durable
    assert nodes.b.board.get(Word.HANDOVER) == Fence.ASKED
    nodes.until(lambda: nodes.b.board.get(Word.HANDOVER) == Fence.ANSWERED)
    nodes.check_equal()


def test_bytes_one_by_one_are_a_link(nodes: Nodes) -> None:
    nodes.proxy.rate = 1
    before = nodes.b.venue.ring(LOG).published
    nodes.turn(orders=1)
    nodes.until(lambda: nodes.b.venue.ring(LOG).published > before or nodes.proxy.connections > 1)
    assert nodes.proxy.connections == 1
    nodes.proxy.rate = ALL
    nodes.until(nodes.is_equal)
    nodes.check_equal()


def test_a_changed_byte_ends_the_connection_and_never_reaches_a_log(nodes: Nodes) -> None:
    for turn in range(600):
        nodes.turn(orders=10)
        if turn % 40 == 39:
            nodes.proxy.spoil = nodes.draw
    nodes.until(nodes.is_equal)
    nodes.check_equal()
    assert nodes.proxy.connections > 5


def test_an_old_connection_beside_a_new_one_does_no_harm(nodes: Nodes) -> None:
    for _ in range(3):
        for _ in range(5):
            nodes.turn(orders=20)
        nodes.proxy.orphan()
        nodes.until(nodes.is_equal)
    nodes.check_equal()
    assert nodes.proxy.connections > 3


@pytest.mark.parametrize("seed", range(6))
def test_whatever_a_network_does_the_logs_become_equal(folder: Path, seed: int) -> None:
    weather(folder, seed)


@pytest.mark.soak
def test_whatever_a_network_does_for_long_the_logs_become_equal(folder: Path) -> None:
    end_s = time.monotonic() + SOAK_S / 10
    for seed in itertools.count(1000):
        (folder / f"{seed}").mkdir()
        weather(folder / f"{seed}", seed)
        shutil.rmtree(folder / f"{seed}")
        if time.monotonic() > end_s:
            break


def weather(folder: Path, seed: int) -> None:
    with closing(Nodes(folder, seed, secure=seed % 3 == 0)) as nodes:
        storm(nodes)
        nodes.until(nodes.is_equal)
        nodes.check_equal()


def test_both_sides_say_which_certificate_keeps_them_apart(folder: Path) -> None:
    with closing(Nodes(folder, 1, secure=True)) as nodes:
        nodes.turn(orders=5)
        nodes.until(nodes.is_equal)
        key = node.folder_of(folder / "b") / "key.pem"
        old = key.read_bytes()
        key.write_bytes(b"".join(certificates.make("b")))
        nodes.proxy.cut(politely=True)
        nodes.until(lambda: "not the one that this node is paired with" in nodes.a.states[-1][1])
        nodes.until(lambda: "refuses this node's certificate" in nodes.b.states[-1][1])
        said = len(nodes.a.states), len(nodes.b.states)
        for _ in range(5 * SECOND // TURN_NS):
            nodes.turn(orders=1)
        assert (len(nodes.a.states), len(nodes.b.states)) == said, "it is told once"
        key.write_bytes(old)
        nodes.until(nodes.is_equal)
        nodes.check_equal()


def storm(nodes: Nodes) -> None:
    """Faults of every kind, drawn, over some simulated seconds."""
    draw, proxy = nodes.draw, nodes.proxy
    for _ in range(12):
        match draw.randrange(7):
            case 0:
                proxy.rate = draw.choice([1, 100, 3000, 50_000])
            case 1:
                proxy.is_mute = True
            case 2:
                proxy.cut(politely=draw.random() < 0.5)
            case 3:
                proxy.spoil = draw
            case 4:
                proxy.orphan()
            case _:
                proxy.rate, proxy.is_mute = ALL, False
        for _ in range(draw.randrange(1, 120)):
            nodes.turn(orders=draw.choice([0, 1, 5, 40]), synced=draw.randrange(3))
    proxy.rate, proxy.is_mute = ALL, False


def test_a_secondary_that_acknowledges_before_its_sync_is_found_out(folder: Path) -> None:
    with closing(Nodes(folder, 1, secure=False, acknowledge="memory")) as nodes:
        nodes.turn(orders=1)
        nodes.until(nodes.is_equal)

        def unsynced() -> None:
            for _ in range(100):
                nodes.turn(orders=10, synced=0)

        with pytest.raises(AssertionError, match="not on the secondary's disk"):
            unsynced()
