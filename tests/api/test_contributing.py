"""CONTRIBUTING.md's route of /v1: its own diffs make a handler that answers, refuses and is described."""

from __future__ import annotations

import json
from pathlib import Path

from tests.recipes import Recipe


def test_one_handler_is_a_route_with_its_description(tmp_path: Path) -> None:
    recipe = Recipe("Add a route to /v1", tmp_path)
    described = json.loads(recipe.python("-m", "lockstep.procs.api.v1"))
    route = described["paths"]["/v1/assets/{name}"]["get"]
    assert (route["description"], route["tags"]) == ("One asset.", ["market"])
    assert described["components"]["schemas"]["AssetShown"]["required"] == ["name", "scale"]
    recipe.passes(*(path for path in recipe.changed if Path(path).name.startswith("test_")))
