"""Commands that a matcher does not carry out since an operator took them out: the ledger stays whole (LOG-22)."""

from __future__ import annotations

import random

import pytest

from lockstep.core.schema.records import Cancelled, CancelReason, Code, CommandType, Rejected
from tests.router.random_driver import Everything
from tests.router.requests import cancel, order, replace
from tests.router.rig import Rig

STEPS = 500
LONG = 8000  # records of the log, more than there will be


def voids(draw: random.Random, published: int) -> dict[int, int]:
    return {seq: draw.randint(0, published) for seq in draw.sample(range(40, LONG), LONG // 8)}


@pytest.mark.parametrize("published", [0, 3])
@pytest.mark.parametrize("seed", range(4))
def test_holds_and_money_are_whole_wherever_commands_were_voided(seed: int, published: int) -> None:
    draw = random.Random(seed)
    voided = voids(draw, published)
    first = Rig(seed=seed, log=64, events=8, closed_ids=20, voided=voided).lead()
    driver = Everything(first, draw)
    for number in range(STEPS):
        driver.step()
        if number % 50 == 0:
            first.core.ledger.check()
    first.run()
    first.tick()
    first.core.ledger.check()
    for matcher in first.matchers:
        matcher.book.check()
    told = [event for ring in (1, 2) for event in first.outcomes(ring)]
    assert any(isinstance(event, Cancelled) and event.reason == CancelReason.VOIDED for event in told)
    before = first.core.state_hash(), [matcher.digest() for matcher in first.matchers]
    again = Rig(first.log, events=4, log=32, closed_ids=20, voided=voided)
    while again.core.last_seq < len(first.log):
        again.step()
    assert again.core.state_hash() == before[0]
    again.run()
    assert [matcher.digest() for matcher in again.matchers] == before[1]
    for ring in (0, 1, 2):
        assert again.events[ring][: len(first.events[ring])] == first.events[ring]


def test_what_was_held_for_a_voided_order_is_free_again() -> None:
    rig = Rig().lead()
    after = len(rig.log) + 1
    rig = Rig(voided={after: 0}).lead()
    before = rig.core.ledger.balance(1, 3)
    rig.send(order(1, "poison"))
    rig.run()
    assert rig.log[after - 1][4] == CommandType.NEW_ORDER
    (cancelled,) = (event for event in rig.outcomes(1) if isinstance(event, Cancelled))
    assert (cancelled.reason, cancelled.order_id) == (CancelReason.VOIDED, after)
    assert rig.core.ledger.balance(1, 3) == before
    rig.core.ledger.check()


def test_an_order_outlives_its_voided_replace_and_its_voided_cancel() -> None:
    def asked(voided: dict[int, int]) -> Rig:
        rig = Rig(voided=voided).lead()
        for records in ([order(1, "O")], replace(1, "R", "O", 101, 9), cancel(1, "C", "O")):
            rig.send(*records)
            rig.run()
        return rig

    plain = asked({})
    places = [
        place for place, record in enumerate(plain.log, 1) if record[4] in (CommandType.CANCEL, CommandType.REPLACE)
    ]
    assert plain.matchers[0].book.resting == 0
    rig = asked(dict.fromkeys(places, 0))
    codes = [event.code for event in rig.outcomes(1) if isinstance(event, Rejected)]
    assert codes == [Code.VOIDED, Code.VOIDED]
    assert rig.matchers[0].book.depth(1, 1) == [(100, 5, 1)]
    assert sum(rig.core.ledger.balance(1, 3) or ()) == sum(plain.core.ledger.balance(1, 3) or ())
    rig.core.ledger.check()
