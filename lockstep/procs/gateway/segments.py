"""The files of a message store: a segment is made whole or not at all, and owns the space after its end.

It knows no entry; the store decides which segment is written, and when the next one begins.
"""

from __future__ import annotations

import os
from pathlib import Path

from lockstep.core.files import atomic_file, space
from lockstep.core.venue.snapshot_parts import NotSyncedError
from lockstep.procs.gateway import starts
from lockstep.procs.gateway.store_reader import MAGIC, PATTERN, path_of

HEADER_SIZE = 64
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
BOOT = slice(16, 52)  # of the header: the boot of the host in which all of the segment was written


def stores(data: Path) -> list[Path]:
    """The message stores of a venue's gateways; anything else beside them is left out."""
    return sorted(path for path in data.glob("gateway.*") if path.is_dir() and path.suffix[1:].isdecimal())


def bases(store: Path) -> list[int]:
    """Where the segments of a store begin, which name them."""
    return sorted(int(path.stem) for path in store.glob(PATTERN))


def boot() -> bytes:
    """Which start of the host this is."""
    return BOOT_ID.read_bytes().strip()


def begin(folder: Path, base: int, spare_bytes: int) -> int:
    """Make the segment at `base` with its header, durable by name; open. OSError: there is none."""
    path = path_of(folder, base)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    header = MAGIC + base.to_bytes(8, "little") + boot()
    try:
        space.own(fd, HEADER_SIZE + spare_bytes)
        os.write(fd, header.ljust(HEADER_SIZE, b"\0"))
        os.fsync(fd)  # a segment that has its name has its header, whatever a loss of power leaves
        atomic_file.sync(folder)
    except BaseException:
        os.close(fd)
        path.unlink()
        raise
    return fd


def go_on(folder: Path, base: int, size: int) -> tuple[int, bytes]:
    """The segment at `base`, open, and its boot. What follows its first `size` bytes is torn, and put aside."""
    path = path_of(folder, base)
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    tail = os.pread(fd, os.fstat(fd).st_size - size, size)
    if tail:
        _put_aside(path.with_suffix(".torn"), tail)
        os.ftruncate(fd, size)
    return fd, os.pread(fd, HEADER_SIZE, 0)[BOOT].rstrip(b"\0")


def _put_aside(file: Path, tail: bytes) -> None:
    """Keep what is torn for inspection, unless the disk is full."""
    try:
        file.write_bytes(tail)
    except OSError as error:
        file.unlink(missing_ok=True)
        if not space.is_full(error):
            raise


def sync(folder: Path, bases: list[int]) -> None:
    """Sync what is written, with its own descriptors: a forked child may do it. NotSyncedError."""
    try:
        for base in bases:  # costs nothing if there is nothing to sync
            try:
                fd = os.open(path_of(folder, base), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:  # in a child: retention has removed it meanwhile
                continue
            try:
                os.fdatasync(fd)
            finally:
                os.close(fd)
    except OSError as error:
        text = f"the message store is not safe: {error.strerror}"
        raise NotSyncedError(error.errno, text, str(folder)) from error


def drop_unborn(folder: Path, bases: list[int]) -> None:
    """Remove a last segment whose header was not written whole: nothing can be in it."""
    if bases and path_of(folder, bases[-1]).stat().st_size < HEADER_SIZE:
        path_of(folder, bases.pop()).unlink()


def drop_empty(folder: Path, bases: list[int]) -> None:
    """Remove the one segment of a store without any entry, so that the first entry's place is another one."""
    if len(bases) == 1 and path_of(folder, bases[0]).stat().st_size == HEADER_SIZE:
        path = path_of(folder, bases.pop())
        path.unlink()
        starts.path_of(folder, int(path.stem)).unlink(missing_ok=True)


def owns(fd: int, size: int) -> bool:
    """Have the segment own its first `size` bytes; False if the disk has no room for that. OSError else."""
    try:
        space.own(fd, size)
    except OSError as error:
        if not space.is_full(error):
            raise
        return False
    return True
