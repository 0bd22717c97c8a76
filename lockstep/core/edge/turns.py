"""Hashes passwords in a few threads, in turns: each address gets its turn, and within it each name.

Work that waits is bounded for each address, and work whose client has left is dropped before it begins.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple, TypeVar

from lockstep.core.edge.party import party_of

NICENESS = 10  # of the threads
T = TypeVar("T")

# Set by a server in the context of a request: whether the client that waits for the answer is still connected.
client_is_there: ContextVar[Callable[[], bool] | None] = ContextVar("client_is_there", default=None)


class BusyError(RuntimeError):
    """Too much work of this address waits already."""


class AbandonedError(BusyError):
    """The client left before its turn came."""


class Job(NamedTuple):
    """Work that waits for its turn, and the future that waits for it."""

    outcome: asyncio.Future[Any]
    work: Callable[[], Any]
    is_there: Callable[[], bool] | None

    def is_wanted(self) -> bool:
        """Return whether the outcome is still awaited. If the client has left, the outcome is AbandonedError."""
        if not self.outcome.done() and self.is_there is not None and not self.is_there():
            self.outcome.set_exception(AbandonedError("the client has left"))
        return not self.outcome.done()


Names = dict[str, deque[Job]]


class Turns:
    """A few threads, with at most `max_waiting` jobs of each address before them."""

    def __init__(self, threads: int, max_waiting: int) -> None:
        self._threads = ThreadPoolExecutor(threads, "passwords", initializer=step_back)
        self._free = threads
        self._max_waiting = max_waiting
        self._waiting: dict[str, Names] = {}

    async def run(self, address: str, name: str, work: Callable[[], T]) -> T:
        """Return what `work` returns, once its turn has come. BusyError."""
        address = party_of(address)
        job = Job(asyncio.get_running_loop().create_future(), work, client_is_there.get())
        names = self._waiting.setdefault(address, {})
        if _count(names) >= self._max_waiting and not self._make_room(names, name):
            raise BusyError("too many passwords wait to be checked: try again in a few seconds")
        names.setdefault(name, deque()).append(job)
        self._begin()
        outcome: T = await job.outcome
        return outcome

    def close(self) -> None:
        """End the threads and give up what is under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _make_room(self, names: Names, name: str) -> bool:
        """Drop abandoned jobs; else the newest job of the name with the most, if `name` has fewer."""
        for each in tuple(names):
            names[each] = deque(job for job in names[each] if job.is_wanted())
            if not names[each]:
                del names[each]
        if _count(names) < self._max_waiting:
            return True
        longest = max(names.values(), key=len)
        if len(longest) <= len(names.get(name, ())) + 1:
            return False
        longest.pop().outcome.set_exception(BusyError("another user of this address comes first: try again"))
        return True

    def _begin(self) -> None:
        while self._free and self._waiting:
            job = self._take()
            if not job.is_wanted():
                continue
            self._free -= 1
            running = asyncio.get_running_loop().run_in_executor(self._threads, job.work)
            running.add_done_callback(partial(self._ended, job))

    def _take(self) -> Job:
        """Return the next job; what is left of its address and name goes to the back of the queue."""
        address = next(iter(self._waiting))
        names = self._waiting.pop(address)
        name = next(iter(names))
        jobs = names.pop(name)
        job = jobs.popleft()
        if jobs:
            names[name] = jobs
        if names:
            self._waiting[address] = names
        return job

    def _ended(self, job: Job, running: asyncio.Future[Any]) -> None:
        self._free += 1
        if not job.outcome.done() and not running.cancelled():
            error = running.exception()
            if error is not None:
                job.outcome.set_exception(error)
            else:
                job.outcome.set_result(running.result())
        self._begin()


def _count(names: Names) -> int:
    return sum(map(len, names.values()))


def step_back() -> None:
    """Let orders go before what this thread does: it hashes passwords."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
