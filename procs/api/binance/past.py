"""What PostgreSQL has of before, as answers ask for it: connected to when it is needed first, and 503 where it is away.

A client may ask as often as it likes: each address has half of the connections at most, and the log has one line in
`QUIET_S` about a database that is away, with how many there would have been.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from procs.api.binance.errors import unavailable
from procs.api.history.rows import HistoryUnavailableError, Read
from procs.api.history.tables import POOL_SIZE, WAIT_S, History
from procs.edge.shares import Shares
from procs.edge.turns import BusyError
from shm.log_lines import log

QUIET_S = 10.0
BEHIND_S = 2.0  # that a question waits for rows of what was told before it
POLL_S = 0.02
Row = TypeVar("Row")
Made = TypeVar("Made")


class Past:
    """The way to the database. `make` makes what asks it, by `connections`."""

    def __init__(
        self, make: Callable[[], History], clock: Callable[[], float] = time.monotonic, connections: int = POOL_SIZE
    ) -> None:
        self._make = make
        self._clock = clock
        self._shares = Shares(connections // 2, WAIT_S)
        self._history: History | None = None
        self._opening = asyncio.Lock()
        self._quiet_until_s = float("-inf")
        self._left_out = 0

    async def close(self) -> None:
        """Ask no more."""
        if self._history is not None:
            await self._history.close()

    async def ask(self, question: Callable[[History], Awaitable[Read[Row]]]) -> Read[Row]:
        """The answer. ApiError where the database gives none."""
        history = await self.history()
        try:
            async with self._shares.taken():
                return await question(history)
        except BusyError:
            raise unavailable("too many questions of this address wait for history") from None
        except HistoryUnavailableError as error:
            self._warn(str(error))
            raise unavailable("history is away") from None

    async def ask_until(
        self, question: Callable[[History], Awaitable[Read[Row]]], take: Callable[[Read[Row]], Made | None]
    ) -> Made:
        """What `take` makes of the answer: None while the database lacks something for that, which is asked again, but
        not for long. ApiError."""
        until_s = self._clock() + BEHIND_S
        while True:
            made = take(await self.ask(question))
            if made is not None:
                return made
            if self._clock() >= until_s:
                raise unavailable("history is behind")
            await asyncio.sleep(POLL_S)

    async def history(self) -> History:
        """What asks it, opened."""
        async with self._opening:
            if self._history is None:
                history = self._make()
                await history.open()
                self._history = history
            return self._history

    def _warn(self, reason: str) -> None:
        now_s = self._clock()
        if now_s < self._quiet_until_s:
            self._left_out += 1
            return
        log.warning("history_unavailable", reason=reason, left_out=self._left_out)
        self._quiet_until_s = now_s + QUIET_S
        self._left_out = 0
