"""The matcher between its rings: what it takes, what it skips, and that it frees nothing before it is published."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lockstep.config.loader import load
from lockstep.core.schema.layout import pack, unpack_event
from lockstep.core.schema.records import (
    Accepted,
    Cancelled,
    Code,
    Command,
    Event,
    ExtClientId,
    ExtClientIdEvent,
    Rejected,
    Tick,
    Traded,
)
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.matcher.__main__ import build
from lockstep.procs.matcher.matcher import Matcher
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Ring
from tests.matcher.pair import buy, cancel, instrument, sell, stamped

NUMBER = 2
DEMO = Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml"


@dataclass
class Stage:
    """Matcher 2 with a log of 1024 slots and an event ring of 64, whose consumer the test is."""

    log: Ring = field(default_factory=lambda: Ring.private(1024, ["matcher.2"]))
    events: Ring = field(default_factory=lambda: Ring.private(64, ["test"]))
    board: Board = field(default_factory=Board.private)

    def __post_init__(self) -> None:
        self.producer = self.log.producer()
        self.reader = self.events.consumer("test")
        self.matcher = Matcher(NUMBER, self.log.consumer("matcher.2"), self.events.producer(), self.board)
        self.put(instrument(matcher=NUMBER))

    def put(self, *commands: Command) -> None:
        for command in commands:
            self.producer.put(pack(stamped(command, self.producer.next)))

    @property
    def done(self) -> int:
        return self.board.get(Word.MATCHER_DONE + NUMBER - 1)

    @property
    def freed(self) -> int:
        return self.log.cursors()["matcher.2"]

    def take(self) -> list[Event]:
        return [unpack_event(record) for record in self.reader.take()]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_events_carry_number_cause_time_and_epoch_of_their_command(stage: Stage) -> None:
    stage.put(buy(100, 1), sell(100, 1))
    assert stage.matcher.step(0) == 3 + 3
    events = stage.take()
    assert [type(event) for event in events] == [Accepted, Accepted, Traded]
    assert [(e.number, e.cause, e.time_ns, e.epoch) for e in events] == [
        (1, 2, 1002, 3),
        (2, 3, 1003, 3),
        (3, 3, 1003, 3),
    ]
    assert stage.done == stage.freed == 3
    assert stage.matcher.step(0) == 0


def test_refused_commands_and_other_matchers_instruments_are_skipped(stage: Stage) -> None:
    stage.put(
        instrument(3, matcher=1),
        instrument(4, matcher=NUMBER, verdict=Code.INVALID_DEFINITION),
        buy(100, 1, 3),
        buy(100, 1, verdict=Code.INSUFFICIENT_BALANCE),
        buy(100, 1, 99, verdict=Code.UNKNOWN_INSTRUMENT),
        Tick(),
        cancel(5, 3),
    )
    stage.matcher.step(0)
    assert stage.take() == []
    assert stage.done == stage.freed == 8


def test_a_refused_cancel_names_the_client_id_that_it_meant(stage: Stage) -> None:
    stage.put(ExtClientId(orig_cl_ord_id=b"the-old-one"), cancel(77, cl_ord_id=b"new"))
    stage.matcher.step(0)
    extension, rejected = stage.take()
    assert isinstance(extension, ExtClientIdEvent)
    assert isinstance(rejected, Rejected)
    assert (extension.orig_cl_ord_id, extension.cause) == (b"the-old-one", rejected.cause)
    assert (rejected.cl_ord_id, rejected.code, rejected.order_id) == (b"new", Code.ORDER_CLOSED, 77)


@pytest.mark.parametrize("command", [buy(100, 1, 5), cancel(1, 70_000)])
def test_an_accepted_command_for_an_unknown_instrument_is_our_bug(stage: Stage, command: Command) -> None:
    stage.put(command)
    with pytest.raises(RuntimeError):
        stage.matcher.step(0)


def test_an_instrument_never_moves_to_another_matcher(stage: Stage) -> None:
    stage.put(instrument(matcher=1))
    with pytest.raises(RuntimeError):
        stage.matcher.step(0)


def test_a_batch_is_256_commands(stage: Stage) -> None:
    stage.put(*(Tick() for _ in range(300)))
    stage.matcher.step(0)
    assert stage.done == 256


def test_a_command_is_freed_only_after_its_last_event_is_published(stage: Stage) -> None:
    """LOG-19, and no deadlock of a mass cancel that is larger than the event ring."""
    for _ in range(5):
        stage.put(*(sell(100, 1) for _ in range(60)))
        stage.matcher.step(0)
        stage.take()
    before = stage.done
    stage.put(buy(100, 300), buy(100, 1))
    seen: list[Event] = []
    while stage.done == before:
        stage.matcher.step(0)
        assert stage.freed == stage.done
        assert stage.matcher.step(0) == 0 or stage.done > before
        seen += stage.take()
    while stage.matcher.step(0) or stage.events.published > (seen[-1].number if seen else 0):
        seen += stage.take()
    assert [type(event) for event in seen] == [Accepted] + [Traded] * 300 + [Accepted]
    assert [event.number for event in seen] == list(range(301, 603))
    assert stage.done == stage.freed == before + 2


def test_a_full_event_ring_holds_everything_up_and_loses_nothing(stage: Stage) -> None:
    """LOG-19: done means published."""
    stage.put(*(buy(1, 1) for _ in range(200)), ExtClientId(orig_cl_ord_id=b"x"), cancel(2))
    stage.matcher.step(0)
    # A command starts only where two slots are free, so one may stay empty.
    assert stage.events.published in (63, 64)
    assert stage.matcher.step(0) == 0
    seen = stage.take()
    while stage.matcher.step(0):
        seen += stage.take()
    assert isinstance(seen[-1], Cancelled)
    assert [event.number for event in seen] == list(range(1, 202))


def test_a_venue_builds_each_matcher_on_its_own_rings(tmp_path: Path) -> None:
    config = load(DEMO)
    venue = Venue.private(derive(config), config, tmp_path)
    matchers = [build(venue, f"matcher.{number}") for number in venue.matchers]
    log = venue.producer("log")
    for command in (instrument(1, matcher=1), instrument(2, matcher=2), buy(100, 1, 2)):
        log.put(pack(stamped(command, log.next)))
    assert [matcher.step(0) for matcher in matchers] == [3, 4]
    assert [venue.ring(f"events.matcher.{number}").published for number in venue.matchers] == [0, 1]
    assert [venue.board.get(Word.MATCHER_DONE + number - 1) for number in venue.matchers] == [3, 3]
