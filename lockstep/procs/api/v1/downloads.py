"""CSV that is sent as it is made: few at once, each for a bounded time, and none that ends early looks whole.

What goes wrong once an answer has begun ends its connection in the middle: chunked, so its reader notices. A reader may
take its time: the next page is asked for when the one before is on its way, and nothing is held meanwhile.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from litestar import Response
from litestar.response import Stream

from lockstep.core.edge.party import party_of
from lockstep.procs.api.limits import WeightLimit
from lockstep.procs.api.v1.problems import ProblemError

MOST = 16
MOST_OF_ADDRESS = 4
LONGEST_S = 600.0
RETRY_S = 5
WEIGHT = 20
CSV = "text/csv"


class Downloads:
    """Those under way."""

    def __init__(self, weights: WeightLimit, monotonic: Callable[[], float], longest_s: float = LONGEST_S) -> None:
        self._weights = weights
        self._monotonic = monotonic
        self._longest_s = longest_s
        self._of: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._of.total()

    async def begin(self, address: str, chunks: AsyncIterator[bytes], file: str) -> Response[Any]:
        """Begin a download. ProblemError, DeclinedError, and what the first two chunks raise."""
        self._weights.take(address, WEIGHT, self._monotonic())
        address = party_of(address)
        if self._of[address] >= MOST_OF_ADDRESS:
            text = f"An address downloads {MOST_OF_ADDRESS} files at once."
            raise ProblemError(429, "TOO_MANY_REQUESTS", text, retry_after=RETRY_S)
        if len(self) >= MOST:
            raise ProblemError(503, "BUSY", "Too many files are being downloaded.", retry_after=RETRY_S)
        sent = _Sent(chunks, self._longest_s)
        self._of[address] += 1
        sent.leave = weakref.finalize(sent, self._leave, address)  # by itself where nobody reads on
        await sent.prepare()
        return Stream(sent, media_type=CSV, headers={"content-disposition": f'attachment; filename="{file}"'})

    def _leave(self, address: str) -> None:
        self._of[address] -= 1
        if not self._of[address]:
            del self._of[address]


class _Sent:
    """The chunks of one answer. Two are there before it begins: a header, and what the database says first."""

    def __init__(self, chunks: AsyncIterator[bytes], longest_s: float) -> None:
        self._chunks = chunks
        self._longest_s = longest_s
        self._ready: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self.leave: Callable[[], object] = lambda: None

    async def prepare(self) -> None:
        for _ in range(2):
            chunk = await anext(self._chunks, b"")
            if chunk:
                self._ready.append(chunk)

    def __aiter__(self) -> _Sent:
        return self

    async def __anext__(self) -> bytes:
        if self._timer is None:
            task = asyncio.current_task()
            assert task is not None
            self._timer = asyncio.get_running_loop().call_later(self._longest_s, self._cut_off, task)
        try:
            await asyncio.sleep(0)  # what is sent to nobody any more takes no time: others have their turn
            return self._ready.pop(0) if self._ready else await anext(self._chunks)
        except BaseException:
            self._timer.cancel()
            self.leave()
            raise

    def _cut_off(self, task: asyncio.Task[Any]) -> None:
        """Its time is over, also where it waits for its reader."""
        self.leave()
        task.cancel()
