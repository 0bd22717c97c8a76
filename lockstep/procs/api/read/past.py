"""Questions to PostgreSQL about earlier orders, trades and balances: the first one connects to it.

A client may ask as often as it likes: each address has half of the connections at most, and the log has one line in
`QUIET_S` about a database that is away, with how many there would have been.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.edge.shares import Shares
from lockstep.core.edge.turns import BusyError
from lockstep.procs.api.errors import DeclinedError, Reason
from lockstep.procs.api.history.rows import HistoryUnavailableError, Read
from lockstep.procs.api.history.tables import WAIT_S, History

QUIET_S = 10.0
BEHIND_S = 2.0  # that a question waits for rows of what was told before it
POLL_S = 0.02
Row = TypeVar("Row")
Made = TypeVar("Made")
Question = Callable[[History], Coroutine[Any, Any, Read[Row]]]


class Past:
    """The way to the database, by `history`, which is opened when it is needed first."""

    def __init__(self, history: History, clock: Callable[[], float] = time.monotonic) -> None:
        self._history = history
        self._clock = clock
        self._shares = Shares(history.size // 2, WAIT_S)
        self._asked: set[asyncio.Task[Any]] = set()  # the loop keeps no task alive by itself
        self._quiet_until_s = float("-inf")
        self._left_out = 0

    async def close(self) -> None:
        """Ask no more."""
        await self._history.close()

    async def ask(self, question: Question[Row]) -> Read[Row]:
        """The answer. DeclinedError where the database gives none."""
        history = await self.history()
        try:
            async with self._shares.taken():
                return await self._answer(question(history))
        except BusyError:
            raise DeclinedError(Reason.HISTORY_CROWDED) from None
        except HistoryUnavailableError as error:
            self._warn(str(error))
            raise DeclinedError(Reason.HISTORY_AWAY) from None

    async def ask_until(self, question: Question[Row], take: Callable[[Read[Row]], Made | None]) -> Made:
        """What `take` makes of the answer: None while the database lacks something for that, which is asked again, but
        not for long. DeclinedError."""
        until_s = self._clock() + BEHIND_S
        while True:
            made = take(await self.ask(question))
            if made is not None:
                return made
            if self._clock() >= until_s:
                raise DeclinedError(Reason.HISTORY_BEHIND)
            await asyncio.sleep(POLL_S)

    async def history(self) -> History:
        """What asks it, opened."""
        await self._history.open()
        return self._history

    async def _answer(self, asking: Coroutine[Any, Any, Read[Row]]) -> Read[Row]:
        """The answer, if it comes in time: a question to a server that hangs does not even end when it is cancelled.

        HistoryUnavailableError.
        """
        task = asyncio.create_task(asking)
        self._asked.add(task)
        task.add_done_callback(self._forget)
        try:
            done, _ = await asyncio.wait({task}, timeout=self._history.patience_s)
        finally:
            task.cancel()  # does nothing to one that is done
        if not done:
            raise HistoryUnavailableError(f"no answer within {self._history.patience_s:g} s")
        return task.result()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._asked.discard(task)
        if not task.cancelled():
            task.exception()  # else asyncio logs that nobody has asked for it

    def _warn(self, reason: str) -> None:
        now_s = self._clock()
        if now_s < self._quiet_until_s:
            self._left_out += 1
            return
        log.warning("history_unavailable", reason=reason, left_out=self._left_out)
        self._quiet_until_s = now_s + QUIET_S
        self._left_out = 0
