"""Reports what an edge can't do, why, and when it can again: rows that don't reach a database, a port that is taken.

It tries nothing itself: the edge says what is wrong, and tries again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from lockstep.core.venue import database_trouble

LOOK_S = 0.5


# By the file that says what is wrong: what the console says then, and when it is over.
WORDS = {
    database_trouble.FILE: ("the database takes no rows", "the database takes rows again"),
    database_trouble.IDENTITY: (
        "the database does not follow the other node's (schema identity)", "schema identity follows again"
    ),
    database_trouble.API: (
        "the venue continues without the api, and tries again", "the api takes connections"
    ),
    database_trouble.MARKET_DATA: (
        "the venue continues without market data over WebSocket, and tries again", "market data takes connections"
    ),
}  # fmt: skip


class DatabaseWatch:
    """What the edges of the venue in `data` say. `report` gets a line for each change."""

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
