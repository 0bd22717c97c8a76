"""Readers of market data in a process of their own: connects them, has them read everything, and counts.

    python -m bench.audience PORT READERS STREAMS

It says `ready` when all are subscribed. When its input ends it says how many bytes came to all, the fewest to one, how
many connections have ended, how many seconds of processor time it took, and when the last bytes came, on the monotonic
clock: bytes fewest ended cpu_s last_s.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import cast

import uvloop

HANDSHAKE = (
    "GET /ws/{streams} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
AT_ONCE = 20  # connections under way
PATIENCE_S = 30


class Reader(asyncio.Protocol):
    """One connection. It drops what it reads unseen: the cost of using it would be the reader's own."""

    def __init__(self, streams: str) -> None:
        self.received = 0
        self.ended = False
        self.last_s = 0.0
        self.subscribed = asyncio.get_running_loop().create_future()
        self._streams = streams

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(HANDSHAKE.format(streams=self._streams).encode())

    def data_received(self, data: bytes) -> None:
        if not self.received:
            self.subscribed.set_result(data.startswith(b"HTTP/1.1 101"))
        self.received += len(data)
        self.last_s = time.monotonic()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        self.ended = True


async def _connect(port: int, streams: str, places: asyncio.Semaphore) -> Reader:
    async with places:
        loop = asyncio.get_running_loop()
        _, reader = await loop.create_connection(lambda: Reader(streams), "127.0.0.1", port)
        if not await asyncio.wait_for(reader.subscribed, PATIENCE_S):
            raise RuntimeError("the publisher refused a reader")
        return reader


async def main() -> None:
    """Read until the input ends."""
    port, count, streams = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    places = asyncio.Semaphore(AT_ONCE)
    readers = await asyncio.gather(*(_connect(port, streams, places) for _ in range(count)))
    print("ready", flush=True)
    before_s = time.process_time()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    received = [reader.received for reader in readers]
    ended = sum(reader.ended for reader in readers)
    cpu_s, last_s = time.process_time() - before_s, max(reader.last_s for reader in readers)
    print(sum(received), min(received), ended, round(cpu_s, 3), last_s, flush=True)


if __name__ == "__main__":
    uvloop.run(main())
