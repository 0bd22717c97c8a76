"""`lockstep failover`: has the secondary lead, once it is certain that the other node releases nothing more.

Its order is what makes it safe: the other node is fenced, then this node's role is on the disk, then it is promoted. It
may be killed at any step, and repeated.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec import Struct, structs

from config.schema import Config
from procs.replicator import link_report
from procs.replicator.handshake import Fence, LinkState
from procs.supervisor import health
from procs.venue import node
from procs.venue.node import RoleError
from procs.venue.venue import Venue
from procs.witness import report as lease_report
from scripts.running import attach, node_of
from scripts.terminal import (
    DEFAULT_CONFIG,
    EXIT_OK,
    ConfigPath,
    Json,
    console,
    counted,
    fail,
    load,
    print_json,
)
from shm.board import Word
from shm.segment import RoleLock

LOOK_S = 0.002
FENCE_S = 3.0  # for a primary that can be reached to answer
STATED_S = 1.0  # likewise, where somebody says that it is off
LEAD_S = 120.0
Say = Callable[[str], None]
LINKED = (LinkState.CATCHING_UP, LinkState.IN_STEP)


class Step(Struct, frozen=True):
    """What was done, and so many seconds after the command began."""

    at_s: float
    says: str


class FailedOver(Struct):
    """`outcome`: would lead (a dry run), or leads. `behind`: records that the other node had and this one lacks, as far
    as it said last."""

    outcome: str
    says: str
    steps: list[Step]
    epoch: int = 0
    seq: int = 0
    behind: int = 0
    took_s: float = 0.0


class Refused(Exception):  # noqa: N818
    """This node must not lead; the message says why, and what to do."""


class Steps:
    """The steps of a command, each with its time, told as they are done."""

    def __init__(self, say: Say) -> None:
        self.done: list[Step] = []
        self._say = say
        self._begun_s = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        return round(time.monotonic() - self._begun_s, 3)

    def say(self, what: str) -> None:
        """Note that this is done now."""
        self.done.append(Step(self.elapsed_s, what))
        self._say(f"{self.elapsed_s:8.3f} s  {what}")


def failover(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    peer_is_off: Annotated[
        str,
        Parameter(
            help="If the other node can't be told: who says that it is off, and how that was made sure. It is recorded."
        ),
    ] = "",
    dry_run: Annotated[bool, Parameter(negative=(), help="Say what would be done, and change nothing.")] = False,
    json: Json = False,
) -> int:
    """Have this node, the secondary, lead: it takes orders within about a second, and clients find it by themselves.

    The other node is told over the link that it releases nothing more. If it can't be, it must be off, or cut off from
    every client: --peer-is-off says who is certain of that, and how. If both led, orders would be acknowledged twice
    over, and only one of the two histories can stay. Each step is printed with its time; if the command is interrupted,
    run it again. Where the other node still works, `lockstep switchover` loses nothing in any mode.

    A node whose state differs from the other one's is refused.

    Example: lockstep failover --peer-is-off "Ada pulled the plug of host a, 12:03"

    Exit codes: 0 this node leads, or (with --dry-run) can; 1 it does not, and why; 2 the command line or the
    configuration is wrong.
    """
    loaded = load(config, secrets=False)
    data = node_of(loaded)
    return told(lambda say: carry_out(loaded, data, peer_is_off.strip(), dry_run=dry_run, say=say), json=json)


def told(lead: Callable[[Say], FailedOver], *, json: bool) -> int:
    """Have this node lead by `lead`, and tell each step and what came of it. Returns the exit code."""
    try:
        done = lead((lambda _: None) if json else print_step)
    except (Refused, RoleError) as error:
        return fail(f"this node does not lead: {error}", json=json)
    if json:
        print_json(done)
    else:
        console().print(done.says, markup=False, soft_wrap=True)
    return EXIT_OK


def carry_out(config: Config, data: Path, statement: str, *, dry_run: bool, say: Say) -> FailedOver:
    """Have the running secondary in `data` lead, or a primary that waits for the other node.

    Refused, RoleError, OSError.
    """
    steps, role = Steps(say), node.load(data)
    supervisor(data)
    venue = attach(data)
    if venue is None or not role.is_secondary:
        return _alone(config, data, statement, steps, dry_run=dry_run)
    done = FailedOver("would lead", "this node would lead", steps.done)
    done.seq, done.behind = look(venue, steps)
    link = LinkState(venue.board.get(Word.LINK))
    if dry_run:
        steps.say(_plan(data, link, statement))
        return done
    if _is_fenced(venue, link, STATED_S if statement else FENCE_S):
        steps.say("the other node releases nothing more, and all that it has is here")
    elif statement and (leader := _has_lease(config, data)):
        venue.board.set(Word.HANDOVER, Fence.NO)
        raise Refused(
            f"node {leader} has the lease of the witness: it is not off, or has been for less than "
            f"{config.witness.lease_s} s. Repeat this when that has ended (lockstep status)"
        )
    elif statement:
        steps.say(f"the other node can't be told; said of it: {statement}")
    else:
        venue.board.set(Word.HANDOVER, Fence.NO)
        raise Refused(_unfenced(data))
    node.save(data, structs.replace(role, role="primary", members=_itself(config), statement=statement))
    steps.say("its role is primary, on the disk: it alone decides what is committed")
    os.kill(supervisor(data), signal.SIGUSR2)
    return await_lead(data, steps, done)


def _has_lease(config: Config, data: Path) -> str:
    """The other node, where it has the lease as far as this one knows; "" if not, or there is no witness."""
    leader = lease_report.of(data).leader if config.witness.urls else ""
    return "" if leader == config.replication.node else leader


def _alone(config: Config, data: Path, statement: str, steps: Steps, *, dry_run: bool) -> FailedOver:
    """Go on with a command that was interrupted; or have a primary lead that waits for its other node at its start."""
    role, venue = node.load(data), attach(data)
    done = FailedOver("would lead", "this node would lead", steps.done)
    if (leads := leading(venue, steps)) is not None:
        return leads
    if role.is_secondary:
        raise Refused("it is starting: repeat this command when it follows")
    if node.is_paired(config, role) and venue is None:
        if not statement:
            raise Refused(_unfenced(data))
        if not dry_run:
            node.save(data, structs.replace(role, members=_itself(config), statement=statement))
        steps.say(f"commits wait for the other node no more; said of it: {statement}")
    else:
        steps.say("its role is primary already, and it is about to lead")
    if dry_run:
        return done
    os.kill(supervisor(data), signal.SIGUSR2)
    return await_lead(data, steps, done)


def supervisor(data: Path) -> int:
    """The process that runs the node in `data`. Refused if there is none."""
    pid = RoleLock.holder(data / "venue.lock")
    if pid is None:
        raise Refused(f"it does not run (data: {data}): start it first")
    return pid


def leading(venue: Venue | None, steps: Steps) -> FailedOver | None:
    """What to answer if this node leads already: nothing is to be done, however often it is asked for."""
    if venue is None or not (epoch := venue.board.get(Word.EPOCH)):
        return None
    says = f"this node leads already, epoch {epoch}"
    return FailedOver("leads", says, steps.done, epoch, venue.board.get(Word.LOG_END))


def look(venue: Venue, steps: Steps) -> tuple[int, int]:
    """How far this node's log goes, and how many records it is behind. Refused if it must not lead."""
    board = venue.board
    if (differs := board.get(Word.DIFFERS)) != 0:
        raise Refused(
            f"its state differs from the other node's at record {differs:,}: one of the two is wrong, and `lockstep "
            "verify` on each says which. Make this node's data folder from a backup of the right one"
        )
    seq, peer_seq = board.get(Word.LOG_END), board.get(Word.PEER_SEQ)
    behind = max(0, peer_seq - seq)
    link = LinkState(board.get(Word.LINK)).name.lower().replace("_", " ")
    lacks = f"the other node had {counted(behind, 'record')} more" if behind else "it lacks nothing that is known of"
    steps.say(f"this node is the secondary, up to record {seq:,}; its link is {link}; {lacks}")
    return seq, behind


def await_lead(data: Path, steps: Steps, done: FailedOver) -> FailedOver:
    """Wait until the node that is told to lead does so, and serves clients. Refused."""
    steps.say("its supervisor is told")
    await_(data, lambda venue: venue.board.get(Word.EPOCH) != 0, "lead")
    venue = attach(data)
    assert venue is not None
    done.epoch, done.seq = venue.board.get(Word.EPOCH), venue.board.get(Word.LOG_END)
    steps.say(f"it leads epoch {done.epoch}, up to record {done.seq:,}")
    await_(data, _serves, "take orders")
    steps.say("gateways and publisher listen")
    done.outcome, done.took_s = "leads", steps.elapsed_s
    done.says = f"this node leads epoch {done.epoch} after {done.took_s:.3f} s"
    return done


def await_(data: Path, done: Callable[[Venue], bool], what: str, timeout_s: float | None = None) -> None:
    """Wait until `done` is true of the node's run. Refused if the node ends first, or takes too long."""
    deadline_s = time.monotonic() + (LEAD_S if timeout_s is None else timeout_s)
    venue = attach(data)
    while venue is None or not done(venue):
        supervisor(data)
        if time.monotonic() > deadline_s:
            raise Refused(f"it does not {what} yet: what its supervisor prints says why. Repeat this command")
        time.sleep(LOOK_S)  # words of the board: nothing to wait on
        venue = venue or attach(data)


def _is_fenced(venue: Venue, link: LinkState, timeout_s: float) -> bool:
    """Have the primary release nothing more, if there is a link; whether it has said so in time. Safe to repeat.

    It stays asked, for as long as the link lasts.
    """
    board = venue.board
    if board.get(Word.HANDOVER) == Fence.ANSWERED:
        return True  # before, and what it said holds
    if link not in LINKED:
        return False
    board.set(Word.HANDOVER, Fence.ASKED)
    deadline_s = time.monotonic() + timeout_s
    while board.get(Word.HANDOVER) != Fence.ANSWERED:
        if time.monotonic() > deadline_s or board.get(Word.LINK) not in LINKED:
            return False
        time.sleep(LOOK_S)  # words of the board: nothing to wait on
    return True


def _itself(config: Config) -> tuple[str, ...]:
    return (config.replication.node or "",)


def _plan(data: Path, link: LinkState, statement: str) -> str:
    if link in LINKED:
        return "the other node would be told to release nothing more"
    if not statement:
        raise Refused(_unfenced(data))
    return f"the other node can't be told; said of it: {statement}"


def _unfenced(data: Path) -> str:
    told = link_report.read(data)
    return (
        f"the other node can't be told ({told.why if told else 'no link'}). If it still runs, two nodes would lead: "
        "make sure that it "
        'is off, or cut off from every client, and say so: --peer-is-off "who says so, and how it was made sure"'
    )


def _serves(venue: Venue) -> bool:
    """Whether every host runs, and those that serve clients listen."""
    for host in venue.topology.hosts:
        shown = venue.board.health(venue.topology.slot_of(host.agents[0]))
        if shown is None or not health.is_ready(venue, host, shown["pid"]):
            return False
    return True


def print_step(line: str) -> None:
    console().print(line, markup=False, soft_wrap=True)
