"""The files that a simulated venue keeps beside its journal: real ones in the run's folder, on a disk that fails.

What is synced of each is known, since all syncs pass here: a loss of power takes what is not. Syncs fail, and what is
written by Python (headers of segments, whole files, parts) fails, comes to its end half-way, or finds the disk full. It
knows names and bytes, and nothing of what is in the files.
"""

# The functions of `os` that make, write and sync files are replaced while a run lasts, so that all code is reached,
# whoever wrote it. What Cython appends to an open segment of the gateway's store or the spool goes to the file by the
# system call itself: that never fails here, and is lost unless it was synced.

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from procs import files as whole_files
from procs.space import SPARE
from tests.simulation.disk import FakeDisk
from tests.simulation.plan import FILE_FAULTS

NOISE = 0.3  # how often there is something else behind what is left
FORGOTTEN = 0.3  # how often a file is gone whose name was not synced
MAX_TAIL = 3000
SEGMENTS = (".fix", ".spool")  # whose names are in the order in which they were made


class Files:
    """`fail_sync_at`, `fail_write_at`, `short_write_at`: numbers of the sync or write that goes wrong; `power_off_at`:
    of the sync at which power fails. While `full` nothing is written. `disk` is the journal's: its power is the same.
    """

    def __init__(self, folder: Path, disk: FakeDisk, draw: Random, seen: Counter[str]) -> None:
        self._folder = folder
        self._disk = disk
        self._draw = draw
        self._seen = seen
        self._names: dict[int, str] = {}  # of files that are open, or were: a number means the file opened last
        self._synced: dict[str, int] = {}
        self._nameless: set[str] = set()  # whose folder was not synced since they have their name
        self._lost: set[str] = set()  # of a failed sync: the kernel takes for clean what no disk has
        self.syncs = self.writes = 0
        self.fail_sync_at = self.fail_write_at = self.short_write_at = self.power_off_at = 0
        self.full = False
        self._open, self._fsync, self._fdatasync = os.open, os.fsync, os.fdatasync
        self._write, self._pwrite, self._replace, self._rename = os.write, os.pwrite, os.replace, os.rename
        self._write_whole, self._exchange = whole_files._write, whole_files._exchange

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """All files of the run are these for the length of the block."""
        with contextlib.ExitStack() as replaced:
            for name in ("open", "fsync", "fdatasync", "write", "pwrite", "replace", "rename"):
                replaced.enter_context(patch.object(os, name, getattr(self, name)))
            replaced.enter_context(patch.object(whole_files, "_write", self.write_whole))
            replaced.enter_context(patch.object(whole_files, "_exchange", self.exchange))
            yield

    @property
    def was_bad(self) -> bool:
        """Whether a stage can have come to its end by them."""
        return self.full or any(self._seen[f"met {kind}"] for kind in FILE_FAULTS)

    def calm(self) -> None:
        """No fault is under way any more."""
        self.full = False
        self.fail_sync_at = self.fail_write_at = self.short_write_at = self.power_off_at = 0

    # What takes the place of the functions of `os`.

    def open(self, path: Any, flags: int, *arguments: Any, **named: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            self._check_power()
        is_new = flags & os.O_CREAT and not os.path.lexists(path)
        fd = self._open(path, flags, *arguments, **named)
        self._names[fd] = os.fspath(path)
        if is_new:
            self._nameless.add(os.fspath(path))
        if flags & (os.O_TRUNC | os.O_EXCL):
            self._synced.pop(os.fspath(path), None)
            self._lost.discard(os.fspath(path))
        return fd

    def fsync(self, fd: int) -> None:
        self.sync(fd)

    def fdatasync(self, fd: int) -> None:
        self.sync(fd)

    def sync(self, fd: int) -> None:
        self._check_power()
        name = self._names[fd]
        self.syncs += 1
        is_cut = self.syncs == self.power_off_at
        if self.syncs == self.fail_sync_at:
            self._seen["met file sync error"] += 1
            self._lost.add(name)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            self._nameless = {path for path in self._nameless if os.path.dirname(path) != name}
        elif self.is_kept(name) and name not in self._lost and not (is_cut and self._draw.random() < 0.5):
            self._synced[name] = os.fstat(fd).st_size
        if is_cut:
            self._seen["met power loss inside a file"] += 1
            self._disk.off = True
            self._check_power()

    def is_kept(self, _name: str) -> bool:
        """Whether a sync of that file does what it says."""
        return True

    def write(self, fd: int, data: Any) -> int:
        return self._write(fd, bytes(data)[: self._admitted(len(data), is_owned=self._is_spare(fd))])

    def pwrite(self, fd: int, data: Any, offset: int) -> int:
        return self._pwrite(fd, bytes(data)[: self._admitted(len(data), is_owned=self._is_spare(fd))], offset)

    def write_whole(self, file: Path, content: bytes, flag: int, *, durable: bool) -> None:
        is_owned = not flag & os.O_TRUNC
        size = self._admitted(len(content), is_owned=is_owned)
        self._write_whole(file, content[:size], flag, durable=durable and size == len(content))
        if size < len(content):
            code = errno.EIO if is_owned else errno.ENOSPC  # for want of space what is owned is not cut short
            raise OSError(code, os.strerror(code), str(file))

    def exchange(self, spare: Path, file: Path) -> None:
        self._check_power()
        names = (str(spare), str(file))
        first, second = (self._synced.pop(name, 0) for name in names)
        lost = {name for name in names if name in self._lost}
        self._lost.difference_update(names)
        self._lost.update(names[1 - names.index(name)] for name in lost)
        self._exchange(spare, file)
        self._synced[str(file)] = first
        if spare.exists():
            self._synced[str(spare)] = second

    def replace(self, old: Any, new: Any, **named: Any) -> None:
        self._check_power()
        self._moved(os.fspath(old), os.fspath(new))
        self._replace(old, new, **named)

    def rename(self, old: Any, new: Any, **named: Any) -> None:
        self._check_power()
        self._moved(os.fspath(old), os.fspath(new))
        self._rename(old, new, **named)

    # What happens to them.

    def lose_power(self, draw: Random) -> None:
        """Of each file what was not synced is there, or not, or is something else."""
        ended: set[Path] = set()  # folders of which a segment is gone, and all that is nameless behind it
        for path in sorted(path for path in self._folder.rglob("*") if path.is_file()):
            if str(path) in self._nameless and (path.parent in ended or draw.random() < FORGOTTEN):
                if path.suffix in SEGMENTS:
                    ended.add(path.parent)
                path.unlink()
                continue
            size = path.stat().st_size
            synced = min(size, self._synced.get(str(path), 0))
            if synced == size:
                continue
            keep = draw.choice((size, draw.randint(synced, size), max(synced, size - draw.randint(0, MAX_TAIL))))
            os.truncate(path, keep)
            if keep < size and draw.random() < NOISE:
                with path.open("ab") as file:
                    file.write(draw.randbytes(draw.randint(1, size - keep)))
            self._synced[str(path)] = path.stat().st_size
        self._lost.clear()
        self._names.clear()
        self._nameless.clear()
        self.calm()

    def _moved(self, old: str, new: str) -> None:
        self._synced[new] = self._synced.pop(old, 0)
        self._lost.discard(new)
        self._nameless.discard(old)
        if not os.path.lexists(new):
            self._nameless.add(new)

    def _is_spare(self, fd: int) -> bool:
        return self._names[fd].endswith(SPARE)

    def _admitted(self, size: int, *, is_owned: bool) -> int:
        """How many bytes of a write the disk takes; OSError where it takes none. What is owned is there when full."""
        self._check_power()
        self.writes += 1
        if self.writes == self.fail_write_at:
            self._seen["met file write error"] += 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self.full and not is_owned:
            self._seen["met files full"] += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.writes == self.short_write_at and size > 1:
            self._seen["met file short write"] += 1
            return self._draw.randrange(1, size)
        return size

    def _check_power(self) -> None:
        if self._disk.off:
            raise OSError(errno.EIO, "the power is off")
