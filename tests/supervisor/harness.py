"""A supervisor of stand-in hosts, for tests: what it says line by line, and which processes it has."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Queue

CONFIG = """
[venue]
data = "data"
[fix]
port = 0
[market_data]
port = 0
[journal]
segment_bytes = 65536
[rings]
ingress = 64
log = 64
events = 64
[processes]
heartbeat_timeout_s = 0.5
[[assets]]
name = "A"
scale = 2
[[assets]]
name = "B"
scale = 4
[[instruments]]
symbol = "AB"
base = "A"
quote = "B"
tick = "0.01"
lot = "0.01"
"""
PATIENCE_S = 60


class Program:
    """A running supervisor: its output line by line."""

    def __init__(self, config: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.supervisor.program", str(config), *arguments],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: Queue[str | None] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def read_until(self, pattern: str) -> str:
        """The next line that matches; fails with what was said where the program ends before."""
        said = []
        while (line := self._lines.get(timeout=PATIENCE_S)) is not None:
            said.append(line)
            if re.search(pattern, line):
                return line
        raise AssertionError(f"no line matches {pattern!r} in: {said}")

    def read_all(self) -> list[str]:
        """All that is said until the program ends."""
        return list(iter(lambda: self._lines.get(timeout=PATIENCE_S), None))

    def ready(self) -> dict[str, int]:
        """Wait until it is ready; the hosts' pids."""
        words = self.read_until("venue ready").split()
        return {name: int(pid) for name, _, pid in (word.partition("=") for word in words if "=" in word)}


Start = Callable[..., Program]


def pids(config: Path) -> dict[str, int]:
    """The process of each host now, as the supervisor lists them for its successor."""
    listed = json.loads((config.parent / "data/run/children.json").read_bytes())
    return {entry["command"].rpartition(" ")[2]: entry["pid"] for entry in listed}


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    assert set(before) == set(after)
    return {name for name, pid in before.items() if after[name] != pid}
