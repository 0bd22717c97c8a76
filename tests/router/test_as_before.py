"""Journals outlive code: from the same log every version tells the same events, under the same numbers.

ExecIDs and rows of the database have these numbers. Where one of these digests changes, the log's as well as its
events', a start would tell under known numbers what nobody has seen: either the change is an accident, or it is one of
behaviour, which a logged `rules_version` has to switch, and the old digest stays beside the new one.
"""

from __future__ import annotations

import hashlib
import random

import pytest

from tests.router.everything import Everything
from tests.router.rig import Rig

# By seed, of the log and of the events of router and matchers: their first 16 hexadecimal digits.
DIGESTS = {
    0: ("baa1f901fd9fbf60", "a52a1bdb400ea462"),
    1: ("111c69058a172c04", "22d2336fff4cb7a0"),
}


def digest(records: list[bytes]) -> str:
    return hashlib.sha256(b"".join(records)).hexdigest()[:16]


@pytest.mark.parametrize("seed", DIGESTS)
def test_a_log_comes_to_the_events_that_it_came_to_before(seed: int) -> None:
    rig = Rig(closed_ids=20).lead()
    driver = Everything(rig, random.Random(seed))
    for _ in range(600):
        driver.step()
    rig.run()
    rig.tick()
    told = [event for ring in (0, 1, 2) for event in rig.events[ring]]
    assert (digest(rig.log), digest(told)) == DIGESTS[seed]
