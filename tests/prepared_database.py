"""A database with the tables and no rows, made once for all tests of a process: a start that finds it is quicker.

First starts, which make their own, are tested by tests/pipeline/test_demo_day.py and tests/batcher/test_database.py.
"""

from __future__ import annotations

import subprocess
import tempfile
from functools import cache
from pathlib import Path

from lockstep.procs.batcher.database import Embedded, migrate


def prepare(data: Path) -> None:
    """Put the stopped server's folder into a venue's data folder that has none."""
    data.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", Path(_made().name) / "postgres", data / "postgres"], check=True)


@cache
def _made() -> tempfile.TemporaryDirectory[str]:
    """Not pytest's own folder: that is closed to the user as whom a server runs when we are root."""
    folder = tempfile.TemporaryDirectory(prefix="lockstep-test-")
    server = Embedded(Path(folder.name))
    server.start()
    migrate(server.url)
    server.stop()
    return folder
