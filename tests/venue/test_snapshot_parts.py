"""A part of a snapshot is what its stage was when it saved it, whole or not there at all."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec import structs

from lockstep.core.host.procfs import identify
from lockstep.core.tables.saved import DamagedPart, Saver
from lockstep.core.venue.snapshot_parts import Filed, Kept, NotSyncedError, Snapshots, Start, folder_of, part_name
from lockstep.shm.segment import RoleLock
from tests.logged import captured

PATIENCE_S = 60


def await_part(folder: Path, agent: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not (folder / part_name(agent)).exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)  # a child's rename is all there is to see


@pytest.fixture(params=["kept", "filed"])
def snapshots(request: pytest.FixtureRequest, tmp_path: Path) -> Snapshots:
    return Kept() if request.param == "kept" else Filed(tmp_path, Start.genesis())


def save(snapshots: Snapshots, tmp_path: Path, seq: int, agent: str, value: object) -> None:
    snapshots.save(seq, agent, lambda saver: saver.object(value))
    if isinstance(snapshots, Filed):
        await_part(folder_of(tmp_path, seq), agent)


def begin(snapshots: Snapshots, tmp_path: Path, seq: int) -> None:
    folder = str(folder_of(tmp_path, seq)) if isinstance(snapshots, Filed) else None
    snapshots.start = structs.replace(Start.genesis(), seq=seq, folder=folder)


def test_each_stage_finds_its_own_part_of_the_start(snapshots: Snapshots, tmp_path: Path) -> None:
    for seq in (7, 9):
        for agent in ("router", "matcher.1"):
            save(snapshots, tmp_path, seq, agent, [agent, seq])
    assert snapshots.load("router") is None
    begin(snapshots, tmp_path, 7)
    for agent in ("router", "matcher.1"):
        loader = snapshots.load(agent)
        assert loader is not None
        assert loader.object() == [agent, 7]
        loader.finish()


def test_a_child_saves_what_was_there_when_it_was_asked_for(tmp_path: Path) -> None:
    state = ["before"]
    filed = Filed(tmp_path, Start.genesis())
    filed.save(5, "router", lambda saver: saver.object(state))
    state[0] = "after"
    await_part(folder_of(tmp_path, 5), "router")
    begin(filed, tmp_path, 5)
    loader = filed.load("router")
    assert loader is not None
    assert loader.object() == ["before"]


def test_children_are_reaped_and_one_that_failed_is_told(tmp_path: Path) -> None:
    def fail(saver: Saver) -> None:
        raise ValueError(f"no such table for {saver}")

    filed = Filed(tmp_path, Start.genesis())
    filed.save(5, "router", fail)
    deadline = time.monotonic() + PATIENCE_S
    with captured() as logs:
        while not logs:
            assert time.monotonic() < deadline
            filed.reap()
    assert [(entry["event"], entry["part"], entry["exit_code"]) for entry in logs] == [
        ("part_not_saved", "router's part of snapshot 5", 1)
    ]
    assert not (folder_of(tmp_path, 5) / part_name("router")).exists()


def reap_for(filed: Filed, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        filed.reap()
        time.sleep(0.001)


def test_a_stage_whose_own_files_cannot_be_synced_ends(tmp_path: Path) -> None:
    """LOG-20: a second sync would succeed, on pages that are lost."""

    def fail(_saver: Saver) -> None:
        raise NotSyncedError(errno.EIO, "the store is not safe")

    filed = Filed(tmp_path, Start.genesis())
    filed.save(5, "gateway.1", fail)
    with pytest.raises(NotSyncedError, match=r"gateway.1's part of snapshot 5"):
        reap_for(filed, PATIENCE_S)


def test_a_part_that_is_cut_is_refused(tmp_path: Path) -> None:
    filed = Filed(tmp_path, Start.genesis())
    save(filed, tmp_path, 5, "router", "x" * 1000)
    part = folder_of(tmp_path, 5) / part_name("router")
    part.write_bytes(part.read_bytes()[:-1])
    begin(filed, tmp_path, 5)
    with pytest.raises(DamagedPart):
        filed.load("router")


PARENT = """
import sys, time
from pathlib import Path
from lockstep.core.venue.snapshot_parts import Filed, Start
from lockstep.shm.segment import RoleLock

data = Path(sys.argv[1])
RoleLock(data / "role").acquire()

def write(saver):
    import os
    (data / "child").write_text(str(os.getpid()))
    time.sleep(60)

Filed(data, Start.genesis()).save(5, "router", write)
time.sleep(60)
"""


def test_a_child_dies_with_its_stage_and_keeps_no_lock_of_it(tmp_path: Path) -> None:
    parent = subprocess.Popen((sys.executable, "-c", PARENT, str(tmp_path)), cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + PATIENCE_S
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.005)  # until it says that it is there
    child = int((tmp_path / "child").read_text())
    assert identify(child) is not None
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    lock = RoleLock(tmp_path / "role")
    lock.acquire()
    lock.release()
    while identify(child) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.005)  # its parent's end ends it, a moment later
    assert not (folder_of(tmp_path, 5) / part_name("router")).exists()
