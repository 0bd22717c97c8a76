"""Shows the service manager's watchdog life for as long as the core gets on, or is being started again.

It only looks and tells. The supervisor ends a process that hangs alone long before; the watchdog is for what the
supervisor can't end, itself included, and for a core that lives and does nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from lockstep.core.venue import progress
from lockstep.core.venue.venue import Venue
from lockstep.procs.supervisor.notify import Notifier

# Longer than any start, or restart, goes without moving a figure: snapshots are read, queues and memory made.
RESTART_S = 600.0
STALL_HEARTBEATS = 3  # times a host's longest silence: the supervisor must have had its turn before


class Pulse:
    """Signs of life. Each must be allowed: `allow` says how long they may go on without another reason.

    `clock` gives monotonic seconds.
    """

    def __init__(
        self, notifier: Notifier, heartbeat_timeout_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._notifier = notifier
        self._clock = clock
        self._stall_s = STALL_HEARTBEATS * heartbeat_timeout_s
        self._figures: tuple[int, ...] = ()
        self._until_s = 0.0
        self.allow(RESTART_S)

    def allow(self, seconds: float = RESTART_S) -> None:
        """Show life for so long from now on, whatever was allowed before."""
        self._until_s = self._clock() + seconds

    @property
    def lives(self) -> bool:
        """Whether life is shown now."""
        return self._clock() < self._until_s

    def look(self, venue: Venue, *, leads: bool, is_full: bool) -> None:
        """Allow life while the core has nothing to do, has done something since the last look, or has to wait.

        It waits for space on a full disk, and for another node to acknowledge or to lead: a restart would gain nothing.
        """
        figures = progress.figures(venue)
        if figures != self._figures or is_full or progress.waits(venue.board) or not progress.owes(venue):
            self._figures = figures
            self.allow(self._stall_s if leads else RESTART_S)

    async def run(self) -> None:
        """Show life as often as the service manager wants it; for ever."""
        while self._notifier.beat_s is not None:
            if self.lives:
                self._notifier.alive()
            await asyncio.sleep(self._notifier.beat_s)
