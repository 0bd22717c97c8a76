"""A book and its model side by side: every command goes to both, and every byte of every event must agree.

It makes the log that a router would have written; it knows no rule.
"""

from __future__ import annotations

from collections.abc import Collection
from random import Random
from typing import Any

import msgspec

from lockstep.core.schema.layout import pack, unpack_event
from lockstep.core.schema.records import (
    Cancel,
    Command,
    Event,
    ExtLeg,
    ExtListName,
    ExtTerms,
    Instrument,
    Limits,
    NewOrder,
    OrderFlag,
    OrderType,
    Replace,
    Side,
    Tick,
    TimeInForce,
)
from lockstep.procs.matcher.book import Book
from lockstep.procs.matcher.matcher import Matcher
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Ring
from tests.listed import TERMS
from tests.models import book as model
from tests.models.journal import crc32c
from tests.models.whole import check
from tests.naming import meaning

BTC = 1
TINY = 64
MATCHER_DUE = 32  # WORD_MATCHER_DUE of lockstep/shm/board.pxd, for matcher 1
START_NS = 9 * 3600 * 10**9  # nine in the morning


def instrument(number: int = BTC, unit_value: int = 100, lot_units: int = 10_000, **more: Any) -> Instrument:
    own = {"unit_value": unit_value, "lot_units": lot_units, "reference_price_ticks": 100}
    return Instrument(instrument=number, symbol=b"BTCUSDT", **TERMS | own | more)


def limits(number: int = BTC, **more: Any) -> Limits:
    none: dict[str, Any] = {
        "volatility_auction_ms": 0, "day_end_s": 0, "static_band_bps": 0, "dynamic_band_bps": 0, "band_action": 0,
        "max_quantity_lots": 0, "max_value": 0,
    }  # fmt: skip
    return Limits(instrument=number, **{**none, **more})


def order(side: int, price_ticks: int, quantity_lots: int, number: int = BTC, **more: Any) -> NewOrder:
    terms = {"cl_ord_id": b"o", "ord_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "account": 7, **more}
    return NewOrder(side=side, price_ticks=price_ticks, quantity_lots=quantity_lots, instrument=number, **terms)


def buy(price_ticks: int, quantity_lots: int, number: int = BTC, **more: Any) -> NewOrder:
    return order(Side.BUY, price_ticks, quantity_lots, number, **more)


def sell(price_ticks: int, quantity_lots: int, number: int = BTC, **more: Any) -> NewOrder:
    return order(Side.SELL, price_ticks, quantity_lots, number, **more)


def leg(of: NewOrder, list_kind: int) -> ExtLeg:
    """The order as the second one of a list."""
    shared = {name: getattr(of, name) for name in NewOrder.__struct_fields__ if name != "verdict"}
    return ExtLeg(**shared, list_kind=list_kind)


def cancel(order_id: int, number: int = BTC, **more: Any) -> Cancel:
    return Cancel(order_id=order_id, instrument=number, **{"cl_ord_id": b"c", "account": 7, **more})


def replace(order_id: int, price_ticks: int, quantity_lots: int, number: int = BTC, **more: Any) -> Replace:
    return Replace(
        order_id=order_id, instrument=number, price_ticks=price_ticks, quantity_lots=quantity_lots,
        **{"cl_ord_id": b"r", "account": 7, **more},
    )  # fmt: skip


def stamped(command: Command, seq: int, time_ns: int = 0) -> Command:
    """The command as the router would sequence it."""
    return msgspec.structs.replace(command, seq=seq, time_ns=time_ns or 1_000 + seq, epoch=3)


def with_flag(command: Any, flag: int) -> Any:
    return msgspec.structs.replace(command, flags=command.flags | flag)


def group(
    command: Command,
    terms: ExtTerms | None = None,
    second: ExtLeg | None = None,
    its_terms: ExtTerms | None = None,
    list_name: bytes = b"",
) -> list[Command]:
    """The records of one command as they lie in the log, extensions first, with the flags that announce them."""
    records: list[Command] = []
    if list_name:
        records.append(ExtListName(name=list_name))
        command = with_flag(command, OrderFlag.LIST_NAME)
    if second is not None:
        if its_terms is not None:
            records.append(its_terms)
            second = with_flag(second, OrderFlag.TERMS)
        records.append(second)
        command = with_flag(command, OrderFlag.LIST)
    if terms is not None:
        records.append(terms)
        command = with_flag(command, OrderFlag.TERMS)
    if isinstance(command, Cancel | Replace):
        return [*records, *meaning(command, b"id of %d" % command.order_id)]
    return [*records, command]


class Alone:
    """The model by itself. `send` returns the events of a command; its clock is `now_ns`, the next command's time."""

    def __init__(self) -> None:
        self.model = model.Book()
        self.seq = 0
        self.now_ns = START_NS

    def send(
        self,
        command: Command,
        terms: ExtTerms | None = None,
        second: ExtLeg | None = None,
        its_terms: ExtTerms | None = None,
        list_name: bytes = b"",
    ) -> list[Event]:
        events: list[Event] = []
        for record in group(command, terms, second, its_terms, list_name):
            self.seq += 1
            events += self.apply(stamped(record, self.seq, self.now_ns))
        self.now_ns += 1
        self.heard(events, command)
        return events

    def heard(self, events: list[Event], command: Command) -> None:
        """A command's events are complete: for those who make something of them."""

    def apply(self, command: Command) -> list[Event]:
        return self.model.apply(command)


class Pair(Alone):
    """`send` returns the events, which are the same in both.

    `slots` is the size of the event ring; the book is checked after every `check_every` commands, 0 for never.
    `voided` are records of the log that an operator took out.
    """

    def __init__(self, slots: int = TINY, check_every: int = 1, voided: Collection[int] = ()) -> None:
        super().__init__()
        self.ring = Ring.private(slots, ["test"])
        self.reader = self.ring.consumer("test")
        self.model.voided = voided
        self.book = Book(self.ring.producer(), orders=4, levels=4, voided=dict.fromkeys(voided, 0))
        self.check_every = check_every
        self.waits = 0
        self.send(instrument())

    def apply(self, command: Command) -> list[Event]:
        expected = super().apply(command)
        data = pack(command)
        taken: list[bytes] = []
        while not self.book.apply(data):
            self.waits += 1
            taken += self.reader.take()
            if self.check_every == 1:
                self.book.check()
        taken += self.reader.take()
        if [record[4:] for record in taken] != [pack(event)[4:] for event in expected]:
            raise AssertionError(difference(command, taken, expected))
        if self.check_every and self.seq % self.check_every == 0:
            self.book.check()
            compare_due(self.book.due_ns, self.model.due_ns, command)
            assert all(int.from_bytes(record[:4], "little") == crc32c(record[4:]) for record in taken)
        return expected


def compare_books(pair: Pair) -> None:
    """AssertionError if what stands in the book is not what stands in the model, price by price, order by order."""
    for number, listing in pair.model.listings.items():
        check(listing)
        for side in Side:
            depth = pair.model.depth(number, side)
            assert pair.book.depth(number, side) == depth
            assert pair.book.shown(number, side) == pair.model.shown(number, side)
            for price, _, _ in depth:
                assert pair.book.queue(number, side, price) == pair.model.queue(number, side, price)


class ThroughRings(Alone):
    """The whole matcher between a log ring and an event ring, taking commands in batches of any size.

    `settle` carries out what is under way and compares; a difference is in one of the last batch's commands.
    """

    def __init__(self, batches: Random, slots: int = TINY) -> None:
        super().__init__()
        self.batches = batches
        self.log = Ring.private(1024, ["matcher.1"])
        self.events = Ring.private(slots, ["test"])
        self.board = Board.private()
        self.producer = self.log.producer()
        self.reader = self.events.consumer("test")
        self.matcher = Matcher(1, self.log.consumer("matcher.1"), self.events.producer(), self.board)
        self.expected: list[Event] = []
        self.under_way: list[Command] = []

    def apply(self, command: Command) -> list[Event]:
        events = super().apply(command)
        self.producer.put(pack(command))
        self.under_way.append(command)
        self.expected += events
        if self.batches.random() < 0.02 or len(self.under_way) > 500:
            self.settle()
        return events

    def settle(self) -> None:
        if not self.under_way:
            return
        taken: list[bytes] = []
        while self.board.get(Word.MATCHER_DONE) < self.seq or self.events.published > self.reader.next - 1:
            self.matcher.step(self.now_ns)
            taken += self.reader.take()
        if [record[4:] for record in taken] != [pack(event)[4:] for event in self.expected]:
            raise AssertionError(difference(self.under_way[-1], taken, self.expected))
        compare_due(self.board.get(MATCHER_DUE), self.model.due_ns, self.under_way[-1])
        self.matcher.book.check()
        self.under_way, self.expected = [], []


def compare_due(due_ns: int, model_ns: int, command: Command) -> None:
    """The matcher may ask for a tick too early, never too late, and not for ever after it had one."""
    if model_ns:
        assert 0 < due_ns <= model_ns, f"a tick is due at {model_ns}, not {due_ns}: {command}"
    if isinstance(command, Tick) and not 0 < model_ns <= command.time_ns:
        assert not 0 < due_ns <= command.time_ns, f"after a tick at {command.time_ns} it wants one at {due_ns}"


def difference(command: Command, taken: list[bytes], expected: list[Event]) -> str:
    """What a reader needs to judge who is right: the command, and both lists of events from where they part."""
    wanted = [told(event) for event in expected]
    got = [told(unpack_event(record)) for record in taken]
    agree = next((i for i, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b), min(len(wanted), len(got)))
    rows = [told(command), f"the first {agree} events agree, then the model has"]
    return "\n  ".join([*rows, *wanted[agree : agree + 6], "and the book", *got[agree : agree + 6]])


def told(record: Event | Command) -> str:
    """A record without its header's constants, and without what is empty."""
    header = ("crc", "type", "version", "time_ns", "epoch", "cause")
    fields = [name for name in record.__struct_fields__ if name not in header and not name.startswith("reserved")]
    return " ".join(
        [type(record).__name__, *(f"{name}={value}" for name in fields if (value := getattr(record, name)))]
    )
