"""What a process logs: a line of JSON on standard error, which the supervisor keeps; plain words on a terminal.

It is the standard library's logging with our own format, since every process imports it: it costs a start 10 ms.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO


class Log:
    """Writes lines of three levels. An event is a short, constant text; what varies is in `fields`."""

    def info(self, event: str, **fields: Any) -> None:
        _logger.info(event, extra={"fields": fields})

    def warning(self, event: str, **fields: Any) -> None:
        _logger.warning(event, extra={"fields": fields})

    def error(self, event: str, **fields: Any) -> None:
        """The supervisor shows such a line at once."""
        _logger.error(event, extra={"fields": fields})


class _Lines(logging.Formatter):
    """One line a record: `event`, `level`, `timestamp` (UTC) and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        event, level, fields = record.msg, record.levelname.lower(), vars(record)["fields"]
        if sys.stderr.isatty():
            return " ".join((f"{level}: {event}", *(f"{name}={value}" for name, value in fields.items())))
        timestamp = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
        line = {**fields, "event": event, "level": level, "timestamp": timestamp.replace("+00:00", "Z")}
        return json.dumps(line, default=repr)


class _StandardError(logging.StreamHandler[TextIO]):
    """Standard error, as it is when a line is written."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(_Lines())

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


_logger = logging.getLogger("lockstep")
_logger.setLevel(logging.INFO)
_logger.propagate = False
_logger.addHandler(_StandardError())
log = Log()
