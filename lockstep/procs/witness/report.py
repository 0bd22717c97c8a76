"""What the witness of a node says of the lease, in a small file, for whoever looks at the node.

No decision depends on it.
"""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
from msgspec import Struct

from lockstep.core.files import atomic_file

FILE = Path("run") / "lease.json"


class Report(Struct, frozen=True):
    """What the witness says: who leads, who is a member; and what is wrong, if anything is."""

    leader: str = ""
    members: tuple[str, ...] = ()
    trouble: str = ""


def boottime_ns() -> int:
    """The clock of leases: it goes on while the machine is suspended, and nobody sets it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def tell(data: Path, report: Report) -> None:
    """Say it to whoever looks at the node. OSError."""
    atomic_file.replace(data / FILE, msgspec.json.encode(report))


def of(data: Path) -> Report:
    """What the witness of the node in `data` said last."""
    try:
        return msgspec.json.decode((data / FILE).read_bytes(), type=Report)
    except (FileNotFoundError, ValueError):
        return Report()
