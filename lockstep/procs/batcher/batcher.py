"""The batcher as an edge of its host: polls rings into the spool, and keeps a loader that moves the spool on.

It never touches the database itself, so that rings are drained whatever happens to PostgreSQL.

All that it knows is in the spool, so it starts with the events that come next. If the spool ends before these (it was
deleted), it starts over with them; if it begins after what the database has (rows were lost), a replay of the journal
fills the gap.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.diagnostics.refusal import FinalError
from lockstep.core.files import space
from lockstep.core.tables import saved
from lockstep.core.venue.edge import Edge
from lockstep.core.venue.snapshot_parts import Snapshots
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.database import UnavailableError
from lockstep.procs.batcher.identity_keeper import IdentityKeeper
from lockstep.procs.batcher.loader import Loader, Loading
from lockstep.procs.batcher.spool import ForeignSpool, Spool
from lockstep.procs.batcher.spool_writer import SpoolWriter
from lockstep.shm.bell import Reason
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Consumer

NAME = "batcher"  # a venue has one
WITNESS = 0  # its place on the board among those that know how far the journal was
# A start waits this long for what the database knows; one that answers later is checked against the journal then.
HEAR_NS = 10_000_000_000
# An orderly stop gives the database this long to take what is spooled; the rest waits for the next start.
DRAIN_S = 3.0
STOP_TIMEOUT_S = 10.0
LAST_POLLS = 64
TEND_NS = 1_000_000_000


class ForeignDatabaseError(FinalError):
    """The database belongs to another journal, or has more than the journal; the message says how to mend that."""


class Place(Struct, frozen=True):
    """Where a batcher runs: a start (`boot`) of a node, and its name. With `follows` it writes without leading.

    `keeper` keeps people's identities alike on two nodes, `snapshots` its part.
    """

    boot: str = ""
    node: str = ""
    follows: bool = False
    keeper: IdentityKeeper | None = None
    snapshots: Snapshots | None = None


class Batcher(Edge):
    """`consumers` maps ring indices (0: the router's, m: matcher m's) to this batcher's gating consumers."""

    rest_s = 0.005  # nothing waits for the spool; the rings hold far more than comes in this time
    spins = False

    def __init__(
        self,
        board: Board,
        consumers: Mapping[int, Consumer],
        folder: Path,
        loading: Loading,
        place: Place = Place(),  # noqa: B008
    ) -> None:
        self.spool = Spool(folder, spare_bytes=space.SPARE_BYTES)
        self._board = board
        self._server = loading.server
        self._place = place
        self._spooler = SpoolWriter(board, consumers, self.spool)
        self._born_ns = self.spool.born_ns
        self._joined = False
        self._was_full = False
        self._tended_ns = 0
        self._loader = Loader(self.spool, loading, self._author, may_write=self._may_write)
        # As it was opened: it grows, and a router that starts again must not take new events for earlier ones.
        self._opened = self.spool.known_seq, self.spool.numbers
        self._is_told = board.known_by(WITNESS) is not None
        self._asked_ns = 0

    def save(self, out: saved.Saver) -> None:
        """Sync the spool, and write whose it is. A snapshot needs no more: all events are in the spool."""
        self.spool.sync()
        out.object(self.spool.born_ns)

    def load(self, part: saved.Loader) -> None:
        """Learn from a snapshot whose events come next, before the first poll. DamagedPart; ForeignSpool."""
        self._born_ns = part.object(int)
        part.finish()
        if self.spool.born_ns not in (0, self._born_ns):
            raise ForeignSpool(f"{self.spool.folder} is the spool of another journal: remove it, or restore that one")

    def attach(self, consumers: Mapping[int, Consumer], board: Board) -> None:
        """Go on with other rings, whose events the spool may have in part."""
        self._board = board
        self._spooler.attach(consumers, board)
        self._joined = False

    async def start(self) -> None:
        """Start the loader; PostgreSQL comes up meanwhile."""
        self._join()
        self._loader.start()
        if self._place.keeper is not None:
            await self._place.keeper.start()

    def poll(self, now_ns: int) -> int:
        """Spool what is released and show how far behind the database is. Raises what ended the loader."""
        if self._loader.failure is not None:
            raise self._loader.failure
        if not self._is_told:
            self._hear(now_ns)
        if not self._joined:
            self._join()
        work = self._spooler.poll(now_ns)
        if mark := self._spooler.at_mark:
            if self._place.snapshots is not None:
                self._place.snapshots.save(mark, NAME, self.save)
            self._spooler.pass_mark()
        if now_ns - self._tended_ns >= TEND_NS:
            self._tended_ns = now_ns
            self._tend()
        self._show()
        return work

    def _author(self) -> Author | None:
        """As whom rows are written now. A node that leads has first to know that its epoch's beginning is committed."""
        if epoch := self._board.get(Word.EPOCH):
            begins = self._board.get(Word.READY_EVENT)
            return Author(epoch, self._place.boot, self._place.node) if self.spool.numbers[0] >= begins else None
        return Author(node=self._place.node) if self._place.follows else None

    def _may_write(self) -> bool:
        """A node without the lease tells nobody of what it commits, nor a database (LOG-13).

        One that is fenced may write what it took before: the database knows by the epoch whether it still may.
        """
        return self._board.get(Word.FENCED) != 0 or not self._board.is_closed()

    def _hear(self, now_ns: int) -> None:
        """Say what the spool knows, once the database has been checked against the journal: the router waits for it.

        A database that does not answer causes only a short delay. ForeignDatabaseError.
        """
        if self._loader.objection:
            raise ForeignDatabaseError(self._loader.objection)
        self._asked_ns = self._asked_ns or now_ns
        if self._loader.is_heard or now_ns - self._asked_ns > HEAR_NS:
            self._board.show_known(WITNESS, *self._opened)
            self._is_told = True

    def _tend(self) -> None:
        """Own a spare segment again once there is space; log when the spool stops taking events, or goes on."""
        self.spool.tend()
        if self.spool.is_full != self._was_full:
            self._was_full = self.spool.is_full
            if self._was_full:
                log.warning("the disk is full: no rows are spooled until there is space", folder=str(self.spool.folder))
            else:
                log.info("there is space again: rows are spooled")

    def _join(self) -> None:
        """Check that the spool reaches the next event, or start it over there."""
        before = self._spooler.before
        if any(first > have for first, have in zip(before, self.spool.numbers, strict=True)):
            if self._loader.is_started:
                raise RuntimeError(f"the rings go on behind {before}, and the spool has {self.spool.numbers}")
            log.warning("the spool does not reach to the rings: it starts over", has=self.spool.numbers, behind=before)
            self.spool.begin(before, self._born_ns)
            self._loader.position = self.spool.start
        self._joined = True

    def _show(self) -> None:
        self._board.set(Word.SPOOLED, self.spool.end - self._loader.position)
        self._board.set(Word.DATABASE_SEQ, self._loader.complete_seq)

    def wants(self) -> Reason:
        return self._spooler.wants()

    async def stop(self) -> None:
        """Spool what is left, let the loader finish for a few seconds, and stop the embedded server."""
        for _ in range(LAST_POLLS):
            if self._loader.failure is not None or not self.poll(time.time_ns()):
                break
        if self._place.keeper is not None:
            await self._place.keeper.stop()
        await asyncio.to_thread(self._loader.stop, DRAIN_S, STOP_TIMEOUT_S)
        self._show()
        try:
            await asyncio.to_thread(self._server.stop)
        except UnavailableError as error:
            log.warning("database did not stop", reason=str(error))
