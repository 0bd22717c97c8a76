"""A supervisor with real processes, real shared memory and a real lock; the hosts are stand-ins that match nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

from lockstep.core.host.procfs import identify
from lockstep.core.venue.venue import Manifest, Venue, manifest_of, prefix_of
from lockstep.shm.board import Word
from lockstep.shm.segment import SHM
from tests.supervisor.harness import PATIENCE_S, Start, changed, pids
from tests.supervisor.program import STEPS


def segments(config: Path) -> list[str]:
    return [path.name for path in SHM.glob(prefix_of(config.parent / "data").removeprefix("/") + "*")]


def test_it_starts_every_host_keeps_others_out_and_stops_them_in_order(start: Start, config: Path) -> None:
    venue = start()
    pids = venue.ready()
    second = start()
    assert second.process.wait(PATIENCE_S) == 1
    assert f"held by process {venue.process.pid}" in second.read_all()[-1]
    assert list(pids) == ["journal", "core", "publisher", "batcher", "gateway"]
    assert (config.parent / "data/run/manifest.json").stat().st_mode & 0o777 == 0o600
    venue.process.send_signal(signal.SIGINT)
    assert venue.process.wait(PATIENCE_S) == 0
    assert venue.read_all()[-2:] == ["stopped", "database stopped"]
    assert [identify(pid) for pid in pids.values()] == [None] * 5
    assert segments(config) == []
    assert not (config.parent / "data/run/manifest.json").exists()
    logs = {path.name: path.read_text() for path in (config.parent / "data/log").iterdir()}
    assert logs.pop("core.log") == "core stopped in order\n"
    said = [json.loads(line)["event"] for line in logs.pop("supervisor.log").splitlines()]
    assert re.fullmatch(r"venue ready after [0-9.]+ s", said[0])
    assert said[1:] == ["stopping in order; Ctrl-C again stops at once", "stopped"]
    assert len(logs) == 4


def generations(config: Path) -> set[str]:
    """The generations of which there are log rings."""
    return {name.rpartition("-log.")[2] for name in segments(config) if "-log." in name}


def test_a_stage_that_dies_or_hangs_starts_again_alone(start: Start, config: Path) -> None:
    venue = start()
    before = venue.ready()
    restarts = {}
    for victim in ("gateway", "publisher", "batcher", "journal"):
        os.kill(before[victim], signal.SIGKILL)
        assert f"{victim} was killed by SIGKILL; it starts again in 0.1 s" in venue.read_until("starts again")
        venue.read_until("venue ready again after")
        after = pids(config)
        assert changed(before, after) == {victim}
        assert identify(before[victim]) is None
        assert generations(config) == {"1"}
        restarts[victim] = 1
        assert json.loads((config.parent / "data/run/restarts.json").read_bytes()) == restarts
        before = after
    os.kill(before["batcher"], signal.SIGSTOP)
    assert re.search(r"batcher has shown no heartbeat for \d", venue.read_until("it starts again"))
    venue.read_until("venue ready again after")
    assert identify(before["batcher"]) is None
    assert changed(before, pids(config)) == {"batcher"}


def test_the_core_starts_again_in_new_rings_while_the_others_stay(start: Start, config: Path) -> None:
    venue = start()
    before = venue.ready()
    board = Venue.attach(Manifest.load(manifest_of(config.parent / "data"))).board
    for word in (Word.LOG_END, Word.ROUTER_DONE, Word.SNAPSHOT_SEQ, Word.READY_EVENT, Word.MATCHER_DUE):
        board.set(word, 77)
    os.kill(before["core"], signal.SIGKILL)
    assert "core was killed by SIGKILL; the core starts again in 0.1 s" in venue.read_until("starts again")
    venue.read_until("venue ready again after")
    assert changed(before, pids(config)) == {"core"}
    manifest = Manifest.load(manifest_of(config.parent / "data"))
    assert (manifest.generation, manifest.draining, board.get(Word.GENERATION)) == (2, 1, 2)
    for word in (Word.LOG_END, Word.ROUTER_DONE, Word.SNAPSHOT_SEQ, Word.READY_EVENT, Word.MATCHER_DUE):
        assert board.get(word) == 0
    deadline = time.monotonic() + PATIENCE_S
    while generations(config) != {"2"}:
        assert time.monotonic() < deadline
        time.sleep(0.01)  # the supervisor's next look at the board


def test_old_rings_stay_until_the_journaler_has_read_them(start: Start, config: Path) -> None:
    venue = start("never-drains")
    before = venue.ready()
    board = Venue.attach(Manifest.load(manifest_of(config.parent / "data"))).board
    board.set(Word.JOURNAL_READY, 1)
    for generation in (2, 3):
        os.kill(pids(config)["core"], signal.SIGKILL)
        venue.read_until("venue ready again after")
        manifest = Manifest.load(manifest_of(config.parent / "data"))
        assert (manifest.generation, manifest.draining) == (generation, 1)
    assert generations(config) == {"1", "2", "3"}
    assert changed(before, pids(config)) == {"core"}


def test_a_core_that_dies_again_at_once_takes_the_venue_with_it(start: Start, config: Path) -> None:
    venue = start("dies-in-its-second-generation")
    before = venue.ready()
    os.kill(before["core"], signal.SIGKILL)
    venue.read_until("the core starts again")
    assert "core ended with exit code 4; the venue starts again in 0.1 s" in venue.read_until("the venue starts again")
    after = venue.ready()
    assert changed(before, after) == set(before)
    assert [identify(pid) for pid in before.values()] == [None] * 5
    assert generations(config) == {"1"}


def test_a_killed_supervisor_s_second_generation_is_removed_too(start: Start, config: Path) -> None:
    first = start("never-drains")
    os.kill(first.ready()["core"], signal.SIGKILL)
    first.read_until("the core starts again")
    first.read_until("venue ready again after")
    first.process.kill()
    first.process.wait()
    assert generations(config) == {"1", "2"}
    start().ready()
    assert generations(config) == {"1"}


def test_what_a_killed_supervisor_left_is_removed(start: Start, config: Path) -> None:
    first = start()
    pids = first.ready()
    first.process.kill()
    first.process.wait()
    assert segments(config)
    second = start()
    said = second.read_until("segments of shared memory")
    assert said.startswith("removed what the last run left")
    second.ready()
    assert [identify(pid) for pid in pids.values()] == [None] * 5
    boots = {name.removeprefix(prefix_of(config.parent / "data").removeprefix("/"))[:8] for name in segments(config)}
    assert len(boots) == 1


def test_a_supervisor_that_dies_at_any_step_of_a_restart_leaves_nothing_to_its_successor(
    start: Start, config: Path
) -> None:
    """Each successor dies at the next step."""
    before: dict[str, int] = {}
    for step in (*STEPS, None):
        venue = start("healthy", *([step] if step else []))
        after = venue.ready()
        assert not set(before.values()) & set(after.values())
        assert [identify(pid) for pid in before.values()] == [None] * len(before)
        assert generations(config) == {"1"}
        assert Manifest.load(manifest_of(config.parent / "data")).generation == 1
        if step:
            os.kill(after["core"], signal.SIGKILL)
            assert venue.process.wait(PATIENCE_S) == -signal.SIGKILL, step
        before = after


def test_a_venue_that_never_starts_is_given_up_with_the_reason(start: Start, config: Path) -> None:
    venue = start("dies-at-start")
    said = venue.read_all()
    assert venue.process.wait(PATIENCE_S) == 1
    assert said[0] == "core: no book to match on"
    assert said[1] == "core ended with exit code 3; the venue starts again in 0.1 s"
    assert any("failed to start too often and gives up" in line for line in said)
    assert "no book to match on" in said[-2]
    assert segments(config) == []


def test_a_stop_before_it_is_ready_is_obeyed(start: Start, config: Path) -> None:
    venue = start("dies-at-start")
    venue.read_until("starts again")
    venue.process.terminate()
    assert venue.process.wait(PATIENCE_S) == 0
    assert segments(config) == []
