"""An order is not sequenced as accepted after the time that its sender allowed, wherever it was held up."""

from __future__ import annotations

import pytest
from msgspec import structs

from lockstep.core.schema.records import Code, ExtLeg, ExtTerms, ListKind, NewOrder, OrderFlag
from tests.router.requests import order, replace
from tests.router.rig import Rig, changes

SECOND_NS = 10**9
LATE = Code.VALID_UNTIL_PASSED


@pytest.fixture
def rig() -> Rig:
    return Rig(changes=changes).lead()


def terms(until_ns: int, account: int = 1) -> ExtTerms:
    return ExtTerms(account=account, session=account, valid_until_ns=until_ns)


def until(rig: Rig, ns: int, text: str = "o", **more: int) -> list[ExtTerms | NewOrder]:
    """An order that is valid until so long after now."""
    found = order(1, text, flags=OrderFlag.TERMS, time_ns=rig.now, **more)
    return [structs.replace(terms(rig.now + ns), time_ns=rig.now), found]


def test_an_order_is_refused_after_its_time_and_not_before(rig: Rig) -> None:
    assert rig.ask(*until(rig, -1, "past")) == LATE
    assert rig.ask(*until(rig, SECOND_NS, "future")) == Code.OK
    accepted = [record for record in rig.commands() if type(record) is NewOrder][-1]
    at_it = [structs.replace(terms(1), time_ns=rig.now), order(1, "first ns", flags=OrderFlag.TERMS, time_ns=rig.now)]
    assert rig.ask(*at_it) == LATE
    assert accepted.verdict == Code.OK
    rig.now += 10 * SECOND_NS
    rig.run()
    assert any((rig.core.ledger.balance(1, asset) or (0, 0))[1] for asset in (1, 2, 3)), (
        "an accepted order stays open after it"
    )
    again = Rig(rig.log, changes=changes).lead()
    assert again.core.digests() == rig.core.digests()


def test_an_order_that_waited_for_the_router_is_refused(rig: Rig) -> None:
    """It came in time, and lay in the ingress ring: log time decides."""
    count = len(rig.log)
    rig.send(*until(rig, 3 * SECOND_NS))
    rig.now += 4 * SECOND_NS
    rig.run()
    assert [record.verdict for record in rig.commands(count) if type(record) is NewOrder] == [LATE]


def test_a_replace_and_both_orders_of_a_list_have_one(rig: Rig) -> None:
    assert rig.ask(order(1, "open", time_ns=rig.now)) == Code.OK
    for number, (ns, verdict) in enumerate(((-1, LATE), (SECOND_NS, Code.OK))):
        records = replace(1, f"r{number}", "open", 99, 5, flags=OrderFlag.TERMS)
        extension = structs.replace(terms(rig.now + ns), time_ns=rig.now)
        assert rig.ask(extension, *records) == verdict
    for number, (ns, other, verdict) in enumerate(
        ((-1, SECOND_NS, LATE), (SECOND_NS, -1, LATE), (SECOND_NS, SECOND_NS, Code.OK))
    ):
        first = order(1, f"f{number}", flags=OrderFlag.TERMS | OrderFlag.LIST, time_ns=rig.now)
        second = order(1, f"s{number}", time_ns=rig.now)
        fields = {name: getattr(second, name) for name in ExtLeg.__struct_fields__ if hasattr(second, name)}
        leg = ExtLeg(**{**fields, "list_kind": ListKind.OTO, "flags": OrderFlag.TERMS, "type": 0})
        assert rig.ask(terms(rig.now + other), leg, terms(rig.now + ns), first) == verdict
