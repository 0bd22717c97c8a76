"""Tells a person when the disk fills and when it has space again, and says whether a death may be for lack of space.

It frees nothing, and stops nobody: who stops, and when, each writer decides (docs/operations.md).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from procs import space
from shm.board import Board, Word

RETRY_S = 1.0  # between two tries of what found no space
FULL_BYTES = 2**20  # with fewer bytes free, whoever dies may have died of it


class DiskWatch:
    """The disk of the venue in `data`. `report` gets a line for each change."""

    def __init__(self, data: Path, report: Callable[[str], None]) -> None:
        self._data = data
        self._report = report
        self._is_told = False

    @property
    def is_full(self) -> bool:
        """Whether it has no space to speak of. Nobody is to be given up for what happens then."""
        return space.free_bytes(self._data) < FULL_BYTES

    def tick(self, board: Board) -> None:
        """Tell what has changed."""
        refuses = board.get(Word.JOURNAL_FULL) != 0
        if refuses == self._is_told:
            return
        self._is_told = refuses
        free = space.mebibytes(space.free_bytes(self._data))
        if refuses:
            self._report(
                f"the disk of {self._data} is nearly full ({free} free): new orders are refused, cancels pass; "
                "free space there, and the venue goes on by itself"
            )
        else:
            self._report(f"the disk of {self._data} has space again ({free} free): new orders are taken")
