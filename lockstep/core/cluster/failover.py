"""A node that is to serve without its peer: the secondary leads, a primary stops waiting.

Its order is what makes it safe: the peer is fenced, then this node's role is on the disk, then it is promoted. It may
be killed at any step, and repeated.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from msgspec import structs

from lockstep.config.schema import Config
from lockstep.core.cluster import doubt, release
from lockstep.core.cluster.steps import FailedOver, Instruction, Refused, Say, Steps, await_, look_again, supervisor
from lockstep.core.diagnostics.counts import counted
from lockstep.core.host import health
from lockstep.core.venue import clock, node
from lockstep.core.venue.node import Node
from lockstep.core.venue.venue import Venue, attach
from lockstep.procs.replicator import link_report
from lockstep.procs.replicator.handshake import LINKED, Fence, LinkState
from lockstep.procs.witness import report as lease_report
from lockstep.shm.board import Word

FENCE_S = 3.0  # for a primary that can be reached to answer
STATED_S = 1.0  # likewise, where somebody says that it is off


def carry_out(config: Config, data: Path, given: Instruction, say: Say) -> FailedOver:
    """Have the running secondary in `data` lead, or a primary continue that waits for the other node.

    Refused, RoleError, OSError.
    """
    steps, role = Steps(say), node.load(data)
    supervisor(data)
    venue = attach(data)
    if venue is None or not role.is_secondary:
        return _alone(config, data, given, steps)
    done = FailedOver("would lead", "this node would lead", steps.done)
    done.seq, done.behind = look(venue, steps)
    check_clock(venue, accepted=given.clock)
    link = LinkState(venue.board.get(Word.LINK))
    if given.dry_run:
        if link in LINKED:
            steps.say("the other node would be told to release nothing more")
        else:
            _check_stated(data, given)
            steps.say(f"the other node can't be told; said of it: {given.statement}")
            doubt.check(config, data, role, venue, given.accepted)
        return done
    statement = given.statement
    if _is_fenced(venue, link, STATED_S if statement else FENCE_S):
        steps.say("the other node releases nothing more, and all that it has is here")
    else:
        try:
            _check_word(config, data, role, venue, given)
        except Refused:
            venue.board.set(Word.HANDOVER, Fence.NO)
            raise
        steps.say(f"the other node can't be told; said of it: {statement}")
        statement = doubt.statement_of(given)
    node.save(data, structs.replace(role, role="primary", members=_itself(config), statement=statement))
    steps.say("its role is primary, on the disk: it alone decides what is committed")
    os.kill(supervisor(data), signal.SIGUSR2)
    return await_lead(data, steps, done)


def _check_word(config: Config, data: Path, role: Node, venue: Venue, given: Instruction) -> None:
    """Refused where the operator's word is not enough to lead by, instead of the other node's answer."""
    _check_stated(data, given)
    leader = lease_report.of(data).leader if config.witness.urls else ""  # as far as this node knows
    if leader not in ("", config.replication.node):
        raise Refused(
            f"node {leader} has the lease of the witness: it is not off, or has been for less than "
            f"{config.witness.lease_s} s. Repeat this when that has ended (lockstep status)"
        )
    doubt.check(config, data, role, venue, given.accepted)


def _alone(config: Config, data: Path, given: Instruction, steps: Steps) -> FailedOver:
    """Go on with a command that was interrupted; or have a primary lead that waits for its other node at its start."""
    role, venue = node.load(data), attach(data)
    done = FailedOver("would lead", "this node would lead", steps.done)
    if venue is not None and release.waits(venue.board):
        try:
            return release.carry_out(config, data, venue, role, given, steps)
        except Refused as error:
            raise release.NotReleased(str(error)) from None
    if (leads := leading(venue, steps)) is not None:
        return leads
    if role.is_secondary:
        raise Refused("it is starting: repeat this command when it follows")
    if node.needs_peer(config, role) and venue is None:
        _check_stated(data, given)
        doubt.check(config, data, role, None, given.accepted)
        if not given.dry_run:
            said = doubt.statement_of(given)
            node.save(data, structs.replace(role, members=_itself(config), statement=said))
        steps.say(f"commits wait for the other node no more; said of it: {given.statement}")
    else:
        steps.say("its role is primary already, and it is about to lead")
    if given.dry_run:
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
    objection = "" if accepted else clock.objection_to_promotion(venue)
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


def _check_stated(data: Path, given: Instruction) -> None:
    """Refused unless the operator says that the other node, which can't be told, is off."""
    if not given.statement:
        told = link_report.read(data)
        raise Refused(
            f"the other node can't be told ({told.why if told else 'no link'}). If it still runs, two nodes would "
            'lead: make sure that it is off, or cut off from every client, and say so: --peer-is-off "who says so, and '
            'how it was made sure"'
        )


def _serves(venue: Venue) -> bool:
    """Whether every host runs, and those that serve clients listen."""
    for host in venue.topology.hosts:
        shown = venue.board.health(venue.topology.slot_of(host.agents[0]))
        if shown is None or not health.is_ready(venue, host, shown["pid"]):
            return False
    return True
