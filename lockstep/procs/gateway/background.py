"""A thread for what the gateway would otherwise have to wait for: syncs of its files.

It knows no file, and has one piece of work at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class Background:
    """One piece of work at a time, in a thread of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="disk")
        self._work: Future[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether work was begun and not finished."""
        return self._work is not None

    def begin(self, work: Callable[[], None]) -> None:
        """Have it done. The work before is finished."""
        assert self._work is None
        self._work = self._threads.submit(work)

    def is_done(self) -> bool:
        """Whether `finish` would return at once."""
        return self._work is None or self._work.done()

    def finish(self) -> None:
        """Wait for the work, and raise what it raised."""
        work, self._work = self._work, None
        if work is not None:
            work.result()
