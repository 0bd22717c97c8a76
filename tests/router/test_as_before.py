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
    (1, 0, apart): ("6fbac1a81ee29a15", "fbb481735276d405"),
    (1, 1, apart): ("db50ad8ad63dd2c3", "3e31cc51a51a51a6"),
    (1, 0, meaning): ("7903eab4801f230c", "17241d077d6627a4"),
    (1, 1, meaning): ("c98b0e762829ec77", "08a7b35b8276233e"),
    (4, 0, apart): ("92f14d7ea3465cdc", "f8a5ae75dfc62cde"),
    (4, 1, apart): ("ec4fcf91cab10e40", "3e763f571ea2381a"),
    (4, 0, meaning): ("47b53c27f140b828", "f8b3124b8407a284"),
    (4, 1, meaning): ("b6f381e0d9ac7457", "8262656de030f60f"),
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
