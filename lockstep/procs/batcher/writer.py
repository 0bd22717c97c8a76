"""One session with the database: claims it, learns what it has, and writes batches, each in one transaction.

It never retries: any failure ends the session, and the next one asks the database again what it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.schema.alphabet import shown, unshown
from lockstep.core.schema.records import MAX_MATCHERS
from lockstep.procs.batcher import derived, partitions, requests
from lockstep.procs.batcher.author import Author, objection
from lockstep.procs.batcher.candles import CANDLE_COLUMNS
from lockstep.procs.batcher.database import CONNECT_TIMEOUT_S
from lockstep.procs.batcher.order_rows import CHANGE_COLUMNS, ORDER_COLUMNS
from lockstep.procs.batcher.positions import POSITION_COLUMNS
from lockstep.procs.batcher.refused import CHANGES, UPDATE_ORDERS, Copy, Staging, defined, is_of_rows
from lockstep.procs.batcher.requests import REQUEST_COLUMNS, Listing, Listings, Records
from lockstep.procs.batcher.rows import BALANCE_COLUMNS, Batch

APPLICATION = "lockstep batcher"
COPY_BYTES = 2**20
Encoded = tuple[memoryview, memoryview, memoryview]  # created orders, changed orders, balances
# A batch reaches over more days only after a longer stop; a wrong clock must not make partitions without end.
MOST_DAYS = 40

# Work must follow the size of a batch, never that of a table: no plan of ours may read `orders` from end to end.
SESSION = """
    SET synchronous_commit = on;
    SET idle_in_transaction_session_timeout = '60s';
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET enable_seqscan = off;
    SET plan_cache_mode = force_generic_plan;
    CREATE TEMPORARY TABLE changed_orders (
        order_id bigint, price numeric, quantity numeric, filled numeric, remaining numeric,
        prevented numeric, state text, stop_price numeric, trail numeric, display numeric, expires timestamptz,
        end_reason text, cl_ord_id text, updated timestamptz, seq bigint
    ) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE changed_balances (
        user_id integer, asset text, free numeric, held numeric, total numeric, seq bigint
    ) ON COMMIT DELETE ROWS;
"""

CHANGE_ORDERS = sql.SQL(UPDATE_ORDERS).format(source=sql.Identifier("changed_orders"))

UPSERT_BALANCES = """
    INSERT INTO balances SELECT * FROM changed_balances
    ON CONFLICT (user_id, asset) DO UPDATE
    SET free = excluded.free, held = excluded.held, total = excluded.total, seq = excluded.seq
"""

UPSERT_ASSET = """
    INSERT INTO assets (id, asset, scale, seq) VALUES (%s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET asset = excluded.asset, scale = excluded.scale, seq = excluded.seq
"""

UPSERT_INSTRUMENT = """
    INSERT INTO instruments (
        id, symbol, matcher, base_asset, quote_asset, tick_mantissa, price_scale, lot_mantissa, quantity_scale,
        maker_fee_ppm, taker_fee_ppm, seq
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET
        symbol = excluded.symbol, matcher = excluded.matcher, base_asset = excluded.base_asset,
        quote_asset = excluded.quote_asset, tick_mantissa = excluded.tick_mantissa, price_scale = excluded.price_scale,
        lot_mantissa = excluded.lot_mantissa, quantity_scale = excluded.quantity_scale,
        maker_fee_ppm = excluded.maker_fee_ppm, taker_fee_ppm = excluded.taker_fee_ppm, seq = excluded.seq
"""

UPSERT_USER = """
    INSERT INTO users (id, username, password_hash, sender_comp_id, created, seq) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET
        username = excluded.username, password_hash = excluded.password_hash,
        sender_comp_id = excluded.sender_comp_id, seq = excluded.seq
"""

UPSERTS = {"assets": UPSERT_ASSET, "instruments": UPSERT_INSTRUMENT, "users": UPSERT_USER}

CLAIM = """
    UPDATE writer SET
        epoch = greatest(epoch, %(epoch)s), boot = CASE WHEN %(epoch)s > 0 THEN %(boot)s ELSE boot END,
        node = %(node)s, claim = claim + 1, journal_born_ns = %(born_ns)s
    RETURNING claim, complete_seq, requests_seq
"""

MOVE_WATERMARK = """
    UPDATE watermark AS w SET
        number = n.number, seq = greatest(w.seq, n.seq), time_ns = greatest(w.time_ns, n.time_ns)
    FROM unnest(%s::smallint[], %s::bigint[], %s::bigint[], %s::bigint[]) AS n (ring, number, seq, time_ns)
    WHERE w.ring = n.ring
"""

MOVE_WRITER = "UPDATE writer SET complete_seq = %s, requests_seq = %s"
BEGIN_EPOCH = "UPDATE writer SET epoch = %(epoch)s, boot = %(boot)s WHERE epoch <= %(epoch)s"


class RefusedError(Exception):
    """The database may not be written, or is not what we left: another venue's, another batcher's, or edited."""


class _NotThereError(Exception):
    """Orders that were written before are not there to be changed."""


class Session:
    """The right to write as `author`, from a claim until the connection or the claim is lost.

    `numbers[ring]` and `complete_seq` are what the database has; `has_refused`: not all of it is in its tables.
    What was requested is taken from the log's `records`; without, `requests` stays as it is. Raises psycopg.Error where
    the server can't take a batch, RefusedError as said there, and what `records` raises.
    """

    def __init__(self, url: str, author: Author, born_ns: int, records: Records | None = None) -> None:
        self.born_ns = born_ns
        self._author = author
        self._records = records
        self._connection = psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name=APPLICATION
        )
        try:
            self._connection.execute(SESSION + derived.SESSION)
            self._claim, self.complete_seq, self._requests_seq = self._take_over()
            self.numbers = self._read_numbers()
            self._days = partitions.days_of(self._connection)
            self.has_refused = self._has_refused()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def teach(self, batch: Batch) -> None:
        """Give a batch the assets and instruments that the database has, or has refused, and positions."""
        for number, asset, scale, _ in defined(self._connection, "assets"):
            batch.listings.know_asset(number, unshown(asset), scale)
        for number, symbol, _, base, quote, tick, price_scale, lot, quantity_scale, *_ in defined(
            self._connection, "instruments"
        ):
            tick, lot = (tick, price_scale), (lot, quantity_scale)
            batch.listings.know_instrument(number, unshown(symbol), base, quote, tick, lot)
        derived.teach(self._connection, batch)
        self._maker = derived.PositionMaker(batch)

    def make_missing(self) -> bool:
        """Work out some of the positions that are not there; False if there is nothing more to make.

        To be called between batches, once `teach` has been.
        """
        if not self._connection.execute(derived.MISSING).rowcount:
            return False
        with self._connection.transaction():
            self._check_claim()
            self._maker.turn(self._connection)
        self._maker.committed()
        return True

    def write(self, batch: Batch) -> None:
        """Write the batch and move the watermark past it, both or neither. Rows that the server refuses are set aside.

        Where this raises, the outcome may be unknown (the connection died in COMMIT): the next session's `numbers` tell
        """
        encoded = batch.encode()
        requested = self._requested(batch.complete_seq)
        if self.has_refused or not self._write_at_once(batch, encoded, requested):
            self._write_by_rows(batch, encoded, requested)
        self.numbers, self.complete_seq = batch.numbers, batch.complete_seq
        self._requests_seq = self._requests_behind(batch)

    def _requests_behind(self, batch: Batch) -> int:
        """How far `requests` has the log once the batch is in the database."""
        return self._requests_seq if self._records is None else max(self._requests_seq, batch.complete_seq)

    def _requested(self, complete_seq: int) -> list[bytes]:
        """The records of the log up to there of which `requests` has no rows yet, and the one before: an extension's
        main record may come in the next batch."""
        if self._records is None or complete_seq <= self._requests_seq:
            return []
        return list(self._records(max(self._requests_seq, 1), complete_seq))

    def _write_at_once(self, batch: Batch, encoded: Encoded, requested: list[bytes]) -> bool:
        """False, and nothing is written, if the batch needs a closer look."""
        orders, changes, balances = encoded
        days = self._days_of(batch)
        if days is None:
            return False
        try:
            with self._transaction(batch):
                self._define(batch)
                partitions.make(self._connection, days)
                self._copy("orders", ORDER_COLUMNS, orders)
                if batch.changed:
                    self._copy("changed_orders", CHANGE_COLUMNS, changes)
                    if self._connection.execute(CHANGE_ORDERS).rowcount != batch.changed:
                        raise _NotThereError
                for table, (columns, rows) in batch.history.tables().items():
                    self._copy(table, columns, rows)
                self._copy_requests(requested)("requests", REQUEST_COLUMNS)
                if batch.balances:
                    self._copy("changed_balances", BALANCE_COLUMNS, balances)
                    self._connection.execute(UPSERT_BALANCES)
                self._copy_derived(batch)
                derived.write(self._connection, batch)
        except _NotThereError:
            return False
        except psycopg.Error as error:
            if self._connection.broken or not is_of_rows(error):
                raise
            return False
        if self._days is not None:
            self._days |= days
        return True

    def _write_by_rows(self, batch: Batch, encoded: Encoded, requested: list[bytes]) -> None:
        """Write what the database takes of the batch, and set the rest aside. RefusedError if that fails, too."""
        orders, changes, balances = encoded
        try:
            with self._transaction(batch):
                staging = Staging(self._connection)
                for table, values in _definitions(batch):
                    staging.define(table, values)
                for table, rows in (("orders", orders), (CHANGES, changes)):
                    staging.take(table, self._copier(rows))
                for table, (_, rows) in batch.history.tables().items():
                    staging.take(table, self._copier(rows))
                staging.take("requests", self._copy_requests(requested))
                staging.take("balances", self._copier(balances))
                staging.take("candles", self._copy_touched(batch))
                self._copy_derived(batch)
                derived.mark_changed(self._connection)
                derived.mark_sides(self._connection, derived.corrected_by(self._connection, batch))
                has_refused = self._has_refused()
        except psycopg.Error as error:
            if self._connection.broken or not is_of_rows(error):
                raise
            raise RefusedError(f"rows are refused, and can't be set aside: {str(error).strip()}") from error
        self.has_refused = has_refused
        self._days = partitions.days_of(self._connection)
        if staging.refused:
            log.error(
                "the database refuses rows, which are set aside",
                rows=staging.refused,
                up_to_record=batch.complete_seq,
                see="lockstep status, lockstep load-refused",
            )

    @contextmanager
    def _transaction(self, batch: Batch) -> Iterator[None]:
        """Of the batch's rows and the watermark behind them, by the claim that this session has."""
        with self._connection.transaction():
            self._check_claim()
            self._begin_epoch(batch)
            yield
            self._connection.execute(MOVE_WRITER, [batch.complete_seq, self._requests_behind(batch)])
            rings = list(range(MAX_MATCHERS + 1))
            self._connection.execute(MOVE_WATERMARK, [rings, batch.numbers, batch.causes, batch.times_ns])

    def _take_over(self) -> tuple[int, int, int]:
        """Claim the database for the author; sessions of earlier claims end now, or at their next batch."""
        self._check_author(lock=False)
        self._connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
            " AND datname = current_database() AND pid <> pg_backend_pid()",
            [APPLICATION],
        )
        with self._connection.transaction():
            self._check_author(lock=True)  # another may have claimed it meanwhile
            claimed = self._connection.execute(CLAIM, {**self._author._asdict(), "born_ns": self.born_ns}).fetchone()
        assert claimed is not None
        return claimed[0], claimed[1], claimed[2]

    def _check_author(self, *, lock: bool) -> None:
        """RefusedError if this author may not write, or the rows are another journal's."""
        query = sql.SQL("SELECT journal_born_ns, epoch, boot, node FROM writer{}")
        row = self._connection.execute(query.format(sql.SQL(" FOR UPDATE" if lock else ""))).fetchone()
        if row is None:
            raise RefusedError("somebody has emptied the table writer: `lockstep rebuild-db` rebuilds the database")
        if row[0] not in (0, self.born_ns):
            raise RefusedError(
                "the database belongs to another journal: use an empty one, restore its journal, or let"
                " `lockstep rebuild-db` rebuild the database"
            )
        if reason := objection(Author(*row[1:]), self._author):
            raise RefusedError(reason)

    def _check_claim(self) -> None:
        """Lock the right to write until the transaction ends: no claim falls between this check and its rows."""
        row = self._connection.execute("SELECT claim FROM writer FOR UPDATE").fetchone()
        if row is None or row[0] != self._claim:
            raise RefusedError("another batcher took the database over")
        if self._read_numbers(lock=True) != self.numbers:
            raise RefusedError("the watermark was moved by someone else")

    def _begin_epoch(self, batch: Batch) -> None:
        """Keep which epoch the batch's rows reach into. RefusedError if another start of a node began that one, too."""
        if not batch.epoch:
            return
        begun = Author(batch.epoch, batch.boot, self._author.node)
        row = self._connection.execute("SELECT epoch, boot, node FROM writer").fetchone()
        assert row is not None
        if row[0] == begun.epoch and (reason := objection(Author(*row), begun)):
            raise RefusedError(reason)
        self._connection.execute(BEGIN_EPOCH, {"epoch": begun.epoch, "boot": begun.boot})

    def _read_numbers(self, *, lock: bool = False) -> list[int]:
        query = sql.SQL("SELECT number FROM watermark ORDER BY ring{}").format(sql.SQL(" FOR UPDATE" if lock else ""))
        return [number for (number,) in self._connection.execute(query)]

    def _has_refused(self) -> bool:
        return self._connection.execute("SELECT FROM refused_rows LIMIT 1").rowcount > 0

    def _days_of(self, batch: Batch) -> set[date] | None:
        """The partitions that the batch's trades and the next days' need; None if that is too many of them."""
        if self._days is None or not batch.history.trades:
            return set()
        first, last = (_time(time_ns).date() for time_ns in (batch.history.first_trade_ns, batch.history.last_trade_ns))
        count = (last - first).days + 1 + partitions.DAYS_AHEAD
        return None if count > MOST_DAYS else {first + timedelta(days=i) for i in range(count)} - self._days

    def _copy(self, table: str, columns: tuple[str, ...], rows: memoryview) -> None:
        if not rows:
            return
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for begin in range(0, len(rows), COPY_BYTES):
                copy.write(rows[begin : begin + COPY_BYTES])

    def _copy_derived(self, batch: Batch) -> None:
        """The batch's share in candles, and the positions that it changes, for what follows from its trades."""
        if batch.history.trades:
            self._copy("changed_candles", CANDLE_COLUMNS, batch.candles.encoded())
            self._copy("changed_positions", POSITION_COLUMNS, batch.positions.encoded())

    def _copy_touched(self, batch: Batch) -> Copy:
        """Copies the seconds whose candles the batch changes, by its trades and corrections."""

        def copy(table: str, columns: tuple[str, ...]) -> None:
            self._copy(table, columns, batch.candles.touched())
            if corrected := derived.corrected_by(self._connection, batch):
                self._connection.execute(
                    sql.SQL(derived.TOUCHED).format(sql.Identifier(table)),
                    [list(each) for each in zip(*corrected, strict=True)],
                )

        return copy

    def _copy_requests(self, records: list[bytes]) -> Copy:
        """Copies the rows of these records, in terms of what the database lists when it is called."""

        behind = self._requests_seq

        def copy(table: str, columns: tuple[str, ...]) -> None:
            if not records:
                return
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
                sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
            )
            rows = requests.rows(records, self._listings(), behind)
            with self._connection.cursor() as cursor, cursor.copy(statement) as out:
                for row in rows:
                    out.write_row(row)

        return copy

    def _listings(self) -> Listings:
        """What the database lists, or has refused."""
        return Listings(
            {number: (asset, scale) for number, asset, scale, _ in defined(self._connection, "assets")},
            {
                number: Listing(symbol, base, quote, (tick, price_scale), (lot, quantity_scale))
                for number, symbol, _, base, quote, tick, price_scale, lot, quantity_scale, *_ in defined(
                    self._connection, "instruments"
                )
            },
        )

    def _copier(self, rows: memoryview) -> Copy:
        return lambda table, columns: self._copy(table, columns, rows)

    def _define(self, batch: Batch) -> None:
        for table, values in _definitions(batch):
            self._connection.execute(UPSERTS[table], values)


def _definitions(batch: Batch) -> Iterator[tuple[str, list[Any]]]:
    """Assets, instruments and users that the batch defines, with the values of their columns; they are few."""
    for asset in batch.assets_defined.values():
        yield "assets", [asset.asset, shown(asset.name), asset.scale, asset.cause]
    for terms in batch.instruments_defined.values():
        yield (
            "instruments",
            [
                terms.instrument, shown(terms.symbol), terms.matcher, terms.base_asset, terms.quote_asset,
                terms.tick_mantissa, terms.price_scale, terms.lot_mantissa, terms.quantity_scale,
                terms.maker_fee_ppm, terms.taker_fee_ppm, terms.cause,
            ],
        )  # fmt: skip
    for user, password_hash, created_ns in batch.users_defined.values():
        name, created = shown(user.name), _time(created_ns)
        yield "users", [user.account, name, password_hash, name, created, user.cause]


def _time(time_ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_ns // 1000)
