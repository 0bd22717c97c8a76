"""Publisher and batcher of a real venue hang, or die again and again: trading goes on, and all is there later."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from lockstep.procs.supervisor.recovery import MAX_RESTARTS
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.stream import AT_SPEED, RECOVERY_S, Stream, await_progress, finish

SLOTS = 256  # of an event ring: so few that they are full at once
TO_FULL = SLOTS // 2  # rounds, of several events each
HEARTBEAT_TIMEOUT_S = 60.0
GAP_S = 20.0  # far below that, and far above what a busy machine adds to the 0.2 s
DEATHS = MAX_RESTARTS  # and one for hanging: of another host, the last one would start the whole venue again


def stream_of(venue: RunningVenue, trader: str, at_speed: int = AT_SPEED) -> Stream:
    stream = Stream(venue.client(trader), at_speed=at_speed)
    stream.start()
    await_progress(stream, time.monotonic())
    return stream


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[RunningVenue]:
    running = RunningVenue(tmp_path, heartbeat_timeout_s=HEARTBEAT_TIMEOUT_S)
    running.configure(r"^events = .*$", f"events = {SLOTS}")
    running.start()
    yield running
    if running.process is not None:
        running.stop()


def test_who_only_tells_holds_no_order_up_by_hanging_or_dying(venue: RunningVenue) -> None:
    trading = stream_of(venue, "TRADER7", TO_FULL)
    for times, host in enumerate(("publisher", "batcher"), 2):
        connection, before = trading.client._socket, venue.pids()
        trading.longest_gap_s = 0.0
        os.kill(before[host], signal.SIGSTOP)
        venue.await_ready(times, RECOVERY_S)
        await_progress(trading, time.monotonic())
        assert trading.longest_gap_s < GAP_S
        assert trading.client._socket is connection
        assert {name for name, pid in venue.pids().items() if pid != before[name]} == {host}
        assert f"{host} kept the ring events." in venue.log.read_text()
        assert not any(agent["out_since"] for agent in venue.status()["agents"])
    assert not venue.restarted_whole
    finish(trading)
    with connect(f"ws://127.0.0.1:{venue.market_port}/ws/ethusdt@depth20") as reader:
        book = json.loads(reader.recv(RECOVERY_S))
    assert (book["bids"], book["asks"]) == ([], []), "all that was ever offered has traded"
    its_deaths_are_its_own(venue)
    assert venue.stop() == 0
    venue.verify()


def its_deaths_are_its_own(venue: RunningVenue) -> None:
    """However often the publisher dies."""
    trading = stream_of(venue, "TRADER8")
    connection = trading.client._socket
    for _ in range(DEATHS):
        pid = venue.pids()["publisher"]
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + RECOVERY_S
        while venue.pids().get("publisher", pid) == pid:
            assert time.monotonic() < deadline, venue.log.read_text()
            time.sleep(0.02)  # its only word is the supervisor's list
    await_progress(trading, time.monotonic())
    assert not venue.restarted_whole
    assert trading.client._socket is connection
    finish(trading)
