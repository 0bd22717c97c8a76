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

# By seed and wording, of the log and of the events of router and matchers: their first 16 hexadecimal digits.
DIGESTS: dict[tuple[int, Wording], tuple[str, str]] = {
    (0, apart): ("b8436fe25a556f74", "f0d45236dfd37587"),
    (1, apart): ("d6e72599ae0dd081", "9849bb0573a66310"),
    (0, meaning): ("26b370b6b116b0b9", "af7240a10ae10ed1"),
    (1, meaning): ("e65d69e8d3c76bde", "2d2650232bd75bbd"),
}


def digest(records: list[bytes]) -> str:
    return hashlib.sha256(b"".join(records)).hexdigest()[:16]


@pytest.mark.parametrize(("seed", "words"), DIGESTS)
def test_a_log_comes_to_the_events_that_it_came_to_before(seed: int, words: Wording) -> None:
    """LOG-10, LOG-23."""
    rig = Rig(closed_ids=20).lead()
    driver = Everything(rig, random.Random(seed), words)
    for _ in range(600):
        driver.step()
    rig.run()
    rig.tick()
    told = [event for ring in (0, 1, 2) for event in rig.events[ring]]
    assert (digest(rig.log), digest(told)) == DIGESTS[seed, words]
