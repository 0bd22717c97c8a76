"""Wires the journaler: the log ring, the journal under the venue's data folder, the board.

It decides nothing: the agent's rules are in `journaler`, the format's in `shm.journal`.
"""

from __future__ import annotations

from procs.journaler.journaler import Journaler
from procs.venue import Venue
from shm.journal_writer import JournalWriter


def build(venue: Venue, name: str = "journaler") -> Journaler:
    """The agent of this venue; opening the journal checks it, and raises JournalError where it can't be trusted."""
    journal = JournalWriter(venue.data / "journal", venue.config.venue.durability)
    return Journaler(venue.consumer("log", name), journal, venue.board)
