"""Seeds of two nodes that `make test` runs, and the bugs of two nodes, each found by a pinned seed.

What holds is I1 to I10 of both; `make sim` runs 500 seeds, and `make soak` hunts for each bug among new ones.
"""

from __future__ import annotations

import pytest

from tests.simulation.planted_pair import BUGS_OF_TWO
from tests.simulation.planted_witness import BUGS_OF_WITNESS
from tests.simulation.run import run_pair, shrink, story

SEEDS = (1179,)
# A change of what a run does may move a find to another seed: `python -m tests.simulation --hunt` says to which.
FOUND_BY = {
    "AcknowledgedBeforeSync": 1,
    "ReleasedAfterFencing": 27,
    "StaleFrameTaken": 10,
    "SentUncommitted": 40,
    "PromotedBehindAHole": 10,
    "ReservationLost": 27,
    "EpochUnchecked": 77,
    "LeaseKeptTooLong": 134,
    "LeaseByWallClock": 134,
    "TakenWithoutCompare": 197,
    "TakenByNoMember": 182,
    "RestoredEtcdBelieved": 113,
    "SentWithoutLease": 2,
}
PLANTED = BUGS_OF_TWO | BUGS_OF_WITNESS


@pytest.mark.parametrize("seed", sorted({*SEEDS, *FOUND_BY.values()}))
def test_two_nodes_hold(seed: int) -> None:
    """I9, and all others of both nodes."""
    outcome = run_pair(seed)
    if outcome.failure:
        pytest.fail(f"{story(outcome)}\nthe smallest plan that still fails:\n{story(shrink(outcome))}")


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_of_two_nodes_is_found(name: str) -> None:
    """LOG-13 and I9 at the link, and at the lease."""
    assert run_pair(FOUND_BY[name], PLANTED[name]()).failure
