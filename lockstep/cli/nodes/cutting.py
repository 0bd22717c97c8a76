"""Makes a stopped node a secondary of the other one: its role first, then its log ends where the histories part.

Whatever interrupts this, it is taken again: a node that is a secondary with too long a log is refused by the primary,
and one with a shorter log follows. Nothing is deleted: what is cut is below `set-aside` in the data folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from lockstep.cli import loss, set_aside
from lockstep.cli.nodes.undone import Undoing
from lockstep.config.schema import Config
from lockstep.core.files import atomic_file
from lockstep.core.journal import cut as journal_cut
from lockstep.core.journal.format import file_name
from lockstep.core.journal.journal import segment_seqs
from lockstep.core.venue import node
from lockstep.core.venue.node import Node

LIST = "undone.json"
PENDING = "rejoin.json"  # beside the role, from before the cut until all that knew of it is set aside


class Pending(Struct, frozen=True):
    """A cut that has begun: behind which record, and where its list and the records are."""

    seq: int
    aside: str


def pending(data: Path) -> Pending | None:
    """The cut that was interrupted in `data`; None if there is none."""
    try:
        return msgspec.json.decode((node.folder_of(data) / PENDING).read_bytes(), type=Pending)
    except (FileNotFoundError, ValueError):
        return None  # a file is whole or not there; one that says nothing has begun nothing


def listed(begun: Pending) -> Undoing | None:
    """What the interrupted cut takes back."""
    try:
        return msgspec.json.decode((Path(begun.aside) / LIST).read_bytes(), type=Undoing)
    except FileNotFoundError:
        return None


class Rejoined(Struct):
    """What came of it: the log's end, where what was cut is, where what knew of it is, and what is left to do."""

    seq: int
    kept: str = ""
    set_aside: str = ""
    to_do: list[str] = []


def rejoin(config: Config, data: Path, common: int, undoing: Undoing, say: Callable[[str], None]) -> Rejoined:
    """Make the node in `data`, whose folder the caller holds, a secondary whose log ends with record `common`, or just
    before the group that this is in. `undoing` is what a cut takes back, or took when it was interrupted; `say` is told
    each step.

    LossError, JournalError, CoreReplayError, StoreCorrupt, OSError: repeat it when what they say is mended.
    """
    node.save(data, _secondary(data))
    say(f"{node.folder_of(data) / 'role.json'} says that this node is the secondary")
    done = Rejoined(common)
    begun = pending(data)
    if undoing.parting.cut or begun is not None:
        if begun is None or begun.seq > common:
            begun = _begin(data, common, undoing)
        done.kept = begun.aside
        _keep(data / "journal", common, Path(begun.aside))
        say(f"what is cut, and its list, is in {begun.aside}")
        done.seq = journal_cut.cut(data / "journal", common)
        say(f"{data / 'journal'} ends with record {done.seq:,}")
    lost = loss.examine(config, data)
    if lost.known or begun is not None:
        aside = set_aside.folder_for(data)
        done.to_do = set_aside.accept(config, data, lost, aside, say)
        done.set_aside = str(aside)
    if begun is not None:
        (node.folder_of(data) / PENDING).unlink()
        atomic_file.sync(node.folder_of(data))
    return done


def _secondary(data: Path) -> Node:
    """The node as a secondary; what its file says otherwise is kept, if it can be read."""
    try:
        return structs.replace(node.load(data), role="secondary", members=(), statement="")
    except node.RoleError:
        return Node("secondary")


def _begin(data: Path, common: int, undoing: Undoing) -> Pending:
    """Write down what is taken back, where, and that it has begun."""
    aside = set_aside.folder_for(data)
    (aside / "journal").mkdir(parents=True, mode=0o700)
    atomic_file.sync(aside.parent)
    atomic_file.replace_durably(aside / LIST, msgspec.json.format(msgspec.json.encode(undoing), indent=2))
    begun = Pending(common, str(aside))
    atomic_file.replace_durably(node.made_folder(data) / PENDING, msgspec.json.encode(begun))
    return begun


def _keep(journal: Path, seq: int, aside: Path) -> None:
    """Have `aside` hold every segment with a record behind `seq`: whole, since a cut puts new files in their place."""
    firsts = segment_seqs(journal)
    behind = [first for first in firsts if first > seq] + [max(first for first in firsts if first <= seq)]
    for first in behind:
        kept = aside / "journal" / file_name(first)
        if not kept.exists():
            os.link(journal / kept.name, kept)
    atomic_file.sync(aside / "journal")
    atomic_file.sync(aside)
