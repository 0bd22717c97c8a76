"""What is derived from rows: positions at average cost, in whole units, corrections included; an instrument's phase."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lockstep.core.schema.records import Corrected, Phase, PhaseChanged, Side, Traded
from lockstep.procs.batcher.spool import Spool
from tests.batcher.events import ACCOUNTS, BTCUSDT, Stream
from tests.batcher.test_spool import spool_all
from tests.batcher.test_writer import batch_after, session
from tests.models.position import Position

# One lot is 10,000 units of BTC, one tick times one lot 100 of USDT: see Stream.define.
LOT_UNITS, UNIT_VALUE = 10_000, 100
UNIT = Decimal("1e-8")


def positions_of(stream: Stream) -> dict[int, Position]:
    corrections = {event.trade_id: event for event in stream.events[0] if isinstance(event, Corrected)}
    found: dict[int, Position] = {}
    for trade in stream.events[1]:
        if not isinstance(trade, Traded):
            continue
        correction = corrections.get(trade.number)
        if correction and not correction.new_price_ticks:
            continue
        price = correction.new_price_ticks if correction else trade.price_ticks
        value = price * trade.quantity_lots * UNIT_VALUE
        buys = trade.taker_side == Side.BUY
        sides = [(trade.taker_account, trade.taker_fee), (trade.maker_account, trade.maker_fee)]
        (buyer, buyer_fee), (seller, seller_fee) = sides if buys else sides[::-1]
        bought = trade.quantity_lots * LOT_UNITS
        found.setdefault(buyer, Position()).fill(bought - buyer_fee, value)
        found.setdefault(seller, Position()).fill(-bought, value - seller_fee)
    return found


@pytest.fixture
def loaded(database: str, tmp_path: Path) -> Stream:
    stream = Stream(seed=9).define()
    spool = Spool(tmp_path)
    with session(database) as opened:
        for _ in range(3):
            stream.steps(150)
            spool_all(stream, spool)
            opened.write(batch_after(opened, spool))
    return stream


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def test_positions_are_exact(database: str, loaded: Stream) -> None:
    expected = positions_of(loaded)
    assert sum(isinstance(event, Corrected) for event in loaded.events[0]) > 3
    rows = ask(database, "SELECT user_id, quantity, cost, realised, average_cost FROM positions ORDER BY user_id")
    assert [row[:4] for row in rows] == [
        (account, p.quantity * UNIT, p.cost * UNIT, p.realised * UNIT) for account, p in sorted(expected.items())
    ]
    for _, quantity, cost, _, average in rows:
        assert abs(average * quantity - cost) < Decimal("1e-6")
    assert {row[0] for row in rows} <= set(ACCOUNTS)


@pytest.mark.usefixtures("loaded")
def test_one_users_position_is_found_by_index(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute("EXPLAIN SELECT * FROM positions WHERE user_id = 2").fetchall()
    text = "\n".join(line for (line,) in plan)
    assert "maker_user_id = 2" in text
    assert "taker_user_id = 2" in text
    assert "Seq Scan on trades" not in text


def test_settled_trades_have_what_a_correction_left(database: str, loaded: Stream) -> None:
    corrections = [event for event in loaded.events[0] if isinstance(event, Corrected)]
    rows = ask(
        database,
        "SELECT trade_id, price, original_price, is_busted, buyer_id, seller_id, buyer_fee FROM settled_trades",
    )
    by_id = {row[0]: row[1:] for row in rows}
    for event in corrections:
        price = Decimal(event.new_price_ticks or event.price_ticks) / 100
        assert by_id[event.trade_id] == (
            price, Decimal(event.price_ticks) / 100, not event.new_price_ticks, event.buyer, event.seller,
            event.buyer_fee * UNIT,
        )  # fmt: skip
    assert sum(row[2] for row in by_id.values()) == sum(not event.new_price_ticks for event in corrections)


def test_an_instrument_has_its_last_phase_and_begins_in_continuous(database: str, tmp_path: Path) -> None:
    stream = Stream(seed=1).define()
    spool = Spool(tmp_path)
    with session(database) as opened:
        spool_all(stream, spool)
        opened.write(batch_after(opened, spool))
        assert ask(database, "SELECT instrument, symbol, phase, since FROM current_phases") == [
            (BTCUSDT, "BTCUSDT", "CONTINUOUS", None)
        ]
        for _ in range(5):
            stream.phase()
        spool_all(stream, spool)
        opened.write(batch_after(opened, spool))
    last = next(event for event in reversed(stream.events[1]) if isinstance(event, PhaseChanged))
    assert ask(database, "SELECT phase FROM current_phases") == [(Phase(last.phase).name,)]


def test_no_scale_loses_a_digit(database: str) -> None:
    query = "SELECT share(12345678901234567890.123456789012345678, 1, 1, 1e-18)"
    assert ask(database, query) == [(Decimal("12345678901234567890.123456789012345678"),)]
    assert ask(database, "SELECT share(-2, 1, 3, 1e-8), share(2, 1, 3, 1)") == [(Decimal("-0.66666666"), Decimal(0))]
