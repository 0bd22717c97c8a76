"""Plays a venue's events to a gateway, command by command, without sockets: its store shows what it says."""

from __future__ import annotations

import os
import random
from pathlib import Path

from msgspec import structs

from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import InstrumentDefined
from lockstep.core.tables.saved import Saver
from lockstep.core.venue.snapshot_parts import Kept, Start
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue, set_back
from lockstep.procs.gateway.__main__ import build
from lockstep.procs.gateway.store_reader import Scan
from lockstep.shm.board import Word
from tests.event_feed import ROUTER, EventFeed, cause_of
from tests.gateway.harness import config_for
from tests.gateway.store_entries import write_out
from tests.router.random_driver import Everything
from tests.router.rig import Rig

NOW = 1_796_000_000_000_000_000
NAME = "gateway.1"
MATCHERS = (1, 2)


class Recording:
    """All events of a seeded venue with two matchers, by ring, each with its cause."""

    def __init__(self, seed: int, requests: int) -> None:
        rig = Rig(seed=seed).lead()
        driver = Everything(rig, random.Random(seed))
        for _ in range(requests):
            driver.step()
        rig.run()
        self.end = len(rig.log)
        self.rings = rig.events

    def start(self, cause: int) -> Start:
        """Where a run begins behind command `cause`."""
        return Start(seq=cause, numbers=self.numbers(cause))

    def moves(self) -> list[tuple[int, int]]:
        """The commands by which an instrument moved to another matcher, each with the matcher that it left."""
        found = []
        matchers: dict[int, int] = {}
        for event in map(unpack_event, self.rings[ROUTER]):
            if isinstance(event, InstrumentDefined):
                if matchers.get(event.instrument, event.matcher) != event.matcher:
                    found.append((event.cause, matchers[event.instrument]))
                matchers[event.instrument] = event.matcher
        return found

    def is_of_all(self, cause: int) -> bool:
        """Whether every matcher has events of a command."""
        return all(any(cause_of(event) == cause for event in self.rings[ring]) for ring in MATCHERS)

    def numbers(self, cause: int) -> tuple[int, ...]:
        """The last event numbers of all rings up to a command."""
        counts = {ring: sum(cause_of(event) <= cause for event in events) for ring, events in self.rings.items()}
        return tuple(counts.get(ring, 0) for ring in range(9))


class Player:
    """A gateway with its store in `data`, over rings that begin where `kept.start` says."""

    def __init__(self, recording: Recording, data: Path, kept: Kept) -> None:
        config = config_for()
        first = config.instruments[0]
        others = [structs.replace(first, symbol=f"BTCUSDT{number}", matcher=number) for number in MATCHERS[1:]]
        config = structs.replace(config, instruments=[first, *others])
        self.recording = recording
        self.kept = kept
        self.data = data
        self.venue = Venue.private(derive(config), config, data, kept.start)
        self.venue.snapshots = kept
        self.server = build(self.venue, NAME)
        self.engine = self.server.engine
        self.begin(kept.start)

    def begin(self, start: Start, slots: int = 4096) -> None:
        """Have new rings from a start on, as when the core starts again, and the gateway read them."""
        board = self.venue.board
        set_back(board, start)
        board.set(Word.GENERATION, 1)
        board.set(Word.DURABLE_SEQ, self.recording.end)
        self._feed = EventFeed(self.recording.rings, NAME, slots=slots, behind=start.numbers, board=board)
        self.server.attach(self._feed.consumers, board)
        self.cause = start.seq

    def play(self, until: int, silent: int | None = None) -> None:
        """Have the gateway handle all events up to command `until`, one command after the other.

        Of the last one, matcher `silent` has done nothing yet.
        """
        while self.cause < until:
            self.cause += 1
            late = silent if self.cause == until else None
            for ring in self._feed.consumers:
                if ring == late:
                    continue
                while not self._feed.publish_to(ring, self.cause):
                    assert self.server.poll(NOW), "a full ring is not read"
                self.venue.board.set(Word.MATCHER_DONE + ring - 1 if ring else Word.ROUTER_DONE, self.cause)
            while self.server.poll(NOW):
                pass

    def save(self) -> Start:
        """Save its part of a snapshot here; the start that a run from there has."""
        write_out(self.engine.store)
        self.kept.save(self.cause, NAME, self.engine.reporter.save)
        return self.recording.start(self.cause)

    def part(self) -> bytes:
        """All that it holds, as it would be saved."""
        write_out(self.engine.store)
        fd = os.memfd_create("part")
        saver = Saver(fd)
        self.engine.reporter.save(saver)
        saver.finish()
        os.lseek(fd, 0, os.SEEK_SET)
        with os.fdopen(fd, "rb") as stream:
            return stream.read()

    def said(self) -> list[tuple[int, int, int, bytes]]:
        """All that it has stored."""
        write_out(self.engine.store)
        return stored(self.data / NAME)


def stored(folder: Path) -> list[tuple[int, int, int, bytes]]:
    """All entries of the message store in `folder`, as (kind, session, MsgSeqNum, message)."""
    segments = sorted(folder.glob("*.fix"))
    end = int(segments[-1].stem) + segments[-1].stat().st_size
    scan = Scan(folder, [int(path.stem) for path in segments], 0, end)
    found = []
    while (entry := scan.read()) is not None:
        found.append(entry)
    return found
