"""How far a long task has come, on standard error: one line that is overwritten, or a line now and then.

It says nothing about a task that takes less than two seconds.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType

FIRST_S = 2.0
TERMINAL_S = 0.2
PIPE_S = 5.0


class Progress:
    """`what` is being done to so many `things`; 0: unknown, or for `show` to say. As a context manager, it leaves a
    terminal's line empty."""

    def __init__(self, what: str, total: int, things: str) -> None:
        self._what = what
        self._total = total
        self._things = things
        self._is_terminal = sys.stderr.isatty()
        self._begun_s = 0.0  # when something is shown first
        self._next_s = 0.0
        self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._shown and self._is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def show(self, done: int, total: int = 0) -> None:
        """This many are done, of a `total` that is known by now; may be called any number of times."""
        now_s = time.monotonic()
        if not self._begun_s:
            self._begun_s, self._next_s = now_s, now_s + FIRST_S
        self._total = total or self._total
        if now_s < self._next_s:
            return
        self._next_s = now_s + (TERMINAL_S if self._is_terminal else PIPE_S)
        rate = done / (now_s - self._begun_s)
        line = f"{self._what}: {done:,} {self._things}, {rate:,.0f} a second"
        if self._total:
            left = f", {(self._total - done) / rate:.0f} s left" if rate else ""
            line = f"{self._what}: {done:,} of {self._total:,} {self._things} ({done / self._total:.0%}){left}"
        self._shown = True
        if self._is_terminal:
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)
