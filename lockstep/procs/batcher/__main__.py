"""Wires the batcher: event rings in, spool under the venue's data folder, and the configured database.

It decides nothing.
"""

from __future__ import annotations

from lockstep.core.venue import database_trouble, node
from lockstep.core.venue.database_trouble import Notice
from lockstep.core.venue.venue import Venue, manifest_of
from lockstep.procs.batcher import requests
from lockstep.procs.batcher.backfill_process import BackfillProcess
from lockstep.procs.batcher.batcher import Batcher, Place
from lockstep.procs.batcher.database import server
from lockstep.procs.batcher.identity_keeper import IdentityKeeper
from lockstep.procs.batcher.loader import Loading
from lockstep.procs.batcher.position import Judge, Position, objection
from lockstep.shm.board import Word


def build(venue: Venue, name: str = "batcher") -> Batcher:
    board = venue.board
    own_name = venue.config.replication.node or ""

    def object_to(found: Position) -> str | None:
        return objection(found, venue.data / "journal", board.get(Word.DURABLE_SEQ), own_name)

    database = server(venue.config, venue.data)
    loading = Loading(
        database,
        venue.config.database.batch_rows,
        BackfillProcess(manifest_of(venue.data), board.commit_position),
        requests.records_of(venue.data / "journal"),
        Judge(lambda: board.get(Word.JOURNAL_READY) != 0, object_to),
        Notice(venue.data).tell,
        spool_first=venue.config.venue.durability in ("none", "replicated"),
    )
    place = Place(
        boot=venue.boot_id,
        node=own_name,
        follows=node.load(venue.data).is_secondary,
        keeper=IdentityKeeper.of(
            venue.data, venue.config.replication, database, Notice(venue.data, database_trouble.IDENTITY).tell
        ),
        snapshots=venue.snapshots,
    )
    batcher = Batcher(board, venue.events(name), venue.data / "spool", loading, place)
    part = venue.snapshots.load(name)
    if part is not None:
        batcher.load(part)
    return batcher
