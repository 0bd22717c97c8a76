"""`python -m tests.simulation`: simulates a venue, seed by seed.

--seed N          one seed, of a venue of one node or of --nodes 2; a failure is shrunk and told
--seeds N         seeds from --first (0) on, of one node and of two, or of --nodes; a summary is in var/simulation.md
--minutes M       as many new seeds as that takes, from --first on
--hunt            for each planted bug, the first of 500 seeds from --first on that finds it
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.simulation import run
from tests.simulation.bugs import BUGS
from tests.simulation.pair_plan import has_witness, is_operated
from tests.simulation.plan import draw
from tests.simulation.planted_api import BUGS_OF_API
from tests.simulation.planted_operations import BUGS_OF_OPERATIONS
from tests.simulation.planted_pair import BUGS_OF_TWO, RARE
from tests.simulation.planted_witness import BUGS_OF_WITNESS

SUMMARY = Path("var/simulation.md")
HUNT_SEEDS = 500


def main() -> int:
    """0 where everything held and everything was met."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--hunt", action="store_true")
    parser.add_argument("--nodes", type=int, choices=(1, 2))
    options = parser.parse_args()
    if options.seed is not None:
        return one(options.seed, options.nodes or 1)
    if options.hunt:
        return hunt_all(options.first)
    kinds = (options.nodes,) if options.nodes else (1, 2)
    tallies, is_good = [], True
    for nodes in kinds:
        seeds: Iterator[int] | range = range(options.first, options.first + options.seeds)
        if options.minutes is not None:
            seeds = until(time.monotonic() + 60 * options.minutes / len(kinds), options.first)
        tallies.append(run.run_all(seeds, nodes))
        print(tallies[-1].markdown())
        is_good = is_well(tallies[-1]) and is_good
    run.write_summary(tallies, SUMMARY)
    return int(not is_good)


def one(seed: int, nodes: int) -> int:
    outcome = run.run_pair(seed) if nodes == 2 else run.run_seed(seed)
    if not outcome.failure:
        print(f"seed {seed}: all holds, {outcome.turns} turns, digest {outcome.digest}; {dict(outcome.seen)}")
        return 0
    print(run.story(outcome))
    print("the smallest plan that still fails:\n" + run.story(run.shrink(outcome)))
    return 1


def is_well(tally: run.Tally) -> bool:
    """Whether everything held, and everything was met where there were seeds enough for that."""
    missing = tally.missing() if tally.seeds >= run.ENOUGH else []
    if missing:
        print(f"never met: {', '.join(missing)}")
    return not (tally.failures or missing)


def until(deadline_s: float, first: int) -> Iterator[int]:
    return itertools.takewhile(lambda _: time.monotonic() < deadline_s, itertools.count(first))


def hunt_all(first: int) -> int:
    missed = 0
    for name, bug in (BUGS | BUGS_OF_API | BUGS_OF_TWO | BUGS_OF_WITNESS | BUGS_OF_OPERATIONS).items():
        if name in RARE:
            continue
        run_one = run.run_seed if name in BUGS | BUGS_OF_API else run.run_pair
        seeds: Iterable[int] = range(first, first + HUNT_SEEDS)
        if name in BUGS_OF_WITNESS:
            seeds = filter(has_witness, seeds)
        if name in BUGS_OF_OPERATIONS:
            seeds = filter(is_operated, seeds)
        if name in BUGS_OF_API:
            seeds = (seed for seed in seeds if draw(seed).has_api)
        found = run.hunt(bug(), seeds, run_one)
        missed += found is None
        where = f"seed {found.plan.seed}: {found.failure[:150]}" if found else "NOT FOUND"
        print(f"| {name} | {where} |", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
