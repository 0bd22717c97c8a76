"""What one seed draws for two nodes: how they commit, the network between them, and what befalls nodes and network."""

from __future__ import annotations

from random import Random
from typing import Literal

from tests.simulation.plan import FAULTS, SMALL, Fault, Plan

TURNS = 2600
ON = 0.35
# What befalls the two of them, beside what can befall any venue: how often, in a run that has it on.
NODE_FAULTS: dict[str, float] = {
    "kill replicator": 2,
    "link cut": 2,
    "connection broken": 3,
    "frame of an old connection": 4,
    "old connection again": 2,
    "host dies": 1,
    "both lose power": 1,
    "failover": 1.5,
    "failover while the other lives": 0.7,
    "switchover": 1.5,
    "switchover given up": 1,
    "node put right": 3,
}
# Drawn from sources of their own, so that seeds stay what they were.
# Two lead for short moments, so this is tried often.
LATER: dict[str, float] = {"old primary's batcher again": 40}
ONE_NODE = (
    "kill gateway", "kill publisher", "kill batcher", "kill router", "kill matcher", "kill journaler",
    "kill supervisor", "power loss", "power loss inside the disk", "stall", "connection cut", "same client id",
    "garbled message", "database away", "commit lost", "clock step", "snapshot",
)  # fmt: skip


class PairPlan(Plan, frozen=True):
    """`shares_database`: both nodes were given the same one."""

    link_delay_ns: int
    shares_database: bool


def draw(seed: int, turns: int = TURNS) -> PairPlan:
    """The plan of a seed for two nodes."""
    choose = Random(f"pair {seed}")
    durability: Literal["local", "replicated", "both"] = choose.choice(("replicated", "replicated", "both", "local"))
    often = NODE_FAULTS | {kind: FAULTS[kind] for kind in ONE_NODE}
    faults = []
    for kind in often:
        if choose.random() < ON:
            count = min(8, max(1, round(choose.expovariate(1 / often[kind]))))
            faults += [Fault(choose.randrange(turns), kind, choose.randrange(2**32)) for _ in range(count)]
    for kind, mean in LATER.items():
        chance = Random(f"{kind} {seed}")
        count = max(1, round(chance.expovariate(1 / mean)))
        faults += [Fault(chance.randrange(turns), kind, chance.randrange(2**32)) for _ in range(count)]
    return PairPlan(
        seed=seed,
        turns=turns,
        durability=durability,
        matchers=choose.choice((1, 2)),
        ring_log=choose.choice(SMALL),
        ring_events=choose.choice(SMALL),
        ring_ingress=choose.choice(SMALL),
        segment_pages=choose.choice((4, 8, 32)),
        step_ns=choose.choice((20_000, 200_000, 1_000_000, 2_000_000)),
        delay_ns=choose.choice((0, 100_000, 5_000_000)),
        profile=choose.choice(("compact", "spread")),
        snapshot_s=0,
        snapshot_commands=choose.choice((0, 30, 100)),
        keep=choose.choice((2, 3)),
        retention="all",  # a node that has lost everything begins with the first record
        pace=choose.choice((0.2, 0.5, 0.9)),
        link_delay_ns=choose.choice((0, 1_000_000, 20_000_000)),
        shares_database=choose.random() < 0.3,
        faults=tuple(sorted(faults, key=lambda fault: fault.turn)),
    )
