"""CONTRIBUTING.md's operator's command: its own diffs make a command of `lockstep`, a request of /v1 and a form."""

from __future__ import annotations

import json
from pathlib import Path

from tests.recipes import Recipe


def test_one_class_is_a_command_a_request_and_a_form(tmp_path: Path) -> None:
    recipe = Recipe("Add an operator's command", tmp_path)
    assert len(recipe.of("diff")) == 1
    assert "cancel-only " in recipe.python("-m", "lockstep", "--help")
    help = recipe.python("-m", "lockstep", "cancel-only", "--help")
    assert "Example: lockstep cancel-only BTCUSDT --operator OPERATOR1" in " ".join(help.split())
    path = "/v1/operator/instruments/{symbol}/cancel-only"
    asked = json.loads(recipe.python("-m", "lockstep.procs.api.v1"))["paths"][path]["post"]
    assert asked["tags"] == ["operator: instruments"]
    form = json.loads(recipe.python("-m", "lockstep.core.operations.forms"))["CancelOnly"]
    assert (form["path"], form["typed"]) == (path, "symbol")
    assert [entry["name"] for entry in form["entries"]] == ["symbol"]
