"""`lockstep withdrawals`: which ones wait. It reads the directory."""

from __future__ import annotations

from pathlib import Path

from lockstep.cli.running import attach
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json, table
from lockstep.core.journal.journal import JournalError
from lockstep.core.operations.amounts import step_text
from lockstep.core.operations.directory import Directory, Waiting, read
from lockstep.core.schema.alphabet import shown


def withdrawals(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show the withdrawals that wait: to be approved by two operators, or to be paid.

    Those that are paid or given back are in the database's view `withdrawals`.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    loaded = load(config, secrets=False)
    venue = attach(Path(loaded.venue.data))
    if venue is None:
        return fail(f"venue {loaded.venue.name} is not running (data: {loaded.venue.data})", json=json)
    try:
        directory = read(venue)
    except JournalError as error:
        return fail(f"the journal can't be read: {error}", json=json)
    rows = [_row(directory, number, known) for number, known in directory.withdrawals.items()]
    if json:
        print_json(rows)
        return EXIT_OK
    out = table("", "withdrawal>", "account", "amount>", "asset", "destination", "state", "approved by")
    for row in rows:
        out.add_row(*(", ".join(each) if isinstance(each, list) else str(each) for each in row.values()))
    console().print(out)
    return EXIT_OK


def _row(directory: Directory, number: int, known: Waiting) -> dict[str, object]:
    name, scale = directory.name_of_asset(known.request.asset)
    return {
        "withdrawal": number,
        "account": directory.name_of_account(known.request.owner),
        "amount": step_text(known.request.amount, scale),
        "asset": name,
        "destination": shown(known.destination),
        "state": known.state.name,
        "approved_by": [directory.name_of_account(each) for each in known.approved_by],
    }
