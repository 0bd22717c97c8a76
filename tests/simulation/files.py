"""The files that a simulated venue keeps beside its journal: real ones in the run's folder, on a disk that fails.

What is synced of each is known, since all syncs pass here: a loss of power takes what is not. Syncs fail, and whatever
is written (appends to open segments, headers, whole files, parts) fails, comes to its end half-way, or finds the disk
full. It knows names and bytes, and nothing of what is in the files.
"""

# The functions of `os` that make, write and sync files are replaced while a run lasts, so that all code is reached,
# whoever wrote it. What Cython appends to an open segment, of the gateway's store or the spool, goes through the
# interface of a disk, which is played here.

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from lockstep.core.files import atomic_file as whole_files
from lockstep.core.files import disk as disks
from lockstep.core.files import space
from lockstep.core.files.disk import PlayedDisk
from tests.simulation.disk import GIB, FakeDisk
from tests.simulation.plan import FILE_FAULTS

NOISE = 0.3  # how often there is something else behind what is left
FORGOTTEN = 0.3  # how often a file is gone whose name was not synced
MAX_TAIL = 3000
SPARE_BYTES = 12 * 1024  # that a store and the spool own ahead, in place of 16 MiB
BLOCK = 4096  # of the disk: a file owns whole ones
SEGMENTS = (".fix", ".spool")  # whose names are in the order in which they were made


class Beside(PlayedDisk):
    """A folder of the run, as what appends to segments sees it."""

    def __init__(self, folder: Path, files: Files) -> None:
        super().__init__(folder)
        self._files = files

    def on_write(self, handle: int, data: bytes, offset: int) -> int:
        return self._files.append(handle, data, offset)


class Files:
    """`fail_sync_at`, `fail_write_at`, `short_write_at`, `fail_append_at`, `short_append_at`: numbers of the sync, the
    write or the append that goes wrong; `power_off_at`, `power_off_in`: of the sync, and append, at which power fails.
    While `full` nothing is written but into blocks that a file has. `disk` is the journal's: its power is the same.
    """

    _open, _write, _pwrite = staticmethod(os.open), staticmethod(os.write), staticmethod(os.pwrite)
    _replace, _rename = staticmethod(os.replace), staticmethod(os.rename)
    _write_whole, _exchange = staticmethod(whole_files._write), staticmethod(whole_files._exchange)

    def __init__(self, folder: Path, disk: FakeDisk, draw: Random, seen: Counter[str]) -> None:
        self._folder = folder
        self._disk = disk
        self._draw = draw
        self._seen = seen
        self._names: dict[int, str] = {}  # of files that are open, or were: a number means the file opened last
        self._synced: dict[str, int] = {}
        self._nameless: set[str] = set()  # whose folder was not synced since they have their name
        self._lost: set[str] = set()  # of a failed sync: the kernel takes for clean what no disk has
        self._owned: dict[str, int] = {}  # how much of each file has its blocks
        self.syncs = self.writes = self.appends = 0
        self.calm()

    @property
    def was_bad(self) -> bool:
        """Whether a stage can have come to its end by them."""
        return self.full or any(self._seen[f"met {kind}"] for kind in FILE_FAULTS)

    def calm(self) -> None:
        """No fault is under way any more."""
        self.full = False
        self.fail_sync_at = self.fail_write_at = self.short_write_at = self.power_off_at = 0
        self.fail_append_at = self.short_append_at = self.power_off_in = 0

    # What takes the place of the functions of `os`.

    def open(self, path: Any, flags: int, *arguments: Any, **named: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            self._check_power()
        is_new = flags & os.O_CREAT and not os.path.lexists(path)
        fd = self._open(path, flags, *arguments, **named)
        self._names[fd] = os.fspath(path)
        if is_new:
            self._nameless.add(os.fspath(path))
        if is_new or flags & os.O_TRUNC:
            self._owned.pop(os.fspath(path), None)
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
        offset = os.lseek(fd, 0, os.SEEK_CUR)
        size = self._admitted(len(data), is_owned=self._owns(self._names[fd], offset + len(data)))
        return self._took(fd, offset, self._write(fd, bytes(data)[:size]))

    def pwrite(self, fd: int, data: Any, offset: int) -> int:
        size = self._admitted(len(data), is_owned=self._owns(self._names[fd], offset + len(data)))
        return self._took(fd, offset, self._pwrite(fd, bytes(data)[:size], offset))

    def append(self, fd: int, data: bytes, offset: int) -> int:
        """A write to an open segment. It may take less than all; OSError if it takes nothing."""
        self._check_power()
        self.appends += 1
        size = len(data)
        if self.full and not self._owns(self._names[fd], offset + size):
            size = max(0, self._owned.get(self._names[fd], 0) - offset)
            self._seen["met files full"] += 1
        if self.appends == self.short_append_at and size > 1:
            self._seen["met short append"] += 1
            size = self._draw.randrange(1, size)
        is_bad, is_cut = self.appends == self.fail_append_at, self.appends == self.power_off_in
        if is_bad or is_cut:
            self._seen["met append error" if is_bad else "met power loss inside an append"] += 1
            size = self._draw.randint(0, size)
        self._took(fd, offset, self._pwrite(fd, data[:size], offset))
        self._disk.off = is_cut
        if is_bad or is_cut or not size:
            code = errno.EIO if is_bad or is_cut else errno.ENOSPC
            raise OSError(code, os.strerror(code))
        return size

    def owned_bytes(self, file: Any) -> int:
        return self._owned.get(str(file), 0)

    def own(self, fd: int, size: int) -> None:
        name = self._names[fd]
        self._check_power()
        if self.full and not self._owns(name, size):
            self._seen["met files full"] += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._owned[name] = max(size, self._owned.get(name, 0))

    def write_whole(self, file: Path, content: bytes, flag: int, *, durable: bool) -> None:
        is_owned = not flag & os.O_TRUNC and self._owns(str(file), len(content))
        size = self._admitted(len(content), is_owned=is_owned)
        self._write_whole(file, content[:size], flag, durable=durable and size == len(content))
        self._owned[str(file)] = _blocks(size)  # what it had behind its end is given up
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
        owned = [self._owned.pop(name, 0) for name in names]
        self._exchange(spare, file)
        self._synced[str(file)], self._owned[str(file)] = first, owned[0]
        if spare.exists():
            self._synced[str(spare)], self._owned[str(spare)] = second, owned[1]

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
            torn = max(synced, size - draw.randint(0, MAX_TAIL))
            keep = draw.choice((size, synced, draw.randint(synced, size), torn))
            os.truncate(path, keep)
            if keep < size and draw.random() < NOISE:
                with path.open("ab") as file:
                    file.write(draw.randbytes(draw.randint(1, size - keep)))
            self._synced[str(path)] = path.stat().st_size
        self._lost.clear()
        self._names.clear()
        self._nameless.clear()
        self._owned.clear()
        self.calm()

    def remove(self, folder: str) -> None:
        """A folder of the run's is gone."""
        gone = str(self._folder / folder)
        for path in sorted((self._folder / folder).glob("*")):
            path.unlink()
        for known in (self._synced, self._owned):
            for name in [name for name in known if name.startswith(gone)]:
                del known[name]

    def _moved(self, old: str, new: str) -> None:
        self._synced[new] = self._synced.pop(old, 0)
        self._owned[new] = self._owned.pop(old, 0)
        self._names |= {fd: new for fd, name in self._names.items() if name == old}
        self._lost.discard(new)
        self._nameless.discard(old)
        if not os.path.lexists(new):
            self._nameless.add(new)

    def _owns(self, name: str, size: int) -> bool:
        return self._owned.get(name, 0) >= size

    def _took(self, fd: int, offset: int, size: int) -> int:
        """So many bytes were written there: nothing of them is safe, and they have their blocks."""
        name = self._names[fd]
        self._synced[name] = min(offset, self._synced.get(name, 0))
        self._owned[name] = max(_blocks(offset + size), self._owned.get(name, 0))
        return size

    def _admitted(self, size: int, *, is_owned: bool) -> int:
        """How many bytes of a write the disk takes; OSError if it takes none. What is owned is there when full."""
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


@contextlib.contextmanager
def in_place(current: Callable[[], Files]) -> Iterator[None]:
    """All files of the run are those of `current` for the length of the block."""

    def of_current(name: str) -> Callable[..., Any]:
        return lambda *given, **named: getattr(current(), name)(*given, **named)

    with contextlib.ExitStack() as replaced:
        for name in ("open", "fsync", "fdatasync", "write", "pwrite", "replace", "rename"):
            replaced.enter_context(patch.object(os, name, of_current(name)))
        replaced.enter_context(patch.object(whole_files, "_write", of_current("write_whole")))
        replaced.enter_context(patch.object(whole_files, "_exchange", of_current("exchange")))
        replaced.enter_context(patch.object(space, "own", of_current("own")))
        replaced.enter_context(patch.object(space, "free_bytes", lambda _: 0 if current().full else GIB))
        replaced.enter_context(patch.object(space, "owned_bytes", of_current("owned_bytes")))
        replaced.enter_context(patch.object(space, "SPARE_BYTES", SPARE_BYTES))
        replaced.enter_context(patch.object(disks, "FolderDisk", lambda folder: Beside(folder, current())))
        yield


def _blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
