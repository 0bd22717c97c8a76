"""A full database of an earlier version gets the indexes of today, whatever interrupts that, while rows are written."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from procs.batcher import indexes
from procs.batcher.compare import compare
from procs.batcher.database import migrate
from procs.batcher.spool import Spool
from tests.batcher.events import Stream
from tests.batcher.test_spool import spool_all
from tests.batcher.test_writer import batch_after, session

DAY_NS = 24 * 3600 * 10**9
EARLIER = """
    ALTER TABLE orders DROP COLUMN is_open;
    DROP FUNCTION first_order_at;
    DROP INDEX orders_client, trades_maker_account, trades_taker_account, trades_maker_order,
        trades_taker_order;
    CREATE INDEX orders_user ON orders (user_id, order_id);
    CREATE INDEX trades_maker ON trades (maker_user_id, "time");
    CREATE INDEX trades_taker ON trades (taker_user_id, "time");
    DELETE FROM _yoyo_migration WHERE migration_id ~ '^001[01]'
"""


@pytest.fixture
def earlier(database: str, tmp_path: Path) -> Stream:
    """Rows of an earlier version, of some days before today."""
    stream = Stream(seed=4)
    stream.now_ns -= 300 * DAY_NS
    stream.define()
    stream.day_ns = DAY_NS // 100
    spool = Spool(tmp_path)
    spool_all(stream.steps(300), spool)
    with session(database) as opened:
        opened.write(batch_after(opened, spool))
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in EARLIER.split(";"):
            connection.execute(statement.encode())
    assert migrate(database) == ["0010-open-orders", "0011-history"]
    return stream


def test_all_are_made_and_those_that_they_replace_are_gone(database: str, earlier: Stream, tmp_path: Path) -> None:
    with psycopg.connect(database) as connection:
        assert len(indexes.missing(connection)) == len(indexes.INDEXES)
    stopped = threading.Event()
    stopped.set()
    indexes.make(database, stopped)  # one, or a part of it
    with session(database) as opened:
        spool = Spool(tmp_path)
        spool_all(earlier.steps(50), spool)
        opened.write(batch_after(opened, spool))
        indexes.make(database, threading.Event())
        spool_all(earlier.steps(50), spool)
        opened.write(batch_after(opened, spool))
        while opened.make_missing():
            pass
    with psycopg.connect(database) as connection:
        assert indexes.missing(connection) == []
        for name in indexes.REPLACED:
            assert connection.execute("SELECT to_regclass(%s)", [name]).fetchone() == (None,)
        invalid = connection.execute("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid").fetchall()
        assert invalid == []
    assert compare(database, earlier.rings.__getitem__, earlier.commands).clean


def test_what_was_half_built_is_built_again(database: str, earlier: Stream) -> None:
    assert earlier.trades
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE INDEX trades_maker_order ON ONLY trades (maker_order_id)")
        assert "trades_maker_order" in indexes.missing(connection)
        indexes.make(database, threading.Event())
        assert indexes.missing(connection) == []


def test_a_new_database_has_them_from_its_migrations(database: str) -> None:
    with psycopg.connect(database) as connection:
        assert indexes.missing(connection) == []
        assert connection.execute("SELECT to_regclass('orders_user')").fetchone() == (None,)
