"""`lockstep restart`: one process ends in order and works again."""

from __future__ import annotations

import json

from tests.pipeline.conftest import RunningVenue


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
