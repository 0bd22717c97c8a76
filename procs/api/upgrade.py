"""Connections that ask for a WebSocket: market streams go to the publisher as they are, all others stay here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from procs.api.binance.ws_paths import is_market_stream
from procs.api.connection import Connection
from procs.edge.market_queries import MAX_HEAD_BYTES, MarketDataAwayError, MarketQueries

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
