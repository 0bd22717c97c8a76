"""A small disk for one test: a real file system in memory, which the test can fill to its last byte."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PAGE = 4096
DETACH = 2  # MNT_DETACH
FILLER = "filler"

_libc = ctypes.CDLL(None, use_errno=True)


class SmallDisk:
    """The file system at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def free(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Take all that is free but `leave` bytes."""
        with (self.folder / FILLER).open("ab") as filler:
            size = self.free - leave
            while self.free > leave:
                try:
                    os.posix_fallocate(filler.fileno(), filler.seek(0, os.SEEK_END), min(size, self.free - leave))
                except OSError:  # another process was quicker; what was taken is given back, so take less
                    size = max(PAGE, size // 2)

    def empty(self) -> None:
        """Give back what `fill` took."""
        (self.folder / FILLER).unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], SmallDisk]]:
    """Makes a disk of this many bytes; skips the test if mounting is not allowed."""
    mounted = []

    def make(size: int) -> SmallDisk:
        folder = tmp_path / "disk"
        folder.mkdir()
        if _libc.mount(b"tmpfs", bytes(folder), b"tmpfs", 0, f"size={size}".encode()):
            pytest.skip(f"no file system can be mounted here: {os.strerror(ctypes.get_errno())}")
        mounted.append(folder)
        return SmallDisk(folder)

    yield make
    for folder in mounted:
        _libc.umount2(bytes(folder), DETACH)
