"""`lockstep snapshot`: has a running venue save its state now, and waits until that is a valid snapshot.

It only asks: the supervisor, found by the venue's lock, takes the snapshot while the venue trades on.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec import Struct
from rich.console import Console
from rich.status import Status

from lockstep.cli.running import attach, not_running
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json
from lockstep.core.recovery import snapshot_catalog
from lockstep.core.recovery.snapshot_catalog import SavedSnapshot
from lockstep.core.venue.snapshot_parts import folder_of
from lockstep.core.venue.venue import Venue
from lockstep.shm.board import Word
from lockstep.shm.segment import RoleLock

LOOK_S = 0.05


class Taken(Struct, frozen=True):
    """A snapshot that was asked for. `folder` has its parts; its place in the log is `seq`."""

    seq: int
    size_bytes: int
    took_s: float
    parts: int
    folder: str


def snapshot(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    json: Json = False,
    timeout_s: Annotated[float, Parameter(help="How long to wait for it, in seconds.")] = 600.0,
) -> int:
    """Save a running venue's state now, for a short next start. Trading stops only for the moment it takes to settle.

    Exit codes: 0 it is saved, valid and durable; 1 the venue does not run, or no snapshot was made; 2 the
    configuration is wrong, or it is another user's venue.
    """
    loaded = load(config, secrets=False)
    data = Path(loaded.venue.data)
    errors = Console(stderr=True, soft_wrap=True)
    venue = attach(data)
    supervisor = RoleLock.holder(data / "venue.lock")
    if venue is None or supervisor is None:
        return fail(not_running(loaded), json=json)
    began_s = time.monotonic()
    asked_at = venue.board.get(Word.LOG_END)
    os.kill(supervisor, signal.SIGUSR1)
    with errors.status("asking") as shown:
        entry = _await(venue, asked_at, supervisor, began_s + timeout_s, shown)
    if isinstance(entry, str):
        return fail(entry, json=json)
    folder = str(folder_of(data, entry.seq))
    taken = Taken(entry.seq, entry.size, round(time.monotonic() - began_s, 3), len(entry.parts), folder)
    print_json(taken) if json else _print(taken)
    return EXIT_OK


def _await(venue: Venue, after: int, supervisor: int, deadline_s: float, shown: Status) -> SavedSnapshot | str:
    """The first valid snapshot after log record `after`, or why there is none."""
    data = venue.data
    while time.monotonic() < deadline_s:
        found = next((entry for entry in snapshot_catalog.entries(data) if entry.seq > after), None)
        if found is not None:
            return found
        if venue.board.get(Word.JOURNAL_FULL):
            return f"no snapshot is taken while the disk of {data} is nearly full: free space there"
        if RoleLock.holder(data / "venue.lock") != supervisor:
            return "the venue ended before there was a snapshot"
        shown.update(_progress(venue, after))
        time.sleep(LOOK_S)  # files and words of the board: nothing to wait on
    return "no snapshot came of it in time: what the supervisor prints says why"


def _progress(venue: Venue, after: int) -> str:
    seq = venue.board.get(Word.SNAPSHOT_SEQ)
    if seq <= after:
        return "waiting until the venue has settled"
    agents = venue.topology.savers
    missing = snapshot_catalog.missing(venue.data, seq, agents)
    if missing:
        return f"snapshot {seq}: {len(agents) - len(missing)} of {len(agents)} parts; waiting for {', '.join(missing)}"
    return f"snapshot {seq}: checking all parts, syncing the journal"


def _print(taken: Taken) -> None:
    size = f"{taken.size_bytes / 2**20:,.1f} MiB"
    console().print(
        f"snapshot {taken.seq:,}: {taken.parts} parts, {size}, after {taken.took_s:.2f} s, in {taken.folder}"
    )
