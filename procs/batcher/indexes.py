"""The indexes by which history is found, made on tables that were full before these were wanted.

Neither readers nor the loader wait: an index of `orders` is built concurrently, one of `trades` day by day, of which
only the last is being written. New databases have them from their migrations.
"""

from __future__ import annotations

import threading

import psycopg
from psycopg import sql

from procs.batcher.database import CONNECT_TIMEOUT_S
from shm.log_lines import log

# By name: of which table, and the rest of its definition.
INDEXES = {
    "orders_client": ("orders", "(user_id, cl_ord_id)"),
    "orders_account": ("orders", "(user_id, is_open, order_id)"),
    "trades_maker_account": ("trades", '(maker_user_id, symbol, "time")'),
    "trades_taker_account": ("trades", '(taker_user_id, symbol, "time")'),
    "trades_maker_order": ("trades", "(maker_order_id)"),
    "trades_taker_order": ("trades", "(taker_order_id)"),
}
REPLACED = ("orders_user", "trades_maker", "trades_taker")  # by those of whole accounts
LOCK = 0x6C6F636B696E6478  # "lockindx" as a number: one process makes them
READY = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
# Days' partitions that have no such index yet, the last day's left out.
PARTS = """
    SELECT c.relname FROM pg_inherits AS h JOIN pg_class AS c ON c.oid = h.inhrelid
    WHERE h.inhparent = 'trades'::regclass AND c.relname ~ '^trades_[0-9]{8}$'
    AND c.relname < to_char(now() AT TIME ZONE 'UTC', '"trades_"YYYYMMDD')
    AND to_regclass(c.relname || %s) IS NULL
    ORDER BY c.relname DESC
"""
SETTINGS = "SET statement_timeout = 0; SET lock_timeout = 0; SET maintenance_work_mem = '256MB'"


def missing(connection: psycopg.Connection) -> list[str]:
    """The names of those that are not there, or were not built to their end."""
    return [name for name in INDEXES if connection.execute(READY, [name]).fetchone() != (True,)]


def make(url: str, stopping: threading.Event) -> None:
    """Make those that are missing, one after the other, until told to stop. psycopg.Error.

    What is interrupted is made again by the next run.
    """
    with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        if not missing(connection):
            return
        connection.execute(SETTINGS)
        if connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone() != (True,):
            return
        wanted = missing(connection)
        for count, name in enumerate(wanted, start=1):
            log.info("making an index of earlier rows", index=name, number=count, of=len(wanted))
            _make(connection, name, stopping)
            if stopping.is_set():
                return
        connection.execute("SET lock_timeout = '5s'")  # whoever waits for a lock on a table holds up its readers
        for old in REPLACED:
            connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(old)))
        log.info("all indexes of earlier rows are made")


def _make(connection: psycopg.Connection, name: str, stopping: threading.Event) -> None:
    table, definition = INDEXES[name]
    connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(name)))  # a half-built one
    row = connection.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = %s::regclass", [table]).fetchone()
    if row == (True,):
        parts = connection.execute(PARTS, [f"_{name}"]).fetchall()
        for count, (part,) in enumerate(parts, start=1):
            log.info("making an index of earlier rows", index=name, part=part, number=count, of=len(parts))
            _create(connection, "", f"{part}_{name}", part, definition)
            if stopping.is_set():
                return
        _create(connection, "", name, table, definition)  # it takes the days' that are there
    else:
        _create(connection, "CONCURRENTLY", name, table, definition)


def _create(connection: psycopg.Connection, how: str, name: str, table: str, definition: str) -> None:
    connection.execute(
        sql.SQL("CREATE INDEX {} {} ON {} {}").format(
            sql.SQL(how), sql.Identifier(name), sql.Identifier(table), sql.SQL(definition)
        )
    )
