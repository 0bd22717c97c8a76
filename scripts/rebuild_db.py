"""`lockstep rebuild-db`: makes the database anew from the journal.

It writes a database and nothing else of the venue; what it has written so far is right at any moment, up to the
watermark beside it, and its successor, or a venue that starts, goes on from there.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Annotated

import psycopg
from cyclopts import Parameter
from msgspec import Struct

from config.schema import Config
from procs.batcher import database, writer
from procs.batcher.filling import Filling
from procs.replica import Replica, ReplicaError
from procs.snapshots import Start
from scripts.progress import Progress
from scripts.status import attach
from scripts.terminal import (
    DEMO,
    EXIT_OK,
    EXIT_PROBLEM,
    ConfigPath,
    Json,
    UsageError,
    Yes,
    console,
    is_sure,
    load,
    print_json,
    stopped,
)
from shm import journal
from shm.board import Word
from shm.journal import JournalError, JournalReader
from shm.layout import unpack_command

EPOCH = 1  # of the claim: any venue that leads has this or a later one


class Outcome(Struct):
    """What came of it. `problem` is empty where the database is whole; it has everything up to record `complete`."""

    problem: str = ""
    complete: int = 0
    events: int = 0
    seconds: float = 0.0


def rebuild_db(
    config: ConfigPath = DEMO,
    *,
    into: Annotated[
        str, Parameter(help="The URL of another database to fill, which need have no tables: the venue may run then.")
    ] = "",
    replace: Annotated[bool, Parameter(negative=(), help="Do so if it has rows of another journal, too.")] = False,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Make the database anew from the journal: empty it, and fill it from the first record on.

    The venue must be stopped, unless it is another database that is filled. Where this is interrupted, the database has
    everything up to its watermark; the venue's next start, or another run of this, brings it to its end.

    Exit codes: 0 the database has everything; 1 it has not, and why; 2 the command line or the configuration is wrong,
    or the venue runs.
    """
    loaded = load(config)
    data = Path(loaded.venue.data)
    if not (into or yes or is_sure("All rows of the venue's database are removed, and made anew. Go on?")):
        raise UsageError("nothing was done: --yes says that you are sure")
    outcome = Outcome()
    try:
        rebuild(loaded, data, into, outcome, replace=replace)
    except (JournalError, ReplicaError, writer.RefusedError, database.UnavailableError) as error:
        outcome.problem = str(error)
    except psycopg.Error as error:
        outcome.problem = f"database: {str(error).strip()}"
    print_json(outcome) if json else _print(outcome)
    return EXIT_PROBLEM if outcome.problem else EXIT_OK


def rebuild(config: Config, data: Path, into: str, outcome: Outcome, *, replace: bool = False) -> None:
    """Make the database of the venue in `data`, or `into`, anew, and tell `outcome` how far that has come.

    UsageError where the venue runs, JournalError, ReplicaError, RefusedError, UnavailableError, psycopg.Error.
    """
    if into:
        last_seq = _last_seq(data)
        _fill(config, data, _claimed(data, into, replace=replace), last_seq, outcome)
        return
    with stopped(data):
        server = database.server(config, data)
        started = False
        try:
            last_seq = _last_seq(data)
            started = server.start()
            session = _claimed(data, server.url, replace=replace)
            # The database is to get all that it holds, and it may be of a journal that is no more.
            shutil.rmtree(data / "spool", ignore_errors=True)
            _fill(config, data, session, last_seq, outcome)
        finally:
            if started:
                server.stop()


def _last_seq(data: Path) -> int:
    """The last record that is to be in the database. JournalError where the journal is damaged, or not whole."""
    if not journal.segment_seqs(data / "journal"):
        raise JournalError(f"there is no journal in {data}")
    first = journal.segment_seqs(data / "journal")[0]
    if first != 1:
        raise JournalError(
            f"the journal begins with record {first}: the database can be made anew from record 1 only. Put the earlier"
            " segments back, or restore a backup of the database; the venue brings that up to date by itself"
        )
    if running := attach(data):
        return running.board.get(Word.DURABLE_SEQ)
    report = journal.verify(data / "journal")
    if report.corruption:
        raise JournalError(f"{report.corruption} ({report.corrupt_file}, offset {report.corrupt_offset})")
    return report.last_seq


def _claimed(data: Path, url: str, *, replace: bool) -> writer.Session:
    """A session with the database, which has its tables and not one row."""
    born_ns = _born_ns(data)
    database.migrate(url)
    writer.clear(url, born_ns, replace=replace)
    return writer.Session(url, EPOCH, born_ns)


def _fill(config: Config, data: Path, session: writer.Session, last_seq: int, outcome: Outcome) -> None:
    begun_s = time.monotonic()
    try:
        filling = Filling(Replica(config, data, Start.genesis(), last_seq), session, config.database.batch_rows)
        with Progress("rebuilding", last_seq, "records") as progress:
            filling.run(progress.show)
        outcome.events = filling.events
    finally:
        session.close()
        outcome.complete = session.complete_seq
        outcome.seconds = round(time.monotonic() - begun_s, 3)


def _born_ns(data: Path) -> int:
    reader = JournalReader(data / "journal", 1, 1)
    try:
        return unpack_command(next(reader)).time_ns
    finally:
        reader.close()


def _print(outcome: Outcome) -> None:
    out = console()
    rate = outcome.complete / outcome.seconds if outcome.seconds else 0.0
    if outcome.complete:
        out.print(
            f"the database has everything up to record {outcome.complete:,}: {outcome.events:,} events in"
            f" {outcome.seconds:,.1f} s, {rate:,.0f} records a second"
        )
    if outcome.problem:
        out.print(outcome.problem, style="red", markup=False, soft_wrap=True)
