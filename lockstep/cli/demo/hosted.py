"""A venue that `lockstep demo --run` runs: a child in a session of its own, which Ctrl-C does not reach, so that its
market ends before it; it stops in order if its parent is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from lockstep.cli.begin import make
from lockstep.config.schema import Config
from lockstep.core.venue.parent_death import tied


class HostedVenue:
    """`lockstep run` of a demo, which begins in an empty folder, with what it prints on this terminal."""

    def __init__(self, config: Path, loaded: Config) -> None:
        make(loaded, if_none=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lockstep", "run", str(config)],
            start_new_session=True,
            preexec_fn=tied(),
        )

    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self._process.poll() is not None

    def stop(self) -> bool:
        """Stop it, and wait for that. Whether it stopped in order, or before it had begun."""
        if not self.has_ended():
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait() in (0, -signal.SIGTERM)
