"""Operators' commands, and lost and restored folders, of two nodes: how four bugs came about, without them and with.

`make sim` draws such runs, one seed in seven, and `make soak` new ones; it hunts for each planted bug among them, too.
"""

from __future__ import annotations

import itertools
from random import Random

import pytest
from msgspec import structs

from tests.simulation.pair_plan import PairPlan, draw, is_operated
from tests.simulation.plan import Fault
from tests.simulation.planted_operations import BUGS_OF_OPERATIONS
from tests.simulation.run import Outcome, run, run_pair, shrink, story

SEEDS = (300, 370)  # each found something once
# When what happens to which node; the names of bugs are those that it finds.
STORIES = {
    "BegunByAStart": ((2000, "folder lost", "a"),),
    "EmptyLeads": ((2400, "link cut", "a"), (2401, "journal emptied", "a")),
    "RestoredLeadsAlone": ((1800, "backup taken", "a"), (2400, "link cut", "a"), (2401, "folder restored", "a")),
    "WordBelieved": (
        (1000, "leader dies", "a"),
        (2300, "failover", "b"),
        (3200, "leader dies", "b"),
        (3201, "node started", "a"),
        *((turn, "failover by a true word", "a") for turn in range(3210, 3900, 50)),
    ),
    "RejoinKeepsTail": (
        (1000, "link cut", "a"),
        (1200, "leader dies", "a"),
        *((turn, "failover by a true word", "b") for turn in range(2000, 3200, 50)),
        *((turn, "rejoin", "a") for turn in range(3300, 3900, 50)),
    ),
    "SameEpoch": ((2000, "failover while the other lives", "b"), (2800, "kill router", "a")),
}


def plan_of(name: str) -> PairPlan:
    """The plan of a story."""
    faults = (Fault(turn, kind, pick(node)) for turn, kind, node in STORIES[name])
    return structs.replace(draw(13), durability="both", turns=4000, step_ns=2_000_000, faults=tuple(faults))


def pick(node: str) -> int:
    """A seed of which the first choice among the nodes is this one."""
    return next(seed for seed in itertools.count() if Random(seed).choice("ab") == node)


def check(outcome: Outcome) -> None:
    if outcome.failure:
        pytest.fail(f"{story(outcome)}\nthe smallest plan that still fails:\n{story(shrink(outcome))}")


@pytest.mark.parametrize("seed", SEEDS)
def test_two_nodes_hold_whatever_operators_do(seed: int) -> None:
    """I2, I3, I9."""
    assert is_operated(seed)
    check(run_pair(seed))


@pytest.mark.parametrize("name", STORIES)
def test_two_nodes_hold_where_a_bug_was(name: str) -> None:
    """LOG-21, I9."""
    outcome = run(plan_of(name))
    check(outcome)
    assert all(outcome.seen[kind] for _, kind, _ in STORIES[name])


@pytest.mark.parametrize("name", BUGS_OF_OPERATIONS)
def test_a_bug_at_a_start_or_a_word_is_found(name: str) -> None:
    """LOG-21, I9."""
    assert run(plan_of(name), BUGS_OF_OPERATIONS[name]()).failure
