"""What a dead supervisor left running is ended, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from lockstep.core.host.procfs import identify
from lockstep.procs.supervisor.children import Children
from tests.small_disk import SmallDisk

SLEEPER = (sys.executable, "-c", "import signal; signal.pause()")


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(SLEEPER)
    yield started
    started.kill()
    started.wait()


def test_a_successor_ends_what_is_listed(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    Children(tmp_path / "children.json").add(process.pid, SLEEPER)
    ended = Children(tmp_path / "children.json").end_leftovers()
    assert [entry.pid for entry in ended] == [process.pid]
    assert process.wait(10) == -9
    assert Children(tmp_path / "children.json").end_leftovers() == []


@pytest.mark.parametrize("change", [{"start_ticks": 1}, {"command": "something else"}])
def test_a_process_that_only_has_the_pid_is_left_alone(
    tmp_path: Path, process: subprocess.Popen[bytes], change: dict[str, object]
) -> None:
    identity = identify(process.pid)
    assert identity is not None
    (tmp_path / "children.json").write_bytes(msgspec.json.encode([msgspec.structs.replace(identity, **change)]))
    assert Children(tmp_path / "children.json").end_leftovers() == []
    assert process.poll() is None


def test_a_process_that_is_gone_is_no_leftover(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    listed = Children(tmp_path / "children.json")
    listed.add(process.pid, SLEEPER)
    process.kill()
    process.wait()
    assert Children(tmp_path / "children.json").end_leftovers() == []


def test_the_list_is_private(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    Children(tmp_path / "children.json").add(process.pid, SLEEPER)
    assert (tmp_path / "children.json").stat().st_mode & 0o777 == 0o600


def test_a_damaged_list_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "children.json").write_text("[{")
    with pytest.raises(RuntimeError, match=r"children\.json is damaged"):
        Children(tmp_path / "children.json").end_leftovers()


def test_a_loss_of_power_leaves_a_whole_list(
    tmp_path: Path, process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(Path(f"/proc/self/fd/{fd}").resolve()))
    Children(tmp_path / "children.json").add(process.pid, SLEEPER)
    assert synced == [tmp_path / "children.json.new", tmp_path]


def test_on_a_full_disk_the_list_waits_for_space(
    small_disk: Callable[[int], SmallDisk], process: subprocess.Popen[bytes]
) -> None:
    disk = small_disk(2**20)
    listed = Children(disk.folder / "children.json")
    disk.fill()
    listed.add(process.pid, SLEEPER)
    listed.tend()
    assert not (disk.folder / "children.json").exists()
    disk.empty()
    listed.tend()
    assert [entry.pid for entry in Children(disk.folder / "children.json").end_leftovers()] == [process.pid]
