"""States that should not last, unlike events: little space on the disk, a database that does not follow."""

from __future__ import annotations

import time
from pathlib import Path

from config.schema import AlertsSection
from procs.disk import space
from procs.supervisor.alerts import Alerts
from procs.venue import database_trouble
from shm.board import Board, Word

LOOK_S = 1.0


class Conditions:
    """Watches the venue in `data`, and tells `alerts` when a state begins to last, and when it is over."""

    def __init__(self, settings: AlertsSection, data: Path, alerts: Alerts) -> None:
        self._settings = settings
        self._data = data
        self._alerts = alerts
        self._looked_s = 0.0
        self._is_low = self._is_behind = self._is_full = False
        self._moved_s = time.monotonic()
        self._database = 0

    def tick(self, board: Board, now_s: float) -> None:
        """Look, now and then; times are monotonic seconds."""
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        self._look_at_disk(board)
        self._look_at_database(board.commit_position(), board.get(Word.DATABASE_SEQ), now_s)

    def _look_at_disk(self, board: Board) -> None:
        free = space.free_bytes(self._data)
        is_low, is_full = free < self._settings.disk_low_bytes, board.get(Word.JOURNAL_FULL) != 0
        where = f"the disk of {self._data} has {space.mebibytes(free)} free"
        if is_low and not self._is_low:
            self._alerts.tell("disk_low", f"{where}, less than alerts.disk_low_bytes")
        if is_full and not self._is_full:
            self._alerts.tell("orders_refused", f"{where}: new orders are refused, cancels pass")
        if self._is_full and not is_full:
            self._alerts.tell("orders_taken", f"{where}: new orders are taken again")
        self._is_low, self._is_full = is_low, is_full

    def _look_at_database(self, committed: int, database: int, now_s: float) -> None:
        """It is behind if it has not moved for this long although it could have."""
        if database >= committed or database != self._database:
            if self._is_behind:
                self._is_behind = False
                self._alerts.tell("database_caught_up", f"the database follows again, at record {database:,}")
            self._moved_s, self._database = now_s, database
        elif not self._is_behind and now_s - self._moved_s >= self._settings.database_behind_s:
            self._is_behind = True
            reason = database_trouble.of(self._data).reason
            self._alerts.tell(
                "database_behind",
                f"the database is at record {database:,} of {committed:,}, and has not moved for"
                f" {self._settings.database_behind_s:g} s{f': {reason}' if reason else ''}",
            )
