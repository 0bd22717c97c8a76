"""The lossless stream over random traffic of every kind is the compiled matcher's book after each of its commands."""

from __future__ import annotations

import os
import random
from decimal import Decimal
from typing import Any

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    Command,
    EpochBegun,
    Event,
    ExtClientIdEvent,
    ExtTermsEvent,
    Instrument,
    InstrumentDefined,
    Side,
)
from lockstep.procs.publisher.feed import Feed
from lockstep.procs.publisher.kinds import Kind
from lockstep.shm.board import Word
from tests.event_feed import ROUTER, EventFeed
from tests.listed import terms_of
from tests.matcher.coverage_tally import Seen
from tests.matcher.pair import Pair
from tests.matcher.traffic import Traffic
from tests.publisher.test_feed import messages

STEPS = 4000
SEED = int(os.environ.get("LOCKSTEP_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
CAPACITY = 16384
POLL_EVERY = 20
LEVELS = 20
MATCHER = 1
State = tuple[int, list[tuple[int, int]], list[tuple[int, int]]]  # cause, bids, asks


class Streamed(Pair):
    """A matcher, the feed of its events, and for each instrument what the stream has to say and what it has said."""

    def __init__(self) -> None:
        self.expected: dict[int, list[State]] = {}
        self.got: dict[int, list[State]] = {}
        self.count = self.seq = 0
        self.random = random.Random(SEED)
        self.events = EventFeed({ROUTER: [], MATCHER: []}, "publisher", slots=CAPACITY)
        self.feed = Feed(self.events.consumers, self.events.board)
        self.tell(EpochBegun, rules_version=1, members=1, boot_id=b"")
        self.events.board.set(Word.READY_EVENT, 1)
        self.events.board.set(Word.EPOCH, 1)
        super().__init__(check_every=0)
        self.poll(self.seq)

    def tell(self, event: type[Event], **values: Any) -> None:
        told = self.events.history[ROUTER]
        told.append(pack(event(number=len(told) + 1, cause=self.seq, **values)))
        assert self.events.publish_to(ROUTER)

    def heard(self, events: list[Event], command: Command) -> None:
        if isinstance(command, Instrument):
            self.define(command)
        touched = set()
        for event in events:
            self.events.history[MATCHER].append(pack(event))
            if not isinstance(event, ExtTermsEvent | ExtClientIdEvent):
                touched.add(event.instrument)
        assert self.events.publish_to(MATCHER)
        for instrument in touched:
            sides = (self.book.shown(instrument, side)[:LEVELS] for side in Side)
            self.expected[instrument].append((events[0].cause, *sides))  # type: ignore[arg-type]
        self.count += 1
        if self.count % POLL_EVERY == 0:
            # The matcher's done position may lag behind its published events.
            self.poll(self.seq - self.random.randint(0, 3))

    def define(self, command: Instrument) -> None:
        number = command.instrument
        known = number in self.expected
        self.tell(InstrumentDefined, instrument=number, symbol=b"I%d" % number, **terms_of(command))
        self.poll(self.seq)
        if not known:
            self.expected[number], self.got[number] = [], []
            self.feed.want(number, Kind.BOOK_20, True)

    def poll(self, done: int) -> None:
        self.events.release(self.seq)
        self.events.done(max(done, self.events.board.get(Word.MATCHER_DONE)))
        while self.feed.poll():
            pass
        for instrument, kind in self.feed.pending():
            for frame in messages(self.feed.take(instrument, kind)):
                self.got[instrument] += [(state["s"], levels(state["b"]), levels(state["a"])) for state in frame]
            self.feed.clear(instrument, kind)


def levels(side: list[list[str]]) -> list[tuple[int, int]]:
    return [(int(Decimal(price) * 100), int(Decimal(lots) * 10_000)) for price, lots in side]


def test_the_stream_has_the_matchers_book_after_every_command() -> None:
    """I4: books are whole."""
    streamed = Streamed()
    traffic = Traffic(SEED, streamed, Seen())
    try:
        for _ in range(STEPS):
            traffic.step()
        streamed.poll(streamed.seq)
        assert streamed.got == streamed.expected
    except Exception as error:
        error.add_note(f"LOCKSTEP_FUZZ_SEED={SEED}, step {traffic.count}, record {streamed.seq}")
        raise
    assert sum(map(len, streamed.got.values())) > STEPS // 2
    crossed = [
        bids and asks and bids[0][0] >= asks[0][0] for states in streamed.got.values() for _, bids, asks in states
    ]
    assert any(crossed), "some auction collected"
