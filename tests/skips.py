"""A pytest plugin: where LOCKSTEP_NO_SKIPS is set, as `.ci/run` sets it, a test that skips without need fails.

Tests skip where a server, tool or package is not installed. Continuous integration installs all that a registry has, so
there such a skip would only hide a test that runs nowhere. Skips that are right there too are listed here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
SWITCH = "LOCKSTEP_NO_SKIPS"
MAY_SKIP = (
    # No registry has these.
    r"the AMZN day is not at hand",
    r"no PostgreSQL with TimescaleDB",
    # The user's rights and the kernel: nothing that could be installed.
    r"only root (can give commands as somebody else|gives files away|acts for others)",
    r"root may open everything",
    r"no Python here that \w+ could run",
    r"no file system can be mounted here",
    r"no systemd can be booted here",
    r"strace may not trace here",
    r"this user may not lock memory",
    r"counts calls of glibc's allocator",
    # A choice of tests: `make interop` builds QuickFIX, and no other target needs it.
    r"QuickFIX is not installed: make interop builds it",
    r"not all seeds were run",
)


def objection(reason: str) -> str:
    """Return why a skip for this reason fails, or "" where it may skip."""
    if not os.environ.get(SWITCH) or any(re.match(each, reason) for each in MAY_SKIP):
        return ""
    return f"{SWITCH} is set, and a test skips: {reason}. Install what it lacks (.ci/run does)"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _judged(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _judged(report)


def _judged(report: Report) -> Report:
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if why := objection(reason):
            report.outcome = "failed"
            report.longrepr = f"{report.longrepr[0]}:{report.longrepr[1]}: {why}"
    return report
