"""CONTRIBUTING.md's operator's command: its own diffs make a command of `lockstep`, a request of /v1 and a form."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pages import ROOT, blocks

DIFFS = [
    block
    for block in blocks(ROOT / "CONTRIBUTING.md")
    if block.heading == "Add an operator's command" and block.kind == "diff"
]
NOT_SOURCES = shutil.ignore_patterns("__pycache__", "*.c", "*.html", "web")


def placed(source: str, target: str) -> str:
    """A copy, of sources; compiled modules are the same."""
    if source.endswith(".so"):
        Path(target).symlink_to(source)
        return target
    return str(shutil.copy(source, target))


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree after the page's steps."""
    tree = tmp_path_factory.mktemp("contributing")
    shutil.copytree(ROOT / "lockstep", tree / "lockstep", ignore=NOT_SOURCES, copy_function=placed)
    for diff in DIFFS:
        run(tree, "git", "apply", "-", text=diff.text)
    return tree


def run(tree: Path, *command: str, text: str = "") -> str:
    settings = os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    done = subprocess.run(command, cwd=tree, env=settings, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def described(tree: Path, module: str) -> Any:
    return json.loads(run(tree, sys.executable, "-m", module))


def test_one_class_is_a_command_a_request_and_a_form(changed: Path) -> None:
    assert len(DIFFS) == 1
    assert "cancel-only " in run(changed, sys.executable, "-m", "lockstep", "--help")
    help = run(changed, sys.executable, "-m", "lockstep", "cancel-only", "--help")
    assert "Example: lockstep cancel-only BTCUSDT --operator OPERATOR1" in " ".join(help.split())
    asked = described(changed, "lockstep.procs.api.v1")["paths"]["/v1/operator/instruments/{symbol}/cancel-only"][
        "post"
    ]
    assert asked["tags"] == ["operator: instruments"]
    form = described(changed, "lockstep.core.operations.forms")["CancelOnly"]
    assert (form["path"], form["typed"]) == ("/v1/operator/instruments/{symbol}/cancel-only", "symbol")
    assert [entry["name"] for entry in form["entries"]] == ["symbol"]
