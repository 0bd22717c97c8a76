"""Whether a node lives, leads and takes orders, judged from one reading of it.

It decides from what it is given, and looks at nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from lockstep.core.operations.status import Reading
from lockstep.core.venue.topology import CARRIED_ROLES, role_of

LOOK_AGE_MS = 30_000  # the supervisor looks ten times a second; a restart of the core may hold it up for seconds
NO_RUN = "no run of the venue: its supervisor is about to start one, or ends"


# What stands against something, given a reading and how old a heartbeat may be (ms); nothing: it is so.
Objections = Callable[[Reading | None, int], Sequence[str]]


class Question(NamedTuple):
    """Something that is asked of a node, over HTTP and as a metric."""

    path: str
    gauge: str
    meaning: str
    objections: Objections


def against_living(reading: Reading | None, _oldest_ms: int) -> list[str]:
    """That this is asked shows that the supervisor lives: its end ends who answers. So does it see the processes?"""
    if reading is None or reading.supervisor is None:
        return []
    age_ms = reading.supervisor.look_age_ms
    return [f"the supervisor has not looked at its processes for {age_ms / 1000:.0f} s"] if age_ms > LOOK_AGE_MS else []


def against_leading(reading: Reading | None, oldest_ms: int) -> list[str]:
    """A node that replays, follows another one as its secondary, stops, or whose core is down does not lead."""
    if reading is None:
        return [NO_RUN]
    found = against_living(reading, oldest_ms)
    if reading.supervisor is not None and reading.supervisor.state == "stopping":
        found.append("the venue stops")
    if reading.epoch == 0:
        found.append("this node does not lead: it replays its journal, or follows another node")
    elif reading.lease is not None and not reading.lease.left_s:
        found.append(f"this node has no lease, and releases nothing: {reading.lease.trouble or 'it is about to ask'}")
    elif reading.node is not None and reading.node.fenced:
        found.append("another node leads: this one releases nothing")
    elif reading.node is not None and reading.node.lapsed:
        found.append("this node was stopped for a while, and asks the other one whether that leads by now")
    for agent in reading.agents:
        if role_of(agent.name) in CARRIED_ROLES:
            if agent.state != "running":
                found.append(f"{agent.name} is {agent.state}")
            elif agent.heartbeat_age_ms > oldest_ms:
                found.append(f"{agent.name} has shown no heartbeat for {agent.heartbeat_age_ms / 1000:.1f} s")
    return found


def against_readiness(reading: Reading | None, oldest_ms: int) -> list[str]:
    """It takes orders where it leads, a gateway is open, they are acknowledged, and the disk has room for them."""
    found = against_leading(reading, oldest_ms)
    if reading is None:
        return found
    if not _open_gateways(reading, oldest_ms):
        found.append("no gateway takes connections")
    if reading.stalled_ms:
        found.append(f"no order has been acknowledged for {reading.stalled_ms / 1000:.0f} s: {_awaited(reading)}")
    if reading.orders_refused:
        found.append("the disk is nearly full: new orders are refused, cancels pass")
    return found


def _awaited(reading: Reading) -> str:
    """What the commits of a node that leads wait for, and what its operator can do."""
    if reading.node is None or not reading.node.waits:
        return "the journal's disk does not take the log"
    return (
        f"commits wait for node {reading.node.peer.name or 'unknown'}, which acknowledges nothing: start it, or, if it "
        'is off for sure, lockstep failover --peer-is-off "WHO, HOW" here'
    )


def against_gateway(number: int, reading: Reading | None, oldest_ms: int) -> list[str]:
    """One of several gateways takes its sessions' orders where the node leads, and it is open."""
    found = against_leading(reading, oldest_ms)
    if reading is not None and f"gateway.{number}" not in _open_gateways(reading, oldest_ms):
        found.append(f"gateway.{number} takes no connections")
    return found


def _open_gateways(reading: Reading, oldest_ms: int) -> set[str]:
    alive = {agent.name for agent in reading.agents if agent.heartbeat_age_ms <= oldest_ms}
    return {each.gateway for each in reading.gateways if each.is_open and each.gateway in alive}


QUESTIONS = (
    Question("/health/live", "lockstep_live", "the supervisor sees its processes", against_living),
    Question("/health/ready", "lockstep_ready", "the node takes orders now", against_readiness),
    Question("/health/leader", "lockstep_leader", "the node leads", against_leading),
)
