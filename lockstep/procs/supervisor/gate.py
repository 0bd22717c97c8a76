"""Decides which downstream hosts have kept an event ring full for too long, and which gateways hang there.

It looks and counts; ending them and taking them out of the gate is the run's work.
"""

from __future__ import annotations

from typing import NamedTuple

from lockstep.core.venue.topology import Host, Topology, role_of
from lockstep.core.venue.venue import Venue
from lockstep.shm.ring import Ring

LOOK_S = 0.02
FULL_S = 0.2  # the longest that trading waits for a downstream host
BURST_S = 1.0  # or for one that takes a good part of a ring in each FULL_S: it is emptying what one large match made
BURST_PART = 2
HUNG_S = 2.0  # and for one of several gateways, which may be at its disk, while it takes nothing at all
# A ring counts as full when at most this part of it is free, or no more slots than a producer asks for at once.
FULL_PART = 8
FULL_SLOTS = 32


class Stall(NamedTuple):
    """A host that holds trading up, and the ring that it does not empty."""

    host: Host
    ring: str


class Waiting(NamedTuple):
    """For how long a ring has waited for an agent: since it last showed progress, at `seq`, and in all."""

    full_s: float
    seq: int
    all_s: float


class Gate:
    """Finds who keeps the event rings of `topology` full. `look` is called every LOOK_S while the venue leads."""

    def __init__(self, topology: Topology) -> None:
        downstream = {agent: host for host in topology.hosts if host.is_downstream for agent in host.agents}
        self._downstream = downstream
        self._rings = [ring.name for ring in topology.rings if ring.events_of is not None]
        self._waiting: dict[tuple[str, str], Waiting] = {}
        self._looked_s: float | None = None

    def look(self, venue: Venue, now_s: float) -> list[Stall]:
        """The hosts whose time is over. A longer pause between two looks (the machine slept) counts as two LOOK_S."""
        since_s = 0.0 if self._looked_s is None else min(now_s - self._looked_s, 2 * LOOK_S)
        self._looked_s = now_s
        found: dict[str, Stall] = {}
        before, self._waiting = self._waiting, {}
        for name in self._rings:
            waiting = {
                agent: self._wait(before.get((name, agent)), agent, seq, since_s, venue.ring(name).capacity)
                for agent, seq in self._holding(venue.ring(name)).items()
            }
            patient = [agent for agent, each in waiting.items() if _is_gateway(agent) and each.full_s < HUNG_S]
            for agent in patient or waiting:  # like anyone whom trading needs, it keeps the others' time from running
                self._waiting[name, agent] = waiting[agent]
                if not patient and waiting[agent].full_s >= FULL_S:
                    host = self._downstream[agent]
                    found[host.name] = Stall(host, name)
        return list(found.values())

    def _wait(self, before: Waiting | None, agent: str, seq: int, since_s: float, capacity: int) -> Waiting:
        """Count a gateway's time while it reads nothing: one that still reads is only slower than its clients.

        That of others begins again, for a while, whenever they have taken a good part of the ring.
        """
        if before is None or (_is_gateway(agent) and seq != before.seq):
            return Waiting(since_s, seq, since_s)
        all_s = before.all_s + since_s
        if seq - before.seq >= capacity // BURST_PART and all_s < BURST_S:
            return Waiting(since_s, seq, all_s)
        return Waiting(before.full_s + since_s, before.seq, all_s)

    def _holding(self, ring: Ring) -> dict[str, int]:
        """The downstream agents that a full ring waits for, and how far they have read; none while it also waits for
        one that trading needs."""
        left = ring.left()
        full_from = ring.published - ring.capacity + max(ring.capacity // FULL_PART, FULL_SLOTS)
        holding = {agent: seq for agent, seq in ring.cursors().items() if seq <= full_from and agent not in left}
        return holding if all(agent in self._downstream for agent in holding) else {}


def _is_gateway(agent: str) -> bool:
    return role_of(agent) == "gateway"
