"""The end of a node's log that its peer lacks, cut off: the node becomes a secondary, and follows behind the cut.

Its role comes first, then its log ends where the histories part. Whatever interrupts this, it is taken again: a node
that is a secondary with too long a log is refused by the primary, and one with a shorter log follows. Nothing is
deleted: what is cut is below `set-aside` in the data folder.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from lockstep.config.schema import Config
from lockstep.core.cluster import divergence, loss, lost_orders, set_aside
from lockstep.core.cluster.divergence import PeerLog
from lockstep.core.cluster.lost_orders import LostOrders
from lockstep.core.cluster.steps import Say, Show
from lockstep.core.files import atomic_file
from lockstep.core.journal import cut as journal_cut
from lockstep.core.journal.format import file_name
from lockstep.core.journal.journal import segment_seqs
from lockstep.core.venue import node
from lockstep.core.venue.node import Node

LIST = "undone.json"
BEGUN = "rejoin.json"  # beside the role, from before the cut until all that knew of it is set aside


class Cut(Struct, frozen=True):
    """A cut that has begun: behind which record, and where its list and the records are."""

    seq: int
    aside: str


class Plan(Struct, frozen=True):
    """The node's log is to end with record `common`, the last that both have; `lost` is what that takes back, or took
    when it was interrupted."""

    common: int
    lost: LostOrders


class Rejoined(Struct):
    """What came of it: the log's end, where what was cut is, where what knew of it is, and what is left to do."""

    seq: int
    kept: str = ""
    set_aside: str = ""
    to_do: list[str] = []


def examine(config: Config, data: Path, peer: PeerLog, show: Show) -> Plan:
    """Find where the log of the stopped node in `data` and its peer's part, and what a cut there takes back. `show` is
    told how many records are replayed, and of how many.

    DivergenceError, JournalError, CoreReplayError, StoreCorrupt, OSError.
    """
    found = divergence.find(data / "journal", peer)
    lost_orders.check_reachable(config, data, found.common)
    cut = begun(data)
    if cut is not None and cut.seq <= found.common:
        with contextlib.suppress(FileNotFoundError):
            return Plan(found.common, msgspec.json.decode((Path(cut.aside) / LIST).read_bytes(), type=LostOrders))
    return Plan(found.common, lost_orders.examine(config, data, found, show))


def begun(data: Path) -> Cut | None:
    """Return the cut that was interrupted in `data`; None if there is none."""
    try:
        return msgspec.json.decode((node.folder_of(data) / BEGUN).read_bytes(), type=Cut)
    except (FileNotFoundError, ValueError):
        return None  # a file is whole or not there; one that says nothing has begun nothing


def rejoin(config: Config, data: Path, plan: Plan, say: Say, show: Show) -> Rejoined:
    """Make the node in `data`, whose folder the caller holds, a secondary whose log ends as planned, or just before the
    group that this is in. `say` is told each step, and `show` how many records are in a database that is rebuilt, and
    of how many.

    LossError, JournalError, CoreReplayError, StoreCorrupt, OSError: repeat it when what they say is mended.
    """
    node.save(data, _secondary(data))
    say(f"{node.folder_of(data) / 'role.json'} says that this node is the secondary")
    common, done, cut = plan.common, Rejoined(plan.common), begun(data)
    if plan.lost.divergence.cut or cut is not None:
        if cut is None or cut.seq > common:
            cut = _begin(data, plan)
        done.kept = cut.aside
        _keep(data / "journal", common, Path(cut.aside))
        say(f"what is cut, and its list, is in {cut.aside}")
        done.seq = journal_cut.cut(data / "journal", common)
        say(f"{data / 'journal'} ends with record {done.seq:,}")
    known = loss.examine(config, data)
    if known.known or cut is not None:
        aside = set_aside.folder_for(data)
        done.to_do = set_aside.accept(config, data, known, aside, say, show)
        done.set_aside = str(aside)
    if cut is not None:
        (node.folder_of(data) / BEGUN).unlink()
        atomic_file.sync(node.folder_of(data))
    return done


def _secondary(data: Path) -> Node:
    """The node as a secondary; what its file says otherwise is kept, if it can be read."""
    try:
        return structs.replace(node.load(data), role="secondary", members=(), statement="")
    except node.RoleError:
        return Node("secondary")


def _begin(data: Path, plan: Plan) -> Cut:
    """Write down what is taken back, where, and that it has begun."""
    aside = set_aside.folder_for(data)
    (aside / "journal").mkdir(parents=True, mode=0o700)
    atomic_file.sync(aside.parent)
    atomic_file.replace_durably(aside / LIST, msgspec.json.format(msgspec.json.encode(plan.lost), indent=2))
    cut = Cut(plan.common, str(aside))
    atomic_file.replace_durably(node.made_folder(data) / BEGUN, msgspec.json.encode(cut))
    return cut


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
