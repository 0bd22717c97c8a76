"""Market data over any number of connections: streams as they come, and books and trades without a gap.

The streams are those of docs/protocols/websocket.md; the api's port serves them, and the publisher's. Nothing here ends
by itself: leave the loop, or cancel the task. Where the venue is away, it is tried again each RETRY_S.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, structs

from lockstep.client.binance import Binance, Depth, Trade
from lockstep.client.decoding import Said, from_builtins, from_json
from lockstep.client.errors import GARBLED, VenueError
from lockstep.client.socket import AWAY, RETRY_S, connected

MAX_LEVELS = 5000
MAX_TRIES = 20  # at a whole book that is where the stream is
MAX_PRICES = 1 << 20  # of a side
ZERO = Decimal(0)
T = TypeVar("T")


class Told(Struct, frozen=True):
    """A message of a stream. Without a `stream` it is OPENED, when there is a connection, or CUT, when it is lost."""

    stream: str
    data: Any


class Traded(Said, frozen=True):
    """A trade as its stream has it: the fields of Trade."""

    id: int = msgspec.field(name="t")
    price: Decimal = msgspec.field(name="p")
    qty: Decimal = msgspec.field(name="q")
    time: int = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")


class Difference(Said, frozen=True):
    """Levels that updates `first` to `last` changed."""

    first: int = msgspec.field(name="U")
    last: int = msgspec.field(name="u")
    bids: tuple[tuple[Decimal, Decimal], ...] = msgspec.field(name="b")
    asks: tuple[tuple[Decimal, Decimal], ...] = msgspec.field(name="a")


OPENED = Told("", True)
CUT = Told("", False)


class Market:
    """Streams at `url`, such as "ws://127.0.0.1:8081"; `rest` has what came before a connection."""

    def __init__(self, url: str, rest: Binance | None = None) -> None:
        self._url = url.rstrip("/")
        self._rest = rest

    async def messages(self, streams: Iterable[str]) -> AsyncIterator[Told]:
        """Yield what streams say, with OPENED and CUT around each connection. VenueError where there is no such stream,
        or no venue but something else."""
        target = f"{self._url}/stream?streams={'/'.join(streams)}"
        while True:
            try:
                async with connected(target) as socket:
                    yield OPENED  # the streams are subscribed: nothing is missed from here on
                    async for text in socket:
                        yield from_json(text, Told)
            except AWAY:
                pass  # the consumer learns of it by CUT
            yield CUT
            await asyncio.sleep(RETRY_S)  # only trying again tells whether the venue is back

    async def trades(self, symbol: str, first: int = 0) -> AsyncIterator[Trade]:
        """Yield every trade once, in order: from id `first` on, or with 0 the first that comes; those that were made
        while there was no connection are read from the venue's history."""
        rest, due = self._rested(), first
        async for told in self.messages([f"{symbol.lower()}@trade"]):
            if told is OPENED and due:
                async for trade in self._history(rest, symbol, due):
                    due = trade.id + 1
                    yield trade
            elif told.stream.endswith("@trade"):
                traded = from_builtins(told.data, Traded)
                if traded.id >= due:
                    due = traded.id + 1
                    yield Trade(*structs.astuple(traded))

    async def books(self, symbol: str, stream: str = "depth@100ms") -> AsyncIterator[Book]:
        """Yield the whole book after each change, always the same object: read it before you ask for the next."""
        rest, book = self._rested(), Book()
        async for told in self.messages([f"{symbol.lower()}@{stream}"]):
            if "@depth" not in told.stream:
                continue
            difference = from_builtins(told.data, Difference)
            tries = 0
            while not book.take(difference):
                if tries == MAX_TRIES:
                    raise VenueError(GARBLED, f"The api has update {book.last}, and the stream {difference.first}.")
                if tries:
                    await asyncio.sleep(RETRY_S)  # the api is behind the stream: only asking again tells how far
                tries += 1
                book.begin(await _patiently(partial(rest.depth, symbol, MAX_LEVELS)))
            yield book

    async def _history(self, rest: Binance, symbol: str, first: int) -> AsyncIterator[Trade]:
        """All trades from an id on that there are."""
        while page := await _patiently(partial(rest.trades_from, symbol, first)):
            for trade in page:
                if trade.id < first:
                    raise VenueError(GARBLED, f"Trade {trade.id} comes where {first} is the first to come.")
                first = trade.id + 1
                yield trade

    def _rested(self) -> Binance:
        if self._rest is None:
            raise VenueError("NO_REST", "Books and trades without a gap need the api: give Market a Binance.")
        return self._rest


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Return an answer once the venue gives one. VenueError where it refuses."""
    while True:
        try:
            return await ask()
        except VenueError as error:
            if error.status and error.status < 500:
                raise
        await asyncio.sleep(RETRY_S)  # it starts, or its history is behind: only asking again tells


class Book:
    """Levels by price. `last` is the update that it stands at, -1 before its first."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.last = -1

    def begin(self, depth: Depth) -> None:
        """Be a whole book."""
        self.bids, self.asks, self.last = dict(depth.bids), dict(depth.asks), depth.last_update_id

    def take(self, difference: Difference) -> bool:
        """Apply a difference that follows, or drop one that was had. False: something is missing before it."""
        if self.last < 0 or difference.first > self.last + 1:
            return False
        if difference.last > self.last:
            for side, levels in ((self.bids, difference.bids), (self.asks, difference.asks)):
                for price, quantity in levels:
                    if quantity == ZERO:
                        side.pop(price, None)
                    else:
                        side[price] = quantity
                if len(side) > MAX_PRICES:
                    raise VenueError(GARBLED, f"A book has more than {MAX_PRICES} prices on one side.")
            self.last = difference.last
        return True

    @property
    def best_bid(self) -> Decimal | None:
        return max(self.bids, default=None)

    @property
    def best_ask(self) -> Decimal | None:
        return min(self.asks, default=None)
