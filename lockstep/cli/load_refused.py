"""`lockstep load-refused`: tries rows again that the database has refused, once the cause is mended.

It moves rows that are set aside into their tables, and nothing else; the venue may run meanwhile.
"""

from __future__ import annotations

import psycopg
from msgspec import Struct

from lockstep.cli.terminal import (
    DEFAULT_CONFIG,
    EXIT_OK,
    EXIT_PROBLEM,
    ConfigPath,
    Json,
    console,
    load,
    print_json,
)
from lockstep.core.diagnostics.counts import counted
from lockstep.core.operations.status import RefusedRows
from lockstep.procs.batcher import database, refused

SHOWN = 10


class Outcome(Struct):
    """The outcome: rows that are in their tables now, and those that are still set aside, and why."""

    loaded: int = 0
    left: int = 0
    reasons: list[RefusedRows] = []
    problem: str = ""


def load_refused(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Load rows that the database has refused, in the order of the log. Those that it refuses again stay set aside.

    Fix the cause first: lockstep status and lockstep verify name it.

    Exit codes: 0 no row is set aside any more; 1 some are, or the database can't be reached; 2 the configuration is
    wrong.
    """
    loaded = load(config)
    outcome = Outcome()
    try:
        with database.started(loaded) as url, psycopg.connect(url, autocommit=True) as connection:
            outcome.loaded = refused.load(connection).loaded
            outcome.left, outcome.reasons = refused.reasons(connection, SHOWN)
    except (psycopg.Error, database.UnavailableError) as error:
        outcome.problem = f"the database can't be reached: {str(error).strip()}"
    print_json(outcome) if json else _print(outcome)
    return EXIT_PROBLEM if outcome.left or outcome.problem else EXIT_OK


def _print(outcome: Outcome) -> None:
    out = console()
    if not outcome.problem:
        out.print(f"{counted(outcome.loaded, 'row')} loaded, {outcome.left:,} still set aside")
    for each in outcome.reasons:
        out.print(each.wording, markup=False, soft_wrap=True)
    if outcome.problem:
        out.print(outcome.problem, style="red", markup=False, soft_wrap=True)
