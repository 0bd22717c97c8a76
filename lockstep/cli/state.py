"""The state of a venue as its journal has it, running or not: what `lockstep check` and `lockstep show` ask.

It begins with the newest snapshot and replays what is committed after it. A running venue is unaffected.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from lockstep.cli.at import moment
from lockstep.cli.progress import Progress
from lockstep.config.schema import Config
from lockstep.core.recovery import inspection
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.recovery.snapshot_catalog import choose
from lockstep.core.venue.topology import derive


def current(config: Config, data: Path) -> ReplayedCore:
    """The core after all that is committed. UsageError: there is no journal; JournalError, CoreReplayError, OSError."""
    kept = moment.retained(data)
    start = choose(data, derive(config).savers, kept.last).start
    replay = ReplayedCore(config, data, start, kept.last, reader=False)
    with Progress("replaying", 0, "records") as progress:
        replay.run(progress.show)
    return replay


def listing_of(replay: ReplayedCore, instrument: int) -> tuple[int, dict[str, int]]:
    """Which matcher has an instrument now, which may have moved, and what it knows of it; empty if none has it."""
    for number, matcher in replay.matchers.items():
        with contextlib.suppress(KeyError):
            return number, inspection.listing_of(matcher.book, instrument)
    return 0, {}
