"""Wires the batcher: event rings in, spool under the venue's data folder, and the configured database.

It decides nothing.
"""

from __future__ import annotations

from procs.batcher import requests
from procs.batcher.batcher import Batcher
from procs.batcher.database import server
from procs.batcher.filler import Filler
from procs.venue import Venue, manifest_of
from shm.board import Word

WITNESS = 0  # its place on the board among those that know how far the journal was


def build(venue: Venue, name: str = "batcher") -> Batcher:
    batcher = Batcher(
        venue.board,
        venue.events(name),
        venue.data / "spool",
        server(venue.config, venue.data),
        venue.config.database.batch_rows,
        Filler(manifest_of(venue.data), lambda: venue.board.get(Word.DURABLE_SEQ)),
        venue.snapshots,
        requests.records_of(venue.data / "journal"),
    )
    venue.board.show_known(WITNESS, batcher.spool.known_seq, batcher.spool.numbers)
    part = venue.snapshots.load(name)
    if part is not None:
        batcher.load(part)
    return batcher
