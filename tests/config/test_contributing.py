"""CONTRIBUTING.md's key of the configuration: its own diffs make one that is read, bounded, explained and used."""

from __future__ import annotations

from pathlib import Path

from tests.recipes import Recipe

# What the tree's own loader and tests say of the key, a line each.
SAID = """
from pathlib import Path
from lockstep import config
from tests.pipeline.every_setting import every_key, keys_at_their_default

node = config.load("lockstep/config/node-b.toml")
print(node.api.idle_timeout_s)
print("api.idle_timeout_s" in keys_at_their_default(every_key(node, Path(), "")))
file = Path("venue.toml")
file.write_text(Path("lockstep/config/demo.toml").read_text().replace("idle_timeout_s = 75", "idle_timeout_s = 0"))
try:
    config.load(file)
except config.ConfigError as error:
    print(error)
"""


def test_one_field_is_a_key_with_bounds_and_an_effect(tmp_path: Path) -> None:
    recipe = Recipe("Add a key to the configuration", tmp_path)
    assert recipe.python("-c", SAID).splitlines() == [
        "75", "False", "venue.toml: api.idle_timeout_s: is 0; allowed is a whole number from 1 to 3600",
    ]  # fmt: skip
    recipe.passes("tests/config/test_loader.py", "tests/api/test_http.py::test_an_idle_connection_is_closed")
