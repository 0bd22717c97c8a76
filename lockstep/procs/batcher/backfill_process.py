"""Has a gap between the database and the spool filled from the journal, by a process of its own.

A replay takes a core, and this process's event loop may serve clients. It never touches journal or database itself.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from lockstep.core.diagnostics.log_lines import log

LOOK_S = 0.1


class FillError(Exception):
    """The journal could not fill the database; the message says why, and what an operator can do."""


class BackfillProcess:
    """Starts `python -m lockstep.procs.batcher.backfill` for the run of `manifest`. `committed` says how far the
    journal is."""

    def __init__(self, manifest: Path, committed: Callable[[], int]) -> None:
        self._manifest = manifest
        self._committed = committed

    def __call__(self, epoch: int, born_ns: int, stopping: threading.Event) -> None:
        last_seq = self._committed()
        log.info("filling the database from the journal", last_seq=last_seq)
        command = [sys.executable, "-m", "lockstep.procs.batcher.backfill", "--manifest", str(self._manifest)]
        command += ["--epoch", str(epoch), "--born-ns", str(born_ns), "--last-seq", str(last_seq)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
            while process.poll() is None:
                if stopping.wait(LOOK_S):
                    process.terminate()
            reason = process.stdout.read().strip() if process.stdout else ""
        if process.returncode and not stopping.is_set():
            raise FillError(reason or f"filling the database ended with exit code {process.returncode}")
