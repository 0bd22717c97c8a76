"""The snapshots that a venue has: how one becomes valid, which one a start begins with, and which are removed.

Valid is what has a manifest, written last and synced, of which every part is whole, and to which this journal and this
code belong (LOG-17). It never looks into a part, and asks for none.

Layout, below the venue's data folder::

    snapshots/00000000000000004711/      the sequence of the Snapshot record in the log: the mark
        router.part, matcher.1.part, …   each stage's own (lockstep.core.tables.saved), synced, then renamed to this
        manifest.json                    a SavedSnapshot. Its renaming publishes the snapshot; what has none is nothing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from lockstep.core.files import atomic_file
from lockstep.core.journal.end import chain_at
from lockstep.core.journal.format import file_name
from lockstep.core.journal.journal import JournalError, JournalReader, segment_seqs
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import Snapshot
from lockstep.core.tables.saved import DamagedPart, Loader, layout_hash
from lockstep.core.venue.homes import OLDEST_GATEWAY
from lockstep.core.venue.snapshot_parts import FOLDER, Start, folder_of, part_name
from lockstep.core.venue.topology import role_of

MANIFEST = "manifest.json"
CRC_AT, CRC_SIZE = -8, 4  # in a part's trailer


class Part(Struct, frozen=True):
    """A stage's part: the bytes of its file, and the checksum that they end with."""

    size: int
    crc: int


class SavedSnapshot(Struct, frozen=True):
    """A snapshot's manifest. `layout` is that of the code which saved it; `saved_ns` is the wall clock's time."""

    seq: int
    numbers: tuple[int, ...]
    time_ns: int
    epoch: int
    chain: int
    layout: int
    parts: dict[str, Part]
    saved_ns: int

    @property
    def size(self) -> int:
        """The bytes of all parts."""
        return sum(part.size for part in self.parts.values())


class Choice(NamedTuple):
    """The start that was chosen, why better ones were not, and how far the journal reaches at least."""

    start: Start
    passed_over: list[str]
    known_seq: int


class SnapshotError(RuntimeError):
    """A snapshot can't become valid; the message says why."""


def choose(data: Path, agents: Sequence[str], at_most: int | None = None) -> Choice:
    """The newest valid snapshot of the venue in `data` with parts of all `agents`; the journal's beginning without one.

    With `at_most` none behind that log sequence. Reads all that the parts hold. OSError.
    """
    passed_over: list[str] = []
    known_seq = 0
    for folder in reversed(_folders(data)):
        entry = _entry(folder)
        if entry is None:
            continue
        known_seq = max(known_seq, entry.seq)
        if at_most is not None and entry.seq > at_most:
            continue
        fault = _fault(data, folder, entry, agents)
        if fault is None:
            start = Start(entry.seq, entry.numbers, entry.time_ns, entry.epoch, entry.chain, str(folder))
            return Choice(start, passed_over, known_seq)
        passed_over.append(f"snapshot {entry.seq} is passed over: {fault}")
    return Choice(Start.genesis(), passed_over, known_seq)


def entries(data: Path) -> list[SavedSnapshot]:
    """The manifests of all snapshots that have one, oldest first; their parts are not looked at."""
    return [entry for folder in _folders(data) if (entry := _entry(folder)) is not None]


def missing(data: Path, seq: int, agents: Sequence[str]) -> list[str]:
    """Those of `agents` whose part of the snapshot at `seq` is not there yet."""
    folder = folder_of(data, seq)
    return [agent for agent in agents if not (folder / part_name(agent)).exists()]


def enter(data: Path, seq: int, agents: Sequence[str]) -> SavedSnapshot:
    """Make the snapshot at `seq` valid: its parts are there, and the journal is written up to it. OSError.

    SnapshotError if a part is damaged, or the journal has no Snapshot record there. The journal is synced first, so
    that in mode none too no snapshot ever knows more than the journal.
    """
    folder = folder_of(data, seq)
    journal = data / "journal"
    try:
        parts = {agent: check(folder / part_name(agent)) for agent in agents}
        _settle(journal, seq)
        with_limit = JournalReader(journal, seq, seq)
        record = unpack_command(next(with_limit))
        with_limit.close()
        chain = chain_at(journal, seq)
    except (DamagedPart, JournalError) as error:
        raise SnapshotError(str(error)) from error
    if not isinstance(record, Snapshot):
        raise SnapshotError(f"record {seq} of the journal is no Snapshot")
    numbers = (record.router_number, *record.event_numbers)
    entry = SavedSnapshot(seq, numbers, record.time_ns, record.epoch, chain, layout_hash(), parts, time.time_ns())
    atomic_file.sync(folder)
    atomic_file.sync(folder.parent)
    atomic_file.replace_durably(folder / MANIFEST, msgspec.json.encode(entry))
    return entry


def prune(data: Path, keep: int) -> list[SavedSnapshot]:
    """Remove all but the newest `keep` valid snapshots and pinned ones, and what is older and never became one.

    Returns what is left, oldest first.
    """
    newest = {entry.seq for entry in entries(data)[-keep:]}
    for folder in _folders(data):
        if newest and int(folder.name) < max(newest) and int(folder.name) not in newest:
            _remove(folder)
    return entries(data)


def _remove(folder: Path) -> None:
    """Remove a snapshot, unless it is pinned."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (folder / MANIFEST).unlink(missing_ok=True)  # first: what is half removed is nothing
        atomic_file.sync(folder)
        shutil.rmtree(folder)
    except BlockingIOError:
        pass
    finally:
        os.close(fd)


@contextmanager
def pinned(data: Path, seq: int) -> Iterator[bool]:
    """Keep the snapshot at `seq`, and the journal behind it, from being removed meanwhile; whether it is there."""
    try:
        fd = os.open(folder_of(data, seq), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        yield (folder_of(data, seq) / MANIFEST).exists()
    finally:
        os.close(fd)


def drop_unfinished(data: Path) -> None:
    """Remove what never became a snapshot. Whoever writes a part there finds that it can't.

    To be called before a router sequences again: the same sequence may then mean another record.
    """
    for folder in _folders(data):
        if not (folder / MANIFEST).exists():
            shutil.rmtree(folder, ignore_errors=True)  # whoever was told too late may still be writing there


def drop(data: Path, seq: int) -> None:
    """Remove the snapshot at `seq`, as far as it has come; one that is valid stays."""
    folder = folder_of(data, seq)
    if not (folder / MANIFEST).exists():
        shutil.rmtree(folder, ignore_errors=True)


def _folders(data: Path) -> list[Path]:
    """Folders of snapshots, finished or not, oldest first. Twenty digits sort as numbers do."""
    folder = data / FOLDER
    return sorted(path for path in folder.iterdir() if path.name.isdecimal()) if folder.is_dir() else []


def _entry(folder: Path) -> SavedSnapshot | None:
    """The manifest in `folder`, None if there is none that can be read: it was never published."""
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=SavedSnapshot)
    except (FileNotFoundError, ValueError):
        return None


def _fault(data: Path, folder: Path, entry: SavedSnapshot, agents: Sequence[str]) -> str | None:
    """Why a start can't begin with this snapshot; None if it can."""
    return next(_faults(data, folder, entry, agents), None)


def _faults(data: Path, folder: Path, entry: SavedSnapshot, agents: Sequence[str]) -> Iterator[str]:
    if entry.layout != layout_hash():
        yield "it was saved by code that lays its tables out in another way"
    wanted = sorted({_begins_with(agent, entry) for agent in agents})
    absent = [agent for agent in wanted if agent not in entry.parts]
    if absent:
        yield f"it has no part of {', '.join(absent)}"
    try:
        if chain_at(data / "journal", entry.seq) != entry.chain:
            yield "it belongs to another journal, or the journal has changed before it"
    except (JournalError, OSError) as error:
        yield f"the journal can't be read there: {error}"
    for agent in wanted:
        try:
            found = check(folder / part_name(agent))
        except (DamagedPart, OSError) as error:
            yield f"{agent}'s part can't be loaded: {error}"
            continue
        if found != entry.parts.get(agent, found):
            yield f"{agent}'s part is not the one that was saved"


def _begins_with(agent: str, entry: SavedSnapshot) -> str:
    """Whose part `agent` begins with: its own; a gateway that is new since then has the first one's."""
    return agent if agent in entry.parts or role_of(agent) != "gateway" else OLDEST_GATEWAY


def check(path: Path) -> Part:
    """Read all of a part: its size and checksum, which is right. DamagedPart, OSError."""
    Loader(path)
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(CRC_AT, os.SEEK_END)
        return Part(size, int.from_bytes(stream.read(CRC_SIZE), "little"))


def _settle(journal: Path, seq: int) -> None:
    """Sync what the journal has up to `seq`, whoever wrote it."""
    seqs = [first for first in segment_seqs(journal) if first <= seq]
    for first in seqs[-2:]:  # behind a third segment's begin, nothing of the first is unsynced
        atomic_file.sync(journal / file_name(first))
    atomic_file.sync(journal)
