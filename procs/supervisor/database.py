"""Reports when no rows reach the database, or nothing of the other node's, and why, and when they do again.

It asks no database: the batcher says what is wrong, and goes on by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from procs.venue import database_trouble

LOOK_S = 0.5


# By the file that says what is wrong: what the console says then, and when it is over.
WORDS = {
    database_trouble.FILE: ("the database takes no rows", "the database takes rows again"),
    database_trouble.IDENTITY: (
        "the database does not follow the other node's (schema identity)", "schema identity follows again"
    ),
}  # fmt: skip


class DatabaseWatch:
    """The database of the venue in `data`. `report` gets a line for each change."""

    def __init__(self, data: Path, report: Callable[[str], None]) -> None:
        self._data = data
        self._report = report
        self._told = dict.fromkeys(WORDS, "")
        self._looked_s = 0.0

    def tick(self) -> None:
        """Report a change."""
        if time.monotonic() - self._looked_s < LOOK_S:
            return
        self._looked_s = time.monotonic()
        for file, (begins, ends) in WORDS.items():
            reason = database_trouble.of(self._data, file).reason
            if reason != self._told[file]:
                self._told[file] = reason
                self._report(f"{begins}: {reason}" if reason else ends)
