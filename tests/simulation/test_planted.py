"""Planted bugs: each is found by a pinned seed, which finds nothing where there is no bug."""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.run import run_seed

FOUND_BY = {
    "ReleasedBeforeSync": 0,
    "NeverSynced": 2,
    "RetriedAfterError": 18,
    "BelievedMemory": 18,
    "NoDirectorySync": 2,
    "NamedBeforeHeader": 27,
    "TruncatedInTheMiddle": 0,
    "WatermarkOutside": 17,
    "UngatedMarketData": 0,
    "UngatedReports": 5,
    "UngatedRows": 0,
    "ForgottenIds": 0,
    "RecomputedVerdicts": 5,
    "MissingMarkers": 0,
    "ReportsRepeated": 0,
}


@pytest.mark.parametrize("name", FOUND_BY)
def test_a_planted_bug_is_found(name: str) -> None:
    assert run_seed(FOUND_BY[name], BUGS[name]()).failure


@pytest.mark.parametrize("seed", sorted(set(FOUND_BY.values())))
def test_without_it_all_holds(seed: int) -> None:
    assert not run_seed(seed).failure
