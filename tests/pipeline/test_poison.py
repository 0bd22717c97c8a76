"""A command that no stage survives: it is named, taken out, and the venue goes on without it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from lockstep.cli.void import take_out
from tests import console
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.poisoned import careful_command

NAMED_S = 60.0


class Poisoned(RunningVenue):
    """A venue whose stages die of the poison."""

    def start(self) -> None:
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "tests.pipeline.poisoned", "run", str(self.config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self.await_ready(1, 60)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with patch.dict(take_out.__kwdefaults__, careful=careful_command):
            return console.lockstep(*arguments, self.config)

    def await_name(self) -> int:
        """Which record the supervisor says that the core dies of."""
        deadline = time.monotonic() + NAMED_S
        while not (found := re.search(r"the core dies of record (\d+) of the log each time", self.log.read_text())):
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)  # its only word is its output
        return int(found[1])


@pytest.fixture
def poisoned(tmp_path: Path) -> Iterator[Poisoned]:
    running = Poisoned(tmp_path, hosts='gateway = ["publisher", "gateway.1"]')
    running.start()
    yield running
    if running.process is not None:
        running.stop()


def test_poison_is_named_and_taken_out(poisoned: Poisoned) -> None:
    client = poisoned.client("TRADER1")
    client.connect(reset=True)
    client.order("before", "buy", "100", "1")
    client.await_report("before", "0")
    client.order("POISON", "buy", "101", "1")
    seq = poisoned.await_name()
    assert f"lockstep void {seq} takes it out" in poisoned.log.read_text()
    refused = poisoned.command("void", str(seq), "--json")
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "stop it first" in json.loads(refused.stdout)["error"]["reason"]
    assert poisoned.stop() == 0
    healthy = poisoned.command("void", str(seq - 1), "--yes")
    assert healthy.returncode == 1, healthy.stdout + healthy.stderr
    unsure = poisoned.command("void", str(seq))
    assert (unsure.returncode, "--yes confirms" in unsure.stderr) == (1, True)
    done = poisoned.command("void", str(seq), "--yes", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["outcome"]) == (0, "voided")
    assert told["words"].startswith("TRADER1 buys 1.0000 BTCUSDT at 101.00")
    assert "VOIDED" in told["follows"]
    poisoned.start()
    client.connect()
    client.await_report("POISON", "4")
    client.order("after", "buy", "102", "1")
    client.await_report("after", "0")
    shown = json.loads(poisoned.command("at", str(seq), "--json").stdout)
    assert any("VOIDED" in event for event in shown["events"])
    assert poisoned.stop() == 0
    poisoned.verify()
    again = poisoned.command("void", str(seq), "--json")
    assert json.loads(again.stdout)["outcome"] == "already"
