"""The batcher as an edge of its host: polls rings into the spool, and keeps a loader that moves the spool on.

It never touches the database itself, so that rings are drained whatever becomes of PostgreSQL.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from procs.batcher.database import Embedded, Remote, UnavailableError
from procs.batcher.loader import Loader, log
from procs.batcher.spool import Spool, Spooler
from shm.board import Board, Word
from shm.ring import Consumer

# An orderly stop gives the database this long to take what is spooled; the rest waits for the next start.
DRAIN_S = 3.0
STOP_TIMEOUT_S = 10.0
LAST_POLLS = 64


def _nothing() -> None:
    return


class Batcher:
    """`consumers` maps ring indices (0: the router's, m: matcher m's) to this batcher's gating consumers."""

    rest_s = 0.005  # nobody waits for the spool; the rings hold far more than comes in this time

    def __init__(
        self,
        board: Board,
        consumers: Mapping[int, Consumer],
        folder: Path,
        server: Embedded | Remote,
        batch_rows: int,
    ) -> None:
        self.kick: Callable[[], None] = _nothing
        self.spool = Spool(folder)
        self._board = board
        self._server = server
        self._spooler = Spooler(board, consumers, self.spool)
        self._loader = Loader(self.spool, server, batch_rows, lambda: board.get(Word.EPOCH))

    async def start(self) -> None:
        """Start the loader; PostgreSQL comes up behind it."""
        self._loader.start()

    def poll(self, now_ns: int) -> int:
        """Spool what is released and show how far behind the database is. Raises what ended the loader."""
        if self._loader.failure is not None:
            raise self._loader.failure
        work = self._spooler.poll(now_ns)
        self._board.set(Word.SPOOLED, self.spool.end - self._loader.position)
        self._board.set(Word.DATABASE_SEQ, self._loader.complete_seq)
        return work

    def wants(self) -> int:
        return self._spooler.wants()

    async def stop(self) -> None:
        """Spool what is left, let the loader finish for a few seconds, and stop a server of our own."""
        for _ in range(LAST_POLLS):
            if self._loader.failure is not None or not self.poll(time.time_ns()):
                break
        await asyncio.to_thread(self._loader.stop, DRAIN_S, STOP_TIMEOUT_S)
        self._board.set(Word.SPOOLED, self.spool.end - self._loader.position)
        self._board.set(Word.DATABASE_SEQ, self._loader.complete_seq)
        try:
            await asyncio.to_thread(self._server.stop)
        except UnavailableError as error:
            log.warning("database did not stop", reason=str(error))
