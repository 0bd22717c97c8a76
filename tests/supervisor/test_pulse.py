"""When life is shown to the service manager's watchdog, and when no longer: on a venue in this process, by a clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.config.schema import Config, InstrumentSection, RingsSection
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.supervisor.notify import Notifier
from lockstep.procs.supervisor.pulse import RESTART_S, STALL_HEARTBEATS, Pulse
from lockstep.shm.board import Word

INSTRUMENT = InstrumentSection(symbol="AB", base="A", quote="B", tick="0.01", lot="0.01")
HEARTBEAT_S = 10.0
STALL_S = STALL_HEARTBEATS * HEARTBEAT_S
LOOK_S = 0.5


class Watched:
    """A venue whose figures a test moves, and the pulse that looks at it."""

    def __init__(self, folder: Path) -> None:
        config = Config(instruments=[INSTRUMENT], rings=RingsSection(events=64, ingress=64))
        self.venue = Venue.private(derive(config), config, folder)
        self.board = self.venue.board
        self.events = self.venue.ring("events.matcher.1").producer()
        self.requests = self.venue.ring("ingress.gateway.1").producer()
        self.now_s = 100.0
        self.pulse = Pulse(Notifier(), HEARTBEAT_S, lambda: self.now_s)

    def lives_for(self, seconds: float, *, leads: bool = True, is_full: bool = False) -> bool:
        """Whether life is shown all the time, looked at for this long."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.pulse.look(self.venue, leads=leads, is_full=is_full)
            if not self.pulse.lives:
                return False
            self.now_s += LOOK_S
        return True


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def owe(watched: Watched) -> None:
    """Have a record in the log that no matcher takes."""
    watched.board.set(Word.LOG_END, 7)
    watched.board.set(Word.DURABLE_SEQ, 7)
    watched.board.set(Word.ROUTER_DONE, 7)


def test_an_idle_venue_lives_for_ever(watched: Watched) -> None:
    assert watched.lives_for(10 * RESTART_S)


def test_what_nobody_does_ends_it_after_the_stall_s_time(watched: Watched) -> None:
    owe(watched)
    assert watched.lives_for(STALL_S)
    assert not watched.lives_for(2 * LOOK_S)
    watched.board.set(Word.MATCHER_DONE, 7)
    assert watched.lives_for(10 * STALL_S)


def test_a_request_that_nobody_takes_ends_it(watched: Watched) -> None:
    watched.requests.put(bytes(120))
    assert watched.lives_for(STALL_S)
    assert not watched.lives_for(2 * LOOK_S)


def test_before_it_leads_a_figure_may_rest_as_long_as_a_start(watched: Watched) -> None:
    owe(watched)
    assert watched.lives_for(RESTART_S, leads=False)
    assert not watched.lives_for(2 * LOOK_S, leads=False)


def test_the_events_of_one_long_command_are_progress(watched: Watched) -> None:
    """A mass cancel of millions of orders moves no other figure until it is done."""
    owe(watched)
    for _ in range(4):
        assert watched.lives_for(STALL_S - LOOK_S)
        watched.events.put(bytes(120))
    assert not watched.lives_for(STALL_S + 2 * LOOK_S)


def test_a_core_that_waits_for_space_or_another_node_is_no_stall(watched: Watched) -> None:
    owe(watched)
    assert watched.lives_for(3 * STALL_S, is_full=True)
    for word, value in ((Word.JOURNAL_FULL, 1), (Word.FENCED, 2), (Word.COMMIT_BY, Word.ACKED_SEQ)):
        watched.board.set(word, value)
        assert watched.lives_for(3 * STALL_S), word
        if word is not Word.COMMIT_BY:
            watched.board.set(word, 0)
    watched.board.set(Word.ACKED_SEQ, 7)  # the other node has it all: the rest is for this core to do
    assert not watched.lives_for(STALL_S + 2 * LOOK_S)
