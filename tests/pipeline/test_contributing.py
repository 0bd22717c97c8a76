"""CONTRIBUTING.md's worked example, step by step: its own diffs add a field to an event, and PostgreSQL has it.

It works on a copy of the tree, whose compiled modules are this build's but for those that the diffs change.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lockstep.procs.batcher.database import Embedded
from tests.pipeline.conftest import FEW, RunningVenue
from tests.pipeline.test_pages import trade
from tests.recipes import Recipe

TWINS = (
    "tests/batcher/test_rows.py",
    "tests/scenarios/matching/test_scripts.py",
    "tests/cli/test_convert_journal.py",
)
PATIENCE_S = 120


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """The tree after the page's steps, built."""
    made = Recipe("Add a field to an event and see it in PostgreSQL", tmp_path_factory.mktemp("contributing"))
    build(made, {path for path in made.changed if path.endswith(".pyx")})
    return made


def build(recipe: Recipe, sources: set[str]) -> None:
    """Compile what the diffs have changed; all else is this build's, since every byte lies where it did.

    The schema's hash is compiled in, and is another one: of what has it, conversions look at the journal's.
    """
    assert sources
    sources.add("lockstep/core/journal/format.pyx")
    for source in sources:
        place = recipe.tree / source
        for compiled in place.parent.glob(f"{place.stem}.*.so"):
            compiled.unlink()  # a link to this build's, which the compiler would write to
    compiler = recipe.tree.parent / "cc"
    compiler.write_text(f'#!/bin/sh\nexec {os.environ.get("CC", "cc")} "$@" -O0\n')  # optimizing is most of a build
    compiler.chmod(0o700)
    environment = {"LOCKSTEP_ONLY": ",".join(sorted(sources)), "CC": str(compiler)}
    recipe.run(sys.executable, "setup.py", "--quiet", "build_ext", "--inplace", environment=environment)


@pytest.fixture
def venue(recipe: Recipe, tmp_path: Path) -> Iterator[RunningVenue]:
    running = RunningVenue(tmp_path, hosts=FEW)
    running.spawning = {"cwd": recipe.tree}
    running.start()
    yield running
    if running.process is not None:
        running.stop()


def test_the_new_field_is_in_postgresql(recipe: Recipe, venue: RunningVenue) -> None:
    trade(venue)
    (query,) = (line.split("'")[1] for block in recipe.of("command") for line in block.commands if "psql" in line)
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


def test_twins_and_conversions_agree_with_it(recipe: Recipe) -> None:
    recipe.passes(*TWINS)
