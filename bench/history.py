"""The row `history`: how quickly PostgreSQL answers what a bot asks of the past, and how quickly it was loaded.

Events go through the real spool and loader first. ORDERS=350000 in the environment makes a smaller database.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg

from bench.batcher import BATCH_ROWS, START_NS, TERMS, TIMEOUT_S, Feed, _nothing_to_fill
from bench.fanout import cpu_s
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    Accepted,
    AccountDefined,
    AssetDefined,
    Cancelled,
    Event,
    InstrumentDefined,
    Traded,
)
from lockstep.procs.api.history.tables import History
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.database import Embedded, migrate
from lockstep.procs.batcher.loader import Loader, Loading
from lockstep.procs.batcher.spool import Spool, stamped

ORDERS = int(os.environ.get("ORDERS", "3500000"))
ACCOUNTS, INSTRUMENTS = 200, 4
# Of a hundred pairs of orders, so many trade with each other, and so many are cancelled; the rest stays open.
TRADING, CANCELLED = 91, 5
TIME_NS = 500_000_000  # from a command to the next: 3.5 million orders are twenty days
ASKED = 200  # times that each question is asked, about somebody else each time
CHUNK = 100_000  # orders that are spooled before they are loaded: a spool of them all would fill a disk
MARK_MS = 20.0


class Market(Feed):
    """Pairs of orders of many accounts in some instruments."""

    def __init__(self, spool: Spool) -> None:
        super().__init__(spool)
        self._random = random.Random(1)

    def emit(self, ring: int, record: type[Event], **fields: Any) -> None:
        self._numbers[ring] += 1
        event = record(
            cause=self.seq, time_ns=START_NS + TIME_NS * self.seq, number=self._numbers[ring], epoch=1, **fields
        )
        self._producers[ring].put(stamped(pack(event)))
        if self._numbers[ring] % 16_384 == 0:
            self.spool()

    def define(self) -> None:
        self.seq = 1
        for asset in range(INSTRUMENTS + 1):
            self.emit(0, AssetDefined, asset=asset + 1, name=b"A%d" % asset, scale=8)
        for instrument in range(INSTRUMENTS):
            terms = TERMS | {"symbol": b"I%d" % instrument, "base_asset": instrument + 2, "quote_asset": 1}
            self.emit(0, InstrumentDefined, instrument=instrument + 1, **terms)
        for account in range(1, ACCOUNTS + 1):
            self.emit(0, AccountDefined, account=account, name=b"T%d" % account)

    def trade(self, orders: int) -> None:
        """So many orders, in pairs."""
        chance = self._random
        for _ in range(orders // 2):
            price, lots = 5_000_000 + chance.randrange(1000), 10_000 + chance.randrange(90_000)
            instrument, accounts = 1 + chance.randrange(INSTRUMENTS), [1 + chance.randrange(ACCOUNTS) for _ in range(2)]
            for side, account in enumerate(accounts, start=1):
                self.seq += 1
                self.emit(
                    1, Accepted, order_id=self.seq, price_ticks=price, quantity_lots=lots, account=account, session=1,
                    cl_ord_id=b"x-%08x" % (self.seq * 2654435761 % 2**32), side=side, ord_type=2, time_in_force=1,
                    instrument=instrument,
                )  # fmt: skip
            kind = chance.randrange(100)
            if kind < TRADING:
                self.emit(
                    1, Traded, maker_order_id=self.seq - 1, taker_order_id=self.seq, price_ticks=price,
                    quantity_lots=lots, maker_leaves_lots=0, taker_leaves_lots=0, maker_fee=lots, taker_fee=2 * lots,
                    maker_account=accounts[0], taker_account=accounts[1], taker_side=2, instrument=instrument,
                )  # fmt: skip
            elif kind < TRADING + CANCELLED:
                for back in (1, 0):
                    self.emit(
                        1, Cancelled, order_id=self.seq - back, price_ticks=price, leaves_lots=lots,
                        account=accounts[1 - back], session=1, cl_ord_id=b"", side=2 - back, reason=1,
                        instrument=instrument,
                    )  # fmt: skip
        self.spool()


def run() -> list[dict[str, Any]]:
    """The rows of this benchmark; takes some minutes, of which making the events is most."""
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder:
        server = Embedded(Path(folder))
        server.start()
        try:
            migrate(server.url)
            rate, orders_a_second = _load(server, Spool(Path(folder) / "spool"))
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
                counts = connection.execute(
                    "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM trades)"
                ).fetchone()
            figures = asyncio.run(_ask(server.url))
        finally:
            server.stop()
    orders, trades = counts or (0, 0)
    there = f"{orders:,} orders, {trades:,} trades"
    rows: list[dict[str, Any]] = [
        {"row": "history", "value": round(rate), "unit": "rows/s", "what": f"loaded, {there}"},
        {"row": "history", "value": round(orders_a_second), "unit": "orders/s", "what": "the same, in orders"},
    ]
    for what, (half, most, cost) in figures.items():
        rows.append({"row": "history", "value": half, "unit": "ms", "what": f"{what}, p50"})
        rows.append({"row": "history", "value": most, "unit": "ms", "what": f"{what}, p99 (mark: {MARK_MS:.0f} ms)"})
        rows.append({"row": "history", "value": cost, "unit": "ms", "what": f"{what}, processor time, p99"})
    return rows


def _load(server: Embedded, spool: Spool) -> tuple[float, float]:
    """Rows and orders a second of the loader alone: it waits while events are made."""
    market = Market(spool)
    market.define()
    is_open = False
    loader = Loader(spool, Loading(server, BATCH_ROWS, _nothing_to_fill), lambda: Author(1), lambda: is_open)
    elapsed, made = 0.0, 0
    while made < ORDERS:
        count = min(CHUNK, ORDERS - made)
        market.trade(count)
        made += count
        started, is_open = time.perf_counter(), True
        if not loader.is_started:
            loader.start()
        deadline = started + TIMEOUT_S
        while loader.complete_seq < market.seq and loader.failure is None and time.perf_counter() < deadline:
            time.sleep(0.005)  # the loader is another thread; looking more often would take its core
        elapsed += time.perf_counter() - started
        is_open = False
        if loader.failure is not None:
            raise loader.failure
        if loader.complete_seq < market.seq:
            raise RuntimeError(f"the loader takes more than {TIMEOUT_S} s for {count} orders")
    loader.stop(0.0, TIMEOUT_S)
    return loader.rows / elapsed, made / elapsed


async def _ask(url: str) -> dict[str, tuple[float, float, float]]:
    """p50 and p99 of each question, and p99 of its processor time (the server's and this one's), in milliseconds."""
    chance = random.Random(2)
    history = History(url, size=1, statement_ms=60_000)
    await history.open()
    figures = {}
    try:
        await history.positions(1)  # the first question opens the connection
        server = _server_of(url)
        for what, question in _questions(history, chance).items():
            times, costs = [], []
            for _ in range(ASKED):
                asked = await question()
                started, before = time.perf_counter(), cpu_s(server) + time.process_time()
                await asked()
                times.append((time.perf_counter() - started) * 1e3)
                costs.append((cpu_s(server) + time.process_time() - before) * 1e3)
            times.sort()
            costs.sort()
            most = ASKED * 99 // 100
            figures[what] = times[ASKED // 2], times[most], costs[most]
    finally:
        await history.close()
    return figures


def _server_of(url: str) -> int:
    """The server's process of the one connection that there is."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchall()
    ((pid,),) = found
    return int(pid)


Asked = Callable[[], Awaitable[Any]]


def _questions(history: History, chance: random.Random) -> dict[str, Callable[[], Awaitable[Asked]]]:
    """By name: what chooses whom to ask about, and gives what is measured."""

    def symbol() -> str:
        return f"I{chance.randrange(INSTRUMENTS)}"

    def account() -> int:
        return 1 + chance.randrange(ACCOUNTS)

    def plain(question: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Asked]]:
        async def chosen() -> Asked:
            return question

        return chosen

    async def by_client_id() -> Asked:
        order = (await history.orders(who := account(), symbol(), first=1 + chance.randrange(ORDERS // 2))).rows[0]
        return lambda: history.order_by_client_id(who, order.cl_ord_id)

    async def of_order() -> Asked:
        order = (await history.orders(who := account(), symbol(), first=1 + chance.randrange(ORDERS // 2))).rows[0]
        return lambda: history.fills_of_order(who, order.order_id)

    begun_us = START_NS // 1000

    def since_us() -> int:
        return begun_us + chance.randrange(TIME_NS * ORDERS // 2000)

    return {
        "1,000 candles of 1m": plain(lambda: history.candles(symbol(), "1m", since_us=since_us(), limit=1000)),
        "1,000 candles of 30m": plain(lambda: history.candles(symbol(), "30m", limit=1000)),
        "500 trades of an instrument, the last": plain(lambda: history.trades(symbol())),
        "500 trades of an instrument, from a time": plain(lambda: history.trades(symbol(), since_us=since_us())),
        "500 aggregate trades": plain(lambda: history.aggregate_trades(symbol(), since_us=since_us())),
        "500 trades of an account": plain(lambda: history.fills(account(), symbol())),
        "open orders of an account": plain(lambda: history.open_orders(account(), limit=500)),
        "open orders of an account in an instrument": plain(lambda: history.open_orders(account(), symbol())),
        "500 open orders of an instrument": plain(lambda: history.all_open_orders(symbol(), limit=500)),
        "500 orders of an account, from a time": plain(
            lambda: history.orders(account(), symbol(), since_us=since_us())
        ),
        "an order by client id": by_client_id,
        "trades of an order": of_order,
        "positions of an account": plain(lambda: history.positions(account())),
        "1,000 positions of all accounts": plain(history.all_positions),
    }
