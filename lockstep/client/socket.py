"""A WebSocket to a venue: how it is opened, when it is opened again, and when that makes no sense."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, InvalidURI, WebSocketException

from lockstep.client.errors import VenueError

OPEN_S = 10.0
RETRY_S = 0.5
MAX_BYTES = 1 << 24  # of a message; the library reads no more than 16 of them ahead
AWAY = (OSError, TimeoutError, WebSocketException)
LATER = (418, 429)  # a refusal that passes, like one of a status from 500 on


class Connect(connect):
    """One that goes to no other address: what follows on a connection may have a token in it."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[ClientConnection]:
    """Connect for the time of the block; a proxy of the environment is not used. Raises AWAY where that fails or ends,
    VenueError where another try is of no use: there can't be such a `url`, or the venue refuses it."""
    try:
        async with Connect(url, open_timeout=OPEN_S, compression=None, max_size=MAX_BYTES, proxy=None) as socket:
            yield socket
    except InvalidStatus as error:
        status = error.response.status_code
        if status >= 500 or status in LATER:
            raise
        raise VenueError(status, f"{url}: {error.response.body.decode(errors='replace')}", status) from error
    except InvalidURI as error:
        raise VenueError("INVALID", f"{error}.") from error
