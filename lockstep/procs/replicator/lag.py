"""How long ago the secondary had all that there was: the lag between two nodes in time, by one host's clock.

It compares no clocks of two hosts: one that is an hour off changes nothing. A primary sees the end of its own log, and
hears what is acknowledged; a secondary sees what it has, and hears how far the log goes, at least five times a second.
"""

from __future__ import annotations

from lockstep.shm.board import Board, Word


class Lag:
    """Keeps `WHOLE_NS` on the board: the moment of which the secondary has the whole log by now."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._end = 0
        self._end_ns = 0  # when the log was seen to end there; 0: nothing is waited for

    def look(self, has: int, end: int, now_ns: int) -> None:
        """The secondary has the log up to `has`, and the log goes up to `end`, both as far as is known at `now_ns`."""
        if has >= end:
            self._board.set(Word.WHOLE_NS, now_ns)
            self._end_ns = 0
            return
        if self._end_ns and has >= self._end:
            self._board.set(Word.WHOLE_NS, self._end_ns)
            self._end_ns = 0
        if not self._end_ns:
            self._end, self._end_ns = end, now_ns
