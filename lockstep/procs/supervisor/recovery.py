"""Decides what starts again after a death: one host, the core together, or the venue as a whole.

It counts and computes; it never waits and reads no clock.
"""

from __future__ import annotations

from enum import Enum

from lockstep.core.venue.topology import Host, Topology
from lockstep.procs.supervisor.backoff import FIRST_DELAY_S, HEALTHY_S, LONGEST_DELAY_S

FULL_DELAY_S = 1.0  # while the disk is full: a host that dies of that is tried until there is space
# Of one host, or of the core, without a healthy minute between: then the whole venue starts again. A downstream host
# may die more often: its deaths affect nothing else.
MAX_RESTARTS = 5
MAX_COUNTED = 32  # deaths: by then the delay is at its longest


class Way(Enum):
    """What starts again."""

    ALONE = "it"
    CORE = "the core"
    WHOLE = "the venue"


class Recovery:
    """The restarts of one run, which was ready once. `led` says whether the core has led since it last started."""

    def __init__(self, topology: Topology, longest_delay_s: float = LONGEST_DELAY_S) -> None:
        self._core = topology.core
        self._longest_delay_s = longest_delay_s
        self._deaths: dict[Way | str, list[float]] = {}

    def after(self, host: Host, now_s: float, *, led: bool, full: bool = False) -> tuple[Way, float]:
        """The way back after `host` died at `now_s` (monotonic), and the delay in seconds before it.

        A core that dies again before it led would die for ever: the whole venue starts again, and gives up in time.
        Deaths while the disk is `full` do not count.
        """
        way = Way.CORE if host in self._core else Way.ALONE
        if full:
            return way, FULL_DELAY_S
        if way is Way.CORE and not led:
            return Way.WHOLE, 0.0
        deaths = self._deaths.setdefault(way if way is Way.CORE else host.name, [])
        if deaths and now_s - deaths[-1] >= HEALTHY_S:
            deaths.clear()
        deaths.append(now_s)
        del deaths[:-MAX_COUNTED]
        if len(deaths) > MAX_RESTARTS and not host.is_downstream:
            return Way.WHOLE, 0.0
        return way, min(FIRST_DELAY_S * 2.0 ** (len(deaths) - 1), self._longest_delay_s)
