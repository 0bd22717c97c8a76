"""The journaler's wiring: what `build` takes from a venue."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.schema import AssetSection, Config, InstrumentSection, VenueSection
from procs.journaler.__main__ import build
from procs.supervisor.topology import derive
from procs.venue import Venue
from shm.board import Word
from shm.journal import JournalReader
from tests.models import journal as model


@pytest.mark.parametrize("durability", ["none", "local"])
def test_journals_the_log_of_a_venue_under_its_data_folder(tmp_path: Path, durability: str) -> None:
    config = Config(
        venue=VenueSection(data=str(tmp_path), durability="local" if durability == "local" else "none"),
        assets=[AssetSection(name="BTC", scale=8), AssetSection(name="USDT", scale=8)],
        instruments=[InstrumentSection(symbol="BTCUSDT", base="BTC", quote="USDT", tick="0.01", lot="0.0001")],
    )
    venue = Venue.private(derive(config), config, tmp_path)
    journaler = build(venue)
    assert journaler.name == "journaler"
    assert journaler.journal.synced == (durability == "local")
    assert venue.board.get(Word.JOURNAL_READY) == 1
    producer = venue.producer("log")
    for record in model.records(1, 3):
        producer.put(record)
    assert journaler.step(0) == 3
    assert venue.board.get(Word.DURABLE_SEQ) == 3
    assert venue.ring("log").cursors()["journaler"] == 3
    assert list(JournalReader(tmp_path / "journal", limit=3)) == model.records(1, 3)
