"""A host's log on disk: what it writes to its standard output and error, bounded by rotation.

It keeps lines as they come (JSON from the hosts themselves, plain text from the interpreter), and reads no more of them
than their level.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections import deque
from pathlib import Path

import msgspec

from lockstep.core.files import space

MAX_BYTES = 16 * 2**20  # of one file
KEPT_FILES = 4  # host.log and host.log.1 … .3
TAIL_LINES = 20
MAX_LINE_BYTES = 65536  # a longer one is cut into several
ERROR_LEVELS = ("error", "critical")


class Log:
    """Appends lines to `file` and rotates it. `tail` holds the last lines, to explain a death.

    Lines that the disk refuses are left out and counted, so that nothing dies of logging. Once there is space again, a
    line says how many are missing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._fd = -1
        self._size = self._owned = 0
        self._rest = b""
        self.dropped = 0
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        with contextlib.suppress(OSError):
            self._open()

    def feed(self, data: bytes) -> list[str]:
        """Take what a host wrote; returns the errors among the lines that it completes, each as one line of text."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MAX_LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        return [error for line in lines if (error := self._line(line))]

    def close(self) -> None:
        """Write what is left of an unfinished line, and close the file."""
        if self._rest:
            self._line(self._rest)
            self._rest = b""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _line(self, line: bytes) -> str | None:
        text = line.decode("utf-8", "replace")
        self.tail.append(text)
        try:
            missing = f"{self.dropped} lines are missing here: the disk was full\n".encode() if self.dropped else b""
            self._write(missing + line + b"\n")
            self.dropped = 0
        except OSError:
            self.dropped += 1
        return error_of(text)

    def _write(self, line: bytes) -> None:
        """Append a whole line, or none of it: OSError."""
        if self._size and self._size + len(line) > MAX_BYTES:
            self._rotate()
        if self._fd < 0:
            self._open()
        if self._size + len(line) > self._owned:
            self._own()
        if os.pwrite(self._fd, line, self._size) != len(line):
            os.ftruncate(self._fd, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._file))
        self._size += len(line)

    def _open(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fd = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size
        self._owned = 0

    def _own(self) -> None:
        """Own space ahead of the end, so that the log goes on while the disk is full."""
        with contextlib.suppress(OSError):
            space.own(self._fd, self._size + space.LOG_BYTES)
            self._owned = self._size + space.LOG_BYTES

    def _rotate(self) -> None:
        os.close(self._fd)
        self._fd, self._size = -1, 0
        for number in range(KEPT_FILES - 1, 0, -1):
            older = self._file.with_name(f"{self._file.name}.{number}")
            newer = self._file.with_name(f"{self._file.name}.{number - 1}") if number > 1 else self._file
            if newer.exists():
                newer.replace(older)


def error_of(line: str) -> str | None:
    """The first line of an error's text, where `line` is a JSON log line with a level of error or worse."""
    if not line.startswith("{"):
        return None
    try:
        entry = msgspec.json.decode(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or entry.get("level") not in ERROR_LEVELS:
        return None
    return (str(entry.get("event", "")).splitlines() or ["an error without a text"])[0]
