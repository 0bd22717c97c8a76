"""Where LOCKSTEP_NO_SKIPS is set, a skip for want of what a registry has is a failure, in a test as in a module."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import skips
from tests.pages import ROOT

SAMPLE = """
import pytest

def test_runs():
    pass

def test_lacks_a_server():
    pytest.skip("etcd is not installed")

@pytest.mark.skipif(True, reason="HAProxy is not installed")
def test_lacks_a_tool():
    pass

def test_lacks_what_no_registry_has():
    pytest.skip("no PostgreSQL with TimescaleDB: install one")
"""
REASON = re.compile(r'(?:pytest\.skip\(|skipif\([^"]*reason=|importorskip\([^)]*reason=)f?"([^"]+)"')


def outcomes(folder: Path, switch: str) -> dict[str, int]:
    """How many tests of the sample passed, failed and skipped, and how many modules could not be collected."""
    (folder / "test_sample.py").write_text(SAMPLE)
    (folder / "test_module.py").write_text('import pytest\npytest.importorskip("nowhere")\n')
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.skips", "-p", "no:cacheprovider",
         "--continue-on-collection-errors", str(folder)],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT), skips.SWITCH: switch}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return {what: int(count) for count, what in re.findall(r"(\d+) (passed|failed|skipped|error)", ran.stdout)}


def test_needless_skips_fail_where_the_switch_is_set(tmp_path: Path) -> None:
    assert outcomes(tmp_path, "1") == {"passed": 1, "failed": 1, "skipped": 1, "error": 2}  # one before its call
    assert outcomes(tmp_path, "") == {"passed": 1, "skipped": 4}


def test_every_reason_that_may_skip_is_one_that_a_test_gives() -> None:
    given = [reason for file in (ROOT / "tests").rglob("*.py") for reason in REASON.findall(file.read_text())]
    plain = [re.sub(r"\{[^}]*\}", "x", reason) for reason in given]
    unused = [each for each in skips.MAY_SKIP if not any(re.match(each, reason) for reason in plain)]
    assert unused == []


def test_continuous_integration_sets_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"export {skips.SWITCH}=1" in (ROOT / ".ci" / "run").read_text()
    monkeypatch.setenv(skips.SWITCH, "1")
    assert "etcd is not installed" in skips.objection("etcd is not installed (Debian: apt-get install etcd-server)")
