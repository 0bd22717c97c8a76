"""A venue for the publisher's tests: the model of the matcher between short commands and real rings.

What the model never tells is said by `command` and `tell`. It holds no balances.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    Cancel,
    Command,
    EpochBegun,
    Event,
    Instrument,
    InstrumentDefined,
    NewOrder,
    OrderType,
    Replace,
    SelfTrade,
    Side,
    SnapshotTaken,
    TimeInForce,
)
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Consumer
from tests.event_feed import ROUTER, EventFeed, History
from tests.listed import TERMS
from tests.models.book import Book

CAPACITY = 65536
MATCHER = 1
BUY, SELL = Side.BUY, Side.SELL
START_NS = 1_700_000_000_000_000_000


@dataclass
class Exchange:
    """Orders in, events out. Prices in ticks, quantities in lots; every method is one command and returns its cause."""

    book: Book = field(default_factory=Book)
    history: History = field(default_factory=lambda: {ROUTER: [], MATCHER: []})  # all that was published
    records: list[bytes] = field(default_factory=list)  # of the last command
    cause: int = 0
    release: bool = True  # commit each command at once
    emitting: bool = True  # publish events at once; else the test does, from `records`

    def __post_init__(self) -> None:
        self.feed = EventFeed(self.history, "publisher", slots=CAPACITY)

    @property
    def board(self) -> Board:
        return self.feed.board

    @property
    def number(self) -> int:
        """Of the matcher's last event."""
        return self.book.voice.number

    def consumers(self) -> tuple[Consumer, Consumer]:
        return self.feed.consumers[ROUTER], self.feed.consumers[MATCHER]

    def emitted_again(self, behind: tuple[int, int] = (0, 0)) -> dict[int, Consumer]:
        """The ends of new rings with all events after these numbers."""
        again = EventFeed(self.history, "publisher", slots=CAPACITY, behind=behind)
        again.publish()
        return again.consumers

    def snapshot(self, *, wanted: bool = True) -> int:
        """A mark; returns its sequence."""
        seq = self._begin()
        if wanted:
            self.board.set(Word.SNAPSHOT_SEQ, seq)
        self._define(SnapshotTaken, event_numbers=(self.number, *[0] * 7))
        return self._end()

    def list_instrument(self, instrument: int = 1, symbol: bytes = b"BTCUSDT", **changed: Any) -> None:
        self.tell(InstrumentDefined, symbol=symbol, instrument=instrument, **TERMS | changed)

    def lead(self) -> None:
        """The router leads: from here on consumers serve."""
        self.tell(EpochBegun, rules_version=1, members=1, boot_id=b"")
        self.board.set(Word.READY_EVENT, len(self.history[ROUTER]))
        self.board.set(Word.EPOCH, 1)

    def new(
        self,
        side: int,
        price: int,
        lots: int,
        *,
        instrument: int = 1,
        ord_type: int = OrderType.LIMIT,
        tif: int = TimeInForce.GTC,
    ) -> int:
        return self._apply(
            NewOrder, instrument=instrument, side=side, price_ticks=price, quantity_lots=lots, ord_type=ord_type,
            time_in_force=tif, stp=SelfTrade.NONE,
        )  # fmt: skip

    def cancel(self, order_id: int) -> int:
        return self._apply(Cancel, instrument=1, order_id=order_id)

    def replace(self, order_id: int, price: int, leaves: int) -> int:
        order = self.book.listings[1].orders.get(order_id) if 1 in self.book.listings else None
        filled = 0 if order is None else order.filled_lots
        return self._apply(Replace, instrument=1, order_id=order_id, price_ticks=price, quantity_lots=leaves + filled)

    @property
    def orders(self) -> list[int]:
        """The ids of open orders of instrument 1, the oldest first."""
        return list(self.book.listings[1].orders) if 1 in self.book.listings else []

    def side(self, side: int) -> list[tuple[int, int]]:
        """The levels of one side of instrument 1, best first: the oracle."""
        return self.book.shown(1, side) if 1 in self.book.listings else []

    def put(self, record: bytes) -> None:
        """Publish an event of the matcher."""
        self.history[MATCHER].append(record)
        self.feed.publish_to(MATCHER)

    def release_all(self) -> None:
        """Commit everything. What the test itself publishes, the matcher has done when `finish` says so."""
        self.feed.release(self.cause)
        self.feed.done(self.cause if self.emitting else self.cause - 1)

    def finish(self) -> None:
        """The matcher has done the last command."""
        self.feed.done(self.cause)

    def command(self, *events: tuple[type[Event], dict[str, Any]]) -> int:
        """One command of the matcher with exactly these events."""
        self._begin()
        self.book.voice.begin(Command(seq=self.cause, time_ns=self._time_ns()))
        for event, values in events:
            self.book.voice.instrument = values.get("instrument", 1)
            self.book.voice.say(event, **{name: value for name, value in values.items() if name != "instrument"})
        return self._emit(self.book.voice.events)

    def tell(self, event: type[Event], **values: Any) -> None:
        """One command with one event of the router."""
        self._begin()
        self._define(event, **values)
        self._end()

    def _apply(self, command: type[Any], **fields: Any) -> int:
        self._begin()
        instrument = fields["instrument"]
        if instrument not in self.book.listings:  # whether the publisher has heard of it is another question
            self.book.apply(Instrument(instrument=instrument, symbol=b"", **TERMS))
        made = command(
            seq=self.cause, time_ns=self._time_ns(), account=1, session=1, cl_ord_id=b"c%d" % self.cause, **fields
        )
        return self._emit(self.book.apply(made))

    def _time_ns(self) -> int:
        return START_NS + self.cause * 1_000_000 + 345_678

    def _begin(self) -> int:
        self.cause += 1
        self.records = []
        return self.cause

    def _emit(self, events: list[Event]) -> int:
        self.records = [pack(event) for event in events]
        if self.emitting:
            for record in self.records:
                self.put(record)
        return self._end()

    def _end(self) -> int:
        if self.release:
            self.release_all()
        return self.cause

    def _define(self, event: type[Event], **values: Any) -> None:
        self.history[ROUTER].append(pack(event(number=len(self.history[ROUTER]) + 1, cause=self.cause, **values)))
        self.feed.publish_to(ROUTER)
