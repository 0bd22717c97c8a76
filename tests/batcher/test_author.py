"""One node writes in an epoch: a database takes nothing from an older one, whoever comes first and whatever is open."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import psycopg
import pytest

from lockstep.procs.batcher import author
from lockstep.procs.batcher.author import Author, objection
from lockstep.procs.batcher.batcher import Batcher, Place
from lockstep.procs.batcher.compare import compare
from lockstep.procs.batcher.database import Embedded, Remote
from lockstep.procs.batcher.loader import Loading
from lockstep.procs.batcher.position import position
from lockstep.procs.batcher.rows import Batch
from lockstep.procs.batcher.spool import Spool
from lockstep.procs.batcher.writer import APPLICATION, RefusedError, Session
from lockstep.shm.board import Word
from tests.batcher.events import BORN_NS, Stream
from tests.batcher.feed import Feed, no_journal
from tests.batcher.test_spool import spool_all
from tests.batcher.test_writer import batch_after, session
from tests.broken import BrokenError, require

DEADLINE_S = 60.0
A, B = b"boot", b"the other start"
BEFORE, AFTER = 300, 200  # steps of a stream
LOCKED = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = %s"


def boot_of(boot: bytes) -> str:
    return boot.ljust(16, b"\0").hex()


class Node:
    """A batcher of a node that leads the last epoch of its stream."""

    def __init__(self, name: str, stream: Stream, boot: bytes, url: str, folder: Path) -> None:
        self.stream = stream
        self.said: list[str] = []
        self.feed = Feed(stream, slots=4096)
        self.feed.board.set(Word.EPOCH, stream.epoch)
        self.batcher = Batcher(
            self.feed.board, self.feed.consumers, folder,
            Loading(Remote(url), 1000, no_journal, tell=self.said.append), Place(boot_of(boot), name),
        )  # fmt: skip

    @property
    def is_refused(self) -> bool:
        return any("_EPOCH" in each for each in self.said)

    @property
    def has_all(self) -> bool:
        return self.feed.board.get(Word.DATABASE_SEQ) >= self.stream.seq

    async def until_done(self) -> None:
        """Play the stream until the database has all of it, or refuses it."""
        deadline = time.monotonic() + DEADLINE_S
        while not (self.has_all or self.is_refused):
            assert time.monotonic() < deadline, self.said
            self.feed.publish(self.stream.seq)
            self.feed.commit(self.stream.seq)
            self.batcher.poll(time.monotonic_ns())
            await asyncio.sleep(0.001)


def common() -> Stream:
    return Stream(seed=7).define().steps(BEFORE)


async def take_over(url: str, folder: Path, *, same_epoch: bool) -> None:
    """BrokenError if the database has a row of the old node's tail once the new one leads."""
    ahead = common()
    if same_epoch:
        ahead.begin_epoch(A)
    old = Node("a", ahead, A, url, folder / "a")
    new = Node("b", common().begin_epoch(B).steps(AFTER), B, url, folder / "b")
    await old.batcher.start()
    try:
        if not same_epoch:
            await old.until_done()
            require(old.has_all and not old.is_refused, "a node that leads was refused")
        await new.batcher.start()
        await new.until_done()
        require(new.has_all and not new.is_refused, "the node that leads the later epoch was refused")
        ahead.steps(2 * AFTER)  # its tail, which the new one does not have
        await old.until_done()
        report = compare(url, new.stream.rings.__getitem__, new.stream.commands)
        require(old.is_refused, "an old epoch was not refused")
        require(report.clean, f"rows of an old epoch are in the database: {report}")
        require("lockstep rejoin" in old.said[-1], "what was said does not help")
    finally:
        await new.batcher.stop()
        await old.batcher.stop()


@pytest.mark.parametrize("same_epoch", [False, True])
def test_a_later_epoch_takes_the_database_over_from_a_batcher_that_goes_on(
    database: str, tmp_path: Path, *, same_epoch: bool
) -> None:
    """I9: two real batchers; with `same_epoch` both have begun it, and the second comes too late."""
    asyncio.run(take_over(database, tmp_path, same_epoch=same_epoch))


@pytest.mark.parametrize("same_epoch", [False, True])
def test_planted_a_database_that_does_not_check_the_epoch(database: str, tmp_path: Path, *, same_epoch: bool) -> None:
    with patch("lockstep.procs.batcher.writer.objection", lambda *_: ""), pytest.raises(BrokenError):
        asyncio.run(take_over(database, tmp_path, same_epoch=same_epoch))


class Slow(Session):
    """It waits within its transaction."""

    reached: threading.Event
    go_on: threading.Event

    def _define(self, batch: Batch) -> None:
        self.reached.set()
        assert self.go_on.wait(DEADLINE_S)
        super()._define(batch)


@contextmanager
def open_transaction(url: str, spool: Spool, errors: list[Exception]) -> Iterator[Slow]:
    """The old one's, in the middle of its first batch; it goes on, and has ended, when this does."""
    slow = Slow(url, Author(1, boot_of(A), "a"), BORN_NS)
    slow.reached, slow.go_on = threading.Event(), threading.Event()

    def write() -> None:
        try:
            slow.write(batch_after(slow, spool))
        except (psycopg.Error, RefusedError) as error:
            errors.append(error)

    writing = threading.Thread(target=write)
    writing.start()
    assert slow.reached.wait(DEADLINE_S)
    try:
        yield slow
    finally:
        slow.go_on.set()
        writing.join()


def test_an_open_transaction_of_the_old_one_writes_nothing(database: str, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    stream = common()
    spool_all(stream, spool)
    errors: list[Exception] = []
    with open_transaction(database, spool, errors) as old:
        new = Session(database, Author(2, boot_of(B), "b"), BORN_NS)
        assert sum(new.numbers) == 0
    assert isinstance(errors.pop(), psycopg.OperationalError)
    old.close()
    new.write(batch_after(new, spool))
    new.close()
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


def test_an_open_transaction_that_nobody_can_end_is_waited_for(database: str, tmp_path: Path) -> None:
    """The claim comes before all of a batch, or behind all of it."""
    spool = Spool(tmp_path)
    stream = common()
    spool_all(stream, spool)
    errors: list[Exception] = []
    taken: list[Session] = []
    claiming = threading.Thread(target=lambda: taken.append(Session(database, Author(2, boot_of(B), "b"), BORN_NS)))
    with open_transaction(database, spool, errors) as old, psycopg.connect(database, autocommit=True) as looking:
        old._connection.execute("SET application_name = 'another role'")
        claiming.start()
        deadline = time.monotonic() + DEADLINE_S
        while not looking.execute(LOCKED, [APPLICATION]).rowcount:
            assert time.monotonic() < deadline
        assert not taken
    claiming.join()
    (new,) = taken
    assert errors == []
    assert new.numbers == old.numbers == [len(stream.rings[0]), len(stream.rings[1]), *[0] * 7]
    stream.steps(10)
    spool_all(stream, spool)
    with pytest.raises(RefusedError, match="another batcher"):
        old.write(batch_after(old, spool))
    new.write(batch_after(new, spool))
    old.close()
    new.close()
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


@pytest.mark.parametrize(
    ("has", "own", "code"),
    [
        (Author(), Author(1, "a0", "a"), ""),
        (Author(5, "a0", "a"), Author(6, "b0", "b"), ""),
        (Author(5, "a0", "a"), Author(5, "a0", "a"), ""),
        (Author(5), Author(5, "a0", "a"), ""),
        (Author(6, "b0", "b"), Author(5, "a0", "a"), "OLD_EPOCH: node b (start b0) "),
        (Author(6, "b0"), Author(5, "a0"), "OLD_EPOCH: another venue (start b0) "),
        (Author(6, "b0", "b"), Author(6, "a0", "a"), "SAME_EPOCH: node b (start b0) "),
        (Author(6, "b1", "b"), Author(6, "b0", "b"), "SAME_EPOCH: node b (start b1) "),
        (Author(5, "a0", "b"), Author(0, "", "b"), ""),  # a follower with a database of its own
        (Author(), Author(0, "", "b"), ""),
        (Author(5, "a0", "a"), Author(0, "", "b"), "OTHER_NODE: node a (start a0) "),
        (Author(5, "a0", "b"), Author(5, "a0", "a"), ""),  # who leads takes it from who follows
    ],
)
def test_who_may_write(has: Author, own: Author, code: str) -> None:
    assert objection(has, own)[: len(code) or None] == code


def test_a_journal_that_ends_in_an_earlier_epoch_is_told_of_a_later_one() -> None:
    later = Author(6, "b0", "b")
    assert author.objection_of_journal(later, 5).startswith("OLD_EPOCH: node b (start b0) ")
    assert author.objection_of_journal(later, 6) == author.objection_of_journal(later, None) == ""


def test_a_follower_keeps_the_epochs_of_its_log(database: str, tmp_path: Path) -> None:
    """Its rows say who leads, so that who claims them later is held against that."""
    spool = Spool(tmp_path)
    stream = common()
    spool_all(stream, spool)
    with session(database, 0, node="b") as follower:
        follower.write(batch_after(follower, spool))
        with psycopg.connect(database) as connection:
            assert position(connection).author == Author(1, boot_of(A), "b")
        spool_all(stream.begin_epoch(B).steps(20), spool)
        follower.write(batch_after(follower, spool))
    with psycopg.connect(database) as connection:
        assert position(connection).author == Author(2, boot_of(B), "b")
    with pytest.raises(RefusedError, match="SAME_EPOCH"):
        Session(database, Author(2, boot_of(A), "a"), BORN_NS)
    with session(database, 2, boot=boot_of(B), node="b"), pytest.raises(RefusedError, match="OTHER_NODE"):
        Session(database, Author(node="a"), BORN_NS)


def test_a_followers_log_in_which_another_began_the_same_epoch_is_refused(database: str, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool_all(common().begin_epoch(A), spool)
    with session(database, 2, boot=boot_of(B), node="b"):
        pass
    with session(database, 0, node="b") as follower:
        with pytest.raises(RefusedError, match="SAME_EPOCH"):
            follower.write(batch_after(follower, spool))
        assert sum(follower.numbers) == 0
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_nothing_is_claimed_before_the_epochs_beginning_is_committed(server: Embedded, tmp_path: Path) -> None:
    """A claim outlives what takes the journal's end: it must not name an epoch that the journal may lose."""
    board = (feed := Feed(common())).board
    batcher = Batcher(
        board, feed.consumers, tmp_path, Loading(Remote(server.url), 1000, no_journal), Place(boot_of(A), "a")
    )
    assert batcher._author() == Author(1, boot_of(A), "a")
    board.set(Word.READY_EVENT, 5)
    assert batcher._author() is None
    while batcher.spool.numbers[0] < 5:
        feed.publish()
        feed.commit(feed.stream.seq)
        batcher.poll(0)
    assert batcher._author() == Author(1, boot_of(A), "a")
    board.set(Word.EPOCH, 0)
    assert batcher._author() is None
