"""How far each copy of the journal is (commit, spool, database, snapshots, stores), and whether one stands still.

It looks, and waits a bounded time to see a running venue's database move; whether rows are right is for `verify`.
"""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
from msgspec import Struct

from lockstep.config.schema import Config
from lockstep.core.operations.status import RefusedRows
from lockstep.core.recovery import snapshot_catalog
from lockstep.procs.batcher import backfill, refused
from lockstep.procs.batcher.backfill_process import FillError
from lockstep.procs.batcher.database import CONNECT_TIMEOUT_S
from lockstep.procs.batcher.extent import extent
from lockstep.procs.batcher.position import EMPTY, Position, objection, position
from lockstep.procs.gateway.segments import stores
from lockstep.shm.board import Board

# A batch takes well below a second, a claim of the database and a back-off of the loader a few.
PATIENCE_S = 15.0
LOOK_S = 0.1
SHOWN_REASONS = 5


class Copies(Struct):
    """Where each copy ends, in records of the log: `committed` and `spool` are the journal's and the spool's end, the
    latter None while the venue runs; `database` is None if it can't be asked. `stores`: bytes, by gateway."""

    committed: int = 0
    spool: int | None = None
    spool_bytes: int = 0
    database: int | None = None
    refused_rows: int = 0
    snapshot: int = 0
    stores: dict[str, int] = {}


class Place(Struct, frozen=True):
    """What the database says of itself."""

    at: Position
    refused_rows: int
    reasons: list[RefusedRows]

    @property
    def complete(self) -> int:
        return self.at.complete_seq


def look(data: Path, committed: int) -> Copies:
    """The copies that are files. `committed` is the journal's end, or as far as it is committed."""
    found = Copies(committed)
    if (known := extent(data / "spool")) is not None:
        found.spool, found.spool_bytes = known.complete, known.size_bytes
    found.snapshot = max((entry.seq for entry in snapshot_catalog.entries(data)), default=0)
    for folder in stores(data):
        found.stores[folder.name] = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    return found


def place_of(url: str) -> Place:
    """Where the database at `url` is. psycopg.Error."""
    with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        connection.execute(f"SET statement_timeout = '{CONNECT_TIMEOUT_S}s'")
        at = position(connection)
        rows, reasons = (0, []) if at is EMPTY else refused.reasons(connection, SHOWN_REASONS)
    return Place(at, rows, reasons)


def judge_running(url: str, data: Path, board: Board, found: Copies, patience_s: float = PATIENCE_S) -> list[str]:
    """What is wrong with where a running venue's database is: it may be behind, but must move. psycopg.Error."""
    deadline = time.monotonic() + patience_s
    first = place = place_of(url)
    while place.complete < found.committed and place.complete <= first.complete and time.monotonic() < deadline:
        time.sleep(LOOK_S)  # nothing tells a bystander that a batch was committed
        place = place_of(url)
    found.database, found.refused_rows = place.complete, place.refused_rows
    problems = _judge(place, data, board.commit_position())
    if place.complete < found.committed and place.complete <= first.complete:
        problems.append(
            f"database: it has everything up to record {place.complete:,} of {found.committed:,}, and has not moved for"
            f" {patience_s:g} s: the venue's log says what its batcher waits for"
        )
    return problems


def judge_stopped(url: str, config: Config, found: Copies) -> tuple[list[str], list[str]]:
    """What is wrong with where a stopped venue's database is, and what its next start will do. psycopg.Error."""
    data = Path(config.venue.data)
    place = place_of(url)
    found.database, found.refused_rows = place.complete, place.refused_rows
    problems = _judge(place, data, found.committed)
    notes: list[str] = []
    if place.complete >= found.committed:
        return problems, notes
    missing = f"it has everything up to record {place.complete:,} of {found.committed:,}"
    spool = extent(data / "spool")
    has_gap = spool is None or any(first > has for first, has in zip(spool.first, place.at.numbers, strict=True))
    if has_gap:
        try:
            backfill.start_before(config, data, place.complete)
        except FillError as error:
            return [*problems, f"database: {error}"], notes
    if spool is not None and (has_gap or place.complete < spool.loaded):
        problems.append(f"database: {missing}, and had more once: the next start brings it back")
    elif has_gap and not place.complete:
        notes.append("database: it is empty, as that of a restored folder: the next start fills it from the journal")
    elif has_gap:
        notes.append(f"database: {missing}; there is no spool: the next start loads the rest from the journal")
    else:
        notes.append(f"database: {missing}; the next start loads the rest, from the spool what that has")
    return problems, notes


def _judge(place: Place, data: Path, committed: int) -> list[str]:
    """What is wrong whether the venue runs or not."""
    problems = []
    if wrong := objection(place.at, data / "journal", committed):
        problems.append(f"database: {wrong}")
    if place.refused_rows:
        problems.append(
            f"database: {place.refused_rows:,} rows were refused, and are set aside (lockstep load-refused)"
        )
        problems += [f"database: refused: {each.wording}" for each in place.reasons]
    return problems
