"""A book and its model side by side: every command goes to both, and every byte of every event must agree."""

from __future__ import annotations

from typing import Any

import msgspec

from procs.matcher.book import Book
from shm.layout import pack
from shm.records import (
    Cancel,
    Command,
    Event,
    ExtClientId,
    Instrument,
    NewOrder,
    OrderType,
    Replace,
    Side,
    TimeInForce,
)
from shm.ring import Ring
from tests.models import book as model
from tests.models.journal import crc32c

BTC = 1
TINY = 64


def instrument(number: int = BTC, unit_value: int = 100, lot_units: int = 10_000, **more: Any) -> Instrument:
    return Instrument(
        instrument=number, symbol=b"BTCUSDT", base_asset=1, quote_asset=2, tick_mantissa=1, lot_mantissa=1,
        price_scale=2, quantity_scale=4, reference_price_ticks=100, unit_value=unit_value, lot_units=lot_units,
        collar_bps=500, maker_fee_ppm=0, taker_fee_ppm=0, **{"matcher": 1, **more},
    )  # fmt: skip


def order(side: int, price_ticks: int, quantity_lots: int, number: int = BTC, **more: Any) -> NewOrder:
    terms = {"cl_ord_id": b"o", "ord_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "account": 7, **more}
    return NewOrder(side=side, price_ticks=price_ticks, quantity_lots=quantity_lots, instrument=number, **terms)


def buy(price_ticks: int, quantity_lots: int, number: int = BTC, **more: Any) -> NewOrder:
    return order(Side.BUY, price_ticks, quantity_lots, number, **more)


def sell(price_ticks: int, quantity_lots: int, number: int = BTC, **more: Any) -> NewOrder:
    return order(Side.SELL, price_ticks, quantity_lots, number, **more)


def cancel(order_id: int, number: int = BTC, **more: Any) -> Cancel:
    return Cancel(order_id=order_id, instrument=number, **{"cl_ord_id": b"c", "account": 7, **more})


def replace(order_id: int, price_ticks: int, quantity_lots: int, number: int = BTC, **more: Any) -> Replace:
    return Replace(
        order_id=order_id, instrument=number, price_ticks=price_ticks, quantity_lots=quantity_lots,
        **{"cl_ord_id": b"r", "account": 7, **more},
    )  # fmt: skip


def stamped(command: Command, seq: int) -> Command:
    """The command as the router would sequence it."""
    return msgspec.structs.replace(command, seq=seq, time_ns=1_000 + seq, epoch=3)


class Pair:
    """`send` returns the events, which are the same in both.

    `slots` is the size of the event ring; the book is checked after every `check_every` commands, 0 for never.
    """

    def __init__(self, slots: int = TINY, check_every: int = 1) -> None:
        self.ring = Ring.private(slots, ["test"])
        self.reader = self.ring.consumer("test")
        self.book = Book(self.ring.producer(), orders=4, levels=4)
        self.model = model.Book()
        self.check_every = check_every
        self.seq = 0
        self.waits = 0
        self.send(instrument())

    def send(self, command: Command) -> list[Event]:
        if isinstance(command, Cancel | Replace):
            self._send(ExtClientId(orig_cl_ord_id=b"id of %d" % command.order_id))
        return self._send(command)

    def _send(self, command: Command) -> list[Event]:
        self.seq += 1
        command = stamped(command, self.seq)
        expected = self.model.apply(command)
        data = pack(command)
        taken: list[bytes] = []
        while not self.book.apply(data):
            self.waits += 1
            taken += self.reader.take()
            if self.check_every == 1:
                self.book.check()
        taken += self.reader.take()
        assert [record[4:] for record in taken] == [pack(event)[4:] for event in expected]
        if self.check_every and self.seq % self.check_every == 0:
            self.book.check()
            assert all(int.from_bytes(record[:4], "little") == crc32c(record[4:]) for record in taken)
        return expected
