"""Compares the database with a replay of the journal, row by row, up to the database's watermark (I5).

It works the rows out again, one event at a time and with Decimal; it shares only the record schema with the loader.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

import psycopg
from msgspec import Struct
from psycopg import sql

from procs.batcher.database import CONNECT_TIMEOUT_S
from shm.layout import unpack_event
from shm.records import (
    MAX_MATCHERS,
    Accepted,
    AccountDefined,
    AssetDefined,
    Balance,
    Cancelled,
    Event,
    ExtCredentialEvent,
    InstrumentDefined,
    OrderType,
    Replaced,
    Side,
    TimeInForce,
    Traded,
)

SHOWN_DIFFERENCES = 10
# Rows held back before they are sent to the server, where they wait in a temporary table to be compared.
BUFFERED_ROWS = 10_000
# More digits than ticks × mantissa can have, so that nothing is rounded.
EXACT = Context(prec=60)

TABLES: dict[str, tuple[int, tuple[str, ...]]] = {  # name -> (how many of the columns are the key, columns)
    "users": (1, ("id", "username", "password_hash", "sender_comp_id", "created", "seq")),
    "assets": (1, ("id", "asset", "scale", "seq")),
    "instruments": (
        1,
        (
            "id", "symbol", "matcher", "base_asset", "quote_asset", "tick_mantissa", "price_scale", "lot_mantissa",
            "quantity_scale", "maker_fee_ppm", "taker_fee_ppm", "seq",
        ),
    ),
    "orders": (
        1,
        (
            "order_id", "user_id", "symbol", "cl_ord_id", "side", "type", "time_in_force", "price", "quantity",
            "filled", "remaining", "state", "created", "updated", "seq",
        ),
    ),
    "trades": (
        2,
        (
            "matcher", "trade_id", "symbol", "price", "quantity", "maker_order_id", "maker_user_id", "taker_order_id",
            "taker_user_id", "taker_side", "maker_fee", "taker_fee", "time", "seq",
        ),
    ),
    "balances": (2, ("user_id", "asset", "free", "held", "total", "seq")),
}  # fmt: skip


class Difference(Struct, frozen=True):
    """A row that is not as the replay says; None where one side has no such row."""

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
    the replay's last (its watermark must not be ahead of the journal)."""

    complete_seq: int
    numbers: list[int]
    tables: dict[str, TableReport]
    short: dict[int, int]

    @property
    def clean(self) -> bool:
        return not self.short and not any(table.differing for table in self.tables.values())


def compare(database_url: str, events: Callable[[int], Iterable[bytes]]) -> Report:
    """Compare every row with what `events(ring)` says: the ring's packed events, in order, from number 1.

    The venue may run meanwhile: the comparison sees one snapshot. Memory grows with open orders and accounts, not with
    history, which waits in temporary tables of the server. Raises psycopg.Error where the server is away.
    """
    with psycopg.connect(database_url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        numbers = [row[0] for row in connection.execute("SELECT number FROM watermark ORDER BY ring").fetchall()]
        writer = connection.execute("SELECT complete_seq FROM writer").fetchone()
        expected = _Expected(connection)
        short = {}
        for ring in range(MAX_MATCHERS + 1):
            if not numbers[ring]:
                continue
            replayed = expected.replay(ring, _until(events(ring), numbers[ring]))
            if replayed < numbers[ring]:
                short[ring] = numbers[ring] - replayed
        expected.finish()
        tables = {name: _compare_table(connection, name) for name in TABLES}
        connection.rollback()
    return Report(writer[0] if writer else 0, numbers, tables, short)


def _until(records: Iterable[bytes], last: int) -> Iterator[Event]:
    """The events up to number `last`, checked to be numbered from 1 without a gap."""
    for number, record in enumerate(records, start=1):
        event = unpack_event(record)
        if event.number != number:
            raise ValueError(f"the replay's event {number} says that it is {event.number}")
        yield event
        if number == last:
            return


@dataclass
class _Order:
    row: dict[str, Any]
    lots: int
    filled_lots: int = 0
    leaves_lots: int = 0


@dataclass
class _Expected:
    """The rows that events leave behind. Final ones go to the server at once; the rest stays until `finish`."""

    connection: psycopg.Connection
    assets: dict[int, dict[str, Any]] = field(default_factory=dict)
    instruments: dict[int, dict[str, Any]] = field(default_factory=dict)
    users: dict[int, dict[str, Any]] = field(default_factory=dict)
    balances: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    open_orders: dict[int, _Order] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in TABLES})
    credential: ExtCredentialEvent | None = None

    def __post_init__(self) -> None:
        for name in TABLES:
            table, columns = sql.Identifier(f"expected_{name}"), _columns(name)
            create = sql.SQL("CREATE TEMPORARY TABLE {} AS SELECT {} FROM {} WHERE false")
            self.connection.execute(create.format(table, columns, sql.Identifier(name)))

    def replay(self, ring: int, events: Iterator[Event]) -> int:
        """Apply the events of one ring, the router's (0) first; returns the last number."""
        number = 0
        for event in events:
            number = event.number
            match event:
                case Accepted():
                    self.accept(event)
                case Traded():
                    self.trade(ring, event)
                case Cancelled():
                    self.cancel(event)
                case Replaced():
                    self.replace(event)
                case Balance():
                    self.balance(event)
                case _:
                    self.define(event)
        return number

    def finish(self) -> None:
        for name, rows in (
            ("orders", [order.row for order in self.open_orders.values()]),
            ("users", self.users.values()),
            ("assets", self.assets.values()),
            ("instruments", self.instruments.values()),
            ("balances", self.balances.values()),
        ):
            for row in rows:
                self.add(name, row)
        for name in TABLES:
            self.send(name)

    def add(self, name: str, row: dict[str, Any]) -> None:
        self.rows[name].append(row)
        if len(self.rows[name]) >= BUFFERED_ROWS:
            self.send(name)

    def send(self, name: str) -> None:
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(f"expected_{name}"), _columns(name))
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in self.rows[name]:
                copy.write_row([row[column] for column in TABLES[name][1]])
        self.rows[name].clear()

    def price(self, instrument: int, ticks: int) -> Decimal:
        terms = self.instruments[instrument]
        return Decimal(ticks * terms["tick_mantissa"]).scaleb(-terms["price_scale"], EXACT)

    def quantity(self, instrument: int, lots: int) -> Decimal:
        terms = self.instruments[instrument]
        return Decimal(lots * terms["lot_mantissa"]).scaleb(-terms["quantity_scale"], EXACT)

    def money(self, asset: int, units: int) -> Decimal:
        return Decimal(units).scaleb(-self.assets[asset]["scale"], EXACT)

    def accept(self, event: Accepted) -> None:
        self.open_orders[event.order_id] = order = _Order({}, event.quantity_lots, 0, event.quantity_lots)
        order.row = {
            "order_id": event.order_id,
            "user_id": event.account,
            "symbol": self.instruments[event.instrument]["symbol"],
            "cl_ord_id": event.cl_ord_id.decode(),
            "side": Side(event.side).name,
            "type": OrderType(event.ord_type).name,
            "time_in_force": TimeInForce(event.time_in_force).name,
            "price": self.price(event.instrument, event.price_ticks),
            "state": "NEW",
            "created": _time(event.time_ns),
        }
        self.show(order, event)

    def trade(self, ring: int, event: Traded) -> None:
        terms = self.instruments[event.instrument]
        base, quote = terms["base_asset"], terms["quote_asset"]
        taker_gets, maker_gets = (base, quote) if event.taker_side == Side.BUY else (quote, base)
        self.add(
            "trades",
            {
                "matcher": ring,
                "trade_id": event.number,
                "symbol": terms["symbol"],
                "price": self.price(event.instrument, event.price_ticks),
                "quantity": self.quantity(event.instrument, event.quantity_lots),
                "maker_order_id": event.maker_order_id,
                "maker_user_id": event.maker_account,
                "taker_order_id": event.taker_order_id,
                "taker_user_id": event.taker_account,
                "taker_side": Side(event.taker_side).name,
                "maker_fee": self.money(maker_gets, event.maker_fee),
                "taker_fee": self.money(taker_gets, event.taker_fee),
                "time": _time(event.time_ns),
                "seq": event.cause,
            },
        )
        for order_id, leaves in (
            (event.maker_order_id, event.maker_leaves_lots),
            (event.taker_order_id, event.taker_leaves_lots),
        ):
            order = self.open_orders[order_id]
            order.filled_lots += event.quantity_lots
            order.leaves_lots = leaves
            order.row["state"] = "PARTIALLY_FILLED" if leaves else "FILLED"
            self.show(order, event)
            if not leaves:
                self.add("orders", self.open_orders.pop(order_id).row)

    def cancel(self, event: Cancelled) -> None:
        order = self.open_orders.pop(event.order_id)
        order.leaves_lots = 0
        order.row["state"] = "CANCELED"
        self.show(order, event)
        self.add("orders", order.row)

    def replace(self, event: Replaced) -> None:
        order = self.open_orders[event.order_id]
        order.lots += event.leaves_lots - event.old_leaves_lots
        order.leaves_lots = event.leaves_lots
        order.row["price"] = self.price(event.instrument, event.price_ticks)
        order.row["cl_ord_id"] = event.cl_ord_id.decode()
        self.show(order, event)

    def show(self, order: _Order, event: Event) -> None:
        """Bring the row up to date with the order."""
        order.row.update(
            quantity=self.quantity(event.instrument, order.lots),
            filled=self.quantity(event.instrument, order.filled_lots),
            remaining=self.quantity(event.instrument, order.leaves_lots),
            updated=_time(event.time_ns),
            seq=event.cause,
        )

    def balance(self, event: Balance) -> None:
        self.balances[event.account, event.asset] = {
            "user_id": event.account,
            "asset": self.assets[event.asset]["asset"],
            "free": self.money(event.asset, event.free),
            "held": self.money(event.asset, event.held),
            "total": self.money(event.asset, event.free + event.held),
            "seq": event.cause,
        }

    def define(self, event: Event) -> None:
        match event:
            case AssetDefined():
                row = {"id": event.asset, "asset": event.name.decode(), "scale": event.scale, "seq": event.cause}
                self.assets[event.asset] = row
            case InstrumentDefined():
                names = TABLES["instruments"][1][2:-1]
                row = {"id": event.instrument, "symbol": event.symbol.decode(), "seq": event.cause}
                self.instruments[event.instrument] = row | {name: getattr(event, name) for name in names}
            case ExtCredentialEvent():
                self.credential = event
            case AccountDefined():
                self.define_user(event)

    def define_user(self, event: AccountDefined) -> None:
        name = event.name.decode()
        created = self.users[event.account]["created"] if event.account in self.users else _time(event.time_ns)
        self.users[event.account] = {
            "id": event.account,
            "username": name,
            "password_hash": _phc(self.credential) if self.credential else "",
            "sender_comp_id": name,
            "created": created,
            "seq": event.cause,
        }
        self.credential = None


def _columns(name: str) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, TABLES[name][1]))


def _compare_table(connection: psycopg.Connection, name: str) -> TableReport:
    key_size, columns = TABLES[name]
    actual, expected = sql.Identifier(name), sql.Identifier(f"expected_{name}")
    joined = sql.SQL(
        "FROM (SELECT {columns} FROM {expected}) AS e FULL JOIN (SELECT {columns} FROM {actual}) AS a USING ({key})"
        " WHERE e IS DISTINCT FROM a"
    ).format(
        columns=_columns(name),
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


def _count(connection: psycopg.Connection, query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _time(time_ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_ns // 1000)


def _phc(credential: ExtCredentialEvent) -> str:
    salt = b64encode(credential.salt).rstrip(b"=").decode()
    digest = b64encode(credential.hash).rstrip(b"=").decode()
    cost = f"m={credential.memory_kib},t={credential.time_cost},p={credential.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"
