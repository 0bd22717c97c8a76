"""A venue of a process for each stage, which syncs nothing, survives the same.

Faults of the processes that the compact profile has likewise are left to that one's round, but for the journal's, which
here does not sync; `make soak` has all of them here too.
"""

from __future__ import annotations

import pytest

from tests.pipeline.campaign import Campaign, campaign, run_round, run_soak, venue_of

__all__ = ["campaign"]  # a fixture

VENUE = venue_of("spread", "none")
LIKEWISE = ("publisher", "batcher", "gateway", "api", "supervisor", "postgres", "cut")


@VENUE
@pytest.mark.timeout(300)
def test_every_fault_loses_and_doubles_nothing(campaign: Campaign) -> None:
    run_round(campaign, but=LIKEWISE)


@pytest.mark.soak
@VENUE
def test_any_number_of_faults_loses_and_doubles_nothing(campaign: Campaign) -> None:
    run_soak(campaign, "spread")
