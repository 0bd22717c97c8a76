"""`lockstep proposals`, `deposits`, and `list` of `adjust`, `bust` and `correct`: what waits for a second operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lockstep.cli.running import attach
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json, table
from lockstep.core.journal.journal import JournalError
from lockstep.core.operations import money, trades
from lockstep.core.operations import proposals as kinds
from lockstep.core.operations.directory import Directory, asker, read


def proposals(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show everything that waits for a second operator, except password resets.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """

    def waiting(directory: Directory) -> Mapping[int, Any]:
        tables = (directory.proposals, directory.corrections, directory.deposits, directory.pending)
        return dict(sorted((seq, known) for table in tables for seq, known in table.items()))

    return show(config, waiting, {"change": kinds.worded}, json=json)


def deposits(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show the deposits above a limit that wait for a second operator.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    return show(config, lambda directory: directory.deposits, {"deposit": money.deposit_text}, json=json)


def adjustments(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show the proposals that wait for approval.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    return show(config, lambda directory: directory.proposals, {"change": money.adjustment_text}, json=json)


def corrections(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show the trades whose bust or new price waits for approval.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    columns = {"trade": trades.worded, "change": trades.change}
    return show(config, lambda directory: directory.corrections, columns, json=json)


def show(
    config: Path,
    waiting: Callable[[Directory], Mapping[int, Any]],
    columns: Mapping[str, Callable[[Directory, Any], str]],
    *,
    json: bool,
) -> int:
    """Print what is `waiting` in the directory, one a line, with what each of `columns` says. Returns the exit code."""
    loaded = load(config, secrets=False)
    venue = attach(Path(loaded.venue.data))
    if venue is None:
        return fail(f"venue {loaded.venue.name} is not running (data: {loaded.venue.data})", json=json)
    try:
        directory = read(venue)
    except JournalError as error:
        return fail(f"the journal can't be read: {error}", json=json)
    rows = [
        {
            "proposal": seq,
            "by": directory.name_of_account(asker(known)),
            **{name: worded(directory, known) for name, worded in columns.items()},
        }
        for seq, known in waiting(directory).items()
    ]
    if json:
        print_json(rows)
    else:
        out = table("", "proposal>", "proposed by", *columns)
        for row in rows:
            out.add_row(*map(str, row.values()))
        console().print(out)
    return EXIT_OK


# What waits for the commands of a group.
LISTS: dict[str, Callable[..., int]] = {"adjust": adjustments, "bust": corrections, "correct": corrections}
