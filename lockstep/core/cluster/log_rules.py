"""The rules that the log goes by, raised to the newest that both nodes know, from the next epoch on.

It is what closes the way back to an earlier version, so nothing else raises the rules of two nodes.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct, structs

from lockstep.core.cluster.steps import Refused, Step, Steps, await_, supervisor
from lockstep.core.host import restart
from lockstep.core.journal.journal import segment_seqs
from lockstep.core.journal.select import select
from lockstep.core.schema.commands import Epoch
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import CommandType
from lockstep.core.venue import node
from lockstep.core.venue.committed import committed
from lockstep.core.venue.venue import Venue, attach
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


def rules_at(data: Path, last: int) -> tuple[int, int]:
    """The version of the rules that the log in `data` goes by at record `last`, and the record from which on.

    Zeros where the journal has no epoch any more. Reads the whole journal. JournalError.
    """
    rules, begun = 0, 0
    first = segment_seqs(data / "journal")[0]
    for record in select(data / "journal", first, last, (CommandType.EPOCH,)):
        epoch = unpack_command(record)
        assert isinstance(epoch, Epoch)
        if epoch.rules_version != rules:
            rules, begun = epoch.rules_version, epoch.seq
    return rules, begun


def examine(data: Path, statement: str, steps: Steps) -> tuple[int, NewRules]:
    """Find which rules the log of the node in `data`, which leads, goes by, and whether these can be raised: where both
    nodes know this version's, or by a `statement` without the other node.

    Refused, RoleError, JournalError.
    """
    venue = _leading(data)
    now, begun = rules_at(data, committed(venue))
    if now >= RULES:
        return now, NewRules("there", f"the log goes by rules version {now} already", steps.done, now)
    known = _known(data, venue, statement)
    steps.say(
        f"the log goes by rules version {now} since record {begun:,}; this node knows {RULES}, the other one {known}"
    )
    return now, NewRules("would change", f"the log would go by rules version {RULES}", steps.done, RULES)


def carry_out(data: Path, done: NewRules, steps: Steps) -> NewRules:
    """Have the node in `data`, which leads, begin an epoch by this version's rules. Refused, RoleError, OSError."""
    venue = _leading(data)
    before = venue.board.get(Word.EPOCH)
    node.save(data, structs.replace(node.load(data), rules=RULES))
    steps.say(f"epochs may go by rules version {RULES}, on the disk: the core starts again")
    try:
        restart.carry_out(data, venue.topology.host_of("router"), RESTART_S)
    except restart.RestartError as error:
        raise Refused(f"{error}. The next epoch goes by the new rules") from error
    await_(data, lambda each: each.board.get(Word.EPOCH) > before, "lead again")
    done.epoch, done.took_s, done.outcome = venue.board.get(Word.EPOCH), steps.elapsed_s, "changed"
    done.says = f"from epoch {done.epoch} on the log goes by rules version {RULES}"
    return done


def _leading(data: Path) -> Venue:
    """The node's run. Refused if it does not lead."""
    supervisor(data)
    venue = attach(data)
    if node.load(data).is_secondary or venue is None or not venue.board.get(Word.EPOCH):
        raise Refused("this node does not lead: give this command on the one that does")
    return venue


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
