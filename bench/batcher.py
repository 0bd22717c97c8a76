"""The batcher's row: how fast a full spool gets into the embedded PostgreSQL, next to COPY alone of the same rows.

It measures the loader and the server together; the rings are filled before, untimed.
"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Accepted, AssetDefined, Cancelled, Event, InstrumentDefined, Traded
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.database import Embedded, migrate
from lockstep.procs.batcher.loader import Loader, Loading
from lockstep.procs.batcher.order_rows import ORDER_COLUMNS
from lockstep.procs.batcher.reader import Reader
from lockstep.procs.batcher.rows import Batch
from lockstep.procs.batcher.spool import Spool, stamped
from lockstep.procs.batcher.spool_writer import SpoolWriter
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Producer, Ring

ORDERS = 300_000
# Of a hundred orders, this many take the order before them, and this many are cancelled at once. The rest stays.
TAKERS, CANCELS = 20, 10
BATCH_ROWS = 50_000
RING_SLOTS = 65_536
TIMEOUT_S = 60.0
START_NS = 1_800_000_000_000_000_000
TERMS = {
    "symbol": b"BTCUSDT", "base_asset": 1, "quote_asset": 2, "tick_mantissa": 1, "lot_mantissa": 1, "price_scale": 2,
    "quantity_scale": 4, "matcher": 1, "collar_bps": 500, "maker_fee_ppm": 0, "taker_fee_ppm": 0,
    "reference_price_ticks": 5_000_000, "unit_value": 100, "lot_units": 10_000,
}  # fmt: skip


def _nothing_to_fill(_epoch: int, _born_ns: int, _stopping: threading.Event) -> None:
    raise AssertionError("the spool begins with the first event")


class Feed:
    """Puts events into the two rings and lets the spooler empty them."""

    def __init__(self, spool: Spool) -> None:
        self.board = Board.private()
        rings = [Ring.private(RING_SLOTS, ["batcher"]) for _ in range(2)]
        self._producers: list[Producer] = [ring.producer() for ring in rings]
        self._spooler = SpoolWriter(self.board, {i: ring.consumer("batcher") for i, ring in enumerate(rings)}, spool)
        self._numbers = [0, 0]
        self.seq = 0

    def emit(self, ring: int, record: type[Event], **fields: Any) -> None:
        self._numbers[ring] += 1
        time_ns = START_NS + 10_000 * self.seq
        event = record(cause=self.seq, time_ns=time_ns, number=self._numbers[ring], epoch=1, instrument=1, **fields)
        self._producers[ring].put(stamped(pack(event)))
        if self._numbers[ring] % (RING_SLOTS // 2) == 0:
            self.spool()

    def spool(self) -> None:
        for word in (Word.DURABLE_SEQ, Word.ROUTER_DONE, Word.MATCHER_DONE):
            self.board.set(word, self.seq)
        while self._spooler.poll(self.seq):
            pass

    def fill(self) -> None:
        self.seq = 1
        for asset, name in ((1, b"BTC"), (2, b"USDT")):
            self.emit(0, AssetDefined, asset=asset, name=name, scale=8)
        self.emit(0, InstrumentDefined, **TERMS)
        for i in range(ORDERS):
            self._order(i % 100)
        self.spool()

    def _order(self, kind: int) -> None:
        self.seq += 1
        order_id, price, lots = self.seq, 5_000_000 + self.seq % 1000, 10_000
        self.emit(
            1, Accepted, order_id=order_id, price_ticks=price, quantity_lots=lots, account=1 + kind % 8, session=1,
            cl_ord_id=b"order-%09d" % order_id, side=1 + kind % 2, ord_type=2, time_in_force=1,
        )  # fmt: skip
        if kind % 2 and kind < 2 * TAKERS:
            self.emit(
                1, Traded, maker_order_id=order_id - 1, taker_order_id=order_id, price_ticks=price, quantity_lots=lots,
                maker_leaves_lots=0, taker_leaves_lots=0, maker_fee=0, taker_fee=0, maker_account=1, taker_account=2,
                taker_side=1 + kind % 2,
            )  # fmt: skip
        elif kind >= 100 - CANCELS:
            self.seq += 1
            self.emit(
                1, Cancelled, order_id=order_id, price_ticks=price, leaves_lots=lots, account=1 + kind % 8, session=1,
                cl_ord_id=b"", side=1 + kind % 2, reason=1,
            )  # fmt: skip


def run() -> list[dict[str, Any]]:
    """The rows of this benchmark; takes some 15 s, of which making the events is half."""
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder:
        server = Embedded(Path(folder))
        server.start()
        try:
            migrate(server.url)
            spool = Spool(Path(folder) / "spool")
            feed = Feed(spool)
            feed.fill()
            alone = _copy_alone(server.url, spool)
            rate, rows = _load(server, spool, feed.seq)
        finally:
            server.stop()
    mix = f"{rows} rows: orders, {TAKERS} % of them trading, {CANCELS} % cancelled"
    return [
        {"row": "batcher", "value": round(rate), "unit": "rows/s", "what": f"spool to embedded PostgreSQL, {mix}"},
        {
            "row": "batcher.copy",
            "value": round(alone),
            "unit": "rows/s",
            "what": "peer: COPY alone, order rows, same table",
        },
    ]


def _load(server: Embedded, spool: Spool, seq: int) -> tuple[float, int]:
    loader = Loader(spool, Loading(server, BATCH_ROWS, _nothing_to_fill), lambda: Author(1))
    started = time.perf_counter()
    loader.start()
    while loader.complete_seq < seq and loader.failure is None and time.perf_counter() - started < TIMEOUT_S:
        time.sleep(0.005)  # the loader is another thread; looking more often would take its core
    elapsed = time.perf_counter() - started
    loader.stop(0.0, TIMEOUT_S)
    if loader.failure is not None:
        raise loader.failure
    return loader.rows / elapsed, loader.rows


def _copy_alone(url: str, spool: Spool) -> float:
    """The first batch's order rows, again and again, into a table with the same columns and indices as `orders`."""
    batch, elapsed, rows = Batch(BATCH_ROWS), 0.0, 0
    batch.begin([0] * 9, 0)
    Reader(spool).fill(batch)
    orders = batch.encode()[0]
    columns = sql.SQL(", ").join(map(sql.Identifier, ORDER_COLUMNS))
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(ORDERS // BATCH_ROWS):
            connection.execute("CREATE TABLE copied (LIKE orders INCLUDING ALL)")
            started = time.perf_counter()
            with connection.cursor() as cursor:
                statement = sql.SQL("COPY copied ({}) FROM STDIN (FORMAT BINARY)").format(columns)
                with cursor.copy(statement) as copy:
                    copy.write(orders)
            elapsed += time.perf_counter() - started
            rows += batch.created
            connection.execute("DROP TABLE copied")
    return rows / elapsed
