"""The page's own unit tests, by the runner of the Node that builds it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
NODE = Path(sys.executable).with_name("node")


def test_they_pass() -> None:
    if not (WEB / "node_modules" / "@preact").exists():
        pytest.skip("what the page is made with is not here: make page")
    done = subprocess.run([NODE, "--test", "test/*.test.ts"], cwd=WEB, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\bpass [1-9]", done.stdout), done.stdout  # no file that matches is no failure to Node
