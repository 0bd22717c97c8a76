"""`lockstep rebuild-db`: rebuilds the database from the journal.

It writes a database and nothing else of the venue. The old rows stay until the new ones are complete and replace them
in one transaction: if this is interrupted, the old ones are still there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import psycopg
from cyclopts import Parameter

from lockstep.cli.errors import UsageError
from lockstep.cli.progress import Progress
from lockstep.cli.terminal import (
    DEFAULT_CONFIG,
    EXIT_OK,
    EXIT_PROBLEM,
    ConfigPath,
    Json,
    Yes,
    is_sure,
    load,
    print_json,
    say,
    stopped,
)
from lockstep.config.schema import Config
from lockstep.core.journal.journal import JournalError
from lockstep.core.recovery.replay import CoreReplayError
from lockstep.core.venue import first_journal
from lockstep.core.venue.venue import OtherVersionError
from lockstep.procs.batcher import database, rebuild, writer
from lockstep.procs.batcher.rebuild import Outcome


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
    except OtherVersionError as error:
        raise UsageError(str(error)) from None
    except (JournalError, CoreReplayError, writer.RefusedError, database.UnavailableError) as error:
        outcome.problem = str(error)
    except psycopg.Error as error:
        outcome.problem = f"database: {str(error).strip()}"
    print_json(outcome) if json else _print(outcome)
    return EXIT_PROBLEM if outcome.problem else EXIT_OK


def make(config: Config, data: Path, into: str, outcome: Outcome, *, replace: bool = False) -> None:
    """Rebuild the database of the venue in `data`, or `into`. As `rebuild.make`; UsageError if the venue runs."""
    with Progress("rebuilding", 0, "records") as progress:
        if into:
            rebuild.make(config, data, into, outcome, progress.show, replace=replace)
        else:
            with stopped(data):
                rebuild.remake(config, data, outcome, progress.show, replace=replace)


def _print(outcome: Outcome) -> None:
    rate = outcome.complete / outcome.seconds if outcome.seconds else 0.0
    for what in outcome.lost:
        say(f"{what} was somebody else's: the new table does not have it")
    if outcome.complete:
        say(
            f"the database has everything up to record {outcome.complete:,}: {outcome.events:,} events in"
            f" {outcome.seconds:,.1f} s, {rate:,.0f} records a second"
        )
    if outcome.problem:
        say(outcome.problem, "red")
