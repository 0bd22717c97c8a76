"""What code under test logs, read back from the lines that it writes."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from typing import Any


class _Lines(io.TextIOBase):
    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def write(self, text: str) -> int:
        self.entries += map(json.loads, text.splitlines())
        return len(text)


@contextlib.contextmanager
def captured() -> Iterator[list[dict[str, Any]]]:
    """The entries that are logged during the block, as they come."""
    lines = _Lines()
    with contextlib.redirect_stderr(lines):
        yield lines.entries
