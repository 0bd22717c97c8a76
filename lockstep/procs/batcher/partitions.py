"""The partitions of `trades`, one a day: lists them and makes new ones, without blocking readers of `trades`.

Partitions with other names are not ours: they are neither counted nor touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import psycopg
from psycopg import sql

PREFIX = "trades_"
# A partition is made when the first trade of the day before it arrives.
DAYS_AHEAD = 1


def days_of(connection: psycopg.Connection) -> set[date] | None:
    """The days that have a partition; None if the server partitions by itself (a hypertable)."""
    row = connection.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = 'trades'::regclass").fetchone()
    if row is None or not row[0]:
        return None
    names = connection.execute(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
        f" WHERE inhparent = 'trades'::regclass AND relname ~ '^{PREFIX}[0-9]{{8}}$'"
    )
    return {datetime.strptime(name, f"{PREFIX}%Y%m%d").replace(tzinfo=UTC).date() for (name,) in names}


def make(connection: psycopg.Connection, days: Iterable[date]) -> None:
    """Make the partitions of days that have none."""
    for day in sorted(days):
        name, end = sql.Identifier(f"{PREFIX}{day:%Y%m%d}"), day + timedelta(days=1)
        connection.execute(sql.SQL("CREATE TABLE {} (LIKE trades INCLUDING ALL)").format(name))
        connection.execute(
            sql.SQL("ALTER TABLE trades ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
                name, sql.Literal(f"{day} 00:00Z"), sql.Literal(f"{end} 00:00Z")
            )
        )
