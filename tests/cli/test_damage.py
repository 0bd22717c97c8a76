"""What is damaged beside the journal is named in a line by every command that reads it, with what mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_verify import Busy
from tests.forked import lockstep


def spoil_voids(data: Path) -> Path:
    (data / "void.json").write_bytes(b"{garbage")
    return data / "void.json"


def cut_definitions(data: Path) -> Path:
    (data / "definitions").write_bytes((300).to_bytes(8, "little") + bytes(130))
    return data / "definitions"


def stray_segment(data: Path) -> Path:
    (data / "journal" / "copy.journal").touch()
    return data / "journal" / "copy.journal"


@pytest.mark.parametrize(
    ("spoil", "commands"),
    [
        (spoil_voids, ["show", "check", "verify", "at 200", "void 300", "repair-journal --accept-loss"]),
        (cut_definitions, ["void 300", "repair-journal --accept-loss"]),
        (stray_segment, ["show", "check", "verify", "repair-journal --accept-loss"]),
    ],
)
def test_damage_is_named_in_a_line(tmp_path: Path, spoil: Callable[[Path], Path], commands: list[str]) -> None:
    busy = Busy(tmp_path)
    path = spoil(busy.data)
    for words in commands:
        answer = lockstep(*words.split(), busy.file)
        said = answer.stdout + answer.stderr
        assert answer.returncode == 1, f"{words}: {said}"
        assert "Traceback" not in said, f"{words}: {said}"
        assert str(path) in said, f"{words}: {said}"
