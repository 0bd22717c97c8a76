"""A copy of the venue on its way to the other node: a process of its own makes it, and the link carries it.

It is what `lockstep backup` copies, at a bounded rate and behind all others; nothing here looks into it.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from lockstep.procs.replicator.handshake import LinkError, Refusal
from lockstep.procs.replicator.shipper import Shipper

MAKER = "lockstep.cli.backup.sending"  # started, not imported: it is a command's, above all that a venue runs
PIPE_BYTES = 1 << 20


class Copying:
    """Starts the process for the run of `manifest`; `move` has `shipper` send what it writes. OSError."""

    def __init__(self, manifest: Path) -> None:
        self.is_whole = False
        self._is_full = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", MAKER, "--manifest", str(manifest)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        assert self._process.stdout is not None
        self._pipe = self._process.stdout.fileno()
        fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(self._pipe, False)

    def fileno(self) -> int:
        """For whoever waits until there is something to send."""
        return self._pipe

    @property
    def waits(self) -> bool:
        """Whether there may be something to send, and room for it: else the peer's next word brings room."""
        return not self._is_full and not self.is_whole

    def move(self, shipper: Shipper, now_ns: int) -> int:
        """Send what there is, as far as there is room; how many bytes. LinkError where the copy can't be made."""
        moved, size = 0, 1
        while size > 0 and not self.is_whole:
            try:
                size = shipper.copy(now_ns, self._pipe)
            except BlockingIOError:
                size = 0
            else:
                if size == 0:
                    self._check()
                    self.is_whole = shipper.tell_copied(now_ns)
                moved += max(size, 0)
        self._is_full = size < 0
        return moved

    def close(self) -> None:
        """End the process, if it has not ended."""
        self._process.kill()
        self._process.communicate()

    def _check(self) -> None:
        assert self._process.stderr is not None
        words = self._process.stderr.read().decode(errors="replace").strip()
        if self._process.wait():
            reason = words.splitlines()[-1] if words else f"its process ended with {self._process.returncode}"
            raise LinkError(Refusal.NOT_COPIED, f"the venue can't be copied: {reason}")
