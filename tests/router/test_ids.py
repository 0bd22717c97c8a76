"""Client order ids: what is a duplicate, when an id is forgotten, and that drain timing can't be seen in that."""

from __future__ import annotations

import random

import pytest
from msgspec import structs
from msgspec.structs import asdict

from lockstep.core.schema.records import Code, Command, CommandType, ExtTerms, NewOrder, Replace
from lockstep.core.schema.records import OrderFlag as Flag
from tests.compiled import closed_of
from tests.router.requests import cancel, order, replace
from tests.router.rig import FREE, Rig

SECOND_NS = 10**9


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
    assert closed_of(rig.core.ledger.ids, 1) == [b"C2", b"C3", b"C4", b"C5"]
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
    assert b"R" in closed_of(rig.core.ledger.ids, 1)
    rig.core.ledger.check()


def test_an_order_is_known_by_its_first_and_last_ids_however_often_it_is_replaced() -> None:
    """Memory by order is bounded; older ids are closed, and no duplicate is taken."""
    rig = Rig().lead()
    others = rig.core.ledger.ids.count - len(closed_of(rig.core.ledger.ids, 1))
    play(rig, [[order(1, "R0", price_ticks=50)]])
    most = 0
    for number in range(1, 31):
        play(rig, [replace(1, f"R{number}", f"R{number - 1}", 50 - number % 2, 5)])
        most = max(most, rig.core.ledger.ids.count - len(closed_of(rig.core.ledger.ids, 1)) - others)
    assert most == 8
    rig.core.ledger.check()
    assert rig.ask(*cancel(1, "C1", "R20")) == Code.UNKNOWN_ORDER
    assert rig.ask(order(1, "R3")) == Code.DUPLICATE_CLIENT_ID
    assert rig.ask(*cancel(1, "C2", "R0")) == Code.OK
    rig.run()
    assert set(closed_of(rig.core.ledger.ids, 1)) >= {b"R%d" % number for number in range(31)}
    again = Rig(rig.log).lead()
    assert closed_of(again.core.ledger.ids, 1) == closed_of(rig.core.ledger.ids, 1)


def test_a_replace_in_flight_leaves_the_id_that_the_order_has_if_it_is_refused() -> None:
    rig = Rig().lead()
    play(rig, [[order(1, "S", side=2, quantity_lots=10)], [order(2, "B", quantity_lots=5)]])
    for number in range(20):  # none has its outcome, which is a refusal, before the last has come
        rig.send(*replace(1, f"R{number}", "S", 100, 5))
    rig.run()
    rig.core.ledger.check()
    assert rig.ask(*cancel(1, "C", "S")) == Code.OK


def test_eviction_does_not_depend_on_which_ring_was_drained_first() -> None:
    """LOG-6: two matchers end orders of an account; whichever is heard first, the same ids are forgotten."""
    rig = Rig(closed_ids=2).lead()
    play(rig, [[order(1, "first", instrument=1, side=2)], [order(1, "second", instrument=2, side=2)]])
    for number in range(40):  # refused; their events leave no room for a marker's
        rig.send(order(3, f"too much {number}", quantity_lots=FREE))
    rig.send(order(2, "T1", instrument=1))
    rig.send(order(2, "T2", instrument=2))
    rig.router.step(rig.now)
    for matcher in (rig.matchers[1], rig.matchers[0]):  # drained one after the other, before one marker
        matcher.step(rig.now)
        rig.router.step(rig.now)
    rig.run()
    assert rig.log[-1][4] == CommandType.MARKER
    assert closed_of(rig.core.ledger.ids, 1) == [b"first", b"second"]
    for seed in range(5):
        again = Rig(rig.log, seed=seed, events=4, closed_ids=2).lead()
        assert closed_of(again.core.ledger.ids, 1) == [b"first", b"second"]
        again.core.ledger.check()


def resent(rig: Rig, text: str, transact_ns: int, flags: int = Flag.POSS_RESEND) -> int:
    """The verdict on an order that says when it was entered."""
    main = NewOrder(**(asdict(order(1, text, time_ns=rig.now)) | {"flags": flags | Flag.TERMS}))
    return rig.ask(ExtTerms(account=1, session=1, time_ns=rig.now, transact_ns=transact_ns), main)


def now(rig: Rig, request: list[Command]) -> list[Command]:
    """As sent at this moment."""
    return [structs.replace(record, time_ns=rig.now) for record in request]


def older(rig: Rig) -> list[bytes]:
    return [text for _, text in rig.core.ledger.ids.older_ids]


def test_closed_ids_are_kept_for_a_time_beyond_the_last_ones() -> None:
    rig = Rig(closed_ids=2, id_window_s=10, older_ids=3).lead()
    for number in range(6):
        play(rig, [cancel(1, f"C{number}", "none")])
    assert closed_of(rig.core.ledger.ids, 1) == [b"C4", b"C5"]
    assert older(rig) == [b"C1", b"C2", b"C3"]
    assert [rig.ask(*cancel(1, f"C{number}", "none")) for number in range(1, 6)] == [Code.DUPLICATE_CLIENT_ID] * 5
    rig.now += 10 * SECOND_NS
    play(rig, [now(rig, cancel(1, "C6", "none"))])
    assert older(rig) == [b"C3", b"C4"]  # two go for one that comes; these go next
    play(rig, [now(rig, cancel(1, "C7", "none"))])
    assert older(rig) == [b"C5"]
    play(rig, [now(rig, cancel(1, "C8", "none"))])
    assert older(rig) == [b"C6"]
    assert closed_of(rig.core.ledger.ids, 1) == [b"C7", b"C8"]
    rig.core.ledger.check()


def test_older_ids_are_of_all_accounts_together_and_the_last_ones_of_each() -> None:
    rig = Rig(closed_ids=2, id_window_s=10, older_ids=3).lead()
    for number in range(4):
        play(rig, [cancel(2, f"A{number}", "none")])
    for number in range(5):
        play(rig, [cancel(1, f"B{number}", "none")])
    assert rig.core.ledger.ids.older_ids == [(1, b"B0"), (1, b"B1"), (1, b"B2")]
    assert closed_of(rig.core.ledger.ids, 2) == [b"A2", b"A3"]
    rig.core.ledger.check()


def test_a_repetition_of_what_may_be_forgotten_is_refused() -> None:
    rig = Rig(closed_ids=4, id_window_s=10, older_ids=2).lead()
    assert rig.ask(order(1, "first", ord_type=1, price_ticks=0)) == Code.OK  # nothing to trade with: ends at once
    sent_ns = rig.now
    assert resent(rig, "unseen", sent_ns) == Code.OK
    for number in range(6):
        play(rig, [cancel(1, f"C{number}", "none")])
    assert not rig.core.ledger.ids.knows(1, b"first")
    assert resent(rig, "first", sent_ns) == Code.RESENT_TOO_LATE
    assert resent(rig, "first", sent_ns) == Code.DUPLICATE_CLIENT_ID  # a refused id is known too
    assert rig.ask(order(1, "says nothing", flags=Flag.POSS_RESEND)) == Code.RESENT_TOO_LATE
    assert resent(rig, "skewed", rig.now + 60 * SECOND_NS) == Code.RESENT_TOO_LATE
    assert resent(rig, "no clock's", rig.now + 200 * SECOND_NS) == Code.RESENT_TOO_LATE
    assert resent(rig, "another account's", 0, flags=0) == Code.OK
    rig.now += 200 * SECOND_NS
    assert resent(rig, "later", rig.now) == Code.OK
    assert rig.ask(order(1, "O", quantity_lots=3, time_ns=rig.now)) == Code.OK
    changed = now(rig, replace(1, "R", "O", 100, 2))
    main = changed[-1]
    assert isinstance(main, Replace)
    main = structs.replace(main, flags=main.flags | Flag.POSS_RESEND)
    assert rig.ask(*changed[:-1], main) == Code.RESENT_TOO_LATE
    again = Rig(rig.log, closed_ids=4).lead()  # the log's windows count, not the configured ones
    assert again.events[0][: len(rig.events[0])] == rig.events[0]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_remembered_is_what_an_obvious_model_remembers(seed: int) -> None:
    """Of two accounts, with the log's time going on; then from a replay the same."""
    draw = random.Random(seed)
    rig = Rig(closed_ids=4, id_window_s=5, older_ids=9).lead()
    deposits = [f"initial:{asset}" for asset in (1, 2, 3)]  # of the configuration
    last = {1: [*deposits], 2: [*deposits]}
    behind: list[tuple[int, str]] = []
    came = {(account, text): rig.core.last_time_ns for account in (1, 2) for text in deposits}
    for number in range(400):
        account, text = draw.choice((1, 1, 2)), f"C{draw.randint(max(0, number - 30), number)}"
        rig.now += draw.choice((0, 0, SECOND_NS // 3, SECOND_NS))
        known = text in last[account] or (account, text) in behind
        verdict = rig.ask(*now(rig, cancel(account, text, "none")))
        assert verdict == (Code.DUPLICATE_CLIENT_ID if known else Code.UNKNOWN_ORDER), number
        if known:
            continue
        came[account, text] = rig.core.last_time_ns
        last[account].append(text)
        if len(last[account]) > 4:
            behind.append((account, last[account].pop(0)))
            for _ in range(2):
                if behind and (len(behind) > 9 or came[behind[0]] + 5 * SECOND_NS <= rig.core.last_time_ns):
                    behind.pop(0)
        assert rig.core.ledger.ids.older_ids == [(each, said.encode()) for each, said in behind]
    rig.core.ledger.check()
    again = Rig(rig.log, closed_ids=4)
    while again.core.last_seq < len(rig.log):
        again.step()
    assert again.core.state_hash() == rig.core.state_hash()
