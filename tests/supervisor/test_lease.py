"""The console and the alerts say what is wrong with the witness, each thing once, and when it is over."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from lockstep.config.schema import AlertsSection
from lockstep.procs.supervisor import lease
from lockstep.procs.supervisor.alerts import Alerts
from lockstep.procs.supervisor.lease import LeaseWatch
from lockstep.procs.witness import report
from lockstep.procs.witness.report import Report


def test_what_is_wrong_is_told_once_and_so_is_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LOOK_S", 0.0)
    (tmp_path / "run").mkdir()
    said: list[str] = []
    waiting = tmp_path / "alerts.json"
    watch = LeaseWatch(tmp_path, said.append, Alerts(AlertsSection(command="true"), "v", waiting, said.append))
    watch.tick()
    assert said == []
    report.tell(tmp_path, Report("a", ("a", "b"), "etcd is away"))
    for _ in range(2):
        watch.tick()
    assert said == ["the witness: etcd is away"]
    report.tell(tmp_path, Report("a", ("a", "b")))
    watch.tick()
    assert said[1:] == ["the witness: all is well again"]
    events = msgspec.json.decode(waiting.read_bytes())
    assert [(each["event"], each["message"]) for each in events] == [
        ("witness_trouble", "etcd is away"), ("witness_well", "the witness answers again"),
    ]  # fmt: skip
