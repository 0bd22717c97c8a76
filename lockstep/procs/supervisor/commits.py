"""Sees that orders are no longer acknowledged: nothing is committed, or the node that commits wait for is not there.

The board has it for health, metrics and `lockstep failover`; the person on duty gets an alert that says what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lockstep.procs.replicator import link_report
from lockstep.procs.replicator.handshake import LINKED
from lockstep.procs.supervisor.alerts import Alerts, Kind
from lockstep.shm.board import Board, Word

STALLED_NS = 2_000_000_000
RELEASE = 'lockstep failover --peer-is-off "WHO, HOW"'


class CommitWatch:
    """The commits of the venue in `data`. `say` and `alerts` get a line when they stall, and when they resume."""

    def __init__(self, data: Path, say: Callable[[str], None], alerts: Alerts) -> None:
        self._data = data
        self._say = say
        self._alerts = alerts
        self._commit = -1
        self._since_ns = 0
        self._is_stalled = False

    def look(self, board: Board, now_ns: int) -> None:
        """Look at `board` at a time of CLOCK_MONOTONIC, and show there since when no order is acknowledged."""
        commit, end = board.commit_position(), board.get(Word.LOG_END)
        waits = board.get(Word.COMMIT_BY) == Word.ACKED_SEQ
        is_cut = waits and board.get(Word.LINK) not in LINKED
        leads = board.get(Word.EPOCH) != 0 and not board.get(Word.FENCED)
        if not leads or commit != self._commit or (commit >= end and not is_cut):
            self._commit, self._since_ns = commit, now_ns
        is_stalled = now_ns - self._since_ns >= STALLED_NS
        board.set(Word.STALLED_NS, self._since_ns if is_stalled else 0)
        if is_stalled and not self._is_stalled:
            self._tell("commits_wait", self._reason(max(0, end - commit), waits=waits))
        elif self._is_stalled and not is_stalled and leads:
            self._tell("commits_resumed", "orders are acknowledged again")
        self._is_stalled = is_stalled

    def end(self) -> None:
        """Begin with nothing at the next run."""
        self._commit, self._is_stalled = -1, False

    def _reason(self, records: int, *, waits: bool) -> str:
        if not waits:
            return f"no order is acknowledged: the journal's disk does not take {records:,} records (lockstep status)"
        report = link_report.read(self._data)
        why = f": {report.why}" if report is not None and report.why else ""
        peer = f"node {report.peer}" if report is not None and report.peer else "the other node"
        return (
            f"no order is acknowledged: commits wait for {peer}, which acknowledges nothing{why}. Start it again; or, "
            f"if it is off for sure, continue without it: {RELEASE}"
        )

    def _tell(self, event: Kind, message: str) -> None:
        self._say(message)
        self._alerts.tell(event, message)
