"""`lockstep logs` follows a file that is rotated meanwhile: no line is left out, and none comes twice."""

from __future__ import annotations

from pathlib import Path

from scripts.logs import Tail


def test_lines_on_both_sides_of_a_rotation_come_once_each(tmp_path: Path) -> None:
    file = tmp_path / "core.log"
    file.write_text("one\ntwo\nthr")
    tail = Tail(file)
    assert [line.event for line in tail.past()] == ["one", "two"]
    with file.open("a") as log:
        log.write("ee\nfour\n")
    file.rename(tmp_path / "core.log.1")
    file.write_text("five\n")
    assert [line.event for line in tail.new()] == ["three", "four", "five"]
    assert list(tail.new()) == []
