"""A database that goes away: tables in memory, transactions that happen whole or not at all, and connections that die.

It understands the batcher's statements and no others, and checks nothing that PostgreSQL would not. No simulated
operator corrects a trade: what only corrections lead to, as gaps of candles and positions, is not understood.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from random import Random
from typing import Any

import psycopg

from lockstep.procs.batcher import derived, writer
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.expected_tables import TABLES
from tests.broken import require

Row = dict[str, Any]
EXACT = Context(prec=80)
COPY_HEADER = 19
NUMBERS = {
    "price", "quantity", "filled", "remaining", "prevented", "stop_price", "trail", "display", "minimum", "budget",
    "free", "held", "total", "maker_fee", "taker_fee", "amount", "auction_price", "auction_quantity",
    "reference_price", "new_price",
    "buyer_fee", "seller_fee", "open", "high", "low", "close", "volume", "quote_volume", "taker_buy_volume",
    "taker_buy_quote_volume", "cost", "realised", "maker_prevented", "taker_prevented", "old_price", "old_remaining",
}  # fmt: skip
TIMES = {"created", "updated", "expires", "ends", "time"}
FLAGS = {"post_only", "slide", "auction", "is_on", "is_open", "kept_priority"}
INTEGERS = {
    "order_id", "user_id", "mate_order_id", "seq", "matcher", "trade_id", "maker_order_id", "maker_user_id",
    "taker_order_id", "taker_user_id", "number", "session_id", "target_id", "proposal", "buyer_id", "seller_id",
    "trades", "fills", "prevented_match_id", "trade_group",
}  # fmt: skip
OPEN = ("WAITING", "NEW", "TRIGGERED", "PARTIALLY_FILLED")
SUMS = ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")
RINGS = 9


class Database:
    """What is committed. `away`: it does not answer. The next `lose_commits` commits end their connection: before or
    after they take place, the client can't know."""

    def __init__(self, draw: Random, on_commit: Callable[[Database], None] = lambda _: None) -> None:
        self.draw = draw
        self.tables: dict[str, dict[Any, Row]] = {name: {} for name in TABLES}
        self.numbers = [0] * RINGS
        self.causes = [0] * RINGS
        self.author = Author()
        self.claim = self.born_ns = self.complete_seq = 0
        self.away = False
        self.lose_commits = 0
        self.seen: Counter[str] = Counter()
        self.on_commit = on_commit
        self.connections: list[Connection] = []

    def connect(self, *_args: object, **_options: object) -> Connection:
        if self.away:
            self.seen["refused"] += 1
            raise psycopg.OperationalError("the database is away")
        connection = Connection(self)
        self.connections.append(connection)
        return connection

    def drop(self) -> None:
        """All connections end; what was not committed is gone."""
        for connection in self.connections:
            connection.dead = True
            connection.roll_back()
        self.connections.clear()


class Connection:
    """What the batcher uses of psycopg's."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.dead = False
        self.undo: list[Callable[[], None]] = []
        self.staged: dict[str, list[Row]] = {}
        self.depth = 0

    @property
    def broken(self) -> bool:
        return self.dead

    def close(self) -> None:
        self.roll_back()
        self.dead = True
        if self in self.database.connections:
            self.database.connections.remove(self)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.depth += 1
        try:
            yield
        except BaseException:
            self.depth -= 1
            self.roll_back()
            raise
        self.depth -= 1
        if not self.depth:
            self.commit()

    def commit(self) -> None:
        database = self.database
        self.check()
        if database.lose_commits:
            database.lose_commits -= 1
            took_place = database.draw.random() < 0.5
            database.seen["commit lost, done" if took_place else "commit lost, undone"] += 1
            if took_place:
                self.keep()
            self.close()
            raise psycopg.OperationalError("the connection ended in COMMIT")
        self.keep()

    def keep(self) -> None:
        self.undo.clear()
        self.staged.clear()
        self.database.seen["commit"] += 1
        self.database.on_commit(self.database)

    def roll_back(self) -> None:
        while self.undo:
            self.undo.pop()()
        self.staged.clear()

    def check(self) -> None:
        if self.database.away or self.dead:
            self.close()
            self.database.seen["connection lost"] += 1
            raise psycopg.OperationalError("the connection is gone")

    def execute(self, query: Any, parameters: Any = None, **_options: object) -> Result:
        self.check()
        text = query if isinstance(query, str) else query.as_string(None)
        result = self.carry_out(" ".join(text.split()), parameters)
        if not self.depth:
            self.commit()
        return result

    def cursor(self) -> Connection:
        return self

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    @contextmanager
    def copy(self, statement: Any) -> Iterator[Copy]:
        self.check()
        copy = Copy(statement.as_string(None))
        yield copy
        self.check()
        rows = decode(bytes(copy.data), copy.columns)
        if copy.table in TABLES:
            for row in rows:
                self.insert(copy.table, row)
        else:
            self.staged.setdefault(copy.table, []).extend(rows)

    def insert(self, name: str, row: Row) -> None:
        key = tuple(row[column] for column in TABLES[name][1][: TABLES[name][0]])
        if key in self.database.tables[name]:
            raise psycopg.errors.UniqueViolation(f"{name} has {key} already")
        self.put(name, key, row)

    def put(self, name: str, key: Any, row: Row) -> None:
        table = self.database.tables[name]
        before = table.get(key)
        table[key] = row

        def restore() -> None:
            table.pop(key)
            if before is not None:
                table[key] = before

        self.undo.append(restore)

    def set(self, name: str, value: Any) -> None:
        before = getattr(self.database, name)
        setattr(self.database, name, value)
        self.undo.append(lambda: setattr(self.database, name, before))

    def carry_out(self, text: str, parameters: Any) -> Result:
        database = self.database
        if text.startswith(("SET ", "SELECT pg_terminate_backend")):
            if "pg_terminate" in text:
                for other in [other for other in database.connections if other is not self]:
                    other.dead = True
                    other.roll_back()
            return Result([])
        if text.startswith("SELECT journal_born_ns, epoch, boot, node FROM writer"):
            return Result([(database.born_ns, *database.author)])
        if text == "SELECT epoch, boot, node FROM writer":
            return Result([tuple(database.author)])
        if text == "SELECT claim FROM writer FOR UPDATE":
            return Result([(database.claim,)])
        if text.startswith("SELECT number FROM watermark ORDER BY ring"):
            return Result([(number,) for number in database.numbers])
        if text.startswith("SELECT relkind"):
            return Result([(False,)])
        if text == "SELECT FROM refused_rows LIMIT 1":
            return Result([])
        if text.startswith('SELECT "id", '):  # of definitions, and of those that are set aside
            name = text.partition(' FROM "')[2].partition('"')[0]
            return Result([tuple(row[each] for each in TABLES[name][1]) for row in database.tables[name].values()])
        if text == one_line(writer.CLAIM):
            return self.take_over(parameters)
        if text == one_line(writer.MOVE_WATERMARK):
            return self.move_watermark(*parameters)
        if text == writer.BEGIN_EPOCH:
            if database.author.epoch <= parameters["epoch"]:
                self.set("author", database.author._replace(**parameters))
            return Result([])
        if text == writer.MOVE_WRITER:
            self.set("complete_seq", parameters[0])
            return Result([])
        if text == one_line(writer.CHANGE_ORDERS.as_string(None)):
            return Result([], sum(self.change_order(row) for row in self.staged.pop("changed_orders", [])))
        if text == one_line(writer.UPSERT_BALANCES):
            for row in self.staged.pop("changed_balances", []):
                self.put("balances", (row["user_id"], row["asset"]), row)
            return Result([])
        if text == one_line(derived.POSITIONS):
            return Result(list(self.positions()))
        if text == one_line(derived.ADD_CANDLES):
            for row in self.staged.pop("changed_candles", []):
                self.add_candle(row)
            return Result([])
        if text == one_line(derived.SET_POSITIONS):
            for row in self.staged.pop("changed_positions", []):
                self.put("position_states", (row["user_id"], row["symbol"]), row)
            return Result([])
        if text == one_line(derived.EARLY):
            corrected = database.tables["corrections"]
            return Result([(ring, trade) for ring, trade in corrected if trade > database.numbers[ring]])
        return self.define(text, parameters)

    def positions(self) -> Iterator[tuple[int, ...]]:
        """In whole units, of the instruments that are listed."""
        tables = self.database.tables
        listed = {row["symbol"]: row for row in tables["instruments"].values()}
        for row in tables["position_states"].values():
            terms = listed[row["symbol"]]
            base, quote = (tables["assets"][(terms[name],)]["scale"] for name in ("base_asset", "quote_asset"))
            amounts = ((row["quantity"], base), (row["cost"], quote), (row["realised"], quote))
            units = (int(amount.scaleb(scale, EXACT)) for amount, scale in amounts)
            yield (row["user_id"], terms["id"], *units, row["fills"])

    def add_candle(self, share: Row) -> None:
        """What a batch's trades make of a candle, which may be there already."""
        key = (share["symbol"], share["interval"], share["time"])
        was = self.database.tables["candles"].get(key)
        if was is not None:
            highest, lowest = max(was["high"], share["high"]), min(was["low"], share["low"])
            sums = {name: EXACT.add(was[name], share[name]) for name in SUMS}
            sums["trades"] = was["trades"] + share["trades"]
            share = was | {"high": highest, "low": lowest, "close": share["close"]} | sums
        self.put("candles", key, share)

    def take_over(self, parameters: dict[str, Any]) -> Result:
        database = self.database
        before = database.author.epoch
        require(not 0 < parameters["epoch"] < before, f"I9: epoch {parameters['epoch']} after {before}")
        epoch, boot = max(database.author.epoch, parameters["epoch"]), parameters["boot"]
        boot = boot if parameters["epoch"] > 0 else database.author.boot
        self.set("author", Author(epoch, boot, parameters["node"]))
        self.set("born_ns", parameters["born_ns"])
        self.set("claim", database.claim + 1)
        return Result([(database.claim, database.complete_seq, 0)])

    def move_watermark(self, rings: list[int], numbers: list[int], causes: list[int], _times: list[int]) -> Result:
        now, seqs = list(self.database.numbers), list(self.database.causes)
        for ring, number, cause in zip(rings, numbers, causes, strict=True):
            now[ring] = number
            seqs[ring] = max(seqs[ring], cause)
        self.set("numbers", now)
        self.set("causes", seqs)
        return Result([])

    def change_order(self, change: Row) -> int:
        key = (change["order_id"],)
        was = self.database.tables["orders"].get(key)
        if was is None:
            return 0
        row = dict(was)
        if change["cl_ord_id"] is not None:
            row["first_cl_ord_id"] = row["first_cl_ord_id"] or row["cl_ord_id"]
        for name in ("price", "state", "stop_price", "trail", "display", "expires", "end_reason", "cl_ord_id"):
            if change[name] is not None:
                row[name] = change[name]
        if change["state"] is not None:
            row["is_open"] = change["state"] in OPEN
        row["filled"] += change["filled"]
        row["quantity"] = row["filled"] if row["budget"] is not None else row["quantity"] + change["quantity"]
        row["prevented"] = Decimal(0) if row["budget"] is not None else row["prevented"] + change["prevented"]
        row["remaining"] = Decimal(0) if row["budget"] is not None else change["remaining"]
        row["updated"], row["seq"] = change["updated"], change["seq"]
        self.put("orders", key, row)
        return 1

    def define(self, text: str, parameters: list[Any]) -> Result:
        for statement, name in (
            (writer.UPSERT_ASSET, "assets"), (writer.UPSERT_INSTRUMENT, "instruments"), (writer.UPSERT_USER, "users"),
        ):  # fmt: skip
            if text != one_line(statement):
                continue
            columns = one_line(statement).partition("(")[2].partition(")")[0].split(",")
            row = dict(zip((column.strip() for column in columns), parameters, strict=True))
            before = self.database.tables[name].get((row["id"],))
            if name == "users" and before is not None:
                row["created"] = before["created"]
            self.put(name, (row["id"],), row)
            return Result([])
        raise AssertionError(f"the simulated database does not know: {text}")


class Result:
    """Rows that a statement gave."""

    def __init__(self, rows: list[tuple[Any, ...]], rowcount: int = 0) -> None:
        self.rows = rows
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def fetchone(self) -> tuple[Any, ...] | None:
        return self.rows[0] if self.rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.rows


class Copy:
    """Bytes of one COPY."""

    def __init__(self, statement: str) -> None:
        words = statement.split()
        self.table = words[1].strip('"')
        self.columns = [name.strip().strip('"') for name in statement.partition("(")[2].partition(")")[0].split(",")]
        self.data = bytearray()

    def write(self, data: Any) -> None:
        self.data += data


def one_line(text: str) -> str:
    return " ".join(text.split())


def decode(data: bytes, columns: list[str]) -> list[Row]:
    """Rows of PostgreSQL's binary COPY format."""
    rows = []
    at = COPY_HEADER
    while (count := struct.unpack_from(">h", data, at)[0]) >= 0:
        at += 2
        assert count == len(columns)
        row: Row = {}
        for name in columns:
            size = struct.unpack_from(">i", data, at)[0]
            at += 4
            row[name] = None if size < 0 else value_of(name, data[at : at + size])
            at += max(size, 0)
        rows.append(row)
    return rows


def value_of(name: str, raw: bytes) -> Any:
    if name in NUMBERS:
        digits, weight, sign, _scale = struct.unpack_from(">hhHH", raw)
        groups = struct.unpack_from(f">{digits}h", raw, 8)
        total = sum(
            (Decimal(group).scaleb(4 * (weight - place), EXACT) for place, group in enumerate(groups)), Decimal(0)
        )
        return -total if sign else total
    if name in TIMES:
        return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=int.from_bytes(raw, "big", signed=True))
    if name in FLAGS:
        return raw == b"\x01"
    if name in INTEGERS:
        return int.from_bytes(raw, "big", signed=True)
    return raw.decode()
