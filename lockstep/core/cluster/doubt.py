"""What a node that is to lead by its operator's word can't know: whether its peer acknowledged orders that it lacks."""

from __future__ import annotations

from pathlib import Path

from lockstep.config.schema import Config
from lockstep.core.cluster.steps import Instruction, Refused
from lockstep.core.journal.end import end_of
from lockstep.core.journal.journal import JournalReader
from lockstep.core.schema.layout import unpack_command
from lockstep.core.venue import clock
from lockstep.core.venue.node import Node
from lockstep.core.venue.venue import Venue
from lockstep.procs.replicator import link_report
from lockstep.shm.board import Word

SECOND_NS = 10**9
UNHEARD_S = 20  # a primary is released from its peer only after 30 s (release.QUIET_S)
UNKNOWN = "peer"  # its name, where the two were never paired by `lockstep pair`


def check(config: Config, data: Path, role: Node, venue: Venue | None, accepted: str) -> None:
    """Refused where the peer may have acknowledged orders that this node lacks, and the operator has not accepted that
    by the peer's name. `venue` is the node's run; None: a primary waits for its peer at its start."""
    name = peer_of(data, role)
    reason = doubt(config, data, venue, name)
    if reason and accepted != name:
        raise Refused(
            f"{reason}. Orders that node {name} has acknowledged since then would be lost. Start node {name}, which "
            f"says what it has; if it is lost for good: --accept-loss-of {name}"
        )
    if accepted and accepted != name:
        raise Refused(f"the other node is called {name}, not {accepted}")


def doubt(config: Config, data: Path, venue: Venue | None, name: str) -> str:
    """Return why the peer, `name`, may have acknowledged what this node lacks, and since when; "" if it can't have."""
    log = "This node's log"
    if venue is None:
        end, reason = end_of(data / "journal").seq, f"node {name} may have led while this node was off"
    else:
        board = venue.board
        end, reason = board.get(Word.DURABLE_SEQ), ""
        waits = config.venue.durability in ("replicated", "both")
        commit = board.get(Word.PRIMARY_COMMIT)
        unheard_s = (venue.now_ns() - board.get(Word.WHOLE_NS)) // SECOND_NS
        if board.get(Word.EPOCH):
            if board.is_closed() and not config.witness.urls:  # its processes were stopped, or its machine suspended
                reason = f"node {name} may have led while this node did not run"
        elif not board.get(Word.WHOLE_NS):
            reason = f"this node has not had all of node {name}'s log since it was started"
            log = "Its own"
        elif waits and commit > received(venue):
            reason = f"node {name} has acknowledged records up to {commit:,} alone"
        elif waits and not board.get(Word.WAITED_FOR):
            reason = f"node {name} has not said that it waits for this node before it acknowledges"
        elif unheard_s > UNHEARD_S:
            reason = (
                f"this node has heard nothing from node {name} for {unheard_s:,} s, and an operator may have had that "
                "continue without this node (lockstep failover there)"
            )
    return f"{reason}. {log} ends {_named(data, end)}" if reason else ""


def received(venue: Venue) -> int:
    """Return the last record that this node has: its ring's or its journal's, whichever is later.

    LOG_END does not measure that: a busy router may be seconds behind the link.
    """
    return max(venue.ring("log").published, venue.board.get(Word.DURABLE_SEQ))


def statement_of(given: Instruction) -> str:
    """Return what the role keeps of the operator's words."""
    loss = f"; the loss of what node {given.accepted} has acknowledged is accepted" if given.accepted else ""
    return f"{given.statement}{loss}"


def peer_of(data: Path, role: Node) -> str:
    """Return the other node's name, as far as this one knows it."""
    told = link_report.read(data)
    return role.peer or (told.peer if told is not None else "") or UNKNOWN


def _named(data: Path, seq: int) -> str:
    """Name record `seq`, and its time where the journal has it."""
    if not seq:
        return "with no record"
    reader = JournalReader(data / "journal", seq, seq)
    try:
        record = next(reader, None)
    finally:
        reader.close()
    if record is None:
        return f"with record {seq:,}"
    command = unpack_command(record)
    return f"with record {seq:,} of epoch {command.epoch}, {clock.moment(command.time_ns)}"
