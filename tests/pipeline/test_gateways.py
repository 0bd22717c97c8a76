"""A real venue with three gateways: each has its own clients, and what befalls one is none of the others' business."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockstep.procs.gateway import seq_num_file
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.stream import RECOVERY_S, Stream, await_progress, finish

SLOTS = 256  # of an event ring: so few that a gateway which doesn't read keeps it full at once
TO_FULL = SLOTS // 2
HEARTBEAT_TIMEOUT_S = 60.0
GAP_S = 20.0  # without an acknowledgement; far below that, and far above what a busy machine needs


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[RunningVenue]:
    bound = {"TRADER2": 2, "TRADER5": 2, "TRADER3": 3}
    running = RunningVenue(tmp_path, heartbeat_timeout_s=HEARTBEAT_TIMEOUT_S, gateways=3, bound=bound)
    running.configure(r"^events = .*$", f"events = {SLOTS}")
    running.start()
    yield running
    if running.process is not None:
        running.stop()


def stream(venue: RunningVenue, trader: str, symbol: str) -> Stream:
    trading = Stream(venue.client(trader), at_speed=TO_FULL, symbol=symbol)
    trading.start()
    await_progress(trading, time.monotonic())
    return trading


def test_each_gateway_lives_and_dies_for_its_own_sessions(venue: RunningVenue) -> None:
    first, second = stream(venue, "TRADER1", "ETHUSDT"), stream(venue, "TRADER2", "SOLUSDT")
    third = venue.client("TRADER3")
    third.connect()
    its_sessions_are_its_own(venue)
    kept = first.client._socket
    for times, blow in enumerate((signal.SIGKILL, signal.SIGSTOP), 2):
        before = venue.pids()
        first.longest_gap_s = 0.0
        os.kill(before["gateway.2"], blow)
        while venue.readies() < times:  # meanwhile the others trade on, and fill the rings
            await_progress(first, time.monotonic())
        await_progress(second, time.monotonic())
        assert first.longest_gap_s < GAP_S
        assert first.client._socket is kept
        assert {name for name, pid in venue.pids().items() if pid != before[name]} == {"gateway.2"}
    assert not venue.restarted_whole
    check_no_leap(venue)
    core = venue.pids()["core"]
    os.kill(core, signal.SIGKILL)
    for each in (first, second):
        await_progress(each, time.monotonic())
        finish(each)
    assert first.client._socket is kept
    third.order("one", "buy", "1.00", "0.001")
    third.await_report("one", "0")
    assert venue.stop() == 0
    venue.verify()


def check_no_leap(venue: RunningVenue) -> None:
    """No gateway has taken numbers that another one gave for those of another host, and gone on behind them."""
    for each in json.loads(venue.command("sessions", "--json").stdout):
        assert each["next_out"] < seq_num_file.BLOCK, each


def its_sessions_are_its_own(venue: RunningVenue) -> None:
    """A session logs on at its gateway alone, is listed once, and can be ended there."""
    stranger = socket.create_connection(("127.0.0.1", venue.fix_port), timeout=RECOVERY_S)
    lost = venue.client("TRADER5", gateway=1)
    lost.begin(reset=False)
    lost._socket = stranger
    lost.send("A", (98, 0), (108, 30), (553, "TRADER5"), (554, "demo"))
    answer = lost._read(RECOVERY_S)
    assert (answer[35], answer[58]) == ("5", f"session TRADER5 logs on at port {venue.fix_port + 1}")
    lost.close()
    lost = venue.client("TRADER5")
    lost.connect()
    listed = json.loads(venue.command("sessions", "--json").stdout)
    homes = {each["session"]: each["gateway"] for each in listed}
    assert len(homes) == len(listed)
    assert homes["TRADER2"] == homes["TRADER5"] == "gateway.2"
    assert (homes["TRADER1"], homes["TRADER3"]) == ("gateway.1", "gateway.3")


def test_a_gateway_is_added_and_none_is_taken_from_its_sessions(venue: RunningVenue) -> None:
    """It begins with the first one's part of a snapshot, which has none of its own."""
    early = venue.client("TRADER2")
    early.connect()
    early.order("one", "buy", "1.00", "0.001")
    early.await_report("one", "0")
    assert venue.command("snapshot").returncode == 0
    early.order("two", "buy", "1.01", "0.001")
    early.await_report("two", "0")
    assert venue.stop() == 0
    early.close()
    text = venue.config.read_text()
    for pattern, line, code, problem in (
        (r"^gateway = 3$", "gateway = 1", 1, "accounts[TRADER3].gateway: is 1, and its session has been at gateway 3"),
        (r"^gateways = 3$", "gateways = 2", 2, "accounts[TRADER3].gateway: is 3; allowed is at most fix.gateways, 2"),
    ):
        venue.configure(pattern, line)
        refused, checked = venue.command("run"), venue.command("check", "--json")
        assert (refused.returncode, checked.returncode) == (2, code)
        assert problem in refused.stderr
        assert problem in checked.stdout + checked.stderr
        venue.config.write_text(text)
    venue.configure(r"^gateway = 3$", "")
    venue.configure(r"^gateways = 3$", "gateways = 4")
    venue.config.write_text(
        venue.config.read_text().replace('name = "TRADER8"', 'name = "TRADER9"\ngateway = 4')
    )  # TRADER8 stays: the log has it
    venue.start()
    assert "passed over" not in venue.log.read_text()
    late = venue.client("TRADER9", gateway=4)
    late.connect()
    late.order("sell", "sell", "1.00", "0.002")
    assert [late.await_report("sell", "F")[31] for _ in range(2)] == ["1.01", "1"]
    early.connect()
    assert [early.await_report(name, "F")[31] for name in ("two", "one")] == ["1.01", "1"]
    third = venue.client("TRADER3")  # of which the file says nothing any more
    third.connect()
    assert venue.stop() == 0
    venue.verify()
