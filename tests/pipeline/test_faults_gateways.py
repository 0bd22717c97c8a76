"""A venue with two gateways survives the same, for SOAK_S seconds: each process dies and hangs again and again."""

from __future__ import annotations

import pytest

from tests.pipeline.campaign import Campaign, campaign, run_soak, venue_of

__all__ = ["campaign"]  # a fixture


@pytest.mark.soak
@venue_of("compact", "local", gateways=2, bound={"TRADER7": 2})
def test_any_number_of_faults_loses_and_doubles_nothing(campaign: Campaign) -> None:
    run_soak(campaign, "gateways")
