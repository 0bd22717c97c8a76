"""How much there may be, and what it costs: a book by itself, at sizes that a model would take minutes for."""

from __future__ import annotations

import random
import struct

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Side
from lockstep.procs.matcher.book import Book
from lockstep.shm.ring import Ring
from tests.matcher.pair import buy, cancel, instrument, sell, stamped

ORDERS = 1_000_000
LEVELS = 100_000
INSTRUMENTS = 1_000
MOST_BYTES = 128  # an order, with its part of the index and of its level
SEQ = struct.Struct("<Q")


class Feed:
    """A book whose events have no reader, and the number of commands it has carried out."""

    def __init__(self) -> None:
        self.book = Book(Ring.private(1024, []).producer())
        self.seq = 0
        self.send(pack(stamped(instrument(), 1)))

    def send(self, record: bytes) -> None:
        """The record as the next one of the log."""
        self.seq += 1
        numbered = record[:8] + SEQ.pack(self.seq) + record[16:]
        while not self.book.apply(numbered):
            pass

    def bytes_an_order(self) -> float:
        return sum(self.book.memory().values()) / self.book.resting


def test_a_million_orders_at_one_price() -> None:
    feed = Feed()
    record = pack(stamped(sell(100, 1), 1))
    for _ in range(ORDERS):
        feed.send(record)
    assert feed.bytes_an_order() <= MOST_BYTES
    assert feed.book.depth(1, Side.SELL) == [(100, ORDERS, ORDERS)]
    feed.send(pack(stamped(buy(100, ORDERS - 1), 1)))
    assert feed.book.queue(1, Side.SELL, 100) == [(1 + ORDERS, 1)]
    feed.book.check()


def test_a_hundred_thousand_levels_of_one_order_each() -> None:
    feed = Feed()
    records = [pack(stamped(buy(price, 1), 1)) for price in range(1, LEVELS + 1)]
    random.Random(7).shuffle(records)
    for record in records:
        feed.send(record)
    feed.book.check()
    assert [price for price, _, _ in feed.book.depth(1, Side.BUY)] == list(range(LEVELS, 0, -1))
    feed.send(pack(stamped(sell(1, LEVELS), 1)))
    assert feed.book.resting == 0
    feed.book.check()


def test_plain_orders_in_many_levels_take_no_more_than_they_may() -> None:
    """Five orders a price: an order of 56 bytes, its share of an index and of a level of 64."""
    feed = Feed()
    records = [pack(stamped(sell(price, 3, time_in_force=tif), 1)) for price in range(1, 20_001) for tif in (0, 1)]
    for _ in range(5):
        for record in records:
            feed.send(record)
    assert feed.bytes_an_order() <= MOST_BYTES
    assert feed.book.memory()["terms"] == 0


def test_a_thousand_instruments_of_one_matcher() -> None:
    feed = Feed()
    for number in range(2, INSTRUMENTS + 1):
        feed.send(pack(stamped(instrument(number), 1)))
    first = feed.seq + 1
    for number in range(1, INSTRUMENTS + 1):
        feed.send(pack(stamped(buy(100, number, number), 1)))
        feed.send(pack(stamped(sell(101, number, number), 1)))
    feed.book.check()
    assert feed.book.depth(INSTRUMENTS, Side.BUY) == [(100, INSTRUMENTS, 1)]
    for number in range(1, INSTRUMENTS + 1):
        feed.send(pack(stamped(cancel(first + 2 * (number - 1), number), 1)))
    assert feed.book.resting == INSTRUMENTS
    feed.book.check()
