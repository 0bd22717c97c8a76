"""Plays order → event scripts through a matcher's book: what a trader would write on a napkin, checked line by line.

It knows the script's words and the book's records, and no rule of matching: the scripts state those.

A script is lines; what follows # is a remark::

    ann buys 5 @ 100                    a limit order; its first event, `accepted`, is understood
    ann's a1 buys 5 @ 100               the same with a name, for a later cancel or replace (else its name is `ann`)
    bob sells 5 @ 100 ioc               what can't trade at once is cancelled
    bob sells 5 at market collar 95     market = IOC at the collar
    cancel a1
    replace a1 3 @ 100                  3 is the whole quantity, what is filled included
      -> bob trades 2 @ 100 with a1     lines with an arrow: all events of the order above them, in order
      -> a1 cancelled 3                 the quantity that was taken off
      -> a1 replaced 3 @ 100 kept       or `lost`: its place in the queue
      -> a1 refused ORDER_CLOSED
    book 100: a1 3, ann 5               the queue at a price, in time priority; nothing after the colon: no such price
"""

from __future__ import annotations

import re

from procs.matcher.book import Book
from shm.layout import pack, unpack_event
from shm.records import (
    Accepted,
    Cancelled,
    Code,
    Command,
    Event,
    ExtClientId,
    OrderType,
    Rejected,
    Replaced,
    Side,
    TimeInForce,
    Traded,
)
from shm.ring import Ring
from tests.matcher.pair import BTC, cancel, instrument, order, replace, stamped

ORDER = re.compile(
    r"(?:\w+'s )?(?P<name>\w+) (?P<verb>buys|sells) (?P<lots>\d+)"
    r"(?: @ (?P<limit>\d+)(?P<ioc> ioc)?| at market collar (?P<collar>\d+))"
)
CANCEL = re.compile(r"cancel (?P<name>\w+)")
REPLACE = re.compile(r"replace (?P<name>\w+) (?P<lots>\d+) @ (?P<price>\d+)")
QUEUE = re.compile(r"book (?P<price>\d+):(?P<orders>.*)")


class Script:
    """One script and the book it plays on."""

    def __init__(self) -> None:
        ring = Ring.private(256, ["script"])
        self.reader = ring.consumer("script")
        self.book = Book(ring.producer())
        self.seq = 0
        self.ids: dict[str, int] = {}
        self.names: dict[int, str] = {}
        self.send(instrument())

    def play(self, text: str) -> None:
        """AssertionError, naming the line, where an event or a queue is not as the script says."""
        expected: list[str] = []
        actual: list[str] = []
        asked = ""
        for number, raw in enumerate([*text.splitlines(), "end"], 1):
            line = raw.partition("#")[0].strip()
            if line.startswith("->"):
                expected.append(line[2:].strip())
            elif line:
                assert actual == expected, f"before line {number}, {asked!r} gave {actual}, not {expected}"
                asked, expected, actual = line, [], []
                if line != "end":
                    actual = self.step(line, number)

    def step(self, line: str, number: int) -> list[str]:
        if match := QUEUE.fullmatch(line):
            self.compare_queue(match, number)
            return []
        if match := CANCEL.fullmatch(line):
            return self.on_order(cancel(self.ids[match["name"]]))
        if match := REPLACE.fullmatch(line):
            return self.on_order(replace(self.ids[match["name"]], int(match["price"]), int(match["lots"])))
        match = ORDER.fullmatch(line)
        assert match, f"line {number} is no order, request or book: {line!r}"
        self.ids[match["name"]] = self.seq + 1
        self.names[self.seq + 1] = match["name"]
        may_rest = match["limit"] and not match["ioc"]
        entered = order(
            Side.BUY if match["verb"] == "buys" else Side.SELL,
            int(match["limit"] or match["collar"]),
            int(match["lots"]),
            ord_type=OrderType.LIMIT if match["limit"] else OrderType.MARKET,
            time_in_force=TimeInForce.GTC if may_rest else TimeInForce.IOC,
        )
        return self.send(entered)

    def compare_queue(self, match: re.Match[str], number: int) -> None:
        price = int(match["price"])
        rows = self.book.queue(BTC, Side.BUY, price) or self.book.queue(BTC, Side.SELL, price)
        actual = ", ".join(f"{self.names[order_id]} {lots}" for order_id, lots in rows)
        assert actual == match["orders"].strip(), f"line {number}: at {price} stands {actual or 'nothing'}"

    def on_order(self, command: Command) -> list[str]:
        self.send(ExtClientId(orig_cl_ord_id=b""))
        return self.send(command)

    def send(self, command: Command) -> list[str]:
        self.seq += 1
        assert self.book.apply(pack(stamped(command, self.seq)))
        self.book.check()
        texts = (self.tell(unpack_event(record)) for record in self.reader.take())
        return [text for text in texts if text]

    def tell(self, event: Event) -> str:
        """The event in the script's words; nothing for what is understood."""
        match event:
            case Accepted():
                return ""
            case Traded():
                maker, taker = self.names[event.maker_order_id], self.names[event.taker_order_id]
                return f"{taker} trades {event.quantity_lots} @ {event.price_ticks} with {maker}"
            case Cancelled():
                return f"{self.names[event.order_id]} cancelled {event.leaves_lots}"
            case Replaced():
                place = "kept" if event.kept_priority else "lost"
                return f"{self.names[event.order_id]} replaced {event.leaves_lots} @ {event.price_ticks} {place}"
            case Rejected():
                return f"{self.names[event.order_id]} refused {Code(event.code).name}"
            case _:
                return ""
