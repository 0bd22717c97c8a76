"""A venue of a process for each stage, which syncs nothing, survives the same."""

from __future__ import annotations

import pytest

from tests.pipeline.campaign import HEARTBEAT_TIMEOUT_S, Campaign, campaign, run_rounds, run_soak

__all__ = ["campaign"]  # a fixture

VENUE = pytest.mark.parametrize(
    "venue",
    [{"profile": "spread", "durability": "none", "heartbeat_timeout_s": HEARTBEAT_TIMEOUT_S}],
    indirect=True,
    ids=["spread-none"],
)


@VENUE
@pytest.mark.timeout(300)
def test_every_fault_loses_and_doubles_nothing(campaign: Campaign) -> None:
    run_rounds(campaign, 1)


@pytest.mark.soak
@VENUE
def test_any_number_of_faults_loses_and_doubles_nothing(campaign: Campaign) -> None:
    run_soak(campaign, "spread-none")
