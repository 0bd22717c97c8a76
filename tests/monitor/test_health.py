"""When a node lives, leads and takes orders."""

from __future__ import annotations

import pytest
from msgspec import structs

from lockstep.core.operations.status import AgentStatus, LeaseStatus, Reading, SupervisorStatus
from lockstep.procs.monitor.health import QUESTIONS, against_gateway
from tests.monitor.readings import WELL

OLDEST_MS = 10_000


def holds(reading: Reading | None) -> tuple[bool, ...]:
    """Whether it lives, takes orders and leads."""
    return tuple(not question.objections(reading, OLDEST_MS) for question in QUESTIONS)


def with_agent(name: str, **changes: object) -> Reading:
    agents: list[AgentStatus] = [
        structs.replace(agent, **changes) if agent.name == name else agent for agent in WELL.agents
    ]
    return structs.replace(WELL, agents=agents)


def test_the_questions_are_asked_in_this_order() -> None:
    assert [question.path for question in QUESTIONS] == ["/health/live", "/health/ready", "/health/leader"]


def test_a_venue_that_is_well_lives_leads_and_takes_orders() -> None:
    assert holds(WELL) == (True, True, True)


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (None, (True, False, False)),
        (structs.replace(WELL, supervisor=None), (True, True, True)),
        (structs.replace(WELL, supervisor=SupervisorStatus(10, "starting", 29_000)), (True, True, True)),
        (structs.replace(WELL, supervisor=SupervisorStatus(10, "running", 31_000)), (False, False, False)),
        (structs.replace(WELL, supervisor=SupervisorStatus(10, "stopping", 10)), (True, False, False)),
        (structs.replace(WELL, epoch=0), (True, False, False)),
        (structs.replace(WELL, lease=LeaseStatus(0.0, "b", [], "why")), (True, False, False)),
        (structs.replace(WELL, lease=LeaseStatus(0.3, "a", [], "")), (True, True, True)),
        (structs.replace(WELL, orders_refused=True), (True, False, True)),
        (structs.replace(WELL, stalled_ms=2000), (True, False, True)),
        (structs.replace(WELL, gateways=[structs.replace(WELL.gateways[0], is_open=False)]), (True, False, True)),
        (with_agent("router", state="dead"), (True, False, False)),
        (with_agent("matcher.1", heartbeat_age_ms=10_001), (True, False, False)),
        (with_agent("journaler", state="starting"), (True, False, False)),
        (with_agent("gateway.1", heartbeat_age_ms=10_001), (True, False, True)),
        (with_agent("batcher", state="dead"), (True, True, True)),  # no order waits for it
    ],
    ids=[
        "no run", "a new run", "a long restart", "the supervisor hangs", "stopping", "replaying", "no lease", "a lease",
        "disk full", "nothing acknowledged",
        "no gateway", "router dead", "matcher hangs", "journaler starts", "gateway hangs", "batcher dead",
    ],
)  # fmt: skip
def test_what_stands_against_it(reading: Reading | None, expected: tuple[bool, ...]) -> None:
    assert holds(reading) == expected


def test_each_objection_says_what_is_wrong() -> None:
    ready = QUESTIONS[1]
    spoilt = structs.replace(
        with_agent("router", state="dead"), epoch=0, gateways=[], orders_refused=True, stalled_ms=3000
    )
    assert list(ready.objections(spoilt, OLDEST_MS)) == [
        "this node does not lead: it replays its journal, or follows another node",
        "router is dead",
        "no gateway takes connections",
        "no order has been acknowledged for 3 s: the journal's disk does not take the log",
        "the disk is nearly full: new orders are refused, cancels pass",
    ]


@pytest.mark.parametrize(
    ("reading", "number", "against"),
    [
        (WELL, 1, []),
        (WELL, 2, ["gateway.2 takes no connections"]),
        (None, 1, ["no run of the venue: its supervisor is about to start one, or ends"]),
        (with_agent("gateway.1", heartbeat_age_ms=10_001), 1, ["gateway.1 takes no connections"]),
        (structs.replace(WELL, orders_refused=True), 1, []),  # a balancer is not to cut its sessions off
    ],
)
def test_what_stands_against_one_of_several_gateways(reading: Reading | None, number: int, against: list[str]) -> None:
    assert against_gateway(number, reading, OLDEST_MS) == against
