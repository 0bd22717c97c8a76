"""The console says what is wrong with the database, each thing once, and when it is over."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.core.venue.database_trouble import IDENTITY, Notice
from lockstep.procs.supervisor import database
from lockstep.procs.supervisor.database import DatabaseWatch


def test_what_is_wrong_is_told_once_and_so_is_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOOK_S", 0.0)
    (tmp_path / "run").mkdir()
    said: list[str] = []
    watch = DatabaseWatch(tmp_path, said.append)
    rows, identity = Notice(tmp_path), Notice(tmp_path, IDENTITY)
    rows.tell("it is away")
    identity.tell("CONFLICT: a row")
    for _ in range(2):
        watch.tick()
    assert said == [
        "the database takes no rows: it is away",
        "the database does not follow the other node's (schema identity): CONFLICT: a row",
    ]
    identity.tell("")
    watch.tick()
    assert said[2:] == ["schema identity follows again"]
    rows.tell("")
    watch.tick()
    assert said[3:] == ["the database takes rows again"]
