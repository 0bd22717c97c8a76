"""A client of both versions of FIX."""

from __future__ import annotations

import pytest

from tests.gateway.fix.client import Client, logged_on


@pytest.fixture(params=[42, 44], ids=["FIX.4.2", "FIX.4.4"])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def client(version: int) -> Client:
    return logged_on(version)
