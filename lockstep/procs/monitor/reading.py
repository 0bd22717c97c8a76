"""What a running venue is doing, read from its shared memory and small files: for `lockstep status` and for metrics.

It only looks: it gates no ring, rings no bell, asks no process and no database.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from lockstep.core.files import space
from lockstep.core.host.procfs import core_of, identify
from lockstep.core.operations.status import (
    AgentStatus,
    ConsumerStatus,
    GatewayStatus,
    HostStatus,
    LeaseStatus,
    NodeStatus,
    PeerStatus,
    Reading,
    RingStatus,
    SnapshotStatus,
    SupervisorStatus,
)
from lockstep.core.recovery import snapshot_catalog
from lockstep.core.venue import database_trouble, node
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import SUPERVISOR_SLOT, Host
from lockstep.core.venue.venue import Venue
from lockstep.procs.replicator import link_report
from lockstep.procs.replicator.handshake import LINKED, LinkState
from lockstep.procs.replicator.link_report import LinkReport
from lockstep.procs.replicator.transport import show_address
from lockstep.procs.supervisor.run import restarts_of
from lockstep.procs.witness import report as lease_report
from lockstep.procs.witness.report import boottime_ns
from lockstep.shm.board import Word

STATES = {0: "unknown", 1: "starting", 2: "running", 3: "stopping"}


def read(venue: Venue, rates: Mapping[str, int] | None = None) -> Reading:
    """Look at the venue once. `rates` are records a second by agent and ring, where its caller has looked before."""
    board, restarts, wrong = venue.board, _restarts(venue.data), database_trouble.of(venue.data)
    per_s = rates or {}
    left = venue.left()
    agents = [_agent(venue, agent, per_s.get(agent, 0), left.get(agent)) for agent in venue.topology.agents]
    # What follows is read first: the end of the log can't be behind a commit that was read before it.
    database, acked = board.get(Word.DATABASE_SEQ), board.get(Word.ACKED_SEQ)
    commit = board.commit_position()
    durable = board.get(Word.DURABLE_SEQ)
    end = board.get(Word.LOG_END)
    role, trouble = _role(venue)
    follows = role.is_secondary and board.get(Word.LINK) != LinkState.STARTING
    return Reading(
        venue=venue.config.venue.name,
        data=str(venue.data),
        running=(board.get(Word.EPOCH) > 0 or follows) and all(agent.state == "running" for agent in agents),
        boot_id=venue.boot_id,
        epoch=board.get(Word.EPOCH),
        generation=board.get(Word.GENERATION),
        snapshot=_snapshot(venue.data),
        log_end=end,
        durable=durable,
        commit=commit,
        commit_lag=max(0, end - commit),
        acked=acked,
        database=database,
        database_lag=max(0, commit - database),
        spool_bytes=board.get(Word.SPOOLED),
        disk_free_bytes=space.free_bytes(venue.data),
        orders_refused=board.get(Word.JOURNAL_FULL) != 0,
        stalled_ms=_age_ms(stalled_ns) if (stalled_ns := board.get(Word.STALLED_NS)) else 0,
        supervisor=_supervisor(venue),
        hosts=[_host(venue, host, restarts.get(host.name, 0)) for host in venue.topology.hosts],
        agents=agents,
        rings=[_ring(venue, spec.name, per_s.get(spec.name, 0)) for spec in venue.topology.rings],
        gateways=[_gateway(venue, agent) for agent in agents if agent.name in venue.topology.gateways],
        loader_problem=wrong.reason,
        loader_problem_since=_utc(wrong.since_ns) if wrong.reason else None,
        node=_node(venue, role, trouble, end),
        lease=_lease(venue),
        clock_offset_s=round((venue.now_ns() + board.get(Word.LOG_AHEAD_NS) - time.time_ns()) / 1e9, 3),
    )


def _lease(venue: Venue) -> LeaseStatus | None:
    if "witness" not in venue.topology.agents:
        return None
    said = lease_report.of(venue.data)
    left_s = (venue.board.get(Word.LEASE_UNTIL) - boottime_ns()) / 1e9
    return LeaseStatus(max(0.0, round(left_s, 3)), said.leader, list(said.members), said.trouble)


def _role(venue: Venue) -> tuple[Node, str]:
    """The node's role, and what is wrong with its file; the run goes on as what it began as."""
    try:
        return node.load(venue.data), ""
    except node.RoleError as error:
        return venue.node, str(error)


def _node(venue: Venue, role: Node, trouble: str, end: int) -> NodeStatus | None:
    board, name = venue.board, venue.config.replication.node
    if name is None:
        return None
    told = link_report.read(venue.data) or LinkReport("", "")
    link = LinkState(board.get(Word.LINK))
    known = max(end, board.get(Word.PEER_SEQ))
    behind = max(0, known - (end if role.is_secondary else board.get(Word.ACKED_SEQ)))
    return NodeStatus(
        name=name,
        role=role.role,
        members=list(role.members),
        peer=_peer(venue, role, told),
        link=link.name.lower(),
        why="; ".join(each for each in (trouble, told.why) if each),
        behind=behind,
        behind_ms=_behind_ms(venue, whole=behind == 0 and (not role.is_secondary or link in LINKED)),
        waits=board.get(Word.COMMIT_BY) == Word.ACKED_SEQ,
        fenced=board.get(Word.FENCED) != 0,
        lapsed="witness" not in venue.topology.agents and 0 < board.get(Word.LEASE_UNTIL) <= boottime_ns(),
        compared=board.get(Word.COMPARED),
        differs=board.get(Word.DIFFERS),
    )


def _peer(venue: Venue, role: Node, told: LinkReport) -> PeerStatus:
    section = venue.config.replication
    others = [member for member in role.members if member != section.node]
    return PeerStatus(
        name=told.peer or next(iter(others), ""),
        address=show_address(section.peer_address, section.peer_port),
        role="primary" if role.is_secondary else "secondary",
        epoch=told.epoch if role.is_secondary else 0,
        seq=venue.board.get(Word.PEER_SEQ),
    )


def _behind_ms(venue: Venue, *, whole: bool) -> int | None:
    """How long ago there was no more than the secondary has now: 0 if it is `whole`, and heard of."""
    if whole:
        return 0
    whole_ns = venue.board.get(Word.WHOLE_NS)
    return max(0, venue.now_ns() - whole_ns) // 1_000_000 if whole_ns else None


def counts(venue: Venue) -> dict[str, int]:
    """What each agent has handled and each ring has seen so far: of two such looks, the rates."""
    found = {spec.name: venue.ring(spec.name).published for spec in venue.topology.rings}
    for slot, agent in enumerate(venue.topology.agents):
        health = venue.board.health(slot)
        found[agent] = health["work"] if health else 0
    return found


def _restarts(data: Path) -> dict[str, int]:
    try:
        return msgspec.json.decode(restarts_of(data).read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        return {}


def _snapshot(data: Path) -> SnapshotStatus | None:
    known = snapshot_catalog.entries(data)
    if not known:
        return None
    newest = known[-1]
    age_s = max(0, round(time.time() - newest.saved_ns / 1e9))
    return SnapshotStatus(newest.seq, newest.size, _utc(newest.saved_ns), age_s, newest.saved_ns)


def _supervisor(venue: Venue) -> SupervisorStatus | None:
    health = venue.board.health(SUPERVISOR_SLOT)
    if health is None:
        return None
    return SupervisorStatus(health["pid"], STATES.get(health["state"], "unknown"), _age_ms(health["heartbeat_ns"]))


def _host(venue: Venue, host: Host, restarts: int) -> HostStatus:
    health = venue.board.health(venue.topology.slot_of(host.agents[0]))
    if health is None:
        return HostStatus(host.name, 0, None, host.cpu, host.agents, restarts)
    pid, started_ns = health["pid"], health["started_ns"] + venue.anchor_ns
    return HostStatus(host.name, pid, core_of(pid), host.cpu, host.agents, restarts, started_ns)


def _agent(venue: Venue, agent: str, rate: int, left_ns: int | None) -> AgentStatus:
    host = venue.topology.host_of(agent).name
    health = venue.board.health(venue.topology.slot_of(agent))
    out_since = None if left_ns is None else _utc(left_ns)
    if health is None:
        return AgentStatus(agent, host, "starting", 0, 0, 0, 0, out_since)
    state = STATES.get(health["state"], "unknown") if identify(health["pid"]) else "dead"
    age_ms = _age_ms(health["heartbeat_ns"])
    return AgentStatus(agent, host, state, age_ms, health["work"], rate, health["blocked"], out_since)


def _gateway(venue: Venue, agent: AgentStatus) -> GatewayStatus:
    shown = venue.board.counts(int(agent.name.partition(".")[2]) - 1)
    lives = agent.state == "running"
    return GatewayStatus(
        agent.name,
        lives and bool(shown["is_open"]),
        shown["connections"] if lives else 0,
        shown["sessions"] if lives else 0,
        shown["open_orders"],
        *shown["refused"],
    )


def _ring(venue: Venue, name: str, rate: int) -> RingStatus:
    ring = venue.ring(name)
    # Cursors first: a consumer can't be ahead of what was published later.
    left, cursors = ring.left(), ring.cursors()
    published = ring.published
    # Nothing of the ring is kept for who is out of its gate.
    waiting = [ConsumerStatus(consumer, published - seq) for consumer, seq in cursors.items() if consumer not in left]
    fill = max((each.waiting for each in waiting), default=0) / ring.capacity
    return RingStatus(name, ring.capacity, published, rate, round(fill, 4), waiting)


def _age_ms(heartbeat_ns: int) -> int:
    return max(0, time.monotonic_ns() - heartbeat_ns) // 1_000_000


def _utc(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S}"
