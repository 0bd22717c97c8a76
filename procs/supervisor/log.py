"""A host's log on disk: what it writes to its standard output and error, bounded by rotation.

It keeps lines as they come (JSON from the hosts themselves, plain text from the interpreter); it never interprets them
but for their level.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

import msgspec

MAX_BYTES = 16 * 2**20  # of one file
KEPT_FILES = 4  # host.log and host.log.1 … .3
TAIL_LINES = 20
MAX_LINE_BYTES = 65536  # a longer one is cut into several
ERROR_LEVELS = ("error", "critical")


class Log:
    """Appends lines to `file` and rotates it. `tail` holds the last lines, for whoever explains a death."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = file
        self._stream = file.open("ab", buffering=0)
        self._rest = b""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

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
        self._stream.close()

    def _line(self, line: bytes) -> str | None:
        if self._stream.tell() + len(line) >= MAX_BYTES:
            self._rotate()
        self._stream.write(line + b"\n")
        text = line.decode("utf-8", "replace")
        self.tail.append(text)
        return error_of(text)

    def _rotate(self) -> None:
        self._stream.close()
        for number in range(KEPT_FILES - 1, 0, -1):
            older = self._file.with_name(f"{self._file.name}.{number}")
            newer = self._file.with_name(f"{self._file.name}.{number - 1}") if number > 1 else self._file
            if newer.exists():
                newer.replace(older)
        self._stream = self._file.open("ab", buffering=0)


def error_of(line: str) -> str | None:
    """The first line of an error's text, where `line` is a JSON log line with a level of error or worse."""
    if not line.startswith("{"):
        return None
    try:
        entry = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    if not isinstance(entry, dict) or entry.get("level") not in ERROR_LEVELS:
        return None
    return (str(entry.get("event", "")).splitlines() or ["an error without a text"])[0]
