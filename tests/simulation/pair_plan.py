"""What one seed draws for two nodes: how they commit, the network between them, and what befalls nodes and network."""

from __future__ import annotations

from random import Random
from typing import Literal

from msgspec import structs

from tests.simulation.plan import FAULTS, SMALL, Fault, Plan

TURNS = 2600
OPERATED_TURNS = 4000
ON = 0.35
WITNESS_ON = 0.4
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
# What befalls the two and their witness.
WITNESS_FAULTS: dict[str, float] = {
    "kill witness": 1,
    "etcd away": 2,
    "etcd slow": 1,
    "etcd cut from a node": 3,
    "etcd cut from the primary": 2,
    "etcd restored": 2,
    "link cut": 2,
    "primary dies": 2,
    "clock step": 3,
    "node put right": 4,
}
WITNESS_TURNS = 5000
ALONE_TURNS = 1500  # in which a primary that has lost the other node goes alone, where it does so
WITNESS_STEP_NS = 2_000_000  # all of them are five leases, in which each process has very many turns
# Operators' commands and faults of folders: many of them, in one run of seven.
OPERATIONS: dict[str, float] = {
    "backup taken": 4,
    "folder lost": 1.5,
    "data lost": 1,
    "folder restored": 4,
    "node hangs": 1,
    "node started": 5,
    "failover by a true word": 8,
    "release": 6,
    "leave": 1.5,
    "host dies": 4,
    "failover while the other lives": 0.5,
    "clock step": 1,
    "node put right": 2,
    "failover": 2,
    "leader dies": 4,
    "journal emptied": 1.5,
    "folder of another venue": 1,
    "rejoin": 6,
}
OPERATION_ON = 0.7
# Drawn from sources of their own, so that seeds stay what they were.
# Two lead for short moments, so this is tried often.
LATER: dict[str, float] = {"old primary's batcher again": 40}
ONE_NODE = (
    "kill gateway", "kill publisher", "kill batcher", "kill router", "kill matcher", "kill journaler",
    "kill supervisor", "power loss", "power loss inside the disk", "stall", "connection cut", "same client id",
    "garbled message", "database away", "commit lost", "clock step", "snapshot",
)  # fmt: skip


class PairPlan(Plan, frozen=True):
    """`shares_database`: both nodes were given the same one. `has_witness`: they promote themselves."""

    link_delay_ns: int
    shares_database: bool
    has_witness: bool = False
    alone_after_s: float = 0


def draw(seed: int) -> PairPlan:
    """The plan of a seed for two nodes."""
    if has_witness(seed):
        return _with_witness(_draw(seed))
    return _operated(_draw(seed)) if is_operated(seed) else _draw(seed)


def is_operated(seed: int) -> bool:
    """Every seventh run is, unless it has a witness."""
    return seed % 7 == 6 and not has_witness(seed)


def _operated(plan: PairPlan) -> PairPlan:
    """The same with operators at every moment, for which commits have to wait for the other node.

    Half of these runs have no other faults, which would hide its effect.
    """
    choose = Random(f"operations {plan.seed}")
    faults = list(plan.faults) if choose.random() < 0.5 else []
    for kind, mean in OPERATIONS.items():
        if choose.random() < OPERATION_ON:
            count = min(8, max(1, round(choose.expovariate(1 / mean))))
            faults += [Fault(choose.randrange(OPERATED_TURNS), kind, choose.randrange(2**32)) for _ in range(count)]
    return structs.replace(
        plan,
        turns=OPERATED_TURNS,
        durability=choose.choice(("replicated", "both", "both")),
        faults=tuple(sorted(faults, key=lambda fault: fault.turn)),
    )


def has_witness(seed: int) -> bool:
    """Every third run has one."""
    return seed % 3 == 2


def _with_witness(plan: PairPlan) -> PairPlan:
    """The same with a witness, for which commits have to wait for the other node.

    No operator says wrongly that a node is off: which of the two leads is etcd's to say. One run in two has nothing but
    the faults of the witness, which are hidden by what else befalls a node.
    """
    choose = Random(f"witness {plan.seed}")
    faults = [fault for fault in plan.faults if fault.kind != "failover while the other lives"]
    faults = faults if choose.random() < 0.5 else []
    for kind, mean in WITNESS_FAULTS.items():
        if choose.random() < WITNESS_ON:
            count = min(8, max(1, round(choose.expovariate(1 / mean))))
            found = [Fault(choose.randrange(WITNESS_TURNS), kind, choose.randrange(2**32)) for _ in range(count)]
            faults += found
            if kind == "etcd restored":  # what it has forgotten is then who may lead no more, perhaps
                faults += [Fault(fault.turn - ALONE_TURNS, "link cut", fault.seed) for fault in found]
    return structs.replace(
        plan,
        turns=WITNESS_TURNS,
        durability=choose.choice(("replicated", "both")),
        step_ns=WITNESS_STEP_NS,
        has_witness=True,
        alone_after_s=choose.choice((0, 0.5, 2)),
        faults=tuple(sorted((fault for fault in faults if fault.turn >= 0), key=lambda fault: fault.turn)),
    )


def _draw(seed: int, turns: int = TURNS) -> PairPlan:
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
        gateways=1,
        has_api=False,
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
