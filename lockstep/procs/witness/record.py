"""What the nodes of a venue keep in etcd of who leads, and what each keeps of that on its own disk.

Two keys: who is to lead, and whose acknowledgement its commits wait for, which stays; and who leads now, which ends
with that node's lease.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from lockstep.core.files import atomic_file
from lockstep.core.venue.node import folder_of, made_folder
from lockstep.procs.witness.etcd import Entry

SEEN = "witness.json"


class WitnessError(Exception):
    """What etcd has can't be gone by; the message says why, and what to do."""


class State(Struct, frozen=True):
    """`change` counts all changes. `members` are the nodes that have all that `owner` has acknowledged, itself among
    them. `journal` is the journal's id, hex."""

    change: int
    owner: str
    members: tuple[str, ...]
    journal: str


class Leader(Struct, frozen=True):
    """The node that leads now, and where it is: of two with one name, a copy perhaps, one must wait."""

    node: str
    place: str


class View(Struct, frozen=True):
    """Both keys at one moment. Revision 0: there is no such key."""

    state: State | None
    state_revision: int
    leader: Leader | None
    leader_revision: int
    lease: int


class Seen(Struct, frozen=True):
    """The last change that this node has seen while it followed, or made, and whose venue it was then. `claim` is the
    change by which it is about to become the owner; 0: none."""

    change: int = 0
    owner: str = ""
    claim: int = 0


def keys(venue: str) -> tuple[str, str]:
    """The keys of a venue: its state, and its leader."""
    return f"lockstep/{venue}/state", f"lockstep/{venue}/leader"


def view(entries: list[Entry]) -> View:
    """Both keys as etcd answers. WitnessError where they are not Lockstep's."""
    state, leader = entries
    try:
        return View(
            msgspec.json.decode(state.value, type=State) if state.revision else None,
            state.revision,
            msgspec.json.decode(leader.value, type=Leader) if leader.revision else None,
            leader.revision,
            leader.lease,
        )
    except ValueError as error:
        raise WitnessError(f"etcd has something else under this venue's keys: {error}") from error


def seen(data: Path) -> Seen:
    """What the node in `data` has seen. WitnessError where its file is damaged."""
    file = folder_of(data) / SEEN
    try:
        return msgspec.json.decode(file.read_bytes(), type=Seen)
    except FileNotFoundError:
        return Seen()
    except (OSError, ValueError) as error:
        raise WitnessError(f"{file} can't be read ({error})") from error


def keep(data: Path, change: Seen) -> None:
    """Have it on disk when this returns. OSError."""
    atomic_file.replace_durably(made_folder(data) / SEEN, msgspec.json.encode(change))
