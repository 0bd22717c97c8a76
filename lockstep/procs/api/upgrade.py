"""Connections that ask for a WebSocket: market streams go to the publisher as they are, all others stay here.

Messages of those that stay can be handed over by calls, without a task and a queue for each, as far as they are plain.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from lockstep.core.edge.market_queries import MAX_HEAD_BYTES, MarketDataAwayError, MarketQueries
from lockstep.procs.api.binance.ws_paths import is_market_stream
from lockstep.procs.api.connection import Connection
from lockstep.procs.api.outbox import LINK, Receiver
from lockstep.procs.api.plain_request import MAX_BODY_BYTES
from lockstep.procs.api.ws_frames import CONTROL, MESSAGE, OTHER, Frames, text_frame

MOST_AT_ONCE = 1024  # bytes that are parsed in one turn of the loop: some 170 frames that have nothing in them
MOST_OF_TURN = 32  # plain messages, likewise
MOST_SILENT = 1000  # frames in a second that bring no whole message: pings, pongs, parts

AWAY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    b'{"code":-1001,"msg":"Market data is away: try it again"}'
)


class Upgrade(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which first sees where the client wants to go. `queries` is set for a server."""

    queries: MarketQueries

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._leaving: asyncio.Task[None] | None = None
        self._is_seen = False
        self._receiver: Receiver | None = None
        self._frames = Frames(MAX_BODY_BYTES)
        self._held = b""  # what has come, and is not parsed yet
        self._is_due = False  # a turn is to come
        self._second = 0.0
        self._silent = 0
        self._is_early = False  # a frame came before the handshake was answered

    @property
    def pending_ping_payload(self) -> bytes | None:
        """What the ping under way says: uvicorn's random bytes as text, for clients decode it (nautilus_trader)."""
        return self._pinging

    @pending_ping_payload.setter
    def pending_ping_payload(self, payload: bytes | None) -> None:
        self._pinging = None if payload is None else payload.hex().encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        before = cast(asyncio.Transport, transport).get_protocol()
        assert isinstance(before, Connection)
        self._before = before
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._leaving is not None:
            return
        if not self._is_seen:
            self._is_seen = True
            target = data.split(b" ", 2)[1]
            if is_market_stream(target.decode("latin-1")) and self.transport.get_extra_info("ssl_object") is None:
                self._leaving = asyncio.get_running_loop().create_task(self._hand_over(data[:MAX_HEAD_BYTES]))
                return
            super().data_received(data)
            return
        if self._receiver is None:
            self._is_early = True
            self._held += data
        else:
            self._frames.add(data)
        self._turn()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            cast(dict[str, object], self.scope["extensions"])[LINK] = self

    def give(self, receiver: Receiver) -> None:
        """Call `receiver` with each message from now on; the application's `receive` has only what is not plain."""
        if not self._is_early:
            self._receiver = receiver

    def go_on(self) -> None:
        """The receiver has room again."""
        if self._receiver is not None:
            self._turn()

    def send_now(self, message: bytes) -> bool:
        """Send a text, unless the client must read first, or either side has ended the connection."""
        if not self.writable.is_set() or self.close_sent or self.transport.is_closing():
            return False
        self.transport.write(text_frame(message))
        return True

    async def receive(self) -> Any:
        event = await super().receive()
        if self._held:
            self.transport.pause_reading()
            self._soon()
        return event

    def handle_ping(self) -> None:
        if self._is_heard():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        if self._is_heard():
            super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        if self._is_heard():
            super().handle_cont(event)

    def _is_heard(self) -> bool:
        """Count a frame that brings no message of its own: who sends too many is cut off."""
        now_s = self.loop.time()
        if now_s - self._second >= 1:
            self._second, self._silent = now_s, 0
        self._silent += 1
        if self._silent > MOST_SILENT:
            self.transport.abort()
        return not self.transport.is_closing()

    def _soon(self) -> None:
        """Have another turn, behind those of others."""
        if not self._is_due:
            self._is_due = True
            self.loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._is_due = False
        self._turn()

    def _turn(self) -> None:
        """Read some of what has come; the rest waits, so that nobody has the loop for long."""
        if self.transport.is_closing():
            return
        is_left = self._hand_out() if self._receiver is not None else self._parse()
        if is_left:
            self.transport.pause_reading()
        elif not self.read_paused:
            self.transport.resume_reading()

    def _parse(self) -> bool:
        """Have the next bytes parsed, if nothing waits for the application; whether more are left."""
        if self._held and not self.read_paused:
            piece, self._held = self._held[:MOST_AT_ONCE], self._held[MOST_AT_ONCE:]
            super().data_received(piece)
            if self._held and not self.read_paused:
                self._soon()
        return bool(self._held)

    def _hand_out(self) -> bool:
        """Hand over the next messages, as long as there is room; whether there may be more."""
        assert self._receiver is not None
        for _ in range(MOST_OF_TURN):
            if self._receiver.is_full():
                return True
            kind, piece = self._frames.next()
            if kind == MESSAGE:
                self._receiver.take(piece)
            elif kind == CONTROL:
                super().data_received(piece)
            elif kind == OTHER:  # from here on the messages come one by one, in their order
                self._receiver = None
                self._held = self._frames.take_rest()
                return self._parse()
            else:
                return False
        self._soon()
        return True

    async def _hand_over(self, head: bytes) -> None:
        self.transport.pause_reading()
        own = self.transport.get_extra_info("socket")
        with socket.socket(fileno=os.dup(own.fileno())) as client:
            try:
                await self.queries.hand_over(client, head)
            except MarketDataAwayError:
                self.transport.write(AWAY)
                self.transport.close()
                return
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._before.leave()
        if self._leaving is not None:
            with contextlib.suppress(KeyError):
                self.connections.remove(self)
            return
        super().connection_lost(exc)
