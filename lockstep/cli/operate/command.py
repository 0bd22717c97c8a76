"""What every operator's command does: finds the venue and the operator, sends the request, and prints the outcome.

The commands make records and word their effect; nothing here knows one from another.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter, validators
from msgspec import Struct, structs
from rich.console import Console
from rich.text import Text

from lockstep.cli.errors import UsageError
from lockstep.cli.operate.authority import NotAuthorisedError, authenticate, password_of
from lockstep.cli.operate.channel import BusyError, UnknownOutcomeError, opened
from lockstep.cli.operate.recorded import trade_of
from lockstep.cli.running import attach
from lockstep.cli.terminal import EXIT_OK, EXIT_PROBLEM, EXIT_UNKNOWN, Json, Yes, is_sure, load, print_json
from lockstep.config.schema import Config, Section
from lockstep.core.intake.codes import text_of
from lockstep.core.journal.journal import JournalError, segment_seqs
from lockstep.core.journal.select import select
from lockstep.core.operations import directory as directories
from lockstep.core.operations.directory import Directory
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.operations.operation import Operation, Outcome
from lockstep.core.operations.trades import ContradictedError, OfTrade
from lockstep.core.recovery.replay import CoreReplayError
from lockstep.core.schema.alphabet import fault_of_id
from lockstep.core.schema.layout import type_of, unpack_command
from lockstep.core.schema.records import (
    CL_ORD_ID_SIZE,
    Account,
    Adjustment,
    Code,
    Command,
    ExtCredential,
    PasswordReset,
    Payment,
    WithdrawalDecision,
)
from lockstep.core.venue.venue import Venue
from lockstep.shm.board import Word


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """What all operators' commands take."""

    operator: Annotated[
        str,
        Parameter(
            help="Your account's name; it must be an operator's. The password is asked for, or taken from the "
            "environment's LOCKSTEP_OPERATOR_PASSWORD."
        ),
    ]
    key: Annotated[
        str | None,
        Parameter(help="Names this request for ever: under the same key it is carried out once. Made up if left out."),
    ] = None
    yes: Yes = False
    json: Json = False
    timeout_s: Annotated[
        float, Parameter(validator=validators.Number(gt=0, lte=3600), help="How long to wait for the outcome.")
    ] = 20.0


class RefusedError(RuntimeError):
    """The command itself found a reason against it; nothing was sent."""


class Report(Struct, frozen=True):
    """The outcome of a command. `outcome` is done, refused or unknown; `seqs` are its records' places in the log."""

    outcome: str
    says: str
    code: str = ""
    key: str = ""
    seqs: tuple[int, ...] = ()
    details: dict[str, object] = {}


class Context(NamedTuple):
    """The venue that a command is about, and the operator."""

    venue: Venue
    directory: Directory
    operator: int


def carry_out(config: Path, options: Options, asked: Operation) -> int:
    """Run the command that is an operation of the table. Returns the exit code.

    UsageError if it can't even be asked.
    """
    loaded = load(config, secrets=False)
    with as_usage():
        report = _carry_out(loaded, options, asked)
    if report.outcome == "done" and (section := asked.next_start(loaded)) is not None:
        report = structs.replace(report, says=report.says + _overruled(config, section, asked.named()))
    return _tell(report, options.json)


@contextmanager
def as_usage() -> Iterator[None]:
    """What can't be done as asked ends the command, as whatever is wrong with its line."""
    try:
        yield
    except NotPossibleError as error:
        raise UsageError(str(error)) from None


def act(config: Path, operator: str, do: Callable[[Context], Report], json: bool) -> int:
    """Carry out an operator's command that is no record of the log. Returns the exit code."""
    loaded = load(config, secrets=False)
    venue = attach(Path(loaded.venue.data))
    if venue is None or venue.board.get(Word.EPOCH) == 0:
        return _tell(_not_there(loaded, venue), json)
    try:
        directory = directories.read(venue)
        report = do(Context(venue, directory, authenticate(directory, operator, password_of(operator))))
    except NotAuthorisedError as error:
        report = Report("refused", str(error))
    except JournalError as error:
        report = _unreadable(error)
    return _tell(report, json)


def _overruled(config: Path, said: Section, named: Mapping[str, Any]) -> str:
    """A warning if the file's section differs from what is named: the next start would undo it."""
    other = [name for name, value in named.items() if getattr(said, name, None) not in (None, value)]
    return f" (until the next start: {config} says otherwise of {', '.join(other)})" if other else ""


def _carry_out(config: Config, options: Options, asked: Operation) -> Report:
    venue = attach(Path(config.venue.data))
    if venue is None or venue.board.get(Word.EPOCH) == 0:
        return _not_there(config, venue)
    key = uuid.uuid4().hex if options.key is None else options.key
    try:
        directory = directories.read(venue)
        operator = authenticate(directory, options.operator, password_of(options.operator))
        if options.key is None and (why := asked.missing(directory)):  # under a key it may be done already
            raise UsageError(why)
        commands = _addressed(_records(venue, directory, asked), operator, key)
        question = asked.question(directory)
        if question and not options.yes and not is_sure(question):
            return Report("refused", "not confirmed (--yes confirms): nothing was sent")
        with opened(venue) as channel:
            # The command before this one may have listed or changed what this one builds on.
            now = directories.read(venue)
            if len(now.records) != len(directory.records):
                directory = now
                commands = _addressed(_records(venue, directory, asked), operator, key)
            outcomes = channel.carry_out(commands, options.timeout_s)
    except (NotAuthorisedError, BusyError, RefusedError) as error:
        return Report("refused", str(error))
    except JournalError as error:
        return _unreadable(error)
    except UnknownOutcomeError as error:
        return Report("unknown", f"{error}: it may still be carried out. {_how_to_know(commands, key)}", key=key)
    return _judge(venue, directory, asked, outcomes, key)


def _records(venue: Venue, directory: Directory, asked: Operation) -> Sequence[Command]:
    """The records of an operation, which may repeat a trade of the journal's, as the operators' ring has them."""
    if not isinstance(asked, OfTrade):
        return _by_operators_ring(asked.records(directory))
    try:
        return asked.repeating(directory, *trade_of(venue, asked.wanted(directory)))
    except CoreReplayError as error:
        raise RefusedError(f"the trade can't be looked up: {error}; nothing was sent") from error
    except ContradictedError as error:
        raise RefusedError(f"{error}: nothing was sent") from None


def _by_operators_ring(commands: Sequence[Command]) -> Sequence[Command]:
    """The same as the operators' ring has them: there the header's account is whose money or name it is."""
    command = commands[-1]
    if not isinstance(command, Payment | Account) or not command.target:
        return commands
    return [
        structs.replace(each, account=command.target, **({} if isinstance(each, ExtCredential) else {"target": 0}))
        for each in commands
    ]


def _not_there(config: Config, venue: Venue | None) -> Report:
    what = "is not running" if venue is None else "is still starting"
    if venue is not None and venue.node.is_secondary:
        what = "follows the other node here: give this command there"
    return Report("refused", f"venue {config.venue.name} {what}: nothing was sent")


def _unreadable(error: JournalError) -> Report:
    return Report("refused", f"the journal can't be read: {error}; nothing was sent")


def _addressed(commands: Sequence[Command], operator: int, key: str) -> list[Command]:
    """The commands with who asks, and each with a key of its own if it has room for one.

    If the header's account is another one, whose money or name it is, the session says who asks.
    """
    addressed = []
    for number, command in enumerate(commands):
        who = {"session": operator} if command.account else {"account": operator}
        own = f"{key}.{number}" if number else key
        if fault := fault_of_id(own):
            raise UsageError(f"--key {fault}")
        if len(own) > CL_ORD_ID_SIZE:
            raise UsageError(
                f"--key has 1 to {CL_ORD_ID_SIZE} characters, and some to spare where one command sends many records"
            )
        keyed = {"cl_ord_id": own.encode()} if _has_key(command) else {}
        addressed.append(structs.replace(command, **who, **keyed))
    return addressed


def _has_key(command: Command) -> bool:
    return "cl_ord_id" in command.__struct_fields__


def _how_to_know(commands: Sequence[Command], key: str) -> str:
    if all(_has_key(command) for command in commands):
        return f"Give the same command again with --key {key}: it tells what came of it, and does nothing twice"
    return "Give the same command again: what is done already is not done twice"


def _judge(venue: Venue, directory: Directory, asked: Operation, outcomes: list[Outcome], key: str) -> Report:
    keyed = key if _has_key(outcomes[0].command) else ""
    before: list[int] = []
    for outcome in outcomes:
        if outcome.code == Code.OK:
            continue
        if outcome.code == Code.SECOND_NEEDED:
            return _proposed(outcome.seq, keyed)
        first = _first_with_key(venue, outcome.command) if outcome.code == Code.DUPLICATE_CLIENT_ID else None
        code = Code(getattr(first, "verdict", outcome.code))
        if first is not None and code == Code.OK and _is_same(first, outcome.command):
            before.append(first.seq)
            continue
        if first is not None and code == Code.SECOND_NEEDED and _is_same(first, outcome.command):
            return _proposed(first.seq, keyed)
        return Report(
            "refused", _refusal(asked, outcome, first), code.name, keyed, (first.seq if first else outcome.seq,)
        )
    if before:
        places = ", ".join(map(str, before))
        return Report("done", f"done before, as log record {places}: not done again", "OK", keyed, tuple(before))
    said = asked.done(directory, outcomes)
    place = "" if said.has_place else f"; log record {outcomes[-1].seq}"
    seqs = tuple(outcome.seq for outcome in outcomes)
    return Report("done", f"{said.sentence}{place}", "OK", keyed, seqs, said.details)


def _proposed(seq: int, key: str) -> Report:
    """What a command that takes two has become."""
    says = f"proposal {seq}: nothing has changed yet; another operator approves it with lockstep proposal approve {seq}"
    return Report("done", says, Code.SECOND_NEEDED.name, key, (seq,), {"proposal": seq})


def _refusal(asked: Operation, outcome: Outcome, first: Command | None) -> str:
    """Why it was not done: `first` is the earlier request that has its key."""
    if outcome.code != Code.DUPLICATE_CLIENT_ID:
        why = asked.why().get(outcome.code)
        says = f"{outcome.code.name}: {why}" if why else text_of(outcome.code)
        return f"refused: {says}; lockstep at {outcome.seq} shows the figures"
    if first is None:
        return "refused: an order, or a request of another kind, has this key"
    if not _is_same(first, outcome.command):
        return f"refused: the key belongs to another request, log record {first.seq}"
    return f"refused before, as log record {first.seq}: {Code(getattr(first, 'verdict', 0)).name}"


def _first_with_key(venue: Venue, command: Command) -> Command | None:
    """The record of the log that took the key of `command`, if it is of the same kind and the journal still has it."""
    journal = venue.data / "journal"
    for record in select(journal, segment_seqs(journal)[0], command.seq - 1, (type_of(type(command)),)):
        found = unpack_command(record)
        same_key = getattr(found, "cl_ord_id", b"") == getattr(command, "cl_ord_id", None)
        if same_key and found.account == command.account:
            return found
    return None


def _is_same(first: Command, again: Command) -> bool:
    """Whether two records ask for the same."""
    stamped = {*Command.__struct_fields__, "verdict", "flags", "proposed"}
    if isinstance(first, WithdrawalDecision) or (isinstance(first, Adjustment) and first.proposal):
        stamped |= {"target", "asset", "amount"}
    elif isinstance(first, PasswordReset) and first.proposal:
        stamped |= {"takes_factor", "code_hash"}
    names = [name for name in first.__struct_fields__ if name not in stamped]
    return all(getattr(first, name) == getattr(again, name) for name in names)


def _tell(report: Report, json: bool) -> int:
    code = {"done": EXIT_OK, "refused": EXIT_PROBLEM, "unknown": EXIT_UNKNOWN}[report.outcome]
    if json:
        print_json(report)
    elif code == EXIT_OK:
        print(report.says)
    else:
        Console(stderr=True, soft_wrap=True, highlight=False).print(Text(report.says, style="red"))
    return code
