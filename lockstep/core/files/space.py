"""Space of the data folder: whether it is full, blocks owned before they are needed, and what a venue has to own.

It does not decide what stops when there is none: each writer does, in the order of docs/operations.md.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lockstep.config.errors import Problem
from lockstep.config.schema import Config

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
NOT_KNOWN = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)  # from a file system that owns no blocks ahead
KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE: the file's length stays
BLOCK = 512  # of st_blocks, whatever the file system's are
SPARE_BYTES = 16 * 2**20  # of each message store, and of the spool, for when the disk is full
LOG_BYTES = 256 * 2**10  # of each process's log, ahead of its end
SMALL_BYTES = 2**20  # for all that is in `run/`, and the numbers beside each message store
SPARE = "spare"

_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


def is_full(error: OSError) -> bool:
    """Whether it says that the disk, or the user's share of it, is used up: the same may work later."""
    return error.errno in NO_SPACE


def free_bytes(folder: Path) -> int:
    """How much can be written below `folder`, or where it will be made."""
    while not folder.exists():
        folder = folder.parent
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def own(fd: int, size: int) -> None:
    """Give the file the blocks of its first `size` bytes, and leave its length: what is written there fits.

    OSError if the disk has too few. On a file system without fallocate nothing is reserved, and nothing raised.
    """
    while _fallocate(fd, KEEP_SIZE, 0, size):
        number = ctypes.get_errno()
        if number in NOT_KNOWN:
            return
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


def owned_bytes(file: Path) -> int:
    """How much of the disk a file has; 0 if there is none."""
    try:
        return file.stat().st_blocks * BLOCK
    except FileNotFoundError:
        return 0


class Spare:
    """The file `spare` in `folder`, of `size` bytes that are owned: the next segment on a full disk.

    Nothing is written to it before. It is made only where the disk has room for all of it, so that it fills no disk.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._path = folder / SPARE
        self._size = size
        self.is_owned = False
        self.tend()

    def tend(self) -> bool:
        """Make it where there is none; whether there is one now. OSError if that is not for lack of space."""
        if not self.is_owned:
            try:
                self.is_owned = self._own()
            except OSError as error:
                if not is_full(error):
                    raise
        return self.is_owned

    def _own(self) -> bool:
        if free_bytes(self._folder) + owned_bytes(self._path) < self._size:
            return False
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            own(fd, self._size)
        finally:
            os.close(fd)
        return True

    def take(self, path: Path, header: bytes, *, durable: bool = False) -> int:
        """Make it the segment `path`, and return it, open behind its `header`; -1 if there is none.

        `durable`: a segment that has its name has its header, whatever a loss of power leaves.
        """
        if not self.is_owned:
            return -1
        fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.write(fd, header)
            if durable:
                os.fsync(fd)
            self._path.rename(path)
        except BaseException:
            os.close(fd)
            raise
        self.is_owned = False
        return fd


class Share(NamedTuple):
    """What a part of the venue owns of the disk before it needs it, and how much of that is there."""

    name: str
    size: int
    owned: int

    @property
    def lacking(self) -> int:
        return max(0, self.size - self.owned)


def shares(config: Config, gateways: Sequence[str]) -> list[Share]:
    """What a venue of `config`, with gateways of these names, owns while it runs, and has of that on the disk now."""
    data, segment = Path(config.venue.data), config.journal.segment_bytes
    journal = data / "journal"
    newest = max(journal.glob("*.journal"), default=journal / "none", key=lambda path: path.name)
    found = [
        Share("journal: the segment in use", segment, owned_bytes(newest)),
        Share("journal: the one after it", segment, owned_bytes(journal / "prepared")),
    ]
    found += [Share(f"message store of {name}", SPARE_BYTES, _ahead_bytes(data / name)) for name in gateways]
    found.append(Share("spool", SPARE_BYTES, owned_bytes(data / "spool" / SPARE)))
    found.append(Share("run, logs", SMALL_BYTES, SMALL_BYTES if (data / "run" / "manifest.json.spare").exists() else 0))
    return found


def _ahead_bytes(store: Path) -> int:
    """What a message store owns behind its end."""
    newest = max(store.glob("*.fix"), default=None)
    return owned_bytes(newest) - newest.stat().st_size if newest else 0


def problems(config: Config, gateways: Sequence[str]) -> list[Problem]:
    """What a start has to say where the disk can't hold what the venue must own; empty if it can."""
    lacking = [share for share in shares(config, gateways) if share.lacking]
    wanted, free = sum(share.lacking for share in lacking), free_bytes(Path(config.venue.data))
    if wanted <= free:
        return []
    what = ", ".join(f"{share.name} {mebibytes(share.lacking)}" for share in lacking)
    text = (
        f"has {mebibytes(free)} free on its disk, and a start needs {mebibytes(wanted)} ({what}): free space there, "
        "name a folder on another disk, or make journal.segment_bytes smaller"
    )
    return [Problem("venue.data", text)]


def mebibytes(count: int) -> str:
    """A size in words."""
    return f"{count / 2**20:,.1f} MiB"
