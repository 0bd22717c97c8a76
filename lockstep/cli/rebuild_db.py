"""`lockstep rebuild-db`: rebuilds the database from the journal.

It writes a database and nothing else of the venue. The old rows stay until the new ones are complete and replace them
in one transaction: if this is interrupted, the old ones are still there.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Annotated

import psycopg
from cyclopts import Parameter
from msgspec import Struct

from lockstep.cli.errors import UsageError
from lockstep.cli.progress import Progress
from lockstep.cli.running import attach
from lockstep.cli.terminal import (
    DEFAULT_CONFIG,
    EXIT_OK,
    EXIT_PROBLEM,
    ConfigPath,
    Json,
    Yes,
    console,
    is_sure,
    load,
    print_json,
    stopped,
)
from lockstep.config.schema import Config
from lockstep.core.journal import journal
from lockstep.core.journal.journal import JournalError, JournalReader
from lockstep.core.recovery.replay import CoreReplayError, ReplayedCore
from lockstep.core.schema.layout import unpack_command
from lockstep.core.venue import first_journal
from lockstep.core.venue.committed import committed
from lockstep.core.venue.snapshot_parts import Start
from lockstep.procs.batcher import database, rebuild, requests, writer
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.backfill_writer import Filling


class Outcome(Struct):
    """The outcome. `problem` is empty if the database is whole: it has everything up to record `complete` then.

    `lost`: what others had added to the old tables (triggers, indexes…), which the new ones don't have.
    """

    problem: str = ""
    lost: list[str] = []
    complete: int = 0
    events: int = 0
    seconds: float = 0.0


def rebuild_db(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    into: Annotated[
        str, Parameter(help="The URL of another database to fill, which need have no tables: the venue may run then.")
    ] = "",
    replace: Annotated[bool, Parameter(negative=(), help="Do so if it has rows of another journal, too.")] = False,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Rebuild the database from the journal: fill new tables, then put them in place of the old ones.

    Stop the venue first, unless you fill another database. If this is interrupted, the database stays as it was, and
    the next run cleans up. It needs room for both copies. Rights granted on the tables stay; triggers and the like
    that others have added do not, and are listed.

    Exit codes: 0 the database has everything; 1 it has not, and why; 2 the command line or the configuration is wrong,
    or the venue runs.
    """
    loaded = load(config)
    data = Path(loaded.venue.data)
    if objection := first_journal.objection_to_venue(loaded, data):
        raise UsageError(objection)
    if not (into or yes or is_sure("This replaces every row of the venue's database. Continue?")):
        raise UsageError("nothing was done: confirm with --yes")
    outcome = Outcome()
    try:
        make(loaded, data, into, outcome, replace=replace)
    except (JournalError, CoreReplayError, writer.RefusedError, database.UnavailableError) as error:
        outcome.problem = str(error)
    except psycopg.Error as error:
        outcome.problem = f"database: {str(error).strip()}"
    print_json(outcome) if json else _print(outcome)
    return EXIT_PROBLEM if outcome.problem else EXIT_OK


def make(config: Config, data: Path, into: str, outcome: Outcome, *, replace: bool = False) -> None:
    """Rebuild the database of the venue in `data`, or `into`, and note the result in `outcome`.

    UsageError if the venue runs, JournalError, CoreReplayError, RefusedError, UnavailableError, psycopg.Error.
    """
    if into:
        _rebuild(config, data, into, outcome, replace=replace)
        return
    with stopped(data):
        remake(config, data, outcome, replace=replace)


def remake(config: Config, data: Path, outcome: Outcome, *, replace: bool = False) -> None:
    """`make` for the venue's own database, by who holds the folder of the stopped venue."""
    server = database.server(config, data)
    started = False
    try:
        _last_seq(data)
        started = server.start()
        _rebuild(config, data, server.url, outcome, replace=replace)
        # The database has everything in it, and it may belong to a journal that is gone.
        shutil.rmtree(data / "spool", ignore_errors=True)
    finally:
        if started:
            server.stop()


def _last_seq(data: Path) -> int:
    """The last record that belongs into the database. JournalError if the journal is damaged, or not whole."""
    if not journal.segment_seqs(data / "journal"):
        raise JournalError(f"there is no journal in {data}")
    first = journal.segment_seqs(data / "journal")[0]
    if first != 1:
        raise JournalError(
            f"the journal begins with record {first}: the database can be rebuilt from record 1 only. Put the earlier"
            " segments back, or restore a backup of the database; the venue brings that up to date by itself"
        )
    if running := attach(data):
        return committed(running)
    report = journal.verify(data / "journal")
    if report.corruption:
        raise JournalError(f"{report.corruption} ({report.corrupt_file}, offset {report.corrupt_offset})")
    return report.last_seq


def _rebuild(config: Config, data: Path, url: str, outcome: Outcome, *, replace: bool) -> None:
    """Rebuild the database at `url` from the journal in `data`."""
    begun_s = time.monotonic()
    last_seq, born_ns = _last_seq(data), _born_ns(data)
    with rebuild.begun(url, born_ns, replace=replace) as made:
        outcome.lost = made.lost
        session = writer.Session(made.url, Author(), born_ns, requests.records_of(data / "journal"))
        try:
            filling = Filling(
                ReplayedCore(config, data, Start.genesis(), last_seq), session, config.database.batch_rows
            )
            with Progress("rebuilding", last_seq, "records") as progress:
                filling.run(progress.show)
                filling.complete()
        finally:
            session.close()
        if session.complete_seq < last_seq or session.has_refused:
            raise writer.RefusedError("not every row was taken: what was there stays")
        made.swap()
    outcome.complete, outcome.events = session.complete_seq, filling.events
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
    for what in outcome.lost:
        out.print(f"{what} was somebody else's: the new table does not have it", markup=False, soft_wrap=True)
    if outcome.complete:
        out.print(
            f"the database has everything up to record {outcome.complete:,}: {outcome.events:,} events in"
            f" {outcome.seconds:,.1f} s, {rate:,.0f} records a second"
        )
    if outcome.problem:
        out.print(outcome.problem, style="red", markup=False, soft_wrap=True)
