"""Answers what the API asks over a socket of the venue's own (edge/market_queries.py), from the feed's memory.

It shapes what the feed has, and waits for no asker: a connection has one answer under way, and is read on after that.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from lockstep.core.edge import market_queries as asked
from lockstep.core.edge.own_socket import is_own, listener
from lockstep.procs.publisher import answers
from lockstep.procs.publisher.feed import Feed

MAX_CONNECTIONS = 256
MAX_FDS = 8
MOST_MINUTES = 7 * 1440  # of a window
READ_BYTES = 65536
ROWS_AT_ONCE = 256  # of what may be about all instruments: some milliseconds
TURNS = 1000  # of the loop, a millisecond each, that a book may be in the middle of a command
TURN_S = 0.001
ENDS = (OSError, asked.NoMessageError, msgspec.MsgspecError)  # the asker is gone, or sends what is no request
TakeOver = Callable[[socket.socket, bytes], None]


class Unknown(Exception):  # noqa: N818 - it is no failure of ours
    """There is no such name."""


class Queries:
    """The publisher's end. `take_over` gets a client's socket, with what was read of it."""

    def __init__(self, feed: Feed, name: str, take_over: TakeOver) -> None:
        self._feed = feed
        self._name = name
        self._take_over = take_over
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.failure: Exception | None = None

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._listener is not None

    def open(self) -> None:
        """Listen. OSError if the name is taken."""
        self._listener = listener(self._name)
        self._start(self._accept(self._listener))

    async def close(self) -> None:
        """Hang up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()

    def _start(self, what: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self.failure = error  # a bug, for the process to end with

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connected, _ = await loop.sock_accept(listening)
            if len(self._tasks) > MAX_CONNECTIONS or not is_own(connected):
                connected.close()
            else:
                self._start(self._serve(connected))

    async def _serve(self, connected: socket.socket) -> None:
        """Answer one connection's requests, one after the other, until it ends or sends what is no request."""
        loop = asyncio.get_running_loop()
        frames = asked.Frames(asked.MAX_REQUEST_BYTES)
        beside: list[socket.socket] = []
        connected.setblocking(False)
        with connected, asked.closing_all(beside), contextlib.suppress(*ENDS):
            while True:
                data, sockets = await _receive(loop, connected)
                beside += sockets
                if not data or len(beside) > MAX_FDS:
                    return
                for message in frames.take(data):
                    request = msgspec.msgpack.decode(message, type=asked.Request)
                    answer = await self._answered(request, beside)
                    await loop.sock_sendall(connected, asked.framed(answer))
                    await asyncio.sleep(0)  # other clients', and the rings', turn

    async def _answered(self, request: asked.Request, beside: list[socket.socket]) -> asked.Answer:
        if not self._feed.may_tell:
            return asked.Answer(away=True)
        try:
            return await self._answer(request, beside)
        except Unknown as error:
            return asked.Answer(unknown=str(error))

    async def _answer(self, request: asked.Request, beside: list[socket.socket]) -> asked.Answer:
        match request:
            case asked.Depth():
                return await self._depth(request)
            case asked.Rows():
                return await self._rows(request)
            case asked.HandOver():
                if not beside:
                    raise asked.NoMessageError("no socket came with a request to take one over")
                self._take_over(beside.pop(0), request.head)
                return asked.Answer()
            case asked.Average():
                return asked.Answer(answers.average(self._feed, self._instrument(request.symbol)))
            case asked.Trades():
                found = answers.trades(
                    self._feed,
                    self._instrument(request.symbol),
                    _rows_of(request.limit),
                    request.from_id,
                    request.in_us,
                )
            case asked.Aggregates():
                found = answers.aggregates(
                    self._feed, self._instrument(request.symbol), _rows_of(request.limit), request.from_id,
                    request.start_ms, request.end_ms, request.in_us,
                )  # fmt: skip
            case asked.Klines():
                found = self._klines(request)
            case asked.Window():
                found = answers.window(
                    self._feed,
                    self._instrument(request.symbol),
                    max(0, min(request.minutes, MOST_MINUTES)),
                    request.offset,
                    request.is_full,
                )
        return asked.Answer(*found)

    def _instrument(self, symbol: str) -> int:
        found = self._feed.find(symbol.lower())
        if found is None:
            raise Unknown(symbol)
        return found

    def _klines(self, request: asked.Klines) -> tuple[bytes, asked.Forgotten | None]:
        instrument = self._instrument(request.symbol)
        try:
            return answers.klines(
                self._feed, instrument, request.interval, _rows_of(request.limit), request.start_ms, request.end_ms,
                request.in_us, request.offset,
            )  # fmt: skip
        except KeyError:
            raise Unknown(request.interval) from None

    async def _depth(self, request: asked.Depth) -> asked.Answer:
        """The book, once it is complete."""
        instrument = self._instrument(request.symbol)
        limit = max(1, min(request.limit, asked.MAX_LEVELS))
        for _ in range(TURNS):
            if (body := answers.depth(self._feed, instrument, limit)) is not None:
                return asked.Answer(body)
            await asyncio.sleep(TURN_S)
        return asked.Answer(away=True)

    async def _rows(self, request: asked.Rows) -> asked.Answer:
        """Each instrument's row; of many, some at a time."""
        if request.form not in answers.FORMS:
            raise Unknown(request.form)
        if request.symbols is None:
            instruments = self._feed.instruments()
        else:
            instruments = [self._instrument(symbol) for symbol in request.symbols]
        if request.single and len(instruments) != 1:
            raise asked.NoMessageError(f"one symbol is asked for, and {len(instruments)} are named")
        found: list[bytes] = []
        for first in range(0, len(instruments), ROWS_AT_ONCE):
            found += answers.rows(self._feed, request.form, instruments[first : first + ROWS_AT_ONCE])
            await asyncio.sleep(0)
        return asked.Answer(found[0] if request.single else b"[%s]" % b",".join(found))


def _rows_of(limit: int) -> int:
    return max(1, min(limit, asked.MAX_ROWS))


async def _receive(loop: asyncio.AbstractEventLoop, connected: socket.socket) -> tuple[bytes, list[socket.socket]]:
    """What comes next, and the sockets beside it."""
    while True:
        try:
            return asked.received_with(connected, READ_BYTES)
        except BlockingIOError:
            readable = loop.create_future()
            loop.add_reader(connected.fileno(), _note, readable)
            try:
                await readable
            finally:
                loop.remove_reader(connected.fileno())


def _note(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)
