"""Why an edge can't do its work now, and since when: a small file of each for whoever looks at the venue.

The edge writes it when that changes; no decision depends on it.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from lockstep.core.files import atomic_file

FILE = Path("run") / "database.json"
IDENTITY = Path("run") / "identity.json"  # of the schema that follows from the other node's database
# Why the api and the publisher can't listen. Gateways end with it: orders need them.
API = Path("run") / "api.json"
MARKET_DATA = Path("run") / "market_data.json"


class Trouble(Struct, frozen=True):
    """`reason` is empty if there is none; `since_ns` is the wall clock's time at which it began."""

    reason: str = ""
    since_ns: int = 0


class Notice:
    """Keeps the file of the venue in `data`."""

    def __init__(self, data: Path, file: Path = FILE) -> None:
        self._file = data / file
        self._told = of(data, file)  # what a batcher before this one has said goes on

    def tell(self, reason: str) -> None:
        """The reason is this one now; empty where rows are written."""
        if reason == self._told.reason:
            return
        self._told = Trouble(reason, (self._told.since_ns or time.time_ns()) if reason else 0)
        with contextlib.suppress(OSError):  # on a full disk whoever looks learns it later
            atomic_file.replace(self._file, msgspec.json.encode(self._told))


def of(data: Path, file: Path = FILE) -> Trouble:
    """What is wrong in the venue in `data`, or was when it ended."""
    try:
        return msgspec.json.decode((data / file).read_bytes(), type=Trouble)
    except (FileNotFoundError, ValueError):
        return Trouble()
