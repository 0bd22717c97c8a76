"""Decides which downstream hosts have kept an event ring full for too long.

It looks and counts; ending them and taking them out of the gate is the run's work.
"""

from __future__ import annotations

from typing import NamedTuple

from procs.venue.topology import Host, Topology
from procs.venue.venue import Venue
from shm.ring import Ring

LOOK_S = 0.02
FULL_S = 0.2  # the longest that trading waits for a downstream host
# A ring counts as full when at most this part of it is free, or no more slots than a producer asks for at once.
FULL_PART = 8
FULL_SLOTS = 32


class Stall(NamedTuple):
    """A host that holds trading up, and the ring that it does not empty."""

    host: Host
    ring: str


class Gate:
    """Finds who keeps the event rings of `topology` full. `look` is called every LOOK_S while the venue leads."""

    def __init__(self, topology: Topology) -> None:
        downstream = {agent: host for host in topology.hosts if host.is_downstream for agent in host.agents}
        self._downstream = downstream
        self._rings = [ring.name for ring in topology.rings if ring.events_of is not None]
        self._full_s: dict[tuple[str, str], float] = {}
        self._looked_s: float | None = None

    def look(self, venue: Venue, now_s: float) -> list[Stall]:
        """The hosts whose time is over. A longer pause between two looks (the machine slept) counts as two LOOK_S."""
        since_s = 0.0 if self._looked_s is None else min(now_s - self._looked_s, 2 * LOOK_S)
        self._looked_s = now_s
        found: dict[str, Stall] = {}
        before, self._full_s = self._full_s, {}
        for name in self._rings:
            for agent in self._holding(venue.ring(name)):
                full_s = before.get((name, agent), 0.0) + since_s
                self._full_s[name, agent] = full_s
                if full_s >= FULL_S:
                    host = self._downstream[agent]
                    found[host.name] = Stall(host, name)
        return list(found.values())

    def _holding(self, ring: Ring) -> list[str]:
        """The downstream agents that a full ring waits for; none while it also waits for one that trading needs."""
        left = ring.left()
        full_from = ring.published - ring.capacity + max(ring.capacity // FULL_PART, FULL_SLOTS)
        holding = [agent for agent, seq in ring.cursors().items() if seq <= full_from and agent not in left]
        return holding if all(agent in self._downstream for agent in holding) else []
