"""Keeps hold of the run of a venue, whichever it is, and reads it for many askers at the price of few readings.

It only looks, and lets go of a run that is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from lockstep.core.operations.status import Reading
from lockstep.core.venue.venue import Manifest, Venue, manifest_of
from lockstep.procs.monitor.reading import read
from lockstep.shm.segment import SegmentError

FRESH_S = 0.2  # a reading answers all who ask within this time of it


class Observer:
    """The venue in `data`. `clock` gives monotonic seconds. `heartbeat_ms`: how old a heartbeat of the run may be."""

    def __init__(self, data: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._manifest = manifest_of(data)
        self._clock = clock
        self._seen: tuple[int, int] | None = None  # which manifest `_venue` is of
        self._venue: Venue | None = None
        self._reading: Reading | None = None
        self._read_s: float | None = None
        self.heartbeat_ms = 0

    def look(self) -> Reading | None:
        """How the venue is, or was less than FRESH_S ago; None if it has no run."""
        now_s = self._clock()
        if self._read_s is None or now_s - self._read_s >= FRESH_S:
            self._read_s = now_s
            self.follow()
            self._reading = None if self._venue is None else read(self._venue)
        return self._reading

    def follow(self) -> None:
        """Attach to the newest run, and to its newest rings; let go of what is over."""
        try:
            found = self._manifest.stat()
            seen = found.st_ino, found.st_mtime_ns
            if seen == self._seen and self._venue is not None:
                return
            self._venue = None  # before the next: two runs at once are twice the memory
            self._venue = Venue.attach(Manifest.load(self._manifest))
        except (FileNotFoundError, SegmentError):  # no run; or one that begins, or ends, just now
            self._venue, self._seen = None, None
            return
        self._seen = seen
        self.heartbeat_ms = round(self._venue.config.processes.heartbeat_timeout_s * 1000)
