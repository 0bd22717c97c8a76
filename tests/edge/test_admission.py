"""Who stays connected when there are more than may be."""

from __future__ import annotations

from lockstep.core.edge.admission import Admission


class Guest:
    def __init__(self, address: str) -> None:
        self.address = address
        self.gone = False

    def give_way(self) -> None:
        self.gone = True


def enter(admission: Admission, *addresses: str) -> list[Guest]:
    guests = [Guest(address) for address in addresses]
    assert all(admission.enter(guest) for guest in guests)
    return guests


def test_the_oldest_silent_one_of_the_address_with_most_gives_way() -> None:
    admission = Admission(4, 4)
    guests = enter(admission, "b", "a", "a", "a")
    enter(admission, "c")
    assert [guest.gone for guest in guests] == [False, True, False, False]
    assert len(admission) == 4


def test_an_address_that_is_full_makes_room_among_its_own() -> None:
    admission = Admission(10, 2)
    guests = enter(admission, "b", "a", "a", "b")
    enter(admission, "a")
    assert [guest.gone for guest in guests] == [False, True, False, False]


def test_who_asks_goes_after_the_silent_and_who_is_settled_never() -> None:
    admission = Admission(3, 3)
    settled, asking, silent = enter(admission, "a", "a", "a")
    admission.settle(settled)
    admission.ask(asking)
    [second] = enter(admission, "a")
    assert (settled.gone, asking.gone, silent.gone) == (False, False, True)
    admission.ask(second)
    [third] = enter(admission, "a")
    assert asking.gone
    for guest in (second, third):
        admission.settle(guest)
    assert not admission.enter(Guest("b"))
    admission.leave(third)
    assert admission.enter(Guest("b"))


def test_leaving_leaves_nothing_behind() -> None:
    admission = Admission(2, 1)
    [guest] = enter(admission, "a")
    admission.leave(guest)
    assert len(admission) == 0
    assert vars(admission)["_counts"] == {}
    assert vars(admission)["_unsettled"] == {}
