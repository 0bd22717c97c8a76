"""Client order ids: what is a duplicate, when an id is forgotten, and that drain timing can't be seen in that."""

from __future__ import annotations

from shm.records import Code, Command
from tests.router.rig import Rig
from tests.router.traffic import cancel, order, replace


def play(rig: Rig, requests: list[list[Command]]) -> Rig:
    for request in requests:
        rig.send(*request)
    rig.run()
    return rig


def test_ids_are_forgotten_oldest_first_and_only_when_closed() -> None:
    rig = Rig(closed_ids=4).lead()
    play(rig, [[order(1, "open", price_ticks=10)]])
    for number in range(6):
        play(rig, [cancel(1, f"C{number}", "none")])
    assert rig.core.ledger.ids.closed_of(1) == [b"C2", b"C3", b"C4", b"C5"]
    assert rig.core.ledger.ids.knows(1, b"open")
    assert not rig.core.ledger.ids.knows(2, b"open")
    play(rig, [[order(1, "C0")], [order(1, "open")]])
    assert [getattr(record, "verdict", None) for record in rig.commands()[-2:]] == [Code.OK, Code.DUPLICATE_CLIENT_ID]


def test_exact_bytes_are_compared_to_the_last() -> None:
    rig = Rig().lead()
    text = "x" * 35
    play(rig, [[order(1, text + "a")], [order(1, text + "b")], [order(1, text)], [order(1, text + "b")]])
    assert [getattr(record, "verdict", None) for record in rig.commands()[-4:]] == [0, 0, 0, Code.DUPLICATE_CLIENT_ID]


def test_a_refused_replace_leaves_its_id_closed_and_the_order_open() -> None:
    rig = Rig().lead()
    play(
        rig, [[order(1, "S", side=2, quantity_lots=10)], [order(2, "B", quantity_lots=5)], replace(1, "R", "S", 100, 5)]
    )
    assert rig.core.ledger.orders.count == 1
    assert b"R" in rig.core.ledger.ids.closed_of(1)
    rig.core.ledger.check()


def test_eviction_does_not_depend_on_which_ring_was_drained_first() -> None:
    """Two matchers end orders of one account; whichever the router hears of first, the same ids are forgotten."""
    makers: list[list[Command]] = [[order(1, f"M{n}", instrument=1 + n % 2, side=2)] for n in range(20)]
    takers: list[list[Command]] = [[order(2, f"T{n}", instrument=2 - n % 2)] for n in range(20)]
    first = play(Rig(closed_ids=7).lead(), makers)
    play(first, takers)
    for seed in range(5):
        again = Rig(first.log, seed=seed, events=4, closed_ids=7).lead()
        assert again.core.ledger.ids.closed_of(1) == first.core.ledger.ids.closed_of(1)
        again.core.ledger.check()
