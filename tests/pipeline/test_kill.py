"""The death of any one process while orders flow: no acknowledged order is lost, and trading goes on within 30 s."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.pipeline.conftest import RunningVenue
from tests.pipeline.stream import RECOVERY_S, Stream, await_progress, finish

HOSTS = ("journal", "core", "publisher", "batcher", "gateway")
HEARTBEAT_TIMEOUT_S = 2.0


def trade_through(venue: RunningVenue, host: str, end: signal.Signals) -> None:
    """Trade, send a host the signal that ends it or its use, trade on, and find nothing lost or doubled."""
    stream = Stream(venue.client("TRADER7"))
    stream.start()
    await_progress(stream, 0)
    before = venue.pids()
    os.kill(before[host], end)
    ended_at = time.monotonic()
    venue.await_ready(2, RECOVERY_S)
    await_progress(stream, time.monotonic(), ended_at + RECOVERY_S - time.monotonic())
    finish(stream)
    assert venue.pids()[host] != before[host]
    assert venue.stop() == 0
    venue.verify()


@pytest.mark.parametrize("host", HOSTS)
def test_nothing_is_lost_or_doubled_when_a_host_is_killed(venue: RunningVenue, host: str) -> None:
    trade_through(venue, host, signal.SIGKILL)


@pytest.mark.parametrize("venue", [{"heartbeat_timeout_s": HEARTBEAT_TIMEOUT_S}], indirect=True, ids=["2s"])
@pytest.mark.parametrize("host", ["core", "gateway"])
def test_a_host_that_hangs_is_ended_and_nothing_is_lost_or_doubled(venue: RunningVenue, host: str) -> None:
    trade_through(venue, host, signal.SIGSTOP)


def test_nothing_is_lost_or_doubled_when_the_supervisor_is_killed(venue: RunningVenue) -> None:
    stream = Stream(venue.client("TRADER8"))
    stream.start()
    await_progress(stream, 0)
    venue.kill()
    venue.start()
    await_progress(stream, time.monotonic())
    finish(stream)
    assert venue.stop() == 0
    venue.verify()
