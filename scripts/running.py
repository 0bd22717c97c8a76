"""The run of a venue that its commands look at."""

from __future__ import annotations

from pathlib import Path

from procs.venue.venue import Manifest, Venue, manifest_of
from shm.segment import SegmentError


def attach(data: Path) -> Venue | None:
    """The run of the venue in `data`, or None if there is none. PermissionError if it is another user's."""
    try:
        return Venue.attach(Manifest.load(manifest_of(data)))
    except (FileNotFoundError, SegmentError):
        return None
