"""The disk's interface: a folder and the simulated disk keep the same promises while nothing fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lockstep.core.files.disk import Disk, FolderDisk
from tests.simulation.disk import FakeDisk

Make = Callable[[Path], Disk]
DISKS: list[Make] = [FolderDisk, lambda _: FakeDisk(1)]


@pytest.fixture(params=DISKS, ids=["folder", "fake"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    make: Make = request.param
    made = make(tmp_path / "parent" / "folder")
    made.create()
    made.create()
    return made


def test_keeps_what_is_saved_under_its_name(disk: Disk) -> None:
    disk.save("a", b"first content, which is longer")
    disk.save("a", b"hello")
    disk.settle("a", forget=True)
    assert disk.names() == ["a"]
    assert disk.load("a") == b"hello"
    assert (disk.load("a", 1, 3), disk.load("a", 3), disk.load("a", 9), disk.load("a", 2, 99)) == (
        b"ell",
        b"lo",
        b"",
        b"llo",
    )


def test_renames_over_what_is_there_and_removes(disk: Disk) -> None:
    disk.save("a", b"1")
    disk.save("b", b"2")
    disk.move("a", "b")
    disk.settle_directory()
    assert (disk.names(), disk.load("b")) == (["b"], b"1")
    disk.delete("b")
    assert disk.names() == []


def test_a_missing_file_is_an_error_with_its_number(disk: Disk) -> None:
    with pytest.raises(FileNotFoundError, match="can't use nothing"):
        disk.load("nothing")


def test_of_takes_a_path_or_a_disk(disk: Disk, tmp_path: Path) -> None:
    assert Disk.of(disk) is disk
    assert Disk.of(tmp_path).directory == tmp_path


def test_a_folder_has_one_lock(tmp_path: Path) -> None:
    one, other = FolderDisk(tmp_path), FolderDisk(tmp_path)
    assert one.lock()
    assert not other.lock()
    one.unlock()
    assert other.lock()


def test_a_writer_that_is_forgotten_at_the_end_of_a_program_says_nothing() -> None:
    program = (
        "from lockstep.core.journal.writer import JournalWriter; from tests.simulation.disk import FakeDisk; "
        "disk = FakeDisk(1); disk.writer = JournalWriter(disk, 'none', 65536)"  # a cycle: its class goes first
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stderr == ""


def test_a_bug_of_the_player_is_raised_as_it_is() -> None:
    class Wrong(FakeDisk):
        def on_size(self, handle: int) -> int:
            raise ZeroDivisionError(handle)

    disk = Wrong(1)
    disk.save("a", b"1")
    with pytest.raises(ZeroDivisionError):
        disk.load("a")


def test_the_fake_loses_what_was_not_synced_and_keeps_what_was() -> None:
    kept = lost = 0
    for seed in range(40):
        disk = FakeDisk(seed)
        disk.save("a", bytes(range(256)) * 8)
        disk.settle_directory()
        disk.save("b", b"unsynced name")
        disk.on_write(disk.on_open("a", create=False), b"x" * 512, 1024)
        disk.power_on()
        data = disk.load("a")
        assert data[:1024] + data[1536:] == bytes(range(256)) * 6
        kept += data[1024:1536] == b"x" * 512
        lost += "b" not in disk.names()
    assert 0 < kept < 40
    assert 0 < lost < 40
