"""Where the histories of two nodes part: by chained hashes, asked of the peer or read in a copy of its journal.

It reads, and changes nothing. A chained hash is over all records up to its own, so where two logs agree they agree
before that, too: the end of what they share is found by halving.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from msgspec import Struct

from lockstep.core.journal.end import chain_at
from lockstep.core.journal.journal import JournalReport, verify
from lockstep.procs.replicator.greeting import epoch_of


class DivergenceError(Exception):
    """It can't be known where the histories part, or a node must not follow the other: the message says why."""


class PeerLog(Protocol):
    """The other node's log, as far as it can be asked."""

    def has(self, seq: int, chain: int) -> bool:
        """Return whether it has record `seq`, with this chained hash of all up to there. DivergenceError."""

    def check_divergence(self, common: int, last: int) -> None:
        """DivergenceError if it can't be relied on that the histories part behind `common`, of a log up to `last`."""


class Divergence(Struct, frozen=True):
    """`common` is the last record that both logs have; this node's goes on to `last`, and its epochs to `epoch`."""

    common: int
    last: int
    epoch: int

    @property
    def cut(self) -> int:
        """How many records of this node's log the other one does not have."""
        return self.last - self.common


def find(journal: Path, peer: PeerLog) -> Divergence:
    """Find where the log in `journal`, which nobody writes, and the peer's part.

    DivergenceError if they share nothing that is still there, or the journal is damaged.
    """
    report = verify(journal, marked=False)
    _check_whole(journal, report)
    last = report.last_seq
    common = last if peer.has(last, report.chain) else _common(journal, report, peer)
    peer.check_divergence(common, last)
    return Divergence(common, last, epoch_of(journal, last))


def _check_whole(journal: Path, report: JournalReport) -> None:
    """DivergenceError unless the journal is whole up to its end, and has a record."""
    if report.corruption is not None:
        raise DivergenceError(
            f"{report.corrupt_file} at offset {report.corrupt_offset}: {report.corruption}. Mend it first: "
            "lockstep repair-journal --from the other node's journal"
        )
    if not report.records:
        raise DivergenceError(f"{journal} has no record: this node has never led")


def _common(journal: Path, report: JournalReport, peer: PeerLog) -> int:
    """Return the last record on which both agree, where they don't on this journal's last: steps back, then halves."""
    before = report.first_seq - 1
    differs, step = report.last_seq, 1
    while True:
        agrees = max(differs - step, before)
        if peer.has(agrees, chain_at(journal, agrees)):
            break
        if agrees == before:
            raise DivergenceError(
                f"{journal} begins with record {report.first_seq:,}, and the histories part before that: make this "
                "node's data folder from a backup of the other one"
            )
        differs, step = agrees, 2 * step
    while differs - agrees > 1:
        middle = (agrees + differs) // 2
        if peer.has(middle, chain_at(journal, middle)):
            agrees = middle
        else:
            differs = middle
    if agrees == 0:
        raise DivergenceError(f"{journal} and the other node's log have no record in common: they are two venues")
    return agrees
