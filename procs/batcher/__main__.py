"""Wires the batcher: event rings in, spool under the venue's data folder, and the configured database.

It decides nothing.
"""

from __future__ import annotations

from procs.batcher.batcher import Batcher
from procs.batcher.database import server
from procs.venue import Venue


def build(venue: Venue, name: str = "batcher") -> Batcher:
    consumers = {0: venue.consumer("events.router", name)}
    consumers |= {matcher: venue.consumer(f"events.matcher.{matcher}", name) for matcher in venue.matchers}
    return Batcher(
        venue.board,
        consumers,
        venue.data / "spool",
        server(venue.config, venue.data),
        venue.config.database.batch_rows,
    )
