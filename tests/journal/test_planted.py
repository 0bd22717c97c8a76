"""Planted bugs: each is caught by a pinned seed, which finds nothing if there is no bug."""

from __future__ import annotations

import pytest

from lockstep.core.journal.journal import JournalError
from tests.broken import BrokenError
from tests.journal.life import live
from tests.simulation import planted_disk
from tests.simulation.disk import FakeDisk

CAUGHT_BY: dict[type[FakeDisk], int] = {
    planted_disk.NoDirectorySync: 1,
    planted_disk.PublishesBeforeSync: 0,
    planted_disk.NamesBeforeHeader: 2,
    planted_disk.RewritesSyncedPages: 10,
    planted_disk.RetriesSync: 10,
    planted_disk.BelievesMemory: 110,
}


@pytest.mark.parametrize("bug", CAUGHT_BY, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_caught(bug: type[FakeDisk]) -> None:
    """LOG-26, LOG-27."""
    seed = CAUGHT_BY[bug]
    live(seed, FakeDisk(seed))
    with pytest.raises((BrokenError, JournalError)):
        live(seed, bug(seed))
