"""Reads order flow: a command file, or a raw LOBSTER message file as far as it determines commands.

It turns text into arrays that the driver plays; it never connects to anything.
"""

from __future__ import annotations

import gzip
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lockstep.cli.flow.driver import CANCEL, IMMEDIATE, NEW, REDUCE

LETTERS = {"N": NEW, "A": IMMEDIATE, "R": REDUCE, "X": CANCEL}
# Prices in files are dollars x 10,000; the instrument's tick is a cent.
PRICE_UNITS_PER_TICK = 100


class FlowError(ValueError):
    """A line of the flow or of the book file can't be used; says which and why."""


@dataclass
class Flow:
    """Commands by column, and the checkpoints: after how many commands the book must equal which row of the book file.

    `orders[i]` is the index of the command that created the order which command i means. Prices are ticks; the quantity
    of a reduction is the order's new total.
    """

    kinds: array[int] = field(default_factory=lambda: array("b"))
    buys: array[int] = field(default_factory=lambda: array("b"))
    orders: array[int] = field(default_factory=lambda: array("q"))
    prices: array[int] = field(default_factory=lambda: array("q"))
    quantities: array[int] = field(default_factory=lambda: array("q"))
    checkpoints: list[tuple[int, int]] = field(default_factory=list)
    _index: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.kinds)

    def submit(self, name: str, buy: bool, price_ticks: int, quantity: int, *, immediate: bool = False) -> None:
        """Append a limit order."""
        self._index[name] = len(self)
        self._append(IMMEDIATE if immediate else NEW, buy, len(self), price_ticks, quantity)

    def reduce(self, name: str, by: int) -> None:
        """Append a reduction, which keeps priority. KeyError for an unknown order."""
        order = self._index[name]
        total = self._total(order) - by
        self._totals[order] = total
        self._append(REDUCE, bool(self.buys[order]), order, self.prices[order], total)

    def cancel(self, name: str) -> None:
        """Append a cancel. KeyError for an unknown order."""
        order = self._index[name]
        self._append(CANCEL, bool(self.buys[order]), order, self.prices[order], 0)

    def check(self, row: int) -> None:
        """The book must now equal row `row` of the book file."""
        self.checkpoints.append((len(self), row))

    def __post_init__(self) -> None:
        self._totals: dict[int, int] = {}

    def _total(self, order: int) -> int:
        return self._totals.get(order, self.quantities[order])

    def _append(self, kind: int, buy: bool, order: int, price_ticks: int, quantity: int) -> None:
        self.kinds.append(kind)
        self.buys.append(buy)
        self.orders.append(order)
        self.prices.append(price_ticks)
        self.quantities.append(quantity)


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """A text file, compressed by gzip or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="ascii") as file:
        yield file


def read(path: Path) -> Flow:
    """Read a command file. FlowError names the line that can't be used."""
    flow = Flow()
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            try:
                _take(flow, line.rstrip("\n").split(","))
            except (KeyError, ValueError, IndexError) as error:
                reason = f"the order {error} was never submitted" if isinstance(error, KeyError) else str(error)
                raise FlowError(f"{path}, line {number}: {line.strip()!r} is no command: {reason}") from None
    return flow


def _take(flow: Flow, parts: list[str]) -> None:
    letter = parts[1]
    if letter == "C":
        flow.check(int(parts[0]))
    elif letter in ("N", "A"):
        flow.submit(parts[2], _is_buy(parts[3]), _ticks(parts[4]), int(parts[5]), immediate=letter == "A")
    elif letter == "R":
        flow.reduce(parts[2], int(parts[3]))
    elif letter == "X":
        flow.cancel(parts[2])
    else:
        raise ValueError(f"the kinds of commands are {', '.join([*LETTERS, 'C'])}, not {letter}")


def _is_buy(text: str) -> bool:
    if text not in ("1", "-1"):
        raise ValueError(f"a side is 1 (buy) or -1 (sell), not {text}")
    return text == "1"


def _ticks(text: str) -> int:
    price = int(text)
    if price <= 0 or price % PRICE_UNITS_PER_TICK:
        raise ValueError(f"the price {price} is not a positive multiple of {PRICE_UNITS_PER_TICK}")
    return price // PRICE_UNITS_PER_TICK


Level = tuple[int, int]  # price in ticks, quantity


def read_books(path: Path, levels: int) -> list[tuple[list[Level], list[Level]]]:
    """Rows of a LOBSTER book file as (bids, asks), at most `levels` deep, empty levels left out."""
    rows = []
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            parts = line.split(",")
            if len(parts) % 4 or len(parts) // 4 < levels:
                raise FlowError(f"{path}, line {number}: a row has four columns for each of at least {levels} levels")
            values = list(map(int, parts[: levels * 4]))
            asks = _levels(values[0::4], values[1::4])
            bids = _levels(values[2::4], values[3::4])
            rows.append((bids, asks))
    return rows


def _levels(prices: list[int], quantities: list[int]) -> list[Level]:
    return [(price // PRICE_UNITS_PER_TICK, size) for price, size in zip(prices, quantities, strict=True) if size]
