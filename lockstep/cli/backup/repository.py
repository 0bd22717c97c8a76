"""The folder that backups are in: contents by checksum, and for each backup a point that says which files they are.

It never looks into a file, and nothing of it is ever changed in place: what is there under its name is whole.

Layout::

    points/00000000000000004711-001.json a Point and its checksum: the record of the log that it ends with, and the how
                                         manieth there it is. Renamed to this, it publishes the backup
    points/unfinished                    the files that a backup had copied when it was ended: the next one need not
    objects/3a/3a7bd3e2…                 a file's content, named by its SHA-256; synced, then renamed to this
    objects/new                          one that is being written
    lock                                 who writes here
    proof-…, proving                     links for a proof that is being made, and who begins one
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from lockstep.cli.backup import pace
from lockstep.cli.backup.pace import Pace
from lockstep.config.schema import Config
from lockstep.core.files import atomic_file
from lockstep.shm.segment import RoleLock

VERSION = 1
POINTS = "points"
OBJECTS = "objects"
UNFINISHED = "unfinished"
NEW = "new"
NOTE_S = 2.0  # between two notes of what an unfinished backup has


# What a backup has, and where: a point can't name a place elsewhere, whatever is written in it.
PLACE = (
    r"^(?:journal/\d{20}\.journal|(?:snapshots/\d{1,20}|spool|gateway\.\d{1,3}|database)/[0-9a-z][0-9A-Za-z_.-]*"
    r"|void\.json|gateways\.json|definitions|venue\.key)\Z"
)
SHA256 = r"^[0-9a-f]{64}\Z"


class RepositoryError(Exception):
    """A file in the folder is not what it should be; the message says which one, and what to do."""


class File(Struct, frozen=True):
    """A file of a venue: its place in the data folder, the bytes of it that count, their SHA-256 in hexadecimal.

    `known` also identifies its content (a segment by the chained hash, a part by its own checksum), so that it need not
    be read again; empty if nothing does.
    """

    path: Annotated[str, Meta(pattern=PLACE)]
    size: Annotated[int, Meta(ge=0)]
    sha256: Annotated[str, Meta(pattern=SHA256)]
    known: str = ""


class Point(Struct, frozen=True):
    """A backup: the venue in `files` as it was after record `seq` of its log. Times are the wall clock's.

    `chain`: the chained hash there. `first_seq`: where its journal begins. `database_seq`: up to where the rows are
    that are in it, None if there are none: they all follow from the journal. `snapshot`: the record of the one in
    it, 0 for none. `config` has hashes in place of passwords.
    """

    venue: str
    journal_id: str
    seq: int
    chain: int
    first_seq: int
    snapshot: int
    database_seq: int | None
    taken_ns: int
    config: Config
    files: list[File]
    version: int = VERSION

    @property
    def size(self) -> int:
        """The bytes of all its files."""
        return sum(file.size for file in self.files)

    def below(self, folder: str) -> list[File]:
        """Its files in a folder of the data folder, by name."""
        return sorted((each for each in self.files if each.path.startswith(f"{folder}/")), key=lambda each: each.path)


class Sealed(Struct, frozen=True):
    """What a point's file has: the point as JSON, and the SHA-256 of that."""

    sha256: str
    point: msgspec.Raw


class Repository:
    """The backups in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.added = 0  # bytes that were not there before
        self._latest: list[File] = []
        self._known: dict[tuple[str, str], File] = {}
        self._done: list[File] = []
        self._noted_s = 0.0

    def lock(self) -> RoleLock:
        """Make the folder if there is none, lock it, and see what it has.

        RoleTakenError, RepositoryError, OSError.
        """
        for name in (POINTS, OBJECTS):
            (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = RoleLock(self.folder / "lock")
        lock.acquire()
        (self.folder / OBJECTS / NEW).unlink(missing_ok=True)
        points = self.points()
        self._latest = points[-1].files if points else []
        self._done = [file for file in self._unfinished() if self.has(file)]
        for file in [*(each for point in points for each in point.files), *self._done]:
            if file.known:
                self._known[file.path, file.known] = file
        self._remove_unnamed(points)  # first of all: the disk may be full of them
        return lock

    def points(self) -> list[Point]:
        """All backups, the oldest first. RepositoryError, OSError."""
        return [_read(path) for path in self._paths()]

    def object(self, sha256: str) -> Path:
        """Where the content with this checksum is."""
        return self.folder / OBJECTS / sha256[:2] / sha256

    def has(self, file: File) -> bool:
        """Whether its content is here, as far as its name and size say."""
        path = self.object(file.sha256)
        return path.exists() and path.stat().st_size == file.size

    def find(self, path: str, known: str) -> File | None:
        """The file at `path` that is known as this, if its content is here."""
        file = self._known.get((path, known))
        return file if file is not None and self.has(file) else None

    def add(self, path: str, source: Path, size: int, speed: Pace, known: str = "") -> File:
        """Add the first `size` bytes of `source`. EOFError, OSError: nothing was added."""
        if known and (found := self.find(path, known)) is not None:
            return found
        like = next((each for each in self._latest if (each.path, each.size) == (path, size)), None)
        if like is not None and self.has(like) and pace.digest(source, size, speed) == like.sha256:
            return like
        return self.add_content(path, pace.chunks(source, size, speed), known)

    def add_content(self, path: str, content: Iterator[bytes], known: str = "") -> File:
        """The same for content from elsewhere."""
        new = self.folder / OBJECTS / NEW
        size, sha256 = pace.write(new, content)
        file = File(path, size, sha256, known)
        if not self.has(file):
            self.added += size
        target = self.object(sha256)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        new.rename(target)  # also in the place of one that is there, and may have been damaged
        atomic_file.sync(target.parent)
        return self.note(file)

    def note(self, file: File) -> File:
        """Remember a file whose content is here, for this backup and, if it is interrupted, for the next one."""
        self._done.append(file)
        if file.known:
            self._known[file.path, file.known] = file
        if time.monotonic() - self._noted_s >= NOTE_S:
            atomic_file.replace(self.folder / POINTS / UNFINISHED, msgspec.json.encode(self._done))
            self._noted_s = time.monotonic()
        return file

    def publish(self, point: Point) -> Path:
        """Make the backup valid: all its contents are here. OSError, RepositoryError: there are those before."""
        atomic_file.sync(self.folder / OBJECTS)
        number = max((number for seq, number in map(_place, self._paths()) if seq == point.seq), default=0) + 1
        path = self.folder / POINTS / f"{point.seq:020}-{number:03}.json"
        content = msgspec.json.encode(point)
        try:
            msgspec.json.decode(content, type=Point)
        except msgspec.ValidationError as error:
            raise RepositoryError(f"no backup was made: nobody could read it ({error})") from error
        sealed = Sealed(hashlib.sha256(content).hexdigest(), msgspec.Raw(content))
        atomic_file.replace_durably(path, msgspec.json.encode(sealed))
        (self.folder / POINTS / UNFINISHED).unlink(missing_ok=True)
        self._done.clear()
        return path

    def prune(self, keep: int) -> int:
        """Remove all backups but the newest `keep` (0: none), and contents of no backup; returns how many are left."""
        for path in self._paths()[:-keep] if keep else []:
            path.unlink()
        atomic_file.sync(self.folder / POINTS)
        points = self.points()
        self._remove_unnamed(points)
        return len(points)

    def _remove_unnamed(self, points: list[Point]) -> None:
        """Remove contents of no backup, except those of an unfinished one."""
        wanted = {file.sha256 for file in self._done} | {file.sha256 for point in points for file in point.files}
        for path in (self.folder / OBJECTS).glob("??/*"):
            if path.name not in wanted:
                path.unlink()

    def _paths(self) -> list[Path]:
        return sorted((self.folder / POINTS).glob("*.json"), key=_place)

    def _unfinished(self) -> list[File]:
        try:
            return msgspec.json.decode((self.folder / POINTS / UNFINISHED).read_bytes(), type=list[File])
        except (FileNotFoundError, ValueError):
            return []


def _place(path: Path) -> tuple[int, int]:
    """The record and the number in a point's name. RepositoryError."""
    seq, _, number = path.stem.partition("-")
    if not (seq.isdecimal() and number.isdecimal()):
        raise RepositoryError(f"{path} is no backup's: remove it")
    return int(seq), int(number)


def _read(path: Path) -> Point:
    try:
        sealed = msgspec.json.decode(path.read_bytes(), type=Sealed)
        content = bytes(sealed.point)
        if hashlib.sha256(content).hexdigest() != sealed.sha256:
            raise RepositoryError(f"{path} is damaged: its checksum differs. Put it back, or remove this backup")
        point = msgspec.json.decode(content, type=Point)
    except ValueError as error:
        raise RepositoryError(f"{path} is damaged ({error}): put it back, or remove this backup") from error
    if point.version != VERSION:
        raise RepositoryError(f"{path} is of version {point.version}, and this build reads {VERSION}")
    return point
