"""Trades, candles and orders of an instrument as CSV, streamed from one snapshot of PostgreSQL, however many there are.

What is public has no account in it. Times are UTC, amounts exact. `api/history/csv.py` has the same lines in
pages, for HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

from lockstep.procs.api.history import csv
from lockstep.procs.api.history.intervals import us_of
from lockstep.procs.api.history.queries import WATERMARK
from lockstep.procs.api.history.rows import HistoryUnavailableError, Watermark
from lockstep.procs.api.history.tables import Snapshot

PART = 1 << 16  # bytes, about
CONNECT_S = 10
EVER = datetime(1970, 1, 1, tzinfo=UTC)
ENDLESS = datetime(9999, 12, 31, tzinfo=UTC)
SHOWN = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS {}"""
TRADES = f"""
    SELECT t.matcher, t.trade_id, {SHOWN.format('t."time"', '"time"')}, coalesce(c.new_price, t.price) AS price,
        t.quantity, coalesce(c.new_price, t.price) * t.quantity AS value, t.taker_side, t.auction
    FROM trades AS t LEFT JOIN corrections AS c ON c.matcher = t.matcher AND c.trade_id = t.trade_id
    WHERE t.symbol = {{symbol}} AND t."time" >= {{since}} AND t."time" < {{until}}
    AND (c.trade_id IS NULL OR c.new_price IS NOT NULL) ORDER BY t."time", t.seq, t.trade_id
"""
ORDERS = f"""
    SELECT order_id, user_id, cl_ord_id, side, type, time_in_force, price, quantity, filled, remaining, state,
        end_reason, stop_price, trail, display, minimum, budget, post_only, self_trade, list_kind, mate_order_id,
        list_name, {SHOWN.format("created", "created")}, {SHOWN.format("updated", "updated")}
    FROM orders
    WHERE symbol = {{symbol}} AND order_id >= first_order_at({{since}}) AND order_id < first_order_at({{until}})
    ORDER BY order_id
"""
COPY = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)")
KNOWN = "SELECT FROM instruments WHERE symbol = %s"


class UnknownSymbolError(Exception):
    """The database has no such instrument."""


def trades(url: str, symbol: str, since: datetime = EVER, until: datetime = ENDLESS) -> AsyncIterator[bytes]:
    """Trades from a time on, before another, as corrections left them: a header, then a line for each."""
    return _copied(url, TRADES, symbol, since, until)


def orders(url: str, symbol: str, since: datetime = EVER, until: datetime = ENDLESS) -> AsyncIterator[bytes]:
    """Orders of all accounts that were accepted from a time on, before another: for the venue's owner, not public."""
    return _copied(url, ORDERS, symbol, since, until)


async def candles(
    url: str, symbol: str, interval: str, since: datetime = EVER, until: datetime = ENDLESS
) -> AsyncIterator[bytes]:
    """Candles that begin from a time on, before another, none missing. KeyError for an interval that is none."""
    async with _snapshot(url, symbol) as (_, at):
        async for part in csv.candles(at, symbol, interval, us_of(since), us_of(until) - 1):
            yield part


async def _copied(url: str, query: str, symbol: str, since: datetime, until: datetime) -> AsyncIterator[bytes]:
    values = {"symbol": sql.Literal(symbol), "since": sql.Literal(since), "until": sql.Literal(until)}
    async with _snapshot(url, symbol) as (connection, _):
        held = bytearray()
        async with connection.cursor().copy(COPY.format(sql.SQL(query).format(**values))) as rows:
            async for row in rows:
                held += row
                if len(held) >= PART:
                    yield bytes(held)
                    held.clear()
        yield bytes(held)


@asynccontextmanager
async def _snapshot(url: str, symbol: str) -> AsyncIterator[tuple[psycopg.AsyncConnection[Any], Snapshot]]:
    """A connection of its own, in one snapshot: an export takes as long as its reader takes."""
    try:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=CONNECT_S) as connection:
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            row = await (await connection.execute(WATERMARK)).fetchone()
            if (await connection.execute(KNOWN, [symbol])).rowcount == 0:
                raise UnknownSymbolError(f"the database has no instrument {symbol}")
            assert row is not None
            yield connection, Snapshot(connection, Watermark(row[0], tuple(row[1]), row[2]))
    except psycopg.Error as error:
        raise HistoryUnavailableError(" ".join(str(error).split())) from error


STREAMS: dict[str, Callable[..., AsyncIterator[bytes]]] = {"trades": trades, "candles": candles, "orders": orders}
