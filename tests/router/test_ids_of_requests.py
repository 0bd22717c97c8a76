"""A cancel or replace has two client ids, in one record or in two: the outcome is the same."""

from __future__ import annotations

import pytest

from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import Cancelled, Code, Event, Rejected, Replaced
from tests.naming import apart, meaning
from tests.router.requests import Wording, cancel, order, replace
from tests.router.rig import Rig

EIGHTEEN, NINETEEN = "e" * 18, "n" * 19
MEANT = "m" * 18


def outcome(words: Wording, own: str, meant: str) -> list[tuple[type[Event], list[object]]]:
    """The events of a replace, a cancel, and a cancel of an order that is gone, without record numbers and times."""
    rig = Rig().lead()
    rig.ask(order(1, meant, price_ticks=90))
    rig.ask(*replace(1, own, meant, 91, 4, words=words))
    rig.ask(*cancel(1, own + "c", own, words=words))
    rig.ask(*cancel(1, own + "d", own, words=words))
    rig.run()
    rig.core.ledger.check()
    told = [event for ring in (0, 1) for event in rig.events[ring]]
    return [said(unpack_event(event)) for event in told]


def said(event: Event) -> tuple[type[Event], list[object]]:
    numbered = ("crc", "cause", "time_ns", "number", "order_id")
    return type(event), [getattr(event, name) for name in event.__struct_fields__ if name not in numbered]


@pytest.mark.parametrize("own", ["r", "r" * 17, "r" * 18, "r" * 30])
@pytest.mark.parametrize("meant", ["m", MEANT, NINETEEN, "w" * 36])
def test_both_wordings_come_to_the_same(own: str, meant: str) -> None:
    told = outcome(meaning, own, meant)
    assert told == outcome(apart, own, meant)
    assert {Replaced, Cancelled, Rejected} <= {kind for kind, _ in told}


@pytest.mark.parametrize("words", [meaning, apart])
def test_an_id_is_not_known_by_how_it_begins(words: Wording) -> None:
    rig = Rig().lead()
    rig.ask(order(1, EIGHTEEN + "x"))
    rig.ask(*cancel(1, "c", EIGHTEEN, words=words))
    rejected = rig.outcomes(0)[-1]
    assert isinstance(rejected, Rejected)
    assert rejected.code == Code.UNKNOWN_ORDER
    rig.ask(*cancel(1, EIGHTEEN, EIGHTEEN + "x", words=words))
    assert rig.core.ledger.orders.count == 0
