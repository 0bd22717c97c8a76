"""The state of a venue as its journal has it, running or not: what `lockstep check` and `lockstep show` ask.

A replica begins with the newest snapshot and replays what is committed behind it; the venue notices nothing.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from config.schema import Config
from procs.recovery.replay import Replica
from procs.recovery.snapshot_catalog import choose
from procs.venue.topology import derive
from scripts.at import look, moment
from scripts.progress import Progress


def current(config: Config, data: Path) -> Replica:
    """Router and matchers after all that is committed. UsageError: no journal; JournalError, ReplicaError, OSError."""
    kept = moment.retained(data)
    start = choose(data, derive(config).savers, kept.last).start
    replica = Replica(config, data, start, kept.last, reader=False)
    with Progress("replaying", kept.last - start.seq, "records") as progress:
        while not replica.is_complete:
            replica.step()
            progress.show(replica.position - start.seq)
    return replica


def listing_of(replica: Replica, instrument: int) -> tuple[int, dict[str, int]]:
    """Which matcher has an instrument now, which may have moved, and what it knows of it; empty where none has it."""
    for number, matcher in replica.matchers.items():
        with contextlib.suppress(KeyError):
            return number, look.listing_of(matcher.book, instrument)
    return 0, {}
