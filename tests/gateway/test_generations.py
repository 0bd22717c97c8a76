"""The core starts again in rings that start at a mark: handled events come again, and nothing is said or done twice."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from lockstep.core.schema import records as r
from lockstep.core.venue.snapshot_parts import Kept, Start
from lockstep.shm.board import Word
from tests.gateway.harness import config_for
from tests.gateway.player import NAME, Player, Recording
from tests.gateway.stage import ALICE, Stage, accepted, cancelled
from tests.intake.order_table import get, get_client

SEED = int(os.environ.get("LOCKSTEP_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
REQUESTS = 800
SMALL = 64


def test_nothing_is_said_twice_or_missed_however_often_the_core_begins_anew(tmp_path: Path) -> None:
    """LOG-16: the core restarts together, from snapshot and journal."""
    recording = Recording(SEED, REQUESTS)
    draw = random.Random(SEED)
    whole = Player(recording, tmp_path / "whole", Kept())
    whole.play(recording.end)
    player = Player(recording, tmp_path / "restarted", Kept())
    mark = 0
    for death in sorted(draw.sample(range(1, recording.end), 6)):
        # Where both matchers say something of a command, which is heard first is not decided before a death.
        silent = draw.choice((None, 1, 2))
        player.play(death, silent=None if recording.is_of_all(death) else silent)
        player.begin(recording.start(mark), SMALL)
        mark = draw.randrange(mark, death)
    player.play(recording.end)
    player.engine.orders.check()
    assert player.said() == whole.said(), f"seed {SEED}"
    assert player.part() == whole.part(), f"seed {SEED}"


def recording_with_a_move() -> tuple[Recording, int, int]:
    """A recording, and a move in the middle of it that is followed by events of both matchers."""
    for seed in range(1, 50):
        recording = Recording(seed, 400)
        for cause, left in recording.moves():
            if 100 < cause < recording.end - 100:
                return recording, cause, left
    raise AssertionError("no seed has an instrument that moves")


def test_a_core_that_dies_in_the_middle_of_a_move_does_not_let_the_new_matcher_be_heard_first(tmp_path: Path) -> None:
    """In the old rings all seems there. The new ones are so small that what is known must be given back meanwhile."""
    recording, moved, left = recording_with_a_move()
    whole = Player(recording, tmp_path / "whole", Kept())
    whole.play(recording.end)
    for silent in (None, left):
        player = Player(recording, tmp_path / f"silent {silent}", Kept())
        player.play(moved, silent)
        player.begin(recording.start(10), SMALL)
        player.play(recording.end)
        assert player.said() == whole.said()
        assert player.part() == whole.part()


def test_rings_that_begin_behind_what_was_handled_are_refused(tmp_path: Path) -> None:
    recording = Recording(7, 50)
    player = Player(recording, tmp_path, Kept())
    player.play(recording.end // 2)
    with pytest.raises(RuntimeError, match="goes on with event"):
        player.begin(recording.start(recording.end))


MARK = 100


class Marked(Stage):
    """A stage with two matchers that is asked for a snapshot at command 100, and whose second matcher lags by one."""

    def __init__(self, data: Path, asked: int = MARK) -> None:
        super().__init__(data, matchers=2)
        board = self.venue.board
        board.set(Word.DURABLE_SEQ, 1 << 40)
        board.set(Word.ROUTER_DONE, 1 << 40)
        board.set(Word.SNAPSHOT_SEQ, asked)
        self.define()
        self.tell(accepted(10, "before", cause=50))
        self.tell(r.SnapshotTaken(event_numbers=(1, 2, 0, 0, 0, 0, 0, 0), cause=MARK), ring=0)
        self.tell(cancelled(10, r.CancelReason.EXPIRED, cause=101))
        board.set(Word.MATCHER_DONE, 200)
        board.set(Word.MATCHER_DONE + 1, MARK - 2)
        self.poll()

    def poll(self) -> None:
        while self.gateway.poll(self.gateway.now_ns()):
            pass

    def status(self, order_id: int) -> str | None:
        order = get(self.gateway.engine.orders, order_id)
        return None if order is None else str(order["status"])

    @property
    def snapshots(self) -> Kept:
        assert isinstance(self.venue.snapshots, Kept)
        return self.venue.snapshots

    @property
    def is_saved(self) -> bool:
        return NAME in self.snapshots.agents(MARK)

    def successor(self, data: Path, of_second: int) -> Stage:
        """A gateway that begins with what is saved; `of_second` events of the second matcher are before the mark."""
        ring_0 = self.gateway.engine.reporter.position(0)
        self.snapshots.start = Start(seq=MARK, numbers=(ring_0, 1, of_second, 0, 0, 0, 0, 0, 0))
        return Stage(data, matchers=2, snapshots=self.snapshots)


def test_at_a_mark_all_before_it_is_saved_and_nothing_behind_it(tmp_path: Path) -> None:
    running = Marked(tmp_path)
    assert (running.status(10), running.is_saved) == ("0", False)
    running.tell(accepted(11, "late", cause=MARK - 1), ring=2)
    running.tell(accepted(12, "behind", cause=MARK + 1), ring=2)
    running.poll()
    assert (running.status(11), running.status(12), running.is_saved) == ("0", None, False)
    running.venue.board.set(Word.MATCHER_DONE + 1, MARK - 1)
    running.poll()
    assert running.is_saved
    assert (running.status(10), running.status(12)) == ("C", "0")
    orders = running.successor(tmp_path, of_second=1).gateway.engine.orders
    assert [get(orders, number) is not None for number in (10, 11, 12)] == [True, True, False]
    assert get_client(orders, ALICE, b"before") == get(orders, 10)
    orders.check()


@pytest.mark.parametrize("asked", [0, MARK - 50, MARK + 50])
def test_a_mark_that_nobody_waits_for_is_passed_without_a_stop(tmp_path: Path, asked: int) -> None:
    running = Marked(tmp_path, asked)
    assert running.status(10) == "C"
    assert not running.is_saved


def test_a_mark_is_not_passed_by_what_matchers_say_of_rings_that_are_not_known_yet(tmp_path: Path) -> None:
    running = Marked(tmp_path)
    running.venue.board.set(Word.GENERATION, 2)
    running.venue.board.set(Word.MATCHER_DONE + 1, MARK - 1)
    running.poll()
    assert not running.is_saved
    assert running.status(10) == "0"


def test_a_gateway_that_begins_with_a_part_knows_who_may_log_on(tmp_path: Path) -> None:
    running = Marked(tmp_path)
    running.venue.board.set(Word.MATCHER_DONE + 1, MARK - 1)
    running.poll()
    accounts = running.successor(tmp_path, of_second=0).gateway.engine.reporter.accounts
    assert accounts.known() == running.gateway.engine.reporter.accounts.known()
    assert accounts.nobody == running.gateway.engine.reporter.accounts.nobody
    assert len(accounts) == len(config_for().accounts)
