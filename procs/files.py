"""Files that are replaced as a whole: whoever reads one sees the old content or the new, never a part.

It knows nothing of what is in them; every file is its owner's alone (mode 0600).
"""

from __future__ import annotations

import os
from pathlib import Path


def replace(file: Path, content: bytes) -> None:
    """Put `content` into `file`, for as long as the machine runs: nothing is synced. OSError."""
    _write_beside(file, content, durable=False).replace(file)


def replace_durably(file: Path, content: bytes) -> None:
    """Put `content` into `file`: on disk when this returns; a loss of power before leaves old or new. OSError."""
    _write_beside(file, content, durable=True).replace(file)
    sync(file.parent)


def sync(path: Path) -> None:
    """Have what was written to the file, or the names in the folder, on disk. OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_beside(file: Path, content: bytes, *, durable: bool) -> Path:
    temporary = file.with_name(f"{file.name}.new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as stream:
        stream.write(content)
        stream.flush()
        if durable:
            os.fsync(fd)
    return temporary
