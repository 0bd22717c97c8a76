"""Instruments that move from one matcher to another: nothing is lost, and no one else notices."""

from __future__ import annotations

import random

import pytest

from lockstep.core.schema.layout import pack, unpack_event
from lockstep.core.schema.records import Accepted, Command, Event, Phase, PhaseChange, Traded
from lockstep.core.venue.instrument_images import Kept
from lockstep.procs.matcher.matcher import Matcher
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Ring
from tests.matcher.coverage_tally import Seen
from tests.matcher.pair import MATCHER_DUE, Pair, buy, instrument, sell, stamped
from tests.matcher.traffic import Traffic

STEPS = 3000


class Moving(Pair):
    """The book gives an instrument away and takes it over again, between any two commands."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.moves = 0
        super().__init__(1024, 0)

    def apply(self, command: Command) -> list[Event]:
        events = super().apply(command)
        number = getattr(command, "instrument", 0)
        if number and self.draw.random() < 0.1:
            image = self.book.give_away(number)
            self.book.check()
            self.book.take_over(number, image)
            self.book.check()
            self.moves += 1
        return events


@pytest.mark.parametrize("seed", [1, 2])
def test_what_comes_of_an_instrument_does_not_depend_on_its_moves(seed: int) -> None:
    pair = Moving(random.Random(seed))
    traffic = Traffic(seed, pair, Seen())
    for _ in range(STEPS):
        traffic.step()
    assert pair.moves > 100


def test_an_image_says_the_same_wherever_it_is_made() -> None:
    pair = Pair(1024, 0)
    traffic = Traffic(3, pair, Seen())
    for _ in range(STEPS):
        traffic.step()
    numbers = list(pair.model.listings)
    images = [pair.book.give_away(number) for number in numbers]
    assert pair.book.resting == 0
    other = Pair(64, 0).book
    other.give_away(1)
    for number, image in zip(reversed(numbers), reversed(images), strict=True):
        other.take_over(number, image)
    other.check()
    assert [other.give_away(number) for number in numbers] == images


def test_what_is_no_image_is_not_taken_over() -> None:
    pair = Pair()
    pair.send(buy(100, 1))
    image = pair.book.give_away(1)
    for spoilt in (image[:-1], b"x" + image[1:], b""):
        with pytest.raises(ValueError, match="image"):
            pair.book.take_over(1, spoilt)


class TwoMatchers:
    """Two matchers of one log, and the events of each."""

    def __init__(self) -> None:
        self.log = Ring.private(64, ["matcher.1", "matcher.2"])
        self.producer = self.log.producer()
        self.board = Board.private()
        images = Kept()
        self.readers = []
        self.matchers = []
        for number in (1, 2):
            ring = Ring.private(64, ["test"])
            self.readers.append(ring.consumer("test"))
            consumer = self.log.consumer(f"matcher.{number}")
            self.matchers.append(Matcher(number, consumer, ring.producer(), self.board, images))

    def put(self, *commands: Command) -> None:
        for command in commands:
            self.producer.put(pack(stamped(command, self.producer.next)))

    def step(self, number: int) -> list[Event]:
        self.matchers[number - 1].step(0)
        return [unpack_event(record) for record in self.readers[number - 1].take()]


def phase(of: int) -> PhaseChange:
    return PhaseChange(cl_ord_id=b"p", instrument=1, phase=of)


def test_the_new_matcher_waits_for_the_old_one_and_then_trades_what_rested_there() -> None:
    """LOG-25: a book travels beside the rings."""
    venue = TwoMatchers()
    venue.put(instrument(), instrument(2, matcher=2), buy(100, 5), phase(Phase.HALT), instrument(matcher=2))
    venue.put(phase(Phase.CONTINUOUS), sell(100, 5), buy(50, 1, 2))
    assert venue.step(2) == []
    assert venue.board.get(Word.MATCHER_DONE + 1) == 4
    assert [type(event).__name__ for event in venue.step(1)] == ["Accepted", "PhaseChanged"]
    events = venue.step(2)
    assert [type(event).__name__ for event in events] == ["PhaseChanged", "Accepted", "Traded", "Accepted"]
    traded = next(event for event in events if isinstance(event, Traded))
    assert (traded.maker_order_id, traded.quantity_lots) == (3, 5)
    assert isinstance(events[-1], Accepted)
    assert [matcher.book.resting for matcher in venue.matchers] == [0, 1]


def test_an_instrument_comes_back() -> None:
    venue = TwoMatchers()
    venue.put(instrument(), buy(100, 5), instrument(matcher=2), instrument(matcher=1), sell(100, 5))
    venue.step(2)
    venue.step(1)
    venue.step(2)
    assert isinstance(venue.step(1)[-1], Traded)


def test_the_tick_that_is_due_moves_too() -> None:
    venue = TwoMatchers()
    venue.put(instrument(), buy(100, 5, time_in_force=0))
    venue.step(1)
    due = [venue.board.get(MATCHER_DUE + number) for number in (0, 1)]
    assert due[0] > 0
    assert due[1] == 0
    venue.put(instrument(matcher=2))
    venue.step(1)
    venue.step(2)
    assert [venue.board.get(MATCHER_DUE + number) for number in (0, 1)] == due[::-1]
