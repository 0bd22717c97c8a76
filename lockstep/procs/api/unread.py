"""Connections whose clients do not read: what waits for them takes memory and a place, as long as they keep silent.

It looks at what the loop's buffers hold, once a second, and ends what does not get less. Closing is no way out: it
waits until all is sent, which such a client never lets happen.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

STALLED_S = 30  # without a byte less in the buffer
CLOSING_S = 5  # for the rest of what a connection is sent that is closed
MOST_BYTES = 8 << 20  # beyond which a buffer may not grow further: answers to pings know no bound


class _Seen(NamedTuple):
    size: int
    stalled: int = 0
    closing: int = 0


class Unread:
    """The connections of one server. Each `tick` is a second."""

    def __init__(self) -> None:
        self._seen: dict[asyncio.Transport, _Seen] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, transport: asyncio.Transport) -> None:
        """Watch a connection."""
        self._seen[transport] = _Seen(0)

    def discard(self, transport: asyncio.Transport) -> None:
        """Watch it no longer: it has ended."""
        self._seen.pop(transport, None)

    def tick(self) -> None:
        """Look at all, and end those that are stuck."""
        for transport, before in list(self._seen.items()):
            size = transport.get_write_buffer_size()
            now = _Seen(
                size,
                before.stalled + 1 if 0 < before.size <= size else 0,
                before.closing + 1 if transport.is_closing() else 0,
            )
            self._seen[transport] = now
            is_growing = MOST_BYTES < before.size < size
            if is_growing or now.stalled >= STALLED_S or now.closing >= CLOSING_S:
                transport.abort()
