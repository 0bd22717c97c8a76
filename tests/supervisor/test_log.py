"""A host's log is kept, bounded, and its errors are noticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lockstep.core.files import space
from lockstep.procs.supervisor import log
from lockstep.procs.supervisor.log import Log
from tests.small_disk import SmallDisk


def test_lines_are_kept_as_they_come(tmp_path: Path) -> None:
    kept = Log(tmp_path / "log" / "core.log")
    kept.feed(b'{"event": "one"}\nhalf a')
    kept.feed(b" line\nrest")
    kept.close()
    assert (tmp_path / "log" / "core.log").read_text() == '{"event": "one"}\nhalf a line\nrest\n'
    assert list(kept.tail) == ['{"event": "one"}', "half a line", "rest"]


def test_the_first_line_of_an_error_is_told(tmp_path: Path) -> None:
    kept = Log(tmp_path / "core.log")
    told = kept.feed(
        b'{"event": "fine", "level": "info"}\n{"event": "disk full\\nat once", "level": "error"}\nnot json\n{broken\n'
    )
    kept.close()
    assert told == ["disk full"]


def test_old_files_are_rotated_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MAX_BYTES", 100)
    kept = Log(tmp_path / "core.log")
    for number in range(100):
        kept.feed(f"line {number:03}\n".encode())
    kept.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["core.log", "core.log.1", "core.log.2", "core.log.3"]
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())
    assert (tmp_path / "core.log").read_text().endswith("line 099\n")


def test_a_line_without_an_end_is_bounded(tmp_path: Path) -> None:
    kept = Log(tmp_path / "core.log")
    kept.feed(b"x" * (log.MAX_LINE_BYTES + 1))
    assert (tmp_path / "core.log").stat().st_size == log.MAX_LINE_BYTES + 2
    kept.close()


def test_lines_that_the_disk_refuses_are_counted_and_the_count_is_told(
    small_disk: Callable[[int], SmallDisk],
) -> None:
    disk = small_disk(2**20)
    kept = Log(disk.folder / "core.log")
    kept.feed(b"one\n")
    disk.fill()
    line = b"x" * 1000 + b"\n"
    owned = space.LOG_BYTES // len(line)
    kept.feed(line * (owned + 50))
    missing = kept.dropped
    assert 0 < missing <= 51
    error = b'{"event": "broken", "text": "%s", "level": "error"}\n' % line.strip()
    assert kept.feed(error) == ["broken"]
    assert kept.tail[-1] == error.decode().strip()
    missing += 1
    disk.empty()
    kept.feed(b"again\n")
    kept.close()
    lines = (disk.folder / "core.log").read_text().splitlines()
    assert lines[-2:] == [f"{missing} lines are missing here: the disk was full", "again"]
    assert len(lines) == 1 + (owned + 51 - missing) + 2  # "one", what was kept, the count, "again"
    assert set(lines[1:-2]) == {"x" * 1000}
