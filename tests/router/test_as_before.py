"""Journals outlive code: from the same log every version tells the same events, under the same numbers.

ExecIDs and rows of the database have these numbers. Where one of these digests changes, the log's as well as its
events', a start would announce new contents under known numbers: either the change is an accident, or it is one of
behaviour, which a logged `rules_version` has to switch, and the old digest stays beside the new one.
"""

from __future__ import annotations

import hashlib
import random

import pytest

from tests.naming import apart, meaning
from tests.router.random_driver import Everything
from tests.router.requests import Wording
from tests.router.rig import Rig

# By rules, seed and wording, of the log and of the events of router and matchers: their first 16 hexadecimal digits.
DIGESTS: dict[tuple[int, int, Wording], tuple[str, str]] = {
    (1, 0, apart): ("baa1f901fd9fbf60", "a52a1bdb400ea462"),
    (1, 1, apart): ("111c69058a172c04", "22d2336fff4cb7a0"),
    (1, 0, meaning): ("df096c831557da73", "f915eebe7d0de6de"),
    (1, 1, meaning): ("67b7692e47ed9781", "b453124192b6ee94"),
}


def digest(records: list[bytes]) -> str:
    return hashlib.sha256(b"".join(records)).hexdigest()[:16]


@pytest.mark.parametrize(("rules", "seed", "words"), DIGESTS)
def test_a_log_comes_to_the_events_that_it_came_to_before(rules: int, seed: int, words: Wording) -> None:
    """LOG-10, LOG-23."""
    rig = Rig(closed_ids=20, rules=rules).lead()
    driver = Everything(rig, random.Random(seed), words)
    for _ in range(600):
        driver.step()
    rig.run()
    rig.tick()
    told = [event for ring in (0, 1, 2) for event in rig.events[ring]]
    assert (digest(rig.log), digest(told)) == DIGESTS[rules, seed, words]
