"""A reading of a venue in which all is well, for tests to spoil."""

from __future__ import annotations

from lockstep.core.operations.status import (
    AgentStatus,
    ConsumerStatus,
    GatewayStatus,
    HostStatus,
    NodeStatus,
    PeerStatus,
    Reading,
    RingStatus,
    SnapshotStatus,
    SupervisorStatus,
)

HOSTS = {"journal": ("journaler",), "core": ("router", "matcher.1"), "batcher": ("batcher",), "gateway": ("gateway.1",)}

WELL = Reading(
    venue="lockstep",
    data="/srv/venue",
    running=True,
    boot_id="b" * 32,
    epoch=3,
    generation=1,
    snapshot=SnapshotStatus(90, 4096, "2026-01-31 12:00:00", 5, 1_769_860_800_000_000_000),
    log_end=120,
    durable=119,
    commit=118,
    commit_lag=2,
    acked=0,
    database=100,
    database_lag=18,
    spool_bytes=512,
    disk_free_bytes=1 << 30,
    supervisor=SupervisorStatus(10, "running", 40),
    hosts=[HostStatus(name, 20, 0, None, agents, 2, 10**18) for name, agents in HOSTS.items()],
    agents=[AgentStatus(agent, host, "running", 10, 1000, 0, 7) for host, agents in HOSTS.items() for agent in agents],
    rings=[
        RingStatus("ingress.gateway.1", 64, 55, 0, 0.0, [ConsumerStatus("router", 0)]),
        RingStatus("log", 64, 120, 0, 0.5, [ConsumerStatus("matcher.1", 32), ConsumerStatus("journaler", 2)]),
        RingStatus("events.matcher.1", 64, 77, 0, 0.0, [ConsumerStatus("gateway.1", 0)]),
    ],
    gateways=[GatewayStatus("gateway.1", True, 4, 3, 12, 5, 6, 7)],
)

NODE = NodeStatus(
    name="a",
    role="primary",
    members=["a", "b"],
    peer=PeerStatus("b", "127.0.0.1:9901", "secondary", 0, 118),
    link="in_step",
    why="",
    behind=2,
    behind_ms=1500,
    waits=True,
    fenced=False,
    lapsed=False,
    compared=90,
    differs=0,
)
