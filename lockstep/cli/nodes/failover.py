"""`lockstep failover`: has this node serve without the other one: the secondary leads, a primary stops waiting.

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
from msgspec import structs

from lockstep.cli.nodes import doubt, release
from lockstep.cli.nodes.steps import FailedOver, Refused, Say, Steps, await_, look_again, print_step, supervisor
from lockstep.cli.running import attach, node_of
from lockstep.cli.terminal import (
    DEFAULT_CONFIG,
    EXIT_OK,
    ConfigPath,
    Json,
    console,
    fail,
    load,
    print_json,
)
from lockstep.config.schema import Config
from lockstep.core.diagnostics.counts import counted
from lockstep.core.host import health
from lockstep.core.venue import clock as clock_rules
from lockstep.core.venue import node
from lockstep.core.venue.node import Node, RoleError
from lockstep.core.venue.venue import Venue
from lockstep.procs.replicator import link_report
from lockstep.procs.replicator.handshake import LINKED, Fence, LinkState
from lockstep.procs.witness import report as lease_report
from lockstep.shm.board import Word

AcceptClock = Annotated[
    bool, Parameter(negative=(), help="Lead although this node's clock differs from the other's or the log's end.")
]
FENCE_S = 3.0  # for a primary that can be reached to answer
STATED_S = 1.0  # likewise, where somebody says that it is off


def failover(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    peer_is_off: Annotated[
        str,
        Parameter(
            help="If the other node can't be told: who says that it is off, and how that was made sure. It is recorded."
        ),
    ] = "",
    accept_loss_of: Annotated[
        str,
        Parameter(
            help="The other node: what it may have acknowledged, and this one lacks, is given up. It is recorded."
        ),
    ] = "",
    accept_clock: AcceptClock = False,
    dry_run: Annotated[bool, Parameter(negative=(), help="Say what would be done, and change nothing.")] = False,
    json: Json = False,
) -> int:
    """Have this node serve without the other one. The secondary leads: it takes orders within about a second, and
    clients find it by themselves. A primary whose commits wait for a secondary that is off continues without it.

    The other node is told over the link that it releases nothing more. If it can't be, it must be off, or cut off from
    every client: --peer-is-off says who is certain of that, and how. If both led, orders would be acknowledged twice
    over, and only one of the two histories can stay. Each step is printed with its time; if the command is interrupted,
    run it again. A node that was off while the other one may have led, or that had not caught up with it, asks for a
    second word: --accept-loss-of. Where the other node still works, `lockstep switchover` loses nothing in any mode.

    A secondary whose state differs from the primary's is refused, and so is one whose clock differs by more than 10 s
    from the primary's, or is before its log's end (--accept-clock). A primary that continues keeps its clients
    connected; the log records it, and commits wait for the other node again once that has caught up.

    Example: lockstep failover --peer-is-off "Ada pulled the plug of host a, 12:03"

    Exit codes: 0 this node leads, or (with --dry-run) can; 1 it does not, and why; 2 the command line or the
    configuration is wrong.
    """
    loaded = load(config, secrets=False)
    data = node_of(loaded)

    def lead(say: Say) -> FailedOver:
        return carry_out(
            loaded, data, peer_is_off.strip(), dry_run=dry_run, say=say, accepted=accept_loss_of, clock=accept_clock
        )

    return told(lead, json=json)


def told(lead: Callable[[Say], FailedOver], *, json: bool) -> int:
    """Have this node lead by `lead`, and tell each step and what came of it. Returns the exit code."""
    try:
        done = lead((lambda _: None) if json else print_step)
    except (Refused, RoleError) as error:
        result = error.result if isinstance(error, Refused) else Refused.result
        return fail(f"{result}: {error}", json=json)
    if json:
        print_json(done)
    else:
        console().print(done.says, markup=False, soft_wrap=True)
    return EXIT_OK


def carry_out(
    config: Config, data: Path, statement: str, *, dry_run: bool, say: Say, accepted: str = "", clock: bool = False
) -> FailedOver:
    """Have the running secondary in `data` lead, or a primary continue that waits for the other node. The loss of what
    the node `accepted` may have acknowledged in the meantime is accepted, and so is this node's `clock`.

    Refused, RoleError, OSError.
    """
    steps, role = Steps(say), node.load(data)
    supervisor(data)
    venue = attach(data)
    if venue is None or not role.is_secondary:
        return _alone(config, data, statement, steps, dry_run=dry_run, accepted=accepted)
    done = FailedOver("would lead", "this node would lead", steps.done)
    done.seq, done.behind = look(venue, steps)
    check_clock(venue, accepted=clock)
    link = LinkState(venue.board.get(Word.LINK))
    if dry_run:
        steps.say(_plan(data, link, statement))
        if link not in LINKED:
            doubt.check(config, data, role, venue, accepted)
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
        _check_doubt(config, data, role, venue, accepted)
        steps.say(f"the other node can't be told; said of it: {statement}")
        statement = doubt.told(statement, accepted)
    else:
        venue.board.set(Word.HANDOVER, Fence.NO)
        raise Refused(_unfenced(data))
    node.save(data, structs.replace(role, role="primary", members=_itself(config), statement=statement))
    steps.say("its role is primary, on the disk: it alone decides what is committed")
    os.kill(supervisor(data), signal.SIGUSR2)
    return await_lead(data, steps, done)


def _check_doubt(config: Config, data: Path, role: Node, venue: Venue, accepted: str) -> None:
    try:
        doubt.check(config, data, role, venue, accepted)
    except Refused:
        venue.board.set(Word.HANDOVER, Fence.NO)
        raise


def _has_lease(config: Config, data: Path) -> str:
    """The other node, where it has the lease as far as this one knows; "" if not, or there is no witness."""
    leader = lease_report.of(data).leader if config.witness.urls else ""
    return "" if leader == config.replication.node else leader


def _alone(config: Config, data: Path, statement: str, steps: Steps, *, dry_run: bool, accepted: str) -> FailedOver:
    """Go on with a command that was interrupted; or have a primary lead that waits for its other node at its start."""
    role, venue = node.load(data), attach(data)
    done = FailedOver("would lead", "this node would lead", steps.done)
    if venue is not None and release.waits(venue.board):
        return release.carry_out(config, data, venue, role, statement, steps, dry_run=dry_run, accepted=accepted)
    if (leads := leading(venue, steps)) is not None:
        return leads
    if role.is_secondary:
        raise Refused("it is starting: repeat this command when it follows")
    if node.needs_peer(config, role) and venue is None:
        if not statement:
            raise Refused(_unfenced(data))
        doubt.check(config, data, role, None, accepted)
        if not dry_run:
            said = doubt.told(statement, accepted)
            node.save(data, structs.replace(role, members=_itself(config), statement=said))
        steps.say(f"commits wait for the other node no more; said of it: {statement}")
    else:
        steps.say("its role is primary already, and it is about to lead")
    if dry_run:
        return done
    os.kill(supervisor(data), signal.SIGUSR2)
    return await_lead(data, steps, done)


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
    seq, peer_seq = doubt.received(venue), board.get(Word.PEER_SEQ)
    behind = max(0, peer_seq - seq)
    link = LinkState(board.get(Word.LINK)).name.lower().replace("_", " ")
    lacks = f"the other node had {counted(behind, 'record')} more" if behind else "it lacks nothing that is known of"
    steps.say(f"this node is the secondary, up to record {seq:,}; its link is {link}; {lacks}")
    return seq, behind


def check_clock(venue: Venue, *, accepted: bool) -> None:
    """Refused if the clock of a secondary that is to lead is wrong as far as can be known, unless that is accepted."""
    objection = "" if accepted else clock_rules.objection_to_promotion(venue)
    if objection:
        raise Refused(objection)


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
        look_again()
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
