"""`lockstep logs` follows a file that is rotated meanwhile: no line is left out, and none comes twice."""

from __future__ import annotations

from pathlib import Path

from lockstep.cli.logs import Tail


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


def test_what_is_no_line_or_no_log_of_ours_is_no_end(tmp_path: Path) -> None:
    for name in ("core.log.1.gz", "core.log.old"):
        (tmp_path / name).write_bytes(b"somebody's\n")
    (tmp_path / "core.log.1").write_bytes(b'{"timestamp":"2026-01-31T12:00:00Z","level":"info","event":"before"}\n')
    (tmp_path / "core.log").write_bytes(b'\xff\x00{\n[1]\n{"timestamp":5,"level":null,"event":["x"]}\n')
    lines = list(Tail(tmp_path / "core.log").past())
    assert [line.event for line in lines] == ["before", "\ufffd\x00{", "[1]", "['x']"]
    assert [line.level for line in lines] == ["info", "error", "error", "None"]
