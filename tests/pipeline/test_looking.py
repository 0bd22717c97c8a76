"""What the person on duty looks at while the venue runs: sessions, status that goes on, logs that go on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.pipeline.conftest import RunningVenue

PATIENCE_S = 60


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    venue = RunningVenue(tmp_path_factory.mktemp("looking"))
    venue.start()
    yield venue
    venue.stop()


class Watching:
    """A command that goes on, as at a terminal: its lines, until Ctrl-C."""

    def __init__(self, venue: RunningVenue, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts", *arguments, str(venue.config)], stdout=subprocess.PIPE, text=True
        )
        self._alarm = threading.Timer(PATIENCE_S, self._process.kill)
        self._alarm.start()

    def line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the command has ended"
        return line

    def end(self) -> int:
        self._process.send_signal(signal.SIGINT)
        self._process.communicate()
        self._alarm.cancel()
        return self._process.returncode


def test_sessions_tell_who_is_connected(running: RunningVenue) -> None:
    client = running.client("TRADER1")
    client.connect()
    found = {each["session"]: each for each in json.loads(running.command("sessions", "--json").stdout)}
    client.close()
    assert found["TRADER1"]["address"] == "127.0.0.1"
    assert found["TRADER1"]["next_in"] == 2
    assert found["TRADER2"]["address"] == ""


def test_logs_go_on(running: RunningVenue) -> None:
    watching = Watching(running, "logs", "--follow", "--last", "1", "--process", "gateway", "--json")
    watching.line()  # it has read what there was
    client = running.client("TRADER2")
    client.connect()
    line = json.loads(watching.line())
    while line["event"] != "logon" or line["fields"]["session"] != "TRADER2":
        line = json.loads(watching.line())
    client.close()
    assert watching.end() == 0


def test_status_goes_on(running: RunningVenue) -> None:
    watching = Watching(running, "status", "--watch", "--json")
    ends = 0
    while ends < 2:
        ends += watching.line() == "}\n"
    assert watching.end() == 0
