"""Compares the database with a replay of the journal, row by row, up to the database's watermark (I5).

`expected_rows` works out what the rows should be; this only finds what differs, and repairs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import psycopg
from msgspec import Struct
from psycopg import sql

from lockstep.core.schema.layout import unpack_command, unpack_event
from lockstep.core.schema.records import Event
from lockstep.procs.batcher.database import CONNECT_TIMEOUT_S
from lockstep.procs.batcher.expected_rows import Expected
from lockstep.procs.batcher.expected_tables import MISSING, TABLES, columns_of

SHOWN_DIFFERENCES = 10
LOCK_TIMEOUT_S = 10  # a lock that lasts longer also keeps the batcher from writing


class Difference(Struct, frozen=True):
    """A row that is not as the replay says; None if one side has no such row."""

    key: str
    expected: dict[str, Any] | None
    actual: dict[str, Any] | None


class TableReport(Struct, frozen=True):
    rows: int
    expected_rows: int
    differing: int
    first: list[Difference]


class Report(Struct, frozen=True):
    """`complete_seq`: the database has all rows caused up to here. `short`: ring -> events that the database has beyond
    the replay's last (its watermark must not be ahead of the journal). `missing`: how many positions
    the batcher has yet to make again: they are not compared."""

    complete_seq: int
    numbers: list[int]
    tables: dict[str, TableReport]
    short: dict[int, int]
    missing: int = 0

    @property
    def clean(self) -> bool:
        return not self.short and not any(table.differing for table in self.tables.values())


def compare(database_url: str, events: Callable[[int], Iterable[bytes]], commands: Iterable[bytes]) -> Report:
    """Compare every row with what `events(ring)` says: the ring's packed events, in order, from number 1.

    `commands` are the log's records of `asked.COMMANDS`, in order: what operators asked for.

    The venue may run meanwhile: the comparison sees one snapshot. Memory grows with open orders and accounts, not with
    history, which waits in temporary tables of the server. Raises psycopg.Error where the server is away.
    """
    with psycopg.connect(database_url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
        numbers = [row[0] for row in connection.execute("SELECT number FROM watermark ORDER BY ring").fetchall()]
        writer = connection.execute("SELECT complete_seq, requests_seq FROM writer").fetchone()
        expected = Expected(connection, map(unpack_command, commands), writer[1] if writer else 0)
        replayed = expected.replay({ring: _until(events(ring), last) for ring, last in enumerate(numbers) if last})
        short = {ring: numbers[ring] - last for ring, last in replayed.items() if last < numbers[ring]}
        expected.finish()
        tables = {name: _compare_table(connection, name) for name in TABLES}
        missing = _count(connection, sql.SQL("SELECT count(*) FROM position_gaps"))
        connection.rollback()
    return Report(writer[0] if writer else 0, numbers, tables, short, missing)


def _until(records: Iterable[bytes], last: int) -> Iterator[Event]:
    """The events up to number `last`, checked to be numbered from 1 without a gap."""
    for number, record in enumerate(records, start=1):
        event = unpack_event(record)
        if event.number != number:
            raise ValueError(f"the replay's event {number} says that it is {event.number}")
        yield event
        if number == last:
            return


def _compare_table(connection: psycopg.Connection, name: str) -> TableReport:
    key_size, columns = TABLES[name]
    actual, expected = sql.Identifier(name), sql.Identifier(f"expected_{name}")
    joined = sql.SQL(
        "FROM (SELECT {columns} FROM {expected}) AS e FULL JOIN (SELECT {columns} FROM {actual}) AS a USING ({key})"
        " WHERE e IS DISTINCT FROM a AND {compared}"
    ).format(
        compared=sql.SQL(MISSING.get(name, "true")),
        columns=columns_of(name),
        expected=expected,
        actual=actual,
        key=sql.SQL(", ").join(map(sql.Identifier, columns[:key_size])),
    )
    key = sql.SQL("concat_ws('/', {})").format(sql.SQL(", ").join(map(sql.Identifier, columns[:key_size])))
    first = connection.execute(
        sql.SQL("SELECT {}, to_jsonb(e), to_jsonb(a) {} ORDER BY {} LIMIT {}").format(
            key, joined, sql.SQL(", ").join(map(sql.Identifier, columns[:key_size])), sql.Literal(SHOWN_DIFFERENCES)
        )
    ).fetchall()
    differing = _count(connection, sql.SQL("SELECT count(*) {}").format(joined)) if first else 0
    return TableReport(
        _count(connection, sql.SQL("SELECT count(*) FROM {}").format(actual)),
        _count(connection, sql.SQL("SELECT count(*) FROM {}").format(expected)),
        differing,
        [Difference(*row) for row in first],
    )


def _count(connection: psycopg.Connection, query: sql.SQL | sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
