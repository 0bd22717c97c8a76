"""The router with real matchers: verdicts, settlement, replay, and that nothing depends on who was polled when."""

from __future__ import annotations

import random

import pytest

from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.schema.records import (
    Balance,
    Cancel,
    Code,
    Command,
    CommandType,
    Deposit,
    Epoch,
    EventType,
    ExtClientId,
    Marker,
    NewOrder,
    Rejected,
    Replace,
    Session,
    Settled,
    Traded,
)  # fmt: skip
from lockstep.procs.router.router import ReplayError
from lockstep.procs.router.sequencer import RULES
from lockstep.shm.board import Word
from tests.compiled import closed_of, session_in
from tests.models.journal import stamp
from tests.router.random_driver import Everything
from tests.router.requests import cancel, order, replace
from tests.router.rig import FREE, NOW, Rig, with_limits

HOUR_NS = 3_600_000_000_000


def verdicts(rig: Rig) -> list[int]:
    return [getattr(record, "verdict", 0) for record in rig.commands()]


def test_begins_to_lead_with_an_epoch_and_the_configurations_changes() -> None:
    rig = Rig().lead()
    records = rig.commands()
    assert records[0].type == CommandType.EPOCH
    assert records[0].epoch == rig.board.get(Word.EPOCH) == 1
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    assert rig.board.get(Word.READY_EVENT) == len(rig.events[0])
    assert rig.board.get(Word.ROUTER_DONE) == rig.board.get(Word.LOG_END) == len(records)
    assert all(data == stamp(data) for data in (*rig.log, *rig.events[0]))
    assert rig.core.ledger.balance(1, 1) == (FREE, 0)
    rig.core.ledger.check()


def test_a_router_that_leads_begins_an_epoch_where_it_is() -> None:
    """I9: the log says from where on commits wait for fewer nodes; a replay has it, and nothing else changes."""
    rig = Rig().lead()
    rig.send(order(1, "A", price_ticks=90))
    rig.run()
    before = len(rig.log)
    rig.router.own.members = lambda: 7
    rig.board.set(Word.EPOCH_WANTED, 2)
    rig.run()
    (begun,) = rig.commands(before)
    assert isinstance(begun, Epoch)
    assert (begun.epoch, begun.members) == (2, 7)
    assert rig.board.get(Word.EPOCH) == 2
    assert rig.board.get(Word.READY_EVENT) == len(rig.events[0])
    rig.send(order(1, "B", price_ticks=90))
    rig.run()
    assert [record.epoch for record in rig.commands(before + 1) if isinstance(record, NewOrder)] == [2]
    rig.core.ledger.check()


@pytest.mark.parametrize(("parity", "epochs"), [(-1, [1, 2]), (1, [1, 3]), (0, [2, 4])])
def test_two_nodes_begin_different_epochs(parity: int, epochs: list[int]) -> None:
    """I9: one leads in odd epochs, the other in even ones, so two histories never share one."""
    rig = Rig()
    rig.router.own.parity = parity
    rig.lead()
    rig.board.set(Word.EPOCH_WANTED, epochs[1])
    rig.run()
    assert [record.epoch for record in rig.commands(0) if isinstance(record, Epoch)] == epochs


def test_a_trade_pays_out_of_the_hold_and_gives_back_what_was_not_needed() -> None:
    rig = Rig().lead()
    rig.send(order(1, "S", side=2, price_ticks=90, quantity_lots=10))
    rig.send(order(2, "B", side=1, price_ticks=100, quantity_lots=10), gateway=1)
    rig.run()
    (trade,) = [event for event in rig.outcomes(1) if isinstance(event, Traded)]
    base, quote = 10 * 11, 90 * 10 * 7
    assert trade.taker_fee == base * 2000 // 10**6
    assert trade.maker_fee == quote * 1000 // 10**6
    assert rig.core.ledger.balance(2, 3) == (FREE - quote, 0)
    assert rig.core.ledger.balance(2, 1) == (FREE + base - trade.taker_fee, 0)
    assert rig.core.ledger.balance(1, 3) == (FREE + quote - trade.maker_fee, 0)
    assert rig.core.ledger.balance(0, 3) == (trade.maker_fee, 0)
    assert rig.log[-1][4] == CommandType.MARKER
    assert rig.board.get(Word.SETTLED) == 3
    assert rig.board.balance(2, 3) == (FREE - quote, 0)
    rig.core.ledger.check()


def refusals() -> list[tuple[Code, list[list[Command]]]]:
    return [
        (Code.DUPLICATE_CLIENT_ID, [[order(1, "X")], [order(1, "X")]]),
        (Code.UNKNOWN_ACCOUNT, [[order(9, "X")]]),
        (Code.UNKNOWN_INSTRUMENT, [[order(1, "X", instrument=9)]]),
        (Code.NO_REFERENCE_PRICE, [[order(1, "X", instrument=3, ord_type=1, price_ticks=0)]]),
        (Code.INSUFFICIENT_BALANCE, [[order(1, "X", quantity_lots=100_000)]]),
        (Code.NOTIONAL_OVERFLOW, [[order(1, "X", price_ticks=2**62)]]),
        (Code.TOO_OLD, [[order(1, "X", time_ns=NOW - 31 * 10**9)]]),
        (Code.UNKNOWN_ORDER, [cancel(1, "X", "none")]),
        (Code.UNKNOWN_ORDER, [replace(1, "X", "none", 1, 1)]),
        (Code.SYMBOL_MISMATCH, [[order(1, "O")], cancel(1, "X", "O", 2)]),
        (Code.SIDE_MISMATCH, [[order(1, "O")], cancel(1, "X", "O", side=2)]),
        (Code.INSUFFICIENT_BALANCE, [[order(1, "O")], replace(1, "X", "O", 100, 100_000)]),
        (
            Code.BALANCE_OVERFLOW,
            [[Deposit(account=1, session=5, asset=1, amount=2**63 - 1, cl_ord_id=b"X", time_ns=NOW)]],
        ),
        (Code.UNKNOWN_ACCOUNT, [[Session(account=9, session=9, next_msg_seq_num=1, up=1, reset=0, time_ns=NOW)]]),
    ]


@pytest.mark.parametrize(("code", "requests"), refusals(), ids=lambda value: getattr(value, "name", ""))
def test_a_refused_command_changes_nothing_but_its_record_and_its_id(code: Code, requests: list[list[Command]]) -> None:
    rig = Rig().lead()
    for request in requests[:-1]:
        rig.send(*request)
    rig.run()
    rig.tick()
    balances = [rig.core.ledger.balance(account, asset) for account in range(5) for asset in range(1, 4)]
    count, orders, moved = len(rig.log), rig.core.ledger.orders.count, len(rig.events[1]) + len(rig.events[2])
    rig.send(*requests[-1])
    rig.run()
    rig.tick()
    assert len(rig.log) == count + len(requests[-1])
    assert verdicts(rig)[-1] == code
    assert balances == [rig.core.ledger.balance(account, asset) for account in range(5) for asset in range(1, 4)]
    assert (orders, moved) == (rig.core.ledger.orders.count, len(rig.events[1]) + len(rig.events[2]))
    rejected = rig.outcomes(0)[-1]
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.cause) == (code, len(rig.log))
    if isinstance(requests[-1][-1], Cancel | Replace):
        assert rig.outcomes(0)[-2].type == EventType.EXT_CLIENT_ID
    if code not in (Code.UNKNOWN_ACCOUNT,):
        assert rig.core.ledger.ids.knows(1, b"X")
    rig.core.ledger.check()


def test_a_torn_extension_is_nothing() -> None:
    rig = Rig().lead()
    rig.send(order(1, "O"))
    rig.send(ExtClientId(account=1, time_ns=NOW, orig_cl_ord_id=b"none"), *cancel(1, "X", "O"))
    rig.run()
    assert rig.core.ledger.orders.count == 0
    assert rig.core.ledger.balance(1, 3) == (FREE, 0)


def test_replace_in_flight_holds_for_any_order_of_fills() -> None:
    """Ten filled at 100 before the replace to 20 at 50 arrives: more than the larger of both terms (LOG-11)."""
    rig = Rig().lead()
    rig.send(order(1, "B", instrument=3, price_ticks=100, quantity_lots=10))
    rig.send(*replace(1, "R", "B", 50, 20, 3))
    rig.router.step(rig.now)
    assert rig.core.ledger.balance(1, 2) == (FREE - 2000, 2000)
    rig.run()
    assert rig.core.ledger.balance(1, 2) == (FREE - 1000, 1000)
    rig.send(*cancel(1, "C", "B", 3))  # an earlier id of the chain still means the order
    rig.run()
    assert rig.core.ledger.balance(1, 2) == (FREE, 0)
    assert sorted(closed_of(rig.core.ledger.ids, 1)[-3:]) == [b"B", b"C", b"R"]


def test_balances_are_told_by_tick_when_only_holds_changed() -> None:
    rig = Rig().lead()
    rig.tick()
    rig.send(order(1, "B", msg_seq_num=7))
    rig.run()
    assert rig.log[-1][4] == CommandType.NEW_ORDER
    rig.tick()
    assert rig.log[-1][4] == CommandType.TICK
    told, settled = rig.outcomes(0)[-2:]
    assert isinstance(told, Balance)
    assert isinstance(settled, Settled)
    assert settled.cause == told.cause
    assert (told.account, told.asset, told.held, told.cause) == (1, 3, 100 * 5 * 7, len(rig.log))
    assert session_in(rig.board, 1) == 7


def driven(seed: int) -> Rig:
    """A venue that was asked everything, with rings so small that all of them fill; money is checked on the way."""
    rig = Rig(seed=seed, log=64, events=8, closed_ids=20, api=True, changes=with_limits).lead()
    driver = Everything(rig, random.Random(seed))
    for number in range(600):
        driver.step()
        if number % 100 == 0:
            rig.core.ledger.check()
    rig.run()
    rig.tick()
    rig.core.ledger.check()
    return rig


@pytest.mark.parametrize("seed", range(6))
def test_replay_gives_equal_log_events_and_state_however_it_is_polled(seed: int) -> None:
    """LOG-9, I6: a replay settles exactly what each marker says, and has the same state."""
    first = driven(seed)
    before = first.core.state_hash()
    assert sum(record[4] == CommandType.MARKER for record in first.log) > 10
    assert any(isinstance(event, Traded) for event in first.outcomes(2))
    assert len({record[4] for record in first.log}) >= len(CommandType) - 15
    reference = Rig(first.log, closed_ids=20).lead()
    for other in (None, seed + 100):
        again = Rig(first.log, seed=other, log=32 if other else 1024, events=4 if other else 1024, closed_ids=20)
        states = set()
        while again.core.last_seq < len(first.log) or len(again.log) < len(first.log):
            again.step()
            if again.core.last_seq == len(first.log):
                states.add(again.core.state_hash())
            assert not again.router.leads or again.core.last_seq >= len(first.log)
        assert states == {before}
        again.lead()
        assert again.log[: len(first.log)] == first.log
        for ring in (0, 1, 2):
            assert again.events[ring][: len(first.events[ring])] == first.events[ring]
        assert again.log[len(first.log)][4] == CommandType.EPOCH
        assert len(again.log) == len(first.log) + 1
        # The epochs' own times differ, and are not in the state.
        assert again.core.state_hash() == reference.core.state_hash()
        again.core.ledger.check()


def test_a_record_that_replay_would_decide_otherwise_is_refused_by_name() -> None:
    """LOG-1: what reaches the router is sequenced, with its verdict."""
    first = Rig().lead()
    first.send(order(1, "O"))
    first.run()
    place = next(i for i, record in enumerate(first.log) if record[4] == CommandType.NEW_ORDER)
    record = unpack_command(first.log[place])
    assert isinstance(record, NewOrder)
    fields = {name: getattr(record, name) for name in record.__struct_fields__} | {"verdict": Code.UNKNOWN_ORDER}
    journal = [*first.log[:place], stamp(pack(NewOrder(**fields))), *first.log[place + 1 :]]
    with pytest.raises(ReplayError, match=f"record {place + 1} .* UNKNOWN_ORDER, and replay decides OK"):
        Rig(journal).run()


def test_an_epoch_under_other_rules_is_refused() -> None:
    """LOG-23: an old log comes to what it came to."""
    first = Rig().lead()
    epoch = unpack_command(first.log[0])
    assert isinstance(epoch, Epoch)
    fields = {name: getattr(epoch, name) for name in epoch.__struct_fields__} | {"rules_version": RULES + 1}
    said = f"under rules version {RULES + 1}, after version 0; this code has versions 1 to {RULES}"
    with pytest.raises(ReplayError, match=said):
        Rig([stamp(pack(Epoch(**fields))), *first.log[1:]]).run()


def test_a_balance_that_a_replace_leaves_as_it_is_is_told_again() -> None:
    """It says nothing to anyone, but numbers of events outlive the code that gave them."""
    rig = Rig().lead()
    rig.send(order(1, "B"))
    rig.run()
    rig.tick()
    count = len(rig.events[0])
    rig.send(*replace(1, "R", "B", 100, 5))
    rig.run()
    rig.tick()
    told = [event for event in rig.outcomes(0)[count:] if isinstance(event, Balance)]
    assert [(balance.account, balance.asset, balance.held) for balance in told] == [(1, 3, 100 * 5 * 7)]


def test_log_time_moves_forward_whatever_the_clock_does() -> None:
    """LOG-4: records of one poll, a clock that stands still, and one that was set back before a start."""
    first = Rig().lead()
    for number in range(3):
        first.send(order(1, f"O{number}"))
    first.step(first.now)
    first.send(order(1, "late"))
    first.step(first.now)
    first.run()
    second = Rig(first.log)
    second.now = NOW - HOUR_NS
    second.lead()
    led_ns = second.commands()[-1].time_ns
    began_ns = second.now
    second.send(order(1, "in ten seconds", time_ns=second.now))
    second.step(began_ns + 10_000_000_000)
    second.run()
    times = [record.time_ns for record in second.commands()]
    assert len(times) > len(first.log) > 4
    assert times == sorted(set(times))
    assert 5_000_000_000 <= times[-1] - led_ns < 5_100_000_000  # half as fast as the clock, which so catches up
    assert HOUR_NS - 5_100_000_000 < second.board.get(Word.LOG_AHEAD_NS) < HOUR_NS - 4_900_000_000
    second.now = began_ns + 2 * HOUR_NS + 10**9
    second.send(order(1, "in two hours", time_ns=second.now))
    second.run()
    assert second.commands()[-1].time_ns - second.now < 10**9
    assert second.board.get(Word.LOG_AHEAD_NS) == 0


def test_a_log_without_its_markers_is_found_out() -> None:
    """LOG-7 switched off: what was settled at a marker is not there without it."""
    first = Rig().lead()
    for request in (
        order(1, "S", instrument=3, side=2, price_ticks=100, quantity_lots=10),
        order(2, "B", instrument=3, price_ticks=100, quantity_lots=10),
        order(1, "spends what it got", instrument=3, price_ticks=1, quantity_lots=FREE + 1000),
    ):
        first.send(request)
        first.run()
    assert first.core.ledger.balance(1, 2) == (0, FREE + 1000)
    place = next(i for i, record in enumerate(first.log) if record[4] == CommandType.MARKER)
    marker = unpack_command(first.log[place])
    assert isinstance(marker, Marker)
    fields = {name: getattr(marker, name) for name in marker.__struct_fields__} | {"event_numbers": (0,) * 8}
    journal = [*first.log[:place], stamp(pack(Marker(**fields))), *first.log[place + 1 :]]
    again = Rig(journal)
    with pytest.raises(ReplayError, match="INSUFFICIENT_BALANCE"):
        again.run()


def test_a_marker_owed_while_the_log_is_full_blocks_nobody() -> None:
    """LOG-8: events are freed at once, so the matcher can finish a mass cancel that overfills its ring."""
    rig = Rig(log=16, events=4).lead()
    for number in range(60):
        rig.send(order(1, f"S{number}", side=2, price_ticks=100, quantity_lots=1))
    rig.run()
    rig.send(order(2, "B", side=1, price_ticks=100, quantity_lots=60))
    for number in range(20):
        rig.send(order(3, f"C{number}", side=1, price_ticks=50, quantity_lots=1), gateway=1)
    rig.run()
    assert sum(isinstance(event, Traded) for event in rig.outcomes(1)) == 60
    assert rig.core.ledger.orders.count == 20
    rig.core.ledger.check()
