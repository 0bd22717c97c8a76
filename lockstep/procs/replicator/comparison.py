"""Whether two nodes have the same state, by the digests that cores leave beside their parts of a snapshot.

It reads what a snapshot has, and keeps what was found to differ: such a node must not lead.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from lockstep.core.diagnostics.refusal import FinalError
from lockstep.core.files import atomic_file
from lockstep.core.venue.node import folder_of, made_folder
from lockstep.core.venue.snapshot_parts import FOLDER, digests_of, part_name
from lockstep.core.venue.snapshot_parts import folder_of as snapshot_of

Digests = dict[str, dict[str, int]]  # of each table of each agent
FILE = "differs.json"


class Difference(Struct, frozen=True):
    """The first that was found, at the mark of a snapshot."""

    seq: int
    agent: str
    table: str

    def __str__(self) -> str:
        return f"this node's {self.agent} has another state than the primary's at record {self.seq}: {self.table}"


class DifferenceError(FinalError):
    """The two nodes differ: this one must not lead, and another start would not mend that."""

    def __init__(self, found: Difference) -> None:
        super().__init__(
            f"DIFFERS: {found}. lockstep join has it begin anew, and keeps what it has for those who look into it"
        )


def newest(data: Path) -> int:
    """The mark of the newest snapshot, whole or not; 0 if there is none."""
    folder = data / FOLDER
    names = [path.name for path in folder.iterdir() if path.name.isdecimal()] if folder.is_dir() else []
    return int(max(names, default="0"))


def saved(data: Path, seq: int, agents: tuple[str, ...]) -> Digests | None:
    """What `agents` left at the mark `seq`; None while one of them has not, or where nobody will any more."""
    folder = snapshot_of(data, seq)
    if not all((folder / part_name(agent)).exists() for agent in agents):
        return None
    try:
        return {
            agent: msgspec.json.decode(digests_of(folder, agent).read_bytes(), type=dict[str, int]) for agent in agents
        }
    except (FileNotFoundError, ValueError):
        return None  # it is of an earlier version, is just being removed, or was not synced when the power went


def compare(seq: int, own: Digests, other: Digests) -> Difference | None:
    """The first difference, in the order of the primary's agents and tables."""
    for agent, tables in other.items():
        mine = own.get(agent, {})
        for table in sorted({*tables, *mine}):
            if mine.get(table) != tables.get(table):
                return Difference(seq, agent, table)
    return None


def load(data: Path) -> Difference | None:
    """The difference that was found on this node; None if there was none. FinalError where its file is damaged."""
    file = folder_of(data) / FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Difference)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise FinalError(
            f"{file} says that this node's state differs from the other one's, and can't be read ({error}): lockstep "
            "join has it begin anew, and keeps what it has for those who look into it"
        ) from error


def keep(data: Path, found: Difference) -> None:
    """Write it down, for good: it is on disk when this returns. OSError."""
    atomic_file.replace_durably(made_folder(data) / FILE, msgspec.json.encode(found))
