"""Wires a matcher: the log ring, its own event ring, the board, and where the images of instruments that move go.

It decides nothing: the agent's rules are in `matcher`, those of matching in `book`.
"""

from __future__ import annotations

from procs.matcher.matcher import Matcher
from procs.venue import Venue


def build(venue: Venue, name: str) -> Matcher:
    """The agent called `name`, which ends in its matcher's number."""
    number = int(name.partition(".")[2])
    events = venue.producer(f"events.{name}")
    return Matcher(number, venue.consumer("log", name), events, venue.board, venue.images)
