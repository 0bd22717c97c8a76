"""`lockstep proposals` and `proposal`: what waits for a second operator is listed, approved and dismissed.

`lockstep adjust list`, `bust list`, `correct list` and `deposits` show a part of it by `show`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from procs.operating import proposals as kinds
from procs.operating.directory import Directory, asker, read
from scripts.operate.command import Context, Options, Request, carry_out, saying
from scripts.running import attach
from scripts.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json, table
from shm.journal import JournalError
from shm.records import Dismissal

Number = Annotated[int, Parameter(help="The proposal's number, as lockstep proposals shows it.")]

proposal = App(name="proposal", help="Approve another operator's proposal, or dismiss one.")


def proposals(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show everything that waits for a second operator, except password resets.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """

    def waiting(directory: Directory) -> Mapping[int, Any]:
        tables = (directory.proposals, directory.corrections, directory.deposits, directory.pending)
        return dict(sorted((seq, known) for table in tables for seq, known in table.items()))

    return show(config, waiting, {"change": kinds.worded}, json=json)


@proposal.command
def approve(number: Number, config: ConfigPath = DEFAULT_CONFIG, *, options: Options) -> int:
    """Approve another operator's withdrawal, or another admin's role, deposit limit, welcome or registration.

    Deposits, adjustments, busts, new prices and password resets are approved by their own commands.

    Example: lockstep proposal approve 184467 --operator OPERATOR2

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """

    def request(context: Context) -> Request:
        commands = kinds.by_operators_ring(kinds.approval(context.directory, number))
        what = kinds.worded(context.directory, context.directory.pending[number])
        return Request(commands, saying(f"done: {what}", {"proposal": number}), f"Approve: {what}?")

    return carry_out(config, options, request)


@proposal.command
def dismiss(number: Number, config: ConfigPath = DEFAULT_CONFIG, *, options: Options) -> int:
    """Withdraw your own proposal of any kind, or reject another operator's. Nothing else changes.

    What only admins may approve, only admins reject. A password reset can be ended until it is used.

    Example: lockstep proposal dismiss 184467 --operator OPERATOR2

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    done = saying(f"proposal {number} is dismissed", {"proposal": number})
    return carry_out(config, options, lambda _: Request([Dismissal(cl_ord_id=b"", proposal=number)], done))


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
