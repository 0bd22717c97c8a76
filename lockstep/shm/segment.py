"""Named shared memory, and the locks that say who may be attached to a role.

It reserves what it creates, so that a full /dev/shm is an error at start and not a SIGBUS later; it never formats.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
from pathlib import Path

import posix_ipc

SHM = Path("/dev/shm")
LOCKS = Path("/proc/locks")
PID_DIGITS = 10


class SegmentError(RuntimeError):
    """Shared memory could not be had, with what to do about it."""


class RoleTakenError(RuntimeError):
    """Another live process holds the role."""


def create(name: str, size: int) -> mmap.mmap:
    """Create segment `name` (it begins with a slash) of `size` zero bytes, mode 0600; SegmentError if it cannot."""
    try:
        segment = posix_ipc.SharedMemory(name, posix_ipc.O_CREX, mode=0o600)
    except posix_ipc.ExistentialError:
        raise SegmentError(f"shared memory {name} exists already: another venue of this folder is running") from None
    try:
        os.posix_fallocate(segment.fd, 0, size)
        return mmap.mmap(segment.fd, size)
    except OSError as error:
        posix_ipc.unlink_shared_memory(name)
        raise SegmentError(
            f"{size / 2**20:.1f} MiB of shared memory for {name} cannot be had ({error.strerror}): "
            "make /dev/shm larger, or the rings smaller ([rings] in the configuration)"
        ) from error
    finally:
        segment.close_fd()


def attach(name: str) -> mmap.mmap:
    """Map the whole of segment `name`. SegmentError if there is none."""
    try:
        segment = posix_ipc.SharedMemory(name)
    except posix_ipc.ExistentialError:
        raise SegmentError(f"there is no shared memory {name}: the venue is not running") from None
    except posix_ipc.PermissionsError:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), f"{SHM}{name}") from None
    try:
        return mmap.mmap(segment.fd, segment.size)
    finally:
        segment.close_fd()


def remove(name: str) -> None:
    """Remove segment `name`: processes that map it keep the memory. SegmentError if there is none."""
    try:
        posix_ipc.unlink_shared_memory(name)
    except posix_ipc.ExistentialError:
        raise SegmentError(f"there is no shared memory {name}") from None


def remove_leftovers(prefix: str) -> list[str]:
    """Remove every segment whose name begins with `prefix`; returns their names. The caller holds the venue's lock."""
    names = [f"/{path.name}" for path in SHM.glob(prefix.removeprefix("/") + "*")]
    for name in names:
        with contextlib.suppress(posix_ipc.ExistentialError):
            posix_ipc.unlink_shared_memory(name)
    return names


class RoleLock:
    """An exclusive lock on a file, held for as long as its holder lives (the kernel drops it with the process)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1

    def acquire(self, *, wait: bool = False) -> None:
        """Take the lock, or wait for its holder to end. RoleTakenError names the holder's pid."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            holder = os.pread(fd, 32, 0).decode().strip() or "unknown"
            os.close(fd)
            raise RoleTakenError(f"{self.path} is held by process {holder}") from None
        # In place, at one length: on a full disk there is no space but what the file has. It is a message and no more.
        with contextlib.suppress(OSError):
            os.pwrite(fd, f"{os.getpid():<{PID_DIGITS}}\n".encode(), 0)
        self._fd = fd

    @staticmethod
    def holder(path: Path) -> int | None:
        """The pid of the process that holds the lock on `path`, None if none does. It takes nothing itself.

        It asks the kernel's own list: the pid in the file is only a message, and may be of a process that is gone.
        """
        try:
            wanted = path.stat().st_ino
        except FileNotFoundError:
            return None
        for line in LOCKS.read_text().splitlines():
            fields = line.split()
            if fields[1:4] == ["FLOCK", "ADVISORY", "WRITE"] and int(fields[5].rpartition(":")[2]) == wanted:
                return int(fields[4])
        return None

    def release(self) -> None:
        """Release the lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
