"""The refused ids: a bounded set with exact comparison, oldest out first."""

from __future__ import annotations

from lockstep.core.intake.refused_ids import RefusedIds

CAPACITY = 65536


def test_it_knows_exactly_what_was_added() -> None:
    ids = RefusedIds()
    ids.add(1, b"a" * 36)
    ids.add(1, b"a")
    assert ids.knows(1, b"a" * 36)
    assert ids.knows(1, b"a")
    assert not ids.knows(1, b"a" * 35)
    assert not ids.knows(2, b"a")


def test_the_oldest_leaves_first() -> None:
    ids = RefusedIds()
    for number in range(CAPACITY + 10):
        ids.add(1, b"%d" % number)
    assert not any(ids.knows(1, b"%d" % number) for number in range(10))
    assert all(ids.knows(1, b"%d" % number) for number in range(10, CAPACITY + 10))


def test_adding_twice_takes_one_place() -> None:
    ids = RefusedIds()
    ids.add(1, b"first")
    for _ in range(CAPACITY + 10):
        ids.add(1, b"again")
    assert ids.knows(1, b"first")
