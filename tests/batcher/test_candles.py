"""Candles follow from trades and corrections, whatever way a batch takes, and equal a slow model's."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockstep.core.schema.records import Corrected, Side, Traded
from lockstep.procs.batcher import refused, writer
from lockstep.procs.batcher.compare import compare
from lockstep.procs.batcher.database import Embedded
from lockstep.procs.batcher.spool import Spool
from lockstep.procs.batcher.writer import Session
from tests.batcher.conftest import created, migrated
from tests.batcher.events import Stream
from tests.batcher.test_spool import spool_all
from tests.batcher.test_writer import batch_after, session

LENGTHS_S = {"1s": 1, "1m": 60, "5m": 300, "1h": 3600, "1d": 86400}
TICK, LOT = Decimal("0.01"), Decimal("0.0001")  # see tests.listed
Key = tuple[str, int]  # of a candle: its interval, and its number since 1970
ROWS = """
    SELECT "interval", (extract(epoch FROM "time") * 1000000)::bigint, open, high, low, close, volume, quote_volume,
        trades, taker_buy_volume, taker_buy_quote_volume
    FROM candles WHERE symbol = 'BTCUSDT'
"""


def model(stream: Stream) -> dict[Key, tuple[Any, ...]]:
    """Candle by candle from all trades that stand."""
    corrections = {event.trade_id: event for event in stream.events[0] if isinstance(event, Corrected)}
    standing: dict[Key, list[tuple[Decimal, Decimal, bool]]] = {}
    for trade in stream.events[1]:
        if not isinstance(trade, Traded):
            continue
        correction = corrections.get(trade.number)
        if correction and not correction.new_price_ticks:
            continue
        price = (correction.new_price_ticks if correction else trade.price_ticks) * TICK
        for interval, length_s in LENGTHS_S.items():
            key = interval, trade.time_ns // 10**9 // length_s * length_s * 10**6
            standing.setdefault(key, []).append((price, trade.quantity_lots * LOT, trade.taker_side == Side.BUY))
    return {key: candle(trades) for key, trades in standing.items()}


def candle(trades: list[tuple[Decimal, Decimal, bool]]) -> tuple[Any, ...]:
    prices = [price for price, _, _ in trades]
    bought = [(price, quantity) for price, quantity, is_bought in trades if is_bought]
    return (
        prices[0], max(prices), min(prices), prices[-1], sum(quantity for _, quantity, _ in trades),
        sum(price * quantity for price, quantity, _ in trades), len(trades), sum(quantity for _, quantity in bought),
        sum(price * quantity for price, quantity in bought),
    )  # fmt: skip


def rows(database: str) -> dict[Key, tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return {(interval, time): tuple(rest) for interval, time, *rest in connection.execute(ROWS)}


@pytest.fixture
def new_databases(server: Embedded) -> Callable[[], str]:
    """Makes a database for each example."""
    return lambda: created(server.url, migrated(server.url))


def load(opened: Session, stream: Stream, spool: Spool) -> None:
    spool_all(stream, spool)
    opened.write(batch_after(opened, spool))


def test_candles_of_many_batches_equal_the_models(database: str, tmp_path: Path) -> None:
    """Seconds to days, with corrections of trades of this batch and of earlier ones, none by the longer way."""
    stream = Stream(seed=11, day_ns=400_000_000).define()
    spool = Spool(tmp_path)
    with session(database) as opened, patch.object(writer, "Staging", side_effect=AssertionError("the longer way")):
        for turn in range(12):
            stream.day_ns = (400_000_000, 0, 25_000_000_000, 7_200_000_000_000)[turn % 4]
            load(opened, stream.steps(60), spool)
            assert rows(database) == model(stream)
    assert sum(isinstance(event, Corrected) for event in stream.events[0]) > 10


def test_what_a_bust_empties_is_no_candle_any_more(database: str, tmp_path: Path) -> None:
    stream = Stream(seed=2, day_ns=3_600_000_000_000).define()
    spool = Spool(tmp_path)
    with session(database) as opened:
        while len(stream.trades) < 3:
            stream.step()
        load(opened, stream, spool)
        before = len(rows(database))
        while stream.trades:
            with patch.object(stream, "random") as chance:
                chance.randrange.return_value, chance.random.return_value = 0, 1.0  # undo it
                stream.correct()
        load(opened, stream, spool)
    assert before > len(rows(database)) == len(model(stream))


def test_a_correction_that_is_loaded_before_its_trade_counts(database: str, tmp_path: Path) -> None:
    """The router's ring may be loaded ahead of the matcher's."""
    stream = Stream(seed=21, day_ns=1_000_000_000).define().steps(400)
    trades = stream.rings[1]
    spool = Spool(tmp_path)
    with session(database) as opened:
        for end in range(0, len(trades) + 50, 50):
            stream.rings[1] = trades[:end]
            load(opened, stream, spool)
        while opened.make_missing():
            pass
    assert rows(database) == model(stream)
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6), slow=st.booleans())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cut_into_batches_makes_the_same(
    new_databases: Callable[[], str], seed: int, sizes: list[int], slow: bool
) -> None:
    database = new_databases()
    stream = Stream(seed=seed, day_ns=seed % 7 * 300_000_000).define()
    with tempfile.TemporaryDirectory() as folder, session(database) as opened:
        spool = Spool(Path(folder))
        opened.has_refused = slow  # then each batch takes the longer way
        for size in sizes:
            load(opened, stream.steps(size), spool)
        while opened.make_missing():
            pass
    assert rows(database) == model(stream)
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


def test_trades_that_were_set_aside_are_in_their_candles_once_they_are_loaded(database: str, tmp_path: Path) -> None:
    stream = Stream(seed=6, day_ns=20_000_000).define().steps(200)
    spool = Spool(tmp_path)
    with psycopg.connect(database, autocommit=True) as connection, session(database) as opened:
        connection.execute("ALTER TABLE trades ADD CONSTRAINT odd CHECK (trade_id % 3 <> 1) NOT VALID")
        connection.execute("ALTER TABLE candles ADD CONSTRAINT odd CHECK (trades < 30) NOT VALID")
        load(opened, stream, spool)
        assert rows(database) != model(stream)
        for table in ("trades", "candles"):
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT odd".encode())
        assert refused.load(connection).left == {}
        opened.has_refused = False
        load(opened, stream.steps(20), spool)
        while opened.make_missing():
            pass
    assert rows(database) == model(stream)
    assert compare(database, stream.rings.__getitem__, stream.commands).clean
