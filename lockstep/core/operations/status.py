"""What is shown of a running venue: by `lockstep status`, by metrics and health, and by the api."""

from __future__ import annotations

from msgspec import Struct, field


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
    where that is not known. `waits`: commits wait for the other node. `fenced`: this node may no longer release
    anything; `lapsed`: it may not before it has asked the other node, since it did not run for a while. `compared` is
    the last record at which the nodes' states were found equal, `differs` the one at which they were found to differ;
    0: none.
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
    lapsed: bool
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
    writes no rows, `loader_problem` says why, and since when (UTC). No order has been acknowledged for `stalled_ms`,
    though some wait, or would; 0: they are. `supervisor` is None before it has looked at a new run for the first time.
    `clock_offset_s` is how far log time is ahead of this machine's clock.
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
    stalled_ms: int = 0
    supervisor: SupervisorStatus | None = None
    hosts: list[HostStatus] = []
    agents: list[AgentStatus] = []
    rings: list[RingStatus] = []
    gateways: list[GatewayStatus] = []
    loader_problem: str = ""
    loader_problem_since: str | None = None
    node: NodeStatus | None = None
    lease: LeaseStatus | None = None
    clock_offset_s: float = 0.0


class SessionStatus(Struct, frozen=True):
    """A session, which is an account's, and its connection, if there is one. Times are UTC.

    `next_in` and `next_out` are the MsgSeqNums that come next (0: not known before the first logon since the start);
    `unsent_bytes` wait for the client to read.
    """

    session: str
    gateway: str
    address: str = ""
    since: str = ""
    version: str = ""
    next_in: int = 0
    next_out: int = 0
    unsent_bytes: int = 0
    ended: str = ""
    refused: str = ""

    @property
    def is_connected(self) -> bool:
        return bool(self.address)


class RefusedRows(Struct, frozen=True):
    """Rows that are set aside for one reason: of which table, how many, and the log records behind first and last."""

    relation: str
    reason: str
    rows: int
    first_seq: int
    last_seq: int

    @property
    def wording(self) -> str:
        where = f"record {self.first_seq:,}"
        if self.last_seq != self.first_seq:
            where = f"records {self.first_seq:,} to {self.last_seq:,}"
        return f"{self.rows:,} rows of {self.relation} ({where}): {' '.join(self.reason.split())}"


class InstrumentStatus(Struct, frozen=True):
    """An instrument, its phase, since when (UTC), and when that ends by itself, as PostgreSQL has it."""

    symbol: str
    phase: str
    since: str | None
    ends: str | None


class Status(Reading, frozen=True):
    """A venue, and what only PostgreSQL and the gateways know of it.

    `refused_rows` are those that PostgreSQL has refused, and `refused` the most frequent reasons. If it can't be
    asked, `database_problem` says why, and `instruments` is None. `sessions` is None if they were not asked for, or
    a gateway does not answer.
    """

    refused_rows: int = 0
    refused: list[RefusedRows] = field(default_factory=list)
    database_problem: str = ""
    instruments: list[InstrumentStatus] | None = None
    sessions: list[SessionStatus] | None = None
