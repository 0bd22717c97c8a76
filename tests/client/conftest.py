"""One venue for all tests of the client library, each with accounts or symbols of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline.conftest import RunningVenue, one_for_all


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    with one_for_all(tmp_path_factory) as running:
        yield running
