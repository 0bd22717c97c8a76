"""What the journal says that the venue has listed and set, for who operates it: read when it is asked for.

The files are read in a thread, which gives way to the event loop. It goes on from what it has read before.
"""

from __future__ import annotations

import asyncio
import time

from lockstep.core.operations.directory import Directory, read_on
from lockstep.core.venue.venue import Venue

RECENT_S = 1.0
PATIENCE_S = 8.0  # that a request waits: the first one reads all that the run's file does not have


class ReadingError(RuntimeError):
    """It takes longer than a request waits: the reading goes on, and is asked for again."""


class Directories:
    """The directory of a running venue."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._known: Directory | None = None
        self._known_s = 0.0  # the monotonic time at which reading it began
        self._reading: asyncio.Future[Directory] | None = None
        self._one = asyncio.Lock()

    async def now(self) -> Directory:
        """As of what is committed when this is called, or later. ReadingError, JournalError, OSError."""
        async with self._one:
            return await self._read_on()

    async def recent(self) -> Directory:
        """As of the last second, or later: clients may ask often, and the journal is read once a second for all of
        them. ReadingError, JournalError, OSError."""
        async with self._one:
            if self._known is not None and time.monotonic() - self._known_s < RECENT_S:
                return self._known
            return await self._read_on()

    async def _read_on(self) -> Directory:
        if self._reading is not None:  # an earlier request began it, and did not wait for its end
            await self._read()
        begun_s = time.monotonic()
        self._reading = asyncio.ensure_future(asyncio.to_thread(read_on, self._venue, self._known))
        known = await self._read()
        self._known_s = begun_s
        return known

    async def _read(self) -> Directory:
        """The end of what is being read."""
        assert self._reading is not None
        done, _ = await asyncio.wait((self._reading,), timeout=PATIENCE_S)
        if not done:
            raise ReadingError("what is listed and set is being read from the journal")
        reading, self._reading = self._reading, None
        self._known = reading.result()
        return self._known
