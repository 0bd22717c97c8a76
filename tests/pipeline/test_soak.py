"""Kills of random processes, again and again, while orders flow: for SOAK_S seconds, chosen by SOAK_SEED."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from tests.pipeline.conftest import RunningVenue
from tests.pipeline.stream import RECOVERY_S, Stream, await_progress, finish
from tests.pipeline.test_kill import HOSTS

SOAK_S = float(os.environ.get("SOAK_S", "300"))
SEED = int(os.environ.get("SOAK_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)


@pytest.mark.soak
def test_any_number_of_deaths_loses_nothing(venue: RunningVenue) -> None:
    print(f"SOAK_SEED={SEED}")
    chance = random.Random(SEED)
    stream = Stream(venue.client("TRADER7"))
    stream.start()
    await_progress(stream, 0)
    end = time.monotonic() + SOAK_S
    deaths = 0
    while time.monotonic() < end:
        os.kill(venue.pids()[chance.choice(HOSTS)], signal.SIGKILL)
        deaths += 1
        venue.await_ready(1 + deaths, RECOVERY_S)
        await_progress(stream, time.monotonic())
    finish(stream)
    assert venue.stop() == 0
    venue.verify()
