"""What a process says of itself: a line of JSON on standard error, which the supervisor keeps; words on a terminal.

It keeps and filters nothing. Every process imports it, so it imports next to nothing itself.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any


class Log:
    """Writes lines of three levels. An event is a short text, always the same; what varies stands in `fields`."""

    def info(self, event: str, **fields: Any) -> None:
        _write("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        _write("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """The supervisor shows such a line at once."""
        _write("error", event, fields)


log = Log()


def _write(level: str, event: str, fields: dict[str, Any]) -> None:
    if sys.stderr.isatty():
        line = " ".join((f"{level}: {event}", *(f"{name}={value}" for name, value in fields.items())))
    else:
        timestamp = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        line = json.dumps({**fields, "event": event, "level": level, "timestamp": timestamp}, default=repr)
    # In one piece: threads of a host write too.
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
