"""Where the supervisor says what happens: the terminal, and a log of its own, like those of its processes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from lockstep.procs.supervisor.log import Log
from lockstep.procs.supervisor.run import Run

NAME = "supervisor"


class Console(Protocol):
    """A terminal, or what stands in for one."""

    def line(self, text: str) -> None: ...
    def ready(self, run: Run, took_s: float) -> None: ...


class LoggedConsole:
    """A console whose lines are kept in `data`, too, once `open` was called: `lockstep logs` shows them."""

    def __init__(self, console: Console, data: Path) -> None:
        self._console = console
        self._file = data / "log" / f"{NAME}.log"
        self._log: Log | None = None

    def open(self) -> None:
        """Begin to log; the caller holds the lock of the data folder."""
        self._log = Log(self._file)

    def close(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None

    def line(self, text: str) -> None:
        """Say what a healthy venue does."""
        self._keep("info", text)
        self._console.line(text)

    def warning(self, text: str) -> None:
        """Say what needs attention."""
        self._keep("warning", text)
        self._console.line(text)

    def ready(self, run: Run, took_s: float) -> None:
        """Say that the venue is ready, and where."""
        self._keep("info", f"venue ready after {took_s:.1f} s")
        self._console.ready(run, took_s)

    def _keep(self, level: str, text: str) -> None:
        if self._log is None:
            return
        moment = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        entry = {"event": text, "level": level, "timestamp": moment}
        self._log.feed(json.dumps(entry).encode() + b"\n")
