"""A log line is one JSON object that `lockstep logs` reads, and plain words where a person looks on."""

from __future__ import annotations

import contextlib
import io
from datetime import UTC, date, datetime

import pytest

from lockstep.core.diagnostics.log_lines import log
from tests.logged import captured


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("level", "write"), [("info", log.info), ("warning", log.warning), ("error", log.error)])
def test_a_line_has_fields_event_level_and_time(level: str, write: object) -> None:
    assert callable(write)
    before = datetime.now(UTC)
    with captured() as lines:
        write("part_not_saved", part="two\nlines", day=date(2026, 7, 1))
    (line,) = lines
    assert before <= datetime.fromisoformat(line.pop("timestamp")) <= datetime.now(UTC)
    assert line == {"part": "two\nlines", "day": repr(date(2026, 7, 1)), "event": "part_not_saved", "level": level}


def test_a_person_reads_words() -> None:
    with contextlib.redirect_stderr(Terminal()) as terminal:
        log.warning("database unavailable", reason="no server", retry_s=0.5)
    assert terminal.getvalue() == "warning: database unavailable reason=no server retry_s=0.5\n"
