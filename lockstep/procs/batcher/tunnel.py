"""A way between two hosts' PostgreSQL: TCP on loopback at both ends, TLS by the nodes' certificates between them.

The embedded server is built without TLS and listens on loopback. What passes is not looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

MAX_CONNECTIONS = 16  # a stream, copies of tables, and who looks whether the other node is there
CHUNK_BYTES = 65_536
CONNECT_S = 5.0

Address = tuple[str, int]


class Tunnel:
    """Carries each connection that comes to `listen` on to `target`, with TLS at the end that has a context."""

    def __init__(
        self, listen: Address, target: Address, come: ssl.SSLContext | None, go: ssl.SSLContext | None
    ) -> None:
        self._listen, self._target, self._come, self._go = listen, target, come, go
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. OSError if the address can't be had."""
        handshake_s = CONNECT_S if self._come else None
        self._server = await asyncio.start_server(
            self._accept, *self._listen, ssl=self._come, ssl_handshake_timeout=handshake_s
        )

    async def stop(self) -> None:
        """End every connection, and listen no more."""
        if self._server is not None:
            self._server.close()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._serving) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until one end is gone, or nothing can be had at the other."""
        with contextlib.closing(writer), contextlib.suppress(OSError, TimeoutError):
            there, out = await asyncio.wait_for(asyncio.open_connection(*self._target, ssl=self._go), CONNECT_S)
            with contextlib.closing(out):
                ways = [asyncio.ensure_future(_carry(reader, out)), asyncio.ensure_future(_carry(there, writer))]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
