"""Lists of two orders, terms and collars: what is held for them, when, and what the router stamps."""

from __future__ import annotations

from typing import Any

import pytest

from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import (
    AccountLimits,
    Activate,
    Cancelled,
    CancelReason,
    Code,
    CommandType,
    ExtLeg,
    ExtListNameEvent,
    FeeTier,
    KillSwitch,
    MassCancel,
    NewOrder,
    PhaseChange,
    Replace,
    Shown,
    Triggered,
)
from lockstep.core.schema.records import OrderFlag as Flag
from tests.compiled import closed_of
from tests.models.journal import stamp
from tests.router.requests import cancel, order, replace
from tests.router.rig import FREE, NOW, Rig
from tests.router.test_refusals import by, listed, named, terms, with_terms

UNIT_VALUE, LOT_UNITS = 7, 11


def balance(rig: Rig, account: int, asset: int) -> tuple[int, int]:
    return rig.core.ledger.balance(account, asset) or (0, 0)


def stop(account: int, text: str, **values: int) -> NewOrder:
    return order(account, text, ord_type=3, price_ticks=0, **values)


def last(rig: Rig, kind: type[Any]) -> Any:
    return next(record for record in reversed(rig.commands()) if isinstance(record, kind))


def oto(rig: Rig, **of_second: int) -> None:
    """Account 1 buys 5, then sells them dearer."""
    second = order(1, "then", side=2, **({"price_ticks": 120} | of_second))
    assert rig.ask(*listed(order(1, "first"), second)) == Code.OK


def test_two_that_exclude_each_other_hold_the_greater_of_both() -> None:
    rig = Rig().lead()
    request = listed(order(1, "low", price_ticks=90), stop(1, "high"), 1, stop_price_ticks=110)
    assert rig.ask(*request) == Code.OK
    collar = 110 * 105 // 100
    assert last(rig, ExtLeg).price_ticks == collar
    assert balance(rig, 1, 3) == (FREE - collar * 5 * UNIT_VALUE, collar * 5 * UNIT_VALUE)
    rig.core.ledger.check()
    rig.send(*cancel(1, "C", "high"))
    rig.run()
    assert rig.core.ledger.orders.count == 0
    assert balance(rig, 1, 3) == (FREE, 0)


def test_when_one_of_two_trades_the_others_hold_is_given_back_first() -> None:
    """With what both cost separately the account would be short."""
    rig = Rig().lead()
    rig.ask(*listed(order(1, "high", side=2, price_ticks=105), stop(1, "low", side=2), 1, stop_price_ticks=95))
    assert balance(rig, 1, 1) == (FREE - 55, 55)
    rig.ask(order(2, "B", price_ticks=105, quantity_lots=2))
    assert balance(rig, 1, 1) == (FREE - 55, 33)
    assert rig.core.ledger.orders.count == 1
    rig.core.ledger.check()


def test_what_waits_for_a_fill_holds_nothing_until_it_is_activated() -> None:
    rig = Rig().lead()
    oto(rig)
    assert balance(rig, 1, 1) == (FREE, 0)
    rig.ask(order(2, "S", side=2, quantity_lots=3))
    assert balance(rig, 1, 1)[1] == 0
    rig.ask(order(2, "S2", side=2, quantity_lots=2))
    assert rig.log[-1][4] == CommandType.ACTIVATE
    assert last(rig, Activate).verdict == Code.OK
    assert balance(rig, 1, 1)[1] == 5 * LOT_UNITS
    assert isinstance(rig.outcomes(1)[-1], Triggered)
    rig.core.ledger.check()
    rig.ask(*replace(1, "R", "then", 119, 5))
    assert last(rig, Replace).verdict == Code.OK


@pytest.mark.parametrize(
    ("code", "command"),
    [
        (Code.KILL_SWITCH, KillSwitch(**by(key=b"K"), target=1, scope=1, is_on=1)),
        (Code.INSUFFICIENT_BALANCE, None),
    ],
)
def test_an_activation_that_can_not_be_is_cancelled_by_its_matcher(code: Code, command: KillSwitch | None) -> None:
    rig = Rig().lead()
    oto(rig, quantity_lots=1_000_000)
    if command is not None:
        rig.ask(command)
    rig.ask(order(2, "S", side=2))
    assert last(rig, Activate).verdict == code
    ended = rig.outcomes(1)[-1]
    assert isinstance(ended, Cancelled)
    assert ended.reason == CancelReason.NO_FUNDS
    assert rig.core.ledger.orders.count == 0
    rig.core.ledger.check()


def test_a_fill_that_is_settled_just_before_a_death_is_followed_by_its_activation_after_it() -> None:
    """The log ends with the marker: what is due is state, and the next router does it."""
    first = Rig().lead()
    oto(first)
    first.ask(order(2, "S", side=2))
    assert [record[4] for record in first.log[-2:]] == [CommandType.MARKER, CommandType.ACTIVATE]
    again = Rig(first.log[:-1]).lead()
    again.run()
    activated = unpack_command(again.log[-1])
    assert isinstance(activated, Activate)
    assert activated.order_id == last(first, Activate).order_id
    assert again.log[len(first.log) - 1][4] == CommandType.EPOCH
    assert balance(again, 1, 1) == balance(first, 1, 1)


def test_several_that_are_due_at_once_are_activated_by_order_id() -> None:
    rig = Rig().lead()
    for number in (3, 1, 2):
        second = order(1, f"T{number}", side=2, price_ticks=150)
        rig.send(*listed(order(1, f"F{number}", price_ticks=100 + number), second))
    rig.run()
    rig.ask(order(2, "S", side=2, quantity_lots=15))
    due = [record.order_id for record in rig.commands() if isinstance(record, Activate)]
    assert len(due) == 3
    assert due == sorted(due)


def test_a_leg_that_is_cancelled_while_it_is_due_is_not_activated() -> None:
    rig = Rig().lead()
    oto(rig)
    rig.send(order(2, "S", side=2), gateway=1)
    rig.send(*cancel(1, "C", "then"))
    rig.run()
    assert not any(isinstance(record, Activate) for record in rig.commands())
    assert rig.core.ledger.orders.count == 0
    rig.core.ledger.check()


def test_when_the_first_ends_unfilled_so_does_what_waits_for_it() -> None:
    rig = Rig().lead()
    oto(rig)
    rig.ask(MassCancel(**by(), instrument=0, target=1))
    assert rig.core.ledger.orders.count == 0
    assert balance(rig, 1, 3) == (FREE, 0)
    assert {b"first", b"then"} <= set(closed_of(rig.core.ledger.ids, 1))


def test_a_list_that_its_matcher_refuses_holds_nothing_and_closes_both_ids() -> None:
    rig = Rig().lead()
    rig.ask(PhaseChange(**by(), instrument=1, phase=1))
    oto(rig)
    assert rig.core.ledger.orders.count == 0
    assert balance(rig, 1, 3) == (FREE, 0)
    assert closed_of(rig.core.ledger.ids, 1)[-2:] == [b"then", b"first"]
    rig.core.ledger.check()


def test_a_request_is_never_split_however_late_its_records_come() -> None:
    """The router takes extensions only together with the record that they belong to."""
    rig = Rig().lead()
    second = order(1, "b", ord_type=4, side=2, price_ticks=90)
    request = listed(order(1, "a"), second, stop_price_ticks=95)
    for number, record in enumerate(request):
        assert not any(known[4] >= CommandType.EXT_TERMS for known in rig.log)
        rig.send(record)
        rig.send(order(2, f"other{number}", price_ticks=1), gateway=1)
        rig.run()
        assert last(rig, NewOrder).account == 2 or number == len(request) - 1
    types = [record[4] for record in rig.log]
    place = types.index(CommandType.EXT_LEG)
    assert types[place - 1 : place + 2] == [CommandType.EXT_TERMS, CommandType.EXT_LEG, CommandType.NEW_ORDER]


@pytest.mark.parametrize("of_first", [{}, {"display_lots": 2}])
@pytest.mark.parametrize("of_second", [{}, {"display_lots": 3}])
def test_both_orders_of_a_list_are_told_with_its_name(of_first: dict[str, int], of_second: dict[str, int]) -> None:
    """Whatever extensions lie between the name, which comes first, and the order that has the verdict."""
    rig = Rig().lead()
    name, *others, main = named(b"n" * 36, order(1, "first"), order(1, "then", side=2, price_ticks=120), 2, **of_second)
    assert isinstance(main, NewOrder)
    assert rig.ask(name, *others, *(with_terms(main, **of_first) if of_first else [main])) == Code.OK
    told = [event for event in rig.outcomes(1) if event.cause == len(rig.log) and not isinstance(event, Shown)]
    kinds = ["ExtListNameEvent", "ExtTermsEvent", "Accepted"]
    assert [type(event).__name__ for event in told] == kinds * 2
    assert [event.name for event in told if isinstance(event, ExtListNameEvent)] == [b"n" * 36] * 2
    assert Rig(rig.log).lead().outcomes(1) == rig.outcomes(1)


def test_the_list_after_one_with_a_name_has_none() -> None:
    rig = Rig().lead()
    assert rig.ask(*named(b"mine", order(1, "a"), order(1, "b", side=2, price_ticks=120))) == Code.OK
    oto(rig)
    assert sum(isinstance(event, ExtListNameEvent) for event in rig.outcomes(1)) == 2


def test_more_extensions_than_a_request_can_have_are_nothing() -> None:
    rig = Rig().lead()
    assert rig.ask(*[terms() for _ in range(19)], *with_terms(order(1, "X"), display_lots=2)) == Code.OK
    assert rig.core.ledger.orders.count == 1


@pytest.mark.parametrize(
    ("side", "values", "price"),
    [
        (1, {"stop_price_ticks": 200}, 210),
        (2, {"stop_price_ticks": 50}, 48),
        (1, {"trail_ticks": 7}, 107 * 105 // 100),
        (2, {"trail_ticks": 7}, 89),
        (2, {"trail_ticks": 500}, 1),
    ],
)
def test_the_worst_price_of_a_stop_is_fixed_when_it_is_entered(side: int, values: dict[str, int], price: int) -> None:
    """LOG-11: a hold covers whatever may still happen."""
    rig = Rig().lead()
    kind = 5 if "trail_ticks" in values else 3
    assert rig.ask(*with_terms(order(1, "X", side=side, ord_type=kind, price_ticks=0), **values)) == Code.OK
    assert last(rig, NewOrder).price_ticks == price
    held = balance(rig, 1, 3 if side == 1 else 1)[1]
    assert held == (price * 5 * UNIT_VALUE if side == 1 else 5 * LOT_UNITS)


def test_a_replaced_stop_is_held_for_at_its_new_worst_price() -> None:
    rig = Rig().lead()
    rig.ask(*with_terms(stop(1, "X"), stop_price_ticks=110))
    rig.ask(terms(stop_price_ticks=200), *replace(1, "R", "X", 0, 4, flags=Flag.TERMS))
    assert last(rig, Replace).price_ticks == 210
    assert balance(rig, 1, 3)[1] == 210 * 4 * UNIT_VALUE
    rig.ask(*replace(1, "R2", "R", 0, 3))
    assert last(rig, Replace).price_ticks == 210
    assert balance(rig, 1, 3)[1] == 210 * 3 * UNIT_VALUE


def test_a_budget_buys_for_at_most_itself_and_sells_what_it_needs_at_the_worst_price() -> None:
    rig = Rig().lead()
    rig.ask(order(1, "S", side=2, price_ticks=99, quantity_lots=3))
    rig.send(order(2, "B", ord_type=1, price_ticks=0, flags=Flag.BUDGET, quantity_lots=1400))
    rig.router.step(rig.now)
    assert balance(rig, 2, 3) == (FREE - 1400, 1400)
    rig.run()
    assert balance(rig, 2, 3) == (FREE - 2 * 99 * UNIT_VALUE, 0)
    rig.send(order(2, "S2", side=2, ord_type=1, price_ticks=0, flags=Flag.BUDGET, quantity_lots=1400))
    rig.router.step(rig.now)
    worst = -(-99 * 95 // 100)
    assert balance(rig, 2, 1)[1] == -(-1400 // (worst * UNIT_VALUE)) * LOT_UNITS
    rig.run()
    rig.core.ledger.check()


def test_an_order_gets_its_accounts_self_trade_mode_and_its_tiers_fees() -> None:
    """LOG-2: what depends on anything outside the log is stamped."""
    rig = Rig().lead()
    rig.ask(order(1, "plain"))
    assert (last(rig, NewOrder).stp, last(rig, NewOrder).taker_fee_ppm) == (1, 2000)
    limits: dict[str, Any] = {"max_open_orders": 0, "max_orders": 0, "window_ms": 0, "self_trade_group": 0}
    rig.ask(AccountLimits(**by(), target=1, self_trade=3, fee_tier=2, **limits))
    rig.ask(order(1, "no such tier yet"))
    assert (last(rig, NewOrder).stp, last(rig, NewOrder).taker_fee_ppm) == (3, 2000)
    rig.ask(FeeTier(**by(key=b"T"), tier=2, maker_fee_ppm=10, taker_fee_ppm=20))
    rig.ask(order(1, "tier", stp=2))
    made = last(rig, NewOrder)
    assert (made.stp, made.maker_fee_ppm, made.taker_fee_ppm) == (2, 10, 20)


def test_replay_finds_a_leg_that_was_stamped_otherwise() -> None:
    """LOG-2: what depends on anything outside the log is stamped."""
    first = Rig().lead()
    first.ask(*listed(order(1, "low", price_ticks=90), stop(1, "high"), 1, stop_price_ticks=110))
    place = next(i for i, record in enumerate(first.log) if record[4] == CommandType.EXT_LEG)
    wrong = bytearray(first.log[place])
    wrong[96] ^= 1  # its price
    with pytest.raises(RuntimeError, match="stamps other values"):
        Rig([*first.log[:place], stamp(bytes(wrong)), *first.log[place + 1 :]]).run()


def test_the_records_of_now_are_later_than_the_orders_arrival() -> None:
    """GTD: later than the log's clock, which a gateway's clock does not decide."""
    rig = Rig().lead()
    now = rig.core.last_time_ns
    assert rig.ask(*with_terms(order(1, "late", time_in_force=6), expire_ns=now)) == Code.EXPIRE_TIME_PASSED
    assert rig.ask(*with_terms(order(1, "good", time_in_force=6), expire_ns=NOW + 10**12)) == Code.OK
