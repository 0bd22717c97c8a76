"""Coalescing a batch leaves the same rows as applying each event by itself."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.adapt import Transformer
from psycopg.pq import Format

from lockstep.core.schema.records import (
    Accepted,
    Balance,
    Cancelled,
    CancelReason,
    Event,
    ExtCredentialEvent,
    ExtListNameEvent,
    OrderFlag,
    OrderState,
    Replaced,
    Restated,
    Side,
    Traded,
    Triggered,
)
from lockstep.procs.batcher.history import TRADE_COLUMNS
from lockstep.procs.batcher.order_rows import CHANGE_COLUMNS, ORDER_COLUMNS
from lockstep.procs.batcher.rows import Batch, phc
from tests.batcher.events import BTC, BTCUSDT, USDT, Stream
from tests.compiled import numeric

BOOLEAN = dict.fromkeys(("post_only", "slide", "auction"), 16)
OIDS = {"user_id": 23, "matcher": 21, **dict.fromkeys(("created", "updated", "time", "expires"), 1184), **BOOLEAN}
TEXT = {
    "symbol", "cl_ord_id", "side", "type", "time_in_force", "state", "asset", "taker_side", "end_reason", "self_trade",
    "list_kind", "list_name", "first_cl_ord_id",
}  # fmt: skip
NUMERIC = {
    "price", "quantity", "filled", "remaining", "prevented", "free", "held", "total", "maker_fee", "taker_fee",
    "stop_price", "trail", "display", "minimum", "budget",
}  # fmt: skip
TERMS = ("stop_price", "trail", "display", "expires", "end_reason")
NUMERIC_OID, TEXT_OID, BIGINT_OID = 1700, 25, 20
TICK, LOT, UNIT = Decimal("0.01"), Decimal("0.0001"), Decimal("1e-8")


def oid_of(column: str) -> int:
    if column in TEXT:
        return TEXT_OID
    return NUMERIC_OID if column in NUMERIC else OIDS.get(column, BIGINT_OID)


def rows_of(data: memoryview, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Read binary COPY data with psycopg's own loaders."""
    loaders = [Transformer().get_loader(oid_of(column), Format.BINARY) for column in columns]
    at = 19
    raw = bytes(data)
    while raw and (count := struct.unpack_from("!h", raw, at)[0]) != -1:
        assert count == len(columns)
        at += 2
        row = {}
        for column, loader in zip(columns, loaders, strict=True):
            (size,) = struct.unpack_from("!i", raw, at)
            at += 4
            row[column] = None if size < 0 else loader.load(raw[at : at + size])
            at += max(size, 0)
        yield row
    assert at + 2 >= len(raw)


def coalesced(
    stream: Stream, cuts: list[int]
) -> tuple[dict[int, dict[str, Any]], list[dict[str, Any]], dict[int, Any]]:
    """Orders, trades and balances after batches that end where `cuts` says, in events of the matcher's ring."""
    orders: dict[int, dict[str, Any]] = {}
    trades: list[dict[str, Any]] = []
    balances: dict[int, Any] = {}
    batch = Batch(10_000)
    numbers = [0] * 9
    slots = {ring: [bytes(8) + record for record in records] for ring, records in stream.rings.items()}
    bounds = sorted({0, *(cut % (len(slots[1]) + 1) for cut in cuts), len(slots[1])})
    for begin, end in pairwise(bounds):
        batch.begin(numbers, 0)
        if begin == 0:
            batch.add_bytes(0, 1, b"".join(slots[0]))
        batch.add_bytes(1, begin + 1, b"".join(slots[1][begin:end]))
        created, changed, balanced = batch.encode()
        traded = batch.history.tables()["trades"][1]
        orders.update((row["order_id"], row) for row in rows_of(created, ORDER_COLUMNS))
        for change in rows_of(changed, CHANGE_COLUMNS):
            apply_change(orders[change["order_id"]], change)
        trades += rows_of(traded, TRADE_COLUMNS)
        for row in rows_of(balanced, ("user_id", "asset", "free", "held", "total", "seq")):
            balances[row["user_id"]] = (row["asset"], row["free"], row["held"], row["total"], row["seq"])
        numbers = batch.numbers
    return orders, trades, balances


def apply_change(order: dict[str, Any], change: dict[str, Any]) -> None:
    order["filled"] += change["filled"]
    order["prevented"] += change["prevented"]
    for column in ("price", "state", "cl_ord_id", *TERMS):
        order[column] = order[column] if change[column] is None else change[column]
    for column in ("remaining", "updated", "seq"):
        order[column] = change[column]
    order["quantity"] += change["quantity"]
    if order["budget"] is not None:
        order["quantity"], order["remaining"], order["prevented"] = order["filled"], Decimal(0), Decimal(0)


def naive_orders(events: list[Event]) -> dict[int, list[Any]]:
    """By order id: client id, price, quantity, filled, remaining, state, seq, end reason and prevented quantity."""
    orders: dict[int, list[Any]] = {}
    budgets = set()
    for event in events:
        match event:
            case Accepted():
                if event.flags & OrderFlag.BUDGET:
                    budgets.add(event.order_id)
                quantity = event.quantity_lots * LOT
                price, name = event.price_ticks * TICK, event.cl_ord_id.decode()
                state = "WAITING" if event.state == OrderState.WAITING else "NEW"
                filled = prevented = Decimal(0)
                row = [name, price, quantity, filled, quantity, state, event.cause, None, prevented]
                orders[event.order_id] = row
            case Triggered():
                order = orders[event.order_id]
                order[1], order[6] = event.price_ticks * TICK, event.cause
                order[5] = order[5] if event.state == OrderState.WAITING else "TRIGGERED"
            case Restated():
                order = orders[event.order_id]
                order[2] += (event.leaves_lots - event.old_leaves_lots) * LOT
                order[8] += (event.old_leaves_lots - event.leaves_lots) * LOT
                order[4], order[6] = event.leaves_lots * LOT, event.cause
            case Traded():
                for order_id, leaves in (
                    (event.maker_order_id, event.maker_leaves_lots),
                    (event.taker_order_id, event.taker_leaves_lots),
                ):
                    order = orders[order_id]
                    order[3] += event.quantity_lots * LOT
                    order[4:7] = [leaves * LOT, "PARTIALLY_FILLED" if leaves else "FILLED", event.cause]
            case Cancelled():
                reason = CancelReason(event.reason)
                state = "EXPIRED" if reason == CancelReason.EXPIRED else "CANCELED"
                order = orders[event.order_id]
                order[4:8] = [Decimal(0), state, event.cause, reason.name]
                order[8] += event.leaves_lots * LOT * (reason == CancelReason.SELF_TRADE)
            case Replaced():
                order = orders[event.order_id]
                order[0], order[1] = event.cl_ord_id.decode(), event.price_ticks * TICK
                order[2] += (event.leaves_lots - event.old_leaves_lots) * LOT
                order[4], order[6] = event.leaves_lots * LOT, event.cause
    for order_id in budgets:  # the quantity of a budget is what it bought
        order = orders[order_id]
        order[2], order[4], order[8] = order[3], Decimal(0), Decimal(0)
    return orders


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 120), cuts=st.lists(st.integers(0, 1000), max_size=6))
def test_coalesced_batches_equal_naive_application(seed: int, steps: int, cuts: list[int]) -> None:
    stream = Stream(seed).define()
    stream.resting.append(stream.order())
    stream.steps(steps)
    orders, trades, balances = coalesced(stream, cuts)
    columns = ("cl_ord_id", "price", "quantity", "filled", "remaining", "state", "seq", "end_reason", "prevented")
    assert {number: [row[column] for column in columns] for number, row in orders.items()} == naive_orders(
        stream.events[1]
    )
    traded = [event for event in stream.events[1] if isinstance(event, Traded)]
    assert [(row["trade_id"], row["price"], row["quantity"], row["taker_side"], row["seq"]) for row in trades] == [
        (event.number, event.price_ticks * TICK, event.quantity_lots * LOT, Side(event.taker_side).name, event.cause)
        for event in traded
    ]
    assert [row["taker_fee"] for row in trades] == [event.taker_fee * UNIT for event in traded]
    last = {event.account: event for event in stream.events[0] if isinstance(event, Balance) and event.asset == USDT}
    assert balances == {
        account: ("USDT", event.free * UNIT, event.held * UNIT, (event.free + event.held) * UNIT, event.cause)
        for account, event in last.items()
    }


def test_a_lists_name_is_in_the_rows_of_its_orders_and_no_others() -> None:
    stream = Stream().define()
    for name in (b"mine", b"mine", b""):
        if name:
            stream.emit(1, ExtListNameEvent, instrument=BTCUSDT, name=name)
        stream.order()
    orders, _, _ = coalesced(stream, [])
    assert [row["list_name"] for row in orders.values()] == ["mine", "mine", None]


@given(units=st.integers(-(2**94), 2**94), scale=st.integers(0, 18))
def test_numerics_are_exact(units: int, scale: int) -> None:
    loader = Transformer().get_loader(NUMERIC_OID, Format.BINARY)
    value = loader.load(numeric(units, scale))
    assert value.as_tuple().exponent == -scale or not value
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    assert int("".join(map(str, digits))) * (-1 if sign else 1) * 10 ** (scale + exponent) == units


def test_events_that_the_database_has_are_skipped() -> None:
    stream = Stream().define().steps(30)
    slots = b"".join(bytes(8) + record for record in stream.rings[1])
    batch = Batch(1000)
    batch.listings.know_asset(BTC, b"BTC", 8)
    batch.listings.know_asset(USDT, b"USDT", 8)
    batch.listings.know_instrument(BTCUSDT, b"BTCUSDT", BTC, USDT, (1, 2), (1, 4))
    batch.begin([0, len(stream.rings[1]) - 2, *[0] * 7], 0)
    batch.add_bytes(1, 1, slots)
    assert batch.events == 2
    batch.add_bytes(1, 1, slots)
    assert batch.events == 2


def test_an_order_of_an_undefined_instrument_is_a_bug() -> None:
    stream = Stream()
    stream.order()
    batch = Batch(1000)
    batch.add_bytes(1, 1, bytes(8) + stream.rings[1][0])
    with pytest.raises(ValueError, match="instrument 1 was never defined"):
        batch.encode()


def test_hashes_are_stored_as_argon2_prints_them() -> None:
    from argon2 import extract_parameters
    from argon2.low_level import Type

    event = ExtCredentialEvent(salt=bytes(16), hash=bytes(range(32)), memory_kib=19456, time_cost=2, parallelism=1)
    parameters = extract_parameters(phc(event))
    assert (parameters.type, parameters.version, parameters.memory_cost) == (Type.ID, 19, 19456)
    assert (parameters.time_cost, parameters.parallelism) == (2, 1)
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)
