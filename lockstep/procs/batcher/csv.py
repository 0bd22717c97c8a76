"""Rows of the database as CSV, as PostgreSQL writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

COPY = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)")
PART = 1 << 16  # bytes, about


def parts_of(connection: psycopg.Connection[Any], query: sql.Composable) -> Iterator[bytes]:
    """Yield what a query finds: a header, then a line for each row. psycopg.Error."""
    part = bytearray()
    with connection.cursor().copy(COPY.format(query)) as rows:
        for row in rows:
            part += row
            if len(part) >= PART:
                yield bytes(part)
                part.clear()
    yield bytes(part)
