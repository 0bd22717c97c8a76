"""`lockstep upgrade`: changes one node after the other to another version, while the other one trades.

The running version does what has to be done before its node stops, the other version what comes after: neither reads
the other one's shared memory. It may be killed at any step, and repeated.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter, validators
from msgspec import Struct, structs

from lockstep.cli.errors import UsageError
from lockstep.cli.progress import Progress
from lockstep.cli.release import version
from lockstep.cli.running import attach, node_of
from lockstep.cli.service import plan
from lockstep.cli.terminal import (
    DEFAULT_CONFIG,
    EXIT_OK,
    EXIT_PROBLEM,
    ConfigPath,
    Json,
    Yes,
    fail,
    is_sure,
    load,
    print_json,
    say,
)
from lockstep.config.schema import Config
from lockstep.core.cluster import failover, log_rules, release, switchover, trial
from lockstep.core.cluster.log_rules import NewRules
from lockstep.core.cluster.steps import Instruction, Refused, Say, Step, Steps, await_, supervisor
from lockstep.core.cluster.trial import Trial
from lockstep.core.diagnostics.refusal import FinalError
from lockstep.core.venue import node
from lockstep.core.venue.node import RoleError
from lockstep.core.venue.venue import CODE, OtherVersionError, Venue, manifest_of
from lockstep.procs.replicator import comparison
from lockstep.procs.replicator.greeting import NEAR
from lockstep.procs.replicator.handshake import LinkState
from lockstep.shm.board import Word
from lockstep.shm.segment import RoleLock

STOP_S = 120.0
LOOK_S = 0.05
WAIT_S = 600.0
STARTED = "started"
LEADS = "this node leads: upgrade the other one first, with --switchover, and then this one, which follows by then"


class Upgraded(Struct):
    """`outcome`: would upgrade (a dry run), upgraded, or leads. `compared` is the record at which both nodes had
    the same state; `version` and `code` are what the node runs, or is to run.
    """

    outcome: str
    says: str
    steps: list[Step]
    version: str
    code: str
    compared: int = 0
    took_s: float = 0.0


def upgrade(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    to: Annotated[
        Path | None, Parameter(help="The other version's `lockstep`. Without it: go on once this version runs.")
    ] = None,
    lead: Annotated[
        bool, Parameter(name="--switchover", negative=(), help="When the states are equal, have this node lead.")
    ] = False,
    rules: Annotated[
        bool,
        Parameter(name="--new-rules", negative=(), help="On the node that leads, when both run it: use its new rules."),
    ] = False,
    peer_is_off: Annotated[
        str,
        Parameter(
            help="With --new-rules, if the other node does not follow: who says that it is off, and for how long."
        ),
    ] = "",
    tries: Annotated[
        bool, Parameter(name="--trial", negative=(), help="Only say whether this version can take the node over.")
    ] = False,
    dry_run: Annotated[bool, Parameter(negative=(), help="Say what would be done, and change nothing.")] = False,
    wait_s: Annotated[
        float,
        Parameter(
            help="How long to wait for a start, or for a comparison, in seconds.", validator=validators.Number(gt=0)
        ),
    ] = WAIT_S,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Change this node, the secondary, to another version, while the other node trades. Then do the same on the other
    one, once this one leads.

    The other version replays this node's journal, and must come to the states that are saved. Then the primary goes on
    alone, this node stops, and the command says how to start it. The new version follows, and at the next snapshot both
    nodes must have the same state; `lockstep snapshot` on the primary brings that about at once. Each step is printed
    with its time; if the command is interrupted, run it again.

    The way back is the same command with the earlier version's `lockstep`. Two nodes go on by the rules of their log,
    so it is open until --new-rules, which is refused unless both nodes know them.

    Examples: lockstep upgrade --to /opt/lockstep-2/.venv/bin/lockstep --switchover; lockstep upgrade --new-rules

    Exit codes: 0 it is done, or (with --dry-run, --trial) can be; 1 it is not, and why; 2 the command line or the
    configuration is wrong.
    """
    if sum((to is not None, rules, tries)) > 1:
        raise UsageError("--to, --new-rules and --trial exclude each other")
    loaded = load(config, secrets=False)
    if loaded.replication.node is None:
        raise UsageError(
            "this venue has one node: replication.node names none. Stop it, start it in the other version (Upgrade in "
            "docs/operations.md)"
        )
    data = Path(loaded.venue.data)
    if tries:
        with Progress("replaying", 0, "records") as progress:
            found = trial.examine(loaded, data, version(), progress.show)
        return _tell_trial(found, json=json)
    tell: Say = (lambda _: None) if json else say
    try:
        if rules:
            done: Upgraded | NewRules = raise_rules(data, peer_is_off.strip(), dry_run=dry_run, yes=yes, say=tell)
        elif to is None:
            done = follow(data, wait_s, lead=lead, dry_run=dry_run, say=tell)
        else:
            done = begun = carry_out(loaded, config, to, wait_s, dry_run=dry_run, say=tell)
            if begun.outcome == STARTED:
                return _go_on(begun, config, to, wait_s, lead=lead, json=json)
    except OtherVersionError as error:
        raise UsageError(str(error)) from None
    except (Refused, RoleError, FinalError) as error:
        return fail(f"the upgrade stops here: {error}", json=json)
    print_json(done) if json else say(done.says)
    return EXIT_OK


def raise_rules(data: Path, statement: str, *, dry_run: bool, yes: bool, say: Say) -> NewRules:
    """Have the log go by the newest rules that both nodes know, if the operator is sure. As `log_rules`."""
    steps = Steps(say)
    now, done = log_rules.examine(data, statement, steps)
    if dry_run or done.outcome == "there":
        return done
    question = f"From then on there is no way back to a version that knows rules version {now} only."
    if not yes and not is_sure(f"{question} Change to {done.rules}?"):
        raise Refused("not confirmed (--yes confirms): nothing was changed")
    return log_rules.carry_out(data, done, steps)


def carry_out(config: Config, file: Path, to: Path, wait_s: float, *, dry_run: bool, say: Say) -> Upgraded:
    """Have the secondary of `config` run the version of the program `to`, which is to do the rest (`follow`).

    Refused, RoleError, UsageError, OSError.
    """
    steps, data = Steps(say), Path(config.venue.data)
    running, own = running_code(data), str(CODE)
    if running == own:
        _check_secondary(node_of(config), steps)
    target = _tried(to, file)
    if running not in (None, own, target.code):
        raise Refused(
            f"this node runs the code in {running}, and this command is of {own}: give it by the `lockstep` of that"
        )
    done = Upgraded(STARTED, "", steps.done, target.version, target.code)
    if running == target.code:
        return done
    if not node.load(data).is_secondary:
        raise Refused(LEADS)
    steps.say(
        f"version {target.version} ({target.code}) has replayed records {target.first + 1:,} to {target.mark:,}, and "
        "comes to the state that is saved there"
    )
    how = start_command(file, to)
    if dry_run:
        done.outcome, done.says = (
            "would upgrade",
            f"this node would stop. To start it in version {target.version}: {how}",
        )
        return done
    if running is not None:
        release.leave(data, steps)
        _stop(data, steps)
    _await_start(data, target, how, wait_s, steps)
    done.took_s = steps.elapsed_s
    return done


def follow(data: Path, wait_s: float, *, lead: bool, dry_run: bool, say: Say) -> Upgraded:
    """Wait until the secondary in `data`, which runs this version, has compared its state; have it lead, if wanted.

    Refused, RoleError, OSError.
    """
    steps, own = Steps(say), version()
    done = Upgraded("upgraded", "", steps.done, own, str(CODE))
    if (running := running_code(data)) != str(CODE):
        raise Refused(f"this node runs {f'the code in {running}' if running else 'not'}, and this command is of {CODE}")
    if (leads := failover.leading(attach(data), steps)) is not None:
        return structs.replace(done, outcome="leads", says=f"{leads.says}, in version {own}")
    if dry_run:
        return structs.replace(done, outcome="would upgrade", says="its state would be compared with the primary's")
    await_(data, lambda venue: _objects(data) or _is_in_step(venue), "catch up", wait_s)
    steps.say(f"in version {own} it follows, up to record {_word(data, Word.LOG_END):,}")
    if not _word(data, Word.COMPARED):
        steps.say("at the next snapshot the states are compared: `lockstep snapshot` on the primary takes one now")
    await_(data, lambda venue: _objects(data) or venue.board.get(Word.COMPARED) != 0, "compare", wait_s)
    done.compared = _word(data, Word.COMPARED)
    steps.say(f"both nodes have the same state at record {done.compared:,}")
    if lead:
        switched = switchover.carry_out(data, Instruction(), lambda line: steps.say(line.partition(" s  ")[2]))
        done.outcome, done.says = "leads", f"{switched.says}, in version {own}"
    else:
        done.says = (
            f"this node runs version {own}. If the other one does not: lockstep switchover here, and lockstep "
            "upgrade there"
        )
    done.took_s = steps.elapsed_s
    return done


def running_code(data: Path) -> str | None:
    """The folder of the code that the node in `data` runs; None if it does not run.

    It says so shortly after it has begun: until then it does not run.
    """
    pid = RoleLock.holder(data / "venue.lock")
    if pid is None:
        return None
    try:
        run = msgspec.json.decode(manifest_of(data).read_bytes(), type=_Run)
    except (FileNotFoundError, ValueError):
        return None
    return run.code if run.pid == pid else None


class _Run(Struct, frozen=True):
    """What this command reads of another version's manifest."""

    code: str
    pid: int


def start_command(file: Path, to: Path) -> str:
    """How the node of `file` is started in the version of the program `to`."""
    name = file.stem
    if file.absolute().parent == plan.CONFIGURATIONS and (plan.WANTED / f"lockstep@{name}.service").is_symlink():
        return f"sudo {to.absolute()} install {name} --yes && sudo systemctl start lockstep@{name}"
    return f"{to.absolute()} run {file}"


def _check_secondary(data: Path, steps: Steps) -> None:
    """Refused unless it is a secondary that has all, so that the primary lacks nothing while it is away."""
    if not node.load(data).is_secondary:
        raise Refused(LEADS)
    venue = attach(data)
    if venue is None:
        raise Refused("it is starting: repeat this command when it follows")
    _, behind = failover.look(venue, steps)
    switchover.check(LinkState(venue.board.get(Word.LINK)), behind)


def _tried(to: Path, file: Path) -> Trial:
    """What the version of the program `to` says of the node of `file`. Refused if it must not take it over."""
    if not os.access(to, os.X_OK) or to.is_dir():
        raise UsageError(f"--to is {to}, which is no program: name the other version's `lockstep`")
    answer = subprocess.run(
        [to.absolute(), "upgrade", file.absolute(), "--trial", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    try:
        tried = msgspec.json.decode(answer.stdout, type=Trial)
    except ValueError:
        raise Refused(f"{to} can't try this node: {_said(answer.stdout)}") from None
    if tried.problem:
        raise Refused(f"version {tried.version} ({tried.code}) can't take this node over: {tried.problem}")
    return tried


def _said(output: str) -> str:
    """Why a version of this program failed, as it said in JSON."""
    try:
        return str(msgspec.json.decode(output)["error"]["reason"])
    except (ValueError, KeyError, TypeError):
        return output.strip() or "it says nothing: it is no `lockstep`, or has no `lockstep upgrade` yet"


def _stop(data: Path, steps: Steps) -> None:
    """Stop the node in order. Refused if that takes too long."""
    pid, deadline_s = supervisor(data), time.monotonic() + STOP_S
    os.kill(pid, signal.SIGTERM)
    while RoleLock.holder(data / "venue.lock") == pid:
        if time.monotonic() > deadline_s:
            raise Refused(f"it has not stopped after {STOP_S:g} s (process {pid}): repeat this command when it has")
        time.sleep(LOOK_S)  # it is no child of this process
    steps.say("this node has stopped, in order")


def _await_start(data: Path, target: Trial, how: str, wait_s: float, steps: Steps) -> None:
    """Wait until somebody has started the node in the version `target`. Refused."""
    steps.say(f"start it in version {target.version}: {how}")
    deadline_s = time.monotonic() + wait_s
    while (running := running_code(data)) is None:
        if time.monotonic() > deadline_s:
            raise Refused(f"it has not been started within {wait_s:g} s. Start it, then repeat this command: {how}")
        time.sleep(LOOK_S)  # whoever starts it says nothing to this process
    if running != target.code:
        raise Refused(f"it was started with the code in {running}. Stop it, and start it in the other version: {how}")
    steps.say(f"it runs the code in {running}")


def _go_on(begun: Upgraded, file: Path, to: Path, wait_s: float, *, lead: bool, json: bool) -> int:
    """Have the version that runs now do the rest; returns its exit code."""
    command = [str(to.absolute()), "upgrade", str(file.absolute()), "--wait-s", str(wait_s)]
    command += ["--switchover"] if lead else []
    if not json:
        return subprocess.run(command, check=False).returncode
    answer = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, text=True, check=False)
    try:
        done = msgspec.json.decode(answer.stdout, type=Upgraded)
    except ValueError:
        return fail(_said(answer.stdout), json=True)
    print_json(structs.replace(done, steps=[*begun.steps, *done.steps], took_s=round(begun.took_s + done.took_s, 3)))
    return EXIT_OK


def _is_in_step(venue: Venue) -> bool:
    board = venue.board
    behind = board.get(Word.PEER_SEQ) - board.get(Word.LOG_END)
    return board.get(Word.LINK) == LinkState.IN_STEP and behind <= NEAR


def _objects(data: Path) -> bool:
    """Refused if the states were found to differ."""
    if (found := comparison.load(data)) is not None:
        raise Refused(
            f"{found}. This node must not lead, and has ended for good: lockstep join, in the version "
            "before, has it begin anew and keeps what it has"
        )
    return False


def _word(data: Path, word: Word) -> int:
    venue = attach(data)
    return venue.board.get(word) if venue is not None else 0


def _tell_trial(found: Trial, *, json: bool) -> int:
    if json:
        print_json(found)
    elif not found.problem:
        say(
            f"version {found.version} ({found.code}) can take this node over: replayed records {found.first + 1:,} to "
            f"{found.mark:,}, to the same state; the log goes by rules version {found.log_rules}, and it knows 1 to "
            f"{found.rules}"
        )
    else:
        return fail(f"version {found.version} ({found.code}) can't take this node over: {found.problem}", json=False)
    return EXIT_PROBLEM if found.problem else EXIT_OK
