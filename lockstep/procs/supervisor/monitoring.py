"""Keeps the monitor running, which serves metrics and health, beside the venue's processes and never in their way.

If it ends, that is reported and it starts again, however often: the venue has not failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from lockstep.config.schema import MetricsSection
from lockstep.core.diagnostics.refusal import EXIT_REFUSED
from lockstep.procs.supervisor.child import Child
from lockstep.procs.supervisor.log import Log

PATIENCE_S = 3.0  # for the venue to become ready: until then the start has the processor to itself
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 30.0
HEALTHY_S = 60.0  # after this long the next restart is quick again
STOP_S = 2.0


class Monitoring:
    """The monitor of the venue in `data`, if `settings` ask for one. `report` gets a line each time it ends."""

    def __init__(self, settings: MetricsSection, data: Path, report: Callable[[str], None]) -> None:
        self._settings = settings
        self._data = data
        self._report = report
        self._begun = asyncio.Event()
        self._told = ""

    def begin(self) -> None:
        """The venue is ready: don't wait any longer."""
        self._begun.set()

    async def run(self) -> None:
        """Keep it running until cancelled, then end it."""
        if self._settings.port is None:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._begun.wait(), PATIENCE_S)
        delay_s = FIRST_DELAY_S
        while True:
            since_s = time.monotonic()
            self._tell(await self._run_once())
            if time.monotonic() - since_s >= HEALTHY_S:
                delay_s, self._told = FIRST_DELAY_S, ""
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LONGEST_DELAY_S)

    async def close(self, running: asyncio.Task[None]) -> None:
        """End `run`, and the process."""
        running.cancel()
        await asyncio.wait({running})

    async def _run_once(self) -> str:
        """Run a process until it ends; what to say of that."""
        ended = asyncio.Event()
        log = Log(self._data / "log" / "monitor.log")
        try:
            child = Child("monitor", self._command(), log, self._report, ended.set)
        except OSError as error:
            return f"the monitor can't be started: {error.strerror}"
        try:
            await ended.wait()
        finally:
            if child.alive:
                child.terminate()
                if not await child.wait(STOP_S):
                    await child.kill()
        if child.exit_code == EXIT_REFUSED:
            return child.last_words()
        return f"the monitor {child.fate}" + (f": {words}" if (words := child.last_words()) else "")

    def _command(self) -> tuple[str, ...]:
        settings = msgspec.json.encode(self._settings).decode()
        words = ("--data", str(self._data), "--settings", settings, "--supervisor", str(os.getpid()))
        return (sys.executable, "-m", "lockstep.procs.monitor", *words)

    def _tell(self, end: str) -> None:
        """Report how it ended, if that is news."""
        if end != self._told:
            self._report(f"{end}; the venue goes on without metrics, and they are tried again")
            self._told = end
