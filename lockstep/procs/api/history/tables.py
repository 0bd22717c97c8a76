"""What PostgreSQL has of orders, trades, candles and positions, asked by key, in pages, at one watermark each.

It only reads, and never waits for long: a server that is away or slow is `HistoryUnavailableError`. Whose rows are read
is always a parameter of its own, so no account sees another's. It knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import psycopg
from msgspec import structs
from psycopg.rows import args_row
from psycopg_pool import AsyncConnectionPool

from lockstep.core.rules.intervals import MONTH, SECONDS, STORED, longest_part
from lockstep.procs.api.history import queries
from lockstep.procs.api.history.intervals import EPOCH, PARTS, Bins, origin_of, pieces, time_of, us_of
from lockstep.procs.api.history.pages import MOST_ROWS
from lockstep.procs.api.history.rows import (
    AggregateTrade,
    Amendment,
    Candle,
    Fill,
    HistoryUnavailableError,
    Order,
    Position,
    PreventedMatch,
    Read,
    Trade,
    Watermark,
    Window,
    Withdrawal,
)

MOST_AGGREGATED = 100_000  # trades that are read for a page of aggregate trades
POOL_SIZE = 4
STATEMENT_MS = 2_000
WAIT_S = 2.0  # for a connection
MOST_WAITING = 256
SHORTEST = PARTS[-1]

T = TypeVar("T")
TradeKey = tuple[int, int]  # the sequence of its command, and its id
NOTHING: TradeKey = (0, 0)
ENDLESS: TradeKey = (2**63 - 1, 2**63 - 1)
Row = Mapping[str, Any]


class Snapshot:
    """One connection in one snapshot; made by `History.snapshot`."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], at: Watermark) -> None:
        self._connection = connection
        self.at = at

    async def watermark(self) -> Read[Any]:
        """As `History.watermark`."""
        return Read([], self.at)

    async def rows(self, kind: Callable[..., T], query: str, parameters: Row) -> list[T]:
        """All rows of a query, each made of its columns in their order."""
        cursor = self._connection.cursor(row_factory=args_row(kind))
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()

    async def each(self, kind: Callable[..., T], query: str, parameters: Row) -> AsyncIterator[T]:
        """The same one after the other, however many."""
        cursor = self._connection.cursor(row_factory=args_row(kind))
        await cursor.execute(query.encode(), parameters)
        while some := await cursor.fetchmany(MOST_ROWS):
            for row in some:
                yield row
            await asyncio.sleep(0)  # others have their turn

    async def one(self, query: str, parameters: Row | list[Any]) -> Any:
        """The first row's values; None without one."""
        cursor = await self._connection.execute(query.encode(), parameters)
        return await cursor.fetchone()

    async def candles(
        self, symbol: str, interval: str, since_us: int | None, until_us: int | None, limit: int, offset: int = 0
    ) -> Read[Candle]:
        """As `History.candles`."""
        bins = Bins(interval, offset)
        stored = SHORTEST if bins.is_shifted else longest_part(interval, STORED)
        length = timedelta(seconds=SECONDS[interval])
        key = {"symbol": symbol, "stored": stored, "length": length, "origin": origin_of(interval)}
        last = bins.begin(self.at.time_us if until_us is None else until_us)
        begins = bins.forward(last, 1 - limit) if since_us is None else bins.at_or_after(since_us)
        first = await self.one(queries.FIRST_CANDLE, key)
        if first is None or first[0] is None:
            return Read([], self.at)
        begins = max(begins, bins.begin(us_of(first[0])))
        ends = min(bins.forward(last, 1), bins.forward(begins, limit))
        if ends <= begins:
            return Read([], self.at)
        key |= {"begins": time_of(begins), "ends": time_of(ends)}
        if bins.is_shifted:
            key |= pieces_of(bins, begins, ends)
        query = (
            queries.PIECED_CANDLES
            if bins.is_shifted
            else queries.MONTHS
            if interval == MONTH
            else queries.STORED_CANDLES
            if interval == stored
            else queries.MADE_CANDLES
        )
        found = {row[0]: row for row in await self.rows(_row, query, key)}
        row = await self.one(queries.CLOSE_BEFORE, key)
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
        return Read(candles, self.at)

    async def window(self, symbol: str, begins: int, ends: int) -> list[Window]:
        """As `History.window`."""
        hour = min(Bins("1h").at_or_after(begins), ends)
        key = {"symbol": symbol, "begins": time_of(begins), "hour": time_of(hour), "ends": time_of(ends)}
        return await self.rows(Window, queries.WINDOW, key)


class History:
    """Asks the database at `url`, by a few connections. Times are microseconds since 1970; `since_us` is in a range,
    `until_us` too. A page has at most `limit` rows, and at most MOST_ROWS.

    Every method raises HistoryUnavailableError where the server is away, or takes longer than `statement_ms`. A server
    that hangs leaves a method waiting: who asks gives up after `patience_s`.
    """

    def __init__(self, url: str, size: int = POOL_SIZE, statement_ms: int = STATEMENT_MS) -> None:
        self.size = size
        self.patience_s = WAIT_S + 2 * statement_ms / 1000
        self._pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=size,
            timeout=WAIT_S,
            max_waiting=MOST_WAITING,
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
                row = await (await connection.execute(queries.WATERMARK)).fetchone()
                if row is None or row[0] is None:
                    raise HistoryUnavailableError("the database has no watermark")
                yield Snapshot(connection, Watermark(row[0], tuple(row[1]), row[2]))
        except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UndefinedTable) as error:
            raise HistoryUnavailableError(" ".join(str(error).split())) from error
        except psycopg.errors.UndefinedColumn as error:
            raise HistoryUnavailableError("the database is of another version") from error

    async def watermark(self) -> Read[Any]:
        """What the database has; no rows."""
        async with self.snapshot() as at:
            return await at.watermark()

    async def order(self, account: int, order_id: int, *, with_value: bool = False) -> Read[Order]:
        """An order of an account: one row, or none."""
        return await self._order(queries.ORDER, {"user_id": account, "order_id": order_id}, with_value=with_value)

    async def order_by_client_id(
        self, account: int, cl_ord_id: str, symbol: str | None = None, *, with_value: bool = False
    ) -> Read[Order]:
        """The account's latest order that has this client id now. Ids that a replace has changed are not kept."""
        key = {"user_id": account, "cl_ord_id": cl_ord_id, "symbol": symbol}
        return await self._order(queries.ORDER_BY_CLIENT_ID, key, with_value=with_value)

    async def order_by_list_name(self, account: int, list_name: str, *, with_value: bool = False) -> Read[Order]:
        """The first order of the account's latest list that its client has called so."""
        key = {"user_id": account, "list_name": list_name}
        return await self._order(queries.ORDER_BY_LIST_NAME, key, with_value=with_value)

    async def open_orders(
        self, account: int, symbol: str | None = None, behind: int = 0, limit: int = MOST_ROWS
    ) -> Read[Order]:
        """By id, those behind an id."""
        key = {"user_id": account, "symbol": symbol, "behind": behind}
        return await self._read(Order, queries.OPEN_ORDERS, key, limit)

    async def all_open_orders(
        self, symbol: str, behind: tuple[int, int] = (0, 0), limit: int = MOST_ROWS
    ) -> Read[Order]:
        """Of all accounts, for operators: by account and id, those behind an account and id."""
        key = {"symbol": symbol, "user_behind": behind[0], "behind": behind[1]}
        return await self._read(Order, queries.ALL_OPEN_ORDERS, key, limit)

    async def orders(
        self, account: int, symbol: str, *, first: int = 0, since_us: int | None = None, until_us: int | None = None,
        limit: int = 500, with_values: bool = False,
    ) -> Read[Order]:  # fmt: skip
        """By id: from `first`, or a time, on; with neither, the last ones."""
        async with self.snapshot() as at:
            begin = first
            if since_us is not None:
                begin = max(first, (await at.one(queries.FIRST_ORDER_AT, [time_of(since_us)]))[0])
            end = 2**63 - 1 if until_us is None else (await at.one(queries.FIRST_ORDER_AT, [time_of(until_us + 1)]))[0]
            key = {"user_id": account, "symbol": symbol, "first": begin, "end": end, "limit": _bounded(limit)}
            query, way = (queries.ORDERS, 1) if begin else (queries.LAST_ORDERS, -1)
            found = (await at.rows(Order, query, key))[::way]
            return Read(await _valued(at, found) if with_values else found, at.at)

    async def trades(
        self, symbol: str, *, first: int = 0, since_us: int | None = None, until_us: int | None = None,
        behind: TradeKey = NOTHING, last: TradeKey = ENDLESS, limit: int = 500,
    ) -> Read[Trade]:  # fmt: skip
        """Of an instrument, in their order, those behind one, up to `last`: from a trade id, or a time, on; with
        neither, the last ones.

        Ids are those of the matcher that the instrument is with now.
        """
        async with self.snapshot() as at:
            key = await self._span(at, symbol, first, since_us, until_us, limit, last)
            if key is None:
                return Read([], at.at)
            key |= {"seq": behind[0], "id": behind[1]}
            if first or since_us is not None:
                return Read(await at.rows(Trade, queries.TRADES, key), at.at)
            return Read((await at.rows(Trade, queries.LAST_TRADES, key))[::-1], at.at)

    async def aggregate_trades(
        self, symbol: str, *, first: int = 0, since_us: int | None = None, until_us: int | None = None,
        last: TradeKey = ENDLESS, limit: int = 500,
    ) -> Read[AggregateTrade]:  # fmt: skip
        """As `trades`, those that one order made at one price in one go together."""
        limit = _bounded(limit)
        async with self.snapshot() as at:
            key = await self._span(at, symbol, first, since_us, until_us, MOST_ROWS, last)
            if key is None:
                return Read([], at.at)
            is_forward = bool(first) or since_us is not None
            if first:  # from the beginning of what the first one belongs to
                key |= {"first": 1}
            key |= {"limit": limit + limit // 4 + 10}
            while True:
                made = await at.rows(_row, queries.TAKEN if is_forward else queries.LAST_TAKEN, key)
                groups = _aggregated(made if is_forward else made[::-1])
                groups = [group for group in groups if group.first_id >= first]
                if len(made) < key["limit"] or len(groups) > limit + 1 or key["limit"] >= MOST_AGGREGATED:
                    break
                key |= {"limit": min(4 * key["limit"], MOST_AGGREGATED)}
            if len(made) == key["limit"]:  # the one at the end may not be whole
                groups = groups[:-1] if is_forward else groups[1:]
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
            found = await at.rows(Fill, queries.FILLS if is_forward else queries.LAST_FILLS, key)
            found = found if is_forward else found[::-1]
            return Read(found, at.at)

    async def fills_of_order(
        self, account: int, order_id: int, *, first: tuple[int, int] = (0, 0), limit: int = MOST_ROWS
    ) -> Read[Fill]:
        """What an order of the account traded, by `seq` and trade id, from these on."""
        key: dict[str, Any] = {"user_id": account, "order_id": order_id, "limit": _bounded(limit)}
        key |= {"seq": first[0], "first": first[1]}
        async with self.snapshot() as at:
            row = await at.one(queries.CREATED, key)
            if row is None:
                return Read([], at.at)
            found = await at.rows(Fill, queries.ORDER_FILLS, key | {"since": row[0]})
            return Read(found, at.at)

    async def amendments(
        self, account: int, symbol: str, order_id: int, *, first: int = 0, limit: int = 500
    ) -> Read[Amendment]:
        """Those of an order of the account, from a sequence on, in their order."""
        key = {"user_id": account, "symbol": symbol, "order_id": order_id, "first": first}
        return await self._read(Amendment, queries.AMENDMENTS, key, limit)

    async def prevented_match(self, account: int, symbol: str, match_id: int) -> Read[PreventedMatch]:
        """The prevented match of an id in which an order of the account took part. An instrument that has moved to
        another matcher may have several of one id."""
        key = {"user_id": account, "symbol": symbol, "match_id": match_id}
        return await self._read(PreventedMatch, queries.PREVENTED_MATCH, key, MOST_ROWS)

    async def prevented_matches(
        self, account: int, symbol: str, order_id: int, *, first: int = 0, limit: int = 500
    ) -> Read[PreventedMatch]:
        """Those of an order of the account, from an id on, by id; more than `limit` where the last ones share an id."""
        key = {"user_id": account, "symbol": symbol, "order_id": order_id, "first": first}
        return await self._read(PreventedMatch, queries.PREVENTED_MATCHES, key, limit)

    async def candles(
        self, symbol: str, interval: str, *, since_us: int | None = None, until_us: int | None = None,
        limit: int = 500, offset: int = 0,
    ) -> Read[Candle]:  # fmt: skip
        """Of one of SECONDS: from a time on, or the last ones up to a time (the watermark's, if none is given).

        They begin by clocks `offset` minutes ahead of UTC. `limit` bounds the rows read, in any zone.
        From the instrument's first trade on none is missing: one without a trade is flat, at the last close. The last
        may not be over. KeyError for another interval.
        """
        async with self.snapshot() as at:
            return await at.candles(symbol, interval, since_us, until_us, _bounded(limit), offset)

    async def window(self, symbol: str, begins_us: int, ends_us: int) -> Read[Window]:
        """What was traded from the beginning of a minute to that of an hour: a row, or none."""
        async with self.snapshot() as at:
            return Read(await at.window(symbol, begins_us, ends_us), at.at)

    async def positions(self, account: int, symbol: str | None = None) -> Read[Position]:
        """An account's, by symbol: one for each instrument that it has traded, some thousands at most."""
        return await self._read(Position, queries.POSITIONS, {"user_id": account, "symbol": symbol}, MOST_ROWS)

    async def all_positions(self, behind: tuple[int, str] = (0, ""), limit: int = MOST_ROWS) -> Read[Position]:
        """Of all accounts, for operators: by account and symbol, those behind an account and symbol."""
        return await self._read(Position, queries.ALL_POSITIONS, {"user_id": behind[0], "symbol": behind[1]}, limit)

    async def withdrawals(self, account: int, before: int | None = None, limit: int = MOST_ROWS) -> Read[Withdrawal]:
        """What an account has asked to be paid out, the latest first; those before a number."""
        key = {"user_id": account, "before": before or 2**63 - 1}
        return await self._read(Withdrawal, queries.WITHDRAWALS, key, limit)

    async def _read(self, kind: type[T], query: str, key: dict[str, Any], limit: int) -> Read[T]:
        async with self.snapshot() as at:
            return Read(await at.rows(kind, query, key | {"limit": _bounded(limit)}), at.at)

    async def _order(self, query: str, key: dict[str, Any], *, with_value: bool) -> Read[Order]:
        async with self.snapshot() as at:
            found = await at.rows(Order, query, key)
            return Read(await _valued(at, found) if with_value else found, at.at)

    async def _span(
        self, at: Snapshot, symbol: str, first: int, since_us: int | None, until_us: int | None, limit: int,
        last: TradeKey = ENDLESS,
    ) -> dict[str, Any] | None:  # fmt: skip
        """What bounds a page of trades; None if there are none."""
        since = EPOCH if since_us is None else time_of(since_us)
        key: dict[str, Any] = {"symbol": symbol, "first": first, "matcher": 0, "limit": _bounded(limit)}
        key |= {"last_seq": last[0], "last_id": last[1], "seq": 0, "id": 0}
        if first:
            row = await at.one(queries.TRADE_TIME, key)
            if row is None or row[1] is None:
                return None
            key["matcher"], since = row[0], max(since, row[1])
        return key | {
            "since": since,
            "end": datetime.max.replace(tzinfo=UTC) if until_us is None else time_of(until_us + 1),
        }


async def _valued(at: Snapshot, orders: list[Order]) -> list[Order]:
    """The same, with what their fills came to."""
    filled = [order.order_id for order in orders if Decimal(order.filled)]
    values: dict[int, str] = {}
    if filled:
        since = time_of(min(order.created_us for order in orders))
        values = dict(await at.rows(_row, queries.VALUES, {"order_ids": filled, "since": since}))
    return [structs.replace(order, value=values.get(order.order_id, "0")) for order in orders]


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)


def _row(*values: Any) -> tuple[Any, ...]:
    return values


def pieces_of(bins: Bins, begins: int, ends: int) -> Row:
    """What queries.PIECED_CANDLES is asked: few stored candles of each interval, however long that is."""
    found = []
    while begins < ends:
        after = bins.forward(begins, 1)
        found += [
            (time_of(begins), name, time_of(since), time_of(until)) for name, since, until in pieces(begins, after)
        ]
        begins = after
    return dict(zip(("bins", "names", "froms", "untils"), map(list, zip(*found, strict=True)), strict=True))


def _aggregated(trades: list[tuple[Any, ...]]) -> list[AggregateTrade]:
    """Of rows of queries.TAKEN, in order."""
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


def _bounded(limit: int) -> int:
    return max(1, min(limit, MOST_ROWS))
