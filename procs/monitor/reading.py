"""What a running venue is doing, read from its shared memory and small files: for `lockstep status` and for metrics.

It only looks: it gates no ring, rings no bell, asks no process and no database.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from procs.disk import space
from procs.recovery import snapshot_catalog
from procs.replicator import link_report
from procs.replicator.handshake import LinkState
from procs.replicator.link_report import LinkReport
from procs.replicator.transport import show_address
from procs.supervisor.procfs import core_of, identify
from procs.supervisor.run import restarts_of
from procs.venue import database_trouble, node
from procs.venue.node import Node
from procs.venue.topology import SUPERVISOR_SLOT, Host
from procs.venue.venue import Venue
from procs.witness import report as lease_report
from procs.witness.report import boottime_ns
from shm.board import Word

LINKED = (LinkState.CATCHING_UP, LinkState.IN_STEP)
STATES = {0: "unknown", 1: "starting", 2: "running", 3: "stopping"}


class HostStatus(Struct, frozen=True):
    """A process, the core it was last seen on and the one it is pinned to. `pid` is 0 before its first heartbeat.

    `restarts`: how often it was started again in this run. `started_ns`: when it began, by the wall clock; 0 likewise.
    """

    name: str
    pid: int
    core: int | None
    pinned_to: int | None
    agents: tuple[str, ...]
    restarts: int = 0
    started_ns: int = 0


class AgentStatus(Struct, frozen=True):
    """A stage, and how it does since its process started.

    `out_since` (UTC): since then nobody waits for it, as it only tells and did not keep up, or ended. Until it has come
    back, its clients, or PostgreSQL, lack what happens.
    """

    name: str
    host: str
    state: str
    heartbeat_age_ms: int
    records: int
    records_per_s: int
    blocked_rounds: int
    out_since: str | None = None


class ConsumerStatus(Struct, frozen=True):
    """How many records of a ring wait for one consumer."""

    consumer: str
    waiting: int


class RingStatus(Struct, frozen=True):
    """A ring: `fill` (0 to 1) is how much of it the slowest consumer still needs."""

    ring: str
    capacity: int
    published: int
    records_per_s: int
    fill: float
    consumers: list[ConsumerStatus]


class SnapshotStatus(Struct, frozen=True):
    """The newest snapshot: its place in the log, its size, when it was saved (UTC), and how long ago that is."""

    seq: int
    size_bytes: int
    saved: str
    age_s: int
    saved_ns: int


class GatewayStatus(Struct, frozen=True):
    """What a gateway has to do; nothing if it does not run. Refusals are counted from its process's start."""

    gateway: str
    is_open: bool
    connections: int
    sessions: int
    open_orders: int
    refused_by_gateway: int
    refused_by_router: int
    refused_by_matchers: int


class PeerStatus(Struct, frozen=True):
    """The other node, as this one knows it by their link; `name` is "" before it has said that.

    `epoch` is what it leads, 0 where it follows; `seq` how far its log goes, as it said last.
    """

    name: str
    address: str
    role: str
    epoch: int
    seq: int


class NodeStatus(Struct, frozen=True):
    """One of two nodes, and its link: `why` says what is wrong with that, or with the file of the node's role.

    The secondary lacks `behind` records, as far as this node knows, and has all that there was `behind_ms` ago; None
    where that is not known. `waits`: commits wait for the other node. `fenced`: this node may not release anything any
    more. `compared` is the last record at which the nodes' states were found equal, `differs` the one at which they
    were found to differ; 0: none.
    """

    name: str
    role: str
    members: list[str]
    peer: PeerStatus
    link: str
    why: str
    behind: int
    behind_ms: int | None
    waits: bool
    fenced: bool
    compared: int
    differs: int

    @property
    def follows(self) -> bool:
        """Whether it is a secondary that has read its own journal, and goes on with what the primary sends."""
        return self.role != "primary" and self.link != "starting"


class LeaseStatus(Struct, frozen=True):
    """The lease of a venue with a witness: for how long this node may release yet, 0 where it has no lease.

    `leader` is who has it, "" if nobody has; `members` may take over. `trouble` says what is wrong.
    """

    left_s: float
    leader: str
    members: list[str]
    trouble: str


class SupervisorStatus(Struct, frozen=True):
    """The supervisor: whether it finds the venue ready (`running`), and how long ago it looked last."""

    pid: int
    state: str
    look_age_ms: int


class Reading(Struct, frozen=True):
    """A whole venue. Lags are counted in log records. `durable` is how far its journal has the log.

    `acked` is how far a second node has the log, 0 without one; `node` is this one of two nodes. Where the batcher
    writes no rows, `loader_problem` says why, and since when (UTC). `supervisor` is None before it has looked at a new
    run for the first time.
    """

    venue: str
    data: str
    running: bool
    boot_id: str = ""
    epoch: int = 0
    generation: int = 0
    snapshot: SnapshotStatus | None = None
    log_end: int = 0
    durable: int = 0
    commit: int = 0
    commit_lag: int = 0
    acked: int = 0
    database: int = 0
    database_lag: int = 0
    spool_bytes: int = 0
    disk_free_bytes: int = 0
    orders_refused: bool = False
    supervisor: SupervisorStatus | None = None
    hosts: list[HostStatus] = []
    agents: list[AgentStatus] = []
    rings: list[RingStatus] = []
    gateways: list[GatewayStatus] = []
    loader_problem: str = ""
    loader_problem_since: str | None = None
    node: NodeStatus | None = None
    lease: LeaseStatus | None = None


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
        supervisor=_supervisor(venue),
        hosts=[_host(venue, host, restarts.get(host.name, 0)) for host in venue.topology.hosts],
        agents=agents,
        rings=[_ring(venue, spec.name, per_s.get(spec.name, 0)) for spec in venue.topology.rings],
        gateways=[_gateway(venue, agent) for agent in agents if agent.name in venue.topology.gateways],
        loader_problem=wrong.reason,
        loader_problem_since=_utc(wrong.since_ns) if wrong.reason else None,
        node=_node(venue, role, trouble, end),
        lease=_lease(venue),
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
