"""How often something may be done in an hour."""

from __future__ import annotations

from lockstep.procs.api.login.allowance import MOST_KEPT, Allowance


def test_an_address_and_all_together_have_so_many_in_an_hour() -> None:
    allowance = Allowance(2, 3)
    assert [allowance.take("a", 3600.0 + i) for i in range(2)] == [0, 0]
    assert allowance.take("a", 3700.0) == 3501
    assert allowance.take("b", 3700.0) == 0
    assert allowance.take("c", 3700.0) == 3501
    assert allowance.take("c", 7200.0) == 0


def test_addresses_are_bounded() -> None:
    allowance = Allowance(1, 10 * MOST_KEPT)
    assert all(allowance.take(str(i), 0.0) == 0 for i in range(MOST_KEPT))
    assert allowance.take("one more", 0.0) == 3601
    assert len(allowance._counts) == MOST_KEPT


def test_what_was_not_done_is_given_back() -> None:
    allowance = Allowance(2, 3)
    for number in range(10):
        assert allowance.wait_s(f"guess {number}", 0.0) == 0
        assert allowance.take(f"guess {number}", 0.0) == 0
        allowance.give_back(f"guess {number}")
    assert allowance._counts == {}
    assert [allowance.take("a", 0.0), allowance.take("b", 0.0), allowance.take("a", 0.0)] == [0, 0, 0]
    assert allowance.wait_s("c", 0.0) > 0
    assert allowance.wait_s("c", 3600.0) == 0
    allowance.give_back("a")
    assert [allowance.take(name, 3600.0) for name in "abcd"] == [0, 0, 0, 3601], "nothing is left of the last hour"
