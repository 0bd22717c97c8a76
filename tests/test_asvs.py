"""Each test that docs/asvs.md names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "asvs.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ROW = re.compile(r"\| [\d(]")


@cache
def names_in(path: str) -> set[str]:
    """The functions of a file; none where there is no such file."""
    file = ROOT / path
    tree = ast.parse(file.read_text() if file.exists() else "")
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_point_has_a_test_that_exists() -> None:
    text = PAGE.read_text()
    cited = TEST.findall(text)
    missing = [f"{path}::{name}" for path, name in cited if name not in names_in(path)]
    assert not missing, f"docs/asvs.md names tests that are not there: {missing}"
    rows = [line for line in text.splitlines() if ROW.match(line)]
    assert len(rows) > 50
    assert not [row for row in rows if not TEST.search(row)]
