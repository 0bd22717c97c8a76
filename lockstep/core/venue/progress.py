"""Whether the core of a run gets on: how far it is, whether it has anything to do, and whether it waits for others.

It only looks; what follows from it is the supervisor's decision, or the witness's.
"""

from __future__ import annotations

from lockstep.core.venue.venue import Venue
from lockstep.shm.board import Board, Word


def figures(venue: Venue) -> tuple[int, ...]:
    """How far the core is, in figures: any of them moves while it gets on.

    Events are among them, since one command can cause millions.
    """
    board = venue.board
    words = [Word.JOURNAL_READY, Word.EPOCH, Word.LOG_END]
    events = [venue.ring(spec.name).published for spec in venue.topology.rings if spec.events_of]
    return (*map(board.get, words), *_done(venue), *(taken for _, taken in _ingress(venue)), *events)


def owes(venue: Venue) -> bool:
    """Whether the core has anything to do: records to replay, match, settle or journal, or requests to take."""
    done = [venue.board.get(Word.LOG_END), *_done(venue)]
    return max(done) > min(done) or any(published > taken for published, taken in _ingress(venue))


def waits(board: Board) -> bool:
    """Whether the core may have to wait for others: for space, a lease, or another node to acknowledge or to lead."""
    if board.get(Word.JOURNAL_FULL) or board.is_closed():
        return True
    word = board.get(Word.COMMIT_BY)
    return word != 0 and board.get(word) < board.get(Word.DURABLE_SEQ)


def _done(venue: Venue) -> list[int]:
    words = [Word.DURABLE_SEQ, Word.ROUTER_DONE, *(Word.MATCHER_DONE + number - 1 for number in venue.matchers)]
    return [venue.board.get(word) for word in words]


def _ingress(venue: Venue) -> list[tuple[int, int]]:
    """Of each ring that gateways fill: what was published, and what the router has taken."""
    rings = [
        venue.ring(spec.name) for spec in venue.topology.rings if "router" in spec.consumers and not spec.events_of
    ]
    return [(ring.published, ring.cursors()["router"]) for ring in rings]
