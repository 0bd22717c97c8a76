"""Writes what a replay of the journal emits into a database, behind what that has: the batcher's own way, without rings
that anybody waits for.

It reads no journal itself; whoever is interrupted leaves a database that has everything up to its watermark.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from procs.batcher.reader import Reader
from procs.batcher.rows import Batch
from procs.batcher.spool import Spool
from procs.batcher.spooler import Spooler
from procs.batcher.writer import Session
from shm.board import Board
from shm.ring import Consumer

# What a poll can add to the spool beyond this is bounded by the rings.
SPOOLED_BYTES = 32 * 2**20
SEGMENT_BYTES = 8 * 2**20
IDLE_ROUNDS = 100_000


class Source(Protocol):
    """A replay: `step` it until all is done; meanwhile its events come out of `consumers`, as `board` releases them."""

    @property
    def board(self) -> Board: ...
    @property
    def consumers(self) -> Mapping[int, Consumer]: ...
    @property
    def numbers(self) -> tuple[int, ...]: ...
    @property
    def last_seq(self) -> int: ...
    def step(self) -> int: ...


class Filling:
    """From a replay, by a spool below `folder` that is gone afterwards, through `session` into its database."""

    def __init__(self, source: Source, session: Session, folder: Path, batch_rows: int) -> None:
        self._source = source
        self._session = session
        self._folder = folder
        self._batch = Batch(batch_rows)
        self._batch_rows = batch_rows

    def run(self, progress: Callable[[int], None]) -> None:
        """Fill until the database has everything up to the replay's last record; `progress` is told how far it is.

        Raises what the replay raises, psycopg.Error and RefusedError: what was committed until then stays.
        """
        with tempfile.TemporaryDirectory(prefix="filling-", dir=self._folder) as folder:
            spool = Spool(Path(folder), SEGMENT_BYTES)
            spool.begin(self._source.numbers, self._session.born_ns)
            spooler = Spooler(self._source.board, self._source.consumers, spool)
            self._session.teach(self._batch)
            reader = Reader(spool)
            idle = 0
            while spool.complete_seq < self._source.last_seq:
                work = self._source.step() + spooler.poll(time.monotonic_ns())
                idle = 0 if work else idle + 1
                if idle > IDLE_ROUNDS:
                    raise RuntimeError(f"the replay does not get beyond record {spool.complete_seq}")
                if spool.end - reader.position >= SPOOLED_BYTES:
                    self._load(reader, progress)
            self._load(reader, progress)

    def _load(self, reader: Reader, progress: Callable[[int], None]) -> None:
        batch, session = self._batch, self._session
        more = True
        while more:
            batch.begin(session.numbers, session.complete_seq)
            more = reader.fill(batch)
            if batch.events or batch.complete_seq > session.complete_seq:
                session.write(batch)
            reader.spool.discard(reader.position)
            progress(session.complete_seq)
