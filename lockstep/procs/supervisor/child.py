"""One host process as its supervisor sees it: started by exec, its output logged, its death noticed, its end awaited.

It does not know what the host does; its caller decides what a death means.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lockstep.procs.supervisor.log import Log

ROOT = Path(__file__).resolve().parents[3]  # hosts start here, so that they find the same code that runs the supervisor
READ_BYTES = 65536
REAP_TIMEOUT_S = 10.0
LAST_WORDS_S = 2.0  # before its end: what it wrote earlier is not about that


class Child:
    """A running host. `report` gets each error that it logs, as one line; `died` is called once, when it has ended."""

    def __init__(
        self, name: str, command: Sequence[str], log: Log, report: Callable[[str], None], died: Callable[[], None]
    ) -> None:
        self.name = name
        self.log = log
        self._wrote_s = self._ended_s = 0.0
        self._ended = asyncio.Event()
        self._report = report
        self._tell_death = died
        self._loop = asyncio.get_running_loop()
        # A session of its own: a terminal's Ctrl-C reaches the supervisor alone, which then stops the hosts in order.
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._process.pid
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        os.set_blocking(self._output, False)
        self._loop.add_reader(self._output, self._read)
        self._pidfd = os.pidfd_open(self.pid)
        self._loop.add_reader(self._pidfd, self._died)

    @property
    def fate(self) -> str:
        """How it ended, in words; for a child that has ended."""
        code = self._process.returncode
        if code is None:
            return "is alive"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    @property
    def exit_code(self) -> int | None:
        """0 if it ended as asked, below 0 the signal that ended it, None while it lives."""
        return self._process.returncode

    @property
    def alive(self) -> bool:
        return not self._ended.is_set()

    def last_words(self) -> str:
        """Return what it said of its end: its very last line, of a traceback or a refusal; "" if it said nothing.

        A log entry is none, nor is a line that it wrote long before, nor anything where it was killed.
        """
        last = next((line.strip() for line in reversed(self.log.tail) if line.strip()), "")
        is_late = self._ended_s - self._wrote_s <= LAST_WORDS_S
        was_killed = self.exit_code in (-signal.SIGKILL, -signal.SIGTERM)
        return "" if was_killed or not is_late or last.startswith("{") else last

    def terminate(self) -> None:
        """Ask it to end in order (SIGTERM); no effect if it has ended."""
        self._signal(signal.SIGTERM)

    async def wait(self, timeout_s: float) -> bool:
        """Wait for its end; False if that takes longer than `timeout_s` seconds."""
        try:
            await asyncio.wait_for(self._ended.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def kill(self) -> None:
        """SIGKILL, and reap. RuntimeError if the kernel doesn't let it go (it hangs in a device)."""
        self._signal(signal.SIGKILL)
        if not await self.wait(REAP_TIMEOUT_S):
            raise RuntimeError(f"{self.name} (process {self.pid}) does not end although it was killed")

    def _died(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self._process.wait()
        self._ended_s = time.monotonic()
        self._read()
        self._loop.remove_reader(self._output)
        assert self._process.stdout is not None
        self._process.stdout.close()
        os.close(self._pidfd)
        self.log.close()
        self._ended.set()
        self._tell_death()

    def _signal(self, number: signal.Signals) -> None:
        if self.alive:
            with contextlib.suppress(
                ProcessLookupError
            ):  # it has just ended, and will be reaped at the loop's next turn
                signal.pidfd_send_signal(self._pidfd, number)

    def _read(self) -> None:
        """Log what it wrote. A grandchild may hold the pipe open for ever, so an end of file is not waited for."""
        while True:
            try:
                data = os.read(self._output, READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._loop.remove_reader(self._output)
                return
            self._wrote_s = time.monotonic()
            for error in self.log.feed(data):
                self._report(f"{self.name}: {error}")
