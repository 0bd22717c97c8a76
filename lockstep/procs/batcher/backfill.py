"""Fills the database of a run from the journal: the batcher starts it if its spool begins after what the database has.

    python -m lockstep.procs.batcher.backfill --manifest FILE --epoch N --born-ns N --last-seq N

It begins with the newest snapshot before the gap, and writes only to the database. If it can't, it prints the reason
on standard output and exits with 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import psycopg

from lockstep.config.schema import Config
from lockstep.core.journal.journal import JournalError, segment_seqs
from lockstep.core.recovery.replay import CoreReplayError, ReplayedCore
from lockstep.core.recovery.snapshot_catalog import choose
from lockstep.core.venue import database_url
from lockstep.core.venue.parent_death import die_with
from lockstep.core.venue.snapshot_parts import Start
from lockstep.core.venue.topology import derive, role_of
from lockstep.core.venue.venue import Manifest
from lockstep.procs.batcher import requests
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.backfill_process import FillError
from lockstep.procs.batcher.backfill_writer import Filling
from lockstep.procs.batcher.writer import RefusedError, Session

CORE = ("router", "matcher")


def main() -> None:
    """Fill as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m lockstep.procs.batcher.backfill", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="the run's manifest.json")
    parser.add_argument("--epoch", type=int, required=True, help="the epoch that this node leads; 0: it follows")
    parser.add_argument("--born-ns", type=int, required=True, help="the time of the journal's first event")
    parser.add_argument("--last-seq", type=int, required=True, help="the last record to fill in")
    arguments = parser.parse_args()
    die_with(os.getppid())
    manifest = Manifest.load(arguments.manifest)
    try:
        boot = manifest.boot_id if arguments.epoch else ""
        author = Author(arguments.epoch, boot, manifest.config.replication.node or "")
        fill(manifest.config, Path(manifest.data), author, arguments.born_ns, arguments.last_seq)
    except (FillError, RefusedError, CoreReplayError, JournalError, psycopg.Error) as error:
        print(str(error).strip())
        sys.exit(1)


def fill(config: Config, data: Path, author: Author, born_ns: int, last_seq: int) -> None:
    """Fill the database of `config` from the journal in `data`. Raises what `Filling` raises, and FillError."""
    session = Session(database_url.of(config, data), author, born_ns, requests.records_of(data / "journal"))
    try:
        start = start_before(config, data, session.complete_seq)
        replay = ReplayedCore(config, data, start, last_seq)
        Filling(replay, session, config.database.batch_rows).run(lambda _: None)
    finally:
        session.close()


def start_before(config: Config, data: Path, complete_seq: int) -> Start:
    """Where a replay begins that has all events behind `complete_seq`. FillError if the journal begins later."""
    core = [agent for agent in derive(config).agents if role_of(agent) in CORE]
    start = choose(data, core, at_most=complete_seq).start
    segments = segment_seqs(data / "journal")
    if not segments or segments[0] > start.seq + 1:
        has = f"begins with record {segments[0]}" if segments else "is empty"
        raise FillError(
            f"the database has everything up to record {complete_seq} only, and the journal {has}: restore a later"
            " backup of the database, or put the journal's earlier segments back and run `lockstep rebuild-db`"
        )
    return start


if __name__ == "__main__":
    main()
