"""The other node, asked over its link: a real shipper behind a real socket answers where the histories part."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec import structs

from lockstep.core.cluster import divergence, peer_log
from lockstep.core.cluster.divergence import Divergence, DivergenceError
from lockstep.core.cluster.peer_log import LinkedLog, UnreachableError
from lockstep.core.journal.end import segment_header
from lockstep.core.journal.journal import JournalReader, segment_seqs, verify
from lockstep.procs.replicator.handshake import Hello, LinkError
from lockstep.procs.replicator.shipper import Shipper
from lockstep.procs.replicator.transport import Acceptor, Connection
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Ring
from tests.cli.nodes.parted import Parted


class Primary:
    """The other node's end of the link, in a thread: each connection gets a shipper, as its replicator does."""

    def __init__(self, data: Path, **changed: str | int | bytes) -> None:
        journal = data / "journal"
        header = segment_header(journal, segment_seqs(journal)[0])
        self.board = Board.private()
        last = verify(journal).last_seq
        self.board.set(Word.DURABLE_SEQ, last)
        self.ring = Ring.private(64, [], first_seq=last + 1)
        self.journal = journal
        epoch = max(record[16] for record in JournalReader(journal))
        self.board.set(Word.EPOCH, epoch)
        self.hello = structs.replace(Hello("lockstep", "b", header.journal_id, epoch, 0, 0, 2), **changed)
        self.acceptor = Acceptor("127.0.0.1:0", None)
        self.asked = 0
        self.follows = False
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        open_now: list[tuple[Connection, Shipper]] = []
        while not self.stopping.wait(0.001):
            now_ns = time.monotonic_ns()
            connection = self.acceptor.poll(now_ns)
            if connection is not None:
                self.asked += 1
                hello = structs.replace(self.hello, nonce=self.hello.nonce + self.asked)
                shipper = Shipper(self.ring, self.board, self.journal, hello, now_ns, follows=self.follows)
                open_now.append((connection, shipper))
            for each in list(open_now):
                with suppress(ConnectionError):
                    try:
                        each[0].pump(each[1])
                        each[1].poll(now_ns)
                        each[0].pump(each[1])
                        continue
                    except LinkError as error:
                        each[1].refuse(error, now_ns)
                        each[0].pump(each[1])
                        each[0].close()
                open_now.remove(each)
        self.acceptor.close()

    def close(self) -> None:
        self.stopping.set()
        self.thread.join()


@pytest.fixture
def parted(tmp_path: Path) -> Parted:
    return Parted(tmp_path)


@pytest.fixture
def primary(parted: Parted) -> Iterator[Primary]:
    made = Primary(parted.b)
    yield made
    made.close()


def asked(parted: Parted, port: int) -> LinkedLog:
    section = structs.replace(parted.config.replication, peer_port=port)
    last = verify(parted.a / "journal").last_seq
    return LinkedLog(structs.replace(parted.config, replication=section), parted.a, last)


def test_it_says_where_the_histories_part(parted: Parted, primary: Primary) -> None:
    found = divergence.find(parted.a / "journal", asked(parted, primary.acceptor.port))
    assert found == Divergence(parted.common, parted.last, 1)
    assert primary.board.get(Word.ACKED_SEQ) == 0


def test_it_is_asked_once_where_it_has_all(parted: Parted, primary: Primary) -> None:
    parted.a, parted.b = parted.b, parted.a
    other = asked(parted, primary.acceptor.port)
    assert divergence.find(parted.a / "journal", other).cut == 0
    assert primary.asked == 1


@pytest.mark.parametrize(
    ("changed", "says"),
    [({"venue": "other"}, "the peer is of venue"), ({"journal_id": b"o" * 16}, "not of one venue"),
     ({"node": "a"}, "both nodes are called 'a'"), ({"schema_hash": 1}, "lay out records differently")],
)  # fmt: skip
def test_what_is_no_other_node_of_the_venue_is_refused(
    parted: Parted, changed: dict[str, str | int | bytes], says: str
) -> None:
    primary = Primary(parted.b, **changed)
    try:
        with pytest.raises(DivergenceError, match=says):
            divergence.find(parted.a / "journal", asked(parted, primary.acceptor.port))
    finally:
        primary.close()


def test_where_nobody_listens_it_says_so(parted: Parted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_log, "ANSWER_S", 0.2)
    with pytest.raises(UnreachableError, match=r"the other node does not answer: 127\.0\.0\.1:1: connection refused"):
        divergence.find(parted.a / "journal", asked(parted, 1))


def test_a_node_that_does_not_lead_is_not_followed(parted: Parted, primary: Primary) -> None:
    primary.follows = True
    with pytest.raises(DivergenceError, match="node b does not lead"):
        divergence.find(parted.a / "journal", asked(parted, primary.acceptor.port))


def test_the_one_with_the_later_epoch_does_not_give_way(parted: Parted) -> None:
    parted.a, parted.b = parted.b, parted.a
    primary = Primary(parted.b)
    try:
        with pytest.raises(
            DivergenceError, match="the other node leads epoch 1, and this node's log goes on to epoch 2"
        ):
            divergence.find(parted.a / "journal", asked(parted, primary.acceptor.port))
    finally:
        primary.close()
