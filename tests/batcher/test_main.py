"""The wiring: a venue's rings, spool and server reach the batcher."""

from __future__ import annotations

from pathlib import Path

from lockstep.config.loader import load
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.batcher.__main__ import build
from lockstep.shm.board import Word
from tests.batcher.events import Stream

DEMO = Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml"


def test_a_venue_s_rings_are_spooled_under_its_data(tmp_path: Path) -> None:
    config = load(DEMO)
    venue = Venue.private(derive(config), config, tmp_path)
    batcher = build(venue)
    stream = Stream().define().steps(20)
    producers = [venue.producer("events.router"), venue.producer("events.matcher.1")]
    for ring, producer in enumerate(producers):
        for record in stream.rings[ring]:
            producer.put(record)
    for word in (Word.ROUTER_DONE, Word.MATCHER_DONE, Word.MATCHER_DONE + 1, Word.DURABLE_SEQ):
        venue.board.set(word, stream.seq)
    assert sum(iter(lambda: batcher.poll(0), 0)) == sum(map(len, stream.rings.values()))
    assert batcher.spool.folder == tmp_path / "spool"
    assert batcher.spool.complete_seq == stream.seq
    assert venue.board.get(Word.SPOOLED) > 0
