"""Reports when no rows reach the database, and why, and when they do again.

It asks no database: the batcher says what is wrong, and goes on by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from procs.venue import database_trouble

LOOK_S = 0.5


class DatabaseWatch:
    """The database of the venue in `data`. `report` gets a line for each change."""

    def __init__(self, data: Path, report: Callable[[str], None]) -> None:
        self._data = data
        self._report = report
        self._told = ""
        self._looked_s = 0.0

    def tick(self) -> None:
        """Report a change."""
        if time.monotonic() - self._looked_s < LOOK_S:
            return
        self._looked_s = time.monotonic()
        reason = database_trouble.of(self._data).reason
        if reason == self._told:
            return
        self._told = reason
        self._report(f"the database takes no rows: {reason}" if reason else "the database takes rows again")
