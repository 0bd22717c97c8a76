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
    (1, 0, apart): ("a36a0524ac078746", "9b54befaadf60061"),
    (1, 1, apart): ("06896444147b9737", "04ceb7428f5943b1"),
    (1, 0, meaning): ("41a16ecf4ebbe3bd", "d7b0d5a009969e75"),
    (1, 1, meaning): ("dfd6e56340df973d", "fe6973fbadeee404"),
    (4, 0, apart): ("4f3369a0eba1d782", "a3a3e2f9c6423809"),
    (4, 1, apart): ("c57d3a8e90a13aaa", "145f9be99c4cf1ca"),
    (4, 0, meaning): ("7960722cec7480cc", "cdb513d4b8516e4e"),
    (4, 1, meaning): ("d63e4a1fab9d5fc4", "fd4c17f02310042f"),
}


def digest(records: list[bytes]) -> str:
    return hashlib.sha256(b"".join(records)).hexdigest()[:16]


@pytest.mark.parametrize(("rules", "seed", "words"), DIGESTS)
def test_a_log_comes_to_the_events_that_it_came_to_before(rules: int, seed: int, words: Wording) -> None:
    """LOG-10, LOG-23."""
    rig = Rig(closed_ids=20, rules=rules).lead()
    driver = Everything(rig, random.Random(seed), words, names=False)
    for _ in range(600):
        driver.step()
    rig.run()
    rig.tick()
    told = [event for ring in (0, 1, 2) for event in rig.events[ring]]
    assert (digest(rig.log), digest(told)) == DIGESTS[rules, seed, words]
