"""Copies bytes at a bounded rate, at the lowest priority, and leaves the page cache to others; hashes what it copies.

It knows no venue and no layout of a backup.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path

CHUNK = 1 << 20
SYNC_BYTES = (
    16 << 20
)  # written, then synced and dropped from memory: the disk gets it evenly, and others keep their pages
LOWEST_PRIORITY = 19
IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
IOPRIO_IDLE = 3 << 13  # its class: served when the disk is otherwise idle. Schedulers without classes ignore it

_libc = ctypes.CDLL(None, use_errno=True)


def give_way() -> None:
    """Let all others have the processor and the disk first, until this process ends."""
    os.nice(LOWEST_PRIORITY)
    if (number := IOPRIO_SET.get(platform.machine())) is not None:
        _libc.syscall(number, 1, 0, IOPRIO_IDLE)


class Pace:
    """A limit in bytes a second, read or written; 0: none. `show` gets the sum."""

    def __init__(self, bytes_per_second: int = 0, show: Callable[[int], None] = lambda _: None) -> None:
        self.done = 0
        self._rate = bytes_per_second
        self._show = show
        self._due_s = time.monotonic()

    def spend(self, size: int) -> None:
        """Wait until this many more bytes are due. Unused time is no credit."""
        self.done += size
        self._show(self.done)
        if self._rate:
            now_s = time.monotonic()
            self._due_s = max(self._due_s, now_s - CHUNK / self._rate) + size / self._rate
            if self._due_s > now_s:
                time.sleep(self._due_s - now_s)  # the pace itself


def chunks(source: Path, size: int, pace: Pace) -> Iterator[bytes]:
    """The first `size` bytes of a file, in turn. EOFError if it has fewer, OSError."""
    fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.posix_fadvise(fd, 0, size, os.POSIX_FADV_NOREUSE)
        at = 0
        while at < size:
            data = os.pread(fd, min(CHUNK, size - at), at)
            if not data:
                raise EOFError(f"{source} ends at {at:,} of {size:,} bytes")
            at += len(data)
            pace.spend(len(data))
            yield data
    finally:
        os.close(fd)


def digest(source: Path, size: int, pace: Pace) -> str:
    """The SHA-256 of the first `size` bytes of a file, in hexadecimal digits. EOFError, OSError."""
    sha = hashlib.sha256()
    for data in chunks(source, size, pace):
        sha.update(data)
    return sha.hexdigest()


class ChangedError(Exception):
    """A file has other content than it had; the message names it."""


def checked(source: Path, size: int, sha256: str, pace: Pace) -> Iterator[bytes]:
    """`chunks`; ChangedError at the end if their checksum differs, or the file has more."""
    sha = hashlib.sha256()
    for data in chunks(source, size, pace):
        sha.update(data)
        yield data
    if sha.hexdigest() != sha256 or source.stat().st_size != size:
        raise ChangedError(f"{source} fails its checksum")


def write(target: Path, content: Iterator[bytes]) -> tuple[int, str]:
    """Write a new file, synced when this returns; its size and SHA-256. If writing or reading raises, it is removed."""
    sha, size, settled = hashlib.sha256(), 0, 0
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        for data in content:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
            sha.update(data)
            size += len(data)
            if size - settled >= SYNC_BYTES:
                _settle(fd, settled, size)
                settled = size
        _settle(fd, settled, size)
        os.fsync(fd)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    return size, sha.hexdigest()


def _settle(fd: int, begin: int, end: int) -> None:
    """Sync what was written, and drop it from memory."""
    os.fdatasync(fd)
    os.posix_fadvise(fd, begin, end - begin, os.POSIX_FADV_DONTNEED)
