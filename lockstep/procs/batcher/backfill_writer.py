"""Adds what a replay of the journal emits to a database, through a spool and in batches, as a run does.

It reads no journal itself. If it is interrupted, the database has everything up to its watermark.
"""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lockstep.core.recovery.replay import ReplayedCore
from lockstep.procs.batcher.reader import Reader
from lockstep.procs.batcher.rows import Batch
from lockstep.procs.batcher.spool import Spool
from lockstep.procs.batcher.spool_writer import SpoolWriter
from lockstep.procs.batcher.writer import Session

# What is spooled before it is written. Beyond it, a turn adds no more than the rings hold.
SPOOLED_BYTES = 32 * 2**20
SEGMENT_BYTES = 8 * 2**20
IDLE_ROUNDS = 100_000  # without any work: the replay is stuck, which is a bug


class Filling:
    """From a replay, by a small spool in the system's temporary folder, through `session` into its database."""

    def __init__(self, replay: ReplayedCore, session: Session, batch_rows: int) -> None:
        self._replay = replay
        self._session = session
        self._batch = Batch(batch_rows)
        self.events = 0

    def run(self, progress: Callable[[int], None]) -> None:
        """Fill until the database has everything up to the replay's last record; `progress` gets the position.

        CoreReplayError, psycopg.Error, RefusedError, OSError if the temporary folder's disk is full, and ValueError
        if the journal is not the session's: what was committed until then stays.
        """
        last_seq = self._replay.last_seq
        self._session.teach(self._batch)
        with tempfile.TemporaryDirectory(prefix="lockstep-filling-") as folder:
            spool = Spool(Path(folder), SEGMENT_BYTES)
            spool.begin(self._replay.start.numbers, self._session.born_ns)
            spooler = SpoolWriter(self._replay.venue.board, self._replay.consumers, spool)
            reader = Reader(spool)
            idle = 0
            while spool.complete_seq < last_seq:
                work = self._replay.step() + spooler.poll(time.monotonic_ns())
                idle = 0 if work else idle + 1
                if spool.is_full:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)
                if idle > IDLE_ROUNDS:
                    raise RuntimeError(f"the replay does not get beyond record {spool.complete_seq} of {last_seq}")
                if spool.end - reader.position >= SPOOLED_BYTES:
                    self._load(reader, progress)
            self._load(reader, progress)

    def complete(self) -> None:
        """Work out the positions that corrections have left to be made."""
        while self._session.make_missing():
            pass

    def _load(self, reader: Reader, progress: Callable[[int], None]) -> None:
        """Write all that is spooled."""
        batch, session = self._batch, self._session
        more = True
        while more:
            batch.begin(session.numbers, session.complete_seq)
            more = reader.fill(batch)
            if batch.events or batch.complete_seq > session.complete_seq:
                session.write(batch)
                self.events += batch.events
            reader.spool.discard(reader.position)
            progress(session.complete_seq)
