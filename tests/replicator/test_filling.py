"""How a secondary begins: from its own journal, before it has heard anything of the primary."""

from __future__ import annotations

from pathlib import Path

from lockstep.config.schema import Config, InstrumentSection, ReplicationSection
from lockstep.core.journal.writer import MIN_SEGMENT_BYTES, JournalWriter
from lockstep.core.venue.topology import LOG, derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.replicator.filling import Filling
from lockstep.procs.replicator.handshake import LinkState
from lockstep.procs.replicator.transport import Dialer
from lockstep.shm.board import Word
from tests.models import journal as model

RECORDS = 40
INSTRUMENT = InstrumentSection(symbol="AB", base="A", quote="B", tick="0.01", lot="0.01")


def test_its_own_journal_needs_no_word_of_the_primary(tmp_path: Path) -> None:
    """Edges read what its events are released by: if they waited for the link, which comes later, rings would fill."""
    with JournalWriter(tmp_path / "journal", "none", MIN_SEGMENT_BYTES) as writer:
        for record in model.records(1, RECORDS):
            writer.append([record])
    config = Config(instruments=[INSTRUMENT], replication=ReplicationSection(node="b"))
    venue = Venue.private(derive(config, follows=True), config, tmp_path)
    venue.board.set(Word.JOURNAL_READY, venue.generation)
    venue.board.set(Word.DURABLE_SEQ, RECORDS)
    venue.board.set(Word.ROUTER_DONE, RECORDS)
    venue.board.set(Word.COMMIT_BY, Word.PRIMARY_COMMIT)
    told: list[LinkState] = []
    filling = Filling(venue, Dialer("127.0.0.1:1", None), lambda state, _: told.append(state))
    assert venue.board.release_position() == 0
    while not told:
        filling.poll(0)
    assert venue.ring(LOG).published == RECORDS
    assert venue.board.release_position() == RECORDS
    assert told == [LinkState.ALONE]
    filling.close()
