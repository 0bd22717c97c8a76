"""Takes snapshots of a running venue: asks for one, waits for all stages' parts, makes it valid, removes old ones.

It works beside the order path, which only sees the request; it delays nothing, and gives up one that takes too long.
On a disk that is nearly full it takes none, and drops one that is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from lockstep.config.schema import Config
from lockstep.core.journal.journal import JournalError
from lockstep.core.journal.retain import retain
from lockstep.core.recovery import retained_definitions, snapshot_catalog
from lockstep.core.recovery.snapshot_catalog import SavedSnapshot, SnapshotError
from lockstep.core.venue.topology import Topology
from lockstep.shm.board import Board, Word

TAKEN_S = 30.0  # for the router to settle and write the mark
PARTS_S = 300.0  # for all parts to be written
FULL = "the disk is nearly full, and what is left is for others"
# After one, the schedule rests this many times as long as it took: saving much state under load costs the others a
# third of their speed, and after a rest of four a replay takes about as long as loading what was saved (decision 0018).
RESTS = 4


class Pending(NamedTuple):
    """A snapshot under way: since when, and its mark, which is 0 until the router has written it."""

    since_s: float
    seq: int


class Coordinator:
    """The snapshots of one run, in `data`. `tick` is called often while the venue is ready; `report` gets a
    line when something goes wrong.

    Times are monotonic seconds.
    """

    def __init__(
        self,
        board: Board,
        data: Path,
        config: Config,
        topology: Topology,
        report: Callable[[str], None],
        now_s: float,
    ) -> None:
        self._board = board
        self._config = config
        self._data = data
        self._agents = topology.savers
        self._report = report
        self._asked = False
        self._pending: Pending | None = None
        self._work: asyncio.Task[SavedSnapshot] | None = None
        self._entering: int | None = None
        self._last_s = self._rested_s = now_s
        known = snapshot_catalog.entries(self._data)
        self._last_seq = known[-1].seq if known else 0

    def ask(self) -> None:
        """Take one now, whatever the schedule says; after the one under way, if there is one."""
        self._asked = True

    def reset(self) -> None:
        """The core has died: the snapshot under way is lost, and is asked for again once it leads."""
        if self._pending is not None and self._work is None:
            self._pending = None
            self._asked = True

    def lost(self, agents: Sequence[str], now_s: float) -> None:
        """`agents` start again and skip what they were to save: a snapshot that waits for a part of theirs is given up.

        It is asked for again when all are back. Parts of it that come later are removed with the older snapshots.
        """
        if self._pending is None or self._work is not None:
            return
        if self._pending.seq and not set(snapshot_catalog.missing(self._data, self._pending.seq, self._agents)) & {
            *agents
        }:
            return
        self._last_seq = max(self._last_seq, self._board.get(Word.SNAPSHOT_SEQ))
        self._give_up(now_s, f"{' and '.join(agents)} started again before its part was saved")
        self._asked = True

    def tick(self, now_s: float) -> None:
        """Do what is due."""
        if self._work is not None:
            if self._work.done():
                self._finish(self._work, now_s)
        elif self._pending is not None:
            self._watch(self._pending, now_s)
        elif self._follows():
            if self._board.get(Word.SNAPSHOT_SEQ) > self._last_seq:  # the primary asked for it: its mark is in the log
                self._pending = Pending(now_s, self._board.get(Word.SNAPSHOT_SEQ))
        elif self._board.get(Word.JOURNAL_FULL):
            if self._asked:
                self._asked = False
                self._report(f"a snapshot was given up: {FULL}")
        elif self._asked or self._is_due(now_s):
            self._asked = False
            self._pending = Pending(now_s, 0)
            self._board.set(Word.SNAPSHOT_ASKED, self._board.get(Word.SNAPSHOT_ASKED) + 1)

    def _follows(self) -> bool:
        """Whether another node's router decides when there is a snapshot."""
        return self._board.get(Word.COMMIT_BY) == Word.PRIMARY_COMMIT

    async def close(self) -> None:
        """Wait for what can't be left half-way."""
        if self._work is not None:
            await asyncio.wait({self._work})

    def _is_due(self, now_s: float) -> bool:
        if now_s < self._rested_s:
            return False
        settings = self._config.snapshots
        behind = self._board.get(Word.LOG_END) - self._last_seq
        if settings.commands and behind >= settings.commands:
            return True
        return bool(settings.interval_s) and now_s - self._last_s >= settings.interval_s and behind > 0

    def _watch(self, pending: Pending, now_s: float) -> None:
        """See how far the snapshot has come, by the mark in the log and the parts in its folder."""
        waited_s = now_s - pending.since_s
        seq = self._board.get(Word.SNAPSHOT_SEQ)
        if seq <= self._last_seq:
            # Not given up before the mark: it would come later, and be taken for the next one's.
            if waited_s > TAKEN_S:
                self._give_up(now_s, f"the router has not come to rest within {TAKEN_S:g} s")
            return
        if self._board.get(Word.JOURNAL_FULL):
            self._drop(seq, now_s, FULL)
            return
        self._pending = Pending(pending.since_s, seq)
        missing = snapshot_catalog.missing(self._data, seq, self._agents)
        if not missing and self._board.get(Word.DURABLE_SEQ) >= seq:
            self._entering = seq
            self._work = asyncio.create_task(asyncio.to_thread(self._enter, seq))
        elif waited_s > PARTS_S:
            lack = f"no part of {', '.join(missing)} after" if missing else "its mark is not durable after"
            self._drop(seq, now_s, f"{lack} {PARTS_S:g} s")

    def _enter(self, seq: int) -> SavedSnapshot:
        """Off the supervisor's own thread: it reads all parts, and syncs."""
        entry = snapshot_catalog.enter(self._data, seq, self._agents)
        kept = snapshot_catalog.prune(self._data, self._config.snapshots.keep)
        # After the oldest that is kept: if the newest is damaged, there is one to fall back on.
        if self._config.journal.retention == "snapshots" and len(kept) >= self._config.snapshots.keep:
            done_seq = min(kept[0].seq, self._board.get(Word.DATABASE_SEQ))
            if self._board.get(Word.COMMIT_BY) == Word.ACKED_SEQ:  # what the other node lacks is shipped from here
                done_seq = min(done_seq, self._board.get(Word.ACKED_SEQ))
            retained_definitions.keep(self._data, done_seq)
            retain(self._data / "journal", done_seq + 1)
        return entry

    def _finish(self, work: asyncio.Task[SavedSnapshot], now_s: float) -> None:
        seq = self._entering
        assert seq is not None
        self._last_seq = max(self._last_seq, seq)
        self._work = self._entering = None
        try:
            entry = work.result()
        except (SnapshotError, JournalError, OSError) as error:
            self._drop(seq, now_s, str(error))
        else:
            self._end(now_s)
            self._last_seq = entry.seq

    def _drop(self, seq: int, now_s: float, reason: str) -> None:
        """Give up the one under way, and remove its parts."""
        self._last_seq = max(self._last_seq, seq)
        snapshot_catalog.drop(self._data, seq)
        self._give_up(now_s, reason)

    def _give_up(self, now_s: float, reason: str) -> None:
        """The next one is due as if this had been taken: it may fail again, and each costs a pause."""
        self._end(now_s)
        self._report(f"a snapshot was given up: {reason}")

    def _end(self, now_s: float) -> None:
        assert self._pending is not None
        self._rested_s = now_s + RESTS * (now_s - self._pending.since_s)
        self._pending = None
        self._last_s = now_s
