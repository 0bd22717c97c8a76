"""The seeds that `make test` runs, in parts: one file of tests each, so that pytest's workers share them."""

from __future__ import annotations

import pytest

from tests.simulation.run import Tally, run_seed, shrink, story

CHUNK = 25
SEEDS_A_PART = 125


def chunks(part: int) -> list[range]:
    """The seeds of a part, a test each."""
    first = part * SEEDS_A_PART
    return [range(begin, begin + CHUNK) for begin in range(first, first + SEEDS_A_PART, CHUNK)]


def check(seeds: range, tally: Tally) -> None:
    """Every seed holds; the first that doesn't is shrunk and told."""
    for seed in seeds:
        outcome = run_seed(seed)
        tally.add(outcome)
        if outcome.failure:
            pytest.fail(f"{story(outcome)}\nthe smallest plan that still fails:\n{story(shrink(outcome))}")


def check_met(tally: Tally) -> None:
    """All that can happen has happened in these seeds: a fault that never strikes shows nothing."""
    if tally.seeds < SEEDS_A_PART:
        pytest.skip("not all of this file's seeds were run")
    assert not tally.missing()
