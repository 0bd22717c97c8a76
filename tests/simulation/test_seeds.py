"""The seeds that `make test` runs: what each draws is in plan.py, what must hold in tests/invariants.py.

That is I1, I2, I3, I4, I5, I6, I7, I8 and, once all faults are over, I10. `make sim` runs 500,
`make soak` new seeds.
"""

from __future__ import annotations

import pytest

from tests.simulation.run import Tally, run_seed, shrink, story

SEEDS = (*range(37), 40, 69, 87, 119, 436)  # in which, together, everything happens
CHUNK = 20
TALLY = Tally()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("begin", range(0, len(SEEDS), CHUNK))
def test_seeds_hold(begin: int) -> None:
    """Every seed holds; the first that doesn't is shrunk and reported."""
    for seed in SEEDS[begin : begin + CHUNK]:
        outcome = run_seed(seed)
        TALLY.add(outcome)
        if outcome.failure:
            pytest.fail(f"{story(outcome)}\nthe smallest plan that still fails:\n{story(shrink(outcome))}")


def test_every_fault_and_recovery_was_met() -> None:
    """All that can happen has happened in these seeds: a fault that never strikes shows nothing."""
    if TALLY.seeds < len(SEEDS):
        pytest.skip("not all seeds were run")
    assert not TALLY.missing()
