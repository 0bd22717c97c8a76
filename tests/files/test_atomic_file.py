"""Replacing a file as a whole: what a reader sees, and the order of syncs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lockstep.core.files import atomic_file
from tests.small_disk import SmallDisk

REPLACES = [atomic_file.replace, atomic_file.replace_durably]


@pytest.mark.parametrize("replace", REPLACES)
def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path, replace: Callable[[Path, bytes], None]) -> None:
    file = tmp_path / "state"
    replace(file, b"a longer one at first")
    replace(file, b"new")
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("replace", REPLACES)
def test_whoever_has_the_old_file_open_reads_it_to_its_end(
    tmp_path: Path, replace: Callable[[Path, bytes], None]
) -> None:
    file = tmp_path / "state"
    replace(file, b"old")
    with file.open("rb") as reader:
        replace(file, b"new")
        assert reader.read() == b"old"


def test_what_is_durable_is_synced_before_its_name_and_the_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "state"
    synced: list[tuple[str, bool]] = []

    def note(fd: int) -> None:
        synced.append((Path(f"/proc/self/fd/{fd}").readlink().name, file.exists()))

    monkeypatch.setattr(os, "fsync", note)
    atomic_file.replace_durably(file, b"new")
    assert synced == [("state.new", False), (tmp_path.name, True)]


@pytest.mark.parametrize("replace", REPLACES)
def test_a_file_with_a_spare_is_replaced_on_a_full_disk_as_often_as_wanted(
    small_disk: Callable[[int], SmallDisk], replace: Callable[[Path, bytes], None]
) -> None:
    disk = small_disk(1 << 20)
    file = disk.folder / "state"
    replace(file, b"at first")
    atomic_file.keep_spare(file)
    disk.fill()
    for number in range(5):
        replace(file, b"%d" % number * (atomic_file.GROWTH_BYTES - number))
        assert file.read_bytes() == b"%d" % number * (atomic_file.GROWTH_BYTES - number)
    disk.empty()
    replace(file, b"at last")
    assert file.read_bytes() == b"at last"
    assert sorted(path.name for path in disk.folder.iterdir()) == ["state", "state.spare"]


def test_without_a_spare_a_full_disk_leaves_the_old_content_and_nothing_else(
    small_disk: Callable[[int], SmallDisk],
) -> None:
    disk = small_disk(1 << 20)
    file = disk.folder / "state"
    atomic_file.replace(file, b"old")
    disk.fill()
    with pytest.raises(OSError, match="No space left"):
        atomic_file.replace(file, b"new")
    assert file.read_bytes() == b"old"
    assert sorted(path.name for path in disk.folder.iterdir()) == ["filler", "state"]
