"""Wires a matcher: the log ring, its own event ring, the board, where the images of instruments that move go, and
where snapshots are left and found.

The agent is in `matcher`, the rules of matching in `book`.
"""

from __future__ import annotations

from lockstep.core.venue import voided_commands
from lockstep.core.venue.venue import Venue
from lockstep.procs.matcher.matcher import Matcher


def build(venue: Venue, name: str) -> Matcher:
    """The agent called `name` (ending in the matcher's number), as the snapshot that this run began with has it."""
    number = int(name.partition(".")[2])
    events = venue.producer(f"events.{name}")
    voided = voided_commands.load(venue.data).commands
    matcher = Matcher(number, venue.consumer("log", name), events, venue.board, venue.images, venue.snapshots, voided)
    part = venue.snapshots.load(name)
    if part is not None:
        matcher.load(part)
        part.finish()
    return matcher
