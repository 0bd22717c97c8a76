"""States that should not last, unlike events: little space on the disk, a database that does not follow, no link."""

from __future__ import annotations

import time
from pathlib import Path

from lockstep.config.schema import AlertsSection
from lockstep.core.files import space
from lockstep.core.venue import database_trouble
from lockstep.procs.replicator import link_report
from lockstep.procs.replicator.handshake import LINKED, LinkState
from lockstep.procs.supervisor.alerts import Alerts
from lockstep.shm.board import Board, Word

LOOK_S = 1.0
LINK_LOST_S = 5.0  # a process that starts again, or a cable that is moved, is nobody's business


class Conditions:
    """Watches the venue in `data`, and tells `alerts` when a state begins to last, and when it is over."""

    def __init__(self, settings: AlertsSection, data: Path, alerts: Alerts) -> None:
        self._settings = settings
        self._data = data
        self._alerts = alerts
        self._looked_s = 0.0
        self._is_low = self._is_behind = self._is_full = False
        self._is_cut = self._is_promoted = False
        self._differs = 0
        self._moved_s = self._linked_s = time.monotonic()
        self._database = 0

    def tick(self, board: Board, now_s: float) -> None:
        """Look, now and then; times are monotonic seconds."""
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        self._look_at_disk(board)
        self._look_at_database(board.commit_position(), board.get(Word.DATABASE_SEQ), now_s)
        self._look_at_link(board.get(Word.LINK), now_s)
        self._look_at_role(board)

    def end(self, board: Board) -> None:
        """A run is over: what it ended by, too, is told, and the next one begins with nothing."""
        self._look_at_role(board)
        self._differs, self._is_promoted = 0, False

    def _look_at_link(self, state: int, now_s: float) -> None:
        """Only one of two nodes has a link that is more than about to be made."""
        if state == LinkState.STARTING:
            self._linked_s = now_s
        elif state in LINKED:
            if self._is_cut:
                self._is_cut = False
                self._alerts.tell("link_back", "the link to the other node is back")
            self._linked_s = now_s
        elif not self._is_cut and now_s - self._linked_s >= LINK_LOST_S:
            self._is_cut = True
            report = link_report.read(self._data)
            why = f": {report.why}" if report is not None and report.why else ""
            self._alerts.tell("link_lost", f"there is no link to the other node for {LINK_LOST_S:g} s{why}")

    def _look_at_role(self, board: Board) -> None:
        differs, epoch = board.get(Word.DIFFERS), board.get(Word.EPOCH)
        if differs and differs != self._differs:
            self._alerts.tell(
                "differs", f"the two nodes' states differ at record {differs:,}: the secondary must not lead"
            )
        self._differs = differs
        if epoch and board.get(Word.PROMOTED) and not self._is_promoted:
            self._is_promoted = True
            self._alerts.tell("promoted", f"this node leads epoch {epoch} in the place of the other one")

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
