"""Reports what is wrong with the witness, and when all is well again.

It asks no etcd: the witness's process says how it is, and goes on by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from lockstep.procs.supervisor.alerts import Alerts
from lockstep.procs.witness import report

LOOK_S = 0.5


class LeaseWatch:
    """The lease of the node in `data`. `say` gets a line for each change, and so does `alerts`."""

    def __init__(self, data: Path, say: Callable[[str], None], alerts: Alerts) -> None:
        self._data = data
        self._say = say
        self._alerts = alerts
        self._told = ""
        self._looked_s = 0.0

    def tick(self) -> None:
        """Report a change."""
        if time.monotonic() - self._looked_s < LOOK_S:
            return
        self._looked_s = time.monotonic()
        trouble = report.of(self._data).trouble
        if trouble == self._told:
            return
        self._told = trouble
        self._say(f"the witness: {trouble}" if trouble else "the witness: all is well again")
        self._alerts.tell("witness_trouble" if trouble else "witness_well", trouble or "the witness answers again")
