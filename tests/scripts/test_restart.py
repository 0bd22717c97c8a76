"""`lockstep restart`: one process ends in order and works again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.conftest import RunningVenue


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[RunningVenue]:
    running = RunningVenue(tmp_path)
    running.start()
    yield running
    if running.process is not None:
        running.stop()


def test_a_process_starts_again(venue: RunningVenue) -> None:
    before = venue.pids()
    assert venue.command("restart", "nothing").returncode == 2
    answer = venue.command("restart", "publisher", "--json")
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["old_pid"] == before["publisher"]
    assert venue.pids()["publisher"] == told["new_pid"] != told["old_pid"]
    assert venue.stop() == 0
    stopped = venue.command("restart", "publisher")
    assert (stopped.returncode, "is not running" in stopped.stderr) == (1, True)
