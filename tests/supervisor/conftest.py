"""The supervisor's tests run the same real venues as the pipeline tests, and supervisors of stand-in hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.conftest import venue
from tests.supervisor.harness import CONFIG, PATIENCE_S, Program, Start

__all__ = ["venue"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "venue.toml"
    file.write_text(CONFIG)
    return file


@pytest.fixture
def start(config: Path) -> Iterator[Start]:
    started: list[Program] = []

    def begin(behaviour: str = "healthy", *steps: str) -> Program:
        started.append(Program(config, behaviour, *steps))
        return started[-1]

    yield begin
    for program in started:
        if program.process.poll() is None:
            program.process.terminate()
        program.process.wait(PATIENCE_S)
