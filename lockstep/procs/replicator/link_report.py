"""What a node's replicator says of its link, beyond the words of the board: a small file for commands."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from lockstep.core.files import atomic_file


class LinkReport(Struct, frozen=True):
    """What `lockstep status` says of a link beyond the board: in `run/link.json` of the data folder.

    `peer` is the other node's name, "" before it has greeted; `epoch` the one that it leads, 0 where it follows;
    `rules` the version of the rules that a secondary's build knows, 0 where it has not said.
    """

    state: str
    why: str
    peer: str = ""
    epoch: int = 0
    rules: int = 0


def read(data: Path) -> LinkReport | None:
    """What the replicator of the node in `data` said last of its link; None if nothing, or if that can't be read."""
    try:
        return msgspec.json.decode(_file(data).read_bytes(), type=LinkReport)
    except (FileNotFoundError, ValueError):
        return None


def write(data: Path, report: LinkReport) -> None:
    """Say this of the link of the node in `data`, also on a disk that is full since. OSError."""
    atomic_file.replace(_file(data), msgspec.json.encode(report))
    atomic_file.keep_spare(_file(data))


def _file(data: Path) -> Path:
    return data / "run" / "link.json"
