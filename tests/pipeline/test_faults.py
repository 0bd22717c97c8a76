"""A venue under FIX load survives the death, stall and restart of every process: nothing is lost, nothing is doubled.

All faults of a topology hit one venue, in an order drawn from LOCKSTEP_FAULTS_SEED; `make soak` goes on for SOAK_S
seconds, and leaves its report in var/.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.campaign import Campaign
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.stream import Stream, await_progress, finish

SEED = int(os.environ.get("LOCKSTEP_FAULTS_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
SOAK_S = float(os.environ.get("SOAK_S", "600"))
ROUNDS = 3
HEARTBEAT_TIMEOUT_S = 2.0
COMPACT: dict[str, Any] = {"profile": "compact", "durability": "local", "heartbeat_timeout_s": HEARTBEAT_TIMEOUT_S}
SPREAD: dict[str, Any] = {"profile": "spread", "durability": "none", "heartbeat_timeout_s": HEARTBEAT_TIMEOUT_S}
TOPOLOGIES = pytest.mark.parametrize("venue", [COMPACT, SPREAD], indirect=True, ids=["compact-local", "spread-none"])
REPORTS = Path("var")


@pytest.fixture
def campaign(venue: RunningVenue) -> Iterator[Campaign]:
    """A venue that trades. At the end everything is checked: by its client, by `verify`, by its own orderly stop."""
    print(f"LOCKSTEP_FAULTS_SEED={SEED}")
    stream = Stream(venue.client("TRADER7"))
    stream.start()
    await_progress(stream, time.monotonic())
    campaign = Campaign(venue, stream, SEED)
    yield campaign
    print(campaign.report())


def settle(campaign: Campaign) -> None:
    finish(campaign.stream)
    assert campaign.venue.stop() == 0
    campaign.venue.verify()


@TOPOLOGIES
@pytest.mark.timeout(300)
def test_every_fault_a_few_times_loses_and_doubles_nothing(campaign: Campaign) -> None:
    faults = campaign.faults() * ROUNDS
    campaign.chance.shuffle(faults)
    for fault in faults:
        campaign.run(fault)
    settle(campaign)


@pytest.mark.soak
@TOPOLOGIES
def test_any_number_of_faults_loses_and_doubles_nothing(campaign: Campaign, request: pytest.FixtureRequest) -> None:
    faults = campaign.faults()
    end_s = time.monotonic() + SOAK_S
    while time.monotonic() < end_s:
        campaign.run(campaign.chance.choice(faults))
    settle(campaign)
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / f"faults-{request.node.callspec.id}.md").write_text(campaign.report() + "\n")
