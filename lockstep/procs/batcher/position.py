"""How far a database says that it is, and whether the journal has all of that.

It only reads, and claims nothing: it works before it is known whether the database may be written.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from lockstep.core.journal.end import short_of
from lockstep.core.journal.journal import JournalReader, segment_seqs
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import Command
from lockstep.procs.batcher.author import Author, objection_of_journal


class Position(NamedTuple):
    """The journal's birth (0: of none yet), the record up to which it has everything; and by ring the number of its
    last event, the record that caused it, and that record's time (0: unknown). `author` wrote last."""

    born_ns: int
    complete_seq: int
    numbers: list[int]
    causes: list[int]
    times_ns: list[int]
    author: Author = Author()

    @property
    def last_seq(self) -> int:
        """The last record of which it has anything."""
        return max(self.complete_seq, *self.causes)


class Judge(NamedTuple):
    """Checks a database against a run's journal: whether that is open yet, and why they don't match."""

    is_open: Callable[[], bool] = lambda: True
    objection: Callable[[Position], str | None] = lambda _: None


EMPTY = Position(0, 0, [0], [0], [0])


def position(connection: psycopg.Connection[Any]) -> Position:
    """Where the database is; `EMPTY` where it has no tables yet. psycopg.Error."""
    there = connection.execute(
        "SELECT count(*) FROM pg_class WHERE oid IN (to_regclass('writer'), to_regclass('watermark'))"
    )
    if there.fetchone() != (2,):
        return EMPTY
    writer = connection.execute("SELECT journal_born_ns, complete_seq, epoch, boot, node FROM writer").fetchone()
    born_ns, complete_seq, *author = writer or (0, 0, *Author())
    rings = connection.execute("SELECT number, seq, time_ns FROM watermark ORDER BY ring").fetchall()
    numbers, causes, times_ns = ([ring[i] for ring in rings] or [0] for i in range(3))
    return Position(born_ns, complete_seq, numbers, causes, times_ns, Author(*author))


def objection(found: Position, journal: Path, committed: int, node: str = "") -> str | None:
    """Why a database does not belong to the journal in that folder, which has records up to `committed`.

    None if it may be. `node` is whose journal it is. JournalError, OSError.
    """
    if is_foreign(found, journal, committed):
        return (
            "the database has rows of another journal: give the venue an empty one (database.url), restore that"
            " journal, or let `lockstep rebuild-db --replace` rebuild the database from this one"
        )
    later = objection_of_journal(found.author, _epoch_of(journal, committed))
    if later and found.author.node != node:
        return later
    if found.last_seq > committed:
        reason = (
            f"the journal ends at record {committed:,}, and the database has everything up to record"
            f" {found.complete_seq:,}, and rows up to {found.last_seq:,}"
        )
        return str(short_of(journal, committed, reason))
    for seq, time_ns in zip(found.causes, found.times_ns, strict=True):
        if time_ns and _time_of(journal, seq) not in (None, time_ns):
            return (
                f"record {seq:,} of the journal is not the one of which the database has rows: one of the two was"
                " restored, and the venue went on. `lockstep rebuild-db` rebuilds the database from the journal"
            )
    return later or None


def is_foreign(found: Position, journal: Path, committed: int) -> bool:
    """Whether the database has rows of a journal that began at another time; not known where the beginning is gone."""
    if not found.born_ns or segment_seqs(journal)[:1] != [1]:
        return False
    return committed == 0 or found.born_ns != _time_of(journal, 1)


def _time_of(journal: Path, seq: int) -> int | None:
    """The log time of a record that was committed; None if the journal no longer has it."""
    record = _record(journal, seq)
    return None if record is None else record.time_ns


def _epoch_of(journal: Path, seq: int) -> int | None:
    """The epoch of a record that was committed; None if the journal no longer has it."""
    record = _record(journal, seq)
    return None if record is None else record.epoch


def _record(journal: Path, seq: int) -> Command | None:
    seqs = segment_seqs(journal)
    if not seqs or seq < seqs[0]:
        return None
    reader = JournalReader(journal, seq, seq)
    try:
        return unpack_command(next(reader))
    finally:
        reader.close()
