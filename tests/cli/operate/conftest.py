"""The venue that a module's tests of operators' commands share, and its clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.pipeline.client import FixClient
from tests.pipeline.conftest import RunningVenue

Client = Callable[[str], FixClient]


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    running = RunningVenue(tmp_path_factory.mktemp("venue"))
    running.start()
    yield running
    if running.process is not None:
        running.stop()


@pytest.fixture
def client(venue: RunningVenue) -> Iterator[Client]:
    """Logs an account on; all are gone when the test is over."""
    made: list[FixClient] = []

    def log_on(name: str) -> FixClient:
        made.append(venue.client(name))
        made[-1].connect(reset=True)
        return made[-1]

    yield log_on
    for each in made:
        each.close()
