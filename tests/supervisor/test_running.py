"""The real venue under its supervisor: of what dies as little as can be comes back, and the others' clients stay.

Stages that hang are ended in the campaigns of faults (`tests/pipeline/campaign.py`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from lockstep.core.journal.journal import segment_seqs
from lockstep.core.recovery import snapshot_catalog
from lockstep.core.venue.snapshot_parts import folder_of
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.stream import RECOVERY_S, Stream, await_progress, finish


def taken(venue: RunningVenue) -> dict[str, object]:
    """Take a snapshot, by the command."""
    answer = venue.command("snapshot", "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr + venue.log.read_text()
    return json.loads(answer.stdout)  # type: ignore[no-any-return]


def trading(venue: RunningVenue) -> Stream:
    stream = Stream(venue.client("TRADER7"))
    stream.start()
    await_progress(stream, time.monotonic())
    return stream


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {name for name, pid in before.items() if after[name] != pid}


def end_and_await(venue: RunningVenue, stream: Stream, host: str, end: signal.Signals) -> set[str]:
    """End a host; who is another process once the venue is ready again and acknowledges orders."""
    before = venue.pids()
    ready = venue.log.read_text().count("venue ready")
    os.kill(before[host], end)
    venue.await_ready(ready + 1, RECOVERY_S)
    # What was acknowledged before the core was missed had been on its way: only then it is the new one's.
    await_progress(stream, time.monotonic())
    return changed(before, venue.pids())


def test_each_stage_comes_back_while_clients_stay_connected(venue: RunningVenue) -> None:
    """One venue for all: the core without a snapshot and from one, those that no client talks to, the gateway.

    Again and again, and without a snapshot of the moment before: in the campaigns.
    """
    stream = trading(venue)
    connection = stream.client._socket
    assert end_and_await(venue, stream, "core", signal.SIGKILL) == {"core"}  # from the journal alone
    first = taken(venue)
    assert first["parts"] == len(venue.status()["agents"]) - 1
    assert end_and_await(venue, stream, "core", signal.SIGKILL) == {"core"}
    assert stream.client._socket is connection
    taken(venue)
    status = venue.status()
    assert status["generation"] == 3
    assert {host["name"]: host["restarts"] for host in status["hosts"]}["core"] == 2
    assert status["snapshot"]["seq"] > first["seq"]
    for host in ("publisher", "batcher", "journal"):
        assert end_and_await(venue, stream, host, signal.SIGKILL) == {host}
        assert stream.client._socket is connection
        taken(venue)
    assert end_and_await(venue, stream, "gateway", signal.SIGKILL) == {"gateway"}
    begin_with_the_snapshot_before(venue, stream)
    finish(stream)
    assert venue.stop() == 0
    shutil.rmtree(folder_of(venue.folder / "data", damaged(venue)))  # verify names what is damaged
    venue.verify()


def begin_with_the_snapshot_before(venue: RunningVenue, stream: Stream) -> None:
    """A start begins with the newest snapshot, and with the one before where that is damaged."""
    older = taken(venue)
    await_progress(stream, time.monotonic())
    newer = taken(venue)
    await_progress(stream, time.monotonic())
    venue.kill()
    part = folder_of(venue.folder / "data", int(str(newer["seq"]))) / "router.part"
    whole = bytearray(part.read_bytes())
    whole[len(whole) // 2] ^= 1
    part.write_bytes(whole)
    venue.start()
    assert damaged(venue) == newer["seq"]
    assert snapshot_catalog.choose(venue.folder / "data", ("router",)).start.seq == older["seq"]
    await_progress(stream, time.monotonic())


def damaged(venue: RunningVenue) -> int:
    """The snapshot that its last start has passed over."""
    found = re.search(r"snapshot (\d+) is passed over: router's part can't be loaded", venue.log.read_text())
    assert found, venue.log.read_text()
    return int(found[1])


@pytest.mark.parametrize("venue", [{"durability": "none"}], indirect=True)
def test_a_core_with_the_journaler_in_it_comes_back_whole(venue: RunningVenue) -> None:
    stream = trading(venue)
    for _ in range(2):
        connection = stream.client._socket
        assert end_and_await(venue, stream, "core", signal.SIGKILL) == {"core"}
        assert stream.client._socket is connection
        taken(venue)
    finish(stream)
    assert venue.stop() == 0
    venue.verify()


def test_old_snapshots_and_the_journal_before_them_are_removed(tmp_path: Path) -> None:
    venue = RunningVenue(tmp_path)
    venue.configure(r"^segment_bytes = .*$", "segment_bytes = 65536")
    venue.configure(r"^retention = .*$", 'retention = "snapshots"')
    venue.start()
    stream = trading(venue)
    deadline = time.monotonic() + RECOVERY_S
    while segment_seqs(tmp_path / "data" / "journal")[0] == 1:
        assert time.monotonic() < deadline, venue.log.read_text()
        await_progress(stream, time.monotonic())
        taken(venue)
    assert len(snapshot_catalog.entries(tmp_path / "data")) == 2
    venue.kill()
    venue.start()
    finish(stream)
    assert venue.stop() == 0
    verdict = json.loads(venue.command("verify", "--json").stdout)
    assert verdict["problems"] == []
    assert verdict["replayed_from"] > 0
