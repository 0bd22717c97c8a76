"""When a router settles: before it leads, and before it takes a command from a client that was shown a fill."""

from __future__ import annotations

from lockstep.core.schema.records import Code, CommandType, NewOrder
from tests.router.probe import watch
from tests.router.requests import order
from tests.router.rig import FREE, Rig

SPENT = FREE + 10  # of asset 2: more than account 2 has before it bought 10


def test_what_comes_in_while_events_are_drained_waits_for_the_next_poll() -> None:
    """LOG-7: a fill is published, shown and its proceeds spent between two steps of one poll of the router."""
    rig = Rig()
    watched = watch(rig.router, rig.settled_rings)
    rig.lead()
    rig.send(order(1, "S", instrument=3, side=2, price_ticks=1, quantity_lots=10))
    rig.run()
    rig.send(order(2, "B", instrument=3, price_ticks=1, quantity_lots=10))
    rig.router.step(rig.now)

    def trade_and_spend() -> None:
        watched.drained = None
        rig.matchers[0].step(rig.now)
        rig.send(order(2, "spends", instrument=3, side=2, price_ticks=1, quantity_lots=SPENT), gateway=1)

    watched.drained = trade_and_spend
    rig.run()
    assert watched.drained is None
    last = rig.commands()[-1]
    assert isinstance(last, NewOrder)
    assert (last.cl_ord_id, last.verdict) == (b"spends", Code.OK)
    assert rig.log[-2][4] == CommandType.MARKER


def test_no_command_is_sequenced_while_a_marker_is_owed() -> None:
    """LOG-8: there is room for a command's events, and none for the marker's; the command waits."""
    rig = Rig().lead()
    rig.send(order(1, "S", instrument=3, side=2, price_ticks=1, quantity_lots=10))
    rig.run()
    for number in range(40):  # refused, with an event each, of which none is taken out of the ring
        rig.send(order(3, f"too much {number}", quantity_lots=FREE))
    rig.send(order(2, "B", instrument=3, price_ticks=1, quantity_lots=10))
    rig.router.step(rig.now)
    rig.matchers[0].step(rig.now)
    rig.send(order(2, "spends", instrument=3, side=2, price_ticks=1, quantity_lots=SPENT))
    end = rig.core.last_seq
    rig.router.step(rig.now)
    assert rig.core.ledger.balance(2, 1) == (SPENT, 0)  # settled, and in no marker yet
    assert rig.core.last_seq == end
    rig.run()
    assert [record[4] for record in rig.log[-2:]] == [CommandType.MARKER, CommandType.NEW_ORDER]
    again = Rig(rig.log).lead()
    assert again.core.ledger.balance(2, 1) == rig.core.ledger.balance(2, 1) == (0, SPENT)


def test_a_router_leads_once_all_that_came_of_the_journal_is_settled() -> None:
    """LOG-7: the journal ends with an order that trades; its fill is settled before anything is written behind it."""
    first = Rig().lead()
    first.send(order(1, "S", instrument=3, side=2, price_ticks=1, quantity_lots=10))
    first.run()
    first.send(order(2, "B", instrument=3, price_ticks=1, quantity_lots=10))
    first.router.step(first.now)
    first.collect()
    again = Rig(first.log)
    for _ in range(20):
        again.router.step(again.now)
    assert not again.router.leads
    assert again.core.last_seq == len(first.log)
    again.lead()
    assert [record[4] for record in again.log[len(first.log) :][:2]] == [CommandType.MARKER, CommandType.EPOCH]
    assert again.core.ledger.balance(2, 1) == (SPENT, 0)
