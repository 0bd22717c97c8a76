"""The metrics of a node: each with its name, kind, help and labels, and how a reading gives its samples.

They follow Prometheus's conventions. docs/protocols/metrics.md lists them; a test holds that page, the alert rules and
the dashboard against this table.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.metadata import version
from typing import Literal, NamedTuple

from lockstep.core.journal.format import OWN_SCHEMA
from lockstep.core.operations.status import AgentStatus, GatewayStatus, NodeStatus, Reading, RingStatus, SnapshotStatus
from lockstep.procs.monitor.health import QUESTIONS, Question

PACKAGE = "lockstep-venue"
SECOND_NS = 1e9

Labels = tuple[str, ...]
Sample = tuple[Labels, float]
Samples = Callable[[Reading], Iterable[Sample]]


class Metric(NamedTuple):
    """A metric. A counter's name ends in _total. `is_position`: it counts along the log, and so is never set back.

    A position that goes back says only that a core replays what it had done; to Prometheus it would be a restart
    from 0, and the rate of a whole log in one moment.
    """

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    labels: Labels
    samples: Samples
    is_position: bool = False


def _gauge(name: str, help: str, samples: Samples, *labels: str) -> Metric:
    return Metric(name, "gauge", help, labels, samples)


def _counter(name: str, help: str, samples: Samples, *labels: str) -> Metric:
    return Metric(name, "counter", help, labels, samples)


def _position(name: str, help: str, samples: Samples, *labels: str) -> Metric:
    return Metric(name, "counter", help, labels, samples, is_position=True)


def _one(value: Callable[[Reading], float]) -> Samples:
    return lambda r: [((), value(r))]


def _snapshot(value: Callable[[SnapshotStatus], float]) -> Samples:
    return lambda r: [((), value(r.snapshot))] if r.snapshot is not None else []


def _node(value: Callable[[NodeStatus], float | None]) -> Samples:
    """A sample of one of two nodes; none where the value is None."""

    def samples(r: Reading) -> list[Sample]:
        found = None if r.node is None else value(r.node)
        return [] if found is None else [((), found)]

    return samples


def _gateway(value: Callable[[GatewayStatus], float]) -> Samples:
    return lambda r: [((each.gateway,), value(each)) for each in r.gateways]


def _stage(value: Callable[[AgentStatus], float]) -> Samples:
    return lambda r: [((each.name,), value(each)) for each in r.agents]


def _ring(value: Callable[[RingStatus], float]) -> Samples:
    return lambda r: [((each.ring,), value(each)) for each in r.rings]


def _rings(prefix: str) -> Samples:
    return lambda r: [((each.ring,), each.published) for each in r.rings if each.ring.startswith(prefix)]


def _waiting(r: Reading) -> Iterator[Sample]:
    for ring in r.rings:
        for each in ring.consumers:
            yield (ring.ring, each.consumer), each.waiting


def _refusals(r: Reading) -> Iterator[Sample]:
    for each in r.gateways:
        yield (each.gateway, "gateway"), each.refused_by_gateway
        yield (each.gateway, "router"), each.refused_by_router
        yield (each.gateway, "matcher"), each.refused_by_matchers


def _processes_up(r: Reading) -> Iterator[Sample]:
    states = {agent.name: agent.state for agent in r.agents}
    for host in r.hosts:
        yield (host.name,), all(states[agent] == "running" for agent in host.agents)


OF_A_RUN = (
    _gauge(
        "lockstep_running", "1 while the node leads, or follows the other one, and every stage runs",
        _one(lambda r: r.running),
    ),
    _gauge("lockstep_epoch", "The epoch that this node leads; 0 while it does not lead", _one(lambda r: r.epoch)),
    _gauge(
        "lockstep_generation", "1, and 1 more for each restart of the core in this run", _one(lambda r: r.generation)
    ),
    _gauge(
        "lockstep_supervisor_look_age_seconds", "How long ago the supervisor looked at its processes",
        lambda r: [((), r.supervisor.look_age_ms / 1000)] if r.supervisor is not None else [],
    ),
    _gauge("lockstep_process_up", "1 while all stages of the process run", _processes_up, "process"),
    _counter(
        "lockstep_process_restarts_total", "How often the process was started again in this run",
        lambda r: [((host.name,), host.restarts) for host in r.hosts], "process",
    ),
    _gauge(
        "lockstep_process_start_time_seconds", "When the process began, in seconds since 1970",
        lambda r: [((host.name,), host.started_ns / SECOND_NS) for host in r.hosts if host.started_ns], "process",
    ),
    _gauge(
        "lockstep_stage_up", "1 while the stage runs",
        lambda r: [((each.name, each.host), each.state == "running") for each in r.agents], "stage", "process",
    ),
    _gauge(
        "lockstep_stage_heartbeat_age_seconds", "How old the stage's last sign of life is",
        _stage(lambda stage: stage.heartbeat_age_ms / 1000), "stage",
    ),
    _counter(
        "lockstep_stage_records_total", "Records that the stage has handled since its process began",
        _stage(lambda stage: stage.records), "stage",
    ),
    _counter(
        "lockstep_stage_blocked_rounds_total", "Rounds in which the stage found a ring full",
        _stage(lambda stage: stage.blocked_rounds), "stage",
    ),
    _gauge(
        "lockstep_stage_out_of_gate", "1 while the venue goes on without the stage, which catches up",
        _stage(lambda stage: stage.out_since is not None), "stage",
    ),
    _gauge("lockstep_ring_slots", "How many records the ring has room for", _ring(lambda ring: ring.capacity), "ring"),
    _gauge(
        "lockstep_ring_fill_ratio", "How much of the ring its slowest consumer still needs, 0 to 1",
        _ring(lambda ring: ring.fill), "ring",
    ),
    _gauge(
        "lockstep_ring_waiting_records", "Records of the ring that wait for the consumer", _waiting, "ring", "consumer"
    ),
    _counter(
        "lockstep_ingress_records_total", "Requests given to the router in this run", _rings("ingress."), "ring"
    ),
    _position("lockstep_events_total", "The number of the ring's last event", _rings("events."), "ring"),
    _position("lockstep_log_records_total", "The sequence of the log's last record", _one(lambda r: r.log_end)),
    _position(
        "lockstep_log_durable_records_total",
        "The sequence up to which the node's journal has the log; where durability is local or both, synced",
        _one(lambda r: r.durable),
    ),
    _position(
        "lockstep_log_committed_records_total",
        "The sequence up to which the log is committed: what it caused may leave the venue", _one(lambda r: r.commit),
    ),
    _position(
        "lockstep_log_acked_records_total", "The sequence up to which a second node has the log; absent without one",
        _one(lambda r: r.acked),
    ),
    _position(
        "lockstep_database_records_total", "The sequence up to which PostgreSQL has what the log caused",
        _one(lambda r: r.database),
    ),
    _gauge("lockstep_commit_lag_records", "Log records that are not committed yet", _one(lambda r: r.commit_lag)),
    _gauge(
        "lockstep_link_up", "1 while the link to the other node carries the log; absent on a venue of one node",
        _node(lambda node: node.link in ("in_step", "catching_up")),
    ),
    _gauge(
        "lockstep_primary", "1 while the role of the node is primary; absent on a venue of one node",
        _node(lambda node: node.role == "primary"),
    ),
    _gauge(
        "lockstep_commit_waits", "1 while commits wait for the other node; absent on a venue of one node",
        _node(lambda node: node.waits),
    ),
    _gauge(
        "lockstep_commit_stalled_seconds",
        "For how long no order has been acknowledged though some wait, or would; 0: they are",
        _one(lambda r: r.stalled_ms / 1000),
    ),
    _gauge(
        "lockstep_fenced", "1 while the node releases nothing, as the other one is to lead; absent on a venue of one",
        _node(lambda node: node.fenced),
    ),
    _gauge(
        "lockstep_replication_lag_records", "Log records that the secondary lacks; absent before it was first heard of",
        _node(lambda node: node.behind if node.peer.name else None),
    ),
    _gauge(
        "lockstep_replication_lag_seconds", "How long ago the secondary had all that there was; absent before that",
        _node(lambda node: None if node.behind_ms is None else node.behind_ms / 1000),
    ),
    _gauge(
        "lockstep_state_compared_sequence", "The last record at which the nodes had the same state; absent without one",
        _node(lambda node: node.compared or None),
    ),
    _gauge(
        "lockstep_state_differs", "1 while the nodes' states are known to differ; absent on a venue of one node",
        _node(lambda node: node.differs != 0),
    ),
    _gauge(
        "lockstep_lease_left_seconds",
        "For how long this node may release yet: 0 without the lease; absent on a venue without a witness",
        lambda r: [((), r.lease.left_s)] if r.lease else [],
    ),
    _gauge(
        "lockstep_database_lag_records", "Committed log records that PostgreSQL does not have yet",
        _one(lambda r: r.database_lag),
    ),
    _gauge(
        "lockstep_database_trouble", "1 while PostgreSQL takes no rows; lockstep status says why",
        _one(lambda r: bool(r.loader_problem)),
    ),
    _gauge("lockstep_spool_bytes", "Bytes on their way to PostgreSQL", _one(lambda r: r.spool_bytes)),
    _gauge(
        "lockstep_clock_offset_seconds", "Log time less this machine's clock, in seconds",
        _one(lambda r: r.clock_offset_s),
    ),
    _gauge("lockstep_disk_free_bytes", "Free bytes on the data folder's disk", _one(lambda r: r.disk_free_bytes)),
    _gauge(
        "lockstep_orders_stopped", "1 while new orders are refused because the disk is nearly full; cancels pass",
        _one(lambda r: r.orders_refused),
    ),
    _gauge(
        "lockstep_snapshot_timestamp_seconds", "When the newest snapshot was saved, in seconds since 1970",
        _snapshot(lambda s: s.saved_ns / SECOND_NS),
    ),
    _gauge("lockstep_snapshot_sequence", "The newest snapshot's place in the log", _snapshot(lambda s: s.seq)),
    _gauge("lockstep_snapshot_size_bytes", "The newest snapshot's size", _snapshot(lambda s: s.size_bytes)),
    _gauge("lockstep_gateway_open", "1 while the gateway takes connections", _gateway(lambda g: g.is_open), "gateway"),
    _gauge(
        "lockstep_gateway_connections", "Connections of the gateway, logged on or not",
        _gateway(lambda g: g.connections), "gateway",
    ),
    _gauge("lockstep_gateway_sessions", "Sessions that are logged on", _gateway(lambda g: g.sessions), "gateway"),
    _gauge(
        "lockstep_gateway_open_orders", "Orders that are open at the venue, as this gateway knows them",
        _gateway(lambda g: g.open_orders), "gateway",
    ),
    _counter(
        "lockstep_gateway_refusals_total", "Requests refused since the gateway's process began, by who refused them",
        _refusals, "gateway", "by",
    ),
)  # fmt: skip


def _none(_reading: Reading) -> list[Sample]:
    return []


BUILD = Metric(
    "lockstep_build_info", "gauge", "1; the version of the code, of its records, and of Python",
    ("version", "schema", "python"), _none,
)  # fmt: skip
VENUE = Metric("lockstep_venue_info", "gauge", "1; the name of the venue", ("venue",), _none)


def of_question(question: Question) -> Metric:
    """A question of health as a metric."""
    return Metric(question.gauge, "gauge", f"1 while {question.meaning}: {question.path} answers 200", (), _none)


# All that there are; the first ones are there without a run, too.
METRICS = (BUILD, *map(of_question, QUESTIONS), VENUE, *OF_A_RUN)


@cache
def build_labels() -> Labels:
    """The values of BUILD's labels."""
    return version(PACKAGE), f"{OWN_SCHEMA:016x}", platform.python_version()
