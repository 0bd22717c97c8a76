"""Follows the publisher's unconflated books and compares them, command by command, with the books that must result.

It sees only what any WebSocket client sees; it never sends an order.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import websockets

from lockstep.cli.flow.commands import Flow, Level
from lockstep.cli.flow.driver import REFUSED

STREAM_LEVELS = 5
MAX_FRAME = 64 * 2**20
KEPT_DIFFERENCES = 5
LATE_ACK_S = 0.05
PATIENCE_S = 30


Books = list[tuple[list[Level], list[Level]]]


class State(msgspec.Struct, frozen=True):
    """One message of the stream `@book5`: the book after the command whose events are numbered U to u."""

    U: int
    u: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class BookLost(RuntimeError):  # noqa: N818
    """The stream of books skipped a command."""


@dataclass(frozen=True)
class Difference:
    """A checkpoint at which the venue's book is not the published one."""

    row: int
    event: int
    expected: tuple[list[Level], list[Level]]
    found: tuple[list[Level], list[Level]]


class Watcher:
    """Matches books to commands by event number, and checkpoints to books."""

    def __init__(
        self,
        flow: Flow,
        books: list[tuple[list[Level], list[Level]]],
        acks: array[int],
        levels: int,
        price_decimals: int,
    ) -> None:
        self._checkpoints = deque((count - 1, row) for count, row in flow.checkpoints)
        self._books = books
        self._acks = acks
        self._levels = levels
        self._price_decimals = price_decimals
        self._waiting: deque[State] = deque()
        self._last = State(0, 0, [], [])
        self._total = len(flow)
        self.command = 0  # the next command whose book is awaited
        self.compared = 0
        self.agreed = 0
        self.differences: list[Difference] = []

    @property
    def done(self) -> bool:
        return self.command >= self._total

    def take(self, states: list[State]) -> None:
        """Take the next books of the stream, in its order."""
        self._waiting.extend(states)
        self.match()

    def match(self) -> None:
        """Compare as far as both books and acknowledgements have come. BookLost if a command has no book."""
        while not self.done and (self._waiting or self._acks[self.command] == REFUSED):
            event = self._acks[self.command]
            if event == 0:
                return
            if event == REFUSED:
                self._compare(self._last)  # it changed nothing: the book is still the last one
                self.command += 1
                continue
            state = self._waiting[0]
            if event < state.U:
                raise BookLost(f"no book was published for event {event}: the stream went on with {state.U}")
            if state.u < event:
                self._waiting.popleft()  # another client's, or the book before the flow began
                continue
            self._compare(state)
            self._last = self._waiting.popleft()
            self.command += 1

    def _compare(self, state: State) -> None:
        while self._checkpoints and self._checkpoints[0][0] == self.command:
            row = self._checkpoints.popleft()[1]
            bids, asks = self._books[row]
            expected = (bids[: self._levels], asks[: self._levels])
            found = (self._numbers(state.b), self._numbers(state.a))
            self.compared += 1
            if found == expected:
                self.agreed += 1
            elif len(self.differences) < KEPT_DIFFERENCES:
                self.differences.append(Difference(row, state.u, expected, found))

    def _numbers(self, side: list[tuple[str, str]]) -> list[Level]:
        """The stream's decimal strings (8 decimals) as ticks and lots of the flow's instrument."""
        cut = 8 - self._price_decimals
        return [
            (int(price[: -cut or None].replace(".", "")), int(quantity[:-9]))
            for price, quantity in side[: self._levels]
        ]


async def follow(url: str, watcher: Watcher, ready: Callable[[], None], moved: Callable[[int], None]) -> None:
    """Read books from `url` until every command has been compared. `moved` hears how many commands that is.

    BookLost if the stream ends.
    """
    try:
        async with websockets.connect(url, max_size=MAX_FRAME, compression=None, ping_timeout=None) as socket:
            ready()
            await _compare(socket, watcher, moved)
    except websockets.WebSocketException as error:
        raise BookLost(f"the stream of books ended: {error}") from None


async def _compare(socket: websockets.ClientConnection, watcher: Watcher, moved: Callable[[int], None]) -> None:
    decoder = msgspec.json.Decoder(list[State])
    moved_at = time.monotonic()
    while not watcher.done:
        before = watcher.command
        try:
            async with asyncio.timeout(LATE_ACK_S):
                frame = await socket.recv()
        except TimeoutError:
            watcher.match()  # the last books may be here before the reports that say which commands they belong to
        else:
            watcher.take(decoder.decode(frame))
        if watcher.command > before:
            moved_at = time.monotonic()
            moved(watcher.command)
        elif time.monotonic() - moved_at > PATIENCE_S:
            raise BookLost(f"no book came for command {watcher.command + 1} within {PATIENCE_S} s")
