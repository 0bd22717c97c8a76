"""`lockstep proposals`, `deposits`, `withdrawals`, and `list` of `adjust`, `bust` and `correct`: what waits for others.

They read the directory, and send nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lockstep.cli.running import attach, not_running
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json, table
from lockstep.core.journal.journal import JournalError
from lockstep.core.operations import money, trades
from lockstep.core.operations import proposals as kinds
from lockstep.core.operations.amounts import step_text
from lockstep.core.operations.directory import Directory, Waiting, asker, read
from lockstep.core.schema.alphabet import shown


def proposals(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show everything that waits for a second operator, except password resets.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    return _show_proposals(config, kinds.waiting, {"change": kinds.worded}, json=json)


def deposits(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show the deposits above a limit that wait for a second operator.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    return _show_proposals(config, lambda directory: directory.deposits, {"deposit": money.deposit_text}, json=json)


def adjustments(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show the proposals that wait for approval.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    return _show_proposals(config, lambda directory: directory.proposals, {"change": money.adjustment_text}, json=json)


def corrections(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show the trades whose bust or new price waits for approval.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    columns = {"trade": trades.worded, "change": trades.change}
    return _show_proposals(config, lambda directory: directory.corrections, columns, json=json)


def withdrawals(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show the withdrawals that wait: to be approved by two operators, or to be paid.

    Those that are paid or given back are in the database's view `withdrawals`.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    columns = ("withdrawal>", "account", "amount>", "asset", "destination", "state", "approved by")

    def rows(directory: Directory) -> list[dict[str, Any]]:
        return [_withdrawal(directory, number, known) for number, known in directory.withdrawals.items()]

    return _show(config, columns, rows, json=json)


def _withdrawal(directory: Directory, number: int, known: Waiting) -> dict[str, Any]:
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


def _show_proposals(
    config: Path,
    waiting: Callable[[Directory], Mapping[int, Any]],
    columns: Mapping[str, Callable[[Directory, Any], str]],
    *,
    json: bool,
) -> int:
    """Print proposals, each with its number, who made it, and what each of `columns` says. Returns the exit code."""

    def rows(directory: Directory) -> list[dict[str, Any]]:
        return [
            {
                "proposal": seq,
                "by": directory.name_of_account(asker(known)),
                **{name: worded(directory, known) for name, worded in columns.items()},
            }
            for seq, known in waiting(directory).items()
        ]

    return _show(config, ("proposal>", "proposed by", *columns), rows, json=json)


def _show(
    config: Path, columns: Sequence[str], rows_of: Callable[[Directory], list[dict[str, Any]]], *, json: bool
) -> int:
    """Print rows that the directory of the running venue gives, below `columns`. Returns the exit code."""
    loaded = load(config, secrets=False)
    venue = attach(Path(loaded.venue.data))
    if venue is None:
        return fail(not_running(loaded), json=json)
    try:
        rows = rows_of(read(venue))
    except JournalError as error:
        return fail(f"the journal can't be read: {error}", json=json)
    if json:
        print_json(rows)
        return EXIT_OK
    out = table("", *columns)
    for row in rows:
        out.add_row(*(", ".join(each) if isinstance(each, list) else str(each) for each in row.values()))
    console().print(out)
    return EXIT_OK


# What waits for the commands of a group.
LISTS: dict[str, Callable[..., int]] = {"adjust": adjustments, "bust": corrections, "correct": corrections}
