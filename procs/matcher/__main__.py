"""Wires a matcher: the log ring, its own event ring, the board.

It decides nothing: the agent's rules are in `matcher`, those of matching in `book`.
"""

from __future__ import annotations

from procs.matcher.matcher import Matcher
from procs.venue import Venue


def build(venue: Venue, name: str) -> Matcher:
    """The agent called `name`, which ends in its matcher's number."""
    number = int(name.partition(".")[2])
    return Matcher(number, venue.consumer("log", name), venue.producer(f"events.{name}"), venue.board)
