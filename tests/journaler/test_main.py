"""The journaler's wiring: what `build` takes from a venue."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.config.schema import AssetSection, Config, InstrumentSection, VenueSection
from lockstep.core.journal.end import segment_header
from lockstep.core.journal.format import file_name
from lockstep.core.journal.journal import JournalReader
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.journaler.__main__ import build, report_cut, trusted_seq
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Ring
from tests.logged import captured
from tests.models import journal as model
from tests.simulation.disk import FakeDisk, Fates


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


def test_a_journal_that_begins_is_the_paired_nodes(tmp_path: Path) -> None:
    node = Node("secondary", journal_id="00112233445566778899aabbccddeeff")
    config = Config(venue=VenueSection(name="mine", data=str(tmp_path)))
    build(Venue.private(derive(config), config, tmp_path, node=node)).journal.close()
    header = segment_header(tmp_path / "journal", 1)
    assert (header.journal_id.hex(), header.venue) == (node.journal_id, "mine")


def test_says_what_opening_cut(tmp_path: Path) -> None:
    disk = FakeDisk(1)
    writer = JournalWriter(disk, "none", 4 * 4096)
    for first in (1, 11, 21):
        writer.append(model.records(first, 10))
    dirty = disk.entries[file_name(1)].dirty
    for sector in range(16, 24):
        del dirty[sector]
    disk.power_on(Fates(disk.draw, kept=1.0))
    with captured() as logs:
        report_cut(JournalWriter(disk, "none", 4 * 4096))
        report_cut(JournalWriter(tmp_path / "whole"))
    assert [(entry["level"], entry["event"], entry["lost_from_seq"]) for entry in logs] == [
        ("error", "journal_hole", 11)
    ]


def test_a_successor_in_a_running_venue_believes_what_was_reported_or_freed() -> None:
    ring, board = Ring.private(64, ["journaler"], first_seq=6), Board.private()
    assert trusted_seq(ring.consumer("journaler"), board) == 5
    board.set(Word.DURABLE_SEQ, 7)
    assert trusted_seq(ring.consumer("journaler"), board) == 7
