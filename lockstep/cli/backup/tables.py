"""The rows of a venue's database as files: for a venue of which the journal no longer has the beginning.

All of them are read in one snapshot of PostgreSQL, and put back in one transaction. What others have added to the
database (tables, indexes, rights) is theirs to back up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from lockstep.procs.batcher import csv, partitions
from lockstep.procs.batcher.database import CONNECT_TIMEOUT_S, migrate
from lockstep.procs.batcher.writer import RefusedError

# In the order in which they can be filled.
TABLES = (
    "assets",
    "users",
    "instruments",
    "orders",
    "trades",
    "phases",
    "actions",
    "requests",
    "corrections",
    "prevented_matches",
    "replacements",
    "balances",
    "candles",
    "position_states",
    "position_gaps",
    "refused_rows",
    "watermark",
    "writer",
)
SUFFIX = ".csv"
COLUMNS = """
    SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
NEXT_NUMBER = "SELECT setval(pg_get_serial_sequence('refused_rows', 'number'), max(number)) FROM refused_rows"

Keep = Callable[[str, Iterator[bytes]], object]


def dump(url: str, keep: Keep) -> int:
    """Give `keep` the rows of each table, and of each day's trades, as CSV under a file name.

    Returns the record of the log up to which the database had everything. psycopg.Error.
    """
    with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SET LOCAL timezone = 'UTC'")
        row = connection.execute("SELECT complete_seq FROM writer").fetchone()
        assert row is not None
        for table in TABLES:
            days = partitions.days_of(connection) if table == "trades" else None
            for name in [table] if days is None else [f"{partitions.PREFIX}{day:%Y%m%d}" for day in sorted(days)]:
                keep(name + SUFFIX, _rows(connection, name))
        return int(row[0])


def load(url: str, contents: Iterable[tuple[str, Iterator[bytes]]]) -> None:
    """Fill a database that has no rows yet with what `dump` gave, all of it or nothing.

    RefusedError if it has rows, psycopg.Error.
    """
    migrate(url)
    with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        empty = "SELECT FROM writer WHERE complete_seq = 0 AND journal_born_ns = 0 FOR UPDATE"
        if not connection.execute(empty).rowcount:
            raise RefusedError("the database has rows already: name an empty one")
        connection.execute("SET LOCAL timezone = 'UTC'")
        connection.execute("DELETE FROM watermark")
        connection.execute("DELETE FROM writer")
        for name, content in sorted(contents, key=lambda each: TABLES.index(_table(each[0]))):
            _fill(connection, name.removesuffix(SUFFIX), content)
        connection.execute(NEXT_NUMBER)
        connection.execute("UPDATE writer SET node = ''")  # it is of the node that starts with it


def _rows(connection: psycopg.Connection, relation: str) -> Iterator[bytes]:
    columns = connection.execute(COLUMNS, [relation]).fetchone()
    assert columns is not None
    named = sql.SQL(", ").join(map(sql.Identifier, columns[0]))
    # A query, since COPY reads no partitioned table.
    return csv.parts_of(connection, sql.SQL("SELECT {} FROM {}").format(named, sql.Identifier(relation)))


def _fill(connection: psycopg.Connection, relation: str, content: Iterator[bytes]) -> None:
    table = _table(relation)
    first = next(content, b"")
    names = first.partition(b"\n")[0].decode().split(",")
    if relation != table and partitions.days_of(connection) is not None:
        day = datetime.strptime(relation, f"{partitions.PREFIX}%Y%m%d").replace(tzinfo=UTC).date()
        partitions.make(connection, [day])
    named = sql.SQL(", ").join(sql.Identifier(name.strip('"')) for name in names)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER)").format(sql.Identifier(table), named)
    with connection.cursor().copy(statement) as rows:
        rows.write(first)
        for data in content:
            rows.write(data)


def _table(name: str) -> str:
    """The table that the rows of a file, or of a partition, belong to."""
    relation = name.removesuffix(SUFFIX)
    return "trades" if relation.startswith(partitions.PREFIX) else relation
