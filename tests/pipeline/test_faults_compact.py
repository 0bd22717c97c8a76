"""A venue of five processes, each commit synced, survives the death, stall and restart of every process under load.

All faults of the topology hit one venue once, in an order drawn from LOCKSTEP_FAULTS_SEED; `make soak` goes on for
SOAK_S seconds, in which each comes again and again, and leaves its report in var/.
"""

from __future__ import annotations

import pytest

from tests.pipeline.campaign import Campaign, campaign, run_round, run_soak, venue_of

__all__ = ["campaign"]  # a fixture

VENUE = venue_of("compact", "local")


@VENUE
@pytest.mark.timeout(300)
def test_every_fault_loses_and_doubles_nothing(campaign: Campaign) -> None:
    """I10: life goes on."""
    run_round(campaign)


@pytest.mark.soak
@VENUE
def test_any_number_of_faults_loses_and_doubles_nothing(campaign: Campaign) -> None:
    run_soak(campaign, "compact")
