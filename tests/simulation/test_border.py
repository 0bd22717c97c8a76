"""A simulation touches nothing real, and a seed comes to the same wherever it is run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lockstep.config.schema import Config
from lockstep.core.files import atomic_file
from lockstep.core.files.disk import FolderDisk
from lockstep.core.journal.journal import JournalReader
from lockstep.core.recovery import snapshot_catalog
from lockstep.core.venue.topology import derive
from lockstep.procs.batcher.spool import Spool
from tests.simulation import border
from tests.simulation.bugs import Bug
from tests.simulation.run import run_seed

PROJECT = Path(__file__).parents[2]
DATA = Path(Config().venue.data)  # relative: below whatever folder one works in
SEEDS = ("1", "2", "55")  # one with snapshots and retention, one that loses power, one that a demo venue's data failed

TOUCHES: dict[str, Callable[[], Any]] = {
    "opens": Path("README.md").read_bytes,
    "opens by number": lambda: os.open("/proc/self/stat", os.O_RDONLY),
    "asks": lambda: DATA.exists(),
    "asks by os.access": lambda: os.access("/", os.R_OK),
    "lists": lambda: os.listdir("/"),
    "scans": lambda: list(DATA.iterdir()),
    "makes a folder": lambda: DATA.mkdir(),
    "writes": lambda: atomic_file.replace(DATA / "file", b""),
    "removes": lambda: os.remove(DATA / "file"),
    "reads in Cython": lambda: FolderDisk(PROJECT).names(),
    "reads the journal in Cython": lambda: JournalReader(DATA / "journal", 1),
    "opens a spool in Cython": lambda: Spool(DATA / "spool"),
    "begins a process": lambda: subprocess.run(["true"], check=False),
    "connects": lambda: socket.create_connection(("127.0.0.1", 9)),
    "lists snapshots": lambda: snapshot_catalog.choose(DATA, derive(Config()).savers),
}


@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_what_lies_outside_is_out_of_reach(touch: Callable[[], Any], tmp_path: Path) -> None:
    with (
        pytest.raises(border.OutsideError),
        border.around(tmp_path, tmp_path / "journal"),
    ):
        touch()


def test_who_catches_it_is_found_out(tmp_path: Path) -> None:
    def careless() -> None:
        try:
            DATA.stat()
        except Exception:
            return

    with (
        pytest.raises(border.OutsideError, match=f"stat of {DATA}"),
        border.around(tmp_path, tmp_path / "journal"),
    ):
        careless()


def test_a_run_has_its_own_folder_but_not_what_is_on_its_disk(tmp_path: Path) -> None:
    with border.around(tmp_path, tmp_path / "journal"):
        atomic_file.replace_durably(tmp_path / "file", b"mine")
        assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(border.OutsideError), border.around(tmp_path, tmp_path / "journal"):
        (tmp_path / "journal").is_dir()
    assert DATA.exists() in (True, False)  # the border is down again


def test_a_stage_that_touches_something_fails_its_run() -> None:
    class Curious(Bug):
        def before_start(self, world: object) -> None:  # noqa: ARG002
            (DATA / "snapshots").is_dir()

    assert "touches nothing real" in run_seed(1, Curious()).failure


def digests(folder: Path, cpus: set[int], **environment: str) -> str:
    """What SEEDS come to in a process of its own, in `folder` and on these CPUs."""
    code = f"from tests.simulation.run import run_seed; print([run_seed(seed).digest for seed in ({','.join(SEEDS)})])"
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)  # a child's is its parent's
    try:
        return subprocess.run(
            [sys.executable, "-c", code], cwd=folder, env=os.environ | {"PYTHONPATH": str(PROJECT)} | environment,
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
    finally:
        os.sched_setaffinity(0, own)


def test_a_seed_comes_to_the_same_anywhere(tmp_path: Path) -> None:
    cpus = os.sched_getaffinity(0)
    folder = tmp_path / "elsewhere"
    (folder / DATA / "snapshots" / f"{10**9:020}").mkdir(parents=True)  # as a venue leaves it that ran there
    (folder / DATA / "snapshots" / f"{10**9:020}" / snapshot_catalog.MANIFEST).write_text("{}")
    there = digests(
        folder, {min(cpus)}, PYTHONHASHSEED="7", TZ="Asia/Kolkata", LC_ALL="C", HOME=str(folder), TMPDIR=str(folder)
    )
    assert digests(PROJECT, cpus, PYTHONHASHSEED="1", TZ="America/Lima", LC_ALL="C.UTF-8") == there
