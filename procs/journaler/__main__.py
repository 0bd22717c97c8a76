"""Wires the journaler: the log ring, the journal under the venue's data folder, the board.

It decides nothing: the agent's rules are in `journaler`, the format's in `shm.journal_format`.
"""

from __future__ import annotations

import structlog

from procs.journaler.journaler import Journaler
from procs.venue import Venue
from shm.board import Board, Word
from shm.journal_writer import JournalWriter
from shm.ring import Consumer

log = structlog.get_logger("journaler")


def build(venue: Venue, name: str = "journaler") -> Journaler:
    """The agent of this venue; opening the journal checks it, and raises JournalError where it can't be trusted."""
    ring, board = venue.consumer("log", name), venue.board
    journal = JournalWriter(venue.data / "journal", venue.config.venue.durability, trusted_seq=trusted_seq(ring, board))
    report_cut(journal)
    return Journaler(ring, journal, board)


def trusted_seq(ring: Consumer, board: Board) -> int | None:
    """How far a journaler that takes over in a running venue may believe its predecessor's journal (rule 20).

    None in a new run: there everything is synced and read from the disk itself before it is believed.
    """
    if not board.get(Word.JOURNAL_READY):
        return None
    return max(board.get(Word.DURABLE_SEQ), ring.next - 1)


def report_cut(journal: JournalWriter) -> None:
    """Say what opening cut from the journal: a torn last write is usual after a crash, a hole is not."""
    if journal.torn is None:
        return
    if journal.hole:
        log.error("journal_hole", lost_from_seq=journal.last_seq + 1, kept=str(journal.torn), durability="none")
    else:
        log.warning("journal_torn", cut_from_seq=journal.last_seq + 1, kept=str(journal.torn))
