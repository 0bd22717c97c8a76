"""Operators' commands: what they do, who may give them, what the venue reports, what outlives a restart."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import asdict

from lockstep.core.operations.directory import DEFAULT_MAX_OPEN_ORDERS, Directory
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    AccountLimits,
    Activate,
    Adjustment,
    Balance,
    Code,
    CommandType,
    Confirmed,
    Instrument,
    KillSwitch,
    MassCancel,
    NewOrder,
    Phase,
    PhaseChange,
    PhaseChanged,
    PositionLimit,
    Rejected,
    Schedule,
    Tick,
    Traded,
    Withdrawal,
)
from lockstep.core.schema.records import OrderFlag as Flag
from lockstep.shm.board import Word
from tests.router.requests import cancel, order, replace
from tests.router.rig import FREE, NOW, OPERATORS, Rig
from tests.router.test_refusals import SECOND, account_limits, by, instrument, own, with_terms

SECOND_NS = 10**9
DAY_S = 86_400
MATCHER_DUE = 32


def balances(rig: Rig) -> dict[tuple[int, int], tuple[int, int]]:
    found = {}
    for account in range(5):
        for asset in (1, 2, 3):
            found[account, asset] = rig.core.ledger.balance(account, asset) or (0, 0)
    return found


def told(rig: Rig, kind: type[Any]) -> Any:
    return next(event for event in reversed(rig.outcomes(0)) if isinstance(event, kind))


def test_a_withdrawal_takes_free_money_once() -> None:
    rig = Rig().lead()
    assert rig.ask(Withdrawal(**own(), asset=1, amount=40)) == Code.OK
    confirmed, balance = rig.outcomes(0)[-2:]
    assert isinstance(confirmed, Confirmed)
    assert (confirmed.command, confirmed.amount, confirmed.cl_ord_id) == (CommandType.WITHDRAWAL, 40, b"X")
    assert isinstance(balance, Balance)
    assert (balance.account, balance.asset, balance.free) == (1, 1, FREE - 40)
    assert rig.ask(Withdrawal(**own(), asset=1, amount=40)) == Code.DUPLICATE_CLIENT_ID
    rig.core.ledger.check()


def test_an_adjustment_takes_two_operators() -> None:
    rig = Rig().lead()
    assert rig.ask(Adjustment(**by(), asset=1, target=3, amount=-7)) == Code.OK
    proposal = len(rig.log)
    assert told(rig, Confirmed).proposal == proposal
    assert rig.core.ledger.balance(3, 1) == (FREE, 0)
    again = Rig(rig.log).lead()  # a proposal outlives its router
    assert again.ask(Adjustment(**by(key=b"Y"), asset=0, target=0, amount=0, proposal=proposal)) == Code.SAME_OPERATOR
    assert again.ask(Adjustment(**by(SECOND), asset=0, target=0, amount=0, proposal=proposal)) == Code.OK
    assert again.core.ledger.balance(3, 1) == (FREE - 7, 0)
    event = told(again, Confirmed)
    assert (event.target, event.asset, event.amount, event.proposal) == (3, 1, -7, proposal)
    last: dict[str, Any] = {"asset": 0, "target": 0, "amount": 0, "proposal": proposal}
    assert again.ask(Adjustment(**by(SECOND, b"Z"), **last)) == Code.UNKNOWN_PROPOSAL
    again.core.ledger.check()


def test_the_oldest_of_too_many_proposals_lapses() -> None:
    """Those of another operator stay."""
    rig = Rig().lead()
    assert rig.ask(Adjustment(**by(SECOND, b"other"), asset=1, target=1, amount=1)) == Code.OK
    others, first = len(rig.log), len(rig.log) + 1
    for number in range(65):
        rig.send(Adjustment(**by(key=b"P%d" % number), asset=1, target=1, amount=1))
    rig.run()
    approval: dict[str, Any] = {"asset": 0, "target": 0, "amount": 0}
    assert rig.ask(Adjustment(**by(SECOND, b"A"), **approval, proposal=first)) == Code.UNKNOWN_PROPOSAL
    assert rig.ask(Adjustment(**by(SECOND, b"B"), **approval, proposal=first + 1)) == Code.OK
    assert rig.ask(Adjustment(**by(key=b"C"), **approval, proposal=others)) == Code.OK


@pytest.mark.parametrize("scope", [1, 2])
def test_a_kill_switch_lets_cancels_through_and_outlives_a_restart(scope: int) -> None:
    rig = Rig().lead()
    rig.ask(order(1, "O"))
    assert rig.ask(KillSwitch(**own(), target=1, scope=scope, is_on=1)) == Code.OK
    event = told(rig, Confirmed)
    assert (event.command, event.target, event.is_on) == (CommandType.KILL_SWITCH, 1, 1)
    again = Rig(rig.log).lead()
    assert again.core.is_blocked(1)
    assert again.ask(order(1, "N")) == Code.KILL_SWITCH
    assert again.ask(*replace(1, "R", "O", 100, 6)) == Code.KILL_SWITCH
    assert again.ask(*cancel(1, "C", "O")) == Code.OK
    assert again.ask(KillSwitch(**by(), target=1, scope=scope, is_on=0)) == Code.OK
    assert again.ask(order(1, "N2")) == Code.OK


def test_an_account_may_cancel_all_of_its_own_an_operator_anybodys() -> None:
    rig = Rig().lead()
    for account in (1, 2):
        for side in (1, 2):
            rig.ask(order(account, f"O{side}", side=side, price_ticks=90 + 20 * (side == 2)))
    assert rig.ask(MassCancel(**own(), instrument=0, target=1, side=2, msg_seq_num=9)) == Code.OK
    assert (rig.core.ledger.orders.count, rig.core.session_in(1)) == (3, 9)
    event = told(rig, Confirmed)
    assert (event.target, event.side, event.msg_seq_num) == (1, 2, 9)
    assert rig.ask(MassCancel(**by(), instrument=1, target=0)) == Code.OK
    assert rig.core.ledger.orders.count == 0
    rig.core.ledger.check()


def test_orders_are_counted_in_windows_of_the_logs_clock() -> None:
    rig = Rig().lead()
    rig.ask(account_limits(max_orders=3, window_ms=1000))
    verdicts = [rig.ask(order(1, f"A{number}")) for number in range(4)]
    assert verdicts == [0, 0, 0, Code.ORDER_RATE]
    assert rig.ask(*cancel(1, "C", "A0")) == Code.OK
    rig.now += SECOND_NS
    assert rig.ask(*replace(1, "R", "A1", 100, 4)) == Code.OK
    assert [rig.ask(order(1, f"B{number}")) for number in range(3)] == [0, 0, Code.ORDER_RATE]


def test_open_orders_are_counted_until_they_end() -> None:
    rig = Rig().lead()
    rig.ask(order(1, "before"))
    rig.ask(account_limits(max_open_orders=2))
    assert rig.ask(order(1, "A")) == Code.OK
    assert rig.ask(order(1, "B")) == Code.TOO_MANY_OPEN_ORDERS
    assert rig.ask(*replace(1, "R", "A", 100, 4)) == Code.OK
    rig.ask(order(2, "S", side=2))
    assert rig.ask(order(1, "C")) == Code.OK


def fill_up(rig: Rig) -> None:
    """So many orders of account 1 rest as it may have open by default: O000000 and so on, all to sell, at one price."""
    record = pack(order(1, "O000000", side=2, price_ticks=104, quantity_lots=1))
    before, after = record.split(b"O000000")
    for number in range(DEFAULT_MAX_OPEN_ORDERS):
        rig.gateways[0].put(before + b"O%06d" % number + after)
        if number % 4000 == 3999:
            rig.run()
    rig.run()
    assert rig.core.ledger.orders.count == DEFAULT_MAX_OPEN_ORDERS


def test_open_orders_are_limited_by_default_until_an_operator_lifts_it() -> None:
    rig = Rig().lead()
    fill_up(rig)
    assert rig.core.account_limits(1)["max_open_orders"] == Directory().account_limits_of(1)["max_open_orders"]
    assert rig.ask(order(1, "B")) == Code.TOO_MANY_OPEN_ORDERS
    assert rig.ask(*cancel(1, "C", "O000000")) == Code.OK
    assert rig.ask(order(1, "D")) == Code.OK
    assert rig.ask(order(1, "too many")) == Code.TOO_MANY_OPEN_ORDERS
    assert rig.ask(order(2, "a fill", side=2, price_ticks=100)) == Code.OK
    assert rig.ask(order(1, "E")) == Code.OK
    assert rig.ask(order(1, "F")) == Code.TOO_MANY_OPEN_ORDERS
    assert rig.ask(account_limits(max_open_orders=0)) == Code.OK
    again = Rig(rig.log).lead()
    assert again.core.account_limits(1)["max_open_orders"] == 0
    assert again.ask(order(1, "G")) == Code.OK


def test_a_position_limit_counts_what_is_owned_and_what_is_to_come() -> None:
    rig = Rig().lead()
    rig.ask(order(1, "before", quantity_lots=2))
    limit = PositionLimit(**by(), target=1, asset=1, max_units=FREE + 10 * 11)
    assert rig.ask(limit) == Code.OK
    assert rig.core.ledger.positions.incoming() == {(1, 1): 22}
    assert rig.ask(order(1, "A", quantity_lots=8)) == Code.OK
    assert rig.ask(order(1, "B", quantity_lots=1)) == Code.POSITION_LIMIT
    assert rig.ask(order(1, "sell", side=2, quantity_lots=8, price_ticks=200)) == Code.OK
    assert rig.ask(*replace(1, "R", "A", 100, 9)) == Code.POSITION_LIMIT
    assert rig.ask(*replace(1, "R2", "A", 100, 7)) == Code.OK
    rig.ask(order(2, "S", side=2, quantity_lots=9))
    assert rig.core.ledger.positions.incoming() == {(1, 1): 0}
    assert rig.ask(order(1, "C", quantity_lots=2)) == Code.POSITION_LIMIT
    assert rig.core.position_limit(1, 1) == FREE + 110
    assert rig.ask(PositionLimit(**by(key=b"off"), target=1, asset=1, max_units=0)) == Code.OK
    assert rig.ask(order(1, "D", quantity_lots=2)) == Code.OK
    rig.core.ledger.check()


def test_a_counted_order_costs_both_terms_while_a_replace_is_in_flight() -> None:
    """LOG-11: so it is for orders that a position limit counts, which are added up in another way."""
    rig = Rig().lead()
    assert rig.ask(PositionLimit(**by(), target=1, asset=1, max_units=FREE + 1000)) == Code.OK
    rig.send(order(1, "B", instrument=3, price_ticks=100, quantity_lots=10))
    rig.send(*replace(1, "R", "B", 50, 20, 3))
    rig.router.step(rig.now)
    assert rig.core.ledger.balance(1, 2) == (FREE - 2000, 2000)
    assert rig.core.ledger.positions.incoming() == {(1, 1): 20}
    rig.run()
    assert rig.core.ledger.balance(1, 2) == (FREE - 1000, 1000)


def plan(rig: Rig, *entries: tuple[int, int]) -> None:
    """A daily schedule: each phase, this many seconds from now."""
    second = rig.now // SECOND_NS % DAY_S
    for number, (ahead, phase) in enumerate(entries, 1):
        record = Schedule(
            **by(key=b"S%d:%d" % (rig.now, number)), instrument=1, entry=number, entries=len(entries),
            time_of_day_s=(second + ahead) % DAY_S, phase=phase, days=127,
        )  # fmt: skip
        assert rig.ask(Schedule(**(asdict(record) | {"time_ns": rig.now}))) == Code.OK


def phases(rig: Rig) -> list[int]:
    return [record.phase for record in rig.commands() if isinstance(record, PhaseChange)]


def test_a_schedule_changes_phases_at_its_moments_every_day() -> None:
    rig = Rig().lead()
    plan(rig, (2, Phase.OPENING_AUCTION), (4, Phase.CONTINUOUS))
    assert len(rig.core.schedule(1)) == 2
    rig.now += SECOND_NS
    rig.run()
    assert phases(rig) == []
    rig.now += SECOND_NS
    rig.run()
    assert phases(rig) == [Phase.OPENING_AUCTION]
    record = next(record for record in rig.commands() if isinstance(record, PhaseChange))
    assert (record.account, record.ingress, record.entry) == (0, 0, 1)
    assert record.time_ns // SECOND_NS == NOW // SECOND_NS + 2
    for _ in range(3):
        rig.now += SECOND_NS
        rig.run()
    assert phases(rig) == [Phase.OPENING_AUCTION, Phase.CONTINUOUS]
    rig.now += DAY_S * SECOND_NS - 3 * SECOND_NS
    rig.run()
    assert phases(rig)[2:] == [Phase.OPENING_AUCTION]
    changed = [event for event in rig.outcomes(1) if isinstance(event, PhaseChanged)]
    assert [event.phase for event in changed] == phases(rig)
    assert Rig(rig.log).lead().log[: len(rig.log)] == rig.log


def test_of_what_a_schedule_missed_only_the_latest_is_made_up() -> None:
    rig = Rig().lead()
    plan(rig, (2, Phase.OPENING_AUCTION), (4, Phase.CONTINUOUS), (6, Phase.CLOSED), (100, Phase.PRE_OPEN))
    again = Rig(rig.log)
    again.now = rig.now + 10 * SECOND_NS
    again.lead()
    again.run()
    assert phases(again) == [Phase.CLOSED]
    assert [record[4] for record in again.log[len(rig.log) :]] == [CommandType.EPOCH, CommandType.PHASE]
    again.now += 90 * SECOND_NS
    again.run()
    assert phases(again) == [Phase.CLOSED, Phase.PRE_OPEN]


def test_a_schedule_is_for_its_days_and_ends_when_it_is_taken_off() -> None:
    rig = Rig().lead()
    weekday = (NOW // SECOND_NS // DAY_S + 3) % 7
    second = rig.now // SECOND_NS % DAY_S
    entry: dict[str, Any] = {"instrument": 1, "entries": 1, "time_of_day_s": second + 1, "phase": 7}
    rig.ask(Schedule(**by(key=b"A"), entry=1, days=1 << (weekday + 2) % 7, **entry))
    for _ in range(2):
        rig.now += DAY_S * SECOND_NS
        rig.run()
    assert phases(rig) == []
    rig.now += 2 * SECOND_NS
    rig.run()
    assert phases(rig) == [Phase.HALT]
    off = Schedule(
        **(by(key=b"B") | {"time_ns": rig.now}), instrument=1, entry=0, entries=0, time_of_day_s=0, phase=0, days=0
    )
    assert rig.ask(off) == Code.OK
    rig.now += 8 * DAY_S * SECOND_NS
    rig.run()
    assert phases(rig) == [Phase.HALT]


def test_a_tick_is_written_when_a_matcher_waits_for_it_and_not_before() -> None:
    """LOG-4: log time only moves forward."""
    rig = Rig().lead()
    rig.ask(*with_terms(order(1, "X", time_in_force=6), expire_ns=rig.now + 5 * SECOND_NS))
    assert rig.board.get(MATCHER_DUE) != 0
    rig.tick()
    count = len(rig.log)
    rig.now += 4 * SECOND_NS
    rig.run()
    assert len(rig.log) == count
    assert rig.core.ledger.orders.count == 1
    rig.now += SECOND_NS
    rig.run()
    ticks = [record for record in rig.commands()[count:] if isinstance(record, Tick)]
    assert len(ticks) == 1
    assert rig.core.ledger.orders.count == 0


def test_an_instrument_that_is_delisted_is_for_ever() -> None:
    rig = Rig().lead()
    rig.ask(order(1, "O"))
    plan(rig, (2, Phase.CONTINUOUS))
    assert rig.ask(PhaseChange(**by(), instrument=1, phase=Phase.DELISTED)) == Code.OK
    assert rig.core.is_delisted(1)
    assert rig.core.ledger.orders.count == 0
    rig.now += 10 * SECOND_NS
    rig.run()
    assert phases(rig) == [Phase.DELISTED]
    assert Rig(rig.log).lead().core.is_delisted(1)


def test_an_instrument_is_listed_while_the_venue_runs_and_its_fees_change() -> None:
    rig = Rig().lead()
    assert rig.ask(instrument(symbol=b"I4", instrument=4, matcher=2)) == Code.OK
    assert rig.ask(order(1, "X", instrument=4)) == Code.OK
    assert rig.ask(instrument(taker_fee_ppm=9)) == Code.OK
    rig.ask(order(1, "Y"))
    assert next(record for record in reversed(rig.commands()) if isinstance(record, NewOrder)).taker_fee_ppm == 9


def test_an_instrument_moves_only_where_a_command_has_halted_it() -> None:
    rig = Rig().lead()
    assert rig.ask(instrument(matcher=2)) == Code.INVALID_DEFINITION
    assert rig.core.instrument(1)["matcher"] == 1
    rig.ask(order(1, "S", side=2, quantity_lots=9))
    rig.ask(order(2, "B", quantity_lots=2))
    rig.ask(PhaseChange(**by(key=b"H"), instrument=1, phase=Phase.HALT))
    assert rig.ask(instrument(matcher=2)) == Code.OK
    rig.ask(PhaseChange(**by(key=b"G"), instrument=1, phase=Phase.CONTINUOUS))
    rig.ask(order(2, "B2", quantity_lots=3))
    trades = [[event for event in rig.outcomes(ring) if isinstance(event, Traded)] for ring in (1, 2)]
    assert [[event.quantity_lots for event in found] for found in trades] == [[2], [3]]
    assert rig.core.instrument(1)["matcher"] == 2
    again = Rig(rig.log, seed=3, events=4).lead()
    assert again.log[: len(rig.log)] == rig.log
    assert again.core.instrument(1)["matcher"] == 2
    again.core.ledger.check()


def test_all_of_an_instrument_is_settled_before_it_moves() -> None:
    """Its next events come by another ring, which may be drained first: the move waits, with all behind it."""
    rig = Rig().lead()
    rig.ask(order(1, "S", side=2, quantity_lots=9))
    rig.send(order(2, "B", quantity_lots=2))
    rig.send(PhaseChange(**by(key=b"H"), instrument=1, phase=Phase.HALT))
    rig.router.step(rig.now)
    rig.send(instrument(matcher=2))
    for number in range(3):
        rig.send(order(3, f"waits{number}", instrument=2, price_ticks=1))
        rig.router.step(rig.now)
        assert rig.core.instrument(1)["matcher"] == 1
    rig.run()
    assert rig.core.instrument(1)["matcher"] == 2
    types = [record[4] for record in rig.log]
    moved = len(types) - 1 - types[::-1].index(CommandType.INSTRUMENT)
    assert CommandType.MARKER in types[types.index(CommandType.PHASE) : moved]
    assert types[moved - 1] == CommandType.MARKER
    assert types[moved + 1 :].count(CommandType.NEW_ORDER) == 2  # the first came by a ring that was read before


def test_every_record_names_the_ring_that_brought_it() -> None:
    rig = Rig().lead()
    rig.send(order(1, "A"))
    rig.send(order(2, "B"), gateway=1)
    rig.send(PhaseChange(**by(), instrument=1, phase=Phase.CONTINUOUS))
    rig.run()
    rings = {type(record): record.ingress for record in rig.commands() if not isinstance(record, NewOrder)}
    assert rings[PhaseChange] == 9
    assert {record.account: record.ingress for record in rig.commands() if isinstance(record, NewOrder)} == {1: 1, 2: 2}
    assert rings[Instrument] == 0


def test_what_only_the_router_writes_ends_it() -> None:
    rig = Rig().lead()
    with pytest.raises(RuntimeError, match="ring 1 has a record of type 23"):
        rig.ask(Activate(account=1, time_ns=NOW, order_id=1, instrument=1))


def test_settings_are_what_was_given_last_and_zero_before() -> None:
    rig = Rig().lead()
    assert rig.core.account_limits(1)["max_orders"] == 0
    rig.ask(AccountLimits(**(asdict(account_limits(max_orders=3, window_ms=5)) | by())))
    again = Rig(rig.log).lead()
    assert again.core.account_limits(1)["max_orders"] == 3
    assert again.core.is_operator(OPERATORS[0])
    assert not again.core.is_operator(1)
    assert again.core.fee_tier(1) is None
    assert again.core.limits(1)["max_value"] == 0


def test_budget_orders_are_not_replaced() -> None:
    rig = Rig().lead()
    rig.send(order(1, "B", ord_type=1, price_ticks=0, flags=Flag.BUDGET, quantity_lots=700))
    rig.send(*replace(1, "R", "B", 100, 5))
    rig.run()
    (refused,) = [event for event in rig.outcomes(0) if isinstance(event, Rejected)]
    assert refused.code == Code.BUDGET_NOT_ALLOWED
    assert rig.board.get(Word.ROUTER_DONE) == len(rig.log)
