"""Rows of everything that a venue's book does: random traffic, loaded batch by batch, equals its replay."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import psycopg

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import AssetDefined, Command, Event, Instrument, InstrumentDefined
from lockstep.procs.batcher.compare import compare
from lockstep.procs.batcher.spool import Spool, stamped
from tests.batcher.events import BTC, USDT, Stream
from tests.batcher.test_spool import spool_all
from tests.batcher.test_writer import batch_after, session
from tests.consumer.orders import Orders
from tests.listed import terms_of
from tests.matcher.coverage_tally import Seen
from tests.matcher.pair import Alone
from tests.matcher.traffic import Traffic

SEED = int(os.environ.get("LOCKSTEP_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
BATCHES = 12
STEPS_A_BATCH = 200


class Recorded(Alone):
    """The oracle's events, and what a router would say of its instruments, as a stream for the batcher."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = Stream()
        self.consumer = Orders()
        self.stream.now_ns = self.now_ns
        for number, name in ((BTC, b"BTC"), (USDT, b"USDT")):
            self.stream.emit(0, AssetDefined, asset=number, name=name, scale=8)

    def heard(self, events: list[Event], command: Command) -> None:
        self.stream.seq = self.seq
        self.stream.now_ns = self.now_ns
        if isinstance(command, Instrument):
            symbol = b"I%d" % command.instrument
            self.stream.emit(0, InstrumentDefined, instrument=command.instrument, symbol=symbol, **terms_of(command))
        for event in events:
            self.consumer.apply(event)
            self.stream.rings[1].append(stamped(pack(event)))


REPORTS = """
    SELECT o.order_id, o.state, o.end_reason, o.cl_ord_id, (o.filled * 10000)::bigint, (o.remaining * 10000)::bigint,
        (o.price * 100)::bigint, coalesce((SELECT sum(t.price * t.quantity * 1000000)::bigint FROM trades AS t
            WHERE o.order_id IN (t.maker_order_id, t.taker_order_id)), 0)
    FROM orders AS o ORDER BY o.order_id
"""


def reports_of(consumer: Orders) -> list[tuple[Any, ...]]:
    """The same orders as an independent consumer sees them: where each stands, and what it filled at which price."""
    return [
        (
            order.order_id, order.status, order.reason or None, order.cl_ord_id.decode(), order.filled,
            0 if order.has_budget else order.leaves, order.price, order.value,
        )
        for _, order in sorted(consumer.orders.items())
    ]  # fmt: skip


def test_rows_of_random_traffic_equal_its_replay(database: str, tmp_path: Path) -> None:
    recorded = Recorded()
    traffic = Traffic(SEED, recorded, Seen())
    spool = Spool(tmp_path)
    try:
        with session(database) as opened:
            for _ in range(BATCHES):
                for _ in range(STEPS_A_BATCH):
                    traffic.step()
                spool_all(recorded.stream, spool, slots=8192)
                opened.write(batch_after(opened, spool))
        compare_all(database, recorded)
    except Exception as error:
        error.add_note(f"LOCKSTEP_FUZZ_SEED={SEED}, step {traffic.count}, record {recorded.seq}")
        raise


def compare_all(database: str, recorded: Recorded) -> None:
    report = compare(database, recorded.stream.rings.__getitem__, recorded.stream.commands)
    assert report.clean, report
    with psycopg.connect(database) as connection:
        assert connection.execute(REPORTS).fetchall() == reports_of(recorded.consumer)
        states = {state for (state,) in connection.execute("SELECT DISTINCT state FROM orders")}
        assert states >= {"WAITING", "NEW", "FILLED", "CANCELED", "EXPIRED"}
        is_open = "(end_reason IS NULL AND state <> 'FILLED')"
        odd = f"SELECT order_id FROM orders WHERE quantity < filled OR (remaining > 0) <> {is_open} AND budget IS NULL"
        assert connection.execute(odd.encode()).fetchall() == []
