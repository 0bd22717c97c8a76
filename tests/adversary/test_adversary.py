"""Clients that mean harm beside an honest one, in a real venue: the honest one notices nothing.

What they do is drawn from a seed, which a failure prints: LOCKSTEP_ADVERSARY_SEED=n draws it again. `make soak` goes on
with new seeds for SOAK_S seconds.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom

import pytest

from tests.adversary.full import run_full
from tests.adversary.siege import SEED, SOAK_S, Siege
from tests.pipeline.conftest import RunningVenue
from tests.small_disk import SmallDisk

SIEGE_S = 12.0
FULL_S = 8.0
DISK_BYTES = 256 << 20
LONG_S = 120.0  # of one siege of a soak


@pytest.mark.timeout(300)
def test_who_is_honest_notices_nothing(tmp_path: Path) -> None:
    besiege(tmp_path, SEED, SIEGE_S)


@pytest.mark.timeout(300)
def test_a_full_disk_takes_new_orders_only(small_disk: Callable[[int], SmallDisk]) -> None:
    run_full(small_disk(DISK_BYTES), SEED, FULL_S)


@pytest.mark.soak
def test_long(tmp_path: Path) -> None:
    until_s = time.monotonic() + SOAK_S
    first = SystemRandom().randrange(1, 2**32)
    for number in itertools.count():
        if time.monotonic() >= until_s:
            break
        folder = tmp_path / str(number)
        folder.mkdir()
        besiege(folder, first + number, LONG_S)


def besiege(folder: Path, seed: int, for_s: float) -> None:
    venue = RunningVenue(folder)
    venue.start()
    try:
        Siege(venue, seed).run(for_s)
    finally:
        if venue.process is not None:
            venue.stop()


@pytest.mark.soak
def test_long_on_a_full_disk(small_disk: Callable[[int], SmallDisk]) -> None:
    run_full(small_disk(4 * DISK_BYTES), SEED, LONG_S)
