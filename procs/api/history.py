"""What PostgreSQL has of orders, trades, candles and positions, asked by key, in pages, at one watermark each.

It only reads, and never waits for long: a server that is away or slow is `HistoryUnavailableError`. Whose rows are read
is always a parameter of its own, so no account sees another's. It knows nothing of HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Generic, NamedTuple, TypeVar

import psycopg
from msgspec import Struct, structs
from psycopg.rows import args_row
from psycopg_pool import AsyncConnectionPool

MOST_ROWS = 1_000  # of a page
MOST_AGGREGATED = 100_000  # trades that are read for a page of aggregate trades
POOL_SIZE = 4
STATEMENT_MS = 2_000
WAIT_S = 2.0  # for a connection
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)  # where weeks are counted from
MONTH = "1M"
# Each interval's length, and the stored interval that it is made of.
INTERVALS: dict[str, tuple[timedelta, str]] = {
    "1s": (timedelta(seconds=1), "1s"), "1m": (timedelta(minutes=1), "1m"), "3m": (timedelta(minutes=3), "1m"),
    "5m": (timedelta(minutes=5), "5m"), "15m": (timedelta(minutes=15), "5m"), "30m": (timedelta(minutes=30), "5m"),
    "1h": (timedelta(hours=1), "1h"), "2h": (timedelta(hours=2), "1h"), "4h": (timedelta(hours=4), "1h"),
    "6h": (timedelta(hours=6), "1h"), "8h": (timedelta(hours=8), "1h"), "12h": (timedelta(hours=12), "1h"),
    "1d": (timedelta(days=1), "1d"), "3d": (timedelta(days=3), "1d"), "1w": (timedelta(weeks=1), "1d"),
    MONTH: (timedelta(days=31), "1d"),
}  # fmt: skip

T = TypeVar("T")
Row = Mapping[str, Any]


class HistoryUnavailableError(Exception):
    """PostgreSQL is away, too slow, or has no tables yet; the message says which."""


class Watermark(NamedTuple):
    """What the database had: everything caused up to `complete_seq`; of each event ring (0: the router's) the number of
    the last event, and the log time, in microseconds, of the latest one."""

    complete_seq: int
    numbers: tuple[int, ...]
    time_us: int


class Read(Struct, Generic[T], frozen=True):
    """Rows, and the watermark of the one snapshot in which they were read."""

    rows: list[T]
    at: Watermark


class Order(Struct, frozen=True):
    """A row of `orders`: amounts are exact texts, times microseconds since 1970. `value` is what its fills came to in
    the quote asset, by trades as they stand; it is worked out where `with_value` was asked for, else None."""

    order_id: int
    user_id: int
    symbol: str
    cl_ord_id: str
    side: str
    type: str
    time_in_force: str
    price: str
    quantity: str
    filled: str
    remaining: str
    state: str
    end_reason: str | None
    stop_price: str | None
    trail: str | None
    display: str | None
    minimum: str | None
    budget: str | None
    expires_us: int | None
    post_only: bool
    slide: bool
    self_trade: str
    list_kind: str | None
    mate_order_id: int | None
    is_open: bool
    created_us: int
    updated_us: int
    seq: int
    value: str | None = None


class Trade(Struct, frozen=True):
    """A trade as corrections left it; one that was undone is no trade."""

    matcher: int
    trade_id: int
    symbol: str
    price: str
    quantity: str
    value: str
    buyer_is_maker: bool
    auction: bool
    time_us: int
    seq: int


class AggregateTrade(Struct, frozen=True):
    """What one order took at one price in one go. It is called by its first trade's id."""

    symbol: str
    price: str
    quantity: str
    first_id: int
    last_id: int
    buyer_is_maker: bool
    time_us: int
    seq: int


class Fill(Struct, frozen=True):
    """One side of a trade, as corrections left it. A trade with oneself has two."""

    matcher: int
    trade_id: int
    order_id: int
    symbol: str
    price: str
    quantity: str
    value: str
    fee: str
    fee_asset: str
    is_buyer: bool
    is_maker: bool
    time_us: int
    seq: int


class Candle(Struct, frozen=True):
    """An interval; `open_us` and `close_us` are its first and its last microsecond."""

    open_us: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    close_us: int
    quote_volume: str
    trades: int
    taker_buy_volume: str
    taker_buy_quote_volume: str


class Position(Struct, frozen=True):
    """At average cost; `average_cost` is None where there is no position."""

    user_id: int
    symbol: str
    quantity: str
    cost: str
    realised: str
    average_cost: str | None
    fills: int


WATERMARK = """
    SELECT (SELECT complete_seq FROM writer), array_agg(number ORDER BY ring), max(time_ns) / 1000 FROM watermark
"""
ORDER_COLUMNS = """
    order_id, user_id, symbol, cl_ord_id, side, type, time_in_force, price::text, quantity::text, filled::text,
    remaining::text, state, end_reason, stop_price::text, trail::text, display::text, minimum::text, budget::text,
    (extract(epoch FROM expires) * 1000000)::bigint AS expires_us, post_only, slide, self_trade, list_kind,
    mate_order_id, is_open, (extract(epoch FROM created) * 1000000)::bigint AS created_us,
    (extract(epoch FROM updated) * 1000000)::bigint AS updated_us, seq
"""
ORDER = f"SELECT {ORDER_COLUMNS} FROM orders WHERE user_id = %(user_id)s AND order_id = %(order_id)s"
ORDER_BY_CLIENT_ID = f"""
    SELECT {ORDER_COLUMNS} FROM orders WHERE user_id = %(user_id)s AND cl_ord_id = %(cl_ord_id)s
    AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s) ORDER BY order_id DESC LIMIT 1
"""
VALUE = """
    SELECT coalesce(sum(value), 0)::text FROM (
        SELECT coalesce(c.new_price, t.price) * t.quantity AS value FROM trades AS t
        LEFT JOIN corrections AS c ON c.matcher = t.matcher AND c.trade_id = t.trade_id
        WHERE (t.maker_order_id = %(order_id)s OR t.taker_order_id = %(order_id)s) AND t."time" >= %(since)s
        AND (c.trade_id IS NULL OR c.new_price IS NOT NULL)
    ) AS standing
"""
OPEN_ORDERS = f"""
    SELECT {ORDER_COLUMNS} FROM orders
    WHERE user_id = %(user_id)s AND is_open AND order_id > %(behind)s
    AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s) ORDER BY order_id LIMIT %(limit)s
"""
ALL_OPEN_ORDERS = f"""
    SELECT o.* FROM (SELECT id FROM users WHERE id >= %(user_behind)s ORDER BY id) AS u
    CROSS JOIN LATERAL (
        SELECT {ORDER_COLUMNS} FROM orders
        WHERE user_id = u.id AND is_open AND symbol = %(symbol)s
        AND (user_id, order_id) > (%(user_behind)s, %(behind)s) ORDER BY order_id LIMIT %(limit)s
    ) AS o
    ORDER BY o.user_id, o.order_id LIMIT %(limit)s
"""
# Those that are open and those that are not are two spans of an index.
ORDERS_OF = f"""
    (SELECT {ORDER_COLUMNS} FROM orders
    WHERE user_id = %(user_id)s AND is_open = {{is_open}} AND symbol = %(symbol)s AND order_id >= %(first)s
    AND order_id < %(end)s ORDER BY order_id {{way}} LIMIT %(limit)s)
"""
ORDERS, LAST_ORDERS = (
    " UNION ALL ".join(ORDERS_OF.format(is_open=is_open, way=way) for is_open in ("true", "false"))
    + f" ORDER BY order_id {way} LIMIT %(limit)s"
    for way in ("", "DESC")
)
FIRST_ORDER_AT = "SELECT first_order_at(%s)"

STANDING = "(c.trade_id IS NULL OR c.new_price IS NOT NULL)"
CORRECTED = "LEFT JOIN corrections AS c ON c.matcher = t.matcher AND c.trade_id = t.trade_id"
TRADE_COLUMNS = """
    t.matcher, t.trade_id, t.symbol, coalesce(c.new_price, t.price)::text AS price, t.quantity::text,
    (coalesce(c.new_price, t.price) * t.quantity)::text AS value, t.taker_side = 'SELL' AS buyer_is_maker, t.auction,
    (extract(epoch FROM t."time") * 1000000)::bigint AS time_us, t.seq
"""
SPAN = """
    t."time" >= %(since)s AND t."time" < %(end)s
    AND (%(first)s = 0 OR t.matcher = %(matcher)s AND t.trade_id >= %(first)s)
"""
TRADES = f"""
    SELECT {TRADE_COLUMNS} FROM trades AS t {CORRECTED}
    WHERE t.symbol = %(symbol)s AND {SPAN} AND {STANDING} ORDER BY t."time", t.seq, t.trade_id LIMIT %(limit)s
"""
LAST_TRADES = TRADES.replace('t."time", t.seq, t.trade_id LIMIT', 't."time" DESC, t.seq DESC, t.trade_id DESC LIMIT')
# The next trade of the instrument's matcher from an id on, whatever its instrument is.
TRADE_TIME = """
    SELECT i.matcher, (
        SELECT t."time" FROM trades AS t WHERE t.matcher = i.matcher AND t.trade_id >= %(first)s
        ORDER BY t.matcher, t.trade_id LIMIT 1)
    FROM instruments AS i WHERE i.symbol = %(symbol)s
"""
FILL_COLUMNS = """
    t.matcher, t.trade_id, t.symbol, coalesce(c.new_price, t.price)::text AS price, t.quantity::text,
    (coalesce(c.new_price, t.price) * t.quantity)::text AS value, t."time" AS at,
    (extract(epoch FROM t."time") * 1000000)::bigint AS time_us, t.seq
"""
MAKER = f"""
    t.maker_order_id AS order_id, true AS is_maker, t.taker_side = 'SELL' AS is_buyer,
    coalesce(CASE t.taker_side WHEN 'SELL' THEN c.buyer_fee ELSE c.seller_fee END, t.maker_fee)::text AS fee,
    {FILL_COLUMNS} FROM trades AS t {CORRECTED}
"""
TAKER = f"""
    t.taker_order_id AS order_id, false AS is_maker, t.taker_side = 'BUY' AS is_buyer,
    coalesce(CASE t.taker_side WHEN 'BUY' THEN c.buyer_fee ELSE c.seller_fee END, t.taker_fee)::text AS fee,
    {FILL_COLUMNS} FROM trades AS t {CORRECTED}
"""
FILLS = f"""
    SELECT
        f.matcher, f.trade_id, f.order_id, f.symbol, f.price, f.quantity, f.value, f.fee, a.asset, f.is_buyer,
        f.is_maker, f.time_us, f.seq
    FROM (
        (SELECT {MAKER} WHERE t.maker_user_id = %(user_id)s AND t.symbol = %(symbol)s AND {SPAN} AND {STANDING}
        ORDER BY t."time", t.seq, t.trade_id LIMIT %(limit)s)
        UNION ALL
        (SELECT {TAKER} WHERE t.taker_user_id = %(user_id)s AND t.symbol = %(symbol)s AND {SPAN} AND {STANDING}
        ORDER BY t."time", t.seq, t.trade_id LIMIT %(limit)s)
    ) AS f
    JOIN instruments AS i ON i.symbol = f.symbol
    JOIN assets AS a ON a.id = CASE WHEN f.is_buyer THEN i.base_asset ELSE i.quote_asset END
    ORDER BY f.at, f.seq, f.trade_id, f.is_buyer DESC LIMIT %(limit)s
"""
LAST_FILLS = FILLS.replace(
    't."time", t.seq, t.trade_id LIMIT', 't."time" DESC, t.seq DESC, t.trade_id DESC LIMIT'
).replace("f.at, f.seq, f.trade_id, f.is_buyer DESC", "f.at DESC, f.seq DESC, f.trade_id DESC, f.is_buyer")
ORDER_FILLS = f"""
    SELECT
        f.matcher, f.trade_id, f.order_id, f.symbol, f.price, f.quantity, f.value, f.fee, a.asset, f.is_buyer,
        f.is_maker, f.time_us, f.seq
    FROM (
        (SELECT {MAKER} WHERE t.maker_order_id = %(order_id)s AND t.maker_user_id = %(user_id)s
        AND t."time" >= %(since)s AND (t.seq, t.trade_id) >= (%(seq)s, %(first)s) AND {STANDING})
        UNION ALL
        (SELECT {TAKER} WHERE t.taker_order_id = %(order_id)s AND t.taker_user_id = %(user_id)s
        AND t."time" >= %(since)s AND (t.seq, t.trade_id) >= (%(seq)s, %(first)s) AND {STANDING})
    ) AS f
    JOIN instruments AS i ON i.symbol = f.symbol
    JOIN assets AS a ON a.id = CASE WHEN f.is_buyer THEN i.base_asset ELSE i.quote_asset END
    ORDER BY f.seq, f.trade_id LIMIT %(limit)s
"""
CREATED = "SELECT created FROM orders WHERE order_id = %(order_id)s AND user_id = %(user_id)s"

CANDLE_SUMS = """
    (array_agg(open ORDER BY "time"))[1]::text AS open, max(high)::text AS high, min(low)::text AS low,
    (array_agg(close ORDER BY "time" DESC))[1]::text AS close, sum(volume)::text AS volume,
    sum(quote_volume)::text AS quote_volume, sum(trades)::bigint AS trades,
    sum(taker_buy_volume)::text AS taker_buy_volume, sum(taker_buy_quote_volume)::text AS taker_buy_quote_volume
"""
STORED_CANDLES = """
    SELECT
        (extract(epoch FROM "time") * 1000000)::bigint, open::text, high::text, low::text, close::text, volume::text,
        quote_volume::text, trades, taker_buy_volume::text, taker_buy_quote_volume::text
    FROM candles
    WHERE symbol = %(symbol)s AND "interval" = %(stored)s AND "time" >= %(begins)s AND "time" < %(ends)s ORDER BY "time"
"""
MADE_CANDLES = f"""
    SELECT (extract(epoch FROM begins) * 1000000)::bigint, {CANDLE_SUMS} FROM (
        SELECT date_bin(%(length)s, "time", %(origin)s) AS begins, * FROM candles
        WHERE symbol = %(symbol)s AND "interval" = %(stored)s AND "time" >= %(begins)s AND "time" < %(ends)s
    ) AS stored
    GROUP BY begins
"""
MONTHS = MADE_CANDLES.replace('date_bin(%(length)s, "time", %(origin)s)', "date_trunc('month', \"time\", 'UTC')")
FIRST_CANDLE = 'SELECT min("time") FROM candles WHERE symbol = %(symbol)s AND "interval" = %(stored)s'
CLOSE_BEFORE = """
    SELECT close::text FROM candles WHERE symbol = %(symbol)s AND "interval" = %(stored)s AND "time" < %(begins)s
    ORDER BY "time" DESC LIMIT 1
"""
POSITION_COLUMNS = """
    p.user_id, p.symbol, p.quantity::text, p.cost::text, p.realised::text,
    CASE WHEN p.quantity <> 0 THEN (p.cost / p.quantity)::text END AS average_cost, p.fills
"""
# Those that are being worked out again are added up from their fills.
POSITIONS = f"""
    SELECT {POSITION_COLUMNS} FROM position_states AS p
    WHERE p.user_id = %(user_id)s AND (%(symbol)s::text IS NULL OR p.symbol = %(symbol)s)
    UNION ALL
    SELECT {POSITION_COLUMNS} FROM position_gaps AS g
    CROSS JOIN LATERAL (SELECT * FROM positions WHERE user_id = g.user_id AND symbol = g.symbol) AS p
    WHERE g.user_id = %(user_id)s AND (%(symbol)s::text IS NULL OR g.symbol = %(symbol)s)
    ORDER BY symbol
"""
ALL_POSITIONS = f"""
    SELECT * FROM (
        (SELECT {POSITION_COLUMNS} FROM position_states AS p WHERE (p.user_id, p.symbol) > (%(user_id)s, %(symbol)s)
        ORDER BY p.user_id, p.symbol LIMIT %(limit)s)
        UNION ALL
        (SELECT {POSITION_COLUMNS} FROM (
            SELECT * FROM position_gaps AS g WHERE (g.user_id, g.symbol) > (%(user_id)s, %(symbol)s)
            ORDER BY g.user_id, g.symbol LIMIT %(limit)s) AS g
        CROSS JOIN LATERAL (SELECT * FROM positions WHERE user_id = g.user_id AND symbol = g.symbol) AS p)
    ) AS p ORDER BY user_id, symbol LIMIT %(limit)s
"""


class Snapshot:
    """One connection in one snapshot; made by `History.snapshot`."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], at: Watermark) -> None:
        self._connection = connection
        self.at = at

    async def rows(self, kind: Callable[..., T], query: str, parameters: Row) -> list[T]:
        """All rows of a query, each made of its columns in their order."""
        cursor = self._connection.cursor(row_factory=args_row(kind))
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()

    async def one(self, query: str, parameters: Row | list[Any]) -> Any:
        """The first row's values; None without one."""
        cursor = await self._connection.execute(query.encode(), parameters)
        return await cursor.fetchone()

    async def candles(
        self, symbol: str, interval: str, since_us: int | None, until_us: int | None, limit: int
    ) -> list[Candle]:
        """As `History.candles`."""
        stored = INTERVALS[interval][1]
        key = {"symbol": symbol, "stored": stored, "length": INTERVALS[interval][0], "origin": _origin(interval)}
        first = await self.one(FIRST_CANDLE, key)
        if first is None or first[0] is None:
            return []
        bins = Bins(interval)
        last = bins.begin(self.at.time_us if until_us is None else until_us)
        begins = bins.forward(last, 1 - limit) if since_us is None else bins.at_or_after(since_us)
        begins = max(begins, bins.begin(us_of(first[0])))
        ends = min(bins.forward(last, 1), bins.forward(begins, limit))
        if ends <= begins:
            return []
        key |= {"begins": time_of(begins), "ends": time_of(ends)}
        query = MONTHS if interval == MONTH else STORED_CANDLES if interval == stored else MADE_CANDLES
        found = {row[0]: row for row in await self.rows(_row, query, key)}
        row = await self.one(CLOSE_BEFORE, key)
        close = row[0] if row else ""
        candles = []
        while begins < ends:
            next = bins.forward(begins, 1)
            if begins in found:
                _, open, high, low, close, volume, *others = found[begins]
                candles.append(Candle(begins, open, high, low, close, volume, next - 1, *others))
            else:
                candles.append(Candle(begins, close, close, close, close, "0", next - 1, "0", 0, "0", "0"))
            begins = next
        return candles


class Bins:
    """Where the intervals of a name begin, in microseconds since 1970."""

    def __init__(self, interval: str) -> None:
        self._length = INTERVALS[interval][0] // timedelta(microseconds=1)
        self._origin = us_of(_origin(interval))
        self._is_month = interval == MONTH

    def begin(self, time_us: int) -> int:
        """The beginning of the interval with this time in it."""
        if self._is_month:
            return us_of(time_of(time_us).replace(day=1, hour=0, minute=0, second=0, microsecond=0))
        return time_us - (time_us - self._origin) % self._length

    def at_or_after(self, time_us: int) -> int:
        """The first beginning from a time on."""
        begins = self.begin(time_us)
        return begins if begins == time_us else self.forward(begins, 1)

    def forward(self, begins: int, count: int) -> int:
        """The beginning so many intervals later, or earlier, than another."""
        if not self._is_month:
            return begins + count * self._length
        time = time_of(begins)
        month = max(12, time.year * 12 + time.month - 1 + count)
        return us_of(time.replace(year=month // 12, month=month % 12 + 1))


class History:
    """Asks the database at `url`, by a few connections. Times are microseconds since 1970; `since_us` is in a range,
    `until_us` too. A page has at most `limit` rows, and at most MOST_ROWS.

    Every method raises HistoryUnavailableError where the server is away, or takes longer than STATEMENT_MS.
    """

    def __init__(self, url: str, size: int = POOL_SIZE, statement_ms: int = STATEMENT_MS) -> None:
        self._pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=size,
            timeout=WAIT_S,
            open=False,
            configure=_configure,
            kwargs={
                "connect_timeout": int(WAIT_S),
                "application_name": "lockstep history",
                "options": f"-c statement_timeout={statement_ms} -c plan_cache_mode=force_custom_plan",
            },
        )

    async def open(self) -> None:
        """Begin to connect; the server need not be there yet."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """One snapshot for several questions."""
        try:
            async with self._pool.connection() as connection, connection.transaction():
                row = await (await connection.execute(WATERMARK)).fetchone()
                if row is None or row[0] is None:
                    raise HistoryUnavailableError("the database has no watermark")
                yield Snapshot(connection, Watermark(row[0], tuple(row[1]), row[2]))
        except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UndefinedTable) as error:
            raise HistoryUnavailableError(" ".join(str(error).split())) from error
        except psycopg.errors.UndefinedColumn as error:
            raise HistoryUnavailableError("the database is of an earlier version") from error

    async def order(self, account: int, order_id: int, *, with_value: bool = False) -> Read[Order]:
        """An order of an account: one row, or none."""
        return await self._order(ORDER, {"user_id": account, "order_id": order_id}, with_value=with_value)

    async def order_by_client_id(
        self, account: int, cl_ord_id: str, symbol: str | None = None, *, with_value: bool = False
    ) -> Read[Order]:
        """The account's latest order that has this client id now. Ids that a replace has changed are not kept."""
        key = {"user_id": account, "cl_ord_id": cl_ord_id, "symbol": symbol}
        return await self._order(ORDER_BY_CLIENT_ID, key, with_value=with_value)

    async def open_orders(
        self, account: int, symbol: str | None = None, behind: int = 0, limit: int = MOST_ROWS
    ) -> Read[Order]:
        """By id, those behind an id."""
        key = {"user_id": account, "symbol": symbol, "behind": behind}
        return await self._read(Order, OPEN_ORDERS, key, limit)

    async def all_open_orders(
        self, symbol: str, behind: tuple[int, int] = (0, 0), limit: int = MOST_ROWS
    ) -> Read[Order]:
        """Of all accounts, for operators: by account and id, those behind an account and id."""
        key = {"symbol": symbol, "user_behind": behind[0], "behind": behind[1]}
        return await self._read(Order, ALL_OPEN_ORDERS, key, limit)

    async def orders(
        self, account: int, symbol: str, *, first: int = 0, since_us: int | None = None, until_us: int | None = None,
        limit: int = 500,
    ) -> Read[Order]:  # fmt: skip
        """By id: from `first`, or a time, on; with neither, the last ones."""
        async with self.snapshot() as at:
            begin = first
            if since_us is not None:
                begin = max(first, (await at.one(FIRST_ORDER_AT, [time_of(since_us)]))[0])
            end = 2**63 - 1 if until_us is None else (await at.one(FIRST_ORDER_AT, [time_of(until_us + 1)]))[0]
            key = {"user_id": account, "symbol": symbol, "first": begin, "end": end, "limit": _bounded(limit)}
            if begin:
                return Read(await at.rows(Order, ORDERS, key), at.at)
            return Read((await at.rows(Order, LAST_ORDERS, key))[::-1], at.at)

    async def trades(
        self, symbol: str, *, first: int = 0, since_us: int | None = None, until_us: int | None = None,
        limit: int = 500,
    ) -> Read[Trade]:  # fmt: skip
        """Of an instrument, in their order: from a trade id, or a time, on; with neither, the last ones.

        Ids are those of the matcher that the instrument is with now.
        """
        async with self.snapshot() as at:
            key = await self._span(at, symbol, first, since_us, until_us, limit)
            if key is None:
                return Read([], at.at)
            if first or since_us is not None:
                return Read(await at.rows(Trade, TRADES, key), at.at)
            return Read((await at.rows(Trade, LAST_TRADES, key))[::-1], at.at)

    async def aggregate_trades(
        self, symbol: str, *, first: int = 0, since_us: int | None = None, until_us: int | None = None,
        limit: int = 500,
    ) -> Read[AggregateTrade]:  # fmt: skip
        """As `trades`, those that one order made at one price in one go together."""
        limit = _bounded(limit)
        async with self.snapshot() as at:
            key = await self._span(at, symbol, first, since_us, until_us, MOST_ROWS)
            if key is None:
                return Read([], at.at)
            is_forward = bool(first) or since_us is not None
            if first:  # from the beginning of what the first one belongs to
                key |= {"first": 0}
            key |= {"limit": limit + limit // 4 + 10}
            while True:
                made = await at.rows(_row, TAKEN if is_forward else LAST_TAKEN, key)
                groups = _aggregated(made if is_forward else made[::-1])
                if len(made) < key["limit"] or len(groups) > limit + 1 or key["limit"] >= MOST_AGGREGATED:
                    break
                key |= {"limit": min(4 * key["limit"], MOST_AGGREGATED)}
            if len(made) == key["limit"]:  # the one at the end may not be whole
                groups = groups[:-1] if is_forward else groups[1:]
            groups = [group for group in groups if group.first_id >= first]
            return Read(groups[:limit] if is_forward else groups[-limit:], at.at)

    async def fills(
        self, account: int, symbol: str, *, first: int = 0, since_us: int | None = None, until_us: int | None = None,
        limit: int = 500,
    ) -> Read[Fill]:  # fmt: skip
        """An account's sides of an instrument's trades, as `trades` has these."""
        async with self.snapshot() as at:
            key = await self._span(at, symbol, first, since_us, until_us, limit)
            if key is None:
                return Read([], at.at)
            key |= {"user_id": account}
            is_forward = bool(first) or since_us is not None
            found = await at.rows(Fill, FILLS if is_forward else LAST_FILLS, key)
            found = found if is_forward else found[::-1]
            return Read(found, at.at)

    async def fills_of_order(
        self, account: int, order_id: int, *, first: tuple[int, int] = (0, 0), limit: int = MOST_ROWS
    ) -> Read[Fill]:
        """What an order of the account traded, by `seq` and trade id, from these on."""
        key: dict[str, Any] = {"user_id": account, "order_id": order_id, "limit": _bounded(limit)}
        key |= {"seq": first[0], "first": first[1]}
        async with self.snapshot() as at:
            row = await at.one(CREATED, key)
            if row is None:
                return Read([], at.at)
            found = await at.rows(Fill, ORDER_FILLS, key | {"since": row[0]})
            return Read(found, at.at)

    async def candles(
        self, symbol: str, interval: str, *, since_us: int | None = None, until_us: int | None = None,
        limit: int = 500,
    ) -> Read[Candle]:  # fmt: skip
        """Of one of INTERVALS: from a time on, or the last ones up to a time (the watermark's, if none is given).

        From the instrument's first trade on none is missing: one without a trade is flat, at the last close. The last
        may not be over. KeyError for another interval.
        """
        async with self.snapshot() as at:
            return Read(await at.candles(symbol, interval, since_us, until_us, _bounded(limit)), at.at)

    async def positions(self, account: int, symbol: str | None = None) -> Read[Position]:
        """An account's, by symbol: one for each instrument that it has traded, some thousands at most."""
        return await self._read(Position, POSITIONS, {"user_id": account, "symbol": symbol}, MOST_ROWS)

    async def all_positions(self, behind: tuple[int, str] = (0, ""), limit: int = MOST_ROWS) -> Read[Position]:
        """Of all accounts, for operators: by account and symbol, those behind an account and symbol."""
        return await self._read(Position, ALL_POSITIONS, {"user_id": behind[0], "symbol": behind[1]}, limit)

    async def _read(self, kind: type[T], query: str, key: dict[str, Any], limit: int) -> Read[T]:
        async with self.snapshot() as at:
            return Read(await at.rows(kind, query, key | {"limit": _bounded(limit)}), at.at)

    async def _order(self, query: str, key: dict[str, Any], *, with_value: bool) -> Read[Order]:
        async with self.snapshot() as at:
            found = await at.rows(Order, query, key)
            if with_value and found:
                traded = {"order_id": found[0].order_id, "since": time_of(found[0].created_us)}
                found = [structs.replace(found[0], value=(await at.one(VALUE, traded))[0])]
            return Read(found, at.at)

    async def _span(
        self, at: Snapshot, symbol: str, first: int, since_us: int | None, until_us: int | None, limit: int
    ) -> dict[str, Any] | None:
        """What bounds a page of trades; None if there are none."""
        since = EPOCH if since_us is None else time_of(since_us)
        key: dict[str, Any] = {"symbol": symbol, "first": first, "matcher": 0, "limit": _bounded(limit)}
        if first:
            row = await at.one(TRADE_TIME, key)
            if row is None or row[1] is None:
                return None
            key["matcher"], since = row[0], max(since, row[1])
        return key | {
            "since": since,
            "end": datetime.max.replace(tzinfo=UTC) if until_us is None else time_of(until_us + 1),
        }


TAKEN = TRADES.replace("t.seq\n", "t.seq, t.taker_order_id\n", 1)
LAST_TAKEN = LAST_TRADES.replace("t.seq\n", "t.seq, t.taker_order_id\n", 1)


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)


def _row(*values: Any) -> tuple[Any, ...]:
    return values


def _aggregated(trades: list[tuple[Any, ...]]) -> list[AggregateTrade]:
    """Of rows of TAKEN, in order."""
    groups: list[AggregateTrade] = []
    last = None
    quantity = Decimal(0)
    for _, trade_id, symbol, price, lots, _, buyer_is_maker, _, time_us, seq, taker in trades:
        is_more = last == (seq, taker, price)
        last = seq, taker, price
        if is_more:
            quantity += Decimal(lots)
            groups[-1] = structs.replace(groups[-1], quantity=str(quantity), last_id=trade_id)
        else:
            quantity = Decimal(lots)
            groups.append(AggregateTrade(symbol, price, lots, trade_id, trade_id, buyer_is_maker, time_us, seq))
    return groups


def _origin(interval: str) -> datetime:
    return MONDAY if interval == "1w" else EPOCH


def _bounded(limit: int) -> int:
    return max(1, min(limit, MOST_ROWS))


def time_of(time_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=time_us)


def us_of(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)
