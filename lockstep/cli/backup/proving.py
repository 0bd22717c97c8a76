"""Proves a backup: each file is unchanged, and the journal leads from its oldest snapshot through each later one.

It needs nothing of the venue, and changes nothing in the backup: it works on links to its files.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct, structs

from lockstep.cli.backup import pace
from lockstep.cli.backup.pace import Pace
from lockstep.cli.backup.repository import Point, Repository
from lockstep.cli.backup.taking import JOURNAL
from lockstep.cli.replay import differing, digests_of, money_brought
from lockstep.config.schema import Config
from lockstep.core.journal import journal
from lockstep.core.journal.journal import JournalError
from lockstep.core.recovery.replay import CoreReplayError, ReplayedCore
from lockstep.core.recovery.snapshot_catalog import choose, entries
from lockstep.core.tables.saved import DamagedPart
from lockstep.core.venue.snapshot_parts import FOLDER, Start
from lockstep.core.venue.topology import derive
from lockstep.shm.segment import RoleLock

PREFIX = "proof-"
LOCK = "proving"  # held while such a folder is made, and in it while it is in use
Show = Callable[[int], None]


class Proof(Struct):
    """What was found: `problems` is empty if all is well. The replay went from record `replayed_from` to `seq`.

    `compared`: the snapshots that have the state which the journal leads to.
    """

    problems: list[str]
    backups: int = 0
    files: int = 0
    size_bytes: int = 0
    seq: int = 0
    replayed_from: int = 0
    compared: list[int] = []
    orders_resting: int = 0


def check_files(repository: Repository, points: list[Point], found: Proof, speed: Pace) -> None:
    """Check every file of every backup against its checksum. OSError."""
    named = {file.sha256: file for point in points for file in point.files}
    found.backups, found.files = len(points), len(named)
    for file in named.values():
        found.size_bytes += file.size
        try:
            for _ in pace.checked(repository.object(file.sha256), file.size, file.sha256, speed):
                pass
        except FileNotFoundError as error:
            # A backup that is made meanwhile may remove old ones.
            if file.sha256 in {each.sha256 for point in repository.points() for each in point.files}:
                found.problems.append(f"{file.path}: {error}")
        except (EOFError, pace.ChangedError) as error:
            found.problems.append(
                f"{file.path}: {error}: remove that, and the next backup copies it again from the venue"
            )


def replay(repository: Repository, points: list[Point], found: Proof, show: Show) -> None:
    """Replay the journal of the newest backup through all snapshots, and count the money."""
    newest = points[-1]
    found.seq = newest.seq
    with _folder(repository) as data:
        for point in points:
            for file in point.files if point is newest else point.below(FOLDER):
                target = data / file.path
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.link(repository.object(file.sha256), target)
        config = structs.replace(newest.config, venue=structs.replace(newest.config.venue, data=str(data)))
        report = journal.verify(data / JOURNAL)
        if report.corruption:
            found.problems.append(f"journal: {report.corruption} ({report.corrupt_file}, {report.corrupt_offset})")
        elif (report.last_seq, report.chain) != (newest.seq, newest.chain):
            found.problems.append(f"journal: it ends at {report.last_seq:,}, and the backup is of {newest.seq:,}")
        else:
            try:
                _replay(config, data, found, show)
            except (CoreReplayError, JournalError, DamagedPart, ValueError) as error:
                found.problems.append(f"journal: {error}")


@contextlib.contextmanager
def _folder(repository: Repository) -> Iterator[Path]:
    """A folder for links to contents, removed at the end, like those that killed proofs have left. OSError."""
    turn = RoleLock(repository.folder / LOCK)
    turn.acquire(wait=True)
    try:
        for left in repository.folder.glob(f"{PREFIX}*"):
            if RoleLock.holder(left / LOCK) is None:
                shutil.rmtree(left, ignore_errors=True)
        own = tempfile.TemporaryDirectory(dir=repository.folder, prefix=PREFIX)
        held = RoleLock(Path(own.name) / LOCK)
        held.acquire()
    finally:
        turn.release()
    try:
        yield Path(own.name) / "data"
    finally:
        own.cleanup()
        held.release()


def _replay(config: Config, data: Path, found: Proof, show: Show) -> None:
    starts = [start for start in (_start_at(config, data, entry.seq) for entry in entries(data)) if start is not None]
    first = next(iter(starts), Start.genesis())
    found.replayed_from = first.seq
    brought = money_brought(data / JOURNAL, first.seq + 1, found.seq)
    for asset, units in _state(config, data, first, first.seq, show).router.core.ledger.balances.totals().items():
        brought[asset] = brought.get(asset, 0) + units
    start = first
    for saved in starts[1:]:
        expected = digests_of(_state(config, data, start, saved.seq, show))
        actual = digests_of(_state(config, data, saved, saved.seq, show))
        other = differing(expected, actual)
        if other:
            found.problems.append(f"snapshot {saved.seq:,}: {', '.join(other)} has other state than the journal")
        else:
            found.compared.append(saved.seq)
            start = saved
    last = _state(config, data, start, found.seq, show)
    last.check()
    found.orders_resting = sum(matcher.book.resting for matcher in last.matchers.values())
    held = last.router.core.ledger.balances.totals()
    for asset in sorted(brought.keys() | held.keys()):
        if brought.get(asset, 0) != held.get(asset, 0):
            found.problems.append(
                f"money: asset {asset} has {held.get(asset, 0):,} units where {brought.get(asset, 0):,} were brought in"
            )


def _start_at(config: Config, data: Path, seq: int) -> Start | None:
    """The start that the snapshot at `seq` stands for; None if this code can't use it."""
    start = choose(data, derive(config).core_agents, seq).start
    return start if start.seq == seq else None


def _state(config: Config, data: Path, start: Start, seq: int, show: Show) -> ReplayedCore:
    replay = ReplayedCore(config, data, start, seq, reader=False)
    while not replay.is_complete:
        replay.step()
        show(replay.position)
    return replay
