"""Puts results into the page that explains them, between the row's own marks, and names the machine.

It changes nothing else in the page, and leaves rows that were not measured as they are.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

Result = Mapping[str, object]


def conditions() -> str:
    """The machine in one line: only figures of the same one can be compared."""
    match = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    processor = match[1] if match else platform.machine()
    cores = len(os.sched_getaffinity(0))
    return f"{processor}, {cores} cores, Linux {platform.release()}, Python {platform.python_version()}"


def shown(result: Result) -> str:
    """A figure as it is printed: whole ones without a point."""
    value = result["value"]
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def update(page: Path, results: Sequence[Result]) -> None:
    """Replace the figures of each measured row that the page has marks for: `<!-- ROW -->` and `<!-- /ROW -->`."""
    text = page.read_text()
    for row in dict.fromkeys(str(result["row"]) for result in results):
        table = _table([result for result in results if result["row"] == row])
        marks = re.compile(rf"(<!-- {re.escape(row)} -->\n).*?(<!-- /{re.escape(row)} -->)", re.DOTALL)
        text = marks.sub(lambda found, table=table: f"{found[1]}{table}{found[2]}", text)  # type: ignore[misc]
    page.write_text(text)


def _table(results: Sequence[Result]) -> str:
    lines = [f"{datetime.now(UTC):%Y-%m-%d}, {conditions()}.", "", "| what | figure |", "| --- | --- |"]
    lines += [f"| {result['what']} | {shown(result)} {result['unit']} |" for result in results]
    return "\n".join(lines) + "\n"
