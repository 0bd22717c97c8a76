"""The seeds that `make test` runs, in parts: one file of tests each, so that pytest's workers share them."""

from __future__ import annotations

import pytest

from tests.simulation.run import Tally, run_seed, shrink, story

CHUNK = 25
SEEDS_A_PART = 125

# Found, and not mended: what such a seed fails with. One that fails no more, or otherwise, fails the test.
OPEN = {
    182: "JournalError: /simulated begins at sequence",  # a core starts again while retention removes what it needs
    190: "JournalError: /simulated begins at sequence",  # the same after a short write, in a whole start
    195: "I10: it doesn't come to this: every request is answered",
    449: "DamagedPart: a part of",  # an edge starts again alone, and its part of the run's snapshot is damaged
}


def chunks(part: int) -> list[range]:
    """The seeds of a part, a test each."""
    first = part * SEEDS_A_PART
    return [range(begin, begin + CHUNK) for begin in range(first, first + SEEDS_A_PART, CHUNK)]


def check(seeds: range, tally: Tally) -> None:
    """Every seed holds; the first that doesn't is shrunk and told."""
    for seed in seeds:
        outcome = run_seed(seed)
        tally.add(outcome)
        if seed in OPEN:
            assert OPEN[seed] in outcome.failure, f"seed {seed} is no longer open: {story(outcome)}"
        elif outcome.failure:
            pytest.fail(f"{story(outcome)}\nthe smallest plan that still fails:\n{story(shrink(outcome))}")


def check_met(tally: Tally) -> None:
    """All that can happen has happened in these seeds: a fault that never strikes shows nothing."""
    if tally.seeds < SEEDS_A_PART:
        pytest.skip("not all of this file's seeds were run")
    assert not tally.missing()
