"""Whether the journal still has its end: it is compared with what the edges' own files know.

A last batch that is damaged looks like a torn one (LOG-28). Nothing is released before it is durable (LOG-13), so a
spool or a message store that knows of more than the journal leads to proves that the journal has lost it. The router
compares before anything is written; each stage says what its file knows (`Board.show_known`).
"""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.core.venue.topology import role_of
from lockstep.shm.board import Board

BATCHER = 0  # its place on the board; a gateway's is its number


class Witnesses:
    """The edges that keep their own files: `agents` of the venue's topology, other roles left out."""

    def __init__(self, board: Board, agents: Sequence[str]) -> None:
        self._board = board
        self._names = {
            BATCHER if role_of(name) == "batcher" else int(name.partition(".")[2]): name
            for name in agents
            if role_of(name) in ("batcher", "gateway")
        }

    def are_heard(self) -> bool:
        """Whether each has said what it knows: a gateway reads its store first, which may take a while."""
        return all(self._board.known_by(place) is not None for place in self._names)

    def objection(self, seq: int, numbers: Sequence[int]) -> str | None:
        """What one of them knows beyond record `seq` and its last event of each ring, `numbers`."""
        heard = {place: self._board.known_by(place) or (0, []) for place in sorted(self._names)}
        for place, (known_seq, known) in heard.items():
            if known_seq > seq:
                return f"the journal ends at {seq}, and the spool has what came of record {known_seq}"
            for ring, number in enumerate(known):
                if number > numbers[ring]:
                    teller = f"matcher {ring}" if ring else "the router"
                    what = "the spool has" if place == BATCHER else f"{self._names[place]} has reported"
                    return (
                        f"the journal ends at {seq}, which leads to event {numbers[ring]} of {teller}, and {what} "
                        f"event {number}"
                    )
        return None
