"""A planned change of roles: the secondary leads once the primary has ended in order, and it has everything.

Until the primary has said so, nothing has changed: it takes orders again if the secondary does not follow in time.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from msgspec import structs

from lockstep.core.cluster import failover
from lockstep.core.cluster.roles import HANDOVER_S, LOGOUT_S
from lockstep.core.cluster.steps import FailedOver, Instruction, Refused, Say, Steps, await_, supervisor
from lockstep.core.diagnostics.counts import counted
from lockstep.core.venue import node
from lockstep.core.venue.venue import attach
from lockstep.procs.replicator.greeting import NEAR
from lockstep.procs.replicator.handshake import LINKED, LinkState
from lockstep.shm.board import Word

TIMEOUT_S = LOGOUT_S + HANDOVER_S + 5.0  # as long as the primary gives itself, and a little


def carry_out(data: Path, given: Instruction, say: Say) -> FailedOver:
    """Have the running secondary in `data` lead once the primary has handed over.

    Refused, RoleError, OSError.
    """
    steps, role, venue = Steps(say), node.load(data), attach(data)
    pid = supervisor(data)
    done = FailedOver("would lead", "this node would lead, once the primary has handed over", steps.done)
    if (leads := failover.leading(venue, steps)) is not None:
        return leads
    if venue is None:
        raise Refused("it is starting: repeat this command when it follows")
    if role.is_secondary:
        done.seq, done.behind = failover.look(venue, steps)
        failover.check_clock(venue, accepted=given.clock)
        check(LinkState(venue.board.get(Word.LINK)), done.behind)
    if given.dry_run:
        return done
    if role.is_secondary:
        node.save(data, structs.replace(role, role="successor"))
        os.kill(pid, signal.SIGUSR2)
        steps.say("the primary is asked to hand over: it logs its clients out, and ends what it has taken")
        _await_handover(data, pid)
        steps.say("the primary releases nothing more, and all that it has is here; this node's role is primary")
    return failover.await_lead(data, steps, done)


def _await_handover(data: Path, pid: int) -> None:
    """Until this node is to lead. Refused, and all is as it was, if the primary does not hand over in time."""
    try:
        await_(data, lambda _: not node.load(data).is_secondary, "get all in time", TIMEOUT_S)
    except Refused:
        role = node.load(data)
        if role.is_secondary:
            node.save(data, structs.replace(role, role="secondary"))
            os.kill(pid, signal.SIGUSR2)
            raise Refused(
                "the primary did not hand over in time, and goes on: what its supervisor prints says why"
            ) from None


def check(link: LinkState, behind: int) -> None:
    """Refused unless this node has all, but for what is on its way."""
    if link not in LINKED:
        raise Refused("there is no link to the primary. If that is off: lockstep failover")
    if link is not LinkState.IN_STEP or behind > NEAR:
        raise Refused(f"it is {counted(behind, 'record')} behind: wait until it has caught up")
