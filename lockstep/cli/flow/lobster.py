"""Turns a raw LOBSTER message file into commands, as far as it determines them.

What the file only implies (orders that rested before its first message, quantity that appears at the deepest published
level) is supplied from the book file under names of its own; hidden executions and halts change no visible book.

Message: time (s), type, order id, size, price (dollars x 10,000), direction (1 a buy limit order, -1 a sell).
Types: 1 submission, 2 partial cancellation, 3 deletion, 4 execution of a visible order, 5 of a hidden one, 7 halt.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from lockstep.cli.flow.commands import PRICE_UNITS_PER_TICK, Flow, FlowError, Level, open_text

SUBMISSION, REDUCTION, DELETION, EXECUTION, HIDDEN_EXECUTION, CROSS, HALT = range(1, 8)


@dataclass(frozen=True)
class Message:
    """One line of a message file, with its 0-based row."""

    row: int
    time: str
    kind: int
    order: str
    size: int
    price_ticks: int
    buy: bool


def is_message_file(path: Path) -> bool:
    """Whether the first line looks like LOBSTER's: six numbers, the first with decimals."""
    with open_text(path) as file:
        parts = file.readline().split(",")
    return len(parts) == 6 and "." in parts[0]


def read(path: Path, books: list[tuple[list[Level], list[Level]]]) -> Flow:
    """The commands of a message file. FlowError names a line that can't be read, or that the book file is too short."""
    messages = _messages(path)
    if len(books) < len(messages):
        raise FlowError(f"the book file has {len(books)} rows for {len(messages)} messages: it belongs to another file")
    return _Converter(messages, books).convert()


def _messages(path: Path) -> list[Message]:
    messages = []
    with open_text(path) as file:
        for row, line in enumerate(file):
            try:
                time, kind, order, size, price, direction = line.strip().split(",")[:6]
                price_ticks = int(price) // PRICE_UNITS_PER_TICK
                messages.append(Message(row, time, int(kind), order, int(size), price_ticks, direction == "1"))
            except ValueError as error:
                raise FlowError(f"{path}, line {row + 1}: {line.strip()!r} is no LOBSTER message: {error}") from None
    return messages


class _Converter:
    """Keeps the visible book as quantities by order, to know what the file leaves unsaid."""

    def __init__(self, messages: list[Message], books: list[tuple[list[Level], list[Level]]]) -> None:
        self._messages = messages
        self._books = books
        self._flow = Flow()
        self._left: dict[str, int] = {}  # order -> quantity still in the book
        self._place: dict[str, tuple[bool, int]] = {}  # order -> side and price
        self._levels: dict[tuple[bool, int], dict[str, int]] = defaultdict(dict)  # orders of a level, oldest first
        self._supplied = 0

    def convert(self) -> Flow:
        self._seed()
        for _, same in groupby(self._messages, key=lambda m: (m.time, m.kind, m.buy) if m.kind == EXECUTION else m.row):
            run = list(same)
            if run[0].kind == EXECUTION:
                self._execute(run)
            else:
                self._apply(run[0])
            last = run[-1].row
            self._supply(last)
            self._flow.check(last)
        return self._flow

    def _seed(self) -> None:
        """Orders that the file touches but never submits, then what else the first row shows."""
        submitted: set[str] = set()
        missing: dict[str, list[Message]] = defaultdict(list)
        for message in self._messages:
            if message.kind == SUBMISSION:
                submitted.add(message.order)
            elif message.kind in (REDUCTION, DELETION, EXECUTION) and message.order not in submitted:
                missing[message.order].append(message)
        for order, touches in missing.items():
            size = sum(message.size for message in touches)
            self._submit(order, touches[0].buy, touches[0].price_ticks, size)
        first = self._messages[0] if self._messages else None
        if first is None or first.kind != SUBMISSION:
            return
        for buy, side in ((True, self._books[0][0]), (False, self._books[0][1])):
            for price, quantity in side:
                own = first.size if (first.buy, first.price_ticks) == (buy, price) else 0
                self._top_up(buy, price, quantity - own)

    def _apply(self, message: Message) -> None:
        if message.kind == SUBMISSION:
            self._submit(message.order, message.buy, message.price_ticks, message.size)
        elif message.kind == REDUCTION:
            self._take_off(message.order, message.size)
        elif message.kind == DELETION:
            self._take_off(message.order, self._left.get(message.order, 0))

    def _execute(self, run: list[Message]) -> None:
        """Executions of one moment and side are one incoming order: it takes them all and leaves nothing."""
        buy = not run[0].buy
        worst = max(m.price_ticks for m in run) if buy else min(m.price_ticks for m in run)
        size = sum(message.size for message in run)
        self._flow.submit(f"taker-{run[0].row}", buy, worst, size, immediate=True)
        for message in run:
            self._forget(message.order, message.size)

    def _supply(self, row: int) -> None:
        """Quantity that the deepest published level reveals or hides without a message."""
        for buy, side in ((True, self._books[row][0]), (False, self._books[row][1])):
            if not side:
                continue
            price, quantity = side[-1]
            shown = {level for level, _ in side}
            for place in [p for p in self._levels if p[0] == buy and p[1] not in shown and _better(buy, p[1], price)]:
                for order in list(self._levels[place]):
                    self._take_off(order, self._left[order])
            self._top_up(buy, price, quantity)

    def _top_up(self, buy: bool, price_ticks: int, quantity: int) -> None:
        level = self._levels[(buy, price_ticks)]
        lack = quantity - sum(level.values())
        if lack > 0:
            self._supplied += 1
            self._submit(f"supplied-{self._supplied}", buy, price_ticks, lack)
        for order in list(reversed(level)):
            if lack >= 0:
                return
            if order.startswith("supplied-"):
                cut = min(-lack, level[order])
                self._take_off(order, cut)
                lack += cut

    def _submit(self, order: str, buy: bool, price_ticks: int, size: int) -> None:
        if size <= 0:
            return
        self._flow.submit(order, buy, price_ticks, size)
        self._left[order] = size
        self._place[order] = (buy, price_ticks)
        self._levels[(buy, price_ticks)][order] = size

    def _take_off(self, order: str, size: int) -> None:
        left = self._left.get(order, 0)
        if left <= 0:
            return
        if size >= left:
            self._flow.cancel(order)
        else:
            self._flow.reduce(order, size)
        self._forget(order, size)

    def _forget(self, order: str, size: int) -> None:
        left = self._left.get(order, 0) - size
        if order not in self._place:
            return
        level = self._levels[self._place[order]]
        if left > 0:
            self._left[order] = level[order] = left
            return
        self._left.pop(order, None)
        level.pop(order, None)
        if not level:
            del self._levels[self._place[order]]
        del self._place[order]


def _better(buy: bool, price: int, than: int) -> bool:
    return price > than if buy else price < than
