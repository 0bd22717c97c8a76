"""Where the histories of two nodes part: by chained hashes, asked of the other node or read in a copy of its journal.

It reads, and changes nothing. A chained hash is over all records up to its own, so where two logs agree they agree
before that, too: the end of what they share is found by halving.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from msgspec import Struct

from lockstep.core.journal.end import chain_at, first_header
from lockstep.core.journal.journal import JournalError, JournalReader, JournalReport, segment_seqs, verify
from lockstep.core.schema.layout import unpack_command


class PartingError(Exception):
    """It can't be known where the histories part, or a node must not follow the other: the message says why."""


class Other(Protocol):
    """The other node's log, as far as it can be asked."""

    def has(self, seq: int, chain: int) -> bool:
        """Whether it has record `seq`, with this chained hash of all up to there. PartingError."""

    def check_parting(self, common: int, last: int) -> None:
        """PartingError if it can't be relied on that the histories part behind `common`, of a log up to `last`."""


class Parting(Struct, frozen=True):
    """`common` is the last record that both logs have; this node's goes on to `last`, and its epochs to `epoch`."""

    common: int
    last: int
    epoch: int

    @property
    def cut(self) -> int:
        """How many records of this node's log the other one does not have."""
        return self.last - self.common


class Copy:
    """The other node's journal, or a copy of it, in a folder. PartingError if it is none of the same venue's."""

    def __init__(self, folder: Path, journal: Path) -> None:
        self._folder = folder / "journal" if (folder / "journal").is_dir() else folder
        try:
            self._seqs = segment_seqs(self._folder)
            own, theirs = first_header(journal), first_header(self._folder)
            if own is None or theirs is None:
                raise PartingError(f"there is no journal in {folder if own else journal}")
            if own.journal_id != theirs.journal_id:
                ids = f"{theirs.journal_id.hex()} and {own.journal_id.hex()}"
                raise PartingError(f"{self._folder} and {journal} are not journals of one venue: {ids}")
            reader = JournalReader(self._folder, self._seqs[-1])
            for _ in reader:
                pass
            reader.close()
        except (JournalError, OSError) as error:
            raise PartingError(f"{self._folder} can't be read: {error}") from error
        self._last = reader.next_seq - 1

    def has(self, seq: int, chain: int) -> bool:
        """As `Other.has`, of what the folder has."""
        if seq > self._last:
            return False
        if seq + 1 < self._seqs[0]:
            raise PartingError(
                f"{self._folder} begins with record {self._seqs[0]:,}, and the histories part before: make this "
                "node's data folder from a backup of the other one"
            )
        try:
            return chain_at(self._folder, seq) == chain
        except (JournalError, OSError) as error:
            raise PartingError(f"{self._folder} can't be read: {error}") from error

    def check_parting(self, common: int, last: int) -> None:
        """What ends where both agree may be too old to show how the other log goes on."""
        if common < last and common == self._last:
            raise PartingError(
                f"{self._folder} ends with record {common:,}, which this node has, too: it does not show whether the "
                "histories part there. Take one that goes on"
            )


def find(journal: Path, other: Other) -> Parting:
    """Where the log in `journal`, which nobody writes, and the other node's part.

    PartingError if they share nothing that is still there, or the journal is damaged.
    """
    report = verify(journal, marked=False)
    check_whole(journal, report)
    last = report.last_seq
    common = last if other.has(last, report.chain) else _common(journal, report, other)
    other.check_parting(common, last)
    return Parting(common, last, _epoch_at(journal, last))


def check_whole(journal: Path, report: JournalReport) -> None:
    """PartingError unless the journal is whole up to its end, and has a record."""
    if report.corruption is not None:
        raise PartingError(
            f"{report.corrupt_file} at offset {report.corrupt_offset}: {report.corruption}. Mend it first: "
            "lockstep repair-journal --from the other node's journal"
        )
    if not report.records:
        raise PartingError(f"{journal} has no record: this node has never led")


def _common(journal: Path, report: JournalReport, other: Other) -> int:
    """The last record on which both agree, where they don't on this journal's last: steps back, then halves."""
    before = report.first_seq - 1
    differs, step = report.last_seq, 1
    while True:
        agrees = max(differs - step, before)
        if other.has(agrees, chain_at(journal, agrees)):
            break
        if agrees == before:
            raise PartingError(
                f"{journal} begins with record {report.first_seq:,}, and the histories part before that: make this "
                "node's data folder from a backup of the other one"
            )
        differs, step = agrees, 2 * step
    while differs - agrees > 1:
        middle = (agrees + differs) // 2
        if other.has(middle, chain_at(journal, middle)):
            agrees = middle
        else:
            differs = middle
    if agrees == 0:
        raise PartingError(f"{journal} and the other node's log have no record in common: they are two venues")
    return agrees


def _epoch_at(journal: Path, seq: int) -> int:
    reader = JournalReader(journal, seq, seq)
    try:
        return unpack_command(next(reader)).epoch
    finally:
        reader.close()
