"""Files that are replaced as a whole: whoever reads one sees the old content or the new, never a part.

It knows nothing of what is in them; every file is its owner's alone (mode 0600).
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from lockstep.core.files import space

EXCHANGE = 2  # RENAME_EXCHANGE
AT_FDCWD = -100
GROWTH_BYTES = 4096  # by which a content may grow while the disk is full

_libc = ctypes.CDLL(None, use_errno=True)


def replace(file: Path, content: bytes) -> None:
    """Put `content` into `file`, for as long as the machine runs: nothing is synced. OSError: the old one is there."""
    _replace(file, content, durable=False)


def replace_durably(file: Path, content: bytes) -> None:
    """Put `content` into `file`: on disk when this returns; a loss of power before leaves old or new. OSError."""
    _replace(file, content, durable=True)
    sync(file.parent)


def keep_spare(file: Path) -> None:
    """Own the space of a second `file` beside it, so that a `replace` needs none: to be called after the first one.

    Where the disk is full, there is none, or one that is too small. OSError for any other reason. While spares are in
    use, a reader that is overtaken by two replaces may see a part after all: the first one's file is written over.
    """
    spare = _spare_of(file)
    try:
        fd = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            space.own(fd, file.stat().st_size + GROWTH_BYTES)
        finally:
            os.close(fd)
    except OSError as error:
        if not space.is_full(error):
            raise


def sync(path: Path) -> None:
    """Have what was written to the file, or the names in the folder, on disk. OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_unfinished(file: Path) -> None:
    """Remove what a process left that was killed before its new content was `file`. OSError."""
    _temporary_of(file).unlink(missing_ok=True)


def _replace(file: Path, content: bytes, *, durable: bool) -> None:
    temporary = _temporary_of(file)
    try:
        _write(temporary, content, os.O_TRUNC, durable=durable)
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        spare = _spare_of(file)
        if not space.is_full(error) or not spare.exists():
            raise
        _write(spare, content, 0, durable=durable)
        _exchange(spare, file)
        keep_spare(file)  # what was `file` has what its content took, and no more


def _temporary_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.new")


def _spare_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.spare")


def _write(file: Path, content: bytes, flag: int, *, durable: bool) -> None:
    """Write it; without O_TRUNC into the space that the file has."""
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | flag | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as stream:
        stream.write(content)
        stream.flush()
        stream.truncate()
        if durable:
            os.fsync(fd)


def _exchange(spare: Path, file: Path) -> None:
    """Let the two change names, in one step: what `file` was keeps its space, and is the next spare."""
    if not file.exists() or _libc.renameat2(AT_FDCWD, bytes(spare), AT_FDCWD, bytes(file), EXCHANGE):
        spare.replace(file)  # nothing to change names with, or a file system that doesn't know how
