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
    (1, 0, apart): ("f1898d7fc7576d4c", "df73a5230ff1faaf"),
    (1, 1, apart): ("ae3c956b1ed184f2", "21ff6d845ff52eb5"),
    (1, 0, meaning): ("ffd285de0e18b082", "cb26f98e24aa50df"),
    (1, 1, meaning): ("ab93d9e65720a3a6", "dd1e104d4da4051d"),
    (4, 0, apart): ("c6253dacf884dca5", "0d59620ca5c0534e"),
    (4, 1, apart): ("0884fc84de8f9f65", "eaa01555ec8b7f29"),
    (4, 0, meaning): ("fd695ba416e7ef8a", "142baef21ead940c"),
    (4, 1, meaning): ("ea1d725e1bfc1ce1", "1813cc91e5e9f5be"),
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
