"""Up to where a running venue's log is committed."""

from __future__ import annotations

from lockstep.core.journal.journal import JournalError
from lockstep.core.venue.venue import Venue
from lockstep.shm.board import Word


def committed(venue: Venue) -> int:
    """The last record of a run that is committed: no failover takes back what its log has up to there.

    JournalError while that is not known: the run has just begun, or commits wait for the other node.
    """
    seq = venue.board.commit_position()
    if seq == 0:
        if venue.board.get(Word.DURABLE_SEQ) == 0:
            raise JournalError("the venue has not found its journal's end yet: try again when it has started")
        raise JournalError(
            "commits wait for the other node, which has acknowledged nothing since this one began: try again when it "
            "is there (lockstep status)"
        )
    return seq
