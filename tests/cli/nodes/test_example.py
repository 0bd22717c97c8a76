"""The two nodes that README.md starts: their files agree, and pairing them makes the first one lead."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.console import lockstep

CONFIG = Path(__file__).parents[3] / "lockstep" / "config"


def test_the_two_nodes_of_the_readme_can_be_paired(tmp_path: Path) -> None:
    files = [Path(shutil.copy(CONFIG / f"node-{name}.toml", tmp_path)) for name in "ab"]
    answer = lockstep("pair", *files, "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    paired = json.loads(answer.stdout)
    assert (paired["outcome"], paired["leads"], paired["follows"]) == ("paired", "a", "b")
    assert json.loads((tmp_path / "lockstep-data" / "b" / "node" / "role.json").read_bytes())["role"] == "secondary"
