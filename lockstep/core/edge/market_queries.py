"""What the API asks the publisher, over a socket of the venue's own: the market as it is, and to take over a client.

It has the words and the framing of both ends, and the asker's end whole; what an answer says is the publisher's.

A request is a length of four bytes and a message in msgpack, an answer likewise. A connection has one answer for each
request, in their order; many may be on their way. A socket that is handed over comes beside its request (SCM_RIGHTS),
on a connection of its own.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import cast

import msgspec
from msgspec import Struct

from lockstep.core.edge.own_socket import is_own

LENGTH = struct.Struct("<I")
MAX_REQUEST_BYTES = 131_072
MAX_ANSWER_BYTES = 128 * 2**20
MAX_HEAD_BYTES = 16_384
MAX_LEVELS = 5000
MAX_ROWS = 1000
MAX_WAITING = 4096
TIMEOUT_S = 3.0
NOT_THERE = -1  # of a bound that a request does not have


class Depth(Struct, frozen=True, tag=True):
    """Asks for the best levels of both sides."""

    symbol: str
    limit: int


class Trades(Struct, frozen=True, tag=True):
    """Asks for the last trades, or for the first from an id on."""

    symbol: str
    limit: int
    from_id: int = NOT_THERE
    in_us: bool = False


class Aggregates(Struct, frozen=True, tag=True):
    """Asks for the last aggregates, or for the first from an id or a time on."""

    symbol: str
    limit: int
    from_id: int = NOT_THERE
    start_ms: int = NOT_THERE
    end_ms: int = NOT_THERE
    in_us: bool = False


class Klines(Struct, frozen=True, tag=True):
    """Asks for the last candles, or for the first from a time on, by clocks `offset` minutes ahead of UTC."""

    symbol: str
    interval: str
    limit: int
    start_ms: int = NOT_THERE
    end_ms: int = NOT_THERE
    in_us: bool = False
    offset: int = 0


class Rows(Struct, frozen=True, tag=True):
    """Asks for a form (`day`, `mini_day`, `price`, `best`) of these symbols, or of all; `single`: of one, bare."""

    form: str
    symbols: list[str] | None = None
    single: bool = False


class Average(Struct, frozen=True, tag=True):
    """Asks for the average price of the last five minutes."""

    symbol: str


class Window(Struct, frozen=True, tag=True):
    """Asks for statistics of the last `minutes` and the one under way; with 0, of the day that began at midnight where
    clocks are `offset` minutes ahead of UTC."""

    symbol: str
    minutes: int
    offset: int = 0
    is_full: bool = True


class HandOver(Struct, frozen=True, tag=True):
    """Asks to serve the WebSocket client whose socket comes with it, and of whom `head` was read already."""

    head: bytes


Request = Depth | Trades | Aggregates | Klines | Rows | Average | Window | HandOver


class Forgotten(Struct, frozen=True):
    """What an answer lacks since memory has it no more, and what a database must have to make up for it.

    Candles: all that begin before `ns`. Trades: those up to `trade_id` of command `seq`. A database has that once it
    has event `trade_id` of `matcher`'s ring (0: none is needed), and all that commands up to `corrected_seq` caused.
    """

    ns: int
    matcher: int
    trade_id: int
    seq: int
    corrected_seq: int


class Answer(Struct, frozen=True):
    """A finished body, as JSON; `forgotten`: what it lacks, None where it is whole.

    `unknown` names a symbol, form or interval that there is not; `away`: the publisher may tell nothing now.
    """

    body: bytes = b""
    forgotten: Forgotten | None = None
    unknown: str | None = None
    away: bool = False


class MarketDataAwayError(RuntimeError):
    """The publisher gave no answer: it starts, is stopped, has too much to do, or may tell nothing."""


class UnknownNameError(LookupError):
    """There is no such symbol, form or interval."""


class NoMessageError(ValueError):
    """What came is no message that there is."""


class Frames:
    """The messages in what a socket received. NoMessageError for one that is longer than `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = bytearray()

    def take(self, data: bytes) -> Iterator[bytes]:
        """Add what was received; the messages that are whole now."""
        self._held += data
        while len(self._held) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._held)
            if length > self._most:
                raise NoMessageError(f"a message of {length} bytes: {self._most} are taken")
            end = LENGTH.size + length
            if len(self._held) < end:
                return
            message = bytes(memoryview(self._held)[LENGTH.size : end])
            del self._held[:end]
            yield message


def framed(message: Request | Answer) -> bytes:
    body = msgspec.msgpack.encode(message)
    return LENGTH.pack(len(body)) + body


class _Line(asyncio.Protocol):
    """A connection to the publisher: its answers resolve what waits, the first first."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.waiting: list[asyncio.Future[Answer]] = []
        self._frames = Frames(MAX_ANSWER_BYTES)
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for message in self._frames.take(data):
            waiter = self.waiting.pop(0)
            if not waiter.done():  # else its asker has given up
                waiter.set_result(msgspec.msgpack.decode(message, type=Answer))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.closed = True
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_exception(MarketDataAwayError("the publisher has hung up"))
        self.waiting.clear()


class MarketQueries:
    """The asker's end, for one event loop. It connects when it is asked, and again after each loss.

    Every question raises MarketDataAwayError where there is no answer in time, and UnknownNameError.
    """

    def __init__(self, name: str, timeout_s: float = TIMEOUT_S) -> None:
        self._name = name
        self._timeout_s = timeout_s
        self._line: _Line | None = None
        self._connecting = asyncio.Lock()

    async def ask(self, request: Request) -> Answer:
        """Ask anything but to take over a client."""
        try:
            async with asyncio.timeout(self._timeout_s):
                line = await self._connected()
                if len(line.waiting) >= MAX_WAITING:
                    raise MarketDataAwayError("too many questions wait for the publisher")
                waiter: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
                line.waiting.append(waiter)
                assert line.transport is not None
                line.transport.write(framed(request))
                return judged(await waiter)
        except TimeoutError:
            raise MarketDataAwayError(f"the publisher gave no answer in {self._timeout_s:g} s") from None
        except OSError as error:
            raise MarketDataAwayError(f"the publisher is away: {error.strerror or error}") from None

    async def hand_over(self, client: socket.socket, head: bytes) -> None:
        """Have the publisher serve a client from here on, as one that connected to it: `head` is what was read of it.

        The caller closes its own end of the socket, whatever comes of it. It never reads from it or writes to it again.
        """
        loop = asyncio.get_running_loop()
        if len(head) > MAX_HEAD_BYTES:
            raise ValueError(f"{len(head)} bytes were read of a client: {MAX_HEAD_BYTES} are handed over")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connected:
            connected.setblocking(False)
            try:
                async with asyncio.timeout(self._timeout_s):
                    await loop.sock_connect(connected, f"\0{self._name}")
                    refuse_others(connected)
                    _send_with(connected, framed(HandOver(head)), client)
                    judged(await _one_answer(loop, connected))
            except TimeoutError:
                raise MarketDataAwayError(f"the publisher gave no answer in {self._timeout_s:g} s") from None
            except OSError as error:
                raise MarketDataAwayError(f"the publisher is away: {error.strerror or error}") from None

    async def depth(self, symbol: str, limit: int) -> bytes:
        """The best `limit` levels, with the update id that joins the differences."""
        return (await self.ask(Depth(symbol, limit))).body

    async def rows(self, form: str, symbols: list[str] | None = None, *, single: bool = False) -> bytes:
        """Statistics or prices of symbols; None: of all."""
        return (await self.ask(Rows(form, symbols, single))).body

    async def average(self, symbol: str) -> bytes:
        """The average price of the last five minutes."""
        return (await self.ask(Average(symbol))).body

    def close(self) -> None:
        """Hang up: what waits is told that the publisher is away."""
        if self._line is not None and self._line.transport is not None:
            self._line.transport.abort()

    async def _connected(self) -> _Line:
        async with self._connecting:
            if self._line is None or self._line.closed:
                loop = asyncio.get_running_loop()
                connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                try:
                    connected.setblocking(False)
                    await loop.sock_connect(connected, f"\0{self._name}")
                    refuse_others(connected)
                    _, self._line = await loop.create_unix_connection(_Line, sock=connected)
                except BaseException:
                    connected.close()
                    raise
            return self._line


def judged(answer: Answer) -> Answer:
    """An answer that is one. UnknownNameError, MarketDataAwayError."""
    if answer.unknown is not None:
        raise UnknownNameError(answer.unknown)
    if answer.away:
        raise MarketDataAwayError("the publisher may tell nothing now")
    return answer


def refuse_others(connected: socket.socket) -> None:
    """PermissionError where the other end runs as another user."""
    if not is_own(connected):
        raise PermissionError("another user's process is at the other end")


def _send_with(connected: socket.socket, data: bytes, client: socket.socket) -> None:
    """Send data, and a socket beside it. A new connection has room for both."""
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [client.fileno()]))
    if connected.sendmsg([data], [rights]) != len(data):
        raise OSError("a client can't be handed over in one piece")


async def _one_answer(loop: asyncio.AbstractEventLoop, connected: socket.socket) -> Answer:
    frames = Frames(MAX_ANSWER_BYTES)
    while data := await loop.sock_recv(connected, 65536):
        for message in frames.take(data):
            return msgspec.msgpack.decode(message, type=Answer)
    raise ConnectionResetError("it has hung up")


def received_with(connected: socket.socket, room: int) -> tuple[bytes, list[socket.socket]]:
    """What has come, and the sockets beside it. BlockingIOError, OSError."""
    data, beside, _, _ = connected.recvmsg(room, socket.CMSG_SPACE(4 * 8))
    sockets = []
    for level, kind, rights in beside:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers = array.array("i")
            numbers.frombytes(rights[: len(rights) - len(rights) % numbers.itemsize])
            sockets += [socket.socket(fileno=number) for number in numbers]
    return data, sockets


@contextlib.contextmanager
def closing_all(sockets: list[socket.socket]) -> Iterator[None]:
    """Close what nobody took."""
    try:
        yield
    finally:
        for each in sockets:
            each.close()
