"""Planted bugs: each is found by a pinned seed, which finds nothing if there is no bug."""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.planted_api import BUGS_OF_API
from tests.simulation.run import run_seed
from tests.simulation.test_seeds import SEEDS

# A change of what a run does may move a find to another seed: `python -m tests.simulation --hunt` says to which.
FOUND_BY = {
    "ReleasedBeforeSync": 1,
    "NeverSynced": 2,
    "RetriedAfterError": 93,
    "BelievedMemory": 261,
    "NoDirectorySync": 2,
    "NamedBeforeHeader": 46,
    "RewrittenPages": 157,
    "TruncatedInTheMiddle": 1,
    "WatermarkOutside": 959,
    "UngatedMarketData": 0,
    "UngatedReports": 8,
    "UngatedRows": 0,
    "ForgottenIds": 0,
    "RecomputedVerdicts": 0,
    "MissingMarkers": 0,
    "ReportsRepeated": 1,
    "ClockOfItsOwn": 244,
    "NumbersRestarted": 1,
    "SavedTooLate": 1,
    "ManifestBeforeParts": 5,
    "ReleasedBeforePublished": 196,
    "FreedBeforeSync": 16,
    "RetainedTooLittle": 230,
    "ReservedTooLate": 855,
    "StoreNotSynced": 996,
    "SpoolNotSynced": 131,
    "NumbersNotSynced": 2,
    "ReservationsUnread": 3,
    "DeathByFullDisk": 0,
    "ToldUnstored": 6,
    "ResendLeavesOut": 0,
    "LogoutLast": 16,
    "RowsBeforeSpool": 210,
    "WitnessesUnasked": 0,
    "AnsweredBeforeCommit": 4,
    "RetrySentTwice": 6,
    "BalancesUnsettled": 6,
    "ForgottenWithTheCore": 80,
    "OpenOrderLost": 6,
}
PLANTED = BUGS | BUGS_OF_API


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found(name: str) -> None:
    """Each bug names what it breaks; among them are LOG-13 at each edge, and LOG-17 under losses of power."""
    assert run_seed(FOUND_BY[name], PLANTED[name]()).failure


@pytest.mark.parametrize("seed", sorted(set(FOUND_BY.values()) - {*SEEDS}))  # test_seeds.py has the others
def test_without_it_all_holds(seed: int) -> None:
    assert not run_seed(seed).failure
