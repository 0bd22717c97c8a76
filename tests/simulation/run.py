"""Runs seeds: one by one, in a row, or until a planted bug is found; shrinks what fails; counts what happened.

A seed's outcome follows from its number and the code alone, on any machine.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from msgspec import Struct

from tests.logged import captured
from tests.simulation import pair_plan
from tests.simulation import plan as plans
from tests.simulation.bugs import Bug
from tests.simulation.pair import Pair
from tests.simulation.pair_plan import LATER, NODE_FAULTS, ONE_NODE, OPERATIONS, WITNESS_FAULTS, PairPlan
from tests.simulation.plan import FAULTS, FILE_FAULTS, Plan
from tests.simulation.world import World

# What a run of many seeds must have met beside all faults, at least once: ways back, and outcomes.
RECOVERIES = (
    "whole start", "power loss at once", "power loss inside the disk", "end after a disk error", "connection",
    "session reset", "resent report", "batch of the database undone", "batch of the database done unseen",
    "journal cut", "numbers reserved ahead", "numbers waited for", "order refused", "order traded",
    "trade told to the public", "record committed twice alike", "core restart", "journaler alone", "gateway alone",
    "publisher alone", "batcher alone", "start from a snapshot", "snapshot passed over", "edge changed rings",
    "edge caught up", "taken out of the gate", "edge came back from outside the gate",
    "damaged end refused", "start refused after a loss", "start with less after a loss", "withdrawal paid",
    "withdrawal given back", "deposit by two operators", "silence", "api alone", "api at rest started again",
    "outcome not known", "same request again", "same id again", "api: order", "api: cancel", "api: cancel_replace",
    "api: amend", "api: pair", "api: cancel_all", "api: -1008", "api: -1021", "api: -2010",
)  # fmt: skip
ROLES = (
    "promotion", "asked to hand over", "handed over", "switchover not done in time", "fenced", "start refused",
    "rejoined with all", "rejoined from nothing", "replicated", "both", "local", "core restart", "snapshot",
    "start from a snapshot", "witness alone", "took over", "went alone",
    "asked for another word",
)  # fmt: skip
FAULTS_OF_TWO = tuple(dict.fromkeys((*NODE_FAULTS, *WITNESS_FAULTS, *OPERATIONS, *LATER, *ONE_NODE)))
INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I10")
ENOUGH = 300  # seeds from which on a fault or recovery that never occurred is a failure of the run

RunOne = Callable[..., "Outcome"]  # of a seed, and a bug


class Outcome(Struct, frozen=True):
    """How a plan ended: `failure` is "" where everything held. `digest` is of all that was said and written."""

    plan: Plan
    failure: str
    seen: Counter[str]
    turns: int
    digest: str


def run(plan: Plan, bug: Bug | None = None) -> Outcome:
    """One run. Whatever a stage raises is a failure, too: our own bugs end processes."""
    world = Pair(plan, bug) if isinstance(plan, PairPlan) else World(plan, bug)
    failure = ""
    try:
        with captured():  # a journal that is cut says so, and is cut often here
            world.run()
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"[:2000]
    finally:
        seen, digest = world.counts(), world.digest()
        world.close()
    return Outcome(plan, failure, seen, world.turn, digest)


def run_seed(seed: int, bug: Bug | None = None) -> Outcome:
    return run(plans.draw(seed), bug)


def run_pair(seed: int, bug: Bug | None = None) -> Outcome:
    """The seed's run with two nodes."""
    return run(pair_plan.draw(seed), bug)


def shrink(outcome: Outcome, bug: Bug | None = None) -> Outcome:
    """A smaller plan that still fails, and how."""
    return run(plans.shrunk(outcome.plan, lambda plan: bool(run(plan, bug).failure)), bug)


def hunt(bug: Bug, seeds: Iterable[int], run_one: RunOne = run_seed) -> Outcome | None:
    """The first of `seeds` that finds the bug; None if none does."""
    for seed in seeds:
        outcome = run_one(seed, bug)
        if outcome.failure:
            return outcome
    return None


def story(outcome: Outcome) -> str:
    """A failure as a person wants it: what happened, when, and how to see it again."""
    plan = outcome.plan
    with_witness = ", a witness" if isinstance(plan, PairPlan) and plan.has_witness else ""
    lines = [
        f"seed {plan.seed} fails at turn {outcome.turns}: {outcome.failure}",
        f"  {plan.durability}, {plan.profile}, {plan.matchers} matcher(s), {plan.turns} turns{with_witness}",
        f"  rings of {plan.ring_ingress}, {plan.ring_log} and {plan.ring_events} slots",
        *(f"  {fault}" for fault in plan.faults),
        f"  again: make sim SEED={plan.seed}{' NODES=2' if isinstance(plan, PairPlan) else ''}",
    ]
    return "\n".join(lines)


class Tally:
    """What many runs came to, of `nodes` nodes."""

    def __init__(self, nodes: int = 1) -> None:
        self.nodes = nodes
        self.seeds = 0
        self.turns = 0
        self.seen: Counter[str] = Counter()
        self.failures: list[Outcome] = []
        self.began_s = time.monotonic()

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.turns += outcome.turns
        self.seen += outcome.seen
        if outcome.failure:
            self.failures.append(outcome)

    def missing(self) -> list[str]:
        """Faults, recoveries and checks that never occurred."""
        if self.nodes == 2:
            wanted = (*FAULTS_OF_TWO, *ROLES, *(f"checked {name}" for name in (*INVARIANTS, "I9")))
            return [name for name in wanted if not self.seen[name]]
        met = (f"met {kind}" for kind in FILE_FAULTS)
        wanted = (*FAULTS, *FILE_FAULTS, *met, *RECOVERIES, *(f"checked {name}" for name in INVARIANTS))
        return [name for name in wanted if not self.seen[name]]

    def markdown(self) -> str:
        """The summary."""
        took_s = time.monotonic() - self.began_s
        if self.nodes == 2:
            return self._of_two(took_s)
        rows = [
            f"# Simulation: {self.seeds} seeds, {self.turns} turns, {len(self.failures)} failures, {took_s:.0f} s", "",
            "| fault | injected |", "| --- | ---: |", *(f"| {name} | {self.seen[name]} |" for name in FAULTS),
            *(f"| {name} | {self.seen[name]}, met {self.seen[f'met {name}']} |" for name in FILE_FAULTS), "",
            "| recovery or outcome | seen |", "| --- | ---: |",
            *(f"| {name} | {self.seen[name]} |" for name in RECOVERIES), "",
            "| invariant | runs in which it was checked at the end |", "| --- | ---: |",
            *(f"| {name} | {self.seen[f'checked {name}']} |" for name in INVARIANTS),
        ]  # fmt: skip
        return "\n".join(rows) + "\n"

    def _of_two(self, took_s: float) -> str:
        rows = [
            f"# Two nodes: {self.seeds} seeds, {self.turns} turns, {len(self.failures)} failures, {took_s:.0f} s", "",
            "| fault | injected |", "| --- | ---: |",
            *(f"| {name} | {self.seen[name]} |" for name in FAULTS_OF_TWO), "",
            "| change or outcome | seen |", "| --- | ---: |",
            *(f"| {name} | {self.seen[name]} |" for name in ROLES), "",
            "| invariant | nodes at which it was checked at the end |", "| --- | ---: |",
            *(f"| {name} | {self.seen[f'checked {name}']} |" for name in (*INVARIANTS, "I9")),
        ]  # fmt: skip
        return "\n".join(rows) + "\n"


def outcomes(seeds: Iterable[int], run_one: RunOne = run_seed) -> Iterator[Outcome]:
    """How each seed ends, in their order; a process for each CPU runs them."""
    seeds = iter(seeds)
    processes = os.cpu_count() or 1
    with ProcessPoolExecutor(processes) as pool:
        while batch := list(itertools.islice(seeds, 8 * processes)):
            yield from pool.map(run_one, batch)


def run_all(seeds: Iterable[int], nodes: int = 1) -> Tally:
    """Run them; failures are reported as they come, the first one shrunk."""
    tally = Tally(nodes)
    for outcome in outcomes(seeds, run_pair if nodes == 2 else run_seed):
        tally.add(outcome)
        if outcome.failure:
            print(story(outcome), flush=True)
            if len(tally.failures) == 1:
                print("the smallest plan that still fails:\n" + story(shrink(outcome)), flush=True)
    return tally


def write_summary(tallies: Iterable[Tally], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(tally.markdown() for tally in tallies))
