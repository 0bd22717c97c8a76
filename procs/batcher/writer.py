"""One session with the database: claims it, tells what it has, and writes batches, each in one transaction.

It never retries: whatever fails ends the session, and the next one asks the database again what it has.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import psycopg
from psycopg import sql

from procs.batcher.database import CONNECT_TIMEOUT_S
from procs.batcher.rows import BALANCE_COLUMNS, CHANGE_COLUMNS, ORDER_COLUMNS, Batch
from shm.records import MAX_MATCHERS

APPLICATION = "lockstep batcher"
COPY_BYTES = 2**20
# A partition is made when the first trade of the day before it arrives.
DAYS_AHEAD = 1
# A batch reaches over more days only after a longer stop; a wrong clock must not make partitions without end.
MAX_DAYS = 3660

# Work must follow the size of a batch, never that of a table: no plan of ours may read `orders` from end to end.
SESSION = """
    SET synchronous_commit = on;
    SET idle_in_transaction_session_timeout = '60s';
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET enable_seqscan = off;
    SET plan_cache_mode = force_generic_plan;
    CREATE TEMPORARY TABLE changed_orders (
        order_id bigint, price numeric, quantity numeric, filled numeric, remaining numeric, state text,
        stop_price numeric, trail numeric, display numeric, expires timestamptz, end_reason text, cl_ord_id text,
        updated timestamptz, seq bigint
    ) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE changed_balances (
        user_id integer, asset text, free numeric, held numeric, total numeric, seq bigint
    ) ON COMMIT DELETE ROWS;
"""

# What a budget buys is not known before: its quantity is what is filled, and nothing of that remains.
UPDATE_ORDERS = """
    UPDATE orders AS o SET
        price = coalesce(c.price, o.price), filled = o.filled + c.filled, state = coalesce(c.state, o.state),
        quantity = CASE WHEN o.budget IS NULL THEN o.quantity + c.quantity ELSE o.filled + c.filled END,
        remaining = CASE WHEN o.budget IS NULL THEN c.remaining ELSE 0 END,
        stop_price = coalesce(c.stop_price, o.stop_price), trail = coalesce(c.trail, o.trail),
        display = coalesce(c.display, o.display), expires = coalesce(c.expires, o.expires),
        end_reason = coalesce(c.end_reason, o.end_reason), cl_ord_id = coalesce(c.cl_ord_id, o.cl_ord_id),
        updated = c.updated, seq = c.seq
    FROM changed_orders AS c WHERE o.order_id = c.order_id
"""

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

CLAIM = """
    UPDATE writer SET epoch = %(epoch)s, claim = claim + 1, journal_born_ns = %(born_ns)s
    WHERE epoch <= %(epoch)s AND journal_born_ns IN (0, %(born_ns)s)
    RETURNING claim, complete_seq
"""

CLEAR = """
    TRUNCATE users, assets, instruments, orders, trades, balances, phases, actions, corrections;
    UPDATE watermark SET number = 0, seq = 0;
    UPDATE writer SET epoch = 0, claim = claim + 1, journal_born_ns = 0, complete_seq = 0
"""

MOVE_WATERMARK = """
    UPDATE watermark AS w SET number = n.number, seq = greatest(w.seq, n.seq)
    FROM unnest(%s::smallint[], %s::bigint[], %s::bigint[]) AS n (ring, number, seq) WHERE w.ring = n.ring
"""


class RefusedError(Exception):
    """The database may not be written, or is not what we left: another venue's, another batcher's, or edited."""


class Session:
    """The right to write, from a claim until the connection or the claim is lost.

    `numbers[ring]` and `complete_seq` are what the database has. Raises psycopg.Error for whatever the server refuses,
    RefusedError as said there.
    """

    def __init__(self, url: str, epoch: int, born_ns: int) -> None:
        self.born_ns = born_ns
        self._connection = psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name=APPLICATION
        )
        try:
            self._connection.execute(SESSION)
            self._claim, self.complete_seq = self._take_over(epoch, born_ns)
            self.numbers = self._read_numbers()
            self._days = self._read_days()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def teach(self, batch: Batch) -> None:
        """Tell a batch the assets and instruments that the database has."""
        for number, asset, scale in self._connection.execute("SELECT id, asset, scale FROM assets"):
            batch.listings.know_asset(number, asset.encode(), scale)
        for number, symbol, base, quote, tick, price_scale, lot, quantity_scale in self._connection.execute(
            "SELECT id, symbol, base_asset, quote_asset, tick_mantissa, price_scale, lot_mantissa, quantity_scale"
            " FROM instruments"
        ):
            tick, lot = (tick, price_scale), (lot, quantity_scale)
            batch.listings.know_instrument(number, symbol.encode(), base, quote, tick, lot)

    def write(self, batch: Batch) -> None:
        """Write the batch and move the watermark past it, both or neither.

        Where this raises, the outcome may be unknown (the connection died in COMMIT): the next session's `numbers` tell
        """
        orders, changes, balances = batch.encode()
        with self._connection.transaction():
            self._check_claim()
            self._define(batch)
            self._make_days(batch)
            self._copy("orders", ORDER_COLUMNS, orders)
            if batch.changed:
                self._copy("changed_orders", CHANGE_COLUMNS, changes)
                found = self._connection.execute(UPDATE_ORDERS).rowcount
                if found != batch.changed:
                    raise RefusedError(
                        f"{batch.changed - found} orders that were written before are missing from the database"
                    )
            for table, (columns, rows) in batch.history.tables().items():
                self._copy(table, columns, rows)
            if batch.balances:
                self._copy("changed_balances", BALANCE_COLUMNS, balances)
                self._connection.execute(UPSERT_BALANCES)
            self._connection.execute(MOVE_WATERMARK, [list(range(MAX_MATCHERS + 1)), batch.numbers, batch.causes])
            self._connection.execute("UPDATE writer SET complete_seq = %s", [batch.complete_seq])
        self.numbers, self.complete_seq = batch.numbers, batch.complete_seq
        if self._days is not None:
            self._days |= self._days_made

    def _take_over(self, epoch: int, born_ns: int) -> tuple[int, int]:
        """Claim the database for an epoch of a journal; sessions of earlier claims end now, or at their next batch."""
        row = self._connection.execute("SELECT epoch, journal_born_ns FROM writer").fetchone()
        if row is None or row[0] > epoch:
            raise RefusedError(f"a venue of a later epoch than {epoch} writes to this database")
        if row[1] not in (0, born_ns):
            raise RefusedError(
                "the database belongs to another journal: use an empty one, restore its journal, or let"
                " `lockstep rebuild-db` make the database anew"
            )
        self._connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
            " AND datname = current_database() AND pid <> pg_backend_pid()",
            [APPLICATION],
        )
        claimed = self._connection.execute(CLAIM, {"epoch": epoch, "born_ns": born_ns}).fetchone()
        if claimed is None:
            raise RefusedError("another venue took the database over")
        return claimed[0], claimed[1]

    def _check_claim(self) -> None:
        """Lock the right to write until the transaction ends: no claim falls between this check and its rows."""
        row = self._connection.execute("SELECT claim FROM writer FOR UPDATE").fetchone()
        if row is None or row[0] != self._claim:
            raise RefusedError("another batcher took the database over")
        if self._read_numbers(lock=True) != self.numbers:
            raise RefusedError("the watermark was moved by someone else")

    def _read_numbers(self, *, lock: bool = False) -> list[int]:
        query = sql.SQL("SELECT number FROM watermark ORDER BY ring{}").format(sql.SQL(" FOR UPDATE" if lock else ""))
        return [number for (number,) in self._connection.execute(query)]

    def _read_days(self) -> set[date] | None:
        """The days that have a partition; None where the server partitions by itself (a hypertable)."""
        row = self._connection.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = 'trades'::regclass").fetchone()
        if row is None or not row[0]:
            return None
        names = self._connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'trades'::regclass"
        )
        return {datetime.strptime(name, "trades_%Y%m%d").replace(tzinfo=UTC).date() for (name,) in names}

    def _make_days(self, batch: Batch) -> None:
        """Make the partitions that the batch's trades need, and the next days'. Readers of `trades` are not blocked."""
        self._days_made: set[date] = set()
        if self._days is None or not batch.history.trades:
            return
        first, last = (_day(time_ns) for time_ns in (batch.history.first_trade_ns, batch.history.last_trade_ns))
        count = (last - first).days + 1 + DAYS_AHEAD
        if count > MAX_DAYS:
            raise RefusedError(f"trades from {first} to {last} in one batch: was the clock wrong?")
        self._days_made = {first + timedelta(days=i) for i in range(count)} - self._days
        for day in sorted(self._days_made):
            name, end = sql.Identifier(f"trades_{day:%Y%m%d}"), day + timedelta(days=1)
            self._connection.execute(sql.SQL("CREATE TABLE {} (LIKE trades INCLUDING ALL)").format(name))
            self._connection.execute(
                sql.SQL("ALTER TABLE trades ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
                    name, sql.Literal(f"{day} 00:00Z"), sql.Literal(f"{end} 00:00Z")
                )
            )

    def _copy(self, table: str, columns: tuple[str, ...], rows: memoryview) -> None:
        if not rows:
            return
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for begin in range(0, len(rows), COPY_BYTES):
                copy.write(rows[begin : begin + COPY_BYTES])

    def _define(self, batch: Batch) -> None:
        """Assets, instruments and users that the batch defines; they are few."""
        for asset in batch.assets_defined.values():
            self._connection.execute(UPSERT_ASSET, [asset.asset, asset.name.decode(), asset.scale, asset.cause])
        for terms in batch.instruments_defined.values():
            self._connection.execute(
                UPSERT_INSTRUMENT,
                [
                    terms.instrument, terms.symbol.decode(), terms.matcher, terms.base_asset, terms.quote_asset,
                    terms.tick_mantissa, terms.price_scale, terms.lot_mantissa, terms.quantity_scale,
                    terms.maker_fee_ppm, terms.taker_fee_ppm, terms.cause,
                ],
            )  # fmt: skip
        for user, password_hash, created_ns in batch.users_defined.values():
            name, created = user.name.decode(), _time(created_ns)
            self._connection.execute(UPSERT_USER, [user.account, name, password_hash, name, created, user.cause])


def clear(url: str, born_ns: int, *, replace: bool) -> None:
    """Let a database have nothing, as if it had just been made. RefusedError where a batcher is connected to it, or,
    without `replace`, where it has rows of another journal than the one that was born then."""
    with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        row = connection.execute("SELECT journal_born_ns FROM writer FOR UPDATE").fetchone()
        if row is not None and row[0] not in (0, born_ns) and not replace:
            raise RefusedError("the database has rows of another journal, which would be lost")
        busy = connection.execute(
            "SELECT FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()", [APPLICATION]
        )
        if busy.rowcount:
            raise RefusedError("a batcher is connected to the database")
        connection.execute(CLEAR)


def _time(time_ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_ns // 1000)


def _day(time_ns: int) -> date:
    return _time(time_ns).date()
