"""A real venue on a full disk, and a bot that sends on and on: what adds nothing passes, an operator's halt too."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.client import FixClient
from tests.pipeline.conftest import FEW, RunningVenue
from tests.pipeline.person import AwayError, Person
from tests.pipeline.test_database import await_database
from tests.ports import free_port
from tests.small_disk import SmallDisk

DISK_BYTES = 600 * 2**20
REFUSED = 4_000  # each of which once took space in the log, the spool and the message store
BATCH = 500
CRUMBS = 2**16  # a process may give back a small file of its own at any time; an order needs far more
PATIENCE_S = 60.0


def answers(client: FixClient, state: str, prefix: str, side: str) -> None:
    """Send orders until one is answered with this ExecType."""
    deadline = time.monotonic() + PATIENCE_S
    number = 0
    while time.monotonic() < deadline:
        number += 1
        client.order(f"{prefix}{number}", side, "50.00", "0.1")
        report = client.await_message(lambda m: m[35] == "8")
        if report.get(150) == state:
            return
        time.sleep(0.01)  # the venue looks at its disk now and then
    raise AssertionError(f"no order was answered with {state}")


def test_with_zero_bytes_free_cancels_pass_and_all_goes_on_when_there_is_space(
    tmp_path: Path, small_disk: Callable[[int], SmallDisk]
) -> None:
    disk = small_disk(DISK_BYTES)
    (disk.folder / "data").mkdir()
    (tmp_path / "data").symlink_to(disk.folder / "data")
    venue = RunningVenue(tmp_path, hosts=FEW, api_port=free_port())
    venue.start()
    bot, trader = venue.client("TRADER1"), venue.client("TRADER2")
    assert venue.api_port
    operator = Person(venue.api_port)
    operator.log_in("OPERATOR1", "demo")
    operator.prove("demo")
    bot.connect()
    trader.connect()
    for number in range(20):
        trader.order(f"rest-{number}", "buy", "50.00", "0.1")
        trader.await_report(f"rest-{number}", "0")
    await_database(venue)
    disk.fill()
    answers(bot, "8", "probe-", "buy")
    for first in range(0, REFUSED, BATCH):
        for number in range(first, first + BATCH):
            bot.order(f"refused-{number}", "buy", "50.00", "0.1")
        bot.await_report(f"refused-{first + BATCH - 1}", "8")
    disk.fill()
    assert disk.free < CRUMBS
    for number in range(20):
        trader.cancel(f"cancel-{number}", f"rest-{number}", "buy")
        trader.await_report(f"cancel-{number}", "4")
    trader.send("1", (112, "alive"))
    trader.await_message(lambda m: m.get(112) == "alive")
    operator.put("/operator/instruments/ETHUSDT/phase", phase="halt")
    with pytest.raises(AwayError):
        operator.put("/operator/instruments/ETHUSDT/phase", phase="continuous")
    status = venue.status()
    assert status["running"]
    assert status["orders_refused"]
    assert status["disk_free_bytes"] < CRUMBS
    for command, code, advice in (
        ("snapshot", 1, "nearly full: free space there"),
        ("verify", 2, "no room for this command's files"),
        ("doctor", 1, "not measured: the disk is full"),
    ):
        answer = venue.command(command)
        said = " ".join((answer.stdout + answer.stderr).split())
        assert (answer.returncode, advice in said, "Traceback" in said) == (code, True, False), said
    disk.empty()
    answers(trader, "0", "again-", "buy")
    await_database(venue)
    assert venue.readies() == 1
    verified = venue.command("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert venue.stop() == 0
