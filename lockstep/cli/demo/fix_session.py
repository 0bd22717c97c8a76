"""A FIX session of a client that begins anew with each connection: logs on, answers, and hands on what is about orders.

It repeats nothing: an order that the venue asks for again is one that the population has given up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import cast

from lockstep.cli.demo.fix_message import Field, GarbledError, Message, Reader, encoded, utc_text

HEARTBEAT_S = 10
LOGON_S = 20.0  # a core that starts again answers when it has
LOGOUT_S = 2.0
APPLICATION = "89jr"


class LogonError(ConnectionError):
    """The venue has refused the logon; the message says why."""


class FixSession(asyncio.Protocol):
    """`hears` is called with each application message, and `ended` is done when the connection is no more."""

    def __init__(self, name: str, password: str, target: str, hears: Callable[[Message], None]) -> None:
        self._name = name
        self._password = password
        self._target = target
        self._hears = hears
        self._reader = Reader()
        self._next_out = 1
        self._sent_s = 0.0
        self._transport: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self._on: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()

    async def log_on(self, host: str, port: int) -> None:
        """Connect, and wait for the answer. LogonError, OSError."""
        async with asyncio.timeout(LOGON_S):
            await asyncio.get_running_loop().create_connection(lambda: self, host, port)
            self.send("A", [(98, 0), (108, HEARTBEAT_S), (141, "Y"), (553, self._name), (554, self._password)])
            await self._on

    def send(self, kind: str, fields: Sequence[Field]) -> None:
        """Send a message under the next number; nothing where there is no connection."""
        self._write(kind, self._next_out, fields)
        self._next_out += 1

    def beat(self) -> None:
        """Say that we are here, if nothing else was said for half an interval. To be called once a second or so."""
        if time.monotonic() - self._sent_s > HEARTBEAT_S / 2:
            self.send("0", [])

    async def log_out(self) -> None:
        """End the session, and the connection."""
        self.send("5", [])
        await asyncio.wait([self.ended], timeout=LOGOUT_S)
        self.cut()

    def cut(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._end(str(error) if error is not None else "the venue closed the connection")

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._reader.take(data):
                self._take(message)
        except GarbledError as error:
            self._end(str(error))
            self.cut()

    def _take(self, message: Message) -> None:
        match message[35]:
            case "A" if not self._on.done():
                self._on.set_result(None)
            case "1":
                self.send("0", [(112, message[112])])
            case "2":  # from there on there is nothing but what comes next
                self._write("4", int(message[7]), [(123, "Y"), (36, self._next_out)])
            case "3":
                self._end(f"the venue rejects a message: {message.get(58, '')}")
                self.cut()
            case "5":
                self._end(message.get(58, "the venue logged out"))
                self.send("5", [])
                self.cut()
            case kind if kind in APPLICATION:
                self._hears(message)

    def _write(self, kind: str, number: int, fields: Sequence[Field]) -> None:
        if self._transport is None:
            return
        now = time.time_ns()
        possibly: list[Field] = [(43, "Y"), (122, utc_text(now))] if kind == "4" else []
        head: list[Field] = [(35, kind), (49, self._name), (56, self._target), (34, number), (52, utc_text(now))]
        self._transport.write(encoded([*head, *possibly, *fields]))
        self._sent_s = time.monotonic()

    def _end(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_result(why)
        if not self._on.done():
            self._on.set_exception(LogonError(why))
