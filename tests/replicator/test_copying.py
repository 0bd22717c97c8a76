"""A copy on its way over the link: what comes is what was sent, from its beginning, or one error that says why not."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lockstep.core.journal.end import chain_at, segment_header
from lockstep.core.journal.journal import segment_seqs
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import LOG
from lockstep.core.venue.venue import manifest_of
from lockstep.procs.replicator import copying, fetching
from lockstep.procs.replicator.handshake import Hello, LinkError, LinkState, Refusal
from lockstep.procs.replicator.link import Fetching
from lockstep.procs.replicator.shipping import Shipping
from lockstep.procs.replicator.transport import Acceptor, Dialer
from lockstep.shm.board import Word
from tests.replicator.copied import BLOCK, content
from tests.replicator.proxy import ALL, Proxy
from tests.replicator.test_faults import SECOND, Side, config, credentials, record

SIZE = 512 * BLOCK
RECORDS = 1_200  # three segments
TURN_S = 0.0005


class Primary(threading.Thread):
    """A node that leads, with a journal of some segments, and a proxy before it: both are turned until the end."""

    def __init__(self, folder: Path, *, secure: bool) -> None:
        super().__init__(daemon=True)
        self.side = Side(config(folder, "a", "disk"), Node())
        self.data = self.side.venue.data
        producer = self.side.venue.producer(LOG)
        for seq in range(1, RECORDS + 1):
            producer.put(record(seq))
            if not producer.room() or seq == RECORDS:
                self.side.journal(4)
                self.side.follow()
        self.side.board.set(Word.EPOCH, 1)
        self.side.board.set(Word.LOG_END, RECORDS)
        own, other = credentials(folder) if secure else (None, None)
        self.other = other
        acceptor = Acceptor("127.0.0.1:0", own)
        self.proxy = Proxy(acceptor.port)
        self.shipping = Shipping(self.side.venue, acceptor, self.side.tell)
        (self.data / "run").mkdir()
        self.makes(f"{SIZE}")
        self.lock = threading.Lock()
        self._is_over = False
        self.start()

    def makes(self, copy: str) -> None:
        manifest_of(self.data).write_text(copy)

    def run(self) -> None:
        while not self._is_over:
            self.shipping.poll(time.monotonic_ns())
            with self.lock:
                self.proxy.turn()
            time.sleep(TURN_S)  # the proxy's rate is what it moves in a turn

    def greeting(self, seq: int = 0, chain: int = 0) -> Hello:
        journal = self.data / "journal"
        journal_id = segment_header(journal, min(segment_seqs(journal))).journal_id
        return Hello("lockstep", "b", journal_id, 0, seq, chain, 0)

    def contents(self, own: Hello | None = None) -> Iterator[bytes]:
        return fetching.contents(Dialer(f"127.0.0.1:{self.proxy.port}", self.other), own or self.greeting(), 10.0)

    def close(self) -> None:
        self._is_over = True
        self.join()
        self.shipping.close()
        self.proxy.close()
        self.side.close()


@pytest.fixture(params=["plain", "TLS"])
def primary(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Primary]:
    monkeypatch.setattr(copying, "MAKER", "tests.replicator.copied")
    (tmp_path / "a").mkdir()
    with closing(Primary(tmp_path, secure=request.param == "TLS")) as made:
        yield made


def test_a_copy_comes_as_it_was_sent(primary: Primary) -> None:
    assert b"".join(primary.contents()) == content(SIZE)
    assert (LinkState.CATCHING_UP, "the other node takes a copy of the venue (lockstep join there)") in (
        primary.side.states
    )
    primary.proxy.rate = 3000
    primary.makes(f"{8 * BLOCK}")
    assert b"".join(primary.contents()) == content(8 * BLOCK)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_damaged_on_its_way_is_not_taken_and_another_try_is_whole(primary: Primary, seed: int) -> None:
    draw, came = random.Random(seed), bytearray()
    spoilt_at = draw.randrange(SIZE // 2)
    primary.proxy.rate = 20_000
    contents = primary.contents()
    while len(came) <= spoilt_at:
        came += next(contents)
    primary.proxy.spoil = draw
    with pytest.raises(LinkError) as caught:
        came.extend(itertools.chain.from_iterable(contents))
    assert caught.value.code in (Refusal.DAMAGED, Refusal.STALE, Refusal.OUT_OF_ORDER, Refusal.SILENT)
    assert content(SIZE).startswith(came)
    primary.proxy.rate = ALL
    assert b"".join(primary.contents()) == content(SIZE)


@pytest.mark.parametrize("politely", [False, True])
def test_a_copy_that_is_cut_says_so_and_leaves_no_process(primary: Primary, politely: bool) -> None:
    primary.proxy.rate = 20_000
    contents = primary.contents()
    next(contents)
    made = primary.shipping.copying
    assert made is not None
    with primary.lock:
        primary.proxy.cut(politely=politely)
    with pytest.raises(LinkError) as caught:
        list(contents)
    assert caught.value.code == Refusal.SILENT
    primary.proxy.rate = ALL
    assert b"".join(primary.contents()) == content(SIZE)
    assert made._process.returncode is not None


def test_nothing_is_said_before_the_welcome(primary: Primary) -> None:
    """The primary is busy: a word that does not carry its number would be taken for another connection's."""
    link = Fetching(primary.greeting(), 0)
    link.sent(len(link.unsent()))
    assert link.poll(SECOND // 2) is None
    assert len(link.unsent()) == 0


def test_why_no_copy_can_be_made_is_said_on_both_nodes(primary: Primary) -> None:
    primary.makes(f"{BLOCK} there is no snapshot that leads to what is left")
    with pytest.raises(LinkError, match="can't be copied: there is no snapshot that leads to what is left") as caught:
        list(primary.contents())
    assert caught.value.code == Refusal.NOT_COPIED
    assert primary.side.states[-1][0] == LinkState.ALONE
    assert "there is no snapshot" in primary.side.states[-1][1]


def test_who_has_what_the_primary_lacks_gets_no_copy(primary: Primary) -> None:
    """It would be set aside with nobody told of it: that is for `lockstep rejoin`."""
    journal = primary.data / "journal"
    chain = chain_at(journal, RECORDS)
    for seq, known, code in (
        (RECORDS, chain + 1, Refusal.DIVERGED),
        (RECORDS + 1, chain, Refusal.AHEAD),
    ):
        with pytest.raises(LinkError) as caught:
            list(primary.contents(primary.greeting(seq, known)))
        assert caught.value.code == code
    assert b"".join(primary.contents(primary.greeting(RECORDS, chain))) == content(SIZE)
    (journal / sorted(path.name for path in journal.glob("*.journal"))[0]).unlink()
    assert b"".join(primary.contents(primary.greeting(5, 1))) == content(SIZE), "nobody can tell any more"
