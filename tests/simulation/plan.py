"""What one seed draws: the venue's size and timing, which faults are on, and when each strikes.

Faults are drawn before anything runs, so that a failing run can be repeated with fewer of them.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Literal

from msgspec import Struct, structs

from lockstep.config.schema import PowerOfTwo

TURNS = 1400  # of the phase with faults; a turn is one step of one agent
PAGE = 4096

# Each fault: how often it strikes, on average, in a run that has it on.
FAULTS: dict[str, float] = {
    "kill gateway": 1.5,
    "kill publisher": 1,
    "kill batcher": 1.5,
    "kill router": 1.5,
    "kill matcher": 1.5,
    "kill journaler": 1.5,
    "kill supervisor": 0.7,
    "power loss": 1.5,
    "power loss inside the disk": 2,
    "stall": 3,
    "sync error": 0.8,
    "write error": 0.8,
    "short write": 0.8,
    "disk full": 1,
    "connection cut": 3,
    "client stalls": 1.5,
    "garbled message": 3,
    "same client id": 3,
    "database away": 1.5,
    "commit lost": 2,
    "clock step": 1,
    "snapshot": 5,
    "damaged part": 0.7,
    "downstream edge stalls": 2,
    "order behind a Logout": 1.5,
    "power loss, and another host": 1,
    "kill api": 2,
}
# Of the files beside the journal. They are drawn from a source of their own, so that seeds stay what they were.
FILE_FAULTS: dict[str, float] = {
    "file sync error": 0.8,
    "file write error": 0.8,
    "file short write": 0.8,
    "files full": 1,
    "power loss inside a file": 1.5,
    "append error": 0.8,
    "short append": 0.8,
    "power loss inside an append": 1.5,
}
# Drawn from sources of their own, too.
LATER = ("downstream edge stalls", "order behind a Logout", "power loss, and another host", "kill api")
POWER = (
    "power loss", "power loss", "power loss inside the disk", "power loss inside a file", "power loss inside an append",
)  # fmt: skip
ENDS = 0.5  # how likely a seed without syncs ends with one of them
ON = 0.3  # how likely a seed has a class of faults on
API_ON = 0.4  # how likely its venue has an api


class Fault(Struct, frozen=True):
    """`kind` strikes at a turn; all its details follow from its own seed."""

    turn: int
    kind: str
    seed: int

    def __str__(self) -> str:
        return f"turn {self.turn:5d}: {self.kind} ({self.seed})"


class Plan(Struct, frozen=True):
    """All that a run depends on."""

    seed: int
    turns: int
    durability: Literal["none", "local", "replicated", "both"]
    matchers: int
    ring_log: PowerOfTwo
    ring_events: PowerOfTwo
    ring_ingress: PowerOfTwo
    segment_pages: int
    step_ns: int
    delay_ns: int
    profile: Literal["compact", "spread"]
    snapshot_s: int
    snapshot_commands: int
    keep: int
    retention: Literal["all", "snapshots"]
    pace: float  # how likely a trader's turn sends something
    faults: tuple[Fault, ...]
    gateways: int
    has_api: bool

    def but(self, **changes: object) -> Plan:
        return structs.replace(self, **changes)


SMALL: tuple[PowerOfTwo, ...] = (64, 64, 128, 1024)


def draw(seed: int, turns: int = TURNS) -> Plan:
    """The plan of a seed."""
    choose = Random(f"plan {seed}")
    durability: Literal["local", "none"] = choose.choice(("local", "local", "local", "none"))
    has_api = Random(f"api {seed}").random() < API_ON
    kinds = [kind for kind in FAULTS if kind not in LATER and choose.random() < ON and applies(kind, durability)]
    faults = [fault for kind in kinds for fault in strikes(choose, kind, turns, durability)]
    files = Random(f"files {seed}")
    kinds = [kind for kind in FILE_FAULTS if files.random() < ON and applies(kind, durability)]
    faults += [fault for kind in kinds for fault in strikes(files, kind, turns, durability)]
    for kind in LATER:
        chance = Random(f"{kind} {seed}")
        if chance.random() < ON and applies(kind, durability) and (has_api or kind != "kill api"):
            faults += strikes(chance, kind, turns, durability)
    if durability == "none" and (chance := Random(f"loss {seed}")).random() < ENDS:
        faults.append(Fault(chance.randrange(turns), chance.choice(POWER), chance.randrange(2**32)))
    return Plan(
        seed=seed,
        turns=turns,
        durability=durability,
        matchers=choose.choice((1, 2, 2)),
        ring_log=choose.choice(SMALL),
        ring_events=choose.choice(SMALL),
        ring_ingress=choose.choice(SMALL),
        segment_pages=choose.choice((4, 8, 8, 32)),
        step_ns=choose.choice((20_000, 200_000, 1_000_000, 10_000_000)),
        delay_ns=choose.choice((0, 100_000, 5_000_000)),
        profile=choose.choice(("compact", "spread")),
        snapshot_s=choose.choice((0, 0, 1)),
        snapshot_commands=choose.choice((0, 30, 100)),
        keep=choose.choice((2, 2, 3)),
        retention=choose.choice(("all", "all", "snapshots")),
        pace=choose.choice((0.2, 0.5, 0.9)),
        faults=tuple(sorted(faults, key=lambda fault: fault.turn)),
        gateways=Random(f"gateways {seed}").choice((1, 1, 2)),
        has_api=has_api,
    )


def applies(kind: str, durability: str) -> bool:
    """Without syncs a loss of power loses what was committed, as documented: it ends the run. None fails either."""
    return durability == "local" or not kind.startswith(("power loss", "sync error", "file sync error"))


def strikes(choose: Random, kind: str, turns: int, durability: str) -> list[Fault]:
    count = max(1, round(choose.expovariate(1 / (FAULTS | FILE_FAULTS)[kind])))
    found = [Fault(choose.randrange(turns), kind, choose.randrange(2**32)) for _ in range(min(count, 8))]
    if kind == "sync error" and durability == "local":  # what it has lost shows when the power goes
        found += [Fault(fault.turn + choose.randint(50, 400), "power loss", fault.seed) for fault in found]
    return [fault for fault in found if fault.turn < turns]


def shrunk(plan: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """The smallest plan that still fails: fewer turns, then no fault that can be left out."""
    for turns in sorted({*(plan.turns // part for part in (8, 4, 2)), *(plan.turns * 3 // 4,)}):
        shorter = plan.but(turns=turns, faults=tuple(fault for fault in plan.faults if fault.turn < turns))
        if fails(shorter):
            plan = shorter
            break
    size = max(1, len(plan.faults) // 2)
    while plan.faults:
        at = 0
        while at < len(plan.faults):
            fewer = plan.but(faults=plan.faults[:at] + plan.faults[at + size :])
            if fails(fewer):
                plan = fewer
            else:
                at += size
        if size == 1:
            break
        size //= 2
    return plan
