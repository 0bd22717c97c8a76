"""The link between two nodes: real rings, boards and journals, and bytes that a test carries, cuts or changes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from msgspec.structs import replace

from lockstep.core.journal.journal import JournalReader
from lockstep.core.journal.writer import MIN_SEGMENT_BYTES, JournalWriter
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Epoch, Snapshot
from lockstep.procs.journaler.journaler import Journaler
from lockstep.procs.replicator.handshake import Hello, LinkError, Refusal
from lockstep.procs.replicator.link import RULES, Link
from lockstep.procs.replicator.receiver import Receiver
from lockstep.procs.replicator.shipper import Shipper
from lockstep.procs.router import sequencer
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Ring
from tests.models import journal as model

SECOND = 1_000_000_000
ID = b"j" * 16


class Later(IntEnum):
    """What a later version may say."""

    NEWS = 999


class Node:
    """A log ring, a board, and a journaler over the journal in `folder`."""

    def __init__(self, folder: Path, capacity: int = 64) -> None:
        self.folder = folder
        self.ring = Ring.private(capacity, ["journaler"])
        self.producer = self.ring.producer()
        self.board = Board.private()
        self.journaler = Journaler(
            self.ring.consumer("journaler"), JournalWriter(folder, "none", MIN_SEGMENT_BYTES), self.board
        )

    def put(self, records: list[bytes]) -> None:
        for record in records:
            if not self.producer.room():
                self.journal()
            self.producer.put(record)

    def journal(self) -> None:
        while self.journaler.step(0):
            pass

    def records(self) -> list[bytes]:
        self.journal()
        return list(JournalReader(self.folder, 1, self.board.get(Word.DURABLE_SEQ)))


class Pair:
    """A primary and a secondary, and a connection that `carry` moves bytes over."""

    shipper: Shipper
    receiver: Receiver

    def __init__(self, folder: Path, synced: bool = False) -> None:
        self.primary, self.secondary = Node(folder / "a"), Node(folder / "b", 32)
        self.primary.board.set(Word.EPOCH, 1)
        self.synced = synced
        self.a = Hello("demo", "a", ID, 1, 0, 0, 1)
        self.b = Hello("demo", "b", ID, 1, 0, 0, 2)
        self.connect()

    def connect(self, now_ns: int = 0, **changed: str | bytes | int) -> None:
        self.a = replace(self.a, nonce=self.a.nonce + 2)
        chain = self.receiver.chain if hasattr(self, "receiver") else 0
        self.b = replace(self.b, nonce=self.b.nonce + 2, last_seq=self.secondary.producer.next - 1, chain=chain)
        own = replace(self.b, **changed)
        self.shipper = Shipper(self.primary.ring, self.primary.board, self.primary.folder, self.a, now_ns, 16)
        self.receiver = Receiver(self.secondary.producer, self.secondary.board, own, self.synced, now_ns)

    def carry(self, now_ns: int = 0, journal: bool = True) -> None:
        """Until neither has anything more to say at this moment."""
        while True:
            moved = move(self.receiver, self.shipper) + self.shipper.poll(now_ns)
            moved += move(self.shipper, self.receiver) + self.receiver.poll(now_ns)
            if journal:
                self.secondary.journal()
            if not moved and not len(self.receiver.unsent()):
                return

    def acked(self) -> int:
        return self.primary.board.get(Word.ACKED_SEQ)


def move(source: Link, target: Link) -> int:
    data = bytes(source.unsent())
    give(target, data)
    source.sent(len(data))
    return len(data)


def give(target: Link, data: bytes) -> None:
    target.room()[: len(data)] = data
    target.received(len(data))


@pytest.fixture
def pair() -> Iterator[Pair]:
    with TemporaryDirectory(dir="/dev/shm", prefix="replicator-test-", ignore_cleanup_errors=True) as name:
        yield Pair(Path(name))


def test_the_log_arrives_byte_for_byte_and_is_acknowledged(pair: Pair) -> None:
    pair.primary.put(model.records(1, 40))
    pair.carry()
    assert pair.secondary.records() == model.records(1, 40)
    assert pair.acked() == 40
    assert pair.receiver.chain == pair.shipper.chain == model.chain(model.records(1, 40))


def test_the_secondary_hears_the_primarys_clock(pair: Pair) -> None:
    """With records, and with heartbeats: less its own monotonic clock, which runs as fast as the primary's."""
    now_ns, hour_ns = 10**9, 3600 * 10**9
    for anchor_ns in (400_000 * hour_ns, 400_001 * hour_ns):
        pair.shipper.anchor_ns = anchor_ns
        if anchor_ns == 400_000 * hour_ns:
            pair.primary.put(model.records(1, 1))
        now_ns += 500_000_000
        pair.carry(now_ns)
        assert pair.secondary.board.get(Word.PEER_ANCHOR_NS) == anchor_ns
        assert pair.secondary.board.get(Word.WAITED_FOR) == (pair.primary.board.get(Word.COMMIT_BY) == Word.ACKED_SEQ)
        pair.primary.board.set(Word.COMMIT_BY, Word.ACKED_SEQ)


def test_what_the_ring_has_no_more_comes_from_the_journal(pair: Pair) -> None:
    pair.primary.put(model.records(1, 1000))
    pair.primary.journal()
    pair.carry()
    assert pair.shipper.caught_up > 900
    assert pair.secondary.records() == model.records(1, 1000)
    assert pair.secondary.board.get(Word.PRIMARY_COMMIT) == 1000


def test_synced_acknowledges_only_what_the_journaler_has_committed(pair: Pair) -> None:
    pair.synced = True
    pair.connect()
    pair.primary.put(model.records(1, 10))
    pair.carry(journal=False)
    assert pair.secondary.producer.next == 11
    assert pair.acked() == 0
    pair.secondary.journal()
    pair.carry()
    assert pair.acked() == 10


def test_a_secondary_that_stands_still_holds_up_no_primary(pair: Pair) -> None:
    pair.primary.put(model.records(1, 3000))
    pair.carry(journal=False)
    assert pair.secondary.producer.next <= 33
    pair.primary.put(model.records(3001, 100))
    pair.carry()
    assert pair.secondary.records() == model.records(1, 3100)


def test_a_connection_cut_at_any_byte_is_gone_on_from(pair: Pair) -> None:
    first = 1
    for cut in range(0, 600, 7):
        pair.carry()
        pair.primary.put(model.records(first, 3))
        first += 3
        pair.shipper.poll(0)
        give(pair.receiver, bytes(pair.shipper.unsent())[:cut])
        pair.receiver.poll(0)
        pair.secondary.journal()
        pair.connect()
    pair.carry()
    assert pair.secondary.records() == model.records(1, first - 1)
    assert pair.acked() == first - 1


def test_a_frame_of_an_earlier_connection_counts_for_nothing(pair: Pair) -> None:
    pair.carry()
    pair.primary.put(model.records(1, 3))
    pair.shipper.poll(0)
    old = bytes(pair.shipper.unsent())
    pair.connect()
    move(pair.receiver, pair.shipper)
    pair.shipper.poll(0)
    frames = bytes(pair.shipper.unsent())
    give(pair.receiver, frames[: len(frames) - len(old)])
    give(pair.receiver, old)
    assert_refuses(pair.receiver, Refusal.STALE)
    assert pair.secondary.producer.next == 1


def assert_refuses(link: Receiver | Shipper, code: Refusal, now_ns: int = 0) -> str:
    with pytest.raises(LinkError) as error:
        link.poll(now_ns)
    assert error.value.code == code
    return error.value.reason


def test_no_changed_byte_of_a_batch_reaches_the_ring(pair: Pair) -> None:
    pair.carry()
    pair.primary.put(model.records(1, 2))
    pair.shipper.poll(0)
    frame = bytes(pair.shipper.unsent())
    for at in range(0, len(frame), 3):
        wrong = bytearray(frame)
        wrong[at] ^= 1
        pair.receiver.room()[: len(frame)] = wrong
        pair.receiver.received(len(frame))
        with pytest.raises(LinkError):
            pair.receiver.poll(0)
        assert pair.secondary.producer.next == 1
        pair.connect()
        move(pair.receiver, pair.shipper)
        pair.shipper.poll(0)
        welcome = bytes(pair.shipper.unsent())
        give(pair.receiver, welcome[: len(welcome) - len(frame)])
        pair.receiver.poll(0)
        frame = welcome[len(welcome) - len(frame) :]


@pytest.mark.parametrize("twice", [True, False], ids=["twice", "out of order"])
def test_frames_that_come_twice_or_out_of_order_end_the_connection(pair: Pair, twice: bool) -> None:
    pair.carry()
    frames = []
    for first in (1, 2):
        pair.primary.put(model.records(first, 1))
        pair.shipper.poll(0)
        frames.append(bytes(pair.shipper.unsent()))
        pair.shipper.sent(len(frames[-1]))
    give(pair.receiver, frames[0] * 2 if twice else frames[1] + frames[0])
    assert_refuses(pair.receiver, Refusal.OUT_OF_ORDER)
    assert pair.secondary.producer.next == (2 if twice else 1)


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        (Refusal.WRONG_VENUE, {"venue": "other"}),
        (Refusal.DAMAGED, {"venue": ""}),
        (Refusal.DAMAGED, {"node": "b\x1b[2J"}),
        (Refusal.WRONG_LAYOUT, {"schema_hash": 1}),
        (Refusal.WRONG_JOURNAL, {"journal_id": b"k" * 16}),
        (Refusal.SAME_NODE, {"node": "a"}),
        (Refusal.OLD_EPOCH, {"epoch": 2}),
        (Refusal.OTHER_VOIDS, {"voids": 1}),
        (Refusal.DIVERGED, {"chain": 1}),
    ],
)
def test_a_greeting_that_does_not_fit_is_refused_and_both_say_why(
    pair: Pair, code: Refusal, changed: dict[str, str | bytes | int]
) -> None:
    pair.connect(0, **changed)
    move(pair.receiver, pair.shipper)
    with pytest.raises(LinkError) as error:
        pair.shipper.poll(0)
    pair.shipper.refuse(error.value, 0)
    move(pair.shipper, pair.receiver)
    assert assert_refuses(pair.receiver, code) == f"said by the peer: {error.value.reason}"


def test_a_secondary_that_has_more_is_refused_by_sequence(pair: Pair) -> None:
    pair.secondary.put(model.records(1, 5))
    pair.connect()
    move(pair.receiver, pair.shipper)
    assert "sequence 5" in assert_refuses(pair.shipper, Refusal.AHEAD)


def test_heartbeats_keep_a_connection_and_silence_ends_it(pair: Pair) -> None:
    pair.carry()
    for tenth in range(50):
        pair.carry(tenth * SECOND // 10)
    assert_refuses(pair.receiver, Refusal.SILENT, 8 * SECOND)
    assert_refuses(pair.shipper, Refusal.SILENT, 8 * SECOND)


def test_over_a_real_socket(pair: Pair) -> None:
    left, right = socket.socketpair()
    with left, right:
        left.setblocking(False)
        right.setblocking(False)
        pair.primary.put(model.records(1, 2000))
        pair.primary.journal()
        for _ in range(10_000):
            for link, end in ((pair.shipper, left), (pair.receiver, right)):
                link.poll(0)
                pump(link, end)
            pair.secondary.journal()
            if pair.acked() == 2000:
                break
    assert pair.secondary.records() == model.records(1, 2000)


def pump(link: Link, end: socket.socket) -> None:
    with suppress(BlockingIOError):
        link.sent(end.send(link.unsent()))
    with suppress(BlockingIOError):
        link.received(end.recv_into(link.room()))


def test_a_primary_that_repeats_its_journal_takes_its_secondary(pair: Pair) -> None:
    """It would never lead else: its events wait for the acknowledgement, and its rings are full of them."""
    pair.primary.put(model.records(1, 7))
    pair.primary.board.set(Word.EPOCH, 0)
    pair.carry()
    assert pair.acked() == 7


def test_who_follows_says_how_far_its_log_goes(pair: Pair) -> None:
    pair.primary.put(model.records(1, 7))
    pair.primary.board.set(Word.EPOCH, 0)
    pair.shipper = Shipper(pair.primary.ring, pair.primary.board, pair.primary.folder, pair.a, 0, 16, True)
    move(pair.receiver, pair.shipper)
    with pytest.raises(LinkError) as error:
        pair.shipper.poll(0)
    pair.shipper.refuse(error.value, 0)
    move(pair.shipper, pair.receiver)
    with pytest.raises(LinkError) as heard:
        pair.receiver.poll(0)
    assert heard.value.code == Refusal.NOT_LEADING
    assert (heard.value.epoch, heard.value.position) == (1, 7)


def test_a_secondary_gives_its_tail_and_takes_no_word_for_an_acknowledgement(pair: Pair) -> None:
    """LOG-21: a primary that starts again with a short journal takes what only the secondary has."""
    pair.primary.put(model.records(1, 40))
    pair.primary.journal()
    own = replace(pair.b, last_seq=0, chain=0)
    pair.shipper = Shipper(pair.primary.ring, pair.primary.board, pair.primary.folder, pair.a, 0, 16, True)
    pair.receiver = Receiver(pair.secondary.producer, pair.secondary.board, own, True, 0, True)
    pair.carry()
    assert pair.secondary.records() == model.records(1, 40)
    assert pair.acked() == 0


def test_no_node_that_leads_gives_a_tail(pair: Pair) -> None:
    pair.receiver = Receiver(pair.secondary.producer, pair.secondary.board, pair.b, True, 0, True)
    move(pair.receiver, pair.shipper)
    assert_refuses(pair.shipper, Refusal.NOT_READY)


def test_a_primary_that_is_fenced_says_where_its_log_ends(pair: Pair) -> None:
    """And releases nothing more (I9)."""
    pair.primary.put(model.records(1, 20))
    pair.carry()
    pair.receiver.ask_to_lead(0, orderly=False)
    pair.carry()
    assert pair.primary.board.get(Word.FENCED) == 2
    assert pair.primary.board.release_position() == 0
    assert (pair.receiver.is_fenced, pair.receiver.fenced_at) == (True, 20)


def test_a_primary_that_is_fenced_while_it_repeats_its_journal_says_where_that_ends(pair: Pair) -> None:
    """What is behind its ring was committed: the ring, which nobody empties any more, may never have it again."""
    pair.primary.put(model.records(1, 30))
    pair.primary.journal()
    pair.primary.ring = Ring.private(64, ["journaler"])
    pair.primary.producer = pair.primary.ring.producer()
    for record in model.records(1, 12):
        pair.primary.producer.put(record)
    pair.connect()
    pair.carry()
    pair.receiver.ask_to_lead(0, orderly=False)
    pair.carry()
    assert (pair.receiver.is_fenced, pair.receiver.fenced_at) == (True, 30)
    assert pair.secondary.records() == model.records(1, 30)


def test_a_primary_hands_over_when_its_supervisor_says_so(pair: Pair) -> None:
    pair.carry()
    pair.receiver.ask_to_lead(0, orderly=True)
    pair.carry()
    assert pair.primary.board.get(Word.HANDOVER) == 1
    assert not pair.receiver.is_fenced
    pair.primary.put(model.records(1, 3))
    pair.primary.board.set(Word.FENCED, 2)
    pair.carry()
    assert (pair.receiver.is_fenced, pair.receiver.fenced_at) == (True, 3)
    assert pair.secondary.producer.next == 4


def test_who_was_not_answered_may_ask_in_the_other_way_and_again(pair: Pair) -> None:
    """A fence that was given up must not keep a handover in order from being asked for, by the same connection."""
    pair.carry()
    pair.receiver.ask_to_lead(0, orderly=False)  # the primary hangs, and does not read it yet
    pair.receiver.ask_no_more()
    pair.receiver.ask_to_lead(0, orderly=True)
    pair.carry()
    assert pair.primary.board.get(Word.HANDOVER) == 1
    pair.primary.board.set(Word.HANDOVER, 0)  # it could not hand over
    pair.receiver.ask_to_lead(0, orderly=True)
    pair.carry()
    assert pair.primary.board.get(Word.HANDOVER) == 0  # asked once
    pair.receiver.ask_no_more()
    pair.receiver.ask_to_lead(0, orderly=True)
    pair.carry()
    assert pair.primary.board.get(Word.HANDOVER) == 1
    assert (pair.receiver.is_fenced, pair.receiver.fenced_at) == (True, 0)  # the fence's answer counts all the same


def test_a_mark_is_wanted_before_it_can_be_seen(pair: Pair) -> None:
    pair.carry()
    mark = model.stamp(pack(Snapshot(seq=3, epoch=1, router_number=0, event_numbers=(0,) * 8)))
    pair.primary.put([*model.records(1, 2), mark, *model.records(4, 2)])
    pair.carry()
    assert pair.secondary.board.get(Word.SNAPSHOT_SEQ) == 3


def test_no_batch_is_larger_than_half_of_the_secondarys_ring(pair: Pair) -> None:
    pair.shipper = Shipper(pair.primary.ring, pair.primary.board, pair.primary.folder, pair.a, 0)
    pair.primary.put(model.records(1, 500))
    pair.primary.journal()
    pair.carry()
    assert pair.secondary.records() == model.records(1, 500)


def test_a_reason_that_nobody_knows_is_still_told(pair: Pair) -> None:
    pair.carry()
    strange = LinkError(Later.NEWS, "a later version says so")  # type: ignore[arg-type]
    pair.shipper.refuse(strange, 0)
    move(pair.shipper, pair.receiver)
    assert "a later version says so" in assert_refuses(pair.receiver, Refusal.DAMAGED)


def test_digests_of_a_mark_reach_the_secondary(pair: Pair) -> None:
    pair.primary.put(model.records(1, 3))
    pair.carry()
    pair.shipper.tell_digests(2, b"{}", 0)
    pair.carry()
    assert (pair.receiver.mark, pair.receiver.digests) == (2, b"{}")
    assert pair.secondary.board.get(Word.PRIMARY_COMMIT) == 0


def test_a_secondary_of_the_same_state_says_so_in_the_place_of_one_that_differed(pair: Pair) -> None:
    pair.primary.put(model.records(1, 3))
    pair.carry()
    pair.primary.board.set(Word.DIFFERS, 2)
    assert pair.shipper.tell_digests(2, b"{}", 0)
    pair.receiver.tell_equal(2, 0)
    pair.carry()
    assert (pair.primary.board.get(Word.COMPARED), pair.primary.board.get(Word.DIFFERS)) == (2, 0)
    pair.receiver.tell_equal(3, 0)
    move(pair.receiver, pair.shipper)
    assert "equal, and were never told" in assert_refuses(pair.shipper, Refusal.OUT_OF_ORDER)


def test_another_version_of_the_link_is_named_by_both_ends(pair: Pair) -> None:
    later = bytearray(pair.receiver.unsent())
    later[12:14] = (2).to_bytes(2, "little")
    give(pair.shipper, bytes(later))
    said = assert_refuses(pair.shipper, Refusal.WRONG_VERSION)
    assert said == "the other node's software has version 2 of the link, this node's 1: upgrade the earlier one"
    pair.shipper.refuse(LinkError(Refusal.WRONG_VERSION, said), 0)
    later = bytearray(pair.shipper.unsent())
    later[12:14] = (3).to_bytes(2, "little")
    give(pair.receiver, bytes(later))
    assert "has version 3 of the link, this node's 1" in assert_refuses(pair.receiver, Refusal.WRONG_VERSION)


def test_the_link_says_the_rules_that_the_router_knows() -> None:
    assert sequencer.RULES == RULES


def test_a_primary_learns_which_rules_its_secondary_knows(pair: Pair) -> None:
    pair.connect(rules=3)
    pair.carry()
    assert pair.shipper.peer_rules == 3


def test_rules_that_a_secondary_does_not_know_never_reach_its_log(pair: Pair) -> None:
    """LOG-23."""
    known = model.stamp(pack(Epoch(seq=3, epoch=1, rules_version=RULES, members=1, boot_id=b"b" * 16)))
    pair.primary.put([*model.records(1, 2), known])
    pair.carry()
    assert pair.secondary.producer.next == 4
    unknown = model.stamp(pack(Epoch(seq=5, epoch=1, rules_version=RULES + 1, members=1, boot_id=b"b" * 16)))
    pair.primary.put([*model.records(4, 1), unknown])
    pair.shipper.poll(0)
    move(pair.shipper, pair.receiver)
    assert assert_refuses(pair.receiver, Refusal.WRONG_RULES) == (
        f"from record 5 on the log goes by rules version {RULES + 1}, and node b's software knows version {RULES}: "
        "upgrade that node"
    )
    assert pair.secondary.producer.next == 4


def test_a_secondary_that_is_to_be_stopped_is_told_when_nothing_waits_for_it(pair: Pair) -> None:
    pair.primary.put(model.records(1, 3))
    pair.carry()
    pair.shipper.tell_left(0)
    move(pair.shipper, pair.receiver)
    assert_refuses(pair.receiver, Refusal.OUT_OF_ORDER)  # it has not asked
    pair.connect()
    pair.carry()
    pair.receiver.ask_to_leave(0)
    pair.carry()
    assert (pair.shipper.leaves, pair.receiver.has_left) == (True, False)
    pair.shipper.tell_left(0)
    pair.carry()
    assert pair.receiver.has_left
