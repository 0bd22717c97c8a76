"""Wires the journaler: the log ring, the journal under the venue's data folder, the board.

It decides nothing: the agent's rules are in `journaler`, the format's in `journal.format`.
"""

from __future__ import annotations

from typing import Literal

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.venue import node
from lockstep.core.venue.topology import LOG
from lockstep.core.venue.venue import Venue
from lockstep.procs.journaler.journaler import Journaler
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Consumer


def build(venue: Venue, name: str = "journaler") -> Journaler:
    """The agent of this venue; opening the journal checks it, and raises JournalError if it can't be trusted."""
    settings, board = venue.config.journal, venue.board
    undrained = venue.undrained_log(name)
    ring = undrained or venue.consumer(LOG, name)
    takes_over = undrained is not None or board.get(Word.JOURNAL_READY) != 0
    journal = JournalWriter(
        venue.data / "journal",
        _durability(venue),
        settings.segment_bytes,
        reserve_bytes=settings.reserve_bytes,
        trusted_seq=trusted_seq(ring, board) if takes_over else None,
        at_least=venue.known_seq,
        journal_id=bytes.fromhex(venue.node.journal_id) or None,
        venue=venue.config.venue.name,
    )
    report_cut(journal)

    def renew() -> tuple[int, Consumer]:
        venue.renew()
        return venue.generation, venue.consumer(LOG, name)

    generation = venue.draining if undrained else venue.generation
    eases = venue.config.venue.durability == "replicated" and not _parts(venue)
    return Journaler(ring, journal, board, generation, renew, eases=eases)


def _parts(venue: Venue) -> bool:
    """Whether commits are about to wait for the other node no more: the role says so first (decision 0040)."""
    waits = venue.board.get(Word.COMMIT_BY) == Word.ACKED_SEQ
    return waits and not node.is_paired(venue.config, node.load(venue.data))


def _durability(venue: Venue) -> Literal["none", "local"]:
    """Whether this node syncs: it need not where each commit waits for the other node's acknowledgement."""
    durability = venue.config.venue.durability
    if durability == "none":
        return "none"
    waits = venue.board.get(Word.COMMIT_BY) == Word.ACKED_SEQ
    stands_in = durability == "replicated" and waits and not _parts(venue)
    return "none" if stands_in else "local"


def trusted_seq(ring: Consumer, board: Board) -> int:
    """How far a journaler that takes over in a running venue may believe its predecessor's journal (LOG-20).

    In a new run everything is synced and read from the disk itself before it is believed.
    """
    return max(board.get(Word.DURABLE_SEQ), ring.next - 1)


def report_cut(journal: JournalWriter) -> None:
    """Say what opening cut from the journal: a torn last write is usual after a crash, a hole is not."""
    if journal.torn is None:
        return
    if journal.hole:
        log.error("journal_hole", lost_from_seq=journal.last_seq + 1, kept=str(journal.torn), durability="none")
    else:
        log.warning("journal_torn", cut_from_seq=journal.last_seq + 1, kept=str(journal.torn))
