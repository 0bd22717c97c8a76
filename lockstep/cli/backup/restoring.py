"""Puts a backup back into a folder: the venue as it was after one record of the log.

Files are checked against their checksums while they are copied. The journal comes last: without it, no start goes on
with an incomplete folder.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, structs

from lockstep.cli.backup import pace, tables
from lockstep.cli.backup.pace import Pace
from lockstep.cli.backup.repository import File, Point, Repository, RepositoryError
from lockstep.cli.backup.taking import DATABASE, JOURNAL
from lockstep.config import writer
from lockstep.config.schema import Config
from lockstep.core.files import atomic_file
from lockstep.core.journal import cut as journal_cut
from lockstep.core.journal.format import SUFFIX
from lockstep.core.rules.credentials import without_passwords
from lockstep.core.venue import venue_key, voided_commands
from lockstep.procs.batcher import database
from lockstep.procs.gateway import restored, segments, seq_num_file

STAGE = "restoring"
CONFIG = "venue.toml"
# How far sessions' numbers leap: more than were given since the backup. A client that was given more notices by
# itself: the next number is lower than it expects.
LEAP = 1_000_000
LEAP_A_SECOND = 1_000
LONGEST_LEAP = 10**9
NS_PER_S = 10**9


class Plan(Struct, frozen=True):
    """What a venue at record `seq` is made of: the files of `base`, the newest backup that knows of nothing after it
    (None: there is none), and the journal of `source`, which has it. `newest` has the highest reserved numbers."""

    seq: int
    base: Point | None
    source: Point
    newest: Point

    @property
    def config(self) -> Config:
        return self.source.config

    def files(self) -> list[File]:
        """All that is to be copied, the journal too."""
        base = [] if self.base is None else self.base.files
        found = {file.path: file for file in base if not file.path.startswith((f"{JOURNAL}/", f"{DATABASE}/"))}
        found |= {file.path: file for file in self.source.below(JOURNAL) if _first_seq(file) <= self.seq}
        for file in self.newest.files:
            if file.path.endswith(f"/{seq_num_file.NAME}") or file.path in (voided_commands.FILE, venue_key.FILE):
                found[file.path] = file
        return [*found.values()]

    def rows(self) -> list[File]:
        """The database's rows, where they do not follow from the journal."""
        return [] if self.base is None else self.base.below(DATABASE)


class Restored(Struct):
    """The outcome: a venue in `data` whose journal ends with record `seq`, and what to do before it starts.

    `lost_seq`: the backups know of records up to there. `sessions` go on `leap` numbers later, at least.
    """

    data: str
    config: str
    seq: int
    taken: str = ""
    lost_seq: int = 0
    size_bytes: int = 0
    sessions: int = 0
    leap: int = 0
    database: str = ""
    seconds: float = 0.0


def plan(points: list[Point], seq: int | None) -> Plan:
    """How to come to record `seq`, or as far as the newest backup reaches. RepositoryError if none leads there."""
    if not points:
        raise RepositoryError("there is no backup in it")
    newest = points[-1]
    wanted = newest.seq if seq is None else seq
    source = next((point for point in points if point.seq >= wanted), None)
    if source is None or wanted < 1:
        raise RepositoryError(f"there is no record {wanted:,} in it: the newest backup ends with {newest.seq:,}")
    base = next((point for point in reversed(points) if point.seq <= wanted), None)
    begins = 0 if base is None else base.snapshot
    if source.first_seq > begins + 1:
        at = (
            f"and no snapshot from before {wanted:,}"
            if not begins
            else f"and the snapshot before {wanted:,} is {begins:,}"
        )
        raise RepositoryError(f"record {wanted:,} can't be reached: the journal begins with {source.first_seq:,}, {at}")
    return Plan(wanted, base, source, newest)


def restore(repository: Repository, chosen: Plan, to: Path, url: str, speed: Pace) -> Restored:
    """Make `to`, which has nothing in it, the data folder of the venue; rows go into the database at `url`, or into the
    embedded one.

    RepositoryError if a file is damaged or missing, JournalError, psycopg.Error, RefusedError, UnavailableError,
    OSError: what was copied is removed.
    """
    venue = structs.replace(chosen.config.venue, data=str(to))
    config = structs.replace(without_passwords(chosen.config), venue=venue)
    done = Restored(str(to), str(to / CONFIG), chosen.seq, lost_seq=chosen.newest.seq)
    done.taken = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(chosen.source.taken_ns / NS_PER_S))
    stage = to / STAGE
    stage.mkdir(mode=0o700)
    try:
        for file in chosen.files():
            copy(repository, file, stage, speed)
        done.size_bytes = speed.done
        if chosen.seq < chosen.source.seq:
            done.seq = journal_cut.cut(stage / JOURNAL, chosen.seq)
        else:
            journal_cut.mark(stage / JOURNAL)
        done.sessions, done.leap = leap(stage, chosen.newest.taken_ns)
        atomic_file.replace_durably(stage / CONFIG, writer.text_of(config).encode())
        sync(stage)
        _move(stage, to, but=JOURNAL)
        done.database = _load(repository, chosen, config, to, url, speed)
        _give_to_owner(to)
        (stage / JOURNAL).rename(to / JOURNAL)
        atomic_file.sync(to)
        stage.rmdir()
    except BaseException:
        for left in to.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        raise
    return done


def copy(repository: Repository, file: File, into: Path, speed: Pace) -> None:
    """Put a file in its place below a folder. RepositoryError if it has changed, OSError."""
    target = into / file.path
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pace.write(target, checked(repository, file, speed))


def checked(repository: Repository, file: File, speed: Pace) -> Iterator[bytes]:
    """A file's content, whose end comes only if all of it is unchanged. RepositoryError, OSError."""
    try:
        yield from pace.checked(repository.object(file.sha256), file.size, file.sha256, speed)
    except (FileNotFoundError, EOFError, pace.ChangedError) as error:
        raise RepositoryError(
            f"{file.path} is damaged in the backup ({error}): restore an earlier one, or to a record before it"
        ) from error


def _first_seq(file: File) -> int:
    return int(Path(file.path).name.removesuffix(SUFFIX))


def leap(folder: Path, taken_ns: int) -> tuple[int, int]:
    """Have the sessions of a venue that was copied at this time go on behind what they were given since; how many there
    are, and by how many numbers. StoreCorrupt, OSError."""
    elapsed_s = max(0, time.time_ns() - taken_ns) // NS_PER_S
    count, sessions = min(LEAP + LEAP_A_SECOND * elapsed_s, LONGEST_LEAP), 0
    for store in segments.stores(folder):
        restored.begin_anew(store)
        sessions += restored.leap(store, count)
    return sessions, count


def sync(folder: Path) -> None:
    """Sync all names below; the contents are synced already."""
    for each in [*folder.rglob("*"), folder]:
        if each.is_dir():
            atomic_file.sync(each)


def _give_to_owner(folder: Path) -> None:
    """Give everything in the folder to its owner, if root restores into another user's."""
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        for each in folder.rglob("*"):
            os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _move(stage: Path, to: Path, but: str) -> None:
    for each in stage.iterdir():
        if each.name != but:
            each.rename(to / each.name)


def _load(repository: Repository, chosen: Plan, config: Config, to: Path, url: str, speed: Pace) -> str:
    """Fill the database if the backup has rows; returns the outcome, in words."""
    rows = chosen.rows()
    if not rows:
        return "is filled from the journal, once the venue runs"
    server = database.Remote(url) if url else database.server(config, to)
    started = server.start()
    try:
        named = ((Path(file.path).name, checked(repository, file, speed)) for file in rows)
        tables.load(server.url, named)
    finally:
        if started:
            server.stop()
    assert chosen.base is not None
    return f"has everything up to record {chosen.base.database_seq:,}; the rest comes once the venue runs"
