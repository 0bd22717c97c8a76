"""The book of levels, fed with the real matcher's events, has the levels of the matcher's book after every command."""

from __future__ import annotations

import random

from procs.matcher.book import Book as MatcherBook
from procs.publisher.book import Book
from shm.layout import pack
from shm.records import (
    Cancel,
    Command,
    EventType,
    ExtClientId,
    Instrument,
    NewOrder,
    OrderType,
    Replace,
    Side,
    TimeInForce,
)
from shm.ring import Ring

COMMANDS = 2000
INSTRUMENT = 1


class Matcher:
    """A real matcher's book, its events, and the levels that follow them."""

    def __init__(self) -> None:
        ring = Ring.private(1024, ["publisher"])
        self.events = ring.consumer("publisher")
        self.book = MatcherBook(ring.producer())
        self.levels = Book()
        self.seq = 0
        self.refused = 0
        self.send(
            Instrument, symbol=b"BTCUSDT", instrument=INSTRUMENT, base_asset=1, quote_asset=2, tick_mantissa=1,
            lot_mantissa=1, price_scale=2, quantity_scale=4, matcher=1, reference_price_ticks=100, unit_value=100,
            lot_units=10_000, collar_bps=500, maker_fee_ppm=0, taker_fee_ppm=0,
        )  # fmt: skip

    def send(self, command: type[Command], **values: object) -> None:
        """Sequence a command, and apply all its events."""
        self.seq += 1
        assert self.book.apply(pack(command(seq=self.seq, time_ns=self.seq, epoch=1, **values)))  # type: ignore[arg-type]
        for record in self.events.take():
            self.refused += record[4] == EventType.REJECTED
            self.levels.apply(record)
        self.levels.complete()

    def target(self, order_id: int) -> None:
        self.send(ExtClientId, orig_cl_ord_id=b"o%d" % order_id)

    def same(self) -> bool:
        bids = [level[:2] for level in self.book.depth(INSTRUMENT, Side.BUY)]
        asks = [level[:2] for level in self.book.depth(INSTRUMENT, Side.SELL)]
        return (self.levels.bids, self.levels.asks) == (bids, asks)


def random_command(matcher: Matcher, rng: random.Random) -> None:
    kind = rng.random()
    order_id = rng.randint(max(1, matcher.seq - 60), matcher.seq)
    if kind < 0.2:
        matcher.target(order_id)
        matcher.send(
            Cancel, cl_ord_id=b"c", instrument=INSTRUMENT, order_id=order_id, side=rng.choice([Side.BUY, Side.SELL])
        )
    elif kind < 0.4:
        matcher.target(order_id)
        matcher.send(
            Replace, cl_ord_id=b"r", instrument=INSTRUMENT, order_id=order_id,
            price_ticks=rng.randint(90, 110), quantity_lots=rng.randint(1, 9),
        )  # fmt: skip
    else:
        market = kind > 0.95
        matcher.send(
            NewOrder, cl_ord_id=b"o", instrument=INSTRUMENT, side=rng.choice([Side.BUY, Side.SELL]),
            ord_type=OrderType.MARKET if market else OrderType.LIMIT,
            time_in_force=TimeInForce.IOC if market or kind > 0.85 else TimeInForce.GTC,
            price_ticks=rng.randint(90, 110), quantity_lots=rng.randint(1, 9), account=rng.randint(1, 3),
        )  # fmt: skip


def test_levels_equal_the_matchers_after_every_command() -> None:
    matcher, rng = Matcher(), random.Random(5)
    for _ in range(COMMANDS):
        random_command(matcher, rng)
        matcher.levels.check()
        assert matcher.same()
    assert matcher.refused > 50
    assert matcher.book.resting > 0
