"""Venues of random settings: each key at its least, its greatest or a usual value, all together, start and take orders.

tests/pipeline/test_witness.py starts a node with every key of the schema away from its default; this draws them, for as
long as it is given.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from lockstep.config.loader import load
from lockstep.config.writer import text_of
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.every_setting import drawn
from tests.ports import free_port

SOAK_S = float(os.environ.get("SOAK_S", "60"))
ORDERS = 20


@pytest.mark.soak
def test_venue_of_any_settings_trades_and_stops(tmp_path: Path) -> None:
    first = time.time_ns()
    deadline = time.monotonic() + SOAK_S
    for number in range(10_000):
        if time.monotonic() > deadline:
            break
        seed = first + number
        print(f"seed {seed}")
        folder = tmp_path / str(seed)
        folder.mkdir()
        venue = RunningVenue(folder, api_port=free_port(), metrics_port=free_port())
        venue.config.write_text(text_of(drawn(load(venue.config), random.Random(seed))))
        venue.start()
        client = venue.client("TRADER1")
        client.connect()
        for each in range(ORDERS):
            client.order(f"o{each}", "buy", "100.00", "0.01")
            client.await_report(f"o{each}", "0")
        client.close()
        assert venue.stop() == 0
        venue.verify()
