"""What a loss of power leaves of a venue that syncs nothing (durability none): it goes on with a beginning of what it
said, which everybody's files and rows are about, or its start refuses. Never anything between.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lockstep.core.diagnostics.refusal import FinalError
from lockstep.core.journal.journal import JournalError, JournalReader, segment_seqs
from lockstep.shm.board import Word
from tests.broken import require
from tests.models.journal import crc32c
from tests.simulation.audit import Audit, seq_of
from tests.simulation.bots import Bots

if TYPE_CHECKING:
    from tests.simulation.world import World

HEADER, ENTRY = 64, 32  # bytes, of a message store's segment and entry
RING_AT, FLAGS_AT = 10, 11
RESERVED = 2  # a flag: its number is one of messages that the log was asked for, and no event's
RINGS = 9


def begin_again(world: World) -> None:
    """Start on what is left, without clients: they know what they know (docs/operations.md)."""
    world.calm()
    world.is_deserted = True
    if world.bots is not None:
        world.bots = Bots(world)
        world.bots.calm()
    said = len(world.audit.log)
    kept = kept_seq(world)
    stores = [told_numbers(Path(str(world.data)) / gateway) for gateway in world.topology.gateways]
    told = [max(numbers) for numbers in zip(*stores, strict=True)]
    loaded = list(world.database.numbers)
    cut(world.audit, kept)
    try:
        world.start()
        world.until(lambda: bool(world.venue.board.get(Word.EPOCH)), "the venue leads")
    except FinalError as error:
        require(kept < said, f"nothing is lost of {said} records, and the start refuses: {error}")
        world.seen["start refused after a loss"] += 1
        return
    world.seen["start with less after a loss" if kept < said else "start with all after a loss"] += 1
    if kept == 0 and not any(loaded) and world.database.born_ns:  # claimed by a journal of which nothing is left
        return  # it is not written (RefusedError): who lost it all says so with `rebuild-db`
    world.rest()
    if world.bots is not None:
        world.bots.look()
    for ring in range(RINGS):
        events = world.audit.events[ring]
        reach = max((number for number, event in events.items() if seq_of(event) <= kept), default=0)
        for who, known in (("the gateway has told", told[ring]), ("the database has", loaded[ring])):
            require(known <= reach, f"{who} event {known} of ring {ring}, of which the journal leads to {reach}")
    world.check()


def kept_seq(world: World) -> int:
    """The last record that the journal has; all up to it are what was said."""
    seq = 0
    try:
        for record in JournalReader(world.disk, min(segment_seqs(world.disk), default=1)):
            seq = seq_of(record)
            require(world.audit.log.get(seq, record) == record, f"I2: record {seq} is another than what was said")
    except JournalError:  # what is behind is torn, or damaged
        pass
    return seq


def cut(audit: Audit, kept: int) -> None:
    """Forget all that came of records behind this one: they, and their events' numbers, come again."""
    audit.log = {seq: record for seq, record in audit.log.items() if seq <= kept}
    for ring, events in audit.events.items():
        audit.events[ring] = {number: event for number, event in events.items() if seq_of(event) <= kept}


def told_numbers(store: Path) -> list[int]:
    """The last event of each ring of which a message store has a report, as far as it can be read."""
    numbers = [0] * RINGS
    for path in sorted(store.glob("*.fix")):
        data, at = path.read_bytes(), HEADER
        while at + ENTRY <= len(data):
            entry = data[at : at + ENTRY + int.from_bytes(data[at + 4 : at + 8], "little")]
            if crc32c(entry[4:]).to_bytes(4, "little") != entry[:4]:
                return numbers
            ring, number = entry[RING_AT], int.from_bytes(entry[24:32], "little")
            if not entry[FLAGS_AT] & RESERVED:
                numbers[ring] = max(numbers[ring], number)
            at += ENTRY + (len(entry) - ENTRY + 7) // 8 * 8
    return numbers
