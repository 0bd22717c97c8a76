"""A running primary that continues without its peer: by its operator's word that the peer is off (I9), or because the
peer leaves before it stops.

By a word, the role is on the disk first, then commits stop waiting, then the log has an epoch that records it. It may
be killed at any step, and repeated. It waits until the peer would ask before it leads (I9). The peer is waited for
again as soon as it has once had all of the log.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from time import monotonic_ns

from msgspec import structs

from lockstep.config.schema import Config
from lockstep.core.cluster import doubt
from lockstep.core.cluster.roles import ALONE_S
from lockstep.core.cluster.steps import FailedOver, Instruction, Refused, Steps, await_, look_again, supervisor
from lockstep.core.diagnostics.counts import counted
from lockstep.core.venue import node
from lockstep.core.venue.node import Node
from lockstep.core.venue.venue import Venue, attach
from lockstep.procs.replicator import link_report
from lockstep.procs.replicator.handshake import LINKED, Fence
from lockstep.shm.board import Board, Word

QUIET_S = 30.0  # without an acknowledgement: the peer has heard nothing for 20 s, and asks before it leads (doubt)
LEAVE_S = ALONE_S + 10.0  # for the primary to go on alone: it may start its journaler again
AGAIN_S = 1.0  # between two signals to a supervisor that has not done it yet
COMMAND = 'lockstep failover --peer-is-off "who says so, and how it was made sure"'


class NotReleased(Refused):
    """This node leads, and its commits still wait for the other one; the message says why, and what to do."""

    result = "this node leads, and does not continue without the other one"


def waits(board: Board) -> bool:
    """Return whether this node leads, and its commits wait for the other node."""
    return board.get(Word.EPOCH) != 0 and board.get(Word.COMMIT_BY) == Word.ACKED_SEQ


def carry_out(config: Config, data: Path, venue: Venue, role: Node, given: Instruction, steps: Steps) -> FailedOver:
    """Have the primary in `data`, whose commits wait for the other node, continue without it. Refused, OSError.

    One that did not run for a while has to have the loss accepted of what the other node may have acknowledged.
    """
    board = venue.board
    epoch, end, commit = board.get(Word.EPOCH), board.get(Word.LOG_END), board.commit_position()
    done = FailedOver("leads", f"this node leads already, epoch {epoch}", steps.done, epoch, end)
    if not _unheard_since_ns(venue, monotonic_ns()):
        if not given.statement:
            return done
        raise Refused(
            f"it leads, and the other node follows it ({_link(board)}) and acknowledges: there is nothing to release. "
            "To stop the other node in order: lockstep stop --leave there"
        )
    told = link_report.read(data)
    why = f" ({told.why})" if told is not None and told.why else ""
    steps.say(
        f"this node leads epoch {epoch}; its commits wait for the other node, whose link is {_link(board)}{why}: "
        f"{counted(end - commit, 'record')} not acknowledged"
    )
    if not given.statement:
        raise Refused(
            "no order is acknowledged before the other node acknowledges it. Bring that back; or, once you are sure "
            f"that it is off, or that no client reaches it, continue without it: {COMMAND}"
        )
    doubt.check(config, data, role, venue, given.accepted)
    if given.dry_run:
        done.outcome, done.says = "would lead", "this node would continue without the other one"
        return done
    _await_quiet(venue, steps)
    alone = (config.replication.node or "",)
    node.save(data, structs.replace(role, members=alone, statement=doubt.statement_of(given)))
    steps.say(f"commits wait for this node alone, on the disk; said of the other one: {given.statement}")
    _await_release(data, venue)
    steps.say("commits wait for the other node no more")
    await_(data, lambda each: each.board.get(Word.EPOCH) > epoch, "begin an epoch without the other node")
    begun = board.get(Word.LOG_END)
    await_(data, lambda each: each.board.commit_position() >= begun, "commit")
    done.epoch, done.seq, done.took_s = board.get(Word.EPOCH), begun, steps.elapsed_s
    done.says = (
        f"this node continues without the other one, epoch {done.epoch}, after {done.took_s:.3f} s. Start the other "
        "node when it is well: it catches up, and commits wait for it again. Until then it lacks what is acknowledged "
        "here, and must not lead"
    )
    return done


def leave(data: Path, steps: Steps) -> None:
    """Have the primary wait for acknowledgements of the secondary in `data` no more, which is about to be stopped: it
    syncs its own journal from then on. Refused, and it waits again, where it does not say so in time."""
    venue = attach(data)
    if venue is None:
        raise Refused("it is starting: repeat this command when it follows")
    board = venue.board
    if board.get(Word.HANDOVER) != Fence.LEFT:
        board.set(Word.HANDOVER, Fence.LEAVES)
    try:
        await_(data, lambda _: board.get(Word.HANDOVER) == Fence.LEFT, "hear from the primary", LEAVE_S)
    except Refused:
        board.set(Word.HANDOVER, Fence.NO)
        raise Refused("the primary did not say in time that it goes on alone: nothing has changed") from None
    steps.say("the primary goes on alone: it waits for this node no more, and syncs what it acknowledges")


def _unheard_since_ns(venue: Venue, latest_ns: int) -> int:
    """Return since when the peer has not acknowledged what it should, or the link is down (CLOCK_MONOTONIC); 0: it
    does. `latest_ns` where this run does not know when the peer last had the whole log."""
    board = venue.board
    if board.get(Word.STALLED_NS) or board.get(Word.LINK) in LINKED:
        return board.get(Word.STALLED_NS)
    whole_ns = board.get(Word.WHOLE_NS)
    return whole_ns - venue.anchor_ns if whole_ns else latest_ns


def _await_quiet(venue: Venue, steps: Steps) -> None:
    """Wait until the peer, if it is alive, asks before it leads (I9). Refused if it acknowledges again."""
    is_told, begun_ns = False, monotonic_ns()
    while (since_ns := _unheard_since_ns(venue, begun_ns)) and (
        left_s := QUIET_S - (monotonic_ns() - since_ns) / 1e9
    ) > 0:
        if not is_told:
            steps.say(f"waiting {left_s:.0f} s more: from then on the other node, if it is alive, asks before it leads")
            is_told = True
        look_again()
    if not since_ns:
        raise Refused("the other node acknowledges again: there is nothing to release")


def _await_release(data: Path, venue: Venue) -> None:
    """Have the supervisor do it, in two steps where the journaler is in the core; a witness has it done in its turn."""
    told_s = 0.0

    def is_released(now: Venue) -> bool:
        nonlocal told_s
        if now.board.get(Word.COMMIT_BY) != Word.ACKED_SEQ:
            return True
        if time.monotonic() - told_s >= AGAIN_S and "witness" not in venue.topology.agents:
            told_s = time.monotonic()
            os.kill(supervisor(data), signal.SIGUSR2)
        return False

    await_(data, is_released, "continue without the other node")


def _link(board: Board) -> str:
    return "up" if board.get(Word.LINK) in LINKED else "down"
