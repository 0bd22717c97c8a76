"""Runs the benchmark's rows, prints them as one table, and writes them to var/bench.json and into docs/benchmarks.md.

python -m bench [ROW …]
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import report

ROWS = (
    "ring", "journal", "matcher-w1", "core-w1", "growth", "replay", "fix", "telling", "fanout", "rest", "ws-api",
    "user-stream", "api", "page", "backup", "batcher", "history", "behind", "replication", "failover",
)  # fmt: skip
OUT = Path("var/bench.json")
PAGE = Path("docs/benchmarks.md")


def main() -> None:
    """Run the rows named on the command line, or all. Exits with 2 if there is no such row."""
    wanted = sys.argv[1:] or list(ROWS)
    unknown = [row for row in wanted if row not in ROWS]
    if unknown:
        sys.exit(f"there is no row {', '.join(unknown)}; the rows are {', '.join(ROWS)}")
    console = Console()
    results: list[dict[str, object]] = []
    for row in wanted:
        console.print(f"[dim]measuring {row} …[/dim]")
        results += importlib.import_module(f"bench.{row.replace('-', '_')}").run()
    table = Table(title=report.conditions())
    for column, justify in (("row", "left"), ("value", "right"), ("unit", "left"), ("what", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for result in results:
        table.add_row(str(result["row"]), report.shown(result), str(result["unit"]), str(result["what"]))
    console.print(table)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(results, indent=2) + "\n")
    report.update(PAGE, results)
    console.print(f"written to {OUT} and {PAGE}")


if __name__ == "__main__":
    main()
