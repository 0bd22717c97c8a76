"""Snapshots of the router: when they are taken, and that a start from one comes to what the whole log comes to."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import CommandType, Snapshot, SnapshotTaken
from lockstep.core.tables.saved import Saver
from lockstep.core.venue.snapshot_parts import Digests, Kept, Start
from lockstep.procs.router.router import ReplayError
from lockstep.shm.board import Word
from tests.compiled import ingress_positions, session_in
from tests.models.journal import stamp
from tests.router.random_driver import Everything
from tests.router.requests import cancel, order
from tests.router.rig import FREE, Rig, with_limits

MILLISECOND_NS = 10**6


class Watched(Kept):
    """Remembers the state's digest at each snapshot."""

    rig: Rig

    def __init__(self) -> None:
        super().__init__()
        self.hashes: dict[int, int] = {}

    def save(self, seq: int, agent: str, write: Callable[[Saver], None], digests: Digests | None = None) -> None:
        super().save(seq, agent, write, digests)
        self.hashes[seq] = self.rig.core.state_hash()


def watched(**settings: Any) -> tuple[Rig, Watched]:
    snapshots = Watched()
    snapshots.rig = Rig(snapshots=snapshots, **settings)
    return snapshots.rig.lead(), snapshots


def snapshots_of(rig: Rig) -> list[Snapshot]:
    return [record for record in rig.commands() if isinstance(record, Snapshot)]


def start_at(snapshot: Snapshot) -> Start:
    numbers = (snapshot.router_number, *snapshot.event_numbers)
    return Start(snapshot.seq, numbers, snapshot.time_ns, snapshot.epoch)


def test_a_snapshot_that_is_asked_for_is_taken_once_all_is_settled() -> None:
    """LOG-18: a snapshot is taken where nothing is on its way."""
    rig, snapshots = watched()
    rig.send(order(1, "S", side=2, price_ticks=90))
    rig.send(order(2, "B"), gateway=1)
    rig.router.step(rig.now)
    rig.ask_snapshot()
    rig.send(order(3, "C"))
    rig.run()
    (snapshot,) = snapshots_of(rig)
    assert snapshot.event_numbers == (3, 0, *(0,) * 6)  # two accepted, a trade; and C only behind it
    assert rig.log[snapshot.seq - 2][4] == CommandType.MARKER
    told = rig.outcomes(0)[snapshot.router_number - 1]
    assert isinstance(told, SnapshotTaken)
    assert (told.number, told.cause, told.event_numbers) == (
        snapshot.router_number, snapshot.seq, snapshot.event_numbers
    )  # fmt: skip
    assert rig.board.get(Word.SNAPSHOT_SEQ) == snapshot.seq
    assert "router" in snapshots.agents(snapshot.seq)
    rig.run()
    assert len(snapshots_of(rig)) == 1
    rig.ask_snapshot()
    rig.run()
    assert len(snapshots_of(rig)) == 2


def test_what_a_predecessor_was_asked_for_is_not_taken_by_its_successor() -> None:
    rig = Rig()
    rig.ask_snapshot()
    rig.lead()
    rig.run()
    assert snapshots_of(rig) == []


def test_a_matcher_that_does_not_come_to_rest_delays_a_snapshot_and_not_trading() -> None:
    rig, _ = watched()
    stalled = rig.matchers.pop()
    rig.ask_snapshot()
    rig.send(order(1, "B1"))
    rig.run()
    assert rig.log[-1][4] == CommandType.NEW_ORDER  # nothing was under way: taken, and then the order
    before = len(snapshots_of(rig))
    rig.ask_snapshot()
    rig.send(order(1, "B2"))
    rig.run()
    assert not rig.core.ledger.ids.knows(1, b"B2")
    rig.now += 300 * MILLISECOND_NS
    rig.run()
    assert rig.core.ledger.ids.knows(1, b"B2")
    assert len(snapshots_of(rig)) == before
    rig.matchers.append(stalled)
    rig.send(order(1, "B3"))
    rig.run()
    assert len(snapshots_of(rig)) == before
    rig.now += 1000 * MILLISECOND_NS
    rig.run()
    assert len(snapshots_of(rig)) == before + 1
    assert rig.core.ledger.ids.knows(1, b"B3")


@pytest.mark.parametrize("field", ["event_numbers", "router_number"])
def test_a_snapshot_that_replay_does_not_come_to_is_refused(field: str) -> None:
    first, _ = watched()
    first.send(order(1, "B"))
    first.run()
    first.ask_snapshot()
    first.run()
    (snapshot,) = snapshots_of(first)
    values = {name: getattr(snapshot, name) for name in snapshot.__struct_fields__}
    values |= {"event_numbers": (0,) * 8} if field == "event_numbers" else {"router_number": 1}
    journal = [*first.log[: snapshot.seq - 1], stamp(pack(Snapshot(**values))), *first.log[snapshot.seq :]]
    with pytest.raises(ReplayError, match="snapshot"):
        Rig(journal).run()


def played(rig: Rig) -> dict[int, list[bytes]]:
    return {number: list(rig.events[number]) for number in (1, 2)}


def from_snapshot(first: Rig, snapshots: Kept, snapshot: Snapshot, **settings: Any) -> Rig:
    tail = first.log[snapshot.seq :]
    return Rig(tail, snapshots=snapshots, start=start_at(snapshot), played=played(first), closed_ids=20, **settings)


@pytest.mark.parametrize("seed", [0, 1, 2, 4])
def test_a_start_from_any_snapshot_comes_to_what_the_whole_log_comes_to(seed: int) -> None:
    """LOG-18: a snapshot is taken where nothing is on its way."""
    first, snapshots = watched(seed=seed, log=64, events=8, closed_ids=20, api=True, changes=with_limits)
    driver = Everything(first, random.Random(seed))
    for _ in range(350):
        driver.step()
        if driver.draw.random() < 0.04:
            first.ask_snapshot()
            if driver.draw.random() < 0.8:
                first.run()
    first.run()
    first.tick()
    end = first.core.state_hash()
    taken = snapshots_of(first)
    assert len(taken) >= 4
    for snapshot in taken:
        again = from_snapshot(first, snapshots, snapshot)
        assert again.core.state_hash() == snapshots.hashes[snapshot.seq]
        again.core.ledger.check()
        reached = 0
        while again.core.last_seq < len(first.log):
            again.step()
            reached = again.core.state_hash() if again.core.last_seq == len(first.log) else 0
        assert ingress_positions(again.core) == ingress_positions(first.core)
        again.run()
        again.core.ledger.check()
        assert reached == end
        assert again.log[: len(first.log) - snapshot.seq] == first.log[snapshot.seq :]
        events = first.events[0][snapshot.router_number :]
        assert again.events[0][: len(events)] == events


def test_a_new_board_is_shown_all_balances_and_sessions() -> None:
    first, snapshots = watched(closed_ids=20)
    first.send(order(1, "B", msg_seq_num=7))
    first.run()
    first.ask_snapshot()
    first.run()
    again = from_snapshot(first, snapshots, snapshots_of(first)[-1]).lead()
    assert again.board.balance(1, 3) == (FREE - 3500, 3500)
    assert again.board.balance(4, 2) == (FREE, 0)
    assert session_in(again.board, 1) == 7


def test_a_router_waits_for_the_journal_of_its_own_generation() -> None:
    rig = Rig()
    rig.board.set(Word.JOURNAL_READY, 7)
    rig.run()
    assert rig.log == []
    rig.board.set(Word.JOURNAL_READY, 1)
    rig.lead()


def test_a_journal_that_ends_before_the_snapshot_is_refused() -> None:
    first, snapshots = watched(closed_ids=20)
    first.ask_snapshot()
    first.run()
    (snapshot,) = snapshots_of(first)
    again = from_snapshot(first, snapshots, snapshot)
    again.board.set(Word.DURABLE_SEQ, snapshot.seq - 1)
    with pytest.raises(ReplayError, match="the journal ends at"):
        again.run()


def test_rings_that_do_not_go_on_behind_the_snapshot_are_refused() -> None:
    first, snapshots = watched(closed_ids=20)
    first.send(order(1, "B"), *cancel(1, "C", "B"))
    first.run()
    first.ask_snapshot()
    first.run()
    (snapshot,) = snapshots_of(first)
    right = start_at(snapshot)
    for at in range(3):
        numbers = list(right.numbers)
        numbers[at] += 1
        wrong = Start(right.seq, tuple(numbers))
        with pytest.raises(ValueError, match="go on at"):
            Rig([], snapshots=snapshots, start=wrong, played=played(first), closed_ids=20)
