"""Reports when the disk fills up and when it has space again, and knows whether a death may be for lack of space.

It frees nothing and stops nothing: each writer decides when it stops (docs/operations.md).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lockstep.core.files import space
from lockstep.shm.board import Board, Word

RETRY_S = 1.0  # between two tries to do something that found no space
FULL_BYTES = 2**20  # with fewer bytes free, a process may have died of that


class DiskWatch:
    """The disk of the venue in `data`. `report` gets a line for each change."""

    def __init__(self, data: Path, report: Callable[[str], None]) -> None:
        self._data = data
        self._report = report
        self._is_reported = False

    @property
    def is_full(self) -> bool:
        """Whether it has next to no space. No death counts against a host then."""
        return space.free_bytes(self._data) < FULL_BYTES

    def tick(self, board: Board) -> None:
        """Report a change."""
        refuses = board.get(Word.JOURNAL_FULL) != 0
        if refuses == self._is_reported:
            return
        self._is_reported = refuses
        free = space.mebibytes(space.free_bytes(self._data))
        if refuses:
            self._report(
                f"the disk of {self._data} is nearly full ({free} free): new orders are refused, cancels pass; "
                "free space there, and the venue goes on by itself"
            )
        else:
            self._report(f"the disk of {self._data} has space again ({free} free): new orders are taken")
