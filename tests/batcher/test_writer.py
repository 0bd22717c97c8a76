"""A session writes only while the database is what it believes, and each batch wholly or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.compare import compare
from lockstep.procs.batcher.reader import Reader
from lockstep.procs.batcher.rows import Batch
from lockstep.procs.batcher.spool import Spool
from lockstep.procs.batcher.writer import RefusedError, Session
from tests.batcher.events import BORN_NS, Stream
from tests.batcher.test_spool import spool_all

HOUR_NS = 3600 * 10**9


@contextmanager
def session(url: str, epoch: int = 1, born_ns: int = BORN_NS, boot: str = "", node: str = "") -> Iterator[Session]:
    opened = Session(url, Author(epoch, boot, node), born_ns)
    try:
        yield opened
    finally:
        opened.close()


def batch_after(opened: Session, spool: Spool) -> Batch:
    """Everything in the spool that the database does not have."""
    batch = Batch(100_000)
    opened.teach(batch)
    batch.begin(opened.numbers, opened.complete_seq)
    Reader(spool).fill(batch)
    return batch


def test_a_batch_and_its_watermark_are_written_together(database: str, tmp_path: Path) -> None:
    """I5: the database has what the journal says."""
    stream = Stream().define().steps(200)
    spool = Spool(tmp_path)
    spool_all(stream, spool)
    with session(database) as opened:
        opened.write(batch_after(opened, spool))
    with session(database) as opened:
        assert opened.numbers[:2] == [len(stream.rings[0]), len(stream.rings[1])]
        assert opened.complete_seq == stream.seq
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


def test_orders_of_earlier_batches_are_changed(database: str, tmp_path: Path) -> None:
    stream = Stream(seed=5).define()
    spool = Spool(tmp_path)
    with session(database) as opened:
        for _ in range(8):
            stream.steps(25)
            spool_all(stream, spool)
            opened.write(batch_after(opened, spool))
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


def test_a_failed_batch_leaves_nothing(database: str, tmp_path: Path) -> None:
    stream = Stream().define().steps(100)
    spool = Spool(tmp_path)
    spool_all(stream, spool)
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE balances RENAME TO elsewhere")
    with session(database) as opened, pytest.raises(psycopg.errors.UndefinedTable):
        opened.write(batch_after(opened, spool))
    with psycopg.connect(database) as connection:
        counts = "SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM trades) + (SELECT count(*) FROM users)"
        assert connection.execute(counts).fetchone() == (0,)
        assert connection.execute("SELECT max(number) FROM watermark").fetchone() == (0,)
        connection.execute("ALTER TABLE elsewhere RENAME TO balances")
    with session(database) as opened:
        opened.write(batch_after(opened, spool))
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


def test_a_zombie_is_cut_off_by_the_next_claim(database: str, tmp_path: Path) -> None:
    stream = Stream().define().steps(50)
    spool = Spool(tmp_path)
    spool_all(stream, spool)
    with session(database) as zombie:
        batch = batch_after(zombie, spool)
        with session(database, epoch=2) as successor:
            with pytest.raises(psycopg.OperationalError):
                zombie.write(batch)
            successor.write(batch_after(successor, spool))
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


def test_a_claim_that_was_taken_over_refuses_to_write(database: str, tmp_path: Path) -> None:
    stream = Stream().define().steps(50)
    spool = Spool(tmp_path)
    spool_all(stream, spool)
    with session(database) as opened:
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE writer SET claim = claim + 1")
        with pytest.raises(RefusedError, match="another batcher"):
            opened.write(batch_after(opened, spool))


def test_a_moved_watermark_refuses_to_write(database: str, tmp_path: Path) -> None:
    stream = Stream().define().steps(50)
    spool = Spool(tmp_path)
    spool_all(stream, spool)
    with session(database) as opened:
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE watermark SET number = 7 WHERE ring = 1")
        with pytest.raises(RefusedError, match="watermark"):
            opened.write(batch_after(opened, spool))


def test_an_earlier_epoch_and_another_journal_are_refused(database: str) -> None:
    with session(database, epoch=3), pytest.raises(RefusedError, match="OLD_EPOCH"):
        Session(database, Author(2), BORN_NS)
    with pytest.raises(RefusedError, match="another journal"):
        Session(database, Author(4), BORN_NS + 1)


def test_an_order_that_is_gone_is_noticed(database: str, tmp_path: Path) -> None:
    stream = Stream().define()
    stream.resting.append(stream.order())
    spool = Spool(tmp_path)
    spool_all(stream, spool)
    with session(database) as opened:
        opened.write(batch_after(opened, spool))
        with psycopg.connect(database) as connection:
            connection.execute("DELETE FROM orders")
        stream.command()
        stream.replace(stream.resting[0])
        spool_all(stream, spool)
        opened.write(batch_after(opened, spool))
        with psycopg.connect(database) as connection:
            ((relation, key, reason),) = connection.execute("SELECT relation, key, reason FROM refused_rows")
    assert (relation, key) == ("orders", str(stream.resting[0].order_id))
    assert "does not have this order" in reason


def test_partitions_are_made_for_each_day_and_the_next(database: str, tmp_path: Path) -> None:
    stream = Stream(day_ns=5 * HOUR_NS).define().steps(60)
    spool = Spool(tmp_path)
    spool_all(stream, spool)
    with session(database) as opened:
        opened.write(batch_after(opened, spool))
        stream.steps(60)
        spool_all(stream, spool)
        opened.write(batch_after(opened, spool))
    with psycopg.connect(database) as connection:
        days = connection.execute("SELECT DISTINCT (time AT TIME ZONE 'UTC')::date FROM trades").fetchall()
        names = {name for (name,) in connection.execute("SELECT inhrelid::regclass::text FROM pg_inherits i "
                 "JOIN pg_class c ON c.oid = i.inhparent WHERE c.relname = 'trades'")}  # fmt: skip
    assert len(days) > 5
    assert {f"trades_{day:%Y%m%d}" for (day,) in days} < names
    assert compare(database, stream.rings.__getitem__, stream.commands).clean
