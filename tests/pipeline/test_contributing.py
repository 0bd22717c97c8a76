"""CONTRIBUTING.md's worked example, step by step: its own diffs add a field to an event, and PostgreSQL has it.

It works on a copy of the tree, whose compiled modules are this build's but for those that the diffs change.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lockstep.procs.batcher.database import Embedded
from tests.pages import ROOT, Block, blocks
from tests.pipeline.conftest import FEW, RunningVenue
from tests.pipeline.test_pages import trade

EXAMPLE = [block for block in blocks(ROOT / "CONTRIBUTING.md") if block.heading.startswith("Add a field")]
COPIED = ("lockstep", "tests", "docs")
NOT_SOURCES = shutil.ignore_patterns("__pycache__", "*.c", "*.html", "*.so")
TWINS = (
    "tests/batcher/test_rows.py",
    "tests/scenarios/matching/test_scripts.py",
    "tests/cli/test_convert_journal.py",
)
PATIENCE_S = 120


def of(kind: str) -> list[Block]:
    return [block for block in EXAMPLE if block.kind == kind]


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree after the page's steps, built."""
    tree = tmp_path_factory.mktemp("contributing") / "lockstep"
    for folder in COPIED:
        shutil.copytree(ROOT / folder, tree / folder, ignore=NOT_SOURCES)
    for file in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, tree)
    for block in of("diff"):
        run(tree, "git", "apply", "-", text=block.text)
    build(
        tree, {path for block in of("diff") for path in re.findall(r"^\+\+\+ b/(\S+\.pyx)$", block.text, re.MULTILINE)}
    )
    return tree


def build(tree: Path, sources: set[str]) -> None:
    """Compile what the diffs have changed; all else is this build's, since every byte lies where it did.

    The schema's hash is compiled in, and is another one: of what has it, conversions look at the journal's.
    """
    assert sources
    sources.add("lockstep/core/journal/format.pyx")
    new = {(tree / source).with_suffix("") for source in sources}
    for folder in COPIED:
        for compiled in (ROOT / folder).rglob("*.so"):
            place = tree / compiled.relative_to(ROOT)
            if place.parent / place.name.partition(".")[0] not in new:
                place.symlink_to(compiled)
    compiler = tree.parent / "cc"
    compiler.write_text(f'#!/bin/sh\nexec {os.environ.get("CC", "cc")} "$@" -O0\n')  # optimizing is most of a build
    compiler.chmod(0o700)
    environment = {"LOCKSTEP_ONLY": ",".join(sorted(sources)), "CC": str(compiler)}
    run(tree, sys.executable, "setup.py", "--quiet", "build_ext", "--inplace", environment=environment)


def run(tree: Path, *command: str, text: str = "", environment: dict[str, str] | None = None) -> str:
    # A repository around the copy is none of git's business: paths are those of the copy.
    settings = os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)} | (environment or {})
    done = subprocess.run(command, cwd=tree, env=settings, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{text}{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def venue(changed: Path, tmp_path: Path) -> Iterator[RunningVenue]:
    running = RunningVenue(tmp_path, hosts=FEW)
    running.spawning = {"cwd": changed}
    running.start()
    yield running
    if running.process is not None:
        running.stop()


def test_the_new_field_is_in_postgresql(venue: RunningVenue) -> None:
    trade(venue)
    (query,) = (line.split("'")[1] for block in of("command") for line in block.commands if "psql" in line)
    deadline = time.monotonic() + PATIENCE_S
    while not (rows := selected(venue, query)):
        assert time.monotonic() < deadline
        time.sleep(0.1)  # rows come when they come: only asking again tells
    assert [taker_type for _, taker_type in rows] == ["LIMIT"]
    venue.verify()


def selected(venue: RunningVenue, query: str) -> list[tuple[int, str]]:
    """What the running venue's database answers; nothing while it starts or has no such column yet."""
    try:
        with psycopg.connect(Embedded(venue.folder / "data").url, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        return []


def test_twins_and_conversions_agree_with_it(changed: Path) -> None:
    # In a folder of its own: pytest closes the one of all sessions to other users, PostgreSQL's among them.
    folder = f"--basetemp={changed.parent / 'tests'}"
    run(changed, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder, *TWINS)
