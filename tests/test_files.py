"""Replacing a file as a whole: what a reader sees, and what is synced before what."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from procs import files

REPLACES = [files.replace, files.replace_durably]


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
    files.replace_durably(file, b"new")
    assert synced == [("state.new", False), (tmp_path.name, True)]
