"""A copy takes the place of what a node had: killed at any step it is gone on from, and nothing of either is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lockstep.cli.nodes import joining
from lockstep.cli.nodes.joining import Joined, Pending
from lockstep.config.schema import Config, InstrumentSection, ReplicationSection, VenueSection
from lockstep.core.files import atomic_file
from lockstep.core.venue import node
from lockstep.procs.replicator import comparison
from lockstep.procs.replicator.comparison import Difference

OLD = (
    "journal/1", "journal/2", "snapshots/5/part", "gateway.1/messages", "gateway.2/messages", "spool/1", "void.json",
    "gateways.json",
)  # fmt: skip
NEW = (
    "journal/9", "snapshots/8/part", "gateway.1/messages", "spool/2", "postgres/base", "definitions", "gateways.json",
)  # fmt: skip
KEPT = ("node/role.json", "log/x", "venue.toml")


class Killed(BaseException):
    """In the place of a SIGKILL."""


def write(folder: Path, names: tuple[str, ...], content: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def begun(data: Path) -> Pending:
    """A whole copy beside what is there."""
    write(data, (*OLD, *KEPT), "old")
    comparison.keep(data, Difference(7, "router", "accounts"))
    write(data / joining.STAGE, NEW, "new")
    aside = data / "set-aside" / "now"
    made = Pending(
        sorted({name.split("/")[0] for name in NEW}), str(aside), Joined(9, 9, 8, 1, 9, set_aside=str(aside))
    )
    atomic_file.replace_durably(node.folder_of(data) / node.JOINING, msgspec.json.encode(made))
    return made


def test_killed_at_any_step_it_is_gone_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0
    real: dict[str, Callable[..., None]] = {"rename": os.rename, "rmdir": os.rmdir, "unlink": os.unlink}

    def killing(at: int) -> None:
        left = [at]

        def step(name: str) -> Any:
            def do(*arguments: Any, **names: Any) -> None:
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
                real[name](*arguments, **names)

            return do

        for name in real:
            monkeypatch.setattr(os, name, step(name))

    while True:
        data = tmp_path / f"{steps}"
        data.mkdir()
        made = begun(data)
        killing(steps)
        try:
            joining._install(data, made)
            ended = True
        except Killed:
            ended = False
        monkeypatch.undo()
        if not ended:
            assert (node.folder_of(data) / node.JOINING).exists(), "a start would take it for whole"
            joining._install(data, made)
        expected = dict.fromkeys(NEW, "new") | dict.fromkeys(KEPT, "old")
        expected |= {f"set-aside/now/{name}": "old" for name in OLD}
        found = files(data)
        assert found.pop("set-aside/now/differs.json")
        assert found == expected, f"killed at step {steps}"
        if ended:
            break
        steps += 1
    assert steps > len({name.split("/")[0] for name in OLD + NEW})


def test_a_copy_that_is_whole_needs_nobody_to_be_put_in_its_place(tmp_path: Path) -> None:
    """The other node may be gone by then."""
    config = Config(
        venue=VenueSection(data=str(tmp_path)),
        replication=ReplicationSection(node="b"),
        instruments=[InstrumentSection(symbol="AB", base="A", quote="B", tick="0.01", lot="0.01")],
    )
    begun(tmp_path)
    said: list[str] = []
    assert joining.join(config, tmp_path, said.append, lambda _: None).seq == 9
    assert said == ["the copy is whole: it takes the place of what is here"]
    assert (tmp_path / "journal" / "9").exists()
