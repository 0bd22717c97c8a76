"""Rows that the database refuses: which errors are a row's own, how others get past it, and how it comes back.

A batch that is refused as a whole is staged in temporary tables, from which each table takes what it can: what fails is
halved until single rows are left. Those go into `refused_rows`, in the transaction that moves the watermark past them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from msgspec import Struct
from psycopg import sql
from psycopg.types.json import Jsonb

from lockstep.core.operations.status import RefusedRows
from lockstep.procs.batcher import derived, partitions
from lockstep.procs.batcher.candles import TOUCHED_COLUMNS
from lockstep.procs.batcher.history import (
    ACTION_COLUMNS,
    CORRECTION_COLUMNS,
    PHASE_COLUMNS,
    PREVENTED_COLUMNS,
    REPLACEMENT_COLUMNS,
    TRADE_COLUMNS,
)
from lockstep.procs.batcher.order_rows import CHANGE_COLUMNS, ORDER_COLUMNS
from lockstep.procs.batcher.requests import REQUEST_COLUMNS
from lockstep.procs.batcher.rows import BALANCE_COLUMNS

# SQLSTATEs of a server that is away, full, stopping, locked, read-only, misconfigured or damaged, or that lacks what we
# need: tried again. All others, a trigger's own among them, object to a row.
SERVER_CLASSES = frozenset(["08", "0A", "25", "28", "3D", "3F", "40", "53", "55", "57", "58", "F0", "XX"])
SERVER_STATES = frozenset(["42501", "42P01"])
# Failures that are halved, for each table of a batch: at 16 a row, more than a hundred rows are found one by one. What
# fails beyond is set aside as it is, good rows among it: a table that takes nothing must not hold up the others.
MOST_HALVED = 2_000
# Days that one batch makes partitions for. Trades of more, of a clock that went wrong, are refused by `trades`.
MOST_DAYS = 366
LOADED_AT_ONCE = 1_000  # rows of a transaction of `load`, which keeps a batcher waiting

# Of each table the columns that are its key, and all that are written; and of what changes orders.
CHANGES = "changes"
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "assets": (("id",), ("id", "asset", "scale", "seq")),
    "instruments": (
        ("id",),
        (
            "id", "symbol", "matcher", "base_asset", "quote_asset", "tick_mantissa", "price_scale", "lot_mantissa",
            "quantity_scale", "maker_fee_ppm", "taker_fee_ppm", "seq",
        ),
    ),
    "users": (("id",), ("id", "username", "password_hash", "sender_comp_id", "created", "seq")),
    "orders": (("order_id",), ORDER_COLUMNS),
    CHANGES: (("order_id",), CHANGE_COLUMNS),
    "trades": (("matcher", "trade_id"), TRADE_COLUMNS),
    "phases": (("matcher", "number"), PHASE_COLUMNS),
    "actions": (("number",), ACTION_COLUMNS),
    "requests": (("seq",), REQUEST_COLUMNS),
    "corrections": (("matcher", "trade_id"), CORRECTION_COLUMNS),
    "prevented_matches": (("matcher", "prevented_match_id"), PREVENTED_COLUMNS),
    "replacements": (("matcher", "number"), REPLACEMENT_COLUMNS),
    "balances": (("user_id", "asset"), BALANCE_COLUMNS),
    "candles": (("symbol", "time"), TOUCHED_COLUMNS),  # of a second: all candles with it are made again
}  # fmt: skip
# Tables whose rows are written again, whole: a later one makes an earlier one needless.
REWRITTEN = ("assets", "instruments", "users", "balances", "candles")
KEPT = ("created",)  # columns that stay then
SMALL, LARGE, NUMERIC, TIME, BOOLEAN = "smallint", "bigint", "numeric", "timestamptz", "boolean"
# Of columns that are not text: COPY's binary form has the width of the type.
TYPES = {
    "id": "integer", "scale": SMALL, "base_asset": "integer", "quote_asset": "integer",
    "tick_mantissa": LARGE, "price_scale": SMALL, "lot_mantissa": LARGE, "quantity_scale": SMALL,
    "maker_fee_ppm": "integer", "taker_fee_ppm": "integer",
    "matcher": SMALL, "user_id": "integer", "session_id": "integer", "target_id": "integer",
    "maker_user_id": "integer", "taker_user_id": "integer", "buyer_id": "integer", "seller_id": "integer",
    "order_id": LARGE, "mate_order_id": LARGE, "trade_id": LARGE, "maker_order_id": LARGE, "taker_order_id": LARGE,
    "number": LARGE, "proposal": LARGE, "approves": LARGE, "asked_by": "integer", "seq": LARGE,
    "price": NUMERIC, "quantity": NUMERIC, "filled": NUMERIC, "remaining": NUMERIC, "prevented": NUMERIC,
    "stop_price": NUMERIC, "trail": NUMERIC, "display": NUMERIC, "minimum": NUMERIC, "budget": NUMERIC,
    "free": NUMERIC, "held": NUMERIC, "total": NUMERIC, "maker_fee": NUMERIC, "taker_fee": NUMERIC,
    "buyer_fee": NUMERIC, "seller_fee": NUMERIC,
    "prevented_match_id": LARGE, "trade_group": LARGE, "maker_prevented": NUMERIC, "taker_prevented": NUMERIC,
    "old_price": NUMERIC, "old_remaining": NUMERIC, "kept_priority": BOOLEAN,
    "new_price": NUMERIC, "auction_price": NUMERIC, "auction_quantity": NUMERIC, "reference_price": NUMERIC,
    "amount": NUMERIC,
    "created": TIME, "updated": TIME, "expires": TIME, "time": TIME, "ends": TIME,
    "post_only": BOOLEAN, "slide": BOOLEAN, "auction": BOOLEAN, "is_on": BOOLEAN, "is_open": BOOLEAN,
    "terms": "jsonb",
}  # fmt: skip

# What a budget buys is unknown beforehand: its quantity is what is filled, and nothing remains or is prevented.
UPDATE_ORDERS = """
    UPDATE orders AS o SET
        price = coalesce(c.price, o.price), filled = o.filled + c.filled, state = coalesce(c.state, o.state),
        quantity = CASE WHEN o.budget IS NULL THEN o.quantity + c.quantity ELSE o.filled + c.filled END,
        remaining = CASE WHEN o.budget IS NULL THEN c.remaining ELSE 0 END,
        prevented = CASE WHEN o.budget IS NULL THEN o.prevented + c.prevented ELSE 0 END,
        stop_price = coalesce(c.stop_price, o.stop_price), trail = coalesce(c.trail, o.trail),
        display = coalesce(c.display, o.display), expires = coalesce(c.expires, o.expires),
        end_reason = coalesce(c.end_reason, o.end_reason), cl_ord_id = coalesce(c.cl_ord_id, o.cl_ord_id),
        first_cl_ord_id = CASE WHEN c.cl_ord_id IS NULL THEN o.first_cl_ord_id
            ELSE coalesce(o.first_cl_ord_id, o.cl_ord_id) END,
        is_open = CASE WHEN c.state IS NULL THEN o.is_open
            ELSE c.state IN ('WAITING', 'NEW', 'TRIGGERED', 'PARTIALLY_FILLED') END,
        updated = c.updated, seq = c.seq
    FROM {source} AS c WHERE o.order_id = c.order_id
"""
REMAKE_CANDLES = """
    SELECT remake_candles(symbol, "time", "time" + INTERVAL '1 microsecond')
    FROM (SELECT DISTINCT symbol, "time" FROM {source} AS s) AS touched
"""
# What follows from a trade that is loaded later, or a correction of it.
FOLLOWS = """
    SELECT t.symbol, date_trunc('second', t."time"), t.seq, t.maker_user_id, t.taker_user_id FROM trades AS t
    WHERE t.matcher = %s AND t.trade_id = %s
"""
# A check at the end of a transaction would not say which row failed.
IMMEDIATE = "SET CONSTRAINTS ALL IMMEDIATE"
STAGE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS {staged} (place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {columns})
    ON COMMIT DELETE ROWS
"""
SPAN = "(SELECT * FROM {staged} WHERE place BETWEEN {low} AND {high})"
ONE = "(SELECT p.* FROM refused_rows AS r, jsonb_to_record(r.fields) AS p ({columns}) WHERE r.number = {number})"
SET_ASIDE = """
    INSERT INTO refused_rows (relation, is_change, key, seq, sqlstate, reason, fields)
    SELECT {relation}, {is_change}, concat_ws('/', {key}), seq, {sqlstate}, {reason}, to_jsonb(s) - 'place'
    FROM {source} AS s
"""
NOTE = """
    INSERT INTO refused_rows (relation, is_change, key, seq, sqlstate, reason, fields)
    VALUES (%s, false, %s, %s, '', '', %s) RETURNING number
"""
NEXT = """
    SELECT number, relation, is_change, key, fields ->> 'time' FROM refused_rows WHERE number > %s
    ORDER BY number LIMIT %s
"""
ASIDE = "an earlier row of this order is set aside"
NO_ORDER = "the database does not have this order, or does not let it be changed"
# Changes that can't be made, and why: one builds on those before it.
HELD_BACK = {
    ASIDE: "s.order_id IN (SELECT key::bigint FROM refused_rows WHERE relation = 'orders' AND number <= {last})",
    NO_ORDER: "NOT EXISTS (SELECT FROM orders AS o WHERE o.order_id = s.order_id)",
}


Copy = Callable[[str, tuple[str, ...]], None]


class Result(Struct):
    """What `load` has done: rows that are in their tables now, and those that are not, by their table."""

    loaded: int = 0
    left: dict[str, int] = {}


def is_of_rows(error: psycopg.Error) -> bool:
    """Whether the server objects to a row, rather than being unable to take any."""
    if error.sqlstate is None:  # of psycopg itself: a lost connection, or a value that it can't send
        return isinstance(error, psycopg.DataError)
    return error.sqlstate[:2] not in SERVER_CLASSES and error.sqlstate not in SERVER_STATES


class Staging:
    """The rows of one batch, of which each table takes what it can. All of it is part of the caller's transaction."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self.refused = 0
        connection.execute(IMMEDIATE)

    def define(self, table: str, values: Sequence[Any]) -> None:
        """Take one definition, or set it aside."""
        columns = TABLES[table][1]
        fields = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in zip(columns, values, strict=True)
        }
        key = str(fields["id"])
        self._connection.execute("DELETE FROM refused_rows WHERE relation = %s AND key = %s", [table, key])
        row = self._connection.execute(NOTE, [table, key, fields["seq"], Jsonb(fields)]).fetchone()
        if row is not None and _load_one(self._connection, row[0], table, None):
            self.refused += 1

    def take(self, table: str, copy: Copy) -> None:
        """Take what `table` takes of the rows that `copy` brings, and set the others aside."""
        keys, _ = TABLES[table]
        span = self._stage(table, copy)
        if span is None:
            return
        if table in REWRITTEN:
            self._connection.execute(
                sql.SQL(
                    "DELETE FROM refused_rows WHERE relation = %s AND key IN (SELECT concat_ws('/', {}) FROM {})"
                ).format(_names(keys), _staged(table)),
                [table],
            )
        if table == "trades":
            self._make_days()
        if table == CHANGES:
            self._hold_back(span)
        self._halve(table, span)

    def _stage(self, table: str, copy: Copy) -> tuple[int, int] | None:
        """Stage rows of a table; the places of the first and the last."""
        columns = TABLES[table][1]
        self._connection.execute(sql.SQL(STAGE).format(staged=_staged(table), columns=_typed(columns)))
        copy(f"staged_{table}", columns)
        row = self._connection.execute(
            sql.SQL("SELECT min(place), max(place) FROM {}").format(_staged(table))
        ).fetchone()
        return None if row is None or row[0] is None else (row[0], row[1])

    def _hold_back(self, span: tuple[int, int]) -> None:
        """Set aside the changes of orders that are not there, or of which an earlier row is set aside."""
        row = self._connection.execute("SELECT coalesce(max(number), 0) FROM refused_rows").fetchone()
        last = sql.Literal(row[0] if row else 0)
        for reason, condition in HELD_BACK.items():
            where = sql.SQL(" WHERE ") + sql.SQL(condition).format(last=last)
            held = self._connection.execute(_set_aside(CHANGES, span, "", reason) + where).rowcount
            if held:
                self._connection.execute(sql.SQL("DELETE FROM {} AS s").format(_staged(CHANGES)) + where)
            self.refused += held

    def _make_days(self) -> None:
        """Make the partitions of the days that have trades, if that can be done; if not, the trades are refused."""
        days = partitions.days_of(self._connection)
        if days is None:
            return
        found = self._connection.execute(
            "SELECT DISTINCT (\"time\" AT TIME ZONE 'UTC')::date AS day FROM staged_trades ORDER BY day LIMIT %s",
            [MOST_DAYS],
        ).fetchall()
        for (day,) in found:
            _make_day(self._connection, day, days)

    def _halve(self, table: str, span: tuple[int, int]) -> None:
        """Let the table take the rows of a span; those of its halves where one is refused."""
        spans = [span]
        halved = 0
        while spans:
            low, high = spans.pop()
            if (refusal := self._refusal(table, low, high)) is None:
                continue
            if low == high or halved >= MOST_HALVED:
                self.refused += self._connection.execute(_set_aside(table, (low, high), *refusal)).rowcount
                continue
            halved += 1
            middle = (low + high) // 2
            spans += [(middle + 1, high), (low, middle)]

    def _refusal(self, table: str, low: int, high: int) -> tuple[str, str] | None:
        """SQLSTATE and message of why these rows are refused; None if the table has them now."""
        source = _span(table, (low, high))
        count = sql.SQL("SELECT count(*) FROM {} AS s").format(source)
        return _attempt(self._connection, table, source, count if table == CHANGES else None)


def load(connection: psycopg.Connection) -> Result:
    """Try all rows that are set aside again, in their order; a batcher may run, and waits meanwhile.

    The connection must be in autocommit mode. psycopg.Error where the server is away.
    """
    result = Result()
    last = 0
    held: set[str] = set()  # orders of which an earlier row was refused again
    while True:
        with connection.transaction():
            connection.execute(IMMEDIATE)
            connection.execute("SELECT FROM writer FOR UPDATE")
            rows = connection.execute(NEXT, [last, LOADED_AT_ONCE]).fetchall()
            for number, relation, is_change, key, time in rows:
                last = number
                if relation == "orders" and key in held:
                    refused = True
                else:
                    refused = _load_one(connection, number, CHANGES if is_change else relation, time)
                if not refused:
                    result.loaded += 1
                    continue
                result.left[relation] = result.left.get(relation, 0) + 1
                if relation == "orders":
                    held.add(key)
        if not rows:
            return result


def defined(connection: psycopg.Connection, table: str) -> list[tuple[Any, ...]]:
    """Every row of a table, then those that are set aside, which are newer."""
    columns = TABLES[table][1]
    query = sql.SQL(
        "SELECT {} FROM {} UNION ALL"
        " SELECT p.* FROM refused_rows AS r, jsonb_to_record(r.fields) AS p ({}) WHERE r.relation = {}"
    ).format(_names(columns), sql.Identifier(table), _typed(columns), sql.Literal(table))
    return connection.execute(query).fetchall()


def reasons(connection: psycopg.Connection, most: int) -> tuple[int, list[RefusedRows]]:
    """How many rows are set aside, and the `most` frequent reasons, with their tables."""
    row = connection.execute("SELECT count(*) FROM refused_rows").fetchone()
    found = connection.execute(
        "SELECT relation, reason, count(*), min(seq), max(seq) FROM refused_rows GROUP BY relation, reason"
        " ORDER BY count(*) DESC, relation, reason LIMIT %s",
        [most],
    )
    return (int(row[0]) if row else 0), [RefusedRows(*each) for each in found.fetchall()]


def _load_one(connection: psycopg.Connection, number: int, table: str, time: str | None) -> bool:
    """Move a row that is set aside into its table; True, with the reason noted, where that is refused."""
    if table == "trades" and time and (days := partitions.days_of(connection)) is not None:
        _make_day(connection, datetime.fromisoformat(time).astimezone(UTC).date(), days)
    source = sql.SQL(ONE).format(columns=_typed(TABLES[table][1]), number=sql.Literal(number))
    refusal = _attempt(connection, table, source, sql.SQL("SELECT 1").format() if table == CHANGES else None)
    if refusal is None:
        _follow(connection, number, table)
        connection.execute("DELETE FROM refused_rows WHERE number = %s", [number])
        return False
    connection.execute("UPDATE refused_rows SET sqlstate = %s, reason = %s WHERE number = %s", [*refusal, number])
    return True


def _follow(connection: psycopg.Connection, number: int, table: str) -> None:
    """Bring candles and positions up to date with a trade, or a correction of one, that its table has taken."""
    if table not in ("trades", "corrections"):
        return
    key = connection.execute(
        "SELECT (fields ->> 'matcher')::smallint, (fields ->> 'trade_id')::bigint FROM refused_rows WHERE number = %s",
        [number],
    ).fetchone()
    row = connection.execute(FOLLOWS, key).fetchone()
    if row is None:
        return  # the correction of a trade that is not there
    symbol, second, seq, *users = row
    derived.mark(connection, [(user, symbol) for user in users])
    fields = {"symbol": symbol, "time": second.isoformat(), "seq": seq}
    noted = connection.execute(NOTE, ["candles", f"{symbol}/{second.isoformat()}", seq, Jsonb(fields)]).fetchone()
    if noted is not None:
        _load_one(connection, noted[0], "candles", None)


def _attempt(
    connection: psycopg.Connection, table: str, source: sql.Composed, count: sql.Composed | None
) -> tuple[str, str] | None:
    """Write the rows of `source`, all or none; SQLSTATE and message if they are refused. If there is a `count`, as many
    rows as `count` says must be touched."""
    try:
        with connection.transaction():
            done = connection.execute(_written(table, source)).rowcount
            row = None if count is None else connection.execute(count).fetchone()
            if row is not None and row[0] != done:
                raise _UntouchedError
    except psycopg.Error as error:
        if not is_of_rows(error):
            raise
        return error.sqlstate or "", str(error).strip()
    except _UntouchedError:
        return "", NO_ORDER
    return None


class _UntouchedError(Exception):
    """Changes that changed nothing."""


def _written(table: str, source: sql.Composed) -> sql.Composed:
    """The statement that writes the rows of `source` into a table."""
    if table == CHANGES:
        return sql.SQL(UPDATE_ORDERS).format(source=source)
    if table == "candles":
        return sql.SQL(REMAKE_CANDLES).format(source=source)
    keys, columns = TABLES[table]
    insert = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} AS s").format(
        sql.Identifier(table), _names(columns), _names(columns), source
    )
    if table not in REWRITTEN:
        return insert
    again = sql.SQL(", ").join(
        sql.SQL("{} = excluded.{}").format(sql.Identifier(name), sql.Identifier(name))
        for name in columns
        if name not in keys and name not in KEPT
    )
    return insert + sql.SQL(" ON CONFLICT ({}) DO UPDATE SET {}").format(_names(keys), again)


def _set_aside(table: str, span: tuple[int, int], sqlstate: str, reason: str) -> sql.Composed:
    return sql.SQL(SET_ASIDE).format(
        relation=sql.Literal("orders" if table == CHANGES else table),
        is_change=sql.Literal(table == CHANGES),
        key=_names(TABLES[table][0]),
        sqlstate=sql.Literal(sqlstate),
        reason=sql.Literal(reason),
        source=_span(table, span),
    )


def _make_day(connection: psycopg.Connection, day: date, days: set[date]) -> None:
    """Make a day's partition, where there is none and the server lets us."""
    if day in days:
        return
    try:
        with connection.transaction():
            partitions.make(connection, [day])
    except psycopg.Error as error:
        if not is_of_rows(error):
            raise
    else:
        days.add(day)


def _span(table: str, span: tuple[int, int]) -> sql.Composed:
    return sql.SQL(SPAN).format(staged=_staged(table), low=sql.Literal(span[0]), high=sql.Literal(span[1]))


def _staged(table: str) -> sql.Identifier:
    return sql.Identifier(f"staged_{table}")


def _names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _typed(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(TYPES.get(name, "text"))) for name in columns
    )
