"""`lockstep upgrade --new-rules`: has the log go by the newest rules that both nodes know, from the next epoch on.

It is what closes the way back to an earlier version, so nothing else raises the rules of two nodes.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct, structs

from lockstep.cli.nodes.steps import Refused, Say, Step, Steps, await_, supervisor
from lockstep.cli.nodes.trial import log_rules
from lockstep.cli.running import attach
from lockstep.cli.terminal import is_sure
from lockstep.core.host import restart
from lockstep.core.venue import node
from lockstep.core.venue.committed import committed
from lockstep.core.venue.venue import Venue
from lockstep.procs.replicator import link_report
from lockstep.procs.replicator.handshake import LinkState
from lockstep.procs.router.sequencer import RULES
from lockstep.shm.board import Word

RESTART_S = 120.0


class NewRules(Struct):
    """`outcome`: would change (a dry run), changed, or there: the log goes by `rules` already."""

    outcome: str
    says: str
    steps: list[Step]
    rules: int
    epoch: int = 0
    took_s: float = 0.0


def carry_out(data: Path, statement: str, *, dry_run: bool, yes: bool, say: Say) -> NewRules:
    """Have the node in `data`, which leads, begin an epoch by this version's rules; by a `statement` without the other
    node. Refused, RoleError, OSError.
    """
    steps, role = Steps(say), node.load(data)
    supervisor(data)
    venue = attach(data)
    if role.is_secondary or venue is None or not venue.board.get(Word.EPOCH):
        raise Refused("this node does not lead: give this command on the one that does")
    now, begun = log_rules(data, committed(venue))
    if now >= RULES:
        return NewRules("there", f"the log goes by rules version {now} already", steps.done, now)
    known = _known(data, venue, statement)
    steps.say(
        f"the log goes by rules version {now} since record {begun:,}; this node knows {RULES}, the other one {known}"
    )
    done = NewRules("would change", f"the log would go by rules version {RULES}", steps.done, RULES)
    if dry_run:
        return done
    question = f"From then on there is no way back to a version that knows rules version {now} only. Change to {RULES}?"
    if not yes and not is_sure(question):
        raise Refused("not confirmed (--yes confirms): nothing was changed")
    before = venue.board.get(Word.EPOCH)
    node.save(data, structs.replace(role, rules=RULES))
    steps.say(f"epochs may go by rules version {RULES}, on the disk: the core starts again")
    try:
        restart.carry_out(data, venue.topology.host_of("router"), RESTART_S)
    except restart.RestartError as error:
        raise Refused(f"{error}. The next epoch goes by the new rules") from error
    await_(data, lambda each: each.board.get(Word.EPOCH) > before, "lead again")
    done.epoch, done.took_s, done.outcome = venue.board.get(Word.EPOCH), steps.elapsed_s, "changed"
    done.says = f"from epoch {done.epoch} on the log goes by rules version {RULES}"
    return done


def _known(data: Path, venue: Venue, statement: str) -> str:
    """The rules that the other node's version knows, in words. Refused where these are not new enough, or not known."""
    told = link_report.read(data)
    if told is None or venue.board.get(Word.LINK) != LinkState.IN_STEP:
        if statement:
            return f"is off: {statement}"
        raise Refused(
            "the other node does not follow now, so what it knows is unknown: repeat this when it does. If it is off "
            "for long, say so (--peer-is-off): it can follow again only in a version that knows these rules"
        )
    if told.rules < RULES:
        knows = f"knows rules version {told.rules}, and this one's {RULES}"
        raise Refused(f"the other node's version {knows}: upgrade that node first")
    return str(told.rules)
