"""`lockstep void`: takes out a command that no stage survives, and no other, so that the venue can start (LOG-22).

The log stays as it is. data/void.json names the command for ever, so that every replay leaves it out in the same way.
Of two nodes the secondary keeps it first: it counts once both have it.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators
from msgspec import Struct, structs

from lockstep.cli.at import moment
from lockstep.cli.at.moment import Request, Retained
from lockstep.cli.errors import UsageError
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
from lockstep.core.cluster import shared_voids
from lockstep.core.journal.journal import JournalError
from lockstep.core.journal.select import select
from lockstep.core.operations.directory import Directory
from lockstep.core.operations.formatting import Names, of_command, time_text
from lockstep.core.recovery import retained_definitions
from lockstep.core.recovery.snapshot_catalog import entries
from lockstep.core.schema.records import API_RING, Activate, Cancel, Code, CommandType, NewOrder, Replace
from lockstep.core.venue import node, voided_commands
from lockstep.core.venue.node import RoleError
from lockstep.core.venue.snapshot_parts import FOLDER as SNAPSHOTS
from lockstep.core.venue.topology import derive
from lockstep.core.venue.voided_commands import Position, Voids
from lockstep.procs.supervisor import poison
from lockstep.procs.supervisor.poison import CarefulCommand
from lockstep.shm.ring import Ring

# Commands that a matcher carries out for an account: it can report their outcome.
FOLLOWS: dict[type, str] = {
    NewOrder: "the order is accepted and at once cancelled (VOIDED); what was held for it becomes free",
    Cancel: "the cancel is refused (VOIDED); the order stays open",
    Replace: "the replace is refused (VOIDED); the order stays as it was",
    Activate: "the order that was to be activated is cancelled (VOIDED)",
}

TRIALS = 2
OPERATORS_RING = 9
RINGS = {OPERATORS_RING: "ingress.operator", API_RING: "ingress.api"}  # the others are gateways'
PATIENCE_S = 5.0  # in which a router that lives, or has started again, takes waiting requests
LOOK_S = 0.05


class Outcome(Struct, frozen=True):
    """`outcome` is voided, already, or refused."""

    outcome: str
    says: str
    seq: int = 0
    words: str = ""
    follows: str = ""


def ingress_of(data: Path, number: int) -> Ring | None:
    """The ingress ring of this number of the venue that runs in `data`; None if there is none."""
    venue = attach(data)
    name = RINGS.get(number, f"ingress.gateway.{number}")
    if venue is None or name not in {ring.name for ring in venue.topology.rings}:
        return None
    return venue.ring(name)


def void(
    seq: Annotated[int | None, Parameter(help="The command's sequence in the log, as the supervisor named it.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    published: Annotated[
        int,
        Parameter(
            validator=validators.Number(gte=0),
            help="How many of its events had been shown to anybody before; they stand. Mostly none: a stage that dies "
            "of a command has shown nothing of it.",
        ),
    ] = 0,
    ingress: Annotated[
        str | None,
        Parameter(
            help="In place of SEQ, a request that kills the router before it is in the log: RING:INCARNATION:SEQUENCE. "
            "The venue may run."
        ),
    ] = None,
    untried: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Do not try whether the journal replays without it: where several commands must be taken out.",
        ),
    ] = False,
    peer_is_off: Annotated[
        str,
        Parameter(help="Of two nodes: who knows that the secondary is off, and how; it is not told then, and differs."),
    ] = "",
    accept: Annotated[
        bool,
        Parameter(negative=(), help="On a stopped secondary: wait for what lockstep void on the other node takes out."),
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Take out a command that crashes a stage whenever it is replayed. Stop the venue first; start it again afterwards.

    The journal is first replayed twice, in a separate process: only a command that crashes both replays is taken out.

    The log keeps the command and the router's verdict; its matcher does not carry it out, and emits an event that says
    so. This can't be undone. A command from before the newest snapshot has not crashed anything, and is refused; so is
    one without which the journal does not replay, because later commands build on it.

    Of two nodes give it on the one that leads. The secondary keeps it first; the command is refused if that is away:
    start it, or have it wait with --accept.

    Example: lockstep void 4711 lockstep/config/demo.toml

    Exit codes: 0 it is taken out, or was before; 1 refused, nothing changed; 2 the command line is wrong, or the venue
    runs.
    """
    loaded = load(config)
    if (seq is not None) + (ingress is not None) + accept != 1:
        raise UsageError("name one: a sequence of the log, --ingress RING:INCARNATION:SEQUENCE, or --accept")
    try:
        if accept:
            outcome = keep_told(loaded)
        elif seq is not None:
            outcome = take_out(loaded, seq, published, yes=yes, untried=untried, peer_is_off=peer_is_off)
        else:
            outcome = pass_over(loaded, ingress or "", yes=yes, peer_is_off=peer_is_off)
    except (JournalError, RoleError) as error:
        outcome = Outcome("refused", str(error))
    if json:
        print_json(outcome)
    else:
        _print(outcome)
    return EXIT_PROBLEM if outcome.outcome == "refused" else EXIT_OK


def take_out(
    config: Config, seq: int, published: int, *, yes: bool, untried: bool = False,
    careful: CarefulCommand = poison.command_of, peer_is_off: str = "",
) -> Outcome:  # fmt: skip
    """Void a command of the stopped venue's log, if a replay, by `poison_probe`, dies of it.

    One that was voided before is told the secondary again.
    """
    data = Path(config.venue.data)
    with stopped(data):
        kept = moment.retained(data)
        request = moment.request_at(moment.within(seq, kept), kept)
        words = _words(data, request, kept)
        done = voided_commands.load(data)
        command = request.command
        if command.seq in done.commands:
            refusal = shared_voids.refusal(config, data, done, peer_is_off)
            says = f"record {command.seq:,} was taken out before" + (f", but {refusal}" if refusal else "")
            return Outcome("refused" if refusal else "already", says, command.seq, words)
        refusal = _refusal(data, request, words) or _survived(config, command.seq, words, careful)
        if refusal:
            return Outcome("refused", refusal, command.seq, words)
        follows = FOLLOWS.get(type(command), "its matcher passes it over, and nothing tells of it")
        if published:
            follows = f"its first {published} events stand; then {follows}"
        moment_text = time_text(command.time_ns)
        question = f"Record {command.seq:,} of {moment_text}: {words}.\nTaken out, for ever: {follows}. Do it?"
        if not yes and not is_sure(question):
            return Outcome(
                "refused", "not confirmed (--yes confirms): nothing was changed", command.seq, words, follows
            )
        voids = structs.replace(done, commands=done.commands | {command.seq: published})
        ended = None if untried else _dies_without(config, voids, careful)
        if ended is not None:
            says = (
                f"without it the journal does not replay beyond record {ended:,}: nothing was changed. Later records "
                f"build on it, or another one must be taken out too (--untried); {data}/log/careful.log says more"
            )
            return Outcome("refused", says, command.seq, words, follows)
        refusal = shared_voids.refusal(config, data, voids, peer_is_off)
        if refusal:
            return Outcome("refused", f"{refusal}: nothing was changed", command.seq, words, follows)
        voided_commands.save(data, voids)
        return Outcome("voided", f"record {command.seq:,} is taken out: start the venue", command.seq, words, follows)


def _survived(config: Config, seq: int, words: str, careful: CarefulCommand) -> str:
    """Why it is no poison, by replays up to it; empty if each dies of it. One may have been killed from outside."""
    for _ in range(TRIALS):
        ended = _dies_at(config, careful)
        if ended is None:
            return (f"record {seq:,} ({words}) is survived, and the whole journal with it: there is nothing to be "
                    "taken out. Start the venue")  # fmt: skip
        if ended != seq:
            return (f"a replay dies at record {ended:,}, not of record {seq:,} ({words}): only what it dies of can be "
                    f"taken out; {config.venue.data}/log/careful.log says more")  # fmt: skip
    return ""


def _dies_at(config: Config, careful: CarefulCommand) -> int | None:
    """The record of which a replay of the stopped venue's journal dies, given what is voided already."""
    return asyncio.run(poison.find(config, derive(config), Path(config.venue.data), careful))


def _dies_without(config: Config, voids: Voids, careful: CarefulCommand) -> int | None:
    """The same, given `voids`: by a folder beside the run's files that has everything else of the venue's."""
    data = Path(config.venue.data).resolve()
    trial = data / "run" / "trial"
    shutil.rmtree(trial, ignore_errors=True)
    trial.mkdir(parents=True, mode=0o700)
    for name in ("journal", "log", SNAPSHOTS, retained_definitions.FILE):
        if (data / name).exists():
            (trial / name).symlink_to(data / name)
    voided_commands.save(trial, voids)
    try:
        return asyncio.run(poison.find(config, derive(config), trial, careful))
    finally:
        shutil.rmtree(trial)


def keep_told(config: Config) -> Outcome:
    """Keep what the node that leads takes out; this one, a secondary, is stopped."""
    data = Path(config.venue.data)
    with stopped(data):
        if config.replication.node is None or not node.load(data).is_secondary:
            raise UsageError("--accept is for the secondary of a pair: give lockstep void SEQ here")
        before = voided_commands.load(data)
        try:
            after = shared_voids.accept(config, data, lambda line: console(stderr=True).print(line, markup=False))
        except shared_voids.ListenError as error:
            raise UsageError(str(error)) from None
    added = sorted(set(after.commands) - set(before.commands))
    what = ", ".join(f"record {seq:,}" for seq in added) or "what was taken out on the other node"
    return Outcome(
        "voided", f"{what} is taken out here, too: start the venue once the other node's is", max(added, default=0)
    )


def pass_over(
    config: Config, text: str, *, yes: bool, ring_of: Callable[[Path, int], Ring | None] = ingress_of,
    patience_s: float = PATIENCE_S, peer_is_off: str = "",
) -> Outcome:  # fmt: skip
    """Void a request that waits in an ingress ring and that no router takes; the next router to start skips it."""
    data = Path(config.venue.data)
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        raise UsageError(f"--ingress {text} is not RING:INCARNATION:SEQUENCE")
    position = Position(*(int(part) for part in parts))
    done = voided_commands.load(data)
    if position in done.ingress:
        return Outcome("already", f"the request at {text} was taken out before")
    refusal = _taken(ring_of(data, position.ring), position, patience_s)
    if refusal:
        return Outcome("refused", f"{refusal}: nothing was changed")
    if not yes and not is_sure(f"The request at {text} is never sequenced, and its sender gets no answer. Do it?"):
        return Outcome("refused", "not confirmed (--yes confirms): nothing was changed")
    voids = structs.replace(done, ingress=(*done.ingress, position))
    refusal = shared_voids.refusal(config, data, voids, peer_is_off)
    if refusal:
        return Outcome("refused", f"{refusal}: nothing was changed")
    voided_commands.save(data, voids)
    return Outcome("voided", f"the request at {text} is passed over from the router's next start on")


def _taken(ring: Ring | None, position: Position, patience_s: float) -> str:
    """Why the request does not kill the router; empty if it waits, and nothing is taken for `patience_s`."""
    if ring is None:
        return f"the venue does not run, or has no ingress ring {position.ring}: what waited there is gone"
    if ring.incarnation != position.incarnation:
        return f"ingress ring {position.ring} is of incarnation {ring.incarnation} now: what waited before is gone"
    first = ring.cursors()["router"]
    if not first < position.seq <= ring.published:
        return f"in ingress ring {position.ring} the requests {first + 1} to {ring.published} wait, and no other"
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        if ring.cursors()["router"] != first:
            return f"the router takes requests from ingress ring {position.ring}"
        time.sleep(LOOK_S)  # a cursor in shared memory: nothing to wait on
    return ""


def _refusal(data: Path, request: Request, words: str) -> str:
    """Why the request can't be voided; empty if it can."""
    command = request.command
    newest = max((entry.seq for entry in entries(data)), default=0)
    if command.seq <= newest:
        return (f"record {command.seq:,} ({words}) lies before the newest snapshot, at {newest:,}: every stage has "
                "survived it, and what it led to is in the snapshot. Look at what comes behind that")  # fmt: skip
    verdict = Code(getattr(command, "verdict", Code.OK))
    if verdict != Code.OK:
        return f"record {command.seq:,} ({words}) was refused by the router ({verdict.name}): no matcher carries it out"
    kind = CommandType(command.type)
    if kind in (CommandType.INSTRUMENT, CommandType.SNAPSHOT, CommandType.MARKER, CommandType.EPOCH):
        return f"record {command.seq:,} is {kind.name}: what comes behind it is built on it, and it can't be taken out"
    if kind >= CommandType.EXT_CLIENT_ID:
        return f"record {command.seq:,} is an extension without its command, and does nothing"
    return ""


def _words(data: Path, request: Request, kept: Retained) -> str:
    """The command, with the names of its time; it can't be replayed."""
    directory = Directory()
    known_seq, records = retained_definitions.kept(data)
    directory.add(records)
    first = max(kept.first, known_seq + 1)
    if first <= request.command.seq:
        directory.add(select(kept.journal, first, request.command.seq, retained_definitions.TYPES))
    return of_command(request.command, request.extensions, Names.of_directory(directory))


def _print(outcome: Outcome) -> None:
    out = console(stderr=outcome.outcome == "refused")
    if outcome.words:
        out.print(f"record {outcome.seq:,}: {outcome.words}", markup=False, soft_wrap=True)
    out.print(outcome.says, markup=False, soft_wrap=True, style="red" if outcome.outcome == "refused" else "")
    if outcome.follows and outcome.outcome == "voided":
        out.print(f"then {outcome.follows}", markup=False, soft_wrap=True)
