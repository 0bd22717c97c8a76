"""`lockstep commands`: which operator gave which command, when, and with which outcome, as the journal has it.

It reads the journal from its end backwards, and sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from lockstep.cli.operate.command import as_usage
from lockstep.cli.running import attach, not_running
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json, table
from lockstep.core.journal.journal import JournalError, segment_seqs
from lockstep.core.journal.select import select
from lockstep.core.operations.directory import Directory, asker, read
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.operations.formatting import Names, of_command
from lockstep.core.operations.questions import CommandGiven, LastCommands
from lockstep.core.rules.roles import OPERATORS
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import Code, Command, CommandType
from lockstep.core.venue.committed import committed
from lockstep.core.venue.venue import Venue

OF_OPERATORS = (
    CommandType.ASSET, CommandType.INSTRUMENT, CommandType.ACCOUNT, CommandType.MASS_CANCEL, CommandType.KILL_SWITCH,
    CommandType.PHASE, CommandType.SCHEDULE, CommandType.LIMITS, CommandType.ACCOUNT_LIMITS, CommandType.POSITION_LIMIT,
    CommandType.FEE_TIER, CommandType.DEPOSIT, CommandType.WITHDRAWAL, CommandType.ADJUSTMENT,
    CommandType.CORRECTION_PROPOSAL, CommandType.CORRECTION, CommandType.WITHDRAWAL_REQUEST,
    CommandType.WITHDRAWAL_DECISION, CommandType.DEPOSIT_LIMIT, CommandType.REGISTRATION, CommandType.WELCOME,
    CommandType.API_KEY, CommandType.KEY_REVOCATION, CommandType.SECOND_FACTOR, CommandType.PASSWORD_RESET,
    CommandType.DISMISSAL,
)  # fmt: skip
KINDS = {kind.name.lower(): kind for kind in OF_OPERATORS}
WINDOW = 500_000  # records that are looked through at once
MAX_RECORDS_READ = 50_000_000
MS_NS = 1_000_000
MAX_ROWS = 1000


def commands(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    by: Annotated[str, Parameter(help="Only those of this account; of all operators if left out.")] = "",
    kind: Annotated[str, Parameter(help=f"Only those of one kind: {', '.join(sorted(KINDS))}.")] = "",
    before: Annotated[int, Parameter(help="Only those before this record of the log; 0: up to now.")] = 0,
    limit: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=MAX_ROWS), help="How many at most.")] = 50,
    json: Json = False,
) -> int:
    """Show operators' commands, the newest first: record, time, who, what, and the outcome.

    Definitions of the configuration have no account. lockstep at RECORD shows the venue just after one of them.

    Examples: lockstep commands --by OPERATOR1; lockstep commands --kind correction_proposal --json

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    loaded = load(config, secrets=False)
    venue = attach(Path(loaded.venue.data))
    if venue is None:
        return fail(not_running(loaded), json=json)
    try:
        with as_usage():
            found = last_commands(venue, LastCommands(by, kind, before, limit))
    except JournalError as error:
        return fail(f"the journal can't be read: {error}", json=json)
    if json:
        print_json(found)
        return EXIT_OK
    shown = table("", "record>", "time (UTC)", "by", "outcome", "what")
    for each in found:
        when = datetime.fromtimestamp(each.when / 1000, UTC)
        shown.add_row(str(each.record), f"{when:%Y-%m-%d %H:%M:%S}", each.by, each.outcome, each.what)
    console().print(shown)
    return EXIT_OK


def last_commands(venue: Venue, wanted: LastCommands) -> list[CommandGiven]:
    """The newest commands that are wanted. NotPossibleError, JournalError."""
    directory = read(venue)
    if wanted.kind and wanted.kind not in KINDS:
        raise NotPossibleError(f"unknown kind {wanted.kind}: known are {', '.join(sorted(KINDS))}", "kind")
    by = directory.account(wanted.by).number if wanted.by else None
    types = (KINDS[wanted.kind],) if wanted.kind else OF_OPERATORS
    staff = {each.number for each in directory.accounts.values() if each.role in OPERATORS}
    names = Names.of_directory(directory)
    found: list[CommandGiven] = []
    for command in _backwards(venue, types, wanted.before):
        gave = asker(command)
        if (gave in staff or (command.ingress == 0 and gave == 0)) if by is None else gave == by:
            found.append(_given(command, gave, directory, names))
            if len(found) >= wanted.limit:
                break
    return found


def _backwards(venue: Venue, types: tuple[CommandType, ...], before: int) -> Iterator[Command]:
    """The log's commands of these types, the newest first, as far as the journal reaches back."""
    journal = venue.data / "journal"
    last = committed(venue)
    if before > 0:
        last = min(last, before - 1)
    begins = max(segment_seqs(journal)[0], last - MAX_RECORDS_READ)
    while last >= begins:
        first = max(begins, last - WINDOW + 1)
        for record in reversed(select(journal, first, last, types)):
            yield unpack_command(record)
        last = first - 1


def _given(command: Command, by: int, directory: Directory, names: Names) -> CommandGiven:
    return CommandGiven(
        command.seq, command.time_ns // MS_NS, directory.name_of_account(by) if by else "",
        CommandType(command.type).name.lower(), of_command(command, (), names),
        Code(getattr(command, "verdict", 0)).name,
    )  # fmt: skip
